// Duty: the last look at every output before it reaches a line. It knows the limits from the
// calibration and the lines as they were driven and read back, and nothing of setpoints, sensors,
// trips or modes: whatever goes wrong above it, what passes here is inside the envelope.
// Trust: nobody. Must never share state with the logic, or drive an actuator further from safe.

import Calibration

struct OutputGate {
    private var valves: [GatedValve] = []
    private var solenoids: [GatedSolenoid] = []
    /// For each actuator: its kind and its place among its kind.
    private var kinds: [(isValve: Bool, position: Int)] = []

    init(_ calibration: Calibration) {
        var output = 0
        for actuator in calibration.actuators {
            switch actuator {
            case .motorValve(let valve):
                kinds.append((true, valves.count))
                valves.append(GatedValve(valve, open: output, close: output + 1, tick: calibration.tickMilliseconds))
                output += 2
            case .solenoid(let solenoid):
                kinds.append((false, solenoids.count))
                solenoids.append(GatedSolenoid(solenoid, line: output, tick: calibration.tickMilliseconds))
                output += 1
            }
        }
    }

    /// The time that has passed with these outputs, and the levels found on the lines.
    mutating func account(_ elapsed: Int, _ outputs: [Bool], _ readBacks: [LineReading]) {
        for i in valves.indices { valves[i].account(elapsed, outputs, readBacks) }
        for i in solenoids.indices { solenoids[i].account(elapsed, outputs) }
    }

    mutating func loseReference(_ valve: Int) { valves[valve].loseReference() }

    /// Writes the actuator's levels to `outputs`; the reason, if they are not the requested ones.
    mutating func pass(_ actuator: Int, safeDemanded: Bool, _ requested: [Bool], _ outputs: inout [Bool]) -> Reason {
        let (isValve, position) = kinds[actuator]
        return isValve
            ? valves[position].pass(safeDemanded, requested, &outputs)
            : solenoids[position].pass(safeDemanded, requested, &outputs)
    }
}

private struct GatedValve {
    let open: Int
    let close: Int
    let tick: Int
    let fastest: Int
    let slowest: Int
    let coast: Int
    /// Billionths of travel; nil if the envelope ends where the travel does.
    let maximum: Int?
    /// Milliseconds, with what closing in time may take before it begins; nil if there is no limit.
    let openLimit: Int?
    let rest: Int
    let safeState: SafeState

    /// All opening since the valve was last driven closed all the way, billionths of travel, by driving
    /// time alone: the furthest it can be open, even if no closing between has had an effect.
    var mayBeOpen = Travel.full
    /// Closing since the last opening, billionths of travel.
    var returned = 0
    var openFor = 0
    var openOff: Int
    var closeOff: Int

    init(_ valve: MotorValve, open: Int, close: Int, tick: Int) {
        self.open = open
        self.close = close
        self.tick = tick
        fastest = valve.strokeFastestMilliseconds
        slowest = valve.strokeSlowestMilliseconds
        coast = valve.coastMilliseconds
        maximum = valve.positionMaximumPermille < 1000 ? valve.positionMaximumPermille * Travel.permille : nil
        openLimit = valve.maximumOpenMilliseconds > 0 ? valve.maximumOpenMilliseconds + valve.restMilliseconds + 3 * tick : nil
        rest = valve.restMilliseconds
        safeState = valve.safeState
        openOff = rest
        closeOff = rest
    }

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
    }

    mutating func pass(_ safeDemanded: Bool, _ requested: [Bool], _ outputs: inout [Bool]) -> Reason {
        var drivesOpen = requested[open]
        var drivesClose = requested[close]
        var reason = Reason.none
        if drivesOpen, let refusal = refusalToOpen(safeDemanded, drivesClose) {
            drivesOpen = false
            reason = refusal
        }
        if let limit = openLimit, openFor >= limit, !drivesClose {
            drivesClose = true
            reason = .openTooLong
        }
        if drivesClose, safeDemanded, safeState == .open {
            drivesClose = false
            reason = .safeDemanded
        }
        if drivesClose, outputs[open] || openOff < rest {
            drivesClose = false
            if reason == .none { reason = .restTime }
        }
        if outputs[open], !drivesOpen { mayBeOpen = min(Travel.full, mayBeOpen + travel(coast)) }
        outputs[open] = drivesOpen
        outputs[close] = drivesClose
        return drivesOpen == requested[open] && drivesClose == requested[close] ? .none : reason
    }

    private func refusalToOpen(_ safeDemanded: Bool, _ drivesClose: Bool) -> Reason? {
        if drivesClose { return .bothLines }
        if safeDemanded, safeState != .open { return .safeDemanded }
        if closeOff < rest { return .restTime }
        if let limit = openLimit, openFor >= limit { return .openTooLong }
        if let maximum, mayBeOpen + travel(tick) + travel(coast) > maximum { return .openBeyondLimit }
        return nil
    }

    /// Billionths of travel that the fastest valve makes in this time.
    private func travel(_ milliseconds: Int) -> Int { (milliseconds * Travel.full + fastest - 1) / fastest }
}

private struct GatedSolenoid {
    let line: Int
    let onLimit: Int?
    let minimumOff: Int
    let safeState: SafeState
    let safeLevel: Bool?

    var onFor = 0
    var offFor = 0

    init(_ solenoid: Solenoid, line: Int, tick: Int) {
        self.line = line
        onLimit = solenoid.maximumOnMilliseconds > 0 ? solenoid.maximumOnMilliseconds + 2 * tick : nil
        minimumOff = solenoid.minimumOffMilliseconds
        safeState = solenoid.safeState
        safeLevel = SolenoidState.safeLevel(solenoid)
    }

    mutating func account(_ elapsed: Int, _ outputs: [Bool]) {
        onFor = outputs[line] ? min(onFor + elapsed, Int(Int32.max)) : 0
        offFor = outputs[line] ? 0 : min(offFor + elapsed, Int(Int32.max))
    }

    mutating func pass(_ safeDemanded: Bool, _ requested: [Bool], _ outputs: inout [Bool]) -> Reason {
        var on = requested[line]
        var reason = Reason.none
        if safeDemanded, let safeLevel, on != safeLevel {
            on = safeLevel
            reason = .safeDemanded
        }
        if safeDemanded, safeLevel == nil, on, !outputs[line] {
            on = false
            reason = .safeDemanded
        }
        if on, !outputs[line], !safeDemanded, offFor < minimumOff {
            on = false
            reason = .minimumOff
        }
        if on, let onLimit, onFor >= onLimit {
            on = false
            reason = .onTooLong
        }
        outputs[line] = on
        return reason
    }
}
