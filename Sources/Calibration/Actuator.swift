// What moves, by the way it is driven: motor valve, solenoid, time-proportional output, latching relay.

/// How the position of a motor valve is seen, beside its end switches: by a sensor in permille of travel.
public struct PositionFeedback: Equatable, Sendable {
    /// A position in `Calibration.sensors`: an analogue or voted one, scaled to 0 ... 1000 (permille of travel).
    public var sensor: Int
    /// Command against feedback: a deviation of more than this, for so long, is a fault (travel deviation).
    public var deviationPermille: Int
    public var deviationMilliseconds: Int

    public init(sensor: Int, deviationPermille: Int, deviationMilliseconds: Int) {
        self.sensor = sensor
        self.deviationPermille = deviationPermille
        self.deviationMilliseconds = deviationMilliseconds
    }
}

/// A partial-stroke test: it moves a little away from an end and back. It does not prove full closure.
public struct ProofTest: Equatable, Sendable {
    public var strokePermille: Int
    /// Hours of operation after which one is overdue; an alarm. 0 = never.
    public var intervalHours: Int

    public init(strokePermille: Int, intervalHours: Int) {
        self.strokePermille = strokePermille
        self.intervalHours = intervalHours
    }
}

/// The full travel of a motor valve: as measured, and the window that limits and faults are reckoned with.
public struct Stroke: Equatable, Sendable {
    public let milliseconds: Int
    public let fastestMilliseconds: Int
    public let slowestMilliseconds: Int
    public let coastMilliseconds: Int

    /// The furthest shown position that is reached from closed under a limit: where even the fastest
    /// valve of the window, coasting, is still inside it.
    public func reachPermille(maximumPermille: Int) -> Int {
        guard maximumPermille < 1000 else { return 1000 }
        let driveMilliseconds = maximumPermille * fastestMilliseconds / 1000 - coastMilliseconds
        return max(0, driveMilliseconds * 1000 / milliseconds)
    }
}

/// A valve with a reversible motor, one line a direction, and a switch at either end of its travel.
/// Positions are permille of travel: 0 closed, 1000 open. Its position is known from driving time alone
/// between the ends: at least `strokeFastestMilliseconds` and at most `strokeSlowestMilliseconds` lie
/// between them. The motor must bear being driven against its closed end, and against its safe one (it
/// cuts itself off or slips): that goes on until the slowest valve would have arrived, whatever the end switch says,
/// and as long as the switch does not say so.
public struct MotorValve: Equatable, Sendable {
    public var openLine: String
    public var closeLine: String
    public var openEndLine: String
    public var closedEndLine: String
    public var endSwitchDebounceMilliseconds: Int
    /// How far from its end a switch may already, or still, be on.
    public var endSwitchTolerancePermille: Int
    /// Full travel as measured: what the shown position is reckoned with.
    public var strokeMilliseconds: Int
    /// The window of full travel: what the limits are reckoned with, and outside of which a fault is raised.
    public var strokeFastestMilliseconds: Int
    public var strokeSlowestMilliseconds: Int
    /// How long the valve may go on moving after its line is off.
    public var coastMilliseconds: Int
    /// The least time with both lines off between two directions.
    public var restMilliseconds: Int
    public var feedback: PositionFeedback?
    public var proofTest: ProofTest?

    public init(
        openLine: String, closeLine: String, openEndLine: String, closedEndLine: String,
        endSwitchDebounceMilliseconds: Int, endSwitchTolerancePermille: Int, strokeMilliseconds: Int,
        strokeFastestMilliseconds: Int, strokeSlowestMilliseconds: Int, coastMilliseconds: Int,
        restMilliseconds: Int, feedback: PositionFeedback? = nil, proofTest: ProofTest? = nil
    ) {
        self.openLine = openLine
        self.closeLine = closeLine
        self.openEndLine = openEndLine
        self.closedEndLine = closedEndLine
        self.endSwitchDebounceMilliseconds = endSwitchDebounceMilliseconds
        self.endSwitchTolerancePermille = endSwitchTolerancePermille
        self.strokeMilliseconds = strokeMilliseconds
        self.strokeFastestMilliseconds = strokeFastestMilliseconds
        self.strokeSlowestMilliseconds = strokeSlowestMilliseconds
        self.coastMilliseconds = coastMilliseconds
        self.restMilliseconds = restMilliseconds
        self.feedback = feedback
        self.proofTest = proofTest
    }

    /// Its travel, in figures.
    public var stroke: Stroke {
        Stroke(
            milliseconds: strokeMilliseconds, fastestMilliseconds: strokeFastestMilliseconds, slowestMilliseconds: strokeSlowestMilliseconds,
            coastMilliseconds: coastMilliseconds)
    }
}

/// A valve with one line: energised or not. Its positions are 0 (closed) and 1000 (open).
public struct Solenoid: Equatable, Sendable {
    public var line: String
    public var energiseToOpen: Bool
    public var minimumOnMilliseconds: Int
    public var minimumOffMilliseconds: Int
    /// How long its spring, or its coil, takes at most from one end to the other.
    public var travelMilliseconds: Int

    public init(
        line: String, energiseToOpen: Bool, minimumOnMilliseconds: Int, minimumOffMilliseconds: Int, travelMilliseconds: Int
    ) {
        self.line = line
        self.energiseToOpen = energiseToOpen
        self.minimumOnMilliseconds = minimumOnMilliseconds
        self.minimumOffMilliseconds = minimumOffMilliseconds
        self.travelMilliseconds = travelMilliseconds
    }
}

/// A heater or pump on one line that is on for a share of each period: its position is that share,
/// 0 (off) to 1000 (always on).
public struct TimeProportional: Equatable, Sendable {
    public var line: String
    public var periodMilliseconds: Int
    /// Shorter pulses, and shorter pauses, are left out.
    public var minimumOnMilliseconds: Int
    public var minimumOffMilliseconds: Int

    public init(line: String, periodMilliseconds: Int, minimumOnMilliseconds: Int, minimumOffMilliseconds: Int) {
        self.line = line
        self.periodMilliseconds = periodMilliseconds
        self.minimumOnMilliseconds = minimumOnMilliseconds
        self.minimumOffMilliseconds = minimumOffMilliseconds
    }
}

/// A bistable relay with a line to set it and one to reset it; a pulse moves it, and it stays without
/// power. Its positions are 0 (reset) and 1000 (set). It does not fall to safe by itself.
public struct LatchingRelay: Equatable, Sendable {
    public var setLine: String
    public var resetLine: String
    public var pulseMilliseconds: Int
    /// Between two pulses at least.
    public var restMilliseconds: Int
    /// A contact that is high while the relay is set; empty = none.
    public var feedbackLine: String
    /// The contact must have followed so long after the end of a pulse.
    public var feedbackMilliseconds: Int

    public init(
        setLine: String, resetLine: String, pulseMilliseconds: Int, restMilliseconds: Int,
        feedbackLine: String = "", feedbackMilliseconds: Int = 0
    ) {
        self.setLine = setLine
        self.resetLine = resetLine
        self.pulseMilliseconds = pulseMilliseconds
        self.restMilliseconds = restMilliseconds
        self.feedbackLine = feedbackLine
        self.feedbackMilliseconds = feedbackMilliseconds
    }
}

/// An actuator: how it is driven, the envelope it is kept in, and who may ask.
public struct Actuator: Equatable, Sendable {
    public enum Drive: Equatable, Sendable {
        case motorValve(MotorValve)
        case solenoid(Solenoid)
        case timeProportional(TimeProportional)
        case latchingRelay(LatchingRelay)
    }

    public var name: String
    public var drive: Drive
    public var envelope: Envelope
    public var governance: Governance
    public var safeState: SafeState
    /// The local reset that clears its faults: a position in `Calibration.resets`.
    public var reset: Int

    public init(
        name: String, drive: Drive, envelope: Envelope = Envelope(), governance: Governance = Governance(),
        safeState: SafeState, reset: Int
    ) {
        self.name = name
        self.drive = drive
        self.envelope = envelope
        self.governance = governance
        self.safeState = safeState
        self.reset = reset
    }

    /// Its output lines: open before close, set before reset.
    public var outputLines: [String] {
        switch drive {
        case .motorValve(let valve): [valve.openLine, valve.closeLine]
        case .solenoid(let solenoid): [solenoid.line]
        case .timeProportional(let output): [output.line]
        case .latchingRelay(let relay): [relay.setLine, relay.resetLine]
        }
    }

    /// Its input lines: open end before closed end, or the feedback contact; then the buttons, open before close.
    public var inputLines: [String] {
        var lines: [String] = []
        switch drive {
        case .motorValve(let valve): lines = [valve.openEndLine, valve.closedEndLine]
        case .latchingRelay(let relay) where !relay.feedbackLine.utf8.isEmpty: lines = [relay.feedbackLine]
        default: break
        }
        if !governance.openButton.utf8.isEmpty { lines.append(governance.openButton) }
        if !governance.closeButton.utf8.isEmpty { lines.append(governance.closeButton) }
        return lines
    }

    /// Whether it takes positions between closed and open.
    public var isContinuous: Bool {
        switch drive {
        case .motorValve, .timeProportional: true
        case .solenoid, .latchingRelay: false
        }
    }
}
