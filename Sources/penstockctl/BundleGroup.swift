// penstockctl bundle: make, sign further and inspect what boards download.
import ArgumentParser
import Bytes
import Compiler
import Foundation
import Cryptography
import Signed

struct BundleGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bundle", abstract: "Bundles: a release as boards download it.",
        subcommands: [BundleMake.self, BundleSign.self, BundleInspect.self, BundleEncrypt.self])
}

extension ReleaseBundle {
    var lines: [String] {
        let root = manifest.root
        return [
            "release    \(manifest.release) for \(manifest.board), hardware revisions \(manifest.hardwareRevisions.lowerBound) to \(manifest.hardwareRevisions.upperBound)",
            "index      \(manifest.rollbackIndex)",
            "root hash  \(root.root.hexadecimal)",
            "data       \(data.count) bytes, tree \(hashArea.count) bytes",
        ] + images.dropFirst().map { "and        \($0.component.kind.text), \($0.component.byteCount) bytes, root hash \($0.component.identity.root.hexadecimal)" } + [
            "signed by  \(object.signatures.map { hexadecimal($0.keyIdentifier) }.joined(separator: ", "))",
        ]
    }

    var fields: [(String, JSON)] {
        [
            ("release", .string(manifest.release)), ("board", .string(manifest.board)), ("rollbackIndex", .integer(manifest.rollbackIndex)),
            ("rootHash", .string(manifest.root.root.hexadecimal)), ("salt", .string(hexadecimal(manifest.root.salt))),
            ("dataBlocks", .integer(manifest.root.geometry.dataBlocks)), ("hashAreaBytes", .integer(hashArea.count)),
            ("components", .array(images.map { .object([
                ("kind", .string($0.component.kind.text)), ("bytes", .integer($0.component.byteCount)), ("rootHash", .string($0.component.identity.root.hexadecimal)),
            ]) })),
            ("manifestDigest", .string(SHA256.hash(object.unverifiedPayload).hexadecimal)),
            ("keyIdentifiers", .strings(object.signatures.map { hexadecimal($0.keyIdentifier) })),
        ]
    }
}

struct BundleMake: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "make", abstract: "Makes a signed bundle of a device binary, a calibration and a product's files.",
        discussion: """
            The root image (EROFS) holds /penstock, /calibration.cose, /trust and the product's files; its \
            Merkle root is what the manifest signs. The same input gives the same image.

              penstockctl bundle make --board Boards/qemu-x86_64 --device .build/device/x86_64/penstock \\
                --keyset keyset.cbor --calibration tank.cose --root product/ \\
                --release 1.4.0 --index 7 --key release-1.key --output 1.4.0.bundle
            """)

    @Option(help: "The board: a board.toml or its folder.")
    var board: String

    @OptionGroup var release: ReleaseOptions

    @Option(name: [.customShort("o"), .customLong("output")], help: "Where the bundle goes.")
    var destination: String

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let bundle = try release.make(BoardCompiler.compile(board))
        let encoded = try bundle.encoded()
        try writeFile(destination, encoded)
        return Report(["made \(destination) (\(encoded.count) bytes)"] + bundle.lines, [("output", .string(destination)), ("bytes", .integer(encoded.count))] + bundle.fields)
    }
}

struct BundleSign: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "sign", abstract: "Adds a signature to a bundle, so that a threshold is met by people who each hold one key.",
        discussion: "  penstockctl bundle sign 1.4.0.bundle --key release-2.key")

    @Argument(help: "The bundle, which is checked first and rewritten in place.")
    var bundle: String

    @Option(name: .customLong("key"), help: "A .key file, or the pkcs11: URI of a key in a token; repeat it to sign with several.")
    var keys: [String]

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        var made = try ReleaseBundle(decoding: readFile(bundle, maximum: 1 << 30), path: bundle)
        for key in keys { made = try made.signed(with: Signer(key)) }
        try writeFile(bundle, made.encoded())
        return Report(["signed \(bundle)"] + made.lines, [("output", .string(bundle))] + made.fields)
    }
}

struct BundleInspect: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Shows a bundle, every block of it checked against its manifest; with --keyset its signatures too.",
        discussion: """
              penstockctl bundle inspect 1.4.0.bundle --keyset keyset.cbor
              penstockctl bundle inspect 1.4.0.encrypted --fleet-key fleet.hex
            """)

    @Argument(help: "The bundle.")
    var bundle: String

    @OptionGroup var opening: OpeningOptions

    @Option(help: "The compiled key set that must have signed it.")
    var keyset: String?

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let made = try ReleaseBundle(decoding: readFile(bundle, maximum: 1 << 30), path: bundle, opening: opening.opening())
        var signers: [String]?
        if let keyset {
            let keys = try KeySetCompiler.read(keyset)
            do throws(SignedError) { signers = try made.object.signers(.manifest, keys) } catch { throw Refusal(error, path: bundle) }
        }
        return Report(
            ["\(bundle): every block is as the manifest says; " + (signers.map { "signed by \($0.joined(separator: ", "))" } ?? "signatures not looked at (give --keyset)")] + made.lines,
            made.fields + [("signers", signers.map { .strings($0) } ?? .null)])
    }
}

/// The key that opens an encrypted bundle here; on a board that is the TPM's work.
struct OpeningOptions: ParsableArguments {
    @Option(name: .customLong("decrypt-key"), help: "A P-256 .key file that the bundle is encrypted for.")
    var keyFile: String?

    @Option(name: .customLong("fleet-key"), help: "A file with the fleet's key: 32 bytes in hexadecimal.")
    var fleetFile: String?

    func opening() throws -> ReleaseBundle.Opening? {
        if let keyFile { return .keyFile(keyFile) }
        return try fleetFile.map { .fleet(try fleetKey($0)) }
    }
}

private func fleetKey(_ path: String) throws -> [UInt8] {
    let text = String(decoding: try readFile(path, maximum: 128), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    guard let key = Bytes.bytes(hexadecimal: text), key.count == 32 else {
        throw Failure(code: "fleet-key-malformed", text: "a fleet's key is 32 bytes in hexadecimal, as of 'openssl rand -hex 32'", path: path)
    }
    return key
}

struct BundleEncrypt: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "encrypt", abstract: "Encrypts a signed bundle for devices or for a fleet; its signatures stay as they are.",
        discussion: """
            Tree and data are encrypted block by block (AES-256-GCM) under a key of this bundle's own, which \
            is wrapped for each recipient. What stays readable: the manifest with its notes and root hashes, \
            the sizes, and how many recipients there are. A device's decryption key is in its TPM: \
            `penstockctl device provision` writes the public half.

              penstockctl bundle encrypt 1.4.0.bundle --for tank-7.decryption.pub --output 1.4.0.encrypted
              openssl rand -hex 32 > fleet.hex
              penstockctl bundle encrypt 1.4.0.bundle --fleet-key fleet.hex --output 1.4.0.encrypted
            """)

    @Argument(help: "The bundle, which is checked first.")
    var bundle: String

    @Option(name: .customLong("for"), help: "The public decryption key of a device; repeat it for several.")
    var devices: [String] = []

    @Option(name: .customLong("fleet-key"), help: "A file with a fleet's key: 32 bytes in hexadecimal; repeat it for several.")
    var fleets: [String] = []

    @Option(name: [.customShort("o"), .customLong("output")], help: "Where the encrypted bundle goes.")
    var destination: String

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let made = try ReleaseBundle(decoding: readFile(bundle, maximum: 1 << 30), path: bundle)
        var recipients: [ReleaseBundle.Recipient] = []
        for path in devices {
            let key = try KeyFiles.publicKey(path)
            guard key.algorithm == .es256 else { throw Failure(code: "recipient-unfit", text: "a device's decryption key is on P-256; Ed25519 only signs", path: path) }
            recipients.append(.device(key))
        }
        for path in fleets { recipients.append(.fleet(try fleetKey(path))) }
        guard !recipients.isEmpty else { throw ValidationError("Missing expected argument: give --for or --fleet-key") }
        let plain = try made.encoded().count
        let encoded = try made.encrypted(for: recipients).encoded()
        try writeFile(destination, encoded)
        return Report(
            ["made \(destination) (\(encoded.count) bytes, \(encoded.count - plain) more than in the clear), for \(recipients.count) recipients"],
            [("output", .string(destination)), ("bytes", .integer(encoded.count)), ("bytesInTheClear", .integer(plain)), ("recipients", .integer(recipients.count))])
    }
}
