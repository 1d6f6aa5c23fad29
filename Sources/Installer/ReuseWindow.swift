// Which blocks of a release the running slot already has: found by their leaf hashes, with nothing prepared
// for the pair of releases. Trust: none needed. A hash is kept in part, so a block that was found may be
// another; whoever copies it verifies it like one that was fetched, and fetches it if it is not the one.

import Cryptography

/// A run of the new image's blocks. They are sorted by hash once; then the leaf hashes of the running slot
/// pass by, each of them looked up. So memory follows the window and not the images: 768 KiB for any size, and
/// up to 256 KiB more while they are sorted. An image of 4 GiB has 16 windows, for each of which the
/// running slot's leaf level (0.8 % of it) is read once.
struct ReuseWindow: Sendable {
    /// 256 MiB of an image.
    static let blocksMaximum = 65536
    private static let none = UInt32.max
    private static let present = UInt32.max - 1

    /// Positions in the component.
    let range: Range<Int>
    /// Of each wanted block the first 48 bits of its hash, then its place in the window.
    private var keys: [UInt64] = []
    /// Of each block: in the slot already, to be fetched, or its number among the blocks of the running slot.
    private var sources: [UInt32]
    /// Blocks that are still to be fetched, as far as is known.
    private(set) var missing = 0

    init(_ range: Range<Int>) {
        precondition(range.count <= Self.blocksMaximum)
        self.range = range
        sources = [UInt32](repeating: Self.present, count: range.count)
    }

    /// The slot does not have this block.
    mutating func want(_ position: Int, _ digest: Digest) {
        keys.append(Self.prefix(digest.bytes, at: 0) | UInt64(position - range.lowerBound))
        sources[position - range.lowerBound] = Self.none
        missing += 1
    }

    /// All have been told of.
    mutating func close() { keys.sort() }

    /// A leaf hash of the running slot, 32 bytes of `leaves`, and the number of its block there.
    mutating func offer(_ leaves: [UInt8], at offset: Int, number: Int) {
        let prefix = Self.prefix(leaves, at: offset)
        var low = 0, high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < prefix { low = middle + 1 } else { high = middle }
        }
        while low < keys.count, keys[low] & ~0xFFFF == prefix {
            let place = Int(keys[low] & 0xFFFF)
            // All of this hash were found by the first that was offered.
            guard sources[place] == Self.none else { return }
            sources[place] = UInt32(number)
            missing -= 1
            low += 1
        }
    }

    /// No more are offered: the memory of the keys goes back.
    mutating func end() { keys = [] }

    /// The block of the running slot that is to be copied here; nil if none is.
    func source(_ position: Int) -> Int? {
        let source = sources[position - range.lowerBound]
        return source < Self.present ? Int(source) : nil
    }

    /// What was found was another, or can't be read.
    mutating func reject(_ position: Int) {
        sources[position - range.lowerBound] = Self.none
        missing += 1
    }

    /// So many of the missing have been fetched.
    mutating func fetched(_ count: Int) { missing -= count }

    /// The first run of blocks from `position` on that are to be fetched; nil if there is none.
    func run(from position: Int) -> Range<Int>? {
        var start = position
        while start < range.upperBound, sources[start - range.lowerBound] != Self.none { start += 1 }
        var end = start
        while end < range.upperBound, sources[end - range.lowerBound] == Self.none { end += 1 }
        return start < end ? start..<end : nil
    }

    private static func prefix(_ bytes: [UInt8], at offset: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<6 { value = value << 8 | UInt64(bytes[offset + index]) }
        return value << 16
    }
}
