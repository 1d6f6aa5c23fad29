// Duty: the last look at every output before it reaches a line. It knows the limits from the
// calibration and the lines as they were driven and read back, and nothing of setpoints, sensors,
// trips or modes: whatever goes wrong above it, what passes here is inside the envelope.
// Trust: nobody. Must never share state with the logic, or drive an actuator further from safe.

import Calibration

struct OutputGate {
    var valves: [GatedValve] = []
    var solenoids: [GatedSolenoid] = []
    var proportionals: [GatedProportional] = []
    var relays: [GatedRelay] = []
    /// For each actuator: its kind and its place among its kind.
    var kinds: [(kind: ActuatorKind, position: Int)] = []

    init(_ calibration: Calibration) {
        var output = 0
        let tick = calibration.tickMilliseconds
        for actuator in calibration.actuators {
            switch actuator.drive {
            case .motorValve(let valve):
                kinds.append((.motorValve, valves.count))
                valves.append(GatedValve(valve, actuator.envelope, actuator.safeState, open: output, close: output + 1, tick: tick))
            case .solenoid(let solenoid):
                kinds.append((.solenoid, solenoids.count))
                solenoids.append(GatedSolenoid(solenoid, actuator.envelope, actuator.safeState, line: output, tick: tick))
            case .timeProportional(let proportional):
                kinds.append((.timeProportional, proportionals.count))
                proportionals.append(GatedProportional(proportional, actuator.envelope, actuator.safeState, line: output, tick: tick))
            case .latchingRelay(let relay):
                kinds.append((.latchingRelay, relays.count))
                relays.append(GatedRelay(relay, actuator.safeState, set: output, tick: tick))
            }
            output += actuator.outputLines.count
        }
    }

    /// The time that has passed with these outputs, and the levels found on the lines.
    mutating func account(_ elapsed: Int, _ outputs: [Bool], _ readBacks: [LineReading]) {
        for i in valves.indices { valves[i].account(elapsed, outputs, readBacks) }
        for i in solenoids.indices { solenoids[i].account(elapsed, outputs) }
        for i in proportionals.indices { proportionals[i].account(elapsed, outputs) }
        for i in relays.indices { relays[i].account(elapsed, outputs) }
    }

    mutating func loseReference(_ valve: Int) { valves[valve].loseReference() }

    /// The limits of a phase or of a newer calibration.
    mutating func limit(_ actuator: Int, _ envelope: Envelope, maximum: Int) {
        let position = kinds[actuator].position
        switch kinds[actuator].kind {
        case .motorValve: valves[position].limit(envelope, maximum: maximum)
        case .solenoid: solenoids[position].limit(envelope)
        case .timeProportional: proportionals[position].limit(envelope, maximum: maximum)
        case .latchingRelay: break
        }
    }

    /// Writes the actuator's levels to `outputs`; the reason, if they are not the requested ones.
    mutating func pass(_ actuator: Int, safeDemanded: Bool, _ requested: [Bool], _ outputs: inout [Bool]) -> Reason {
        let position = kinds[actuator].position
        let demanded = safeDemanded && enforced(.gateSafe)
        return switch kinds[actuator].kind {
        case .motorValve: valves[position].pass(demanded, requested, &outputs)
        case .solenoid: solenoids[position].pass(demanded, requested, &outputs)
        case .timeProportional: proportionals[position].pass(demanded, requested, &outputs)
        case .latchingRelay: relays[position].pass(demanded, requested, &outputs)
        }
    }
}

struct GatedValve {
    let open: Int
    let close: Int
    let tick: Int
    let stroke: Int
    let fastest: Int
    let slowest: Int
    let coast: Int
    let rest: Int
    let safeState: SafeState
    /// Billionths of travel; nil if the envelope ends where the travel does.
    var maximum: Int?
    /// Milliseconds, with what closing in time may take before it begins; nil if there is no limit.
    var openLimit: Int?
    /// Billionths of travel a millisecond; 0 = no limit.
    var slew: Int

    /// All opening since the valve was last driven closed all the way, billionths of travel, by driving
    /// time alone: the furthest it can be open, even if no closing between has had an effect.
    var mayBeOpen = Travel.full
    /// Closing since the last opening, billionths of travel.
    var returned = 0
    var openFor = 0
    var openOff: Int
    var closeOff: Int
    /// Travel away from safe that the slew leaves now.
    var slewBudget: Int

    init(_ valve: MotorValve, _ envelope: Envelope, _ safeState: SafeState, open: Int, close: Int, tick: Int) {
        self.open = open
        self.close = close
        self.tick = tick
        stroke = valve.strokeMilliseconds
        fastest = valve.strokeFastestMilliseconds
        slowest = valve.strokeSlowestMilliseconds
        coast = valve.coastMilliseconds
        rest = valve.restMilliseconds
        self.safeState = safeState
        slew = 0
        slewBudget = 0
        openOff = rest
        closeOff = rest
        limit(envelope, maximum: envelope.maximumPermille)
        slewBudget = slewBurst
    }

    mutating func limit(_ envelope: Envelope, maximum permille: Int) {
        maximum = permille < 1000 ? permille * Travel.permille : nil
        openLimit = envelope.maximumAwayMilliseconds > 0 ? envelope.maximumAwayMilliseconds + rest + 3 * tick : nil
        slew = envelope.slewPermillePerSecond * 1000
    }

    /// One push of a valve that is driven in pushes: the band it waits for, the tick it ends in, and its coasting.
    var slewBurst: Int { 2 * (travel(3 * tick + coast) + 5 * Travel.permille * stroke / fastest) }

    mutating func loseReference() {
        mayBeOpen = Travel.full
        returned = 0
    }

    mutating func account(_ elapsed: Int, _ outputs: [Bool], _ readBacks: [LineReading]) {
        if outputs[open] || readBacks[open] == .high {
            mayBeOpen = min(Travel.full, mayBeOpen + (elapsed * Travel.full + fastest - 1) / fastest)
            if elapsed > 0 { returned = 0 }
        } else if outputs[close], readBacks[close] == .high, readBacks[open] == .low {
            // One late look does not prove that the line was on all the time.
            returned += min(elapsed, 2 * tick) * Travel.full / slowest
            if returned >= mayBeOpen {
                mayBeOpen = 0
                returned = 0
            }
        }
        openFor = mayBeOpen > 0 ? min(openFor + elapsed, Int(Int32.max)) : 0
        openOff = outputs[open] ? 0 : min(openOff + elapsed, rest)
        closeOff = outputs[close] ? 0 : min(closeOff + elapsed, rest)
        let isLeaving = outputs[safeState == .open ? close : open]
        // Without a limit nothing is owed to one that a later calibration brings.
        slewBudget = slew == 0 ? slewBurst : min(slewBurst, slewBudget + slew * elapsed - (isLeaving ? travel(min(elapsed, 2 * tick)) : 0))
    }

    mutating func pass(_ safeDemanded: Bool, _ requested: [Bool], _ outputs: inout [Bool]) -> Reason {
        var drivesOpen = requested[open]
        var drivesClose = requested[close]
        var reason = Reason.none
        if drivesOpen, let refusal = refusalToOpen(safeDemanded, drivesClose) {
            drivesOpen = false
            reason = refusal
        }
        if let limit = openLimit, openFor >= limit, !drivesClose, enforced(.gateAway) {
            drivesClose = true
            reason = .awayTooLong
        }
        if drivesClose, safeDemanded, safeState == .open {
            drivesClose = false
            reason = .safeDemanded
        }
        if drivesClose, safeState == .open, isTooFast {
            drivesClose = false
            reason = .slew
        }
        if drivesClose, outputs[open] || openOff < rest, enforced(.gateRest) {
            drivesClose = false
            if reason == .none { reason = .restTime }
        }
        if outputs[open], !drivesOpen { mayBeOpen = min(Travel.full, mayBeOpen + travel(coast)) }
        outputs[open] = drivesOpen
        outputs[close] = drivesClose
        return drivesOpen == requested[open] && drivesClose == requested[close] ? .none : reason
    }

    private func refusalToOpen(_ safeDemanded: Bool, _ drivesClose: Bool) -> Reason? {
        if drivesClose, enforced(.gateBothLines) { return .bothLines }
        if safeDemanded, safeState != .open { return .safeDemanded }
        if closeOff < rest, enforced(.gateRest) { return .restTime }
        if let limit = openLimit, openFor >= limit, enforced(.gateAway) { return .awayTooLong }
        if safeState != .open, isTooFast { return .slew }
        if let maximum, mayBeOpen + travel(tick) + travel(coast) > maximum, enforced(.gateEnvelope) { return .openBeyondLimit }
        return nil
    }

    var isTooFast: Bool { slew > 0 && slewBudget < travel(tick) && enforced(.gateSlew) }

    /// Billionths of travel that the fastest valve makes in this time.
    private func travel(_ milliseconds: Int) -> Int { (milliseconds * Travel.full + fastest - 1) / fastest }
}

struct GatedSolenoid {
    let line: Int
    let tick: Int
    let minimumOff: Int
    let safeState: SafeState
    let safeLevel: Bool?
    /// The level away from safe; of `last`, away from closed.
    let awayLevel: Bool
    var awayLimit: Int?

    var awayFor = 0
    var offFor = 0

    init(_ solenoid: Solenoid, _ envelope: Envelope, _ safeState: SafeState, line: Int, tick: Int) {
        self.line = line
        self.tick = tick
        minimumOff = solenoid.minimumOffMilliseconds
        self.safeState = safeState
        safeLevel = SolenoidState.safeLevel(solenoid, safeState)
        awayLevel = safeState == .open ? !solenoid.energiseToOpen : solenoid.energiseToOpen
        limit(envelope)
    }

    mutating func limit(_ envelope: Envelope) {
        awayLimit = envelope.maximumAwayMilliseconds > 0 ? envelope.maximumAwayMilliseconds + 2 * tick : nil
    }

    mutating func account(_ elapsed: Int, _ outputs: [Bool]) {
        awayFor = outputs[line] == awayLevel ? min(awayFor + elapsed, Int(Int32.max)) : 0
        offFor = outputs[line] ? 0 : min(offFor + elapsed, Int(Int32.max))
    }

    mutating func pass(_ safeDemanded: Bool, _ requested: [Bool], _ outputs: inout [Bool]) -> Reason {
        var on = requested[line]
        var reason = Reason.none
        if safeDemanded, let safeLevel, on != safeLevel {
            on = safeLevel
            reason = .safeDemanded
        }
        // Of `last`: it stays, or goes closed.
        if safeDemanded, safeLevel == nil, on == awayLevel, outputs[line] != awayLevel {
            on = !awayLevel
            reason = .safeDemanded
        }
        if on, !outputs[line], !safeDemanded, offFor < minimumOff, enforced(.gateMinimumOff) {
            on = false
            reason = .minimumOff
        }
        if on == awayLevel, let awayLimit, awayFor >= awayLimit, enforced(.gateAway) {
            on = !awayLevel
            reason = .awayTooLong
        }
        outputs[line] = on
        return reason
    }
}

struct GatedProportional {
    let line: Int
    let tick: Int
    let period: Int
    let minimumOff: Int
    let safeLevel: Bool
    /// Permille of time; 1000 = no limit.
    var maximum = 1000
    var awayLimit: Int?

    /// Millisecond-permilles of being on that the share leaves now.
    var budget = 0
    var awayFor = 0
    var offFor = 0

    init(_ output: TimeProportional, _ envelope: Envelope, _ safeState: SafeState, line: Int, tick: Int) {
        self.line = line
        self.tick = tick
        period = output.periodMilliseconds
        minimumOff = output.minimumOffMilliseconds
        safeLevel = safeState == .open
        limit(envelope, maximum: envelope.maximumPermille)
        budget = burst
    }

    mutating func limit(_ envelope: Envelope, maximum permille: Int) {
        maximum = permille
        // It is only known to be at rest again once a whole period has passed.
        awayLimit = envelope.maximumAwayMilliseconds > 0 ? envelope.maximumAwayMilliseconds + period + 2 * tick : nil
    }

    /// What one period may use, and the two ticks by which a pulse may be late in ending.
    var burst: Int { (period + 2 * tick) * maximum + 2 * tick * 1000 }

    mutating func account(_ elapsed: Int, _ outputs: [Bool]) {
        budget = min(burst, budget + elapsed * maximum - (outputs[line] ? min(elapsed, 2 * tick) * 1000 : 0))
        let isAway = safeLevel ? !outputs[line] : outputs[line]
        // Away until a whole period has passed without.
        if isAway { quiet = 0 } else { quiet = min(quiet + elapsed, period) }
        awayFor = quiet >= period ? 0 : min(awayFor + elapsed, Int(Int32.max))
        offFor = outputs[line] ? 0 : min(offFor + elapsed, minimumOff)
    }

    var quiet = Int(Int32.max)

    mutating func pass(_ safeDemanded: Bool, _ requested: [Bool], _ outputs: inout [Bool]) -> Reason {
        var on = requested[line]
        var reason = Reason.none
        if safeDemanded, on != safeLevel {
            on = safeLevel
            reason = .safeDemanded
        }
        if on, !safeDemanded, !outputs[line], offFor < minimumOff, enforced(.gateMinimumOff) {
            on = false
            reason = .minimumOff
        }
        if on, !safeDemanded, maximum < 1000, budget < tick * 1000, enforced(.gateShare) {
            on = false
            reason = .openBeyondLimit
        }
        if let awayLimit, awayFor >= awayLimit, on != safeLevel, enforced(.gateAway) {
            on = safeLevel
            reason = .awayTooLong
        }
        outputs[line] = on
        return reason
    }
}

struct GatedRelay {
    let set: Int
    let reset: Int
    let pulse: Int
    let rest: Int
    let safeState: SafeState

    var onFor = 0
    var offFor: Int

    init(_ relay: LatchingRelay, _ safeState: SafeState, set: Int, tick: Int) {
        self.set = set
        reset = set + 1
        pulse = relay.pulseMilliseconds + 2 * tick
        rest = relay.restMilliseconds
        self.safeState = safeState
        offFor = rest
    }

    mutating func account(_ elapsed: Int, _ outputs: [Bool]) {
        let isOn = outputs[set] || outputs[reset]
        onFor = isOn ? min(onFor + elapsed, Int(Int32.max)) : 0
        offFor = isOn ? 0 : min(offFor + elapsed, rest)
    }

    mutating func pass(_ safeDemanded: Bool, _ requested: [Bool], _ outputs: inout [Bool]) -> Reason {
        var (sets, resets) = (requested[set], requested[reset])
        var reason = Reason.none
        if sets, resets, enforced(.gateBothLines) {
            (sets, resets) = (false, false)
            reason = .bothLines
        }
        if safeDemanded {
            if sets, safeState != .open { (sets, reason) = (false, .safeDemanded) }
            if resets, safeState == .open { (resets, reason) = (false, .safeDemanded) }
        }
        let begins = sets && !outputs[set] || resets && !outputs[reset]
        if begins, outputs[set] || outputs[reset] || offFor < rest, enforced(.gateRest) {
            (sets, resets) = (false, false)
            reason = .restTime
        }
        if sets || resets, onFor >= pulse, enforced(.gatePulse) {
            (sets, resets) = (false, false)
            reason = .pulseTooLong
        }
        outputs[set] = sets
        outputs[reset] = resets
        return sets == requested[set] && resets == requested[reset] ? .none : reason
    }
}
