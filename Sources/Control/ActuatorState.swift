// What holds for an actuator of any kind: who has it, what stops it, how long and how often it may run.

import Calibration

enum ActuatorKind: UInt8 { case motorValve, solenoid, timeProportional, latchingRelay }

enum Drive: UInt8 { case none, open, close }

/// Somebody's exclusive hold on an actuator, for as long as it is renewed.
struct Lease {
    /// The issuers' bits; 0 = nobody.
    private(set) var holder: UInt32 = 0
    private(set) var remaining = 0

    mutating func give(_ issuers: UInt32, milliseconds: Int) {
        if holder == 0 { holder = issuers }
        remaining = milliseconds
    }

    /// Nobody has it, and somebody must take it within this time.
    mutating func expect(milliseconds: Int) { (holder, remaining) = (0, milliseconds) }

    mutating func clear() { (holder, remaining) = (0, 0) }

    /// True in the step in which it ends, or in which it was awaited for too long.
    mutating func pass(_ elapsed: Int) -> Bool {
        guard holder != 0 || remaining > 0 else { return false }
        remaining -= elapsed
        guard remaining <= 0, enforced(.leaseEnd) else { return false }
        clear()
        return true
    }
}

/// An order that was announced.
struct Selection {
    private var issuers: UInt32 = 0
    private var permille = 0
    private var remaining = 0

    mutating func announce(_ issuers: UInt32, _ permille: Int, milliseconds: Int) {
        (self.issuers, self.permille, remaining) = (issuers, permille, milliseconds)
    }

    mutating func clear() { issuers = 0 }

    mutating func pass(_ elapsed: Int) {
        remaining -= elapsed
        if remaining <= 0, enforced(.selectTimeout) { issuers = 0 }
    }

    func covers(_ issuers: UInt32, _ permille: Int) -> Bool { self.issuers & issuers != 0 && self.permille == permille }
}

/// Starts and running time over the last hour, in buckets of a minute: what the buckets hold is never less
/// than what any hour held.
struct Duty {
    private var starts: [UInt16]
    private var running: [UInt16]
    private var current = 0
    private var intoMinute = 0
    private(set) var startsInHour = 0
    private(set) var runningMilliseconds = 0

    private static let minute = 60_000
    /// Sixty whole ones and the one that runs.
    private static let buckets = 61

    init() {
        starts = [UInt16](repeating: 0, count: Self.buckets)
        running = [UInt16](repeating: 0, count: Self.buckets)
    }

    mutating func pass(_ elapsed: Int, isRunning: Bool, started: Bool) {
        var left = elapsed
        while left > 0 {
            let part = min(left, Self.minute - intoMinute)
            if isRunning {
                running[current] += UInt16(part)
                runningMilliseconds += part
            }
            intoMinute += part
            left -= part
            if intoMinute == Self.minute { turn() }
        }
        if started, starts[current] < UInt16.max {
            starts[current] += 1
            startsInHour += 1
        }
    }

    /// What had been used up when this was kept counts as if it had been used just before: no hour has less of it.
    mutating func restore(starts count: Int, runningMilliseconds: Int) {
        for bucket in 0..<Self.buckets { (starts[bucket], running[bucket]) = (0, 0) }
        var bucket = (current + Self.buckets - 1) % Self.buckets
        starts[bucket] = UInt16(clamping: count)
        startsInHour = Int(starts[bucket])
        var left = min(runningMilliseconds, (Self.buckets - 1) * Self.minute)
        self.runningMilliseconds = left
        while left > 0 {
            running[bucket] = UInt16(min(left, Self.minute))
            left -= Int(running[bucket])
            bucket = (bucket + Self.buckets - 1) % Self.buckets
        }
    }

    private mutating func turn() {
        intoMinute = 0
        current = (current + 1) % Self.buckets
        startsInHour -= Int(starts[current])
        runningMilliseconds -= Int(running[current])
        starts[current] = 0
        running[current] = 0
    }
}

struct ActuatorState {
    let kind: ActuatorKind
    /// Its place among its kind.
    let position: Int
    let safeState: SafeState
    let reset: Int
    let output: Int
    let outputCount: Int
    let selector: Int
    let isContinuous: Bool
    var openButton: ButtonState
    var closeButton: ButtonState
    var jog: Drive = .none
    // Limits that a calibration may change bumplessly, and a phase narrows.
    var envelope: Envelope
    var governance: Governance
    private(set) var minimum: Int
    private(set) var maximum: Int

    var fault: Reason = .none
    var faultAt: Int64 = 0
    var isTripped = false
    /// The trip that came first and still holds it, or held it when others joined.
    var firstOut: UInt8?
    var isSafeDemanded = true
    /// Why it may not leave its safe state now.
    var obstacle: Reason = .none
    var readBackWrong = Persistence()
    var lease = Lease()
    var selection = Selection()
    var duty = Duty()
    var awayFor = 0
    /// The longest time away is over and it is on its way back.
    var isReturning = false
    var wasDriven = false
    var toldExhausted = false
    var cycles: UInt32 = 0
    /// The lifetime of which it was said that it is over.
    var toldLifetime = 0
    var minutesSinceProof: UInt32 = 0
    var toldOverdue = false

    init(_ actuator: Actuator, kind: ActuatorKind, position: Int, output: Int, openButton: Int, closeButton: Int) {
        self.kind = kind
        self.position = position
        safeState = actuator.safeState
        reset = actuator.reset
        self.output = output
        outputCount = actuator.outputLines.count
        selector = actuator.governance.selector ?? -1
        isContinuous = actuator.isContinuous
        self.openButton = ButtonState(line: openButton)
        self.closeButton = ButtonState(line: closeButton)
        envelope = actuator.envelope
        governance = actuator.governance
        minimum = actuator.envelope.minimumPermille
        maximum = actuator.envelope.maximumPermille
    }

    mutating func enter(phase: Int) {
        (minimum, maximum) = envelope.limits(inPhase: phase)
    }

    /// Where it goes when nothing vouches for anything better; `last` counts as closed.
    var safePermille: Int { safeState == .open ? 1000 : 0 }

    // Inlined: else each look at them copies the whole actuator.
    @inline(__always) var isExhausted: Bool { startsExhausted || runningExhausted }
    @inline(__always) var startsExhausted: Bool { envelope.startsPerHour > 0 && duty.startsInHour >= envelope.startsPerHour && enforced(.startsPerHour) }
    @inline(__always) var runningExhausted: Bool {
        envelope.runningMinutesPerHour > 0 && duty.runningMilliseconds >= envelope.runningMinutesPerHour * 60_000 && enforced(.runningTime)
    }
}

extension Control {
    /// Position as far as is known, permille.
    func permille(of a: Int) -> Int {
        let position = actuators[a].position
        return switch actuators[a].kind {
        case .motorValve: valves[position].nominalPermille
        case .solenoid: solenoids[position].position
        case .timeProportional: proportionals[position].share
        case .latchingRelay: relays[position].permille
        }
    }

    func setpoint(of a: Int) -> Int {
        let position = actuators[a].position
        return switch actuators[a].kind {
        case .motorValve: valves[position].setpoint
        case .solenoid: solenoids[position].setpoint
        case .timeProportional: proportionals[position].setpoint
        case .latchingRelay: relays[position].setpoint
        }
    }

    mutating func setpoint(_ a: Int, _ permille: Int) {
        let position = actuators[a].position
        switch actuators[a].kind {
        case .motorValve: valves[position].accept(permille)
        case .solenoid: solenoids[position].accept(permille)
        case .timeProportional: proportionals[position].accept(permille)
        case .latchingRelay: relays[position].accept(permille)
        }
    }

    /// Stays where it is, as nearly as it can; what is on its way back to safe goes on.
    mutating func hold(_ a: Int) {
        guard !actuators[a].isReturning || !enforced(.returning) else { return setpoint(a, actuators[a].safePermille) }
        let position = actuators[a].position
        switch actuators[a].kind {
        case .motorValve: valves[position].hold()
        case .solenoid: solenoids[position].accept(solenoids[position].position)
        case .timeProportional: break
        case .latchingRelay: relays[position].hold()
        }
    }

    /// It is, may be, or is asked to be elsewhere than in its safe state.
    func isAway(_ a: Int) -> Bool {
        let position = actuators[a].position
        let isElsewhere = switch actuators[a].kind {
        case .motorValve: valves[position].isAway
        case .solenoid: solenoids[position].position != actuators[a].safePermille || solenoids[position].isTravelling
        case .timeProportional: proportionals[position].isAway
        case .latchingRelay: relays[position].isAway
        }
        return isElsewhere || setpoint(of: a) != actuators[a].safePermille
    }

    /// As `isAway`; a time-proportional output is surely at rest once a whole period has passed.
    func mayBeAway(_ a: Int) -> Bool {
        isAway(a) || actuators[a].kind == .timeProportional && !proportionals[actuators[a].position].isQuiet
    }

    // MARK: each step

    mutating func verifyReadBacks(_ readBacks: [LineReading], _ elapsed: Int) {
        for a in actuators.indices {
            var disagrees = false
            for o in actuators[a].output..<actuators[a].output + actuators[a].outputCount {
                if readBacks[o] != (outputs[o] ? .high : .low) { disagrees = true }
            }
            let wrong = actuators[a].readBackWrong.holds(disagrees, min(elapsed, 2 * tickMilliseconds), forMilliseconds: 3 * tickMilliseconds, steps: 3)
            if wrong, enforced(.readBack) { raise(.readBack, a) }
        }
    }

    /// A fault latches: the first cause stays until the local reset.
    mutating func raise(_ fault: Reason, _ index: Int) {
        guard actuators[index].fault == .none else { return }
        actuators[index].fault = fault
        actuators[index].faultAt = now
        retainedRevision &+= 1
        events.append(.fault, fault, index: UInt8(index), value: 0)
    }

    /// Who may not be asked for anything, and why; a cause that comes takes the setpoint with it.
    mutating func holdActuators(_ elapsed: Int) {
        var tripped: UInt32 = 0
        for t in trips.indices where trips[t].isHeld { tripped |= trips[t].actuators }
        for a in actuators.indices {
            let held = tripped & 1 << UInt32(a) != 0
            if !held { actuators[a].firstOut = nil }
            actuators[a].isTripped = held
            watchAway(a, elapsed)
            endLease(a, elapsed)
            actuators[a].selection.pass(elapsed)
            let mode = mode(of: a)
            actuators[a].isSafeDemanded = held && enforced(.safeOnTrip)
                || actuators[a].fault != .none && enforced(.safeOnFault)
                || !isSupervised
                || mode == .off && enforced(.safeOnOff)
                || interlocks.hold(a)
            actuators[a].obstacle = obstacle(a)
        }
    }

    private mutating func endLease(_ a: Int, _ elapsed: Int) {
        guard actuators[a].lease.pass(elapsed) else { return }
        events.append(.leaseEnded, .leaseEnded, index: UInt8(a), value: 0)
        setpoint(a, actuators[a].safePermille)
    }

    /// Running time and starts, from what the lines were driven to.
    mutating func countDuty(_ elapsed: Int) {
        for a in actuators.indices {
            let (isDriven, started) = driven(a)
            actuators[a].duty.pass(elapsed, isRunning: actuators[a].wasDriven, started: started)
            actuators[a].wasDriven = isDriven
            if started {
                actuators[a].cycles = min(actuators[a].cycles, UInt32.max - 1) + 1
                // A restart forgets a sixtieth of the allowed starts at the most.
                let allowed = actuators[a].envelope.startsPerHour
                if allowed > 0, actuators[a].duty.startsInHour % max(1, allowed / 60) == 0 { retainedRevision &+= 1 }
                tellLifetime(a)
            }
            tellExhausted(a)
        }
    }

    /// Whether it runs now, and whether it has just started to.
    private func driven(_ a: Int) -> (isRunning: Bool, started: Bool) {
        let output = actuators[a].output
        switch actuators[a].kind {
        case .motorValve:
            let isDriven = outputs[output] || outputs[output + 1]
            return (isDriven, isDriven && !actuators[a].wasDriven)
        case .solenoid, .timeProportional: return (outputs[output], outputs[output] && !actuators[a].wasDriven)
        case .latchingRelay:
            let relay = relays[actuators[a].position]
            // One of which it is not known where it is may be running.
            return (relay.isKnown ? relay.permille == 1000 : true, relay.hasBegunToSet)
        }
    }

    /// Once after each start, and again under a calibration that says less.
    private mutating func tellLifetime(_ a: Int) {
        let lifetime = actuators[a].envelope.lifetimeCycles
        guard lifetime > 0, actuators[a].cycles >= UInt32(lifetime), actuators[a].toldLifetime != lifetime, enforced(.lifetime) else { return }
        actuators[a].toldLifetime = lifetime
        events.append(.lifetime, index: UInt8(a), value: Int64(actuators[a].cycles))
    }

    private mutating func tellExhausted(_ a: Int) {
        let exhausted = actuators[a].isExhausted
        if exhausted, !actuators[a].toldExhausted {
            events.append(.dutyExhausted, actuators[a].startsExhausted ? .startsPerHour : .runningTime, index: UInt8(a),
                value: Int64(actuators[a].startsExhausted ? actuators[a].duty.startsInHour : actuators[a].duty.runningMilliseconds / 60_000))
        }
        actuators[a].toldExhausted = exhausted
        // What runs up its hour is brought back; what moves to a position finds its end; what starts all the
        // time, and is safe when on, is on.
        let isWorn = actuators[a].runningExhausted || actuators[a].startsExhausted && actuators[a].kind == .timeProportional && actuators[a].safeState == .open
        if isWorn, actuators[a].kind != .motorValve { setpoint(a, actuators[a].safePermille) }
    }

    /// The longest time away from safe. A motor valve reckons it from its travel, with the way back.
    private mutating func watchAway(_ a: Int, _ elapsed: Int) {
        let limit = actuators[a].envelope.maximumAwayMilliseconds
        if actuators[a].kind == .motorValve {
            actuators[a].isReturning = valves[actuators[a].position].isReturning
            return
        }
        guard limit > 0, mayBeAway(a), enforced(.maximumAway) else {
            actuators[a].awayFor = 0
            actuators[a].isReturning = false
            return
        }
        actuators[a].awayFor = min(actuators[a].awayFor + elapsed, limit)
        guard actuators[a].awayFor >= limit - tickMilliseconds else { return }
        setpoint(a, actuators[a].safePermille)
        guard !actuators[a].isReturning else { return }
        actuators[a].isReturning = true
        events.append(.maximumAway, index: UInt8(a), value: Int64(actuators[a].awayFor))
    }
}
