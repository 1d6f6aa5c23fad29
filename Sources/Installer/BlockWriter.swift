// From blocks of a bundle to blocks of a slot: verified first, then written where dm-verity wants them.

import Bytes
import Cryptography
import Release
import Verity

struct BlockWriter: Sendable {
    let layout: BundleLayout
    private var tree: VerityTree
    private var block = [UInt8](repeating: 0, count: blockSize)
    private var unsyncedBytes = 0

    init(_ identity: VerityIdentity) {
        layout = BundleLayout(identity.geometry)
        tree = VerityTree(identity)
    }

    /// Verifies and writes the whole blocks of `bytes`, which begin at a position of the bundle; returns
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
            guard position + sound <= layout.geometry.hashAreaBlocks else { continue }
            try put(bytes.span.bytes.extracting(range), position + sound - 1, &store)
        }
        let dataFrom = max(0, layout.geometry.hashAreaBlocks - position)
        if dataFrom < sound {
            try put(bytes.span.bytes.extracting(dataFrom * blockSize..<sound * blockSize), position + dataFrom, &store)
        }
        if let refusal { throw refusal }
        return sound
    }

    private mutating func check<S: Store & ~Copyable>(_ bytes: RawSpan, _ position: Int, _ store: inout S) throws(InstallError) {
        guard let block = layout.block(at: position) else { throw .oversent }
        let offset = layout.offset(ofPosition: position)
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
            try store.write(bytes, at: layout.geometry.offset(of: layout.block(at: position)!))
            unsyncedBytes += bytes.byteCount
            guard unsyncedBytes >= Installation.syncInterval else { return }
            try store.sync()
            unsyncedBytes = 0
        } catch { throw .slot(error) }
    }

    /// Whether the slot already holds the data block of this position.
    mutating func isPresent<S: Store & ~Copyable>(_ position: Int, in store: inout S) throws(InstallError) -> Bool {
        let place = layout.block(at: position)!
        do throws(StoreError) {
            try store.read(at: layout.geometry.offset(of: place), into: &block)
        } catch { throw .slot(error) }
        let found = tree.identity.digest(of: block.span.bytes)
        do throws(VerityError) {
            return try tree.digest(of: place, in: &store) == found
        } catch {
            if case .store(let error) = error { throw .slot(error) }
            throw .readBack(error)
        }
    }
}
