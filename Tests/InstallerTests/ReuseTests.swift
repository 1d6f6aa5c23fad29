// Updates from a running release: what it has is not fetched.
import Bytes
import Cryptography
import Release
import SeededRandom
import SimulatedDisk
import Testing
import Verity
@testable import Installer

/// A release whose image is made of these blocks, each a number; the salt is the board's.
private func release(_ name: String, _ blocks: [UInt64], salt: UInt8 = 1) throws -> (object: [UInt8], data: [UInt8], hashArea: [UInt8], manifest: Manifest) {
    let data = blocks.flatMap { number in
        var random = Seeded(number)
        return random.bytes(blockSize)
    }
    var store = SimulatedPartition(SimulatedDisk(contents: data))
    let (identity, area) = try buildTree(
        over: &store, dataBlocks: blocks.count, salt: [UInt8](repeating: salt, count: 32), uuid: [UInt8](repeating: UInt8(name.utf8.first!), count: 16))!
    let manifest = try Manifest(
        board: "test-board", hardwareRevisions: 1...2, release: name, rollbackIndex: 5, installerVersionMinimum: 1,
        components: [Component(kind: .root, byteCount: data.count, identity: identity)!],
        healthGate: HealthGate(aliveMilliseconds: 10_000, uplinkDemanded: true, timeoutMilliseconds: 60_000)!)
    return (try signer.sign(manifest.encoded()), data, area, manifest)
}

private func slot(_ made: (object: [UInt8], data: [UInt8], hashArea: [UInt8], manifest: Manifest)) -> [UInt8] {
    let image = made.data + made.hashArea
    return image + [UInt8](repeating: 0, count: slotSize - image.count - ObjectArea.size) + SlotLayout.manifestArea.encoded(made.object)!
}

/// A board that runs one release and takes another; counts what is fetched of data and tree.
private struct Update {
    let disk: SimulatedDisk
    let bundle: [UInt8]
    var maximumBytes = UInt64.max
    var interruptAfter = Int.max
    private(set) var fetches: [Range<Int>] = []
    private(set) var notices: [String] = []
    private(set) var bytes = 0

    init(running: [UInt8], bundle: [UInt8]) {
        disk = SimulatedDisk(contents: [UInt8](repeating: 0, count: slotSize) + running)
        self.bundle = bundle
    }

    mutating func run() throws -> String {
        var store = SimulatedPartition(disk)
        let layout = SlotLayout(size: slotSize)!
        let terms = InstallTerms(keys: signer.keys, board: "test-board", hardwareRevision: 1, floor: 0, downloadMaximumBytes: maximumBytes)
        var installation = Installation(terms: terms, slot: layout, running: RunningSlot(base: slotSize, layout: layout))
        var request = try installation.handle(.begin, on: &store)
        for _ in 0..<10_000 {
            notices += installation.notices.map(\.code)
            installation.notices = []
            switch request {
            case .fetch(let offset, let length):
                if offset > 0 { fetches.append(offset..<offset + length) }
                var at = offset
                repeat {
                    if at - offset >= interruptAfter {
                        request = try installation.handle(.interrupted, on: &store)
                        break
                    }
                    let next = min(at + 12288, offset + length)
                    if offset > 0 { bytes += next - at }
                    request = try installation.handle(.received([UInt8](bundle[at..<next])), on: &store)
                    at = next
                } while request == .receive
            case .allowWriting: request = try installation.handle(.writingAllowed, on: &store)
            case .proceed: request = try installation.handle(.proceed, on: &store)
            case .installed(let release): return release
            case .receive, .findContentKey:
                Issue.record("unexpected")
                return ""
            }
        }
        Issue.record("does not end")
        return ""
    }
}

@Suite struct ReuseTests {
    private let old = (0..<140).map { UInt64($0) }
    /// Five blocks put in, so that all behind them moved; two replaced; some twice.
    private let new: [UInt64]

    init() { new = Array(0..<20) + [900, 901, 902, 903, 904] + Array(20..<70) + [905, 71, 906] + Array(73..<130) + [3, 3, 907] }

    private func update(salt: UInt8 = 1) throws -> (Update, [UInt8]) {
        let running = try release("1", old), made = try release("2", new, salt: salt)
        return (Update(running: slot(running), bundle: BundleLayout.manifestArea.encoded(made.object)! + made.hashArea + made.data), slot(made))
    }

    @Test("P-T1 blocks that the running slot has, wherever they stand there, are copied; the others are fetched, and none twice")
    func reuses() throws {
        var (update, expected) = try update()
        let running = [UInt8](update.disk.contents[slotSize...])
        #expect(try update.run() == "2")
        #expect([UInt8](update.disk.contents[..<slotSize]) == expected)
        #expect([UInt8](update.disk.contents[slotSize...]) == running, "the running slot was written")
        let hashArea = VerityGeometry(dataBlocks: new.count)!.hashAreaBlocks
        let changed = new.filter { !old.contains($0) }.count
        #expect(update.bytes == (hashArea + changed) * blockSize)
        #expect(update.fetches.count == 5)
        #expect(update.notices == ["update-plan"])
    }

    @Test("P-T1 a damaged block of the running slot, or its hash, is not copied but fetched")
    func damaged() throws {
        let image = slotSize + 140 * blockSize
        let hashes = image + VerityGeometry(dataBlocks: 140)!.hashAreaBlock(level: 1, index: 0) * blockSize
        for (offset, more) in [(slotSize + 30 * blockSize + 7, 1), (hashes + 30 * 32, 1), (hashes + 30 * 32 + 20, 0)] {
            var (update, expected) = try update()
            update.disk.corrupt(at: offset)
            #expect(try update.run() == "2")
            #expect([UInt8](update.disk.contents[..<slotSize]) == expected)
            let changed = new.filter { !old.contains($0) }.count + more
            #expect(update.bytes == (VerityGeometry(dataBlocks: new.count)!.hashAreaBlocks + changed) * blockSize, "\(offset)")
        }
    }

    @Test("a running slot that can't be used costs a full download, which is told; so does another salt")
    func impossible() throws {
        for salt in [UInt8(1), 2] {
            var (update, expected) = try update(salt: salt)
            if salt == 1 { update.disk.corrupt(at: 2 * slotSize - ObjectArea.size) }
            #expect(try update.run() == "2")
            #expect([UInt8](update.disk.contents[..<slotSize]) == expected)
            #expect(update.notices == ["update-reuse-impossible"])
            #expect(update.fetches.count == 1)
        }
    }

    @Test("nothing in common: a full download that is told")
    func nothing() throws {
        let running = try release("1", (2000..<2140).map { UInt64($0) }), made = try release("2", new)
        var update = Update(running: slot(running), bundle: BundleLayout.manifestArea.encoded(made.object)! + made.hashArea + made.data)
        #expect(try update.run() == "2")
        #expect(update.notices == ["update-download-full"])
    }

    @Test("an order with a limit is refused before more than that is fetched; the next order goes on from there")
    func limited() throws {
        var (update, expected) = try update()
        let changed = new.filter { !old.contains($0) }.count
        let needed = (VerityGeometry(dataBlocks: new.count)!.hashAreaBlocks + changed) * blockSize
        update.maximumBytes = UInt64(needed - 1)
        #expect(throws: InstallError.downloadLimit(neededBytes: needed, allowedBytes: UInt64(needed - 1))) { _ = try update.run() }
        #expect(update.bytes < needed)
        update.maximumBytes = UInt64(needed)
        #expect(try update.run() == "2")
        #expect([UInt8](update.disk.contents[..<slotSize]) == expected)
        #expect(update.bytes == needed)
    }

    @Test("P-D1 connections that break in a delta only cost the broken block")
    func interrupted() throws {
        var (update, expected) = try update()
        update.interruptAfter = 73_728
        #expect(try update.run() == "2")
        #expect([UInt8](update.disk.contents[..<slotSize]) == expected)
    }

    @Test("a window finds every wanted block by its hash, all of equal hash too, in any order")
    func window() {
        var random = Seeded(4)
        let digests = (0..<500).map { _ in random.bytes(32) }
        var window = ReuseWindow(1000..<1502)
        for place in 0..<500 { window.want(1000 + place, Digest(digests[place])!) }
        window.want(1501, Digest(digests[3])!)
        window.close()
        for place in stride(from: 498, through: 0, by: -2) { window.offer(digests[place], at: 0, number: 7000 + place) }
        window.offer(digests[3], at: 0, number: 9)
        for place in 0..<500 { #expect(window.source(1000 + place) == (place % 2 == 0 ? 7000 + place : place == 3 ? 9 : nil)) }
        #expect(window.source(1500) == nil && window.source(1501) == 9)
        #expect(window.missing == 249)
        #expect(window.run(from: 1000) == 1001..<1002 && window.run(from: 1002) == 1005..<1006)
        #expect(window.run(from: 1500) == nil)
    }
}

@Suite struct InstallerStoreTests {
    @Test("P-E2 nothing is written to the running slot, whatever the offset")
    func bounds() throws {
        let disk = SimulatedDisk(size: 2 * slotSize)
        func part(_ start: Int, _ size: Int) -> SimulatedPartition { SimulatedPartition(disk, start: start, size: size) }
        var store = InstallerStore(
            SlotStore(part(0, slotSize), boot: part(slotSize, 0)), running: SlotStore(part(slotSize, slotSize), boot: part(2 * slotSize, 0)))
        #expect(store.runningSlot == RunningSlot(base: slotSize, layout: SlotLayout(size: slotSize)!))
        let block = [UInt8](repeating: 7, count: blockSize)
        for offset in [slotSize, slotSize + blockSize, 2 * slotSize - blockSize] {
            #expect(throws: StoreError(.bounds, offset: offset, errno: 0)) { try store.write(block.span.bytes, at: offset) }
        }
        #expect(throws: StoreError.self) { try store.write((block + block).span.bytes, at: slotSize - blockSize) }
        #expect(disk.log.isEmpty)
        disk.corrupt(at: slotSize + 5, xor: 9)
        var read = [UInt8](repeating: 0, count: 8)
        try store.read(at: slotSize, into: &read)
        #expect(read[5] == 9)
    }

    @Test func theRateFollowsWithoutJumping() {
        var rate = TransferRate(bytes: 1000, now: 500)
        rate.note(bytes: 5000, now: 2500)
        #expect(rate.bytesPerSecond == 2000)
        rate.note(bytes: 5000, now: 4500)
        #expect(rate.bytesPerSecond == 1500)
        rate.note(bytes: 4000, now: 5000)
        rate.note(bytes: 9000, now: 4500)
        #expect(rate.bytesPerSecond == 1500)
    }
}
