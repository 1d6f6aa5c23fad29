// Where a release's bytes stand: in a slot's partition, and in a bundle.

import Bytes
import Verity

/// A slot: the image (data, superblock, tree) from offset 0, as dm-verity and veritysetup read it, and
/// the signed manifest in the last 64 KiB. Without a manifest there, a slot is not bootable.
public struct SlotLayout: Equatable, Sendable {
    public static let manifestArea = ObjectArea(magic: "PENSLOT1")

    /// Bytes of the partition.
    public let size: Int

    /// Nil if the partition couldn't even hold one block, its superblock and a manifest.
    public init?(size: Int) {
        guard size >= ObjectArea.size + 2 * blockSize, size % blockSize == 0 else { return nil }
        self.size = size
    }

    public var manifestOffset: Int { size - ObjectArea.size }
    /// Bytes for data, superblock and tree.
    public var imageMaximum: Int { manifestOffset }

    public func fits(_ geometry: VerityGeometry) -> Bool { geometry.imageSize <= imageMaximum }
}

/// A bundle: the signed manifest in the first 64 KiB, then superblock and tree as they stand in a slot,
/// then the data; so it is checked from the root down as it comes. Offsets are those of HTTP Range.
public struct BundleLayout: Equatable, Sendable {
    public static let manifestArea = ObjectArea(magic: "PENBNDL1")

    public let geometry: VerityGeometry

    public init(_ geometry: VerityGeometry) { self.geometry = geometry }

    public var hashAreaOffset: Int { ObjectArea.size }
    public var dataOffset: Int { hashAreaOffset + geometry.hashAreaSize }
    /// Bytes of the whole bundle.
    public var size: Int { dataOffset + geometry.dataSize }

    /// The block that stands at a position of the bundle, counted in blocks from the hash area on.
    public func block(at position: Int) -> VerityBlock? {
        if position < geometry.hashAreaBlocks { return geometry.hashAreaBlock(at: position) }
        let index = position - geometry.hashAreaBlocks
        return index < geometry.dataBlocks ? .data(index: index) : nil
    }

    /// Blocks behind the manifest.
    public var blocks: Int { geometry.hashAreaBlocks + geometry.dataBlocks }

    public func offset(ofPosition position: Int) -> Int { hashAreaOffset + position * blockSize }
}
