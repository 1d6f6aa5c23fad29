// Interlocks: what sends an actuator to its safe state, and the local button that lets it out again.

/// A button at the machine itself. No message can stand in for it.
public struct Reset: Equatable, Sendable {
    public var name: String
    public var line: String
    /// How long it must be held, pressed after the trip, before it counts.
    public var holdMilliseconds: Int

    public init(name: String, line: String, holdMilliseconds: Int) {
        self.name = name
        self.line = line
        self.holdMilliseconds = holdMilliseconds
    }
}

/// When a trip is demanded. A sensor that is not good demands it too.
public enum Condition: Equatable, Sendable {
    case active
    case inactive
    case above(microlitresPerSecond: Int)
    case below(microlitresPerSecond: Int)
}

/// Sends `actuator` to its safe state while the condition lasts; latched: until the local reset.
public struct Trip: Equatable, Sendable {
    public var name: String
    /// A position in `Calibration.sensors`.
    public var sensor: Int
    public var condition: Condition
    /// The condition must last this long; 0 = at once.
    public var delayMilliseconds: Int
    /// A position in `Calibration.actuators`.
    public var actuator: Int
    public var latched: Bool
    /// A position in `Calibration.resets`; a latched trip has one, another none.
    public var reset: Int?

    public init(
        name: String, sensor: Int, condition: Condition, delayMilliseconds: Int, actuator: Int,
        latched: Bool, reset: Int?
    ) {
        self.name = name
        self.sensor = sensor
        self.condition = condition
        self.delayMilliseconds = delayMilliseconds
        self.actuator = actuator
        self.latched = latched
        self.reset = reset
    }
}
