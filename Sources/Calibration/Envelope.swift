// The limits that hold for an actuator of any kind, and who may ask it for anything.

/// Where an actuator goes when nothing vouches for anything better.
public enum SafeState: UInt8, Sendable {
    case closed = 0
    case open = 1
    /// It stays where it is.
    case last = 2
}

/// Narrower limits of position while the plant is in one operating phase.
public struct PhaseLimit: Equatable, Sendable {
    /// A position in `Calibration.phases`.
    public var phase: Int
    public var minimumPermille: Int
    public var maximumPermille: Int

    public init(phase: Int, minimumPermille: Int, maximumPermille: Int) {
        self.phase = phase
        self.minimumPermille = minimumPermille
        self.maximumPermille = maximumPermille
    }
}

/// Limits of position, of speed, of time and of wear. A limit of 0 is none, but for the positions.
public struct Envelope: Equatable, Sendable {
    /// The least opening other than closed that may be asked for.
    public var minimumPermille: Int
    /// It is never open further.
    public var maximumPermille: Int
    public var phases: [PhaseLimit]
    /// A setpoint nearer to the one in force than this changes nothing (dead band).
    public var deadBandPermille: Int
    /// The rate of change (slew) of the position away from safe. The way to safe is as fast as it goes.
    public var slewPermillePerSecond: Int
    /// The longest time away from the safe state; then it goes there by itself. Of an actuator whose
    /// safe state is `last`: away from closed.
    public var maximumAwayMilliseconds: Int
    /// Duty: starts in any hour (ISO 22153).
    public var startsPerHour: Int
    /// Duty: minutes of running (driven, energised) in any hour (ISO 22153).
    public var runningMinutesPerHour: Int
    /// Cycles after which maintenance is due; an alarm, never a stop (EN 15714-2).
    public var lifetimeCycles: Int

    public init(
        minimumPermille: Int = 0, maximumPermille: Int = 1000, phases: [PhaseLimit] = [], deadBandPermille: Int = 0,
        slewPermillePerSecond: Int = 0, maximumAwayMilliseconds: Int = 0, startsPerHour: Int = 0,
        runningMinutesPerHour: Int = 0, lifetimeCycles: Int = 0
    ) {
        self.minimumPermille = minimumPermille
        self.maximumPermille = maximumPermille
        self.phases = phases
        self.deadBandPermille = deadBandPermille
        self.slewPermillePerSecond = slewPermillePerSecond
        self.maximumAwayMilliseconds = maximumAwayMilliseconds
        self.startsPerHour = startsPerHour
        self.runningMinutesPerHour = runningMinutesPerHour
        self.lifetimeCycles = lifetimeCycles
    }

    /// The limits in a phase: those of its own if it has some, else those that hold always.
    public func limits(inPhase phase: Int) -> (minimum: Int, maximum: Int) {
        for limit in phases where limit.phase == phase { return (limit.minimumPermille, limit.maximumPermille) }
        return (minimumPermille, maximumPermille)
    }
}

/// Who may ask an actuator for anything: local before remote, one issuer at a time, two where it matters.
public struct Governance: Equatable, Sendable {
    /// A position in `Calibration.selectors`: Hand-Off-Auto at the machine. nil: always in Auto.
    public var selector: Int?
    /// Buttons at the machine, at work while its selector says Hand; empty = none.
    public var openButton: String
    public var closeButton: String
    /// An order must be announced by its issuer at most so long before (select-before-operate); 0 = not.
    public var selectMilliseconds: Int
    /// Signers that an order needs: 1, or 2 for dual approval.
    public var approvals: Int
    /// An accepted order gives its issuer the actuator for so long, and to nobody else; each further order or
    /// renewal extends it. When it ends, the actuator goes to its safe state. 0 = no lease.
    public var leaseMilliseconds: Int

    public init(
        selector: Int? = nil, openButton: String = "", closeButton: String = "", selectMilliseconds: Int = 0,
        approvals: Int = 1, leaseMilliseconds: Int = 0
    ) {
        self.selector = selector
        self.openButton = openButton
        self.closeButton = closeButton
        self.selectMilliseconds = selectMilliseconds
        self.approvals = approvals
        self.leaseMilliseconds = leaseMilliseconds
    }
}
