// A motor valve: finds its closed end, goes where it is asked, comes back in time, and notices when
// its switches and its driving time contradict each other.

import Calibration

enum Drive: UInt8 { case none, open, close }

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
}

struct ValveState {
    let index: UInt8
    let openEndLine: Int
    private(set) var travel: Travel
    private(set) var mode: ValveMode = .unreferenced
    /// Permille; 0 = closed.
    private(set) var setpoint = 0
    /// The maximum open time is over and the valve is on its way back.
    private(set) var isReturning = false
    /// In this step the position was given up.
    private(set) var hasLostReference = false

    private let tick: Int
    private let safeState: SafeState
    private let minimumPermille: Int
    private let maximumPermille: Int
    private let maximum: Int
    private let reach: Int
    private let tolerance: Int
    private let maximumOpen: Int
    private let rest: Int
    private let persistence: Int

    private var drive: Drive = .none
    private var lastDirection: Drive = .none
    private var idle = 0
    private var openFor = 0
    private var isConfirmedClosed = false
    private var openEnd: Debounce
    private var closedEnd: Debounce
    private var contradicting = Persistence()
    private var deviatingClosed = Persistence()
    private var deviatingOpen = Persistence()
    private var late = Persistence()
    private var leavingClosed = Persistence()

    /// Less than this short of the setpoint is not worth a trip to the closed end.
    static let worthReferencing = 20 * Travel.permille

    init(_ valve: MotorValve, index: Int, openEndLine: Int, tickMilliseconds: Int) {
        self.index = UInt8(index)
        self.openEndLine = openEndLine
        travel = Travel(valve)
        tick = tickMilliseconds
        safeState = valve.safeState
        minimumPermille = valve.positionMinimumPermille
        maximumPermille = valve.positionMaximumPermille
        maximum = valve.positionMaximumPermille * Travel.permille
        reach = valve.reachPermille * Travel.permille
        tolerance = valve.endSwitchTolerancePermille * Travel.permille
        maximumOpen = valve.maximumOpenMilliseconds
        rest = valve.restMilliseconds
        persistence = valve.endSwitchDebounceMilliseconds + 2 * tickMilliseconds
        openEnd = Debounce(milliseconds: valve.endSwitchDebounceMilliseconds)
        closedEnd = Debounce(milliseconds: valve.endSwitchDebounceMilliseconds)
        idle = valve.restMilliseconds
    }

    // MARK: commands

    func refusal(of permille: Int) -> Reason {
        guard permille == 0 || (max(minimumPermille, 1)...maximumPermille).contains(permille) else { return .limitPosition }
        return .none
    }

    var unreadiness: Reason {
        if mode == .unreferenced { return .notReferenced }
        return isReturning ? .maximumOpen : .none
    }

    mutating func accept(_ permille: Int) { setpoint = permille }

    mutating func loseReference() {
        travel.forget()
        mode = .unreferenced
        setpoint = 0
        isConfirmedClosed = false
    }

    // MARK: what was seen

    /// Takes account of the time since the last step; the fault, if the switches and the time contradict each other.
    mutating func observe(_ reading: ValveReading, _ elapsed: Int, _ events: inout EventBuffer) -> Reason {
        hasLostReference = false
        accountTravel(reading, elapsed)
        openEnd.sample(reading.openEnd, elapsed, bound: 2 * tick)
        closedEnd.sample(reading.closedEnd, elapsed, bound: 2 * tick)
        let fault = deviation(min(elapsed, 2 * tick))
        if closedEnd.value == .high, openEnd.value != .high, drive != .open, travel.lower <= tolerance { travel.atClosedEnd() }
        watchClosed(min(elapsed, 2 * tick), &events)
        return fault
    }

    /// The bounds widen with everything that may have moved the valve, and shrink only with what surely did.
    private mutating func accountTravel(_ reading: ValveReading, _ elapsed: Int) {
        let mayOpen = reading.openDriven || reading.openReadBack == .high
        let surelyCloses = reading.closeDriven && reading.closeReadBack == .high && !reading.openDriven && reading.openReadBack == .low
        if mayOpen {
            let certain = reading.openDriven && reading.openReadBack == .high && !reading.closeDriven && reading.closeReadBack == .low
            travel.opened(elapsed, certain: certain)
        } else if surelyCloses {
            travel.closed(elapsed, credited: min(elapsed, 2 * tick))
        }
        if !surelyCloses, reading.closeDriven || reading.closeReadBack != .low { travel.closed(elapsed, credited: 0) }
    }

    private mutating func deviation(_ elapsed: Int) -> Reason {
        let both = openEnd.value == .high && closedEnd.value == .high
        let tooClosed = closedEnd.value == .high && travel.lower > tolerance
        let tooOpen = openEnd.value == .high && travel.upper < Travel.full - tolerance
        let notArrived = drive == .close && travel.spent == 0 && closedEnd.value == .low
            || drive == .none && lastDirection == .open && travel.lower == Travel.full && openEnd.value == .low
        if contradicting.holds(both, elapsed, forMilliseconds: persistence, steps: 3) { return .endSwitchesContradict }
        if deviatingClosed.holds(tooClosed, elapsed, forMilliseconds: persistence, steps: 3) { return .travelDeviation }
        if deviatingOpen.holds(tooOpen, elapsed, forMilliseconds: persistence, steps: 3) {
            return maximumPermille < 1000 ? .beyondEnvelope : .travelDeviation
        }
        if late.holds(notArrived, elapsed, forMilliseconds: persistence, steps: 3) { return .travelLate }
        return .none
    }

    /// A closed valve that leaves its end without being driven was moved by someone else.
    private mutating func watchClosed(_ elapsed: Int, _ events: inout EventBuffer) {
        let leaves = isConfirmedClosed && drive == .none && closedEnd.value == .low
        guard leavingClosed.holds(leaves, elapsed, forMilliseconds: persistence, steps: 3) else { return }
        loseReference()
        hasLostReference = true
        events.append(.reReferencing, .closedLost, index: index, value: 0)
    }

    // MARK: what to do

    mutating func decide(safeDemanded: Bool, _ elapsed: Int, _ events: inout EventBuffer) -> Drive {
        if drive == .none { idle = min(idle + elapsed, rest) }
        watchMaximumOpen(elapsed, &events)
        if safeDemanded { setpoint = 0 }
        let wanted: Drive
        if safeDemanded, !isReturning {
            if mode == .reReferencing { mode = .ready }
            wanted = switch safeState {
            case .closed: goClosed(&events)
            case .open: travel.lower == Travel.full ? .none : .open
            case .last: .none
            }
        } else if isReturning || mode != .ready || setpoint == 0 {
            wanted = goClosed(&events)
        } else {
            wanted = goToSetpoint(&events)
        }
        return change(to: wanted)
    }

    private mutating func watchMaximumOpen(_ elapsed: Int, _ events: inout EventBuffer) {
        guard maximumOpen > 0, travel.spent > 0 else {
            openFor = 0
            isReturning = false
            return
        }
        openFor = min(openFor + elapsed, maximumOpen)
        guard openFor >= maximumOpen, !isReturning else { return }
        isReturning = true
        if drive != .close || setpoint > 0 { events.append(.maximumOpen, index: index, value: Int64(openFor)) }
        setpoint = 0
    }

    /// Closed is where both say so: the end switch, and the time that even the slowest valve needs.
    private mutating func goClosed(_ events: inout EventBuffer) -> Drive {
        if isConfirmedClosed, travel.spent == 0 { return .none }
        isConfirmedClosed = false
        guard travel.spent == 0, closedEnd.value == .high else { return .close }
        if mode != .ready {
            mode = .ready
            events.append(.referenced, index: index, value: 0)
        } else {
            events.append(.positionReached, index: index, value: 0)
        }
        isConfirmedClosed = true
        return .none
    }

    private mutating func goToSetpoint(_ events: inout EventBuffer) -> Drive {
        let target = setpoint * Travel.permille
        let step = travel.nominalTravel(tick)
        // Moving, it stops at the nearest tick; standing, it starts for more than that only.
        let band = drive == .none ? max(step, 5 * Travel.permille) : step / 2
        let error = target - travel.nominal
        let atOpenEnd = setpoint == 1000 && travel.lower < Travel.full
        if error > band || atOpenEnd {
            if mayOpen { return .open }
            if min(target, reach) - travel.nominal > max(Self.worthReferencing, 3 * step) {
                mode = .reReferencing
                events.append(.reReferencing, index: index, value: Int64(setpoint))
                return .close
            }
        } else if -error > band {
            return .close
        }
        if drive != .none { events.append(.positionReached, index: index, value: Int64(nominalPermille)) }
        return .none
    }

    private var mayOpen: Bool { maximumPermille == 1000 || travel.spentAfterOpening(tick) <= maximum }

    /// Never from one direction into the other without the rest between them.
    private mutating func change(to wanted: Drive) -> Drive {
        var next = wanted
        if next != .none, next != lastDirection, drive != .none || idle < rest { next = .none }
        if drive == .none, next != .none { isConfirmedClosed = false }
        if drive != .none, next != drive {
            if drive == .open { travel.stoppedOpening() } else { travel.stoppedClosing() }
            idle = 0
        }
        if next != .none { lastDirection = next }
        drive = next
        return next
    }

    // MARK: what to show

    var nominalPermille: Int { (travel.nominal + Travel.permille / 2) / Travel.permille }
    var lowerPermille: Int { travel.lower / Travel.permille }
    var upperPermille: Int { (travel.upper + Travel.permille - 1) / Travel.permille }
    var isMoving: Bool { drive != .none }
}
