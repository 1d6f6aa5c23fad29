// A board's journal as lines of a run: every record that its partition still holds, in their order.
// The store is only read; a journal that needs its key (none does yet) would be found empty.

import Authority
import Bytes
import Journal

/// What a partition held.
public struct JournalReading: Sendable {
    public private(set) var lines: [RunLine] = []
    /// What was found wrong with it, in words.
    public private(set) var damage: [String] = []
    /// Records that are none of ours: neither data, nor event, nor receipt of a form that this tool knows.
    public private(set) var unreadable = 0

    /// - store: the journal's partition.
    public init<S: Store & ~Copyable>(_ store: consuming S) throws(JournalError) {
        var journal = try Journal(opening: store, bootCount: 0)
        let opening = journal.opening
        if opening.damagedPages > 0 { damage.append("\(opening.damagedPages) pages damaged, with \(opening.damagedRecords) records") }
        if opening.brokenLinks > 0 { damage.append("\(opening.brokenLinks) links of the hash chain broken") }
        let lost = (journal.lostAuditRecords, journal.lostOtherRecords)
        if lost.0 + lost.1 > 0 { damage.append("overwritten before they were delivered: \(lost.0) audit records, \(lost.1) others") }
        var sequence: UInt64 = 0
        while let record = journal.next(after: sequence) {
            sequence = record.sequence
            if let line = Self.line(record.payload) { lines.append(line) } else { unreadable += 1 }
        }
        _ = journal.release()
    }

    /// The first byte of what the keeper appends is the topic.
    private static func line(_ stored: [UInt8]) -> RunLine? {
        guard let topic = stored.first.flatMap({ Topic(rawValue: $0) }) else { return nil }
        return try? RunLine.telemetry("\(topic)", stored.span.bytes.extracting(1..<stored.count), runMilliseconds: nil)
    }
}
