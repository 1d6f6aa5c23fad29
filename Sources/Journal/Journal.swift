// Interim: records in memory, until the ring on the partition lands.
import Bytes

public struct JournalError: Error, Coded {
    public init() {}
    public var code: String { "journal" }
    public var text: String { "journal" }
}

public enum RecordClass: UInt8, Sendable { case audit = 0, alarm, sample }

public struct JournalRecord: Sendable {
    public let sequence: UInt64
    public let payload: [UInt8]
}

public struct Journal<S: Store & ~Copyable>: ~Copyable {
    private var store: S
    private var records: [JournalRecord] = []
    public private(set) var nextSequence: UInt64 = 1

    public init(_ store: consuming S, bootCount: UInt64) throws(JournalError) {
        self.store = store
    }

    public mutating func append(_ kind: RecordClass, _ payload: [UInt8], monotonicMilliseconds: UInt64) throws(JournalError) -> UInt64 {
        records.append(JournalRecord(sequence: nextSequence, payload: payload))
        nextSequence += 1
        return nextSequence - 1
    }

    public mutating func flush() throws(JournalError) {}
    public mutating func acknowledge(through sequence: UInt64) throws(JournalError) { records.removeAll { $0.sequence <= sequence } }
    public var oldestSequence: UInt64 { records.first?.sequence ?? nextSequence }
    public mutating func next(after sequence: UInt64) throws(JournalError) -> JournalRecord? {
        for record in records where record.sequence > sequence { return record }
        return nil
    }
}
