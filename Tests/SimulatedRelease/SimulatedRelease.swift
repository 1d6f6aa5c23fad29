// A release made from a seed, with its signed manifest, its bundle and its slot.

import Bytes
import Cryptography
import Release
import SeededRandom
import Signed
import SimulatedDisk
import Verity

/// Keys that sign releases: one of each algorithm, and a threshold.
public struct SimulatedSigner: @unchecked Sendable {
    public let keys: KeySet
    private let first: Box
    private let second: Box

    private final class Box {
        let key: PrivateKey
        init(_ algorithm: SignatureAlgorithm) throws { key = try PrivateKey.generate(algorithm) }
    }

    public init(threshold: Int = 1) throws {
        first = try Box(.es256)
        second = try Box(.ed25519)
        keys = try KeySet(
            version: 1,
            entries: [
                KeySet.Entry(name: "release-1", key: first.key.publicKey, purposes: [.manifest]),
                KeySet.Entry(name: "release-2", key: second.key.publicKey, purposes: [.manifest, .calibration]),
            ],
            thresholds: [(.manifest, threshold), (.calibration, 1)])
    }

    public func sign(_ payload: [UInt8], purpose: Purpose = .manifest, both: Bool = false) throws -> [UInt8] {
        var object = SignedObject(payload: payload, purpose: purpose)
        if both || purpose == .manifest { try object.sign(with: first.key) }
        if both || purpose != .manifest { try object.sign(with: second.key) }
        return object.encoded()
    }
}

public struct SimulatedRelease: Sendable {
    public var manifest: Manifest
    public let data: [UInt8]
    public let hashArea: [UInt8]
    /// The signed manifest.
    public let object: [UInt8]

    public init(
        _ release: String, dataBlocks: Int, seed: UInt64, signer: SimulatedSigner, board: String = "test-board",
        revisions: ClosedRange<UInt16> = 1...2, rollbackIndex: UInt64 = 5, installerVersionMinimum: UInt32 = 1, likeSeed: UInt64? = nil
    ) throws {
        var random = Seeded(seed)
        var data = random.bytes(dataBlocks * blockSize)
        if let likeSeed {
            // Every other block is that of another release.
            var other = Seeded(likeSeed)
            let like = other.bytes(dataBlocks * blockSize)
            for block in stride(from: 0, to: dataBlocks, by: 2) {
                data.replaceSubrange(block * blockSize..<(block + 1) * blockSize, with: like[block * blockSize..<(block + 1) * blockSize])
            }
        }
        self.data = data
        let salt = random.bytes(32), uuid = random.bytes(16)
        var store = SimulatedPartition(SimulatedDisk(contents: data))
        let (identity, area) = try buildTree(over: &store, dataBlocks: dataBlocks, salt: salt, uuid: uuid)!
        hashArea = area
        manifest = try Manifest(
            board: board, hardwareRevisions: revisions, release: release, rollbackIndex: rollbackIndex,
            installerVersionMinimum: installerVersionMinimum, components: [Component(kind: .root, byteCount: data.count, identity: identity)!],
            notes: "made from a seed",
            healthGate: HealthGate(aliveMilliseconds: 10_000, uplinkDemanded: true, timeoutMilliseconds: 60_000)!)
        object = try signer.sign(manifest.encoded())
    }

    /// Of the root image in the bundle.
    public var layout: BundlePart { BundleLayout(manifest.components).parts[0] }

    public func bundle(object other: [UInt8]? = nil) -> [UInt8] {
        BundleLayout.manifestArea.encoded(other ?? object)! + hashArea + data
    }

    public func slot(size: Int) -> [UInt8] {
        let image = data + hashArea
        return image + [UInt8](repeating: 0, count: size - image.count - ObjectArea.size) + SlotLayout.manifestArea.encoded(object)!
    }
}
