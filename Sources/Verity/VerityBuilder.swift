// Making the tree of an image: data blocks in, digests of each level gathered on the way.
// Runs on the host; the device only ever checks.

import Bytes
import Cryptography

/// Takes data blocks one after the other. Memory: the tree, 0.8 % of the data.
public struct VerityBuilder: Sendable {
    public let salt: [UInt8]
    private var dataBlocks = 0
    /// Level 1 first: the finished digests of each level, one after the other.
    private var leaves: [UInt8] = []
    private var only: Digest?

    /// `salt` is 32 bytes.
    public init(salt: [UInt8]) {
        precondition(salt.count == Superblock.saltSize)
        self.salt = salt
    }

    /// The next 4096 bytes of the image.
    public mutating func append(_ block: RawSpan) {
        precondition(block.byteCount == VerityGeometry.blockSize)
        let digest = SHA256.hash(salt.span.bytes, block)
        leaves.append(contentsOf: digest.bytes)
        only = digest
        dataBlocks += 1
    }

    /// The identity and the hash area, superblock included; nil for an impossible number of blocks.
    public consuming func finish(uuid: [UInt8]) -> (identity: VerityIdentity, hashArea: [UInt8])? {
        guard let geometry = VerityGeometry(dataBlocks: dataBlocks), var root = only else { return nil }
        var levels: [[UInt8]] = []
        var digests = leaves
        for _ in 0..<geometry.levels {
            let blocks = padded(digests)
            digests = []
            for at in stride(from: 0, to: blocks.count, by: VerityGeometry.blockSize) {
                root = SHA256.hash(salt.span.bytes, blocks.span.bytes.extracting(at..<at + VerityGeometry.blockSize))
                digests.append(contentsOf: root.bytes)
            }
            levels.append(blocks)
        }
        let identity = VerityIdentity(geometry: geometry, root: root, salt: salt, uuid: uuid)
        var area = identity.superblock.encoded()
        for level in levels.reversed() { area.append(contentsOf: level) }
        return (identity, area)
    }

    private func padded(_ digests: [UInt8]) -> [UInt8] {
        let tail = digests.count % VerityGeometry.blockSize
        return tail == 0 ? digests : digests + [UInt8](repeating: 0, count: VerityGeometry.blockSize - tail)
    }
}

/// The tree over the first `dataBlocks` blocks of a store.
public func buildTree<S: Store & ~Copyable>(
    over image: inout S, dataBlocks: Int, salt: [UInt8], uuid: [UInt8]
) throws(VerityError) -> (identity: VerityIdentity, hashArea: [UInt8])? {
    var builder = VerityBuilder(salt: salt)
    var block = [UInt8](repeating: 0, count: VerityGeometry.blockSize)
    for index in 0..<dataBlocks {
        do throws(StoreError) {
            try image.read(at: index * VerityGeometry.blockSize, into: &block)
        } catch { throw .store(error) }
        builder.append(block.span.bytes)
    }
    return builder.finish(uuid: uuid)
}
