// The calibration in deterministic CBOR: maps whose keys run from 1 without gaps, null where a value
// is absent. What a decoder does not know it refuses: an unknown limit must never be passed over.

import Bytes
import Signed

extension Calibration: SignedPayload {
    public static var purpose: Purpose { .calibration }

    public init(decoding bytes: RawSpan) throws(PayloadError) {
        do throws(CalibrationError) { try self.init(checking: bytes) } catch {
            throw PayloadError(code: error.code, text: error.sentence)
        }
    }

    /// The calibration that the bytes say, refused with the place and key where it contradicts itself.
    init(checking bytes: RawSpan) throws(CalibrationError) {
        guard bytes.byteCount <= Self.encodedMaximum else {
            throw CalibrationError(.form, .calibration, "", "is longer than \(Self.encodedMaximum) bytes")
        }
        let fields: Fields
        do throws(CBORError) {
            var reader = CBORReader(bytes)
            fields = try Fields(&reader)
            try reader.end()
        } catch {
            throw CalibrationError(.form, .calibration, "", "is no calibration of format \(Self.formatVersion): " + error.text)
        }
        try self.init(
            version: fields.version, board: fields.board, tickMilliseconds: fields.tick,
            supervisionTimeoutMilliseconds: fields.supervisionTimeout, resets: fields.resets,
            sensors: fields.sensors, actuators: fields.actuators, trips: fields.trips)
    }

    public func encoded() -> [UInt8] {
        var writer = CBORWriter(capacity: 1024)
        writer.map(9)
        writer.unsigned(1); writer.unsigned(Self.formatVersion)
        writer.unsigned(2); writer.unsigned(version)
        writer.unsigned(3); writer.text(board)
        writer.unsigned(4); writer.unsigned(tickMilliseconds)
        writer.unsigned(5); writer.unsigned(supervisionTimeoutMilliseconds)
        writer.unsigned(6); writer.array(resets.count)
        for reset in resets { reset.encode(into: &writer) }
        writer.unsigned(7); writer.array(sensors.count)
        for sensor in sensors { sensor.encode(into: &writer) }
        writer.unsigned(8); writer.array(actuators.count)
        for actuator in actuators { actuator.encode(into: &writer) }
        writer.unsigned(9); writer.array(trips.count)
        for trip in trips { trip.encode(into: &writer) }
        return writer.bytes
    }
}

/// The outermost map, of right form; not yet checked against itself.
private struct Fields {
    let version: UInt64
    let board: String
    let tick: Int
    let supervisionTimeout: Int
    var resets: [Reset] = []
    var sensors: [Sensor] = []
    var actuators: [Actuator] = []
    var trips: [Trip] = []

    init(_ reader: inout CBORReader) throws(CBORError) {
        let start = reader.offset
        try reader.fields(9)
        try reader.field(1)
        guard try reader.number() == Calibration.formatVersion else { throw .outOfRange(at: start) }
        try reader.field(2); version = try reader.unsigned()
        try reader.field(3); board = try reader.name()
        try reader.field(4); tick = try reader.number()
        try reader.field(5); supervisionTimeout = try reader.number()
        try reader.field(6)
        for _ in 0..<(try reader.array(maximum: Calibration.resetsMaximum)) { resets.append(try Reset(decoding: &reader)) }
        try reader.field(7)
        for _ in 0..<(try reader.array(maximum: Calibration.sensorsMaximum)) { sensors.append(try Sensor(decoding: &reader)) }
        try reader.field(8)
        for _ in 0..<(try reader.array(maximum: Calibration.actuatorsMaximum)) { actuators.append(try Actuator(decoding: &reader)) }
        try reader.field(9)
        for _ in 0..<(try reader.array(maximum: Calibration.tripsMaximum)) { trips.append(try Trip(decoding: &reader)) }
    }
}

extension CBORReader {
    /// A map of exactly `count` pairs, whose keys `field` then takes in order.
    fileprivate mutating func fields(_ count: Int) throws(CBORError) {
        let found = try map(maximum: count)
        guard found == count else { throw .missing(key: UInt64(found) + 1) }
    }

    fileprivate mutating func field(_ key: UInt64) throws(CBORError) {
        let found = try unsigned()
        guard found == key else { throw .unknown(key: found) }
    }

    fileprivate mutating func number() throws(CBORError) -> Int { try count(maximum: Int(UInt32.max)) }

    fileprivate mutating func name() throws(CBORError) -> String { try text(maximum: Calibration.nameMaximum) }

    fileprivate mutating func safeState() throws(CBORError) -> SafeState {
        let at = offset
        guard let state = SafeState(rawValue: try u8()) else { throw .outOfRange(at: at) }
        return state
    }
}

extension Reset {
    fileprivate init(decoding reader: inout CBORReader) throws(CBORError) {
        try reader.fields(3)
        try reader.field(1); name = try reader.name()
        try reader.field(2); line = try reader.name()
        try reader.field(3); holdMilliseconds = try reader.number()
    }

    fileprivate func encode(into writer: inout CBORWriter) {
        writer.map(3)
        writer.unsigned(1); writer.text(name)
        writer.unsigned(2); writer.text(line)
        writer.unsigned(3); writer.unsigned(holdMilliseconds)
    }
}

// A sensor is [kind, fields ...]: 0 switch, 1 flow meter.
extension Sensor {
    fileprivate init(decoding reader: inout CBORReader) throws(CBORError) {
        let start = reader.offset
        try reader.array(exactly: 5)
        let kind = try reader.u8()
        let (name, line) = (try reader.name(), try reader.name())
        switch kind {
        case 0:
            self = .switch(Switch(
                name: name, line: line, debounceMilliseconds: try reader.number(), activeWhenHigh: try reader.boolean()))
        case 1:
            self = .flowMeter(FlowMeter(
                name: name, line: line, microlitresPerPulse: try reader.number(), maximumPulsesPerSecond: try reader.number()))
        default: throw .outOfRange(at: start)
        }
    }

    fileprivate func encode(into writer: inout CBORWriter) {
        writer.array(5)
        switch self {
        case .switch(let sensor):
            writer.unsigned(0); writer.text(sensor.name); writer.text(sensor.line)
            writer.unsigned(sensor.debounceMilliseconds); writer.boolean(sensor.activeWhenHigh)
        case .flowMeter(let meter):
            writer.unsigned(1); writer.text(meter.name); writer.text(meter.line)
            writer.unsigned(meter.microlitresPerPulse); writer.unsigned(meter.maximumPulsesPerSecond)
        }
    }
}

// An actuator is [kind, fields]: 0 motor valve, 1 solenoid.
extension Actuator {
    fileprivate init(decoding reader: inout CBORReader) throws(CBORError) {
        let start = reader.offset
        try reader.array(exactly: 2)
        switch try reader.u8() {
        case 0: self = .motorValve(try MotorValve(decoding: &reader))
        case 1: self = .solenoid(try Solenoid(decoding: &reader))
        default: throw .outOfRange(at: start)
        }
    }

    fileprivate func encode(into writer: inout CBORWriter) {
        writer.array(2)
        switch self {
        case .motorValve(let valve):
            writer.unsigned(0)
            valve.encode(into: &writer)
        case .solenoid(let solenoid):
            writer.unsigned(1)
            solenoid.encode(into: &writer)
        }
    }
}

extension MotorValve {
    fileprivate init(decoding reader: inout CBORReader) throws(CBORError) {
        try reader.fields(17)
        try reader.field(1); name = try reader.name()
        try reader.field(2); openLine = try reader.name()
        try reader.field(3); closeLine = try reader.name()
        try reader.field(4); openEndLine = try reader.name()
        try reader.field(5); closedEndLine = try reader.name()
        try reader.field(6); endSwitchDebounceMilliseconds = try reader.number()
        try reader.field(7); endSwitchTolerancePermille = try reader.number()
        try reader.field(8); strokeMilliseconds = try reader.number()
        try reader.field(9); strokeFastestMilliseconds = try reader.number()
        try reader.field(10); strokeSlowestMilliseconds = try reader.number()
        try reader.field(11); coastMilliseconds = try reader.number()
        try reader.field(12); positionMinimumPermille = try reader.number()
        try reader.field(13); positionMaximumPermille = try reader.number()
        try reader.field(14); maximumOpenMilliseconds = try reader.number()
        try reader.field(15); restMilliseconds = try reader.number()
        try reader.field(16); safeState = try reader.safeState()
        try reader.field(17); reset = try reader.number()
    }

    fileprivate func encode(into writer: inout CBORWriter) {
        writer.map(17)
        writer.unsigned(1); writer.text(name)
        writer.unsigned(2); writer.text(openLine)
        writer.unsigned(3); writer.text(closeLine)
        writer.unsigned(4); writer.text(openEndLine)
        writer.unsigned(5); writer.text(closedEndLine)
        writer.unsigned(6); writer.unsigned(endSwitchDebounceMilliseconds)
        writer.unsigned(7); writer.unsigned(endSwitchTolerancePermille)
        writer.unsigned(8); writer.unsigned(strokeMilliseconds)
        writer.unsigned(9); writer.unsigned(strokeFastestMilliseconds)
        writer.unsigned(10); writer.unsigned(strokeSlowestMilliseconds)
        writer.unsigned(11); writer.unsigned(coastMilliseconds)
        writer.unsigned(12); writer.unsigned(positionMinimumPermille)
        writer.unsigned(13); writer.unsigned(positionMaximumPermille)
        writer.unsigned(14); writer.unsigned(maximumOpenMilliseconds)
        writer.unsigned(15); writer.unsigned(restMilliseconds)
        writer.unsigned(16); writer.unsigned(UInt64(safeState.rawValue))
        writer.unsigned(17); writer.unsigned(reset)
    }
}

extension Solenoid {
    fileprivate init(decoding reader: inout CBORReader) throws(CBORError) {
        try reader.fields(8)
        try reader.field(1); name = try reader.name()
        try reader.field(2); line = try reader.name()
        try reader.field(3); energiseToOpen = try reader.boolean()
        try reader.field(4); maximumOnMilliseconds = try reader.number()
        try reader.field(5); minimumOnMilliseconds = try reader.number()
        try reader.field(6); minimumOffMilliseconds = try reader.number()
        try reader.field(7); safeState = try reader.safeState()
        try reader.field(8); reset = try reader.number()
    }

    fileprivate func encode(into writer: inout CBORWriter) {
        writer.map(8)
        writer.unsigned(1); writer.text(name)
        writer.unsigned(2); writer.text(line)
        writer.unsigned(3); writer.boolean(energiseToOpen)
        writer.unsigned(4); writer.unsigned(maximumOnMilliseconds)
        writer.unsigned(5); writer.unsigned(minimumOnMilliseconds)
        writer.unsigned(6); writer.unsigned(minimumOffMilliseconds)
        writer.unsigned(7); writer.unsigned(UInt64(safeState.rawValue))
        writer.unsigned(8); writer.unsigned(reset)
    }
}

extension Trip {
    fileprivate init(decoding reader: inout CBORReader) throws(CBORError) {
        try reader.fields(7)
        try reader.field(1); name = try reader.name()
        try reader.field(2); sensor = try reader.number()
        try reader.field(3); condition = try Condition(decoding: &reader)
        try reader.field(4); delayMilliseconds = try reader.number()
        try reader.field(5); actuator = try reader.number()
        try reader.field(6); latched = try reader.boolean()
        try reader.field(7); reset = try reader.null() ? nil : try reader.number()
    }

    fileprivate func encode(into writer: inout CBORWriter) {
        writer.map(7)
        writer.unsigned(1); writer.text(name)
        writer.unsigned(2); writer.unsigned(sensor)
        writer.unsigned(3); condition.encode(into: &writer)
        writer.unsigned(4); writer.unsigned(delayMilliseconds)
        writer.unsigned(5); writer.unsigned(actuator)
        writer.unsigned(6); writer.boolean(latched)
        writer.unsigned(7)
        if let reset { writer.unsigned(reset) } else { writer.null() }
    }
}

// A condition is [kind, flow]: 0 active, 1 inactive, 2 above, 3 below; flow 0 for the first two.
extension Condition {
    fileprivate init(decoding reader: inout CBORReader) throws(CBORError) {
        let start = reader.offset
        try reader.array(exactly: 2)
        let (kind, flow) = (try reader.u8(), try reader.number())
        switch kind {
        case 0 where flow == 0: self = .active
        case 1 where flow == 0: self = .inactive
        case 2: self = .above(microlitresPerSecond: flow)
        case 3: self = .below(microlitresPerSecond: flow)
        default: throw .outOfRange(at: start)
        }
    }

    fileprivate func encode(into writer: inout CBORWriter) {
        writer.array(2)
        switch self {
        case .active: writer.unsigned(0); writer.unsigned(0)
        case .inactive: writer.unsigned(1); writer.unsigned(0)
        case .above(let flow): writer.unsigned(2); writer.unsigned(flow)
        case .below(let flow): writer.unsigned(3); writer.unsigned(flow)
        }
    }
}
