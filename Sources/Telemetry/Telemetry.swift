// Duty: what a board reports: birth, data, state, events, receipts, death, each a deterministic CBOR map
// (RFC 8949, 4.2) with ascending unsigned keys, all of them there; what is not known is null.
// Trust: made on the board by the keeper; read by receivers, for whom the bytes are anybody's.
// Must never carry a secret, or a text that is longer than its named maximum.
//
// One payload a topic: penstock/<device>/birth, data, state, event, receipt, death.
import Bytes

public enum Limit {
    /// The largest payload.
    public static let payloadBytes = 8192
    /// Actuators, sensors, setpoints, totals.
    public static let points = 72
    public static let nameBytes = 64
    public static let unitBytes = 16
    public static let codeBytes = 64
    public static let textBytes = 256
    public static let stepBytes = 96
}

/// Where and when on the board something was recorded.
public struct Stamp: Equatable, Sendable {
    /// Of the journal: one more with each record, over restarts. A gap is a loss.
    public var sequence: UInt64
    /// Starts of the board. With a new one, the clock below starts from 0 again.
    public var bootCount: UInt64
    public var monotonicMilliseconds: UInt64

    public init(sequence: UInt64, bootCount: UInt64, monotonicMilliseconds: UInt64) {
        self.sequence = sequence
        self.bootCount = bootCount
        self.monotonicMilliseconds = monotonicMilliseconds
    }
}

/// How far a value can be relied on. The numbers are those of module Control, and never change.
public enum Quality: UInt8, Sendable {
    case good = 0
    /// Not read yet, or no longer (failure).
    case stale = 1
    /// Read, and impossible (failure).
    case fault = 2
    case outOfSpecification = 3
    /// A value by fewer members than were meant to vote (maintenance required).
    case maintenance = 4
    /// A value that is being tested or bypassed (function check).
    case functionCheck = 5

    /// The status signal of NAMUR NE 107: F, C, S or M; empty for good.
    public var signal: String {
        switch self {
        case .good: ""
        case .stale, .fault: "F"
        case .functionCheck: "C"
        case .outOfSpecification: "S"
        case .maintenance: "M"
        }
    }
}

// MARK: on the wire

extension CBORWriter {
    mutating func field(_ key: UInt64, _ value: UInt64) { unsigned(key); unsigned(value) }
    mutating func field(_ key: UInt64, _ value: String, maximum: Int) { unsigned(key); text(clip(value, maximum: maximum)) }
    mutating func field(_ key: UInt64, _ value: [UInt8]) { unsigned(key); bytes(value) }
    mutating func field(_ key: UInt64, _ value: Bool) { unsigned(key); boolean(value) }

    mutating func field(_ key: UInt64, _ value: UInt64?) {
        unsigned(key)
        if let value { unsigned(value) } else { null() }
    }

    /// The fields 1 to 3.
    mutating func fields(_ stamp: Stamp) {
        field(1, stamp.sequence)
        field(2, stamp.bootCount)
        field(3, stamp.monotonicMilliseconds)
    }
}

extension CBORReader {
    mutating func optionalUnsigned() throws(CBORError) -> UInt64? { try null() ? nil : try unsigned() }

    mutating func stamp() throws(CBORError) -> Stamp {
        try field(1)
        let sequence = try unsigned()
        try field(2)
        let bootCount = try unsigned()
        try field(3)
        return Stamp(sequence: sequence, bootCount: bootCount, monotonicMilliseconds: try unsigned())
    }
}
