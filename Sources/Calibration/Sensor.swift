// What is sensed: switches and pulse flow meters.

/// A level, pressure or door switch on one line.
public struct Switch: Equatable, Sendable {
    public var name: String
    public var line: String
    /// A change counts once it has lasted this long; 0 = at once.
    public var debounceMilliseconds: Int
    public var activeWhenHigh: Bool

    public init(name: String, line: String, debounceMilliseconds: Int, activeWhenHigh: Bool) {
        self.name = name
        self.line = line
        self.debounceMilliseconds = debounceMilliseconds
        self.activeWhenHigh = activeWhenHigh
    }
}

/// A meter that gives one rising edge for a fixed volume.
public struct FlowMeter: Equatable, Sendable {
    public var name: String
    public var line: String
    public var microlitresPerPulse: Int
    /// What the meter can give at most: more is noise or a lie.
    public var maximumPulsesPerSecond: Int

    public init(name: String, line: String, microlitresPerPulse: Int, maximumPulsesPerSecond: Int) {
        self.name = name
        self.line = line
        self.microlitresPerPulse = microlitresPerPulse
        self.maximumPulsesPerSecond = maximumPulsesPerSecond
    }

    /// Microlitres per second at the meter's limit.
    public var maximumFlow: Int { microlitresPerPulse * maximumPulsesPerSecond }
}

public enum Sensor: Equatable, Sendable {
    case `switch`(Switch)
    case flowMeter(FlowMeter)

    public var name: String {
        switch self {
        case .switch(let sensor): sensor.name
        case .flowMeter(let meter): meter.name
        }
    }

    public var line: String {
        switch self {
        case .switch(let sensor): sensor.line
        case .flowMeter(let meter): meter.line
        }
    }
}
