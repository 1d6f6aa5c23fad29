// What moves: motor valves and solenoids, with the limits that hold for them whatever is asked.

/// Where an actuator goes when nothing vouches for anything better.
public enum SafeState: UInt8, Sendable {
    case closed = 0
    case open = 1
    /// It stays where it is.
    case last = 2
}

/// A valve with a reversible motor, one line a direction, and a switch at either end of its travel.
/// Positions are permille of travel: 0 closed, 1000 open. Its position is known from driving time alone
/// between the ends: at least `strokeFastestMilliseconds` and at most `strokeSlowestMilliseconds` lie
/// between them. The motor must bear being driven against a closed end (it cuts itself off or slips):
/// closing goes on until the slowest valve would have arrived, whatever the end switch says.
public struct MotorValve: Equatable, Sendable {
    public var name: String
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
    /// The least opening other than closed that may be asked for.
    public var positionMinimumPermille: Int
    /// The envelope: it is never open further.
    public var positionMaximumPermille: Int
    /// The longest time away from closed; 0 = no limit.
    public var maximumOpenMilliseconds: Int
    /// The least time with both lines off between two directions.
    public var restMilliseconds: Int
    public var safeState: SafeState
    /// The local reset that clears its faults: a position in `Calibration.resets`.
    public var reset: Int

    public init(
        name: String, openLine: String, closeLine: String, openEndLine: String, closedEndLine: String,
        endSwitchDebounceMilliseconds: Int, endSwitchTolerancePermille: Int, strokeMilliseconds: Int,
        strokeFastestMilliseconds: Int, strokeSlowestMilliseconds: Int, coastMilliseconds: Int,
        positionMinimumPermille: Int, positionMaximumPermille: Int, maximumOpenMilliseconds: Int,
        restMilliseconds: Int, safeState: SafeState, reset: Int
    ) {
        self.name = name
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
        self.positionMinimumPermille = positionMinimumPermille
        self.positionMaximumPermille = positionMaximumPermille
        self.maximumOpenMilliseconds = maximumOpenMilliseconds
        self.restMilliseconds = restMilliseconds
        self.safeState = safeState
        self.reset = reset
    }

    /// The furthest shown position that is reached from closed: where even the fastest valve of the
    /// window, coasting, is still inside the envelope.
    public var reachPermille: Int {
        guard positionMaximumPermille < 1000 else { return 1000 }
        let driveMilliseconds = positionMaximumPermille * strokeFastestMilliseconds / 1000 - coastMilliseconds
        return max(0, driveMilliseconds * 1000 / strokeMilliseconds)
    }
}

/// A valve or relay with one line: energised or not. Its positions are 0 (closed) and 1000 (open).
public struct Solenoid: Equatable, Sendable {
    public var name: String
    public var line: String
    public var energiseToOpen: Bool
    /// The longest time energised; 0 = no limit.
    public var maximumOnMilliseconds: Int
    public var minimumOnMilliseconds: Int
    public var minimumOffMilliseconds: Int
    public var safeState: SafeState
    /// The local reset that clears its faults: a position in `Calibration.resets`.
    public var reset: Int

    public init(
        name: String, line: String, energiseToOpen: Bool, maximumOnMilliseconds: Int,
        minimumOnMilliseconds: Int, minimumOffMilliseconds: Int, safeState: SafeState, reset: Int
    ) {
        self.name = name
        self.line = line
        self.energiseToOpen = energiseToOpen
        self.maximumOnMilliseconds = maximumOnMilliseconds
        self.minimumOnMilliseconds = minimumOnMilliseconds
        self.minimumOffMilliseconds = minimumOffMilliseconds
        self.safeState = safeState
        self.reset = reset
    }
}

public enum Actuator: Equatable, Sendable {
    case motorValve(MotorValve)
    case solenoid(Solenoid)

    public var name: String {
        switch self {
        case .motorValve(let valve): valve.name
        case .solenoid(let solenoid): solenoid.name
        }
    }

    public var safeState: SafeState {
        switch self {
        case .motorValve(let valve): valve.safeState
        case .solenoid(let solenoid): solenoid.safeState
        }
    }
}
