// The worked example of Formats.md, made anew and compared byte for byte with what stands there.
import Bytes
import Cryptography
import Foundation
import Release
import Signed
import SimulatedDisk
import Testing
import Verity

/// A release small enough to be printed: a root image of one block, and a kernel of six bytes.
private struct WorkedExample {
    let manifest: Manifest
    let object: [UInt8]
    let bundle: [UInt8]
    let encrypted: [UInt8]
    let keys: BundleKeys
    private var lines: [String] = []

    static let contentKey = [UInt8](repeating: 0xC0, count: 32), fleetKey = [UInt8](repeating: 0xF1, count: 32)

    init() throws {
        let salt = [UInt8](repeating: 0x5A, count: 32)
        let contents: [(ComponentKind, [UInt8])] = [(.root, [UInt8](repeating: 0x52, count: blockSize)), (.kernel, Array("kernel".utf8))]
        var components: [Component] = [], blocks: [UInt8] = []
        for (number, (kind, content)) in contents.enumerated() {
            let data = content + [UInt8](repeating: 0, count: blockSize - content.count)
            var store = SimulatedPartition(SimulatedDisk(contents: data))
            let (identity, area) = try buildTree(over: &store, dataBlocks: 1, salt: salt, uuid: [UInt8](repeating: UInt8(number + 1), count: 16))!
            components.append(Component(kind: kind, byteCount: content.count, identity: identity)!)
            blocks += area + data
        }
        manifest = try Manifest(
            board: "bench", hardwareRevisions: 1...2, release: "1.0", rollbackIndex: 7, installerVersionMinimum: 1, components: components,
            notes: "example", healthGate: HealthGate(aliveMilliseconds: 10_000, uplinkDemanded: true, timeoutMilliseconds: 120_000)!)
        // RFC 8410's form of an Ed25519 key: 32 bytes, 00 to 1f.
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n"
        object = try sign(manifest.encoded(), purpose: .manifest, with: PrivateKey(pem: Array(pem.utf8)))
        bundle = BundleLayout.manifestArea.encoded(object)! + blocks
        keys = BundleKeys(recipients: [try .fleet(key: Self.fleetKey, contentKey: Self.contentKey)])!
        let cipher = try BlockCipher(key: Self.contentKey, release: SHA256.hash(manifest.encoded()))
        var sealed: [UInt8] = []
        for number in 0..<blocks.count / blockSize {
            sealed += try cipher.seal(blocks.span.bytes.extracting(number * blockSize..<(number + 1) * blockSize), number: number)
        }
        encrypted = BundleLayout.encryptedManifestArea.encoded(object)! + BundleLayout.keyArea.encoded(keys.encoded())! + sealed
    }

    /// What stands in Formats.md.
    var text: String {
        var text = ""
        func add(_ line: String) { text += "    " + line + "\n" }
        func dump(_ bytes: [UInt8]) {
            for at in stride(from: 0, to: bytes.count, by: 32) { add("  " + hexadecimal([UInt8](bytes[at..<min(at + 32, bytes.count)]))) }
        }
        func places(_ bundle: [UInt8], _ areas: [(Int, String)], _ layout: BundleLayout) {
            for (offset, name) in areas { add("  \(offset)  \(name): " + hexadecimal([UInt8](bundle[offset..<offset + 16])) + "...") }
            for (part, component) in zip(layout.parts, manifest.components) {
                for (position, name) in [(0, "superblock"), (1, "data")] {
                    let at = part.offset(ofPosition: position)
                    add("  \(at)  \(component.kind.text), \(name): SHA-256 " + SHA256.hash([UInt8](bundle[at..<at + part.stride])).hexadecimal)
                }
            }
            add("  \(bundle.count)  end; SHA-256 of all " + SHA256.hash(bundle).hexadecimal)
        }
        let payload = manifest.encoded()
        add("manifest, \(payload.count) bytes")
        dump(payload)
        add("signed, \(object.count) bytes")
        dump(object)
        add("bundle")
        places(bundle, [(0, "manifest")], BundleLayout(manifest.components))
        add("keys, \(keys.encoded().count) bytes")
        dump(keys.encoded())
        add("encrypted bundle")
        places(encrypted, [(0, "manifest"), (65536, "keys")], BundleLayout(manifest.components, isEncrypted: true))
        return text
    }
}

@Suite struct WorkedExampleTests {
    private static let article = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Sources/penstock/penstock.docc/Formats.md").standardizedFileURL

    @Test("the worked example in Formats.md is what the code makes, byte for byte")
    func example() throws {
        let made = try WorkedExample().text
        let article = try String(contentsOf: Self.article, encoding: .utf8)
        #expect(article.contains(made), "Formats.md must hold these lines:\n\(made)")
    }
}
