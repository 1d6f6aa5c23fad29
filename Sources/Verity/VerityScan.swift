// Reading a whole image and checking every block of it, before it is mounted or reported installed.

import Bytes
import Cryptography

/// A scan in slices, so that whoever runs it can feed a watchdog or report progress in between.
/// Order: superblock, then the data; every tree block lies on the path of some data block.
public struct VerityScan: Sendable {
    /// Bytes read at a time.
    public static let sliceSize = 65536

    private var tree: VerityTree
    private var buffer: [UInt8] = []
    /// Data blocks that are verified.
    public private(set) var blocksDone = 0

    public var blocksTotal: Int { tree.geometry.dataBlocks }
    public var isDone: Bool { blocksDone == blocksTotal }

    public init(_ identity: VerityIdentity, at base: Int = 0) { tree = VerityTree(identity, at: base) }

    /// Checks the next slice; false when nothing is left. A thrown error names the first bad block.
    public mutating func step<S: Store & ~Copyable>(_ image: inout S) throws(VerityError) -> Bool {
        if blocksDone == 0 { try checkSuperblock(&image) }
        let count = min(Self.sliceSize / VerityGeometry.blockSize, blocksTotal - blocksDone)
        try read(count * VerityGeometry.blockSize, at: blocksDone * VerityGeometry.blockSize, &image)
        for i in 0..<count {
            let at = i * VerityGeometry.blockSize
            let wanted = try tree.digest(of: .data(index: blocksDone), in: &image)
            let found = tree.identity.digest(of: buffer.span.bytes.extracting(at..<at + VerityGeometry.blockSize))
            guard found == wanted else { throw .altered(.data(index: blocksDone)) }
            blocksDone += 1
        }
        return !isDone
    }

    private mutating func checkSuperblock<S: Store & ~Copyable>(_ image: inout S) throws(VerityError) {
        try read(VerityGeometry.blockSize, at: tree.geometry.offset(of: .superblock), &image)
        guard buffer == tree.identity.superblock.encoded() else { throw .altered(.superblock) }
    }

    private mutating func read<S: Store & ~Copyable>(_ count: Int, at offset: Int, _ image: inout S) throws(VerityError) {
        if buffer.count != count { buffer = [UInt8](repeating: 0, count: count) }
        do throws(StoreError) { try image.read(at: tree.base + offset, into: &buffer) } catch { throw .store(error) }
    }
}

/// Every block of an image, from the first to the last; throws the first bad one.
public func verifyAll<S: Store & ~Copyable>(_ identity: VerityIdentity, at base: Int = 0, in image: inout S) throws(VerityError) {
    var scan = VerityScan(identity, at: base)
    while try scan.step(&image) {}
}

/// The superblock and the whole tree, without the data.
public func verifyHashArea<S: Store & ~Copyable>(_ identity: VerityIdentity, at base: Int = 0, in image: inout S) throws(VerityError) {
    let geometry = identity.geometry
    var block = [UInt8](repeating: 0, count: VerityGeometry.blockSize)
    do throws(StoreError) { try image.read(at: base + geometry.offset(of: .superblock), into: &block) } catch { throw .store(error) }
    guard block == identity.superblock.encoded() else { throw .altered(.superblock) }
    var tree = VerityTree(identity, at: base)
    for leaf in 0..<geometry.blocks(level: 1) {
        _ = try tree.digest(of: .data(index: leaf * VerityGeometry.digestsPerBlock), in: &image)
    }
}
