import Bytes
import Cryptography
import SeededRandom
import SimulatedDisk
import Testing
@testable import BootState

private let full = SlotFailure(
    release: String(repeating: "r", count: 64), step: String(repeating: "s", count: 32), code: String(repeating: "c", count: 64),
    text: String(repeating: "t", count: 256))
private let rich = BootState(
    a: SlotState(.good, attemptsLeft: 2, release: "1.0.0"),
    b: SlotState(.bad, release: String(repeating: "x", count: 64), failure: full), active: .b, bootCount: .max)

@Suite struct BootRecordTests {
    @Test(arguments: [BootState.lost, .flashed(release: "1"), rich])
    func roundTrip(state: BootState) throws {
        let record = BootRecord(sequence: 9, content: state)
        let bytes = record.encoded()
        #expect(bytes.count == BootRecord.size)
        #expect(try BootRecord(decoding: bytes.span.bytes) == record)
    }

    @Test("P-D2 every single altered byte is found")
    func alteredBytes() {
        var bytes = BootRecord(sequence: 9, content: rich).encoded()
        for at in 0..<bytes.count {
            bytes[at] ^= 0x10
            #expect(throws: RecordError.self) { _ = try BootRecord(decoding: bytes.span.bytes) }
            bytes[at] ^= 0x10
        }
    }

    @Test func everyTruncationIsRefused() {
        let bytes = BootRecord(sequence: 9, content: rich).encoded()
        for length in 0..<bytes.count {
            #expect(throws: RecordError.size) { _ = try BootRecord(decoding: bytes.span.bytes.extracting(0..<length)) }
        }
    }

    /// The checksum is no secret, so whoever can write the disk can make it right.
    private func sealed(_ bytes: [UInt8]) -> [UInt8] {
        let body = [UInt8](bytes[..<(BootRecord.size - 32)])
        return body + SHA256.hash(body.span.bytes).bytes
    }

    @Test("S-TRID1 forged content with a right checksum never traps, and what is read is within bounds")
    func forged() throws {
        let good = BootRecord(sequence: 9, content: rich).encoded()
        var random = Seeded(5)
        for _ in 0..<5_000 {
            var bytes = good
            for _ in 0...random.next() % 3 {
                let at = random.next() % 2 == 0 ? Int(random.next() % 64) : Int(random.next() % 700)
                bytes[at] = UInt8(truncatingIfNeeded: random.next())
            }
            guard let record = try? BootRecord(decoding: sealed(bytes).span.bytes) else { continue }
            #expect(record.sequence <= recordSequenceMaximum)
            #expect(record.content.a.attemptsLeft <= 3 && record.content.b.attemptsLeft <= 3)
            _ = record.content.chosen()
            _ = BootRecord(sequence: record.sequence + 1, content: record.content).encoded()
        }
    }
}

@Suite struct BootStateStoreTests {
    private func state(_ count: UInt64) -> BootState {
        var state = BootState.flashed(release: "1")
        state.bootCount = count
        return state
    }

    @Test func newestCopyWins() throws {
        let disk = SimulatedDisk(contents: BootStateStore.image(of: state(0)))
        var partition = SimulatedPartition(disk)
        var store = try BootStateStore(loading: &partition)
        for count in 1...5 as ClosedRange<UInt64> {
            try store.write(state(count), to: &partition)
            #expect(try BootStateStore(loading: &partition).state == state(count))
        }
    }

    @Test func oneDamagedCopyCostsAtMostOneWrite() throws {
        for copy in 0..<2 {
            let disk = SimulatedDisk(contents: BootStateStore.image(of: state(0)))
            var partition = SimulatedPartition(disk)
            var store = try BootStateStore(loading: &partition)
            try store.write(state(1), to: &partition)
            disk.corrupt(at: BootState.place.offsets[copy] + 30)
            let after = try BootStateStore(loading: &partition)
            #expect(after.wasFound)
            #expect(after.state == state(copy == 0 ? 0 : 1))
        }
    }

    @Test func theSameStateIsNotWrittenTwice() throws {
        let disk = SimulatedDisk(contents: BootStateStore.image(of: state(0)))
        var partition = SimulatedPartition(disk)
        var store = try BootStateStore(loading: &partition)
        try store.write(state(0), to: &partition)
        #expect(disk.log.isEmpty)
        var blank = SimulatedPartition(SimulatedDisk(size: BootStateStore.partitionSize))
        var lost = try BootStateStore(loading: &blank)
        try lost.write(.lost, to: &blank)
        #expect(try BootStateStore(loading: &blank).wasFound)
    }

    @Test func bothCopiesDamaged() throws {
        var partition = SimulatedPartition(SimulatedDisk(size: BootStateStore.partitionSize))
        var store = try BootStateStore(loading: &partition)
        #expect(!store.wasFound && store.state == .lost)
        try store.write(state(1), to: &partition)
        #expect(try BootStateStore(loading: &partition).state == state(1))
    }

    @Test func mediumThatDoesNotKeepIsReported() throws {
        struct Forgetful: Store {
            var inner: SimulatedPartition
            var size: Int { inner.size }
            mutating func read(at offset: Int, into buffer: inout [UInt8]) throws(StoreError) { try inner.read(at: offset, into: &buffer) }
            mutating func write(_ bytes: RawSpan, at offset: Int) throws(StoreError) {}
            mutating func sync() throws(StoreError) {}
        }
        var partition = Forgetful(inner: SimulatedPartition(SimulatedDisk(contents: BootStateStore.image(of: state(0)))))
        var store = try BootStateStore(loading: &partition)
        #expect(throws: BootStateError.readBack(copy: 0)) { try store.write(state(1), to: &partition) }
        #expect(store.state == state(0))
    }

    @Test("P-D2 a power cut at any sector of any write leaves the state before or after it")
    func powerCuts() throws {
        let disk = SimulatedDisk(contents: BootStateStore.image(of: state(0)))
        var partition = SimulatedPartition(disk)
        var store = try BootStateStore(loading: &partition)
        for count in 1...8 as ClosedRange<UInt64> { try store.write(state(count), to: &partition) }
        // Each write is two operations: operation n belongs to the write of state n / 2 + 1.
        let cuts = try disk.forEachCut(reorderings: 20) { cut, medium in
            var after = SimulatedPartition(SimulatedDisk(contents: medium))
            let found = try BootStateStore(loading: &after)
            let count = UInt64(cut.operation / 2)
            #expect(found.wasFound, "\(cut)")
            #expect(found.state == state(count) || found.state == state(count + 1), "\(cut) gave \(found.state.bootCount)")
        }
        print("boot state: \(cuts) power cuts")
        #expect(cuts > 300)
    }
}
