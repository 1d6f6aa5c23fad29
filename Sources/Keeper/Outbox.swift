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
    /// Given and not confirmed, or confirmed out of order: ascending, above `delivered`. Sequences may
    /// have gaps, after a power cut or a loss.
    private var window: [(sequence: UInt64, isConfirmed: Bool)] = []
    private var inSession = false
    /// Whether an audit or alarm record waits for the flush, before which nothing goes out.
    private(set) var isUrgent = false

    init(partition: Int32, bootCount: UInt64) throws(JournalError) {
        let store: BlockStore
        do throws(SystemError) { store = try BlockStore(Descriptor(owning: partition)) } catch {
            throw .store(StoreError(.read, offset: 0, errno: error.errno))
        }
        journal = try Journal(store, bootCount: bootCount)
        delivered = journal.acknowledgedSequence
        given = delivered
    }

    var nextSequence: UInt64 { journal.nextSequence }
    var oldestSequence: UInt64 { mutating get { journal.oldestSequence } }

    /// - topic: where it goes; kept as the first byte of what the journal holds.
    mutating func append(_ kind: RecordClass, _ topic: Topic, _ payload: [UInt8], monotonicMilliseconds: UInt64) throws(JournalError) {
        _ = try journal.append(kind, [topic.rawValue] + payload, monotonicMilliseconds: monotonicMilliseconds)
        if kind != .sample { isUrgent = true }
    }

    mutating func flush() throws(JournalError) {
        try journal.flush()
        isUrgent = false
    }

    mutating func sessionBegan() { inSession = true }

    mutating func sessionEnded() {
        inSession = false
        given = delivered
        window = []
    }

    /// The next record for the uplink, if there is a session and room in the window.
    mutating func next() throws(JournalError) -> (sequence: UInt64, topic: Topic, payload: [UInt8])? {
        guard inSession, window.count < Self.window, let record = journal.next(after: given) else { return nil }
        given = record.sequence
        window.append((record.sequence, isConfirmed: false))
        let topic = Topic(rawValue: record.payload.first ?? 0) ?? .event
        return (record.sequence, topic, Array(record.payload.dropFirst()))
    }

    /// The uplink could not take it, the record given last: it is given again.
    mutating func putBack(_ sequence: UInt64) {
        given = sequence - 1
        window.removeAll { $0.sequence == sequence }
    }

    /// The broker has this record. Its predecessors may still be under way.
    mutating func confirm(_ sequence: UInt64) throws(JournalError) {
        guard let index = window.firstIndex(where: { $0.sequence == sequence }) else { return }
        window[index].isConfirmed = true
        while let first = window.first, first.isConfirmed {
            delivered = first.sequence
            window.removeFirst()
        }
        journal.acknowledge(through: delivered)
    }
}
