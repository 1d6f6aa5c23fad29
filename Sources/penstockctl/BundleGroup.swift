// penstockctl bundle: make, sign further and inspect what boards download.
import ArgumentParser
import Bytes
import Compiler
import Cryptography
import Signed

struct BundleGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bundle", abstract: "Bundles: a release as boards download it.",
        subcommands: [BundleMake.self, BundleSign.self, BundleInspect.self])
}

extension ReleaseBundle {
    var lines: [String] {
        let root = manifest.root
        return [
            "release    \(manifest.release) for \(manifest.board), hardware revisions \(manifest.hardwareRevisions.lowerBound) to \(manifest.hardwareRevisions.upperBound)",
            "index      \(manifest.rollbackIndex)",
            "root hash  \(root.root.hexadecimal)",
            "data       \(data.count) bytes, tree \(hashArea.count) bytes",
            "signed by  \(object.signatures.map { hexadecimal($0.keyIdentifier) }.joined(separator: ", "))",
        ]
    }

    var fields: [(String, JSON)] {
        [
            ("release", .string(manifest.release)), ("board", .string(manifest.board)), ("rollbackIndex", .integer(manifest.rollbackIndex)),
            ("rootHash", .string(manifest.root.root.hexadecimal)), ("salt", .string(hexadecimal(manifest.root.salt))),
            ("dataBlocks", .integer(manifest.root.geometry.dataBlocks)), ("hashAreaBytes", .integer(hashArea.count)),
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

    @Option(name: .customLong("key"), help: "A .key file; repeat it to sign with several.")
    var keys: [String]

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        var made = try ReleaseBundle(decoding: readFile(bundle, maximum: 1 << 30), path: bundle)
        for path in keys { made = try made.signed(with: KeyFiles.privateKey(path)) }
        try writeFile(bundle, made.encoded())
        return Report(["signed \(bundle)"] + made.lines, [("output", .string(bundle))] + made.fields)
    }
}

struct BundleInspect: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Shows a bundle, every block of it checked against its manifest; with --keyset its signatures too.",
        discussion: "  penstockctl bundle inspect 1.4.0.bundle --keyset keyset.cbor")

    @Argument(help: "The bundle.")
    var bundle: String

    @Option(help: "The compiled key set that must have signed it.")
    var keyset: String?

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let made = try ReleaseBundle(decoding: readFile(bundle, maximum: 1 << 30), path: bundle)
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
