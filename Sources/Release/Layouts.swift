// Where a release's bytes stand: in the partitions of a slot, and in a bundle.

import Bytes
import Verity

/// A slot: in its partition the root image (data, superblock, tree) from offset 0, as dm-verity and
/// veritysetup read it, then in the same way other components that belong there, and the signed manifest in
/// the last 64 KiB. Without a manifest there, a slot is not bootable. On boards that have one, a boot
/// partition of its own holds the boot components, one image behind the other; here it counts as if it
/// followed directly on the slot's.
public struct SlotLayout: Equatable, Sendable {
    public static let manifestArea = ObjectArea(magic: "PENSLOT1")

    /// Bytes of the slot's partition.
    public let size: Int
    /// Bytes of the boot partition; 0 if the board has none.
    public let bootSize: Int

    /// Nil if the partition couldn't even hold one block, its superblock and a manifest.
    public init?(size: Int, bootSize: Int = 0) {
        guard size >= ObjectArea.size + 2 * blockSize, size % blockSize == 0 else { return nil }
        self.size = size
        self.bootSize = bootSize
    }

    public var manifestOffset: Int { size - ObjectArea.size }

    /// Where each component begins, in their order; nil for those that are not written here.
    public func offsets(of components: [Component]) throws(LayoutRefusal) -> [Int?] {
        var slot = 0, boot = 0
        var offsets: [Int?] = []
        for component in components {
            let length = component.identity.geometry.imageSize
            switch component.kind.home {
            case .slot:
                offsets.append(slot)
                slot += length
            case .boot:
                guard bootSize > 0 else { throw .noBootPartition(component.kind) }
                offsets.append(size + boot)
                boot += length
            case .nowhere: offsets.append(nil)
            }
        }
        guard slot <= manifestOffset else { throw .slotTooSmall(neededBytes: slot, presentBytes: manifestOffset) }
        guard boot <= bootSize else { throw .bootTooSmall(neededBytes: boot, presentBytes: bootSize) }
        return offsets
    }
}

/// Why the components of a release have no place in a slot.
public enum LayoutRefusal: Error, Equatable, Coded {
    case slotTooSmall(neededBytes: Int, presentBytes: Int)
    case bootTooSmall(neededBytes: Int, presentBytes: Int)
    case noBootPartition(ComponentKind)

    public var code: String {
        switch self {
        case .slotTooSmall: "slot-too-small"
        case .bootTooSmall: "boot-partition-too-small"
        case .noBootPartition: "component-unsupported"
        }
    }

    public var text: String {
        switch self {
        case .slotTooSmall(let needed, let present): "the release needs \(needed) bytes in its slot, which has \(present): make a smaller root image, or flash a disk image with larger slots"
        case .bootTooSmall(let needed, let present): "the release needs \(needed) bytes in the boot partition, which has \(present): make its boot components smaller, or flash a disk image with larger boot partitions"
        case .noBootPartition(let kind): "the release brings a \(kind.text), and this board has no boot partitions: make the bundle without it"
        }
    }
}

/// A slot's partition with the boot partition behind it, as one store.
public struct SlotStore<S: Store & ~Copyable>: ~Copyable, Store {
    private var slot: S
    /// Of size 0 where the board has none.
    private var boot: S

    public init(_ slot: consuming S, boot: consuming S) {
        self.slot = slot
        self.boot = boot
    }

    public var size: Int { slot.size + boot.size }
    /// Nil if the partition is too small to be a slot.
    public var layout: SlotLayout? { SlotLayout(size: slot.size, bootSize: boot.size) }

    public mutating func read(at offset: Int, into buffer: inout [UInt8]) throws(StoreError) {
        let start = slot.size
        if offset >= start { try boot.read(at: offset - start, into: &buffer) } else { try slot.read(at: offset, into: &buffer) }
    }

    public mutating func write(_ bytes: RawSpan, at offset: Int) throws(StoreError) {
        let start = slot.size
        if offset >= start { try boot.write(bytes, at: offset - start) } else { try slot.write(bytes, at: offset) }
    }

    public mutating func sync() throws(StoreError) {
        if boot.size > 0 { try boot.sync() }
        try slot.sync()
    }
}

/// One component in a bundle: superblock and tree as they stand in a slot, then the data; so it is checked
/// from the root down as it comes. Positions count its blocks from 0.
public struct BundlePart: Equatable, Sendable {
    public let geometry: VerityGeometry
    /// Of its first block, in bytes from the beginning of the bundle.
    public let offset: Int
    /// From one block to the next: 4096 bytes, and the tag where the bundle is encrypted.
    public let stride: Int
    /// Its first block's number among all blocks of the bundle.
    public let firstBlock: Int

    /// What stands at a position.
    public func block(at position: Int) -> VerityBlock? {
        if position < geometry.hashAreaBlocks { return geometry.hashAreaBlock(at: position) }
        let index = position - geometry.hashAreaBlocks
        return index < geometry.dataBlocks ? .data(index: index) : nil
    }

    public var blocks: Int { geometry.hashAreaBlocks + geometry.dataBlocks }
    public func offset(ofPosition position: Int) -> Int { offset + position * stride }
    public var end: Int { offset(ofPosition: blocks) }
}

/// A bundle: the signed manifest in the first 64 KiB; in an encrypted one the keys in the next; then the
/// components one after the other. Offsets are those of HTTP Range.
public struct BundleLayout: Equatable, Sendable {
    public static let manifestArea = ObjectArea(magic: "PENBNDL1")
    /// The magic says that keys follow, and that every block behind them is encrypted.
    public static let encryptedManifestArea = ObjectArea(magic: "PENBNDE1")
    public static let keyArea = ObjectArea(magic: "PENBKEY1")

    public let parts: [BundlePart]

    public init(_ components: [Component], isEncrypted: Bool = false) {
        var parts: [BundlePart] = []
        var offset = isEncrypted ? 2 * ObjectArea.size : ObjectArea.size
        var block = 0
        for component in components {
            let part = BundlePart(
                geometry: component.identity.geometry, offset: offset, stride: isEncrypted ? BlockCipher.stride : blockSize, firstBlock: block)
            parts.append(part)
            offset = part.end
            block += part.blocks
        }
        self.parts = parts
    }

    /// Bytes of the whole bundle.
    public var size: Int { parts.last?.end ?? 0 }
}
