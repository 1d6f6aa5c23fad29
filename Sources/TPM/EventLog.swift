// What was measured, in order, in the crypto-agile format of the TCG PC Client Platform Firmware
// Profile (10.2), SHA-256 only: replayed, it must give the PCRs' values, and that is all it is worth.
// Trust: when decoded it is anybody's bytes; only the comparison with a verified quote makes it true.
import Bytes
import Cryptography

/// One measurement.
public struct Event: Equatable, Sendable {
    /// The longest description in bytes.
    public static let descriptionByteMaximum = 256

    /// TCG event types used here.
    public enum Kind: UInt32, Sendable {
        /// EV_EVENT_TAG: configuration.
        case tag = 0x6
        /// EV_IPL: what is booted.
        case release = 0xD
    }

    public let register: Int
    /// The TCG event type; a decoded log may have others than `Kind`.
    public let type: UInt32
    public let digest: Digest
    /// The event data: for our events the description in UTF-8. It is not what was hashed.
    public let data: [UInt8]
}

/// A bounded list of events.
public struct EventLog: Equatable, Sendable {
    /// The most events of a log, and of one that is decoded.
    public static let eventMaximum = 64
    /// The longest encoded log in bytes: header event and the most events of the longest kind.
    public static let byteMaximum = 73 + eventMaximum * (50 + Event.descriptionByteMaximum)

    public private(set) var events: [Event] = []

    public init() {}

    public var isFull: Bool { events.count == Self.eventMaximum }

    /// Adds a measurement. The caller extends the PCR; `TPM.measure` does both.
    /// A description longer than `Event.descriptionByteMaximum` is cut.
    public mutating func append(_ register: Int, _ kind: Event.Kind, _ digest: Digest, _ description: String) throws(TPMError) {
        precondition((0..<24).contains(register))
        guard !isFull else { throw .logFull }
        let text = Array(description.utf8.prefix(Event.descriptionByteMaximum - (kind == .tag ? 8 : 0)))
        events.append(Event(register: register, type: kind.rawValue, digest: digest, data: kind == .tag ? tagged(text) : text))
    }

    mutating func removeLast() { events.removeLast() }

    /// The PCR value that the events give, from zero, as of a PCR that only this log's writer extends.
    public func replay(_ register: Int) -> Digest {
        var value = [UInt8](repeating: 0, count: 32)
        for event in events where event.register == register {
            value = SHA256.hash(value.span.bytes, event.digest.bytes.span.bytes).bytes
        }
        return Digest(value)!
    }

    /// The replayed values of the selected PCRs, ascending, to be compared with `pcrRead` or a quote.
    public func replay(_ selection: RegisterSelection) -> [Digest] { selection.indices.map { replay($0) } }

    /// The Spec ID event and one TCG_PCR_EVENT2 for each event, little-endian.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: 1024)
        writer.append(Self.header)
        for event in events {
            writer.u32LittleEndian(UInt32(event.register))
            writer.u32LittleEndian(event.type)
            writer.u32LittleEndian(1)
            writer.u16LittleEndian(algorithmSHA256)
            writer.append(event.digest.bytes)
            writer.u32LittleEndian(UInt32(event.data.count))
            writer.append(event.data)
        }
        return writer.bytes
    }

    /// TCG_PCR_EVENT of type EV_NO_ACTION that holds TCG_EfiSpecIDEvent: version 2.0, SHA-256 alone.
    private static var header: [UInt8] {
        var writer = ByteWriter()
        writer.u32LittleEndian(0)
        writer.u32LittleEndian(3)
        writer.zeros(20)
        writer.u32LittleEndian(33)
        writer.append("Spec ID Event03")
        writer.u8(0)
        writer.u32LittleEndian(0)  // platform class: client
        writer.u8(0)  // minor
        writer.u8(2)  // major
        writer.u8(0)  // errata
        writer.u8(2)  // 64-bit integers
        writer.u32LittleEndian(1)
        writer.u16LittleEndian(algorithmSHA256)
        writer.u16LittleEndian(32)
        writer.u8(0)  // no vendor information
        return writer.bytes
    }

    /// TCG_PCClientTaggedEvent, which EV_EVENT_TAG demands; the tag is "PENS".
    private func tagged(_ text: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.u32LittleEndian(0x534E_4550)
        writer.u32LittleEndian(UInt32(text.count))
        writer.append(text)
        return writer.bytes
    }
}

/// Why a log was refused; `at` is the offset of the event or field.
public enum EventLogError: Error, Equatable, Coded {
    case truncated(at: Int)
    case header
    case register(at: Int)
    case algorithm(at: Int)
    case tooLong(at: Int)

    public var code: String { "event-log-malformed" }

    public var text: String {
        switch self {
        case .truncated(let at): "The event log ends within a field, at byte \(at)."
        case .header: "The event log does not begin with the Spec ID event of a SHA-256 log."
        case .register(let at): "The event log names a PCR above 23, at byte \(at)."
        case .algorithm(let at): "The event log has an event without exactly one SHA-256 digest, at byte \(at)."
        case .tooLong(let at): "The event log has more or longer events than it may, at byte \(at)."
        }
    }
}

extension EventLog {
    /// Takes what `encoded` gives: SHA-256 alone, at most `eventMaximum` events.
    public init(decoding bytes: RawSpan) throws(EventLogError) {
        let header = Self.header
        guard bytes.byteCount >= header.count, bytes.copied(0..<header.count) == header else { throw .header }
        var reader = ByteReader(bytes)
        do throws(BytesError) { try reader.skip(header.count) } catch { throw .header }
        while reader.remaining > 0 {
            let start = reader.offset
            guard !isFull else { throw .tooLong(at: start) }
            do throws(BytesError) {
                let register = try reader.u32LittleEndian()
                let type = try reader.u32LittleEndian()
                let digests = try reader.u32LittleEndian()
                let algorithm = try reader.u16LittleEndian()
                let digest = Digest(try reader.bytes(32))
                let count = try reader.u32LittleEndian()
                guard count <= UInt32(Event.descriptionByteMaximum) else { throw BytesError.tooLong(at: start) }
                let data = try reader.bytes(Int(count))
                guard register < 24 else { throw BytesError.tooLong(at: -1) }
                guard digests == 1, algorithm == algorithmSHA256, let digest else { throw BytesError.tooLong(at: -2) }
                events.append(Event(register: Int(register), type: type, digest: digest, data: data))
            } catch {
                switch error {
                case .truncated(let at): throw .truncated(at: at)
                case .tooLong(at: -1): throw .register(at: start)
                case .tooLong(at: -2): throw .algorithm(at: start)
                case .tooLong: throw .tooLong(at: start)
                }
            }
        }
    }
}

extension TPM where Transport: ~Copyable {
    /// Extends a PCR and logs it; nothing is logged that was not extended, nor extended unlogged.
    public mutating func measure(
        _ register: Int, _ kind: Event.Kind, _ digest: Digest, _ description: String, into log: inout EventLog
    ) throws(TPMError) {
        try log.append(register, kind, digest, description)
        do throws(TPMError) {
            try pcrExtend(register, digest)
        } catch {
            log.removeLast()
            throw error
        }
    }
}
