// The slot that the board runs from, as a place to find blocks in. Trust: what is read there is anybody's;
// each block is verified against the new release's tree before it is written. Must never be written.

import Bytes
import Cryptography
import Release
import Signed
import Verity

/// Where the running slot, and its boot partition behind it, stand in the installer's store.
public struct RunningSlot: Equatable, Sendable {
    public let base: Int
    public let layout: SlotLayout

    public init(base: Int, layout: SlotLayout) {
        self.base = base
        self.layout = layout
    }
}

/// A component of the running release; its data blocks are numbered on from those before it.
struct Donor: Sendable {
    let identity: VerityIdentity
    let base: Int
    let firstNumber: Int

    var numbers: Range<Int> { firstNumber..<firstNumber + identity.geometry.dataBlocks }
    /// Blocks that leaf hashes stand in; one for the root where it is the only hash.
    var leafBlocks: Int { max(1, identity.geometry.blocks(level: 1)) }

    /// Offers the leaf hashes of one block of the lowest level. They are not verified: what they lead to is.
    func offer<S: Store & ~Copyable>(_ index: Int, to window: inout ReuseWindow, from store: inout S) throws(StoreError) {
        guard identity.geometry.levels > 0 else { return window.offer(identity.root.bytes, at: 0, number: firstNumber) }
        var leaves = [UInt8](repeating: 0, count: blockSize)
        try store.read(at: base + identity.geometry.offset(of: .tree(level: 1, index: index)), into: &leaves)
        let first = index * VerityGeometry.digestsPerBlock
        for place in 0..<min(VerityGeometry.digestsPerBlock, identity.geometry.dataBlocks - first) {
            window.offer(leaves, at: place * 32, number: firstNumber + first + place)
        }
    }
}

extension RunningSlot {
    /// The components of the running release that have a place.
    func donors<S: Store & ~Copyable>(_ keys: KeySet, in store: inout S) throws(SlotError) -> [Donor] {
        let found = try installedManifest(in: &store, at: base, layout: layout, keys: keys)
        var donors: [Donor] = []
        var number = 0
        for (component, offset) in zip(found.manifest.payload.components, found.offsets) {
            guard let offset else { continue }
            donors.append(Donor(identity: component.identity, base: base + offset, firstNumber: number))
            number += component.identity.geometry.dataBlocks
        }
        return donors
    }
}
