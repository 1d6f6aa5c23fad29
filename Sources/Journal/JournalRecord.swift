// One record, and its place in a page.
import Bytes
import Cryptography

/// What a record is about. Audit records have a part of the partition of their own, so that no flood
/// of samples drives them out.
public enum RecordClass: UInt8, Sendable {
    case audit = 0
    case alarm = 1
    case sample = 2
}

/// A record as it is read back.
public struct JournalRecord: Equatable, Sendable {
    /// The longest payload in bytes.
    public static let payloadByteMaximum = 2048

    /// Ascends over the whole journal and is never used twice; a number may be left out after a
    /// power cut. Begins at 1.
    public let sequence: UInt64
    /// The boot in which the record was made; with `monotonicMilliseconds` the record's time.
    public let bootCount: UInt32
    public let kind: RecordClass
    public let monotonicMilliseconds: UInt64
    public let payload: [UInt8]
    /// SHA-256(chain of the record before || this record), over the records of the same region (audit,
    /// or alarms and samples), from 32 zeros: a receiver that recomputes it sees what is missing
    /// or changed.
    public let chain: Digest

    static let headByteCount = 23

    /// The stored form: sequence, boot count, class, milliseconds, length, payload; big-endian.
    static func encoded(
        sequence: UInt64, bootCount: UInt32, kind: RecordClass, monotonicMilliseconds: UInt64, payload: [UInt8]
    ) -> [UInt8] {
        var writer = ByteWriter(capacity: headByteCount + payload.count)
        writer.u64(sequence)
        writer.u32(bootCount)
        writer.u8(kind.rawValue)
        writer.u64(monotonicMilliseconds)
        writer.u16(UInt16(payload.count))
        writer.append(payload)
        return writer.bytes
    }

    /// The next record of a page's body, or nil if there is none of valid form. `chain` is that of
    /// the record before.
    static func read(_ reader: inout ByteReader, chain: Digest) -> JournalRecord? {
        do throws(BytesError) {
            let (head, byteCount) = try self.head(&reader)
            guard let kind = RecordClass(rawValue: head.kind) else { return nil }
            let payload = try reader.bytes(byteCount)
            let bytes = encoded(
                sequence: head.sequence, bootCount: head.bootCount, kind: kind,
                monotonicMilliseconds: head.monotonicMilliseconds, payload: payload)
            return JournalRecord(
                sequence: head.sequence, bootCount: head.bootCount, kind: kind,
                monotonicMilliseconds: head.monotonicMilliseconds, payload: payload,
                chain: SHA256.hash(chain.bytes.span.bytes, bytes.span.bytes))
        } catch {
            return nil
        }
    }

    /// Passes over the next record; its sequence, or nil if there is none of valid form.
    static func pass(_ reader: inout ByteReader) -> UInt64? {
        do throws(BytesError) {
            let (head, byteCount) = try self.head(&reader)
            guard RecordClass(rawValue: head.kind) != nil, byteCount <= payloadByteMaximum else { return nil }
            try reader.skip(byteCount)
            return head.sequence
        } catch {
            return nil
        }
    }

    private typealias Head = (sequence: UInt64, bootCount: UInt32, kind: UInt8, monotonicMilliseconds: UInt64)

    private static func head(_ reader: inout ByteReader) throws(BytesError) -> (Head, byteCount: Int) {
        let sequence = try reader.u64()
        let bootCount = try reader.u32()
        let kind = try reader.u8()
        let milliseconds = try reader.u64()
        return ((sequence, bootCount, kind, milliseconds), Int(try reader.u16()))
    }
}

extension Page {
    /// How many of the page's records have a sequence that satisfies the condition.
    func sequences(_ condition: (UInt64) -> Bool) -> UInt64 {
        var matching: UInt64 = 0
        var reader = ByteReader(body.span.bytes)
        while let sequence = JournalRecord.pass(&reader) {
            if condition(sequence) { matching += 1 }
        }
        return matching
    }
}
