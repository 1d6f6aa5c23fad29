// A release with a root image and other components, in the clear and encrypted, made from a seed.

import Bytes
import Cryptography
import Release
import SeededRandom
import Signed
import SimulatedDisk
import Verity

public struct SeveralComponents: Sendable {
    public let manifest: Manifest
    /// Of each component, in the manifest's order: whole blocks, and the hash area.
    public let images: [(data: [UInt8], hashArea: [UInt8])]
    /// The signed manifest.
    public let object: [UInt8]

    /// - kinds: the root first, each with the bytes of its content.
    public init(_ release: String, _ kinds: [(ComponentKind, Int)], seed: UInt64, signer: SimulatedSigner) throws {
        var random = Seeded(seed)
        var images: [(data: [UInt8], hashArea: [UInt8])] = [], components: [Component] = []
        for (kind, byteCount) in kinds {
            let blocks = (byteCount + blockSize - 1) / blockSize
            let data = random.bytes(byteCount) + [UInt8](repeating: 0, count: blocks * blockSize - byteCount)
            var store = SimulatedPartition(SimulatedDisk(contents: data))
            let (identity, area) = try buildTree(over: &store, dataBlocks: blocks, salt: random.bytes(32), uuid: random.bytes(16))!
            images.append((data, area))
            components.append(Component(kind: kind, byteCount: byteCount, identity: identity)!)
        }
        self.images = images
        manifest = try Manifest(
            board: "test-board", hardwareRevisions: 1...2, release: release, rollbackIndex: 5, installerVersionMinimum: 1,
            components: components, healthGate: HealthGate(aliveMilliseconds: 10_000, uplinkDemanded: true, timeoutMilliseconds: 60_000)!)
        object = try signer.sign(manifest.encoded())
    }

    public func bundle() -> [UInt8] {
        BundleLayout.manifestArea.encoded(object)! + images.flatMap { $0.hashArea + $0.data }
    }

    /// - altered: a block that is sealed as another number than its own.
    public func encryptedBundle(_ contentKey: [UInt8], _ keys: BundleKeys, altered: Int? = nil) throws -> [UInt8] {
        let cipher = try BlockCipher(key: contentKey, release: SHA256.hash(manifest.encoded()))
        var out = BundleLayout.encryptedManifestArea.encoded(object)! + BundleLayout.keyArea.encoded(keys.encoded())!
        let blocks = images.flatMap { $0.hashArea + $0.data }
        for (number, at) in stride(from: 0, to: blocks.count, by: blockSize).enumerated() {
            out += try cipher.seal(blocks.span.bytes.extracting(at..<at + blockSize), number: number == altered ? number + 1 : number)
        }
        return out
    }

    /// The slot's partition and, behind it, the boot partition.
    public func slot(size: Int, bootSize: Int) throws -> [UInt8] {
        var out = [UInt8](repeating: 0, count: size + bootSize)
        let offsets = try SlotLayout(size: size, bootSize: bootSize)!.offsets(of: manifest.components)
        for (image, offset) in zip(images, offsets) {
            guard let offset else { continue }
            out.replaceSubrange(offset..<offset + image.data.count + image.hashArea.count, with: image.data + image.hashArea)
        }
        out.replaceSubrange(size - ObjectArea.size..<size, with: SlotLayout.manifestArea.encoded(object)!)
        return out
    }
}
