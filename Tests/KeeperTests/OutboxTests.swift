// Records on their way out: in order, a window at a time, and kept until the broker has them.
import Authority
import Foundation
import Journal
@testable import Keeper
import Testing

/// A partition in a file, over as many lives of the keeper as a test needs.
private final class Partition {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("penstock-journal-\(UUID().uuidString)")
    private var boots: UInt64 = 0

    init(size: Int = 64 * 4096) { try! Data(count: size).write(to: url) }
    deinit { try? FileManager.default.removeItem(at: url) }

    /// Another start of the keeper on what the last one left.
    func open() throws -> Outbox {
        boots += 1
        let descriptor = Glibc.open(url.path, O_RDWR | O_CLOEXEC)
        try #require(descriptor >= 0)
        return try Outbox(partition: descriptor, bootCount: boots)
    }
}

extension Outbox {
    fileprivate mutating func add(_ numbers: ClosedRange<UInt8>, _ kind: RecordClass = .alarm) throws {
        for number in numbers { try append(kind, .event, [number], monotonicMilliseconds: UInt64(number)) }
        try flush()
    }

    /// All that it gives now: sequence and first byte.
    fileprivate mutating func given() -> [(sequence: UInt64, number: UInt8)] {
        var out: [(UInt64, UInt8)] = []
        while let record = next() { out.append((record.sequence, record.payload[0])) }
        return out
    }

    /// Runs a session that confirms everything, up to `maximum` records: their numbers.
    fileprivate mutating func deliver(_ maximum: Int = .max) -> [UInt8] {
        var out: [UInt8] = []
        while out.count < maximum, let record = next() {
            out.append(record.payload[0])
            confirm(record.sequence)
        }
        return out
    }
}

@Suite struct OutboxTests {
    @Test("nothing leaves before there is a session, and nothing before it is on the disk")
    func waits() throws {
        var outbox = try Partition().open()
        try outbox.add(1...3)
        #expect(outbox.next() == nil)
        outbox.sessionBegan()
        #expect(outbox.given().map(\.number) == [1, 2, 3])
        try outbox.append(.sample, .data, [4], monotonicMilliseconds: 0)
        #expect(outbox.next() == nil)
        try outbox.flush()
        #expect(outbox.next()?.payload == [4])
    }

    @Test("records of every class come in the order in which they were made, with their topic")
    func order() throws {
        var outbox = try Partition().open()
        let topics: [Topic] = [.data, .event, .receipt]
        for number in 1...60 as ClosedRange<UInt8> {
            try outbox.append(RecordClass(rawValue: number % 3)!, topics[Int(number) % 3], [number], monotonicMilliseconds: 0)
        }
        try outbox.flush()
        outbox.sessionBegan()
        var last: UInt64 = 0, number: UInt8 = 0
        while let record = outbox.next() {
            number += 1
            #expect(record.sequence > last)
            #expect(record.payload == [number])
            #expect(record.topic == topics[Int(number) % 3])
            last = record.sequence
            outbox.confirm(record.sequence)
        }
        #expect(number == 60)
    }

    @Test("P-D1 a broker that confirms nothing gets a window of records, and no more")
    func window() throws {
        var outbox = try Partition().open()
        try outbox.add(1...40)
        outbox.sessionBegan()
        let first = outbox.given()
        #expect(first.map(\.number) == Array(1...8))
        #expect(Outbox.window == 8)
        #expect(outbox.next() == nil)
        outbox.confirm(first[0].sequence)
        #expect(outbox.given().map(\.number) == [9])
    }

    @Test("P-D1 what was not confirmed when the session ended is given again, from the first gap on")
    func again() throws {
        var outbox = try Partition().open()
        try outbox.add(1...20)
        outbox.sessionBegan()
        let first = outbox.given()
        for index in [0, 1, 3, 7] { outbox.confirm(first[index].sequence) }
        outbox.sessionEnded()
        #expect(outbox.next() == nil)
        outbox.sessionBegan()
        #expect(outbox.given().map(\.number) == Array(3...10))
    }

    @Test("confirmed out of order, a window closes only behind its oldest; nothing is skipped, nothing given twice")
    func outOfOrder() throws {
        var outbox = try Partition().open()
        try outbox.add(1...30)
        outbox.sessionBegan()
        var seen: [UInt8] = [], underWay: [UInt64] = []
        while true {
            let given = outbox.given()
            seen += given.map(\.number)
            underWay += given.map(\.sequence)
            guard let latest = underWay.popLast() else { break }
            outbox.confirm(latest)
        }
        #expect(seen == Array(1...30))
        #expect(outbox.oldestSequence == outbox.nextSequence)
    }

    @Test("P-E2 a confirmation that nobody asked for moves nothing")
    func invented() throws {
        var outbox = try Partition().open()
        try outbox.add(1...10)
        let oldest = outbox.oldestSequence
        for sequence in [0, 1, 5, 1000, UInt64.max] { outbox.confirm(sequence) }
        #expect(outbox.oldestSequence == oldest)
        outbox.sessionBegan()
        let given = outbox.given()
        for sequence in [0, given[7].sequence + 1, UInt64.max] { outbox.confirm(sequence) }
        outbox.confirm(given[7].sequence)
        outbox.confirm(given[7].sequence)
        #expect(outbox.oldestSequence == oldest)
        outbox.sessionEnded()
        outbox.confirm(given[0].sequence)
        outbox.sessionBegan()
        #expect(outbox.given().map(\.number) == Array(1...8))
    }

    @Test("a record that the uplink could not take is the next again")
    func putBack() throws {
        var outbox = try Partition().open()
        try outbox.add(1...10)
        outbox.sessionBegan()
        #expect(outbox.next()?.payload == [1])
        outbox.putBack()
        #expect(outbox.next()?.payload == [1])
        #expect(outbox.next()?.payload == [2])
        outbox.putBack()
        #expect(outbox.given().map(\.number) == Array(2...8))
    }

    @Test("P-D1 P-D2 over restarts nothing unacknowledged is lost, nothing comes out of order, and no number is used twice")
    func reopened() throws {
        let partition = Partition()
        var next: UInt8 = 1, confirmed: Set<UInt8> = [], made: Set<UInt8> = [], numbers: Set<UInt64> = []
        for life in 0..<8 {
            var outbox = try partition.open()
            #expect(outbox.damage == nil)
            for _ in 0..<20 {
                #expect(numbers.insert(outbox.nextSequence).inserted)
                try outbox.append(next % 2 == 0 ? .audit : .alarm, .event, [next], monotonicMilliseconds: 0)
                made.insert(next)
                next += 1
            }
            try outbox.flush()
            outbox.sessionBegan()
            let delivered = outbox.deliver(13)
            #expect(delivered == delivered.sorted())
            confirmed.formUnion(delivered)
            if life % 2 == 0 { try outbox.settle() }
        }
        var outbox = try partition.open()
        outbox.sessionBegan()
        let rest = outbox.deliver()
        #expect(rest == rest.sorted())
        #expect(confirmed.union(rest) == made)
        #expect(outbox.lostRecords == 0)
    }

    @Test("an orderly restart leaves no gap in the sequence and asks for nothing twice")
    func settled() throws {
        let partition = Partition()
        var before = try partition.open()
        try before.add(1...10)
        before.sessionBegan()
        #expect(before.deliver(4) == [1, 2, 3, 4])
        try before.settle()
        let next = before.nextSequence
        _ = consume before
        var after = try partition.open()
        #expect(after.nextSequence == next)
        after.sessionBegan()
        #expect(after.deliver() == Array(5...10))
    }

    @Test("P-D1 hours without a broker: the newest records are kept, and how many were lost is known")
    func cut() throws {
        var outbox = try Partition().open()
        var made: UInt64 = 0
        for _ in 0..<200 {
            for _ in 0..<20 {
                try outbox.append(.sample, .data, [UInt8](repeating: UInt8(truncatingIfNeeded: made), count: 100), monotonicMilliseconds: made)
                made += 1
            }
            try outbox.flush()
        }
        #expect(outbox.lostRecords > 0)
        outbox.sessionBegan()
        var kept: UInt64 = 0, last: UInt64 = 0
        while let record = outbox.next() {
            #expect(record.sequence > last)
            last = record.sequence
            kept += 1
            outbox.confirm(record.sequence)
        }
        #expect(last == outbox.nextSequence - 1)
        #expect(kept + outbox.lostRecords == made)
    }

    @Test("a partition that is too small is refused by name")
    func tooSmall() throws {
        let partition = Partition(size: 4096)
        do {
            _ = try partition.open()
            Issue.record("opened")
        } catch let error as JournalError { #expect(error == .tooSmall(byteCount: 4096)) }
    }
}
