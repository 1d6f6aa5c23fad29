import Bytes
import Cryptography
@testable import Journal
import SeededRandom
import Testing

@Suite struct JournalTests {
    private func journal(_ disk: Disk, boot: UInt32 = 1, key fill: UInt8? = nil) throws -> Journal<DiskStore> {
        try Journal(opening: DiskStore(disk: disk), bootCount: boot, key: key(fill))
    }

    @Test func recordsComeBackInOrderAcrossRegionsAndBoots() throws {
        let disk = Disk(pages: 32)
        var first = try journal(disk)
        #expect(first.opening.isFresh)
        #expect(try first.append(.sample, monotonicMilliseconds: 5, payload: [1]) == 1)
        #expect(try first.append(.audit, monotonicMilliseconds: 6, payload: [2]) == 2)
        #expect(try first.append(.alarm, monotonicMilliseconds: 7, payload: []) == 3)
        let early = first.next(after: 0)
        #expect(early == nil, "what a power cut could take back is not given out")
        try first.flush()
        #expect(readAll(&first).map(\.sequence) == [1, 2, 3])
        try first.settle()
        var second = try journal(disk, boot: 2)
        #expect(!second.opening.isFresh)
        #expect(try second.append(.sample, monotonicMilliseconds: 1, payload: [4]) == 4)
        try second.flush()
        let all = readAll(&second)
        #expect(all.map(\.payload) == [[1], [2], [], [4]])
        #expect(all.map(\.bootCount) == [1, 1, 1, 2])
        #expect(all.map(\.kind) == [.sample, .audit, .alarm, .sample])
        #expect(all.map(\.monotonicMilliseconds) == [5, 6, 7, 1])
    }

    @Test("P-T2 the chain hash shows a receiver what is missing")
    func chain() throws {
        var journal = try journal(Disk(pages: 32))
        for i in 0..<200 { _ = try journal.append(.sample, monotonicMilliseconds: UInt64(i), payload: [UInt8](repeating: UInt8(i), count: 40)) }
        try journal.flush()
        var chain = [UInt8](repeating: 0, count: 32)
        for record in readAll(&journal) {
            let bytes = JournalRecord.encoded(
                sequence: record.sequence, bootCount: 1, kind: .sample, monotonicMilliseconds: record.monotonicMilliseconds,
                payload: record.payload)
            chain = SHA256.hash(chain + bytes).bytes
            #expect(record.chain.bytes == chain)
        }
    }

    @Test("S-TRID1 a flood of samples is counted as lost and leaves the audit records")
    func flood() throws {
        let disk = Disk(pages: 16)
        var first = try journal(disk)
        for i in 0..<5 { _ = try first.append(.audit, monotonicMilliseconds: 0, payload: [UInt8(i)]) }
        let total = 200
        for i in 0..<total { _ = try first.append(.sample, monotonicMilliseconds: UInt64(i), payload: [UInt8](repeating: 0, count: 900)) }
        try first.flush()
        let kept = readAll(&first)
        #expect(kept.filter { $0.kind == .audit }.count == 5)
        #expect(first.lostAuditRecords == 0)
        #expect(first.lostOtherRecords == UInt64(total - kept.count + 5) && first.lostOtherRecords > 100)
        let lost = first.lostOtherRecords
        var second = try journal(disk, boot: 2)
        #expect(second.lostOtherRecords == lost)
        #expect(readAll(&second) == kept)
    }

    @Test func whatIsAcknowledgedIsNotLost() throws {
        let disk = Disk(pages: 16)
        var first = try journal(disk)
        for _ in 0..<300 {
            let sequence = try first.append(.sample, monotonicMilliseconds: 0, payload: [UInt8](repeating: 0, count: 900))
            try first.flush()
            first.acknowledged(through: sequence)
        }
        #expect(first.lostOtherRecords == 0)
        first.acknowledged(through: .max)
        #expect(first.acknowledgedSequence == first.flushedSequence, "nothing is acknowledged before it was flushed")
        try first.settle()
        let second = try journal(disk, boot: 2)
        #expect(second.acknowledgedSequence == 300)
        #expect(second.flushedSequence == 300)
    }

    @Test func readingFromAnywhereAgreesWithReadingAll() throws {
        var random = Seeded(3)
        var journal = try journal(Disk(pages: 24))
        for i in 0..<900 {
            _ = try journal.append(i % 7 == 0 ? .audit : .sample, monotonicMilliseconds: 0, payload: [UInt8](repeating: 1, count: i % 300))
            if i % 11 == 0 { try journal.flush() }
            guard i % 90 == 0 else { continue }
            let all = readAll(&journal)
            for _ in 0..<40 {
                let after = UInt64.random(in: 0...UInt64(i + 2), using: &random)
                let next = journal.next(after: after)
                #expect(next == all.first { $0.sequence > after })
            }
        }
    }

    @Test func limits() throws {
        #expect(throws: JournalError.tooSmall(byteCount: 4096 * 15)) { try self.journal(Disk(pages: 15)).flushedSequence }
        var journal = try journal(Disk(pages: 16))
        let long = [UInt8](repeating: 0, count: 1025)
        #expect(throws: JournalError.payloadTooLong(byteCount: 1025)) { try journal.append(.sample, monotonicMilliseconds: 0, payload: long) }
    }

    @Test func aStoreThatFailsLosesNothingThatWasTaken() throws {
        let disk = Disk(pages: 16)
        var journal = try journal(disk)
        _ = try journal.append(.sample, monotonicMilliseconds: 0, payload: [1])
        disk.isOff = true
        #expect(throws: JournalError.store(StoreError(.write, offset: 0, errno: 5))) { try journal.flush() }
        disk.isOff = false
        try journal.flush()
        #expect(readAll(&journal).map(\.payload) == [[1]])
    }

    @Test("S-TRID1 each altered page is told, and the records around it stay")
    func altered() throws {
        let disk = Disk(pages: 16)
        var first = try journal(disk)
        for i in 0..<24 { _ = try first.append(.sample, monotonicMilliseconds: UInt64(i), payload: [UInt8](repeating: 9, count: 900)) }
        try first.flush()
        let all = readAll(&first)
        for bit in stride(from: 0, to: 4096 * 8, by: 997) {
            let copy = Disk(disk.bytes)
            // The general region begins at page 4; its third home page is page 4 + 2 + 2.
            copy.bytes[8 * 4096 + bit / 8] ^= 1 << UInt8(bit % 8)
            var second = try journal(copy, boot: 2)
            #expect(second.opening.damagedPages == 1 && second.opening.damagedRecords == 4, "bit \(bit)")
            let left = readAll(&second)
            #expect(left == all.filter { !(9...12).contains($0.sequence) }, "bit \(bit)")
        }
    }

    @Test("S-TRID1 with a key nothing can be read, altered, moved, downgraded or swapped with another device's")
    func encrypted() throws {
        let disk = Disk(pages: 16)
        var first = try journal(disk, key: 1)
        let secret = Array("the valve of the third tank".utf8)
        for i in 0..<60 { _ = try first.append(.sample, monotonicMilliseconds: UInt64(i), payload: secret + [UInt8](repeating: 9, count: 500)) }
        try first.flush()
        #expect(!readAll(&first).isEmpty)
        let text = Array(secret)
        #expect(!disk.bytes.indices.contains { disk.bytes[$0] == text[0] && disk.bytes[$0...].starts(with: text) })

        var stranger = try journal(Disk(disk.bytes), boot: 2, key: 2)
        #expect(stranger.opening.isFresh && readAll(&stranger).isEmpty)
        var plain = try journal(Disk(disk.bytes), boot: 2)
        #expect(plain.opening.isFresh && readAll(&plain).isEmpty)

        // An altered byte with a digest that fits again.
        let altered = Disk(disk.bytes)
        altered.bytes[8 * 4096 + 1000] ^= 1
        refit(altered, page: 8)
        #expect(try journal(altered, boot: 2, key: 1).opening.damagedPages == 1)
        // A page in another's place.
        let moved = Disk(disk.bytes)
        moved.bytes.replaceSubrange(8 * 4096..<9 * 4096, with: moved.bytes[9 * 4096..<10 * 4096])
        #expect(try journal(moved, boot: 2, key: 1).opening.damagedPages == 1)
        // A store without encryption where there is a key.
        let open = Disk(pages: 16)
        var unencrypted = try journal(open)
        _ = try unencrypted.append(.audit, monotonicMilliseconds: 0, payload: [1])
        try unencrypted.flush()
        #expect(try journal(open, boot: 2, key: 1).opening.isFresh)
    }

    private func refit(_ disk: Disk, page: Int) {
        let from = page * 4096
        let digest = SHA256.hash(Array(disk.bytes[from..<from + 4064]))
        disk.bytes.replaceSubrange(from + 4064..<from + 4096, with: digest.bytes)
    }

    @Test("S-TRID1 pages made by anybody never trap")
    func hostile() throws {
        let disk = Disk(pages: 16)
        var first = try journal(disk)
        for i in 0..<80 { _ = try first.append(i % 5 == 0 ? .audit : .sample, monotonicMilliseconds: UInt64(i), payload: [UInt8](repeating: 9, count: i * 7)) }
        try first.flush()
        var random = Seeded(4)
        for _ in 0..<400 {
            let copy = Disk(disk.bytes)
            for _ in 0..<4 {
                let page = Int.random(in: 0..<16, using: &random)
                for _ in 0..<3 {
                    // Mostly the head and the records' heads.
                    let at = Bool.random(using: &random) ? Int.random(in: 8..<160, using: &random) : Int.random(in: 160..<4064, using: &random)
                    copy.bytes[page * 4096 + at] = [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random)!
                }
                refit(copy, page: page)
            }
            var second = try journal(copy, boot: 2)
            _ = readAll(&second)
            _ = try? second.append(.audit, monotonicMilliseconds: 0, payload: [1])
            _ = try? second.append(.sample, monotonicMilliseconds: 0, payload: [UInt8](repeating: 1, count: 1024))
            try? second.flush()
            try? second.settle()
        }
    }
}
