// The encoding of a calibration: deterministic CBOR, every struct an array of its fields in the order of
// `fields`, which both ways go through: what is written is what is read. Articles/Formats lists them.

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
        var content = Content.empty
        do throws(CBORError) {
            var coder = FieldReader(CBORReader(bytes))
            try content.fields(&coder)
            try coder.reader.end()
        } catch {
            throw CalibrationError(.form, .calibration, "", "is no calibration of format \(Self.formatVersion): " + error.text)
        }
        try self.init(content)
    }

    public func encoded() -> [UInt8] {
        var coder = FieldWriter()
        var content = content
        do throws(CBORError) { try content.fields(&coder) } catch { preconditionFailure("writing refuses nothing") }
        return coder.writer.bytes
    }
}

/// One way to go through the fields: reading sets them, writing leaves them as they are.
protocol FieldCoder: ~Escapable {
    mutating func array(_ count: Int) throws(CBORError)
    mutating func number(_ value: inout Int) throws(CBORError)
    mutating func flag(_ value: inout Bool) throws(CBORError)
    mutating func text(_ value: inout String) throws(CBORError)
    /// The length of a list, at most `maximum`.
    mutating func length(_ value: Int, maximum: Int) throws(CBORError) -> Int
    /// Whether an optional is there.
    mutating func presence(_ isThere: Bool) throws(CBORError) -> Bool
}

private struct FieldReader: FieldCoder, ~Escapable {
    var reader: CBORReader

    @_lifetime(copy reader)
    init(_ reader: CBORReader) { self.reader = reader }

    mutating func array(_ count: Int) throws(CBORError) { try reader.array(exactly: count) }

    mutating func number(_ value: inout Int) throws(CBORError) {
        let at = reader.offset
        let found = try reader.integer()
        // Every bound of the checks is narrower; this one keeps their arithmetic from overflowing.
        guard found >= Int64(Int32.min), found <= Int64(UInt32.max) else { throw .outOfRange(at: at) }
        value = Int(found)
    }

    mutating func flag(_ value: inout Bool) throws(CBORError) { value = try reader.boolean() }
    mutating func text(_ value: inout String) throws(CBORError) { value = try reader.text(maximum: Calibration.nameMaximum) }
    mutating func length(_ value: Int, maximum: Int) throws(CBORError) -> Int { try reader.array(maximum: maximum) }

    mutating func presence(_ isThere: Bool) throws(CBORError) -> Bool { !(try reader.null()) }
}

private struct FieldWriter: FieldCoder {
    var writer = CBORWriter(capacity: 1024)

    mutating func array(_ count: Int) { writer.array(count) }
    mutating func number(_ value: inout Int) { writer.integer(Int64(value)) }
    mutating func flag(_ value: inout Bool) { writer.boolean(value) }
    mutating func text(_ value: inout String) { writer.text(value) }

    mutating func length(_ value: Int, maximum: Int) -> Int {
        writer.array(value)
        return value
    }

    mutating func presence(_ isThere: Bool) -> Bool {
        if !isThere { writer.null() }
        return isThere
    }
}

/// Has fields, and a value to begin reading with.
private protocol Fielded {
    static var empty: Self { get }
    mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError)
}

extension FieldCoder where Self: ~Escapable {
    fileprivate mutating func list<T: Fielded>(_ values: inout [T], maximum: Int) throws(CBORError) {
        let count = try length(values.count, maximum: maximum)
        // What is read has the length that it says, whatever the value began with.
        if values.count > count { values.removeLast(values.count - count) }
        while values.count < count { values.append(T.empty) }
        for i in 0..<count { try values[i].fields(&self) }
    }

    fileprivate mutating func optional<T: Fielded>(_ value: inout T?) throws(CBORError) {
        guard try presence(value != nil) else {
            value = nil
            return
        }
        var inner = value ?? T.empty
        try inner.fields(&self)
        value = inner
    }

    /// A number that is one of an enumeration's.
    fileprivate mutating func choice<T: RawRepresentable>(_ value: inout T) throws(CBORError) where T.RawValue == UInt8 {
        var number = Int(value.rawValue)
        try self.number(&number)
        guard number >= 0, number <= 255, let found = T(rawValue: UInt8(number)) else { throw .outOfRange(at: 0) }
        value = found
    }
}

extension Int: Fielded {
    fileprivate static var empty: Int { 0 }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) { try coder.number(&self) }
}

extension String: Fielded {
    fileprivate static var empty: String { "" }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) { try coder.text(&self) }
}

extension Calibration.Content: Fielded {
    fileprivate static var empty: Self {
        Self(version: 0, board: "", tickMilliseconds: 0, supervisionTimeoutMilliseconds: 0, resets: [], sensors: [], actuators: [], trips: [])
    }

    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(12)
        var format = Calibration.formatVersion
        try coder.number(&format)
        guard format == Calibration.formatVersion else { throw .outOfRange(at: 1) }
        try coder.number(&version)
        try coder.text(&board)
        try coder.number(&tickMilliseconds)
        try coder.number(&supervisionTimeoutMilliseconds)
        try coder.list(&phases, maximum: Calibration.phasesMaximum)
        try coder.list(&resets, maximum: Calibration.resetsMaximum)
        try coder.list(&selectors, maximum: Calibration.selectorsMaximum)
        try coder.list(&sensors, maximum: Calibration.sensorsMaximum)
        try coder.list(&actuators, maximum: Calibration.actuatorsMaximum)
        try coder.list(&trips, maximum: Calibration.tripsMaximum)
        try coder.list(&interlocks, maximum: Calibration.interlocksMaximum)
    }
}

extension Reset: Fielded {
    fileprivate static var empty: Self { Self(name: "", line: "", holdMilliseconds: 0) }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(3)
        try coder.text(&name)
        try coder.text(&line)
        try coder.number(&holdMilliseconds)
    }
}

extension Selector: Fielded {
    fileprivate static var empty: Self { Self(name: "", handLine: "", autoLine: "", debounceMilliseconds: 0) }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(6)
        try coder.text(&name)
        try coder.text(&handLine)
        try coder.text(&autoLine)
        try coder.number(&debounceMilliseconds)
        try coder.number(&changesMaximum)
        try coder.number(&buttonMaximumMilliseconds)
    }
}

// MARK: sensors

extension Sensor: Fielded {
    fileprivate static var empty: Self { Self(name: "", source: .switch(.empty)) }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(3)
        try coder.text(&name)
        try source.fields(&coder)
        try plausibility.fields(&coder)
    }
}

extension Plausibility: Fielded {
    fileprivate static var empty: Self { Self() }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(4)
        try coder.number(&staleMilliseconds)
        try coder.number(&stuckMilliseconds)
        try coder.number(&maximumRatePerSecond)
        try coder.number(&badSamples)
    }
}

// [kind, fields]: 0 switch, 1 flow meter, 2 frequency, 3 analogue, 4 voting.
extension Sensor.Source: Fielded {
    fileprivate static var empty: Self { .switch(.empty) }

    private var kind: Int {
        switch self {
        case .switch: 0
        case .flowMeter: 1
        case .frequency: 2
        case .analogue: 3
        case .voting: 4
        }
    }

    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(2)
        var kind = kind
        try coder.number(&kind)
        switch kind {
        case 0:
            var value = if case .switch(let value) = self { value } else { Switch.empty }
            try value.fields(&coder)
            self = .switch(value)
        case 1:
            var value = if case .flowMeter(let value) = self { value } else { FlowMeter.empty }
            try value.fields(&coder)
            self = .flowMeter(value)
        case 2:
            var value = if case .frequency(let value) = self { value } else { FrequencyInput.empty }
            try value.fields(&coder)
            self = .frequency(value)
        case 3:
            var value = if case .analogue(let value) = self { value } else { AnalogueInput.empty }
            try value.fields(&coder)
            self = .analogue(value)
        case 4:
            var value = if case .voting(let value) = self { value } else { Voting.empty }
            try value.fields(&coder)
            self = .voting(value)
        default: throw .outOfRange(at: 0)
        }
    }
}

extension Switch: Fielded {
    fileprivate static var empty: Self { Self(line: "", debounceMilliseconds: 0, activeWhenHigh: true) }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(5)
        try coder.text(&line)
        try coder.text(&antivalentLine)
        try coder.number(&discrepancyMilliseconds)
        try coder.number(&debounceMilliseconds)
        try coder.flag(&activeWhenHigh)
    }
}

extension FlowMeter: Fielded {
    fileprivate static var empty: Self { Self(line: "", microlitresPerPulse: 0, maximumPulsesPerSecond: 0) }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(3)
        try coder.text(&line)
        try coder.number(&microlitresPerPulse)
        try coder.number(&maximumPulsesPerSecond)
    }
}

extension FrequencyInput: Fielded {
    fileprivate static var empty: Self { Self(line: "", pulsesPerTurn: 0, maximumPulsesPerSecond: 0) }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(3)
        try coder.text(&line)
        try coder.number(&pulsesPerTurn)
        try coder.number(&maximumPulsesPerSecond)
    }
}

extension AnalogueInput: Fielded {
    fileprivate static var empty: Self {
        Self(channel: "", countsAt4Milliamperes: 0, countsAt20Milliamperes: 0, coefficients: [], unit: "", faultMilliseconds: 0)
    }

    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(6)
        try coder.text(&channel)
        try coder.number(&countsAt4Milliamperes)
        try coder.number(&countsAt20Milliamperes)
        try coder.list(&coefficients, maximum: 4)
        try coder.text(&unit)
        try coder.number(&faultMilliseconds)
    }
}

extension Voting: Fielded {
    fileprivate static var empty: Self { Self(scheme: .oneOutOfTwo, members: [], deviation: 0, deviationMilliseconds: 0) }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(4)
        try coder.choice(&scheme)
        try coder.list(&members, maximum: 3)
        try coder.number(&deviation)
        try coder.number(&deviationMilliseconds)
    }
}

// MARK: actuators

extension Actuator: Fielded {
    fileprivate static var empty: Self { Self(name: "", drive: .empty, safeState: .closed, reset: 0) }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(6)
        try coder.text(&name)
        try drive.fields(&coder)
        try envelope.fields(&coder)
        try governance.fields(&coder)
        try coder.choice(&safeState)
        try coder.number(&reset)
    }
}

// [kind, fields]: 0 motor valve, 1 solenoid, 2 time-proportional output, 3 latching relay.
extension Actuator.Drive: Fielded {
    fileprivate static var empty: Self { .solenoid(.empty) }

    private var kind: Int {
        switch self {
        case .motorValve: 0
        case .solenoid: 1
        case .timeProportional: 2
        case .latchingRelay: 3
        }
    }

    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(2)
        var kind = kind
        try coder.number(&kind)
        switch kind {
        case 0:
            var value = if case .motorValve(let value) = self { value } else { MotorValve.empty }
            try value.fields(&coder)
            self = .motorValve(value)
        case 1:
            var value = if case .solenoid(let value) = self { value } else { Solenoid.empty }
            try value.fields(&coder)
            self = .solenoid(value)
        case 2:
            var value = if case .timeProportional(let value) = self { value } else { TimeProportional.empty }
            try value.fields(&coder)
            self = .timeProportional(value)
        case 3:
            var value = if case .latchingRelay(let value) = self { value } else { LatchingRelay.empty }
            try value.fields(&coder)
            self = .latchingRelay(value)
        default: throw .outOfRange(at: 0)
        }
    }
}

extension MotorValve: Fielded {
    fileprivate static var empty: Self {
        Self(
            openLine: "", closeLine: "", openEndLine: "", closedEndLine: "", endSwitchDebounceMilliseconds: 0,
            endSwitchTolerancePermille: 0, strokeMilliseconds: 0, strokeFastestMilliseconds: 0, strokeSlowestMilliseconds: 0,
            coastMilliseconds: 0, restMilliseconds: 0)
    }

    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(13)
        try coder.text(&openLine)
        try coder.text(&closeLine)
        try coder.text(&openEndLine)
        try coder.text(&closedEndLine)
        try coder.number(&endSwitchDebounceMilliseconds)
        try coder.number(&endSwitchTolerancePermille)
        try coder.number(&strokeMilliseconds)
        try coder.number(&strokeFastestMilliseconds)
        try coder.number(&strokeSlowestMilliseconds)
        try coder.number(&coastMilliseconds)
        try coder.number(&restMilliseconds)
        try coder.optional(&feedback)
        try coder.optional(&proofTest)
    }
}

extension PositionFeedback: Fielded {
    fileprivate static var empty: Self { Self(sensor: 0, deviationPermille: 0, deviationMilliseconds: 0) }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(3)
        try coder.number(&sensor)
        try coder.number(&deviationPermille)
        try coder.number(&deviationMilliseconds)
    }
}

extension ProofTest: Fielded {
    fileprivate static var empty: Self { Self(strokePermille: 0, intervalHours: 0) }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(2)
        try coder.number(&strokePermille)
        try coder.number(&intervalHours)
    }
}

extension Solenoid: Fielded {
    fileprivate static var empty: Self {
        Self(line: "", energiseToOpen: true, minimumOnMilliseconds: 0, minimumOffMilliseconds: 0, travelMilliseconds: 0)
    }

    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(5)
        try coder.text(&line)
        try coder.flag(&energiseToOpen)
        try coder.number(&minimumOnMilliseconds)
        try coder.number(&minimumOffMilliseconds)
        try coder.number(&travelMilliseconds)
    }
}

extension TimeProportional: Fielded {
    fileprivate static var empty: Self { Self(line: "", periodMilliseconds: 0, minimumOnMilliseconds: 0, minimumOffMilliseconds: 0) }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(4)
        try coder.text(&line)
        try coder.number(&periodMilliseconds)
        try coder.number(&minimumOnMilliseconds)
        try coder.number(&minimumOffMilliseconds)
    }
}

extension LatchingRelay: Fielded {
    fileprivate static var empty: Self { Self(setLine: "", resetLine: "", pulseMilliseconds: 0, restMilliseconds: 0) }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(6)
        try coder.text(&setLine)
        try coder.text(&resetLine)
        try coder.number(&pulseMilliseconds)
        try coder.number(&restMilliseconds)
        try coder.text(&feedbackLine)
        try coder.number(&feedbackMilliseconds)
    }
}

extension Envelope: Fielded {
    fileprivate static var empty: Self { Self() }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(9)
        try coder.number(&minimumPermille)
        try coder.number(&maximumPermille)
        try coder.list(&phases, maximum: Calibration.phasesMaximum)
        try coder.number(&deadBandPermille)
        try coder.number(&slewPermillePerSecond)
        try coder.number(&maximumAwayMilliseconds)
        try coder.number(&startsPerHour)
        try coder.number(&runningMinutesPerHour)
        try coder.number(&lifetimeCycles)
    }
}

extension PhaseLimit: Fielded {
    fileprivate static var empty: Self { Self(phase: 0, minimumPermille: 0, maximumPermille: 0) }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(3)
        try coder.number(&phase)
        try coder.number(&minimumPermille)
        try coder.number(&maximumPermille)
    }
}

extension Governance: Fielded {
    fileprivate static var empty: Self { Self() }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(6)
        try coder.optional(&selector)
        try coder.text(&openButton)
        try coder.text(&closeButton)
        try coder.number(&selectMilliseconds)
        try coder.number(&approvals)
        try coder.number(&leaseMilliseconds)
    }
}

// MARK: interlocks

// [kind, value]: 0 active, 1 inactive, 2 above, 3 below; value 0 for the first two.
extension Condition: Fielded {
    fileprivate static var empty: Self { .active }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        var (kind, value): (Int, Int) = switch self {
        case .active: (0, 0)
        case .inactive: (1, 0)
        case .above(let value): (2, value)
        case .below(let value): (3, value)
        }
        try coder.array(2)
        try coder.number(&kind)
        try coder.number(&value)
        switch kind {
        case 0 where value == 0: self = .active
        case 1 where value == 0: self = .inactive
        case 2: self = .above(value)
        case 3: self = .below(value)
        default: throw .outOfRange(at: 0)
        }
    }
}

extension Trip: Fielded {
    fileprivate static var empty: Self {
        Self(name: "", sensor: 0, condition: .active, delayMilliseconds: 0, actuators: [], latched: false, reset: nil)
    }

    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(12)
        try coder.text(&name)
        try coder.number(&sensor)
        try condition.fields(&coder)
        try coder.number(&hysteresis)
        try coder.number(&delayMilliseconds)
        try coder.list(&actuators, maximum: Calibration.actuatorsMaximum)
        try coder.flag(&latched)
        try coder.optional(&reset)
        try coder.number(&processSafetyMilliseconds)
        try coder.flag(&isEssential)
        try coder.number(&bypassMaximumMinutes)
        try coder.list(&phases, maximum: Calibration.phasesMaximum)
    }
}

extension NamedInterlock: Fielded {
    fileprivate static var empty: Self { Self(name: "", interlock: .empty) }
    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        try coder.array(2)
        try coder.text(&name)
        try interlock.fields(&coder)
    }
}

// [kind, fields ...]: 0 permissive, 1 exclusion, 2 sequence, 3 response.
extension Interlock: Fielded {
    fileprivate static var empty: Self { .exclusion(first: 0, second: 0) }

    private var shape: (kind: Int, numbers: [Int], condition: Condition, flag: Bool) {
        switch self {
        case .permissive(let actuator, let sensor, let condition): (0, [actuator, sensor], condition, false)
        case .exclusion(let first, let second): (1, [first, second], .active, false)
        case .sequence(let actuator, let after, let permille, let milliseconds): (2, [actuator, after, permille, milliseconds], .active, false)
        case .response(let actuator, let permille, let within, let sensor, let condition, let isFault):
            (3, [actuator, permille, within, sensor], condition, isFault)
        }
    }

    fileprivate mutating func fields<C: FieldCoder & ~Escapable>(_ coder: inout C) throws(CBORError) {
        var (kind, n, condition, flag) = shape
        try coder.array(4)
        try coder.number(&kind)
        try coder.list(&n, maximum: 4)
        try condition.fields(&coder)
        try coder.flag(&flag)
        switch (kind, n.count) {
        case (0, 2) where !flag: self = .permissive(actuator: n[0], sensor: n[1], condition: condition)
        case (1, 2) where condition == .active && !flag: self = .exclusion(first: n[0], second: n[1])
        case (2, 4) where condition == .active && !flag:
            self = .sequence(actuator: n[0], after: n[1], atLeastPermille: n[2], forMilliseconds: n[3])
        case (3, 4):
            self = .response(actuator: n[0], atLeastPermille: n[1], withinMilliseconds: n[2], sensor: n[3], condition: condition, isFault: flag)
        default: throw .outOfRange(at: 0)
        }
    }
}
