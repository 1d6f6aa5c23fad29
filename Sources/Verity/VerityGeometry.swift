// The shape of a tree, which follows from the number of data blocks alone.

/// Where everything stands in an image of data blocks, then the superblock in a block of its own,
/// then the tree with its highest level first. Offsets are bytes from the start of the data.
public struct VerityGeometry: Hashable, Sendable {
    /// Bytes of a data block and of a tree block.
    public static let blockSize = 4096
    public static let digestsPerBlock = 128
    /// 1 TiB, the most that four levels cover.
    public static let dataBlocksMaximum = 1 << 28

    public let dataBlocks: Int

    /// Nil unless there are 1 to `dataBlocksMaximum` data blocks.
    public init?(dataBlocks: Int) {
        guard (1...Self.dataBlocksMaximum).contains(dataBlocks) else { return nil }
        self.dataBlocks = dataBlocks
    }

    /// Levels of tree blocks: 0 for a single data block, whose digest is the root itself.
    public var levels: Int {
        var levels = 0
        while (dataBlocks - 1) >> (7 * levels) != 0 { levels += 1 }
        return levels
    }

    /// Blocks of a level: 0 is the data, `levels` the highest, which is one block.
    public func blocks(level: Int) -> Int {
        let shift = 7 * level
        return (dataBlocks + (1 << shift) - 1) >> shift
    }

    public var treeBlocks: Int {
        var sum = 0
        for level in 0..<levels { sum += blocks(level: level + 1) }
        return sum
    }

    /// The superblock's block and the tree.
    public var hashAreaBlocks: Int { 1 + treeBlocks }
    public var hashAreaSize: Int { hashAreaBlocks * Self.blockSize }
    public var dataSize: Int { dataBlocks * Self.blockSize }
    public var imageSize: Int { dataSize + hashAreaSize }

    /// The tree's first block, counted from the start of the data: the table's `hash_start_block`.
    public var hashStart: Int { dataBlocks + 1 }

    /// The block of the hash area (0 is the superblock) where a tree block stands.
    public func hashAreaBlock(level: Int, index: Int) -> Int {
        var block = 1 + index
        var above = levels
        while above > level {
            block += blocks(level: above)
            above -= 1
        }
        return block
    }

    /// What stands in a block of the hash area; nil beyond its end.
    public func hashAreaBlock(at position: Int) -> VerityBlock? {
        guard position > 0 else { return position == 0 ? .superblock : nil }
        var index = position - 1
        var level = levels
        while level > 0 {
            if index < blocks(level: level) { return .tree(level: level, index: index) }
            index -= blocks(level: level)
            level -= 1
        }
        return nil
    }

    /// Bytes from the start of the data.
    public func offset(of block: VerityBlock) -> Int {
        switch block {
        case .data(let index): index * Self.blockSize
        case .superblock: dataSize
        case .tree(let level, let index): dataSize + hashAreaBlock(level: level, index: index) * Self.blockSize
        }
    }
}
