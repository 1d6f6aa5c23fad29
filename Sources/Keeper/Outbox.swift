// The way of records out: into the journal first, then to the uplink in order, a window at a time, and
// out of the journal's care once the broker has them. Nothing is skipped: a session that ends starts
// again behind the last record that the broker has confirmed.
import Bytes
import Journal
import Telemetry
import Authority
import System

struct Outbox: ~Copyable {
    /// Records with the uplink that the broker has not confirmed.
    static let window = 8

    private var journal: Journal<BlockStore>
    /// The broker has everything up to here.
    private var delivered: UInt64
    /// The uplink was given everything up to here.
    private var given: UInt64
    /// Confirmed out of order, above `delivered`.
    private var early: [UInt64] = []
    private var inSession = false

    init(partition: Int32, bootCount: UInt64) throws(JournalError) {
        let store: BlockStore
        do throws(SystemError) { store = try BlockStore(Descriptor(owning: partition)) } catch { throw JournalError() }
        journal = try Journal(store, bootCount: bootCount)
        delivered = journal.oldestSequence - 1
        given = delivered
    }

    var nextSequence: UInt64 { journal.nextSequence }
    var oldestSequence: UInt64 { journal.oldestSequence }

    /// - topic: where it goes; kept as the first byte of what the journal holds.
    mutating func append(_ kind: RecordClass, _ topic: Topic, _ payload: [UInt8], monotonicMilliseconds: UInt64) throws(JournalError) {
        _ = try journal.append(kind, [topic.rawValue] + payload, monotonicMilliseconds: monotonicMilliseconds)
    }

    mutating func flush() throws(JournalError) { try journal.flush() }

    mutating func sessionBegan() { inSession = true }

    mutating func sessionEnded() {
        inSession = false
        given = delivered
        early = []
    }

    /// The next record for the uplink, if there is a session and room in the window.
    mutating func next() throws(JournalError) -> (sequence: UInt64, topic: Topic, payload: [UInt8])? {
        guard inSession, given < delivered + UInt64(Self.window) else { return nil }
        guard let record = try journal.next(after: given) else { return nil }
        given = record.sequence
        let topic = Topic(rawValue: record.payload.first ?? 0) ?? .event
        return (record.sequence, topic, Array(record.payload.dropFirst()))
    }

    /// The uplink could not take it: it is given again.
    mutating func putBack(_ sequence: UInt64) { given = sequence - 1 }

    /// The broker has this record. Its predecessors may still be under way.
    mutating func confirm(_ sequence: UInt64) throws(JournalError) {
        guard sequence > delivered, sequence <= given, !early.contains(sequence) else { return }
        early.append(sequence)
        let before = delivered
        while let index = early.firstIndex(of: delivered + 1) {
            early.remove(at: index)
            delivered += 1
        }
        if delivered > before { try journal.acknowledge(through: delivered) }
    }
}
