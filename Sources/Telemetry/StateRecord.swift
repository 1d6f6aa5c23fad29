// Who may do what, and what stands in the way, at one time: for whoever joins later than the events.
import Bytes

/// Who an actuator obeys.
public enum Mode: UInt8, Sendable {
    case off = 0
    case hand = 1
    case auto = 2

    public var name: String {
        switch self {
        case .off: "off"
        case .hand: "hand"
        case .auto: "auto"
        }
    }
}

public struct ActuatorState: Equatable, Sendable {
    /// The place of its name in the birth.
    public var point: UInt8
    public var mode: Mode
    /// Who holds the lease, by the names of the key set; nil: nobody.
    public var holder: String?
    /// The trip that took it to its safe state first and still stands (first-out); nil: none.
    public var firstOut: String?
    /// The code of its fault; nil: none.
    public var fault: String?

    public init(point: UInt8, mode: Mode, holder: String?, firstOut: String?, fault: String?) {
        self.point = point
        self.mode = mode
        self.holder = holder
        self.firstOut = firstOut
        self.fault = fault
    }
}

/// Sent after each birth for all actuators, and then for those of which something has changed; it fits a
/// record of the journal.
///
///     {1: sequence, 2: boot count, 3: monotonic ms, 4: calibration (first 8 bytes of its digest),
///      5: phase or null, 6: number of bypasses, 7: [bypassed trip, ...],
///      8: [[point, mode, lease holder or null, first-out trip or null, fault or null], ...]}
public struct StateRecord: Equatable, Sendable {
    /// Actuators in one record.
    public static let actuatorsMaximum = 4
    /// Bypasses that are named; the number says how many there are.
    public static let bypassesMaximum = 8

    public var stamp: Stamp
    public var calibration: [UInt8]
    public var phase: String?
    public var bypassCount: UInt8
    public var bypasses: [String]
    public var actuators: [ActuatorState]

    /// - Parameter calibrationDigest: the whole digest, or its beginning.
    public init(stamp: Stamp, calibrationDigest: [UInt8], phase: String?, bypasses: [String], actuators: [ActuatorState]) {
        self.stamp = stamp
        bypassCount = UInt8(clamping: bypasses.count)
        calibration = Array(calibrationDigest.prefix(DataRecord.calibrationBytes))
        self.phase = phase
        self.bypasses = Array(bypasses.prefix(Self.bypassesMaximum))
        self.actuators = actuators
    }

    /// - Precondition: at most `actuatorsMaximum` actuators.
    public func encoded() -> [UInt8] {
        precondition(actuators.count <= Self.actuatorsMaximum)
        var writer = CBORWriter(capacity: 512)
        writer.map(8)
        writer.fields(stamp)
        writer.field(4, calibration)
        writer.unsigned(5)
        writer.name(phase)
        writer.field(6, UInt64(bypassCount))
        writer.unsigned(7)
        writer.array(bypasses.count)
        for trip in bypasses { writer.name(trip) }
        writer.unsigned(8)
        writer.array(actuators.count)
        for actuator in actuators {
            writer.array(5)
            writer.unsigned(UInt64(actuator.point))
            writer.unsigned(UInt64(actuator.mode.rawValue))
            writer.name(actuator.holder)
            writer.name(actuator.firstOut)
            writer.name(actuator.fault)
        }
        return writer.bytes
    }

    public init(decoding bytes: RawSpan) throws(CBORError) {
        var reader = CBORReader(bytes)
        try reader.fields(8)
        stamp = try reader.stamp()
        try reader.field(4)
        calibration = try reader.bytes(exactly: DataRecord.calibrationBytes)
        try reader.field(5)
        phase = try reader.name()
        try reader.field(6)
        bypassCount = try reader.u8()
        try reader.field(7)
        bypasses = []
        for _ in 0..<(try reader.array(maximum: Self.bypassesMaximum)) { bypasses.append(try reader.text(maximum: Limit.nameBytes)) }
        try reader.field(8)
        actuators = []
        for _ in 0..<(try reader.array(maximum: Self.actuatorsMaximum)) {
            try reader.array(exactly: 5)
            let point = UInt8(try reader.unsigned(maximum: UInt64(Limit.points - 1)))
            let at = reader.offset
            guard let mode = Mode(rawValue: try reader.u8()) else { throw .outOfRange(at: at) }
            actuators.append(ActuatorState(point: point, mode: mode, holder: try reader.name(), firstOut: try reader.name(), fault: try reader.name()))
        }
        try reader.end()
    }
}

extension CBORWriter {
    fileprivate mutating func name(_ value: String?) {
        if let value { text(clip(value, maximum: Limit.nameBytes)) } else { null() }
    }
}

extension CBORReader {
    fileprivate mutating func name() throws(CBORError) -> String? { try null() ? nil : try text(maximum: Limit.nameBytes) }
}
