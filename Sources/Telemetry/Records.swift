// What goes into the journal and from there to the receiver, in the order of its sequence.
import Bytes

/// A point's value at one time.
public struct Sample: Equatable, Sendable {
    /// The place of its name in the birth.
    public var point: UInt8
    /// In the unit of the birth.
    public var value: Int64
    public var quality: Quality

    public init(point: UInt8, value: Int64, quality: Quality) {
        self.point = point
        self.value = value
        self.quality = quality
    }
}

/// Samples taken at one time.
///
///     {1: sequence, 2: boot count, 3: monotonic ms, 4: calibration (first 8 bytes of its digest),
///      5: [[point, value] or [point, value, quality], ...]}
///
/// The quality is left out where it is good.
public struct DataRecord: Equatable, Sendable {
    public static let calibrationBytes = 8

    public var stamp: Stamp
    /// So that a receiver can tell data that another calibration made.
    public var calibration: [UInt8]
    public var samples: [Sample]

    /// - Parameter calibrationDigest: the whole digest, or its beginning.
    public init(stamp: Stamp, calibrationDigest: [UInt8], samples: [Sample]) {
        self.stamp = stamp
        self.calibration = Array(calibrationDigest.prefix(Self.calibrationBytes))
        self.samples = samples
    }

    /// - Precondition: at most `Limit.points` samples.
    public func encoded() -> [UInt8] {
        precondition(samples.count <= Limit.points)
        var writer = CBORWriter(capacity: 48 + 16 * samples.count)
        writer.map(5)
        writer.fields(stamp)
        writer.field(4, calibration)
        writer.unsigned(5)
        writer.array(samples.count)
        for sample in samples {
            let isGood = sample.quality == .good
            writer.array(isGood ? 2 : 3)
            writer.unsigned(UInt64(sample.point))
            writer.integer(sample.value)
            if !isGood { writer.unsigned(UInt64(sample.quality.rawValue)) }
        }
        return writer.bytes
    }

    public init(decoding bytes: RawSpan) throws(CBORError) {
        var reader = CBORReader(bytes)
        try reader.fields(5)
        stamp = try reader.stamp()
        try reader.field(4)
        calibration = try reader.bytes(exactly: Self.calibrationBytes)
        try reader.field(5)
        samples = []
        for _ in 0..<(try reader.array(maximum: Limit.points)) { samples.append(try Sample(decoding: &reader)) }
        try reader.end()
    }
}

extension Sample {
    init(decoding reader: inout CBORReader) throws(CBORError) {
        let at = reader.offset
        let count = try reader.array(maximum: 3)
        guard count >= 2 else { throw .outOfRange(at: at) }
        point = UInt8(try reader.unsigned(maximum: UInt64(Limit.points - 1)))
        value = try reader.integer()
        quality = .good
        if count == 3 {
            let code = try reader.u8()
            // Good is written by leaving it out.
            guard code != 0, let given = Quality(rawValue: code) else { throw .outOfRange(at: at) }
            quality = given
        }
    }
}

/// Something that happened: a trip, a fault, a refusal, a restart.
///
///     {1: sequence, 2: boot count, 3: monotonic ms, 4: code, 5: text, 6: point or null, 7: value or null}
public struct EventRecord: Equatable, Sendable {
    public var stamp: Stamp
    /// Stable, for machines: lower-case words with hyphens.
    public var code: String
    /// For people.
    public var text: String
    public var point: UInt8?
    public var value: Int64?

    public init(stamp: Stamp, code: String, text: String, point: UInt8? = nil, value: Int64? = nil) {
        self.stamp = stamp
        self.code = code
        self.text = text
        self.point = point
        self.value = value
    }

    public func encoded() -> [UInt8] {
        var writer = CBORWriter(capacity: 128)
        writer.map(7)
        writer.fields(stamp)
        writer.field(4, code, maximum: Limit.codeBytes)
        writer.field(5, text, maximum: Limit.textBytes)
        writer.field(6, point.map { UInt64($0) })
        writer.unsigned(7)
        if let value { writer.integer(value) } else { writer.null() }
        return writer.bytes
    }

    public init(decoding bytes: RawSpan) throws(CBORError) {
        var reader = CBORReader(bytes)
        try reader.fields(7)
        stamp = try reader.stamp()
        try reader.field(4)
        code = try reader.text(maximum: Limit.codeBytes)
        try reader.field(5)
        text = try reader.text(maximum: Limit.textBytes)
        try reader.field(6)
        if !(try reader.null()) { point = UInt8(try reader.unsigned(maximum: UInt64(Limit.points - 1))) }
        try reader.field(7)
        if !(try reader.null()) { value = try reader.integer() }
        try reader.end()
    }
}

/// What became of a signed object that came down.
///
///     {1: sequence, 2: boot count, 3: monotonic ms, 4: object (first 8 bytes of its SHA-256),
///      5: outcome, 6: issuer or null, 7: counter or null, 8: code, 9: text}
public struct Receipt: Equatable, Sendable {
    public enum Outcome: UInt8, Sendable {
        /// It holds, and is being carried out.
        case accepted = 0
        /// Nothing was done for it.
        case refused = 1
        case done = 2
    }

    public static let objectBytes = 8

    public var stamp: Stamp
    /// Which object: whoever sent it knows its bytes, even if the board could read nothing in them.
    public var object: [UInt8]
    public var outcome: Outcome
    /// Known once the signatures hold: all that signed, with + between them.
    public var issuer: String?
    public var counter: UInt64?
    public var code: String
    public var text: String

    /// - Parameter objectDigest: SHA-256 of the whole object as it came, or its beginning.
    public init(
        stamp: Stamp, objectDigest: [UInt8], outcome: Outcome, issuer: String?, counter: UInt64?, code: String, text: String
    ) {
        self.stamp = stamp
        self.object = Array(objectDigest.prefix(Self.objectBytes))
        self.outcome = outcome
        self.issuer = issuer
        self.counter = counter
        self.code = code
        self.text = text
    }

    public func encoded() -> [UInt8] {
        var writer = CBORWriter(capacity: 128)
        writer.map(9)
        writer.fields(stamp)
        writer.field(4, object)
        writer.field(5, UInt64(outcome.rawValue))
        writer.unsigned(6)
        if let issuer { writer.text(clip(issuer, maximum: Limit.nameBytes)) } else { writer.null() }
        writer.field(7, counter)
        writer.field(8, code, maximum: Limit.codeBytes)
        writer.field(9, text, maximum: Limit.textBytes)
        return writer.bytes
    }

    public init(decoding bytes: RawSpan) throws(CBORError) {
        var reader = CBORReader(bytes)
        try reader.fields(9)
        stamp = try reader.stamp()
        try reader.field(4)
        object = try reader.bytes(exactly: Self.objectBytes)
        try reader.field(5)
        let at = reader.offset
        guard let outcome = Outcome(rawValue: try reader.u8()) else { throw .outOfRange(at: at) }
        self.outcome = outcome
        try reader.field(6)
        if !(try reader.null()) { issuer = try reader.text(maximum: Limit.nameBytes) }
        try reader.field(7)
        counter = try reader.optionalUnsigned()
        try reader.field(8)
        code = try reader.text(maximum: Limit.codeBytes)
        try reader.field(9)
        text = try reader.text(maximum: Limit.textBytes)
        try reader.end()
    }
}

/// The will: the broker publishes it when the board's connection is lost.
///
///     {1: boot count, 2: session}
public struct Death: Equatable, Sendable {
    public var bootCount: UInt64
    /// The number of the birth that it ends.
    public var session: UInt64

    public init(bootCount: UInt64, session: UInt64) {
        self.bootCount = bootCount
        self.session = session
    }

    public func encoded() -> [UInt8] {
        var writer = CBORWriter(capacity: 16)
        writer.map(2)
        writer.field(1, bootCount)
        writer.field(2, session)
        return writer.bytes
    }

    public init(decoding bytes: RawSpan) throws(CBORError) {
        var reader = CBORReader(bytes)
        try reader.fields(2)
        try reader.field(1)
        bootCount = try reader.unsigned()
        try reader.field(2)
        session = try reader.unsigned()
        try reader.end()
    }
}
