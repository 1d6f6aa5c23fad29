// The first payload of a session: who the board is, what it runs and how it came up; names for the
// numbers that the data uses; and the challenge that commands must answer.
import Bytes

/// A point's name and unit; its place in the birth is its number in the data.
public struct PointName: Equatable, Sendable {
    public var name: String
    /// As UCUM has it where it does: "permille", "1" for a switch, "uL/s".
    public var unit: String
    /// The value divided by this is in the unit: 1000 where the data has thousandths of it.
    public var divisor: UInt64

    public init(name: String, unit: String, divisor: UInt64 = 1) {
        self.name = name
        self.unit = unit
        self.divisor = divisor
    }
}

///     {1: sequence, 2: boot count, 3: monotonic ms, 4: device, 5: board, 6: challenge, 7: session,
///      8: oldest sequence kept, 9: calibration digest, 10: commissioning digest, 11: slot, 12: release,
///      13: rollback index, 14: floor, 15: floor is weak, 16: manifest digest, 17: root hash, 18: trial,
///      19: {11: PCR 11, 12: PCR 12}, 20: steps, 21: failure or null, 22: [[name, unit, divisor], ...],
///      23: event log or null}
///
/// It comes again within a session when another calibration takes over.
public struct Birth: Equatable, Sendable {
    public static let challengeBytes = 16

    public var stamp: Stamp
    public var device: String
    public var board: String
    public var challenge: [UInt8]
    /// Sessions since the start of the board; the death that belongs to it carries the same number.
    public var session: UInt64
    /// What was recorded before it, and not delivered, is lost.
    public var oldestSequence: UInt64
    /// SHA-256 of the calibration's payload in force, and of the commissioning's.
    public var calibrationDigest: [UInt8]
    public var commissioningDigest: [UInt8]
    /// Its event log is left out if the payload would get too large.
    public var boot: BootReport
    /// Actuators first, then sensors, in the calibration's order; then the setpoint of each actuator, and the total of each flow meter.
    public var points: [PointName]

    public init(
        stamp: Stamp, device: String, board: String, challenge: [UInt8], session: UInt64, oldestSequence: UInt64,
        calibrationDigest: [UInt8], commissioningDigest: [UInt8], boot: BootReport, points: [PointName]
    ) {
        self.stamp = stamp
        self.device = device
        self.board = board
        self.challenge = challenge
        self.session = session
        self.oldestSequence = oldestSequence
        self.calibrationDigest = calibrationDigest
        self.commissioningDigest = commissioningDigest
        self.boot = boot
        self.points = points
    }

    /// - Precondition: at most `Limit.points` points; challenge and digests of their lengths.
    public func encoded() -> [UInt8] {
        let withLog = encoded(eventLog: boot.eventLog)
        return withLog.count <= Limit.payloadBytes ? withLog : encoded(eventLog: nil)
    }

    private func encoded(eventLog: [UInt8]?) -> [UInt8] {
        precondition(points.count <= Limit.points)
        var writer = CBORWriter(capacity: 2048)
        writer.map(23)
        writer.fields(stamp)
        writer.field(4, device, maximum: Limit.nameBytes)
        writer.field(5, board, maximum: Limit.nameBytes)
        writer.field(6, challenge)
        writer.field(7, session)
        writer.field(8, oldestSequence)
        writer.field(9, calibrationDigest)
        writer.field(10, commissioningDigest)
        writer.field(11, boot.slot, maximum: 8)
        writer.field(12, boot.release, maximum: Limit.nameBytes)
        writer.field(13, boot.rollbackIndex)
        writer.field(14, boot.floor)
        writer.field(15, boot.floorIsWeak)
        writer.field(16, boot.manifestDigest)
        writer.field(17, boot.rootHash)
        writer.field(18, boot.isTrial)
        writer.unsigned(19)
        writer.map(2)
        writer.field(11, boot.register11)
        writer.field(12, boot.register12)
        writer.unsigned(20)
        writer.array(boot.steps.count)
        for step in boot.steps { writer.text(clip(step, maximum: Limit.stepBytes)) }
        writer.unsigned(21)
        if let failure = boot.failure { writer.text(clip(failure, maximum: BootReport.textMaximum)) } else { writer.null() }
        writer.unsigned(22)
        writer.array(points.count)
        for point in points {
            writer.array(3)
            writer.text(clip(point.name, maximum: Limit.nameBytes))
            writer.text(clip(point.unit, maximum: Limit.unitBytes))
            writer.unsigned(point.divisor)
        }
        writer.unsigned(23)
        if let eventLog { writer.bytes(eventLog) } else { writer.null() }
        return writer.bytes
    }

    public init(decoding bytes: RawSpan) throws(CBORError) {
        var reader = CBORReader(bytes)
        try reader.fields(23)
        stamp = try reader.stamp()
        try reader.field(4)
        device = try reader.text(maximum: Limit.nameBytes)
        try reader.field(5)
        board = try reader.text(maximum: Limit.nameBytes)
        try reader.field(6)
        challenge = try reader.bytes(exactly: Self.challengeBytes)
        try reader.field(7)
        session = try reader.unsigned()
        try reader.field(8)
        oldestSequence = try reader.unsigned()
        try reader.field(9)
        calibrationDigest = try reader.bytes(exactly: 32)
        try reader.field(10)
        commissioningDigest = try reader.bytes(exactly: 32)
        boot = BootReport()
        try boot.readBirth(&reader)
        boot.bootCount = stamp.bootCount
        points = []
        try reader.field(22)
        for _ in 0..<(try reader.array(maximum: Limit.points)) {
            try reader.array(exactly: 3)
            points.append(PointName(
                name: try reader.text(maximum: Limit.nameBytes), unit: try reader.text(maximum: Limit.unitBytes), divisor: try reader.unsigned()))
        }
        try reader.field(23)
        if !(try reader.null()) { boot.eventLog = try reader.bytes(maximum: BootReport.eventLogMaximum) }
        try reader.end()
    }
}

extension BootReport {
    /// The fields 11 to 21 of a birth.
    fileprivate mutating func readBirth(_ reader: inout CBORReader) throws(CBORError) {
        try reader.field(11)
        slot = try reader.text(maximum: 8)
        try reader.field(12)
        release = try reader.text(maximum: Limit.nameBytes)
        try reader.field(13)
        rollbackIndex = try reader.unsigned()
        try reader.field(14)
        floor = try reader.unsigned()
        try reader.field(15)
        floorIsWeak = try reader.boolean()
        try reader.field(16)
        manifestDigest = try reader.bytes(maximum: 32)
        try reader.field(17)
        rootHash = try reader.bytes(maximum: 32)
        try reader.field(18)
        isTrial = try reader.boolean()
        try reader.field(19)
        try reader.fields(2)
        try reader.field(11)
        register11 = try reader.bytes(maximum: 32)
        try reader.field(12)
        register12 = try reader.bytes(maximum: 32)
        try reader.field(20)
        for _ in 0..<(try reader.array(maximum: Self.stepMaximum)) { steps.append(try reader.text(maximum: Limit.stepBytes)) }
        try reader.field(21)
        if !(try reader.null()) { failure = try reader.text(maximum: Self.textMaximum) }
    }
}
