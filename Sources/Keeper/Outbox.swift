// The way of records out: into the journal first, then to the uplink in order, a window at a time, and
// out of the journal's care once the broker has them. Nothing is skipped: a session that ends starts
// again behind the last record that the broker has confirmed.
import Authority
import Bytes
import Journal
import System
import Telemetry

struct Outbox: ~Copyable {
    /// Records with the uplink that the broker has not confirmed.
    static let window = 8

    private var journal: Journal<BlockStore>
    /// Given to the uplink in this session and not confirmed yet, ascending.
    private var underWay: [(sequence: UInt64, confirmed: Bool)] = []
    /// The uplink was given everything up to here.
    private var given: UInt64
    private(set) var inSession = false

    init(partition: Int32, bootCount: UInt64) throws(JournalError) {
        let store: BlockStore
        do throws(SystemError) { store = try BlockStore(Descriptor(owning: partition)) } catch {
            throw .store(StoreError(.read, offset: 0, errno: error.errno))
        }
        journal = try Journal(opening: store, bootCount: UInt32(truncatingIfNeeded: bootCount))
        given = journal.acknowledgedSequence
    }

    var nextSequence: UInt64 { journal.nextSequence }
    var oldestSequence: UInt64 { journal.acknowledgedSequence + 1 }
    var lostRecords: UInt64 { journal.lostAuditRecords + journal.lostOtherRecords }
    /// In words, if the partition was not as it was left.
    var damage: String? {
        let found = journal.opening
        guard found.damagedPages > 0 || found.brokenLinks > 0 else { return nil }
        return "\(found.damagedPages) pages damaged with \(found.damagedRecords) records, \(found.brokenLinks) links broken"
    }

    /// - topic: where it goes; kept as the first byte of what the journal holds.
    mutating func append(_ kind: RecordClass, _ topic: Topic, _ payload: [UInt8], monotonicMilliseconds: UInt64) throws(JournalError) {
        _ = try journal.append(kind, monotonicMilliseconds: monotonicMilliseconds, payload: [topic.rawValue] + payload)
    }

    mutating func flush() throws(JournalError) { try journal.flush() }

    /// Before an orderly restart: the next boot goes on without a gap in the sequence.
    mutating func settle() throws(JournalError) { try journal.settle() }

    mutating func sessionBegan() { inSession = true }

    mutating func sessionEnded() {
        inSession = false
        given = journal.acknowledgedSequence
        underWay = []
    }

    /// The next record for the uplink, if there is a session and room in the window.
    mutating func next() -> (sequence: UInt64, topic: Topic, payload: [UInt8])? {
        guard inSession, underWay.count < Self.window, let record = journal.next(after: given) else { return nil }
        given = record.sequence
        underWay.append((record.sequence, false))
        let topic = Topic(rawValue: record.payload.first ?? 0) ?? .event
        return (record.sequence, topic, Array(record.payload.dropFirst()))
    }

    /// The uplink could not take the latest one: it is given again.
    mutating func putBack() {
        underWay.removeLast()
        given = underWay.last?.sequence ?? journal.acknowledgedSequence
    }

    /// The broker has this record. Its predecessors may still be under way.
    mutating func confirm(_ sequence: UInt64) {
        guard let index = underWay.firstIndex(where: { $0.sequence == sequence }) else { return }
        underWay[index].confirmed = true
        while let first = underWay.first, first.confirmed {
            underWay.removeFirst()
            journal.acknowledged(through: first.sequence)
        }
    }
}
