// From blocks of a bundle to blocks of a slot: verified first, then written where dm-verity wants them.

import Bytes
import Cryptography
import Release
import Verity

/// Of one component.
struct BlockWriter: Sendable {
    let part: BundlePart
    /// Where the component begins in the slot.
    private let base: Int
    private var tree: VerityTree
    var identity: VerityIdentity { tree.identity }
    private var block = [UInt8](repeating: 0, count: blockSize)
    private var unsyncedBytes = 0

    init(_ part: BundlePart, _ identity: VerityIdentity, at base: Int) {
        self.part = part
        self.base = base
        tree = VerityTree(identity, at: base)
    }

    /// Verifies and writes the whole blocks of `bytes`, which begin at a position of the component; returns
    /// how many they were. Sound blocks before an altered one are written all the same.
    mutating func write<S: Store & ~Copyable>(_ bytes: [UInt8], at position: Int, to store: inout S) throws(InstallError) -> Int {
        let count = bytes.count / blockSize
        var sound = 0
        var refusal: InstallError?
        // Tree blocks are written one by one: those below are verified by what the slot then holds.
        while sound < count {
            let range = sound * blockSize..<(sound + 1) * blockSize
            do throws(InstallError) {
                try check(bytes.span.bytes.extracting(range), position + sound, &store)
            } catch {
                refusal = error
                break
            }
            sound += 1
            guard position + sound <= part.geometry.hashAreaBlocks else { continue }
            try put(bytes.span.bytes.extracting(range), position + sound - 1, &store)
        }
        let dataFrom = max(0, part.geometry.hashAreaBlocks - position)
        if dataFrom < sound {
            try put(bytes.span.bytes.extracting(dataFrom * blockSize..<sound * blockSize), position + dataFrom, &store)
        }
        if let refusal { throw refusal }
        return sound
    }

    private mutating func check<S: Store & ~Copyable>(_ bytes: RawSpan, _ position: Int, _ store: inout S) throws(InstallError) {
        guard let block = part.block(at: position) else { throw .oversent }
        let offset = part.offset(ofPosition: position)
        if block == .superblock {
            guard bytes.copied() == tree.identity.superblock.encoded() else { throw .blockAltered(block, offset: offset) }
            return
        }
        do throws(VerityError) {
            try tree.verify(bytes, as: block, in: &store)
        } catch {
            switch error {
            case .altered(block): throw .blockAltered(block, offset: offset)
            case .store(let error): throw .slot(error)
            default: throw .readBack(error)
            }
        }
    }

    private mutating func put<S: Store & ~Copyable>(_ bytes: RawSpan, _ position: Int, _ store: inout S) throws(InstallError) {
        do throws(StoreError) {
            try store.write(bytes, at: base + part.geometry.offset(of: part.block(at: position)!))
            unsyncedBytes += bytes.byteCount
            guard unsyncedBytes >= Installation.syncInterval else { return }
            try store.sync()
            unsyncedBytes = 0
        } catch { throw .slot(error) }
    }

    /// The hash that the data block of this position must have.
    mutating func digest<S: Store & ~Copyable>(_ position: Int, in store: inout S) throws(InstallError) -> Digest {
        do throws(VerityError) {
            return try tree.digest(of: part.block(at: position)!, in: &store)
        } catch {
            if case .store(let error) = error { throw .slot(error) }
            throw .readBack(error)
        }
    }

    /// Whether the slot already holds the data block of this position.
    mutating func isPresent<S: Store & ~Copyable>(_ position: Int, in store: inout S) throws(InstallError) -> Bool {
        let place = part.block(at: position)!
        do throws(StoreError) {
            try store.read(at: base + part.geometry.offset(of: place), into: &block)
        } catch { throw .slot(error) }
        let found = tree.identity.digest(of: block.span.bytes)
        return try digest(position, in: &store) == found
    }
}
