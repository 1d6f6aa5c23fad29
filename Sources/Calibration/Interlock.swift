// Interlocks: what sends an actuator to its safe state, and what keeps it there.

/// What a sensor must say. Of a switch: active or inactive; of the others a comparison in their unit.
public enum Condition: Equatable, Sendable {
    case active
    case inactive
    case above(Int)
    case below(Int)
}

/// Sends actuators to their safe states while the condition lasts; latched: until the local reset, which
/// looks at the condition again and starts nothing. A sensor that is not good demands it too.
public struct Trip: Equatable, Sendable {
    public var name: String
    /// A position in `Calibration.sensors`.
    public var sensor: Int
    public var condition: Condition
    /// The condition has gone only once the value is back by this much (hysteresis), in the sensor's unit.
    public var hysteresis: Int
    /// The condition must last this long; 0 = at once.
    public var delayMilliseconds: Int
    /// Positions in `Calibration.actuators`.
    public var actuators: [Int]
    public var latched: Bool
    /// A position in `Calibration.resets`; a latched trip has one, another none.
    public var reset: Int?
    /// The process safety time: from the condition to the safe state at most. 0 = none was stated.
    public var processSafetyMilliseconds: Int
    /// It may never be bypassed, and is armed in every phase.
    public var isEssential: Bool
    /// The longest bypass that may be ordered; 0 = none.
    public var bypassMaximumMinutes: Int
    /// Positions in `Calibration.phases` in which it is armed; empty = in all.
    public var phases: [Int]

    public init(
        name: String, sensor: Int, condition: Condition, hysteresis: Int = 0, delayMilliseconds: Int, actuators: [Int],
        latched: Bool, reset: Int?, processSafetyMilliseconds: Int = 0, isEssential: Bool = false,
        bypassMaximumMinutes: Int = 0, phases: [Int] = []
    ) {
        self.name = name
        self.sensor = sensor
        self.condition = condition
        self.hysteresis = hysteresis
        self.delayMilliseconds = delayMilliseconds
        self.actuators = actuators
        self.latched = latched
        self.reset = reset
        self.processSafetyMilliseconds = processSafetyMilliseconds
        self.isEssential = isEssential
        self.bypassMaximumMinutes = bypassMaximumMinutes
        self.phases = phases
    }
}

/// The kinds of interlock that are no trips: each is looked at before an actuator may leave its safe
/// state, or go further from it.
public enum Interlock: Equatable, Sendable {
    /// A condition that must hold for the actuator to leave its safe state; it may be lost after that.
    case permissive(actuator: Int, sensor: Int, condition: Condition)
    /// The two are never away from their safe states at once (mutual exclusion).
    case exclusion(first: Int, second: Int)
    /// The actuator may be away from safe only while another has been open at least so far, for so long;
    /// when that ends, it goes to its safe state.
    case sequence(actuator: Int, after: Int, atLeastPermille: Int, forMilliseconds: Int)
    /// Where the actuator has been open at least so far (or, with 0, closed) for so long, the sensor must
    /// say this: the plausible response to a command. If it does not: a fault, or only an alarm.
    case response(actuator: Int, atLeastPermille: Int, withinMilliseconds: Int, sensor: Int, condition: Condition, isFault: Bool)
}

public struct NamedInterlock: Equatable, Sendable {
    public var name: String
    public var interlock: Interlock

    public init(name: String, interlock: Interlock) {
        self.name = name
        self.interlock = interlock
    }
}
