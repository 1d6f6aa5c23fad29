// A motor valve: finds its closed end, goes where it is asked, comes back in time, and notices when
// its switches, its feedback and its driving time contradict each other.

import Calibration

public enum ValveMode: UInt8, Sendable {
    /// Its position is not known; it goes closed to find out.
    case unreferenced = 0
    /// Its bounds have grown too wide to go on; it goes closed and returns to the setpoint.
    case reReferencing = 1
    case ready = 2
}

/// What the lines of one valve say.
struct ValveReading {
    let openEnd: LineReading
    let closedEnd: LineReading
    let openReadBack: LineReading
    let closeReadBack: LineReading
    let openDriven: Bool
    let closeDriven: Bool
    /// Permille of travel, where a usable feedback says so.
    let feedback: Int?
}

struct ValveState {
    let index: UInt8
    let openEndLine: Int
    private(set) var travel: Travel
    private(set) var mode: ValveMode = .unreferenced
    /// Permille; 0 = closed.
    private(set) var setpoint: Int
    /// The longest time away is over and the valve is on its way back.
    private(set) var isReturning = false
    /// In this step the position was given up.
    private(set) var hasLostReference = false

    private let tick: Int
    private let safeState: SafeState
    private let feedback: PositionFeedback?
    var minimumPermille: Int
    var maximumPermille: Int
    var maximum: Int
    var reach: Int
    var maximumAway: Int
    private var deadBand: Int
    private let tolerance: Int
    private let rest: Int
    /// How long the way between an end switch and its end takes at most, and how long it has been driven there.
    private let pressing: Int
    var pressed = 0
    private let persistence: Int
    var slew: Slew
    /// It is on its way to a setpoint, and it will be said when it is there.
    var isBound = false
    /// The setpoint that it has come to rest at; -1 = none.
    private(set) var reached = -1
    private(set) var proof: Proof

    var drive: Drive = .none
    var lastDirection: Drive = .none
    var idle = 0
    var openFor = 0
    var isConfirmedClosed = false
    var openEnd: Debounce
    var closedEnd: Debounce
    var contradicting = Persistence()
    var deviatingClosed = Persistence()
    var deviatingOpen = Persistence()
    var deviatingFeedback = Persistence()
    var late = Persistence()
    var leavingClosed = Persistence()

    /// Less than this short of the setpoint is not worth a trip to the closed end.
    static let worthReferencing = 20 * Travel.permille

    init(_ valve: MotorValve, _ envelope: Envelope, _ safeState: SafeState, index: Int, openEndLine: Int, tickMilliseconds: Int) {
        self.index = UInt8(index)
        self.openEndLine = openEndLine
        feedback = valve.feedback
        travel = Travel(valve.stroke)
        tick = tickMilliseconds
        self.safeState = safeState
        setpoint = safeState == .open ? 1000 : 0
        minimumPermille = envelope.minimumPermille
        maximumPermille = envelope.maximumPermille
        maximum = envelope.maximumPermille * Travel.permille
        reach = valve.stroke.reachPermille(maximumPermille: envelope.maximumPermille) * Travel.permille
        maximumAway = envelope.maximumAwayMilliseconds
        deadBand = envelope.deadBandPermille * Travel.permille
        tolerance = valve.endSwitchTolerancePermille * Travel.permille
        rest = valve.restMilliseconds
        pressing = (valve.endSwitchTolerancePermille * valve.strokeSlowestMilliseconds + 999) / 1000
        persistence = valve.endSwitchDebounceMilliseconds + 2 * tickMilliseconds
        slew = Slew(valve, envelope, tick: tickMilliseconds)
        proof = Proof(valve.proofTest)
        openEnd = Debounce(milliseconds: valve.endSwitchDebounceMilliseconds)
        closedEnd = Debounce(milliseconds: valve.endSwitchDebounceMilliseconds)
        idle = valve.restMilliseconds
    }

    mutating func adopt(_ envelope: Envelope) {
        maximumAway = envelope.maximumAwayMilliseconds
        deadBand = envelope.deadBandPermille * Travel.permille
        slew.adopt(envelope)
        limit(minimum: envelope.minimumPermille, maximum: envelope.maximumPermille)
    }

    /// The limits of the phase.
    mutating func limit(minimum: Int, maximum permille: Int) {
        minimumPermille = minimum
        maximumPermille = permille
        maximum = permille * Travel.permille
        reach = travel.stroke.reachPermille(maximumPermille: permille) * Travel.permille
    }

    // MARK: requests

    mutating func accept(_ permille: Int) {
        setpoint = permille
        proof.isRunning = false
    }

    /// Stops where it is; below the least opening it goes towards safe, unless that is to stay. What returns goes on.
    mutating func hold() {
        let mayStay = nominalPermille >= max(minimumPermille, 1) || nominalPermille == 0 || safeState == .last
        setpoint = isReturning ? 0 : mode != .ready ? home : mayStay ? min(nominalPermille, maximumPermille) : safeState == .open ? minimumPermille : 0
        proof.isRunning = false
    }

    mutating func loseReference() {
        travel.forget()
        mode = .unreferenced
        setpoint = home
        isConfirmedClosed = false
    }

    /// The end at which it finds out where it is: the safe one, if it has one.
    var home: Int { safeState == .open ? 1000 : 0 }

    @inline(__always) var isProving: Bool { proof.isRunning }
    var proofIntervalHours: Int { proof.intervalHours }
    /// -1 = none.
    @inline(__always) var feedbackSensor: Int { feedback?.sensor ?? -1 }

    /// False where it does not stand at an end, or has no such test.
    mutating func beginProof(maximum: Int) -> Bool {
        guard proof.exists, mode == .ready, drive == .none else { return false }
        if isConfirmedClosed || !enforced(.proofAtEnd), setpoint == 0, proof.strokePermille * Travel.permille <= reach {
            setpoint = proof.strokePermille
            proof.begin(end: 0, target: proof.strokePermille)
            return true
        }
        guard travel.lower == Travel.full, openEnd.value == .high, setpoint == 1000 else { return false }
        setpoint = 1000 - proof.strokePermille
        proof.begin(end: 1000, target: setpoint)
        return true
    }

    // MARK: what was seen

    /// Takes account of the time since the last step; the fault, if the switches and the time contradict each other.
    mutating func observe(_ reading: ValveReading, _ elapsed: Int, _ events: inout EventBuffer) -> Reason {
        hasLostReference = false
        accountTravel(reading, elapsed)
        openEnd.sample(reading.openEnd, elapsed, bound: 2 * tick)
        closedEnd.sample(reading.closedEnd, elapsed, bound: 2 * tick)
        var fault = deviation(min(elapsed, 2 * tick))
        // A switch that is still on after a push open says nothing of where the valve is.
        if closedEnd.value == .high, openEnd.value != .high, lastDirection != .open, travel.lower <= tolerance { travel.atClosedEnd() }
        watchClosed(min(elapsed, 2 * tick), &events)
        if fault == .none { fault = follow(reading.feedback, min(elapsed, 2 * tick)) }
        if fault == .none { fault = watchProof(elapsed, &events) }
        return fault
    }

    /// The bounds widen with everything that may have moved the valve, and shrink only with what surely did.
    private mutating func accountTravel(_ reading: ValveReading, _ elapsed: Int) {
        let mayOpen = reading.openDriven || reading.openReadBack == .high
        let surelyCloses = reading.closeDriven && reading.closeReadBack == .high && !reading.openDriven && reading.openReadBack == .low
        if mayOpen {
            let certain = reading.openDriven && reading.openReadBack == .high && !reading.closeDriven && reading.closeReadBack == .low
            travel.opened(elapsed, certain: certain)
            press(certain && openEnd.value == .high, elapsed)
        } else if surelyCloses {
            travel.closed(elapsed, credited: min(elapsed, 2 * tick))
            press(closedEnd.value == .high, elapsed)
        }
        if !surelyCloses, reading.closeDriven || reading.closeReadBack != .low { travel.closed(elapsed, credited: 0) }
    }

    /// A switch is on before its end is reached: one that waited for it is driven the rest of the way.
    private mutating func press(_ isAtEnd: Bool, _ elapsed: Int) {
        pressed = isAtEnd ? min(pressed + min(elapsed, 2 * tick), pressing) : 0
    }

    private mutating func deviation(_ elapsed: Int) -> Reason {
        let both = openEnd.value == .high && closedEnd.value == .high
        let tooClosed = closedEnd.value == .high && travel.lower > tolerance
        let tooOpen = openEnd.value == .high && travel.upper < Travel.full - tolerance
        let notArrived = drive == .close && travel.isReturned && closedEnd.value == .low
            || (drive == .open || drive == .none && lastDirection == .open) && travel.lower == Travel.full && openEnd.value == .low
        let contradicts = contradicting.holds(both, elapsed, forMilliseconds: persistence, steps: 3)
        let deviatesClosed = deviatingClosed.holds(tooClosed, elapsed, forMilliseconds: persistence, steps: 3)
        let deviatesOpen = deviatingOpen.holds(tooOpen, elapsed, forMilliseconds: persistence, steps: 3)
        let isLate = late.holds(notArrived, elapsed, forMilliseconds: persistence, steps: 3)
        if contradicts, enforced(.endSwitchesContradict) { return .endSwitchesContradict }
        if deviatesClosed, enforced(.deviationClosed) { return .travelDeviation }
        if deviatesOpen, enforced(.deviationOpen) { return maximumPermille < 1000 ? .beyondEnvelope : .travelDeviation }
        return isLate && enforced(.travelLate) ? .travelLate : .none
    }

    /// A closed valve that leaves its end without being driven was moved by someone else.
    private mutating func watchClosed(_ elapsed: Int, _ events: inout EventBuffer) {
        let leaves = isConfirmedClosed && drive == .none && closedEnd.value == .low
        guard leavingClosed.holds(leaves, elapsed, forMilliseconds: persistence, steps: 3), enforced(.closedLost) else { return }
        loseReference()
        hasLostReference = true
        events.append(.reReferencing, .closedLost, index: index, value: 0)
    }

    /// Position by feedback: it may say where between its bounds the valve is, never move the bounds.
    private mutating func follow(_ permille: Int?, _ elapsed: Int) -> Reason {
        guard let rule = feedback, let permille, mode == .ready else {
            deviatingFeedback = Persistence()
            return .none
        }
        let deviates = abs(permille - nominalPermille) > rule.deviationPermille
        if deviatingFeedback.holds(deviates, elapsed, forMilliseconds: rule.deviationMilliseconds, steps: 3), enforced(.feedback) { return .travelDeviation }
        // A feedback lags behind a valve that moves: it is believed at rest.
        if !deviates, drive == .none, idle >= rest { travel.correct(to: permille * Travel.permille) }
        return .none
    }

    private mutating func watchProof(_ elapsed: Int, _ events: inout EventBuffer) -> Reason {
        guard proof.isRunning else { return .none }
        let hasLeft = proof.end == 0 ? closedEnd.value == .low : openEnd.value == .low
        proof.pass(elapsed, hasLeft: hasLeft)
        let target = setpoint * Travel.permille
        let stands = drive == .none && abs(travel.nominal - target) <= standing && idle >= rest
        if !proof.isBack {
            guard stands else { return .none }
            guard proof.leftAfter >= 0 || !enforced(.proof) else {
                proof.isRunning = false
                events.append(.proofFailed, .proofFailed, index: index, value: 0)
                return .proofFailed
            }
            proof.isBack = true
            setpoint = proof.end
        } else if proof.end == 0 ? isConfirmedClosed : travel.lower == Travel.full && openEnd.value == .high {
            proof.isRunning = false
            proof.hasPassed = true
            events.append(.proofPassed, index: index, value: Int64(proof.leftAfter))
        }
        return .none
    }

    /// True once after a test that passed.
    mutating func takeProofPassed() -> Bool {
        defer { proof.hasPassed = false }
        return proof.hasPassed
    }

    // MARK: what to do

    /// - Parameters:
    ///   - mayLeave: whether it may go further from its safe state.
    ///   - mayStart: whether the motor may start for anything but the way to safe.
    mutating func decide(safeDemanded: Bool, mayLeave: Bool, mayStart: Bool, _ elapsed: Int, _ events: inout EventBuffer) -> Drive {
        if drive == .none { idle = min(idle + elapsed, rest) }
        watchMaximumAway(elapsed, &events)
        if safeDemanded { demandSafe(&events) }
        slew.pass(elapsed, isLeaving: drive == away)
        var wanted: Drive
        if safeDemanded, !isReturning {
            if mode == .reReferencing { mode = .ready }
            wanted = switch safeState {
            case .closed: goClosed(&events)
            case .open: goOpen(&events)
            case .last: .none
            }
        } else if safeState == .open, mode != .ready {
            wanted = goOpen(&events)
        } else if isReturning || mode != .ready || setpoint == 0 {
            wanted = goClosed(&events)
        } else {
            wanted = goToSetpoint(&events)
        }
        // What may not go on now does not go on by itself later.
        let leaves = !mayLeave && wanted == away
        let startsInVain = !mayStart && drive == .none && wanted != .none && setpoint != home && mode != .unreferenced
        if !safeDemanded, !isReturning, leaves || startsInVain {
            if mode == .reReferencing { mode = .ready }
            hold()
            wanted = .none
        } else if wanted == away, !slew.mayDrive(isDriving: drive == away) {
            wanted = .none
        }
        return change(to: wanted)
    }

    private mutating func demandSafe(_ events: inout EventBuffer) {
        let wasProving = proof.isRunning
        if safeState == .last { hold() } else { setpoint = home }
        guard wasProving else { return }
        proof.isRunning = false
        events.append(.proofFailed, .safeDemanded, index: index, value: 0)
    }

    private mutating func watchMaximumAway(_ elapsed: Int, _ events: inout EventBuffer) {
        guard maximumAway > 0, travel.spent > 0, enforced(.maximumAway) else {
            openFor = 0
            isReturning = false
            return
        }
        openFor = min(openFor + elapsed, maximumAway)
        guard openFor >= maximumAway, !isReturning else { return }
        isReturning = true
        if drive != .close || setpoint > 0 { events.append(.maximumAway, index: index, value: Int64(openFor)) }
        setpoint = 0
    }

    /// Closed is where both say so: the end switch, and the time that even the slowest valve needs.
    private mutating func goClosed(_ events: inout EventBuffer) -> Drive {
        if isConfirmedClosed, travel.spent == 0 { return .none }
        isConfirmedClosed = false
        let isAtSwitch = closedEnd.value == .high && pressed >= pressing || !enforced(.closedBySwitch)
        guard travel.isReturned, isAtSwitch else { return .close }
        travel.closedForSure()
        if mode != .ready {
            mode = .ready
            events.append(.referenced, index: index, value: 0)
        } else {
            events.append(.positionReached, index: index, value: 0)
        }
        isConfirmedClosed = true
        return .none
    }

    /// Open is where both say so, as with closed; of one whose safe state is open, there it is referenced.
    private mutating func goOpen(_ events: inout EventBuffer) -> Drive {
        guard travel.lower == Travel.full, openEnd.value == .high, pressed >= pressing else { return .open }
        if mode != .ready {
            mode = .ready
            setpoint = 1000
            events.append(.referenced, index: index, value: 1000)
        }
        return .none
    }

    private mutating func goToSetpoint(_ events: inout EventBuffer) -> Drive {
        let target = setpoint * Travel.permille
        let step = travel.nominalTravel(tick)
        // Moving, it stops at the nearest tick; standing, it starts for more than that only.
        let band = drive == .none ? standing : step / 2
        let error = target - travel.nominal
        if error > band || setpoint == 1000 && travel.lower < Travel.full {
            isBound = true
            if mayOpen { return .open }
            if min(target, reach) - travel.nominal > max(Self.worthReferencing, 3 * step) {
                mode = .reReferencing
                events.append(.reReferencing, index: index, value: Int64(setpoint))
                return .close
            }
        } else if -error > band {
            isBound = true
            return .close
        }
        if isBound { events.append(.positionReached, index: index, value: Int64(nominalPermille)) }
        isBound = false
        reached = setpoint
        return .none
    }

    /// How far from its setpoint it may stand: a tick's travel, and once it has come to rest there, the dead band.
    /// A feedback that wavers moves nothing.
    private var standing: Int { max(travel.nominalTravel(tick), 5 * Travel.permille, setpoint == reached ? deadBand : 0) }

    var mayOpen: Bool { maximumPermille == 1000 || travel.spentAfterOpening(tick) <= maximum || !enforced(.reach) }

    /// The direction that leads away from the safe state; of `last`, from closed.
    var away: Drive { safeState == .open ? .close : .open }

    /// Never from one direction into the other without the rest between them.
    private mutating func change(to wanted: Drive) -> Drive {
        var next = wanted
        if next != .none, next != lastDirection, drive != .none || idle < rest, enforced(.restTime) { next = .none }
        if drive == .none, next != .none { (isConfirmedClosed, pressed, reached) = (false, 0, -1) }
        if drive != .none, next != drive {
            if drive == .open { travel.stoppedOpening() } else { travel.stoppedClosing() }
            if drive == away { slew.stopped() }
            idle = 0
        }
        if next != .none { lastDirection = next }
        drive = next
        return next
    }

    // MARK: what to show

    @inline(__always) var nominalPermille: Int { (travel.nominal + Travel.permille / 2) / Travel.permille }
    var lowerPermille: Int { travel.lower / Travel.permille }
    var upperPermille: Int { (travel.upper + Travel.permille - 1) / Travel.permille }
    /// The furthest that it can be open, whatever its closing has been worth since its closed end.
    var furthestPermille: Int { (travel.spent + Travel.permille - 1) / Travel.permille }
    var isMoving: Bool { drive != .none }
    @inline(__always) var isAway: Bool { safeState == .open ? travel.lower < Travel.full : travel.spent > 0 || !isConfirmedClosed }
}

/// The slew of a valve that is faster than it may be: it is driven in pushes, of which each is paid for by
/// the time before it, as the fastest valve of the window would move.
struct Slew {
    /// Billionths of travel a millisecond; 0 = as fast as it goes.
    var rate: Int
    var budget: Int
    private let fastest: Int
    /// What a tick, and what the coasting after it, may come to.
    private let step: Int
    private let coast: Int

    init(_ valve: MotorValve, _ envelope: Envelope, tick: Int) {
        rate = envelope.slewPermillePerSecond * 1000
        fastest = valve.strokeFastestMilliseconds
        step = Travel.ceiling(tick, fastest)
        coast = Travel.ceiling(valve.coastMilliseconds, fastest)
        budget = 2 * step + coast
    }

    mutating func adopt(_ envelope: Envelope) { rate = envelope.slewPermillePerSecond * 1000 }

    mutating func pass(_ elapsed: Int, isLeaving: Bool) {
        guard rate > 0 else { return budget = 2 * step + coast }
        budget = min(2 * step + coast, budget + rate * elapsed - (isLeaving ? Travel.ceiling(elapsed, fastest) : 0))
    }

    mutating func stopped() { if rate > 0 { budget -= coast } }

    func mayDrive(isDriving: Bool) -> Bool {
        rate == 0 || !enforced(.slew) || budget >= (isDriving ? step : 2 * step) + coast
    }
}

/// A partial-stroke test on its way.
struct Proof {
    let strokePermille: Int
    let intervalHours: Int
    let exists: Bool
    var isRunning = false
    var isBack = false
    var hasPassed = false
    private(set) var end = 0
    private(set) var leftAfter = -1
    var since = 0

    init(_ test: ProofTest?) {
        strokePermille = test?.strokePermille ?? 0
        intervalHours = test?.intervalHours ?? 0
        exists = test != nil
    }

    mutating func begin(end: Int, target: Int) {
        self.end = end
        (isRunning, isBack, hasPassed, leftAfter, since) = (true, false, false, -1, 0)
    }

    mutating func pass(_ elapsed: Int, hasLeft: Bool) {
        since += elapsed
        if hasLeft, leftAfter < 0 { leftAfter = since }
    }
}
