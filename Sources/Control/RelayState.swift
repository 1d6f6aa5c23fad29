// A latching relay: a pulse moves it, and it stays without power. It must be driven to safe.

import Calibration

struct RelayState {
    let index: UInt8
    /// Its place among the inputs; -1 = none.
    let contactLine: Int
    private(set) var setpoint: Int
    /// Where the last pulse, or its contact, says it is; of one that is not known yet: away from safe.
    private(set) var permille: Int
    private(set) var isKnown = false

    /// Its setpoint was asked for; of one that is to stay where it is nothing is done before.
    private var isAsked = false

    private let pulse: Int
    private let restMilliseconds: Int
    private let contactMilliseconds: Int
    private let safeState: SafeState
    private var pulsing: Drive = .none
    private var since: Int
    private var disagreeing = Persistence()

    init(_ relay: LatchingRelay, _ safeState: SafeState, index: Int, contactLine: Int) {
        self.index = UInt8(index)
        self.contactLine = contactLine
        pulse = relay.pulseMilliseconds
        restMilliseconds = relay.restMilliseconds
        contactMilliseconds = relay.feedbackMilliseconds
        self.safeState = safeState
        setpoint = safeState == .open ? 1000 : 0
        permille = safeState == .open ? 0 : 1000
        since = relay.restMilliseconds
    }

    mutating func accept(_ permille: Int) {
        setpoint = permille
        isAsked = true
    }

    /// It cannot stop half way: it stays where it is going, or of one that is not known, where it is safe.
    mutating func hold() {
        if pulsing != .none { setpoint = pulsing == .open ? 1000 : 0 } else if isKnown { setpoint = permille } else { rest(safePermille) }
    }

    /// Of one whose safe state is `last` and that is not known: it stays, wherever that is.
    private mutating func rest(_ permille: Int) {
        setpoint = permille
        isAsked = false
    }

    mutating func forget() { isKnown = false }

    private var safePermille: Int { safeState == .open ? 1000 : 0 }
    @inline(__always) var isAway: Bool { !isKnown || permille != safePermille || pulsing != .none }

    /// A pulse that sets it has begun in this step: a start, whether it is let finish or not.
    var hasBegunToSet: Bool { pulsing == .open && since == 0 }

    /// `contact` if it does not follow.
    mutating func observe(_ reading: LineReading, _ elapsed: Int, _ tick: Int) -> Reason {
        guard contactLine >= 0, pulsing == .none else { return .none }
        let says = reading == .high ? 1000 : 0
        if !isKnown, reading != .unreadable, safeState == .last, since >= contactMilliseconds {
            // Nothing is driven in its safe state: what the contact says, once it has followed, is all there is.
            (permille, setpoint, isKnown) = (says, says, true)
        }
        let disagrees = isKnown && (reading == .unreadable || says != permille)
        let bounded = min(elapsed, 2 * tick)
        guard disagreeing.holds(disagrees, bounded, forMilliseconds: contactMilliseconds + 2 * tick, steps: 3), enforced(.contact) else { return .none }
        isKnown = false
        return .contact
    }

    /// The lines to drive: set, reset.
    mutating func decide(safeDemanded: Bool, isReturning: Bool, mayLeave: Bool, _ elapsed: Int, _ events: inout EventBuffer) -> Drive {
        since = min(since + elapsed, Int(Int32.max))
        if safeDemanded, !isReturning { if safeState == .last { rest(permille) } else { setpoint = safePermille } }
        if pulsing != .none {
            let isLongEnough = since >= pulse || !enforced(.pulseLength)
            guard isLongEnough || safeDemanded && pulsing == away else { return pulsing }
            if isLongEnough { arrive(&events) } else { isKnown = false }
            pulsing = .none
            since = 0
            return .none
        }
        if !mayLeave, setpoint != safePermille, !isKnown || permille == safePermille { rest(safePermille) }
        let isThere = isKnown ? permille == setpoint : safeState == .last && !isAsked
        guard !isThere, since >= (enforced(.restTime) ? restMilliseconds : 0) else { return .none }
        // One that is not known is brought to safe first.
        let target = isKnown || safeState == .last ? setpoint : safePermille
        pulsing = target == 1000 ? .open : .close
        since = 0
        return pulsing
    }

    private var away: Drive { safeState == .open ? .close : .open }

    private mutating func arrive(_ events: inout EventBuffer) {
        permille = pulsing == .open ? 1000 : 0
        isKnown = true
        disagreeing = Persistence()
        events.append(.positionReached, index: index, value: Int64(permille))
    }
}
