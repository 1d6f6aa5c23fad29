import Bytes
import Release
import SeededRandom
import Signed
import SimulatedDisk
import SimulatedRelease
import Testing
import Verity
@testable import Installer

let signer = try! SimulatedSigner()
let slotSize = 768 << 10

func terms(floor: UInt64 = 0, board: String = "test-board", revision: UInt16 = 1, keys: KeySet = signer.keys) -> InstallTerms {
    InstallTerms(keys: keys, board: board, hardwareRevision: revision, floor: floor)
}

/// A server and a supervisor around an installation.
struct Harness {
    var bundle: [UInt8]
    var terms: InstallTerms
    /// Bytes of a piece; channels carry at most 12288.
    var piece = 12288
    /// Ends the fetch with `interrupted` whenever so many bytes of it have come.
    var interruptAfter: Int?
    var fetchedBytes = 0
    var fetches: [Range<Int>] = []
    var allowed = 0

    init(_ bundle: [UInt8], terms: InstallTerms = InstallerTests.terms()) {
        self.bundle = bundle
        self.terms = terms
    }

    mutating func run(_ store: inout SimulatedPartition, marking: () throws -> Void = {}) throws -> String {
        var installation = Installation(terms: terms, slot: SlotLayout(size: store.size)!)
        var request = try installation.handle(.begin, on: &store)
        for _ in 0..<100_000 {
            switch request {
            case .fetch(let offset, let length): request = try serve(offset, length, &installation, &store)
            case .receive: Issue.record("asked for more than the range"); return ""
            case .findContentKey: Issue.record("of a bundle in the clear"); return ""
            case .allowWriting:
                allowed += 1
                try marking()
                request = try installation.handle(.writingAllowed, on: &store)
            case .proceed: request = try installation.handle(.proceed, on: &store)
            case .installed(let release): return release
            }
        }
        Issue.record("does not end")
        return ""
    }

    private mutating func serve(
        _ offset: Int, _ length: Int, _ installation: inout Installation, _ store: inout SimulatedPartition
    ) throws -> InstallRequest {
        fetches.append(offset..<offset + length)
        var at = offset
        let end = offset + length
        while true {
            if at >= bundle.count { return try installation.handle(.ended, on: &store) }
            if let interruptAfter, at - offset >= interruptAfter, at < end { return try installation.handle(.interrupted, on: &store) }
            let next = min(at + piece, end, bundle.count, interruptAfter.map { offset + $0 } ?? end)
            fetchedBytes += next - at
            let request = try installation.handle(.received([UInt8](bundle[at..<next])), on: &store)
            at = next
            if request != .receive { return request }
        }
    }
}

private func emptySlot() -> SimulatedPartition { SimulatedPartition(SimulatedDisk(size: slotSize)) }

private func code(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch let error as InstallError { return error.code } catch { return "\(error)" }
}

@Suite struct InstallationTests {
    @Test("a bundle becomes the slot that veritysetup and the boot verify", arguments: [1, 2, 16, 127, 128, 129, 150])
    func installs(blocks: Int) throws {
        let release = try SimulatedRelease("2", dataBlocks: blocks, seed: 9, signer: signer)
        for piece in [12288, 4096, 1000, 65536] {
            var store = emptySlot()
            var harness = Harness(release.bundle())
            harness.piece = piece
            #expect(try harness.run(&store) == "2")
            #expect(store.disk.contents == release.slot(size: slotSize))
            #expect(try verifySlot(&store, keys: signer.keys).payload == release.manifest)
            #expect(harness.fetchedBytes == release.bundle().count)
            #expect(harness.fetches.count == 2)
            #expect(harness.allowed == 1)
        }
    }

    @Test func interruptedFetchesAreTakenUpWhereTheyEnded() throws {
        let release = try SimulatedRelease("2", dataBlocks: 150, seed: 9, signer: signer)
        for interval in [4096 * 3, 70_000, 100_001] {
            var store = emptySlot()
            var harness = Harness(release.bundle())
            harness.interruptAfter = interval
            guard interval > ObjectArea.size else { continue }
            #expect(try harness.run(&store) == "2")
            #expect(store.disk.contents == release.slot(size: slotSize))
            #expect(harness.fetchedBytes < release.bundle().count + harness.fetches.count * blockSize)
        }
    }

    @Test("P-T1 each altered block of the hash area and of the data is refused by name, and never written")
    func alteredBlocks() throws {
        let release = try SimulatedRelease("2", dataBlocks: 140, seed: 9, signer: signer)
        let layout = release.layout
        for position in 0..<layout.blocks {
            var bundle = release.bundle()
            let at = layout.offset(ofPosition: position)
            bundle[at + position * 7 % blockSize] ^= 0x40
            var store = emptySlot()
            var harness = Harness(bundle)
            #expect(throws: InstallError.blockAltered(layout.block(at: position)!, offset: at)) { _ = try harness.run(&store) }
            let altered = [UInt8](bundle[at..<at + blockSize])
            for case .write(let offset, let bytes) in store.disk.log {
                for start in stride(from: 0, to: bytes.count, by: blockSize) where bytes.count >= start + blockSize {
                    #expect([UInt8](bytes[start..<start + blockSize]) != altered, "written at \(offset)")
                }
            }
            #expect(throws: SlotError.manifestArea(.erased)) { _ = try verifySlot(&store, keys: signer.keys) }
        }
    }

    @Test("P-T1 a bundle that is refused by its manifest changes nothing, not even the marking")
    func refusals() throws {
        let good = try SimulatedRelease("2", dataBlocks: 20, seed: 9, signer: signer, rollbackIndex: 5)
        func refused(_ release: SimulatedRelease, _ terms: InstallTerms, _ object: [UInt8]? = nil) -> String? {
            var store = emptySlot()
            var harness = Harness(release.bundle(object: object), terms: terms)
            let result = code { _ = try harness.run(&store) }
            #expect(result == nil || store.disk.log.isEmpty && harness.allowed == 0)
            return result
        }
        #expect(refused(good, terms(floor: 5)) == nil)
        #expect(refused(good, terms(floor: 6)) == "below-floor")
        #expect(refused(good, terms(board: "other")) == "board-wrong")
        #expect(refused(good, terms(revision: 0)) == "hardware-revision-wrong")
        #expect(refused(good, terms(revision: 3)) == "hardware-revision-wrong")
        #expect(refused(good, terms(keys: try SimulatedSigner().keys)) == "manifest-key-unknown")
        let newer = try SimulatedRelease("2", dataBlocks: 20, seed: 9, signer: signer, installerVersionMinimum: 2)
        #expect(refused(newer, terms()) == "unsupported")
        let large = try SimulatedRelease("2", dataBlocks: 200, seed: 9, signer: signer)
        #expect(refused(large, terms()) == "slot-too-small")
        var altered = good.object
        altered[altered.count / 2] ^= 1
        #expect(refused(good, terms(), altered)?.hasPrefix("manifest-") == true)
        let replayed = try signer.sign(good.manifest.encoded(), purpose: .calibration)
        #expect(refused(good, terms(), replayed) == "manifest-purpose-wrong")
        let strict = try SimulatedSigner(threshold: 2)
        let one = try SimulatedRelease("2", dataBlocks: 2, seed: 9, signer: strict)
        #expect(refused(one, terms(keys: strict.keys)) == "manifest-threshold-unmet")
        let both = try strict.sign(one.manifest.encoded(), both: true)
        #expect(refused(one, terms(keys: strict.keys), both) == nil)
    }

    @Test("P-T1 truncated at any block: refused, and the slot stays unbootable")
    func truncated() throws {
        let release = try SimulatedRelease("2", dataBlocks: 40, seed: 9, signer: signer)
        let bundle = release.bundle()
        for length in stride(from: 0, to: bundle.count, by: blockSize - 1) {
            var store = emptySlot()
            var harness = Harness([UInt8](bundle[..<length]))
            #expect(code { _ = try harness.run(&store) } == "bundle-truncated", "\(length)")
            #expect(throws: SlotError.manifestArea(.erased)) { _ = try verifySlot(&store, keys: signer.keys) }
        }
    }

    @Test("G-T a server that sends more than asked, or unasked, is refused")
    func oversent() throws {
        let release = try SimulatedRelease("2", dataBlocks: 2, seed: 9, signer: signer)
        let bundle = release.bundle()
        var store = emptySlot()
        var installation = Installation(terms: terms(), slot: SlotLayout(size: slotSize)!)
        #expect(throws: InstallError.oversent) { _ = try installation.handle(.received([1]), on: &store) }
        _ = try installation.handle(.begin, on: &store)
        #expect(throws: InstallError.oversent) { _ = try installation.handle(.received([UInt8](bundle[..<65537])), on: &store) }
        installation = Installation(terms: terms(), slot: SlotLayout(size: slotSize)!)
        _ = try installation.handle(.begin, on: &store)
        #expect(try installation.handle(.received([UInt8](bundle[..<65536])), on: &store) == .allowWriting(release: "2"))
        #expect(throws: InstallError.oversent) { _ = try installation.handle(.received([1]), on: &store) }
        _ = try installation.handle(.writingAllowed, on: &store)
        #expect(throws: InstallError.oversent) { _ = try installation.handle(.received([UInt8](bundle[65536...]) + [0]), on: &store) }
        #expect(!store.disk.contents.contains { $0 != 0 }, "nothing was written")
    }

    @Test("the slot's old manifest goes before its first block changes")
    func manifestGoesFirst() throws {
        let old = try SimulatedRelease("1", dataBlocks: 20, seed: 1, signer: signer)
        let new = try SimulatedRelease("2", dataBlocks: 20, seed: 2, signer: signer)
        let disk = SimulatedDisk(contents: old.slot(size: slotSize))
        var store = SimulatedPartition(disk)
        var harness = Harness(new.bundle())
        _ = try harness.run(&store)
        guard case .write(let offset, let bytes) = disk.log[0], case .sync = disk.log[1] else {
            Issue.record("not erased and synced first")
            return
        }
        #expect(offset == slotSize - ObjectArea.size && !bytes.contains { $0 != 0 })
        let manifests = disk.log.filter { if case .write(slotSize - ObjectArea.size, _) = $0 { true } else { false } }
        #expect(manifests.count == 2)
        guard case .sync = disk.log[disk.log.count - 1], case .write(slotSize - ObjectArea.size, _) = disk.log[disk.log.count - 2],
            case .sync = disk.log[disk.log.count - 3]
        else {
            Issue.record("the manifest is not last, between two syncs")
            return
        }
    }

    @Test("P-T1 a medium that alters what was written is found before the manifest is")
    func readBack() throws {
        struct Lying: Store {
            var inner: SimulatedPartition
            var size: Int { inner.size }
            mutating func read(at offset: Int, into buffer: inout [UInt8]) throws(StoreError) { try inner.read(at: offset, into: &buffer) }
            mutating func write(_ bytes: RawSpan, at offset: Int) throws(StoreError) {
                try inner.write(bytes, at: offset)
                let place = 16 * blockSize
                if (offset..<offset + bytes.byteCount).contains(place) { inner.disk.corrupt(at: place + 5) }
            }
            mutating func sync() throws(StoreError) { try inner.sync() }
        }
        let release = try SimulatedRelease("2", dataBlocks: 40, seed: 9, signer: signer)
        var store = Lying(inner: emptySlot())
        var installation = Installation(terms: terms(), slot: SlotLayout(size: slotSize)!)
        let bundle = release.bundle()
        _ = try installation.handle(.begin, on: &store)
        _ = try installation.handle(.received([UInt8](bundle[..<65536])), on: &store)
        _ = try installation.handle(.writingAllowed, on: &store)
        #expect(throws: InstallError.readBack(.altered(.data(index: 16)))) {
            var request = try installation.handle(.received([UInt8](bundle[65536...])), on: &store)
            while request == .proceed { request = try installation.handle(.proceed, on: &store) }
        }
        #expect(throws: SlotError.manifestArea(.erased)) { _ = try verifySlot(&store.inner, keys: signer.keys) }
    }

    @Test("resuming fetches what is missing and no more")
    func resumes() throws {
        let release = try SimulatedRelease("2", dataBlocks: 140, seed: 9, signer: signer)
        let layout = release.layout
        // Everything but a few runs of blocks is there; the manifest is not.
        let disk = SimulatedDisk(contents: release.slot(size: slotSize))
        let missing = [0, 1, 2, 50, 99, 100, 139]
        for block in missing { disk.corrupt(at: block * blockSize + 9) }
        disk.place([UInt8](repeating: 0, count: ObjectArea.size), at: slotSize - ObjectArea.size)
        var store = SimulatedPartition(disk)
        var harness = Harness(release.bundle())
        #expect(try harness.run(&store) == "2")
        #expect(disk.contents == release.slot(size: slotSize))
        #expect(harness.fetchedBytes == ObjectArea.size + missing.count * blockSize)
        let hashAreaBlocks = layout.geometry.hashAreaBlocks
        let runs = [0..<3, 50..<51, 99..<101, 139..<140].map {
            layout.offset(ofPosition: hashAreaBlocks + $0.lowerBound)..<layout.offset(ofPosition: hashAreaBlocks + $0.upperBound)
        }
        #expect(Array(harness.fetches.dropFirst()) == runs)
    }

    @Test("P-T1 on resuming, a block that was altered in the slot meanwhile is fetched again")
    func resumesOverTampering() throws {
        let release = try SimulatedRelease("2", dataBlocks: 140, seed: 9, signer: signer)
        var random = Seeded(2)
        for _ in 0..<40 {
            let disk = SimulatedDisk(contents: release.slot(size: slotSize))
            for _ in 0...random.next() % 5 { disk.corrupt(at: Int(random.next() % UInt64(release.manifest.root.geometry.imageSize))) }
            var store = SimulatedPartition(disk)
            var harness = Harness(release.bundle())
            #expect(try harness.run(&store) == "2")
            #expect(disk.contents == release.slot(size: slotSize))
        }
    }

    @Test func progressReachesTheTotal() throws {
        let release = try SimulatedRelease("2", dataBlocks: 40, seed: 9, signer: signer)
        var store = emptySlot()
        var installation = Installation(terms: terms(), slot: SlotLayout(size: slotSize)!)
        let bundle = release.bundle()
        #expect(installation.progress == (0, 0))
        _ = try installation.handle(.begin, on: &store)
        _ = try installation.handle(.received([UInt8](bundle[..<65536])), on: &store)
        _ = try installation.handle(.writingAllowed, on: &store)
        #expect(installation.progress == (0, release.layout.blocks * blockSize))
        _ = try installation.handle(.received([UInt8](bundle[65536..<2 * 65536])), on: &store)
        #expect(installation.progress.doneBytes == 65536)
        _ = try installation.handle(.received([UInt8](bundle[(2 * 65536)...])), on: &store)
        #expect(installation.progress.doneBytes == release.layout.blocks * blockSize)
    }
}
