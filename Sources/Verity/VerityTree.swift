// Checking blocks from the root down, with one verified tree block of each level kept in memory.
// Trust: the store holds whatever it holds; a block is kept only after its digest has matched.

import Bytes
import Cryptography

/// Answers "which digest must this block have?" for any block of an image whose tree lies in a
/// store, by the verified path from the root. Memory: 4 KiB a level, four levels at most.
public struct VerityTree: Sendable {
    public let identity: VerityIdentity
    /// Where the image begins in its store, in bytes.
    public let base: Int
    public var geometry: VerityGeometry { identity.geometry }
    /// Index level - 1. An index of -1 is an empty place.
    private var path: [(index: Int, bytes: [UInt8])]

    public init(_ identity: VerityIdentity, at base: Int = 0) {
        self.identity = identity
        self.base = base
        path = []
        for _ in 0..<identity.geometry.levels {
            path.append((-1, [UInt8](repeating: 0, count: VerityGeometry.blockSize)))
        }
    }

    /// Forgets what was verified, so that it is read and verified again.
    public mutating func forget() {
        for level in 0..<path.count { path[level].index = -1 }
    }

    /// The digest that a data or tree block must have. Tree blocks above it are read from `image`,
    /// which holds data and hash area as `VerityGeometry` lays them out, and verified.
    public mutating func digest<S: Store & ~Copyable>(of block: VerityBlock, in image: inout S) throws(VerityError) -> Digest {
        switch block {
        case .superblock: throw .noSuchBlock(block)
        case .data(let index): return try digest(level: 0, index: index, block, &image)
        case .tree(let level, let index):
            guard level >= 1, level <= geometry.levels else { throw .noSuchBlock(block) }
            return try digest(level: level, index: index, block, &image)
        }
    }

    private mutating func digest<S: Store & ~Copyable>(
        level: Int, index: Int, _ block: VerityBlock, _ image: inout S
    ) throws(VerityError) -> Digest {
        guard (0..<geometry.blocks(level: level)).contains(index) else { throw .noSuchBlock(block) }
        if level == geometry.levels { return identity.root }
        try load(level: level + 1, index: index / VerityGeometry.digestsPerBlock, &image)
        let at = index % VerityGeometry.digestsPerBlock * 32
        return Digest([UInt8](path[level].bytes[at..<at + 32]))!
    }

    /// Puts a verified tree block into the path. Recursion ends at the root, four levels up at most.
    private mutating func load<S: Store & ~Copyable>(level: Int, index: Int, _ image: inout S) throws(VerityError) {
        guard path[level - 1].index != index else { return }
        let block = VerityBlock.tree(level: level, index: index)
        let wanted = try digest(level: level, index: index, block, &image)
        path[level - 1].index = -1
        do throws(StoreError) {
            try image.read(at: base + geometry.offset(of: block), into: &path[level - 1].bytes)
        } catch { throw .store(error) }
        let bytes = path[level - 1].bytes
        guard identity.digest(of: bytes.span.bytes) == wanted else { throw .altered(block) }
        path[level - 1].index = index
    }

    /// Throws unless `bytes` are what must stand in `block`.
    public mutating func verify<S: Store & ~Copyable>(
        _ bytes: RawSpan, as block: VerityBlock, in image: inout S
    ) throws(VerityError) {
        let wanted = try digest(of: block, in: &image)
        guard bytes.byteCount == VerityGeometry.blockSize, identity.digest(of: bytes) == wanted
        else { throw .altered(block) }
    }
}
