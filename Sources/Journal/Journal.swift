// Duty: keeps records through power cuts until the far end has them; two rings on a raw partition.
// Trust: the partition is anybody's; with a key only own pages are believed. It must never lose a
// flushed record silently, use a sequence number twice, or give a record that was not appended.
// Not yet: a store that was set back as a whole is taken as it is; signed checkpoints will tell.
import Bytes
import Cryptography

/// The smallest partition in bytes.
public let journalByteMinimum = 16 * 4096

/// What opening found.
public struct JournalOpening: Equatable, Sendable {
    /// No valid page: a new partition, or one that was erased, foreign or of another key.
    public internal(set) var isFresh = false
    /// Full pages that ought to be there and are not valid. A power cut makes none.
    public internal(set) var damagedPages = 0
    /// The records that were on them, as far as the pages around them tell.
    public internal(set) var damagedRecords: UInt64 = 0
    /// Valid pages that do not continue the page before them. A power cut makes none.
    public internal(set) var brokenLinks = 0
}

/// A journal on a store. Holds about six pages of memory, whatever the partition's size.
public struct Journal<S: Store & ~Copyable>: ~Copyable {
    /// How many sequence numbers are claimed on the disk ahead of their use.
    private static var sequenceWindow: UInt64 { 512 }

    private var medium: Medium<S>
    private var audit: Ring
    private var general: Ring
    private let bootCount: UInt32
    private var version: UInt64 = 0
    /// What the next record will be numbered.
    public private(set) var nextSequence: UInt64 = 1
    /// Numbers below are claimed on the disk; no other is given out.
    private var sequenceLimit: UInt64 = 0

    public private(set) var opening = JournalOpening()
    /// All records up to this sequence have reached the far end. It is kept with the next page that
    /// is written, so after a power cut some records may be sent again.
    public private(set) var acknowledgedSequence: UInt64 = 0

    /// Opens the journal on a partition, of which the first quarter is for audit records. Reads it
    /// twice over. `key` encrypts and authenticates the pages.
    public init(opening store: consuming S, bootCount: UInt32, key: consuming SealingKey? = nil) throws(JournalError) {
        let byteCount = store.size
        guard byteCount >= journalByteMinimum else { throw .tooSmall(byteCount: byteCount) }
        let pages = byteCount / pageByteCount
        medium = Medium(store: store, seal: PageSeal(key))
        audit = Ring(region: 0, firstPage: 0, pageCount: pages / 4)
        general = Ring(region: 1, firstPage: pages / 4, pageCount: pages - pages / 4)
        self.bootCount = bootCount
        recover()
    }

    private mutating func recover() {
        opening.isFresh = true
        var claim = Stamp(version: 0, acknowledged: 0, sequenceLimit: 0, bootCount: 0)
        for found in [audit.recover(&medium), general.recover(&medium)] {
            guard let found else { continue }
            opening.isFresh = false
            claim = claim.joined(with: found)
        }
        version = claim.version
        acknowledgedSequence = claim.acknowledged
        nextSequence = max(claim.sequenceLimit, flushedSequence + 1)
        audit.inspect(&medium, acknowledged: acknowledgedSequence, into: &opening)
        general.inspect(&medium, acknowledged: acknowledgedSequence, into: &opening)
    }

    /// The highest sequence that no power cut can take back; 0 if there is none.
    public var flushedSequence: UInt64 { max(audit.flushedSequence, general.flushedSequence) }

    /// Records that were overwritten before they were acknowledged, over the journal's whole life.
    public var lostAuditRecords: UInt64 { audit.lost }
    public var lostOtherRecords: UInt64 { general.lost }

    /// For the next page that is written.
    private mutating func stamp(claiming window: UInt64) -> Stamp {
        version += 1
        return Stamp(
            version: version, acknowledged: acknowledgedSequence, sequenceLimit: nextSequence + window, bootCount: bootCount)
    }

    /// Takes a record and returns its sequence. It is certain, and can be read, only after `flush`;
    /// a page that is full is flushed at once.
    public mutating func append(
        _ kind: RecordClass, monotonicMilliseconds: UInt64, payload: [UInt8]
    ) throws(JournalError) -> UInt64 {
        guard payload.count <= JournalRecord.payloadByteMaximum else { throw .payloadTooLong(byteCount: payload.count) }
        if nextSequence >= sequenceLimit { try write(audit: audit.isDirty, general: true) }
        let isAudit = kind == .audit
        if !(isAudit ? audit : general).hasRoom(for: payload.count) { try turn(isAudit) }
        let sequence = nextSequence
        let record = JournalRecord.encoded(
            sequence: sequence, bootCount: bootCount, kind: kind, monotonicMilliseconds: monotonicMilliseconds, payload: payload)
        if isAudit { audit.append(record, sequence: sequence) } else { general.append(record, sequence: sequence) }
        nextSequence += 1
        return sequence
    }

    private mutating func turn(_ isAudit: Bool) throws(JournalError) {
        let stamp = stamp(claiming: Self.sequenceWindow)
        if isAudit { try audit.turn(&medium, stamp) } else { try general.turn(&medium, stamp) }
        sequenceLimit = stamp.sequenceLimit
    }

    /// Makes all records taken so far certain; afterwards `next` gives them.
    public mutating func flush() throws(JournalError) {
        try write(audit: audit.isDirty, general: general.isDirty)
    }

    private mutating func write(
        audit writesAudit: Bool, general writesGeneral: Bool, claiming window: UInt64 = sequenceWindow
    ) throws(JournalError) {
        guard writesAudit || writesGeneral else { return }
        let stamp = stamp(claiming: window)
        if writesAudit { try audit.writeSpare(&medium, stamp) }
        if writesGeneral { try general.writeSpare(&medium, stamp) }
        try medium.sync()
        if writesAudit { audit.flushed() }
        if writesGeneral { general.flushed() }
        sequenceLimit = stamp.sequenceLimit
    }

    /// Says that the far end has all records up to `sequence`; written with the next page. A number
    /// that was never flushed counts as the highest that was.
    public mutating func acknowledged(through sequence: UInt64) {
        acknowledgedSequence = max(acknowledgedSequence, min(sequence, flushedSequence))
    }

    /// The first flushed record with a sequence above `sequence`, of either region; nil if there is none.
    public mutating func next(after sequence: UInt64) -> JournalRecord? {
        let audit = audit.next(after: sequence, &medium)
        let other = general.next(after: sequence, &medium)
        guard let audit else { return other }
        guard let other else { return audit }
        return audit.sequence < other.sequence ? audit : other
    }

    /// Before an orderly end: flushes, keeps the acknowledgement, and gives back the numbers claimed
    /// ahead, so that the next boot goes on without a gap.
    public mutating func settle() throws(JournalError) {
        try write(audit: true, general: true, claiming: 0)
    }

    /// The store, when the journal is done with.
    public consuming func release() -> S { medium.store }
}
