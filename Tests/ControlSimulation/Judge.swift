// The judge of a run: it knows the calibration, the machine as it truly stands, what was put in and what
// came out, and nothing of how the controller thinks. What it cannot be sure of it lets pass.

import Calibration
import Control

/// Times that began when they were last refilled, counted in steps of at most one tick: a late tick proves no more.
struct ActuatorRecord {
    let device: Device.Kind
    let output: Int
    let safe: SafeState
    let drive: Actuator.Drive
    let reset: Int
    let selector: Int
    var envelope: Envelope
    var governance: Governance
    let energiseToOpen: Bool
    let minimumOn: Int
    let minimumOff: Int
    let fastest: Int
    let slowest: Int
    let safeTravel: Int
    let travelSlack: Int

    var isPlaced = false
    /// Milliseconds of driving open that the clock did not tell of, since it was closed.
    var unaccounted = 0
    var latest = 0
    var latestTold = 0
    var soundFor = 0
    /// It was broken once: of a relay without a contact nobody can know where it is then.
    var wasBroken = false
    var awayFor = 0
    var quietFor = 1_000_000
    var onFor = 1_000_000
    var offFor = 0
    var openOff = 1_000_000
    var closeOff = 1_000_000
    var slewBucket = 0.0
    var shareBucket = 0
    var position: Double
    var setpoint: Int
    var share = 0
    var fault: Reason = .none
    var faultSince: Int64 = 0
    var leaseHolder: UInt32 = 0
    var leaseAge = 0
    var selection: (issuers: UInt32, permille: Int, age: Int) = (0, -1, 0)
    var notYetFor = 0
    var starts: [Int64] = []
    var firstStart = 0
    var runs: [(from: Int64, to: Int64)] = []
    var firstRun = 0
    var runningSum = 0

    var safePermille: Int { safe == .open ? 1000 : 0 }
}

struct TripRecord {
    var trip: Trip
    let mask: UInt32
    let detection: Int
    let armed: UInt32
    var conditionFor = 0
    var brokenFor = 0
    var isLatched = false
    var latchedAt: Int64 = 0
    var bypassedFor = 0
    /// How long it must surely act before the next bypass.
    var restFor = 0
    var isBypassed = false
}

struct PressRecord {
    var last: LineReading = .unreadable
    var pressedAt: Int64 = -1
    var heldFor = 0
}

public struct Judge {
    let calibration: Calibration
    let tick: Int
    var actuators: [ActuatorRecord] = []
    var trips: [TripRecord] = []
    var presses: [PressRecord]
    let holds: [Int]
    var phase = 0
    /// As the clock told it.
    var time: Int64 = 0
    var silentFor: Int
    /// How long a selector has surely said so: hand, off.
    var handFor: [Int]
    var offFor: [Int]
    let debounces: [Int]
    let inputsOfSelectors: Int
    let interlocks: [Interlock]
    let detections: [Int]
    var conditionLost: [Int]
    var supervisionTimeout: Int
    var outputs: [Bool]
    public private(set) var accepted = 0
    public private(set) var moved = 0
    public private(set) var tripped = 0

    public init(_ calibration: Calibration, _ plant: Plant, outputs: [Bool]) {
        self.calibration = calibration
        self.outputs = outputs
        tick = calibration.tickMilliseconds
        presses = [PressRecord](repeating: PressRecord(), count: calibration.resets.count)
        holds = calibration.resets.map(\.holdMilliseconds)
        silentFor = calibration.supervisionTimeoutMilliseconds
        supervisionTimeout = calibration.supervisionTimeoutMilliseconds
        handFor = [Int](repeating: 0, count: calibration.selectors.count)
        offFor = handFor
        debounces = calibration.selectors.map(\.debounceMilliseconds)
        inputsOfSelectors = calibration.resets.count
        interlocks = calibration.interlocks.map(\.interlock)
        detections = calibration.sensors.indices.map { calibration.detectionMilliseconds(sensor: $0) }
        conditionLost = [Int](repeating: 0, count: interlocks.count)
        for (a, actuator) in calibration.actuators.enumerated() {
            var (energiseToOpen, on, off, fastest, slowest, slack) = (true, 0, 0, 1, 1, 0)
            switch actuator.drive {
            case .motorValve(let valve):
                (fastest, slowest) = (valve.strokeFastestMilliseconds, valve.strokeSlowestMilliseconds)
                slack = valve.restMilliseconds + valve.coastMilliseconds + valve.strokeSlowestMilliseconds * 13 / 10 + 8 * tick
            case .solenoid(let solenoid):
                energiseToOpen = solenoid.energiseToOpen
                (on, off) = (solenoid.minimumOnMilliseconds, solenoid.minimumOffMilliseconds)
            case .timeProportional(let output): (on, off) = (output.minimumOnMilliseconds, output.minimumOffMilliseconds)
            case .latchingRelay(let relay): slack = 2 * relay.pulseMilliseconds + relay.restMilliseconds + 4 * tick
            }
            actuators.append(ActuatorRecord(
                device: plant.devices[a].kind, output: plant.devices[a].output, safe: actuator.safeState, drive: actuator.drive,
                reset: actuator.reset, selector: actuator.governance.selector ?? -1, envelope: actuator.envelope,
                governance: actuator.governance, energiseToOpen: energiseToOpen, minimumOn: on, minimumOff: off, fastest: fastest,
                slowest: slowest, safeTravel: calibration.safeTravelMilliseconds(actuator: a), travelSlack: slack,
                position: plant.devices[a].position, setpoint: actuator.safeState == .open ? 1000 : 0))
        }
        for trip in calibration.trips {
            var (mask, armed): (UInt32, UInt32) = (0, trip.phases.isEmpty ? .max : 0)
            for a in trip.actuators { mask |= 1 << UInt32(a) }
            for phase in trip.phases { armed |= 1 << UInt32(phase) }
            trips.append(TripRecord(trip: trip, mask: mask, detection: calibration.detectionMilliseconds(sensor: trip.sensor), armed: armed))
        }
    }

    /// After a restart with the same memory: what is hourly or leased begins anew.
    mutating func restarted(_ plant: Plant, _ control: borrowing Control) -> String? {
        silentFor = supervisionTimeout
        time = 0
        for t in trips.indices {
            if trips[t].isLatched, !control.isLatched(trip: t) { return "trip \(t) was lost by a restart" }
            if control.isBypassed(trip: t) { return "a bypass came through a restart" }
            (trips[t].isBypassed, trips[t].bypassedFor, trips[t].restFor) = (false, 0, 0)
            (trips[t].conditionFor, trips[t].brokenFor, trips[t].latchedAt) = (0, 0, 0)
        }
        if control.phase != phase { return "the phase was lost by a restart" }
        for i in presses.indices { presses[i] = PressRecord() }
        for i in handFor.indices { (handFor[i], offFor[i]) = (0, 0) }
        for i in conditionLost.indices { conditionLost[i] = 0 }
        outputs = control.outputs
        for a in actuators.indices {
            let status = control.status(actuator: a)
            if actuators[a].fault != .none, status.fault == .none { return "fault of actuator \(a) was lost by a restart" }
            actuators[a].fault = status.fault
            actuators[a].faultSince = 0
            actuators[a].isPlaced = false
            (actuators[a].leaseHolder, actuators[a].selection.age) = (0, 1_000_000)
            actuators[a].starts.removeAll()
            actuators[a].firstStart = 0
            actuators[a].runs.removeAll()
            (actuators[a].firstRun, actuators[a].runningSum, actuators[a].notYetFor) = (0, 0, 0)
            (actuators[a].awayFor, actuators[a].quietFor, actuators[a].soundFor, actuators[a].slewBucket, actuators[a].shareBucket) = (0, 1_000_000, 0, 0, 0)
            (actuators[a].openOff, actuators[a].closeOff, actuators[a].offFor, actuators[a].onFor) = (1_000_000, 1_000_000, 0, 1_000_000)
            (actuators[a].setpoint, actuators[a].position) = (actuators[a].safePermille, plant.devices[a].position)
        }
        return nil
    }

    mutating func adopted(_ calibration: Calibration) {
        for t in trips.indices { trips[t].trip = calibration.trips[t] }
        supervisionTimeout = calibration.supervisionTimeoutMilliseconds
        for a in actuators.indices {
            actuators[a].envelope = calibration.actuators[a].envelope
            actuators[a].governance = calibration.actuators[a].governance
            actuators[a].leaseHolder = .max
            actuators[a].slewBucket = 0
            // What was before it was held against another limit.
            actuators[a].starts.removeAll()
            actuators[a].firstStart = 0
        }
    }

    // MARK: one step

    /// - Parameters:
    ///   - elapsed: milliseconds that passed.
    ///   - told: those that the clock told of.
    /// - Returns: what is wrong.
    public mutating func look(
        _ elapsed: Int, told: Int, _ plant: Plant, _ inputs: Inputs, _ control: borrowing Control, sound: Bool
    ) -> String? {
        let told = max(0, min(told, 3_600_000))
        let sure = min(elapsed, told, tick)
        time += Int64(told)
        silentFor = inputs.heartbeat ? 0 : silentFor + sure
        watchPanel(inputs, sure)
        for a in actuators.indices { actuators[a].leaseAge += told }
        if let wrong = watchTrips(plant, control, sure, isTrue: told == elapsed) { return wrong }
        if let wrong = judgeOutcomes(plant, inputs, control) { return wrong }
        for t in trips.indices {
            if let wrong = judgeBypass(t, sure, told, control) { return wrong }
        }
        for a in actuators.indices {
            if let wrong = judge(a, elapsed, told, sure, plant, inputs, control) { return wrong + " (actuator \(a))" }
        }
        if let wrong = judgeInterlocks(plant, control, sure) { return wrong }
        for i in 0..<control.events.count {
            let event = control.events[i]
            if event.code == .gateIntervened { return "the gate had to intervene: \(event.reason.code) (actuator \(event.index))" }
            if sound, event.code == .fault, event.reason != .noResponse { return "a sound machine was called faulty: \(event.reason.code) (actuator \(event.index))" }
        }
        outputs = control.outputs
        return nil
    }

    private mutating func watchPanel(_ inputs: Inputs, _ sure: Int) {
        for i in presses.indices {
            let reading = inputs.lines[i]
            if reading == .high {
                if presses[i].last == .low { (presses[i].pressedAt, presses[i].heldFor) = (time, 0) } else { presses[i].heldFor += max(sure, 0) + tick }
            } else { presses[i].pressedAt = -1 }
            presses[i].last = reading
        }
        for i in handFor.indices {
            let (hand, auto) = (inputs.lines[inputsOfSelectors + 2 * i], inputs.lines[inputsOfSelectors + 2 * i + 1])
            let before = (handFor[i] > 0, offFor[i] > 0)
            handFor[i] = hand == .high && auto == .low ? handFor[i] + max(1, sure) : 0
            offFor[i] = hand == .unreadable || auto == .unreadable || hand == auto ? offFor[i] + max(1, sure) : 0
            if before != (handFor[i] > 0, offFor[i] > 0) {
                for a in actuators.indices where actuators[a].selector == i { actuators[a].leaseHolder = .max }
            }
        }
    }

    private func isSurely(_ counter: [Int], _ a: Int) -> Bool {
        let selector = actuators[a].selector
        return selector >= 0 && counter[selector] > debounces[selector] + 3 * tick
    }

    // MARK: trips

    /// Whether a condition truly holds, with room for what a sensor cannot tell.
    func holds(_ condition: Condition, _ sensor: Int, _ plant: Plant) -> Bool {
        switch calibration.sensors[sensor].source {
        case .switch: return (condition == .active) == plant.probes[sensor].isActive
        case .voting(let voting): return holds(condition, voting.members[0], plant)
        case .flowMeter(let meter): return compare(condition, plant.probes[sensor].rate * Double(meter.microlitresPerPulse), margin: Double(2 * meter.microlitresPerPulse))
        case .frequency(let input): return compare(condition, plant.probes[sensor].rate * 1000 / Double(input.pulsesPerTurn), margin: 2000 / Double(input.pulsesPerTurn) + 1)
        case .analogue(let input):
            let current = Int(plant.probes[sensor].current)
            let (low, high) = (Double(input.value(microamperes: current - 60)), Double(input.value(microamperes: current + 60)))
            return compare(condition, (low + high) / 2, margin: abs(high - low) / 2 + 1)
        }
    }

    private func compare(_ condition: Condition, _ value: Double, margin: Double) -> Bool {
        switch condition {
        case .above(let limit): value - margin > Double(limit)
        case .below(let limit): value + margin < Double(limit)
        default: false
        }
    }

    /// How long a sensor, with all that vote in it, has told the truth, or has plainly been broken.
    private func trust(_ sensor: Int, _ plant: Plant) -> (truthful: Int, broken: Int) {
        guard case .voting(let voting) = calibration.sensors[sensor].source else { return (plant.probes[sensor].truthfulFor, plant.probes[sensor].plainlyBrokenFor) }
        var (truthful, broken) = (Int.max, Int.max)
        for member in voting.members {
            truthful = min(truthful, plant.probes[member].truthfulFor)
            broken = min(broken, plant.probes[member].plainlyBrokenFor)
        }
        return (truthful, broken)
    }

    private mutating func watchTrips(_ plant: Plant, _ control: borrowing Control, _ sure: Int, isTrue: Bool) -> String? {
        for t in trips.indices {
            let record = trips[t]
            let isBypassed = record.isBypassed
            let isArmed = record.armed & 1 << UInt32(phase) != 0 && !isBypassed && !control.isBypassed(trip: t)
            let (truthful, broken) = trust(record.trip.sensor, plant)
            let stands = isArmed && truthful > 0 && holds(record.trip.condition, record.trip.sensor, plant)
            // A clock that lies makes every rate a lie.
            trips[t].conditionFor = stands && isTrue ? record.conditionFor + sure : 0
            trips[t].brokenFor = isArmed && broken > 0 ? record.brokenFor + sure : 0
            let isLatched = control.isLatched(trip: t)
            if isLatched, !record.isLatched { (trips[t].latchedAt, tripped) = (time, tripped + 1) }
            if record.isLatched, !isLatched {
                guard let reset = record.trip.reset else { return "a trip without a reset was reset" }
                let press = presses[reset]
                if press.pressedAt < 0 || press.pressedAt <= record.latchedAt { return "trip \(t) was reset without a press after it" }
                if press.heldFor < holds[reset] { return "trip \(t) was reset by a press that was too short" }
                if isArmed, trips[t].conditionFor > record.detection + record.trip.delayMilliseconds + 4 * tick { return "trip \(t) was reset while its cause stood" }
            }
            trips[t].isLatched = isLatched
            let mayWait = record.detection + record.trip.delayMilliseconds + 2 * tick
            let latestLatch = max(mayWait, record.detection) + 2000 + 6 * tick
            if record.trip.latched, !isLatched, trips[t].conditionFor > latestLatch || trips[t].brokenFor > latestLatch { return "trip \(t) was missed: not latched" }
            guard trips[t].conditionFor > mayWait || trips[t].brokenFor > record.detection + 2 * tick || isLatched else { continue }
            for a in record.trip.actuators {
                if !control.status(actuator: a).isTripped { return "trip \(t) was missed by actuator \(a)" }
                let reaction = record.detection + record.trip.delayMilliseconds + actuators[a].safeTravel + 2 * tick
                if max(trips[t].conditionFor, trips[t].brokenFor) > reaction, actuators[a].soundFor > reaction, isJudged(a), !isSafe(a, plant, control) {
                    return "actuator \(a) was not safe within the process safety time of trip \(t)"
                }
            }
        }
        return nil
    }

    private mutating func judgeBypass(_ t: Int, _ sure: Int, _ told: Int, _ control: borrowing Control) -> String? {
        guard control.isBypassed(trip: t) else {
            trips[t].isBypassed = false
            trips[t].restFor = max(0, trips[t].restFor - told)
            return nil
        }
        if !trips[t].isBypassed { return "trip \(t) is bypassed by nobody" }
        trips[t].bypassedFor += sure
        trips[t].restFor += sure
        return trips[t].bypassedFor > trips[t].trip.bypassMaximumMinutes * 60_000 + tick ? "a bypass of trip \(t) outlived its time" : nil
    }

    /// Whether it stood where it was thought to stand before.
    private func isJudged(_ a: Int) -> Bool {
        actuators[a].device == .motorValve ? actuators[a].isPlaced : actuators[a].device != .latchingRelay || !actuators[a].wasBroken
    }

    private func isSafe(_ a: Int, _ plant: Plant, _ control: borrowing Control) -> Bool {
        let position = plant.devices[a].position
        switch actuators[a].device {
        case .motorValve:
            // What stuck between an end switch and its end, nobody can see.
            let room = actuators[a].wasBroken ? 0.06 : 1e-6
            return actuators[a].safe == .open ? position >= 1 - room : position <= room
        case .solenoid: return control.outputs[actuators[a].output] == (actuators[a].energiseToOpen == (actuators[a].safe == .open))
        case .timeProportional: return control.outputs[actuators[a].output] == (actuators[a].safe == .open)
        case .latchingRelay: return position == (actuators[a].safe == .open ? 1 : 0)
        }
    }

    // MARK: requests

    private mutating func judgeOutcomes(_ plant: Plant, _ inputs: Inputs, _ control: borrowing Control) -> String? {
        if control.outcomes.count != inputs.requestCount { return "a request got no answer" }
        for i in 0..<inputs.requestCount where control.outcomes[i].reason == .none {
            accepted += 1
            if let wrong = judgeAccepted(inputs.request(i), plant, control) { return wrong }
        }
        if control.phase != phase { return "the phase changed without an order" }
        return nil
    }

    private mutating func judgeAccepted(_ request: Request, _ plant: Plant, _ control: borrowing Control) -> String? {
        switch request.order {
        case .setpoint(let a, let permille):
            guard actuators.indices.contains(a) else { return "an actuator that does not exist took an order" }
            if let wrong = judgeSetpoint(a, permille, request.issuers, control) { return wrong + " (actuator \(a), \(permille))" }
        case .select(let a, let permille):
            guard actuators.indices.contains(a) else { return "an actuator that does not exist was selected" }
            actuators[a].selection = (request.issuers, permille, 0)
        case .renew(let a):
            guard actuators.indices.contains(a) else { return "an actuator that does not exist has a lease" }
            if actuators[a].leaseHolder != 0, actuators[a].leaseHolder & request.issuers == 0 { return "another's lease was renewed" }
            actuators[a].leaseAge = 0
        case .release(let a):
            guard actuators.indices.contains(a) else { return "an actuator that does not exist has a lease" }
            if actuators[a].leaseHolder != 0, actuators[a].leaseHolder & request.issuers == 0 { return "another's lease was given back" }
            actuators[a].leaseHolder = 0
            actuators[a].notYetFor = 0
        case .phase(let new):
            guard new >= 0, new < max(1, calibration.phases.count) else { return "a phase that does not exist was entered" }
            phase = new
        case .bypass(let t, let minutes):
            guard trips.indices.contains(t) else { return "a trip that does not exist was bypassed" }
            if minutes > 0 {
                if trips[t].trip.isEssential { return "an essential trip was bypassed" }
                if minutes > trips[t].trip.bypassMaximumMinutes { return "a bypass was longer than allowed" }
                if trips[t].restFor > 2 * tick { return "a bypass began before the trip had acted for as long as it was bypassed" }
                for a in trips[t].trip.actuators where request.issuers.nonzeroBitCount < actuators[a].governance.approvals { return "a bypass had too few signers" }
            }
            trips[t].isBypassed = minutes > 0
            trips[t].bypassedFor = 0
        case .partialStroke(let a):
            guard actuators.indices.contains(a) else { return "an actuator that does not exist was tested" }
            if isSurely(handFor, a) || isSurely(offFor, a) { return "a proof test began against the selector" }
            if request.issuers.nonzeroBitCount < actuators[a].governance.approvals { return "a proof test had too few signers" }
            let selection = actuators[a].selection
            if actuators[a].governance.selectMilliseconds > 0, selection.issuers & request.issuers == 0 || selection.age > actuators[a].governance.selectMilliseconds + tick {
                return "a proof test began that was not announced"
            }
            if mustBeSafe(a, control, before: true) { return "a proof test began in what must be safe" }
            actuators[a].notYetFor = -1
        }
        return nil
    }

    private mutating func judgeSetpoint(_ a: Int, _ permille: Int, _ issuers: UInt32, _ control: borrowing Control) -> String? {
        let record = actuators[a]
        let (minimum, maximum) = record.envelope.limits(inPhase: phase)
        let isContinuous = record.device == .motorValve || record.device == .timeProportional
        if isContinuous ? permille != 0 && (permille < max(1, minimum) || permille > maximum) : permille != 0 && (permille != 1000 || maximum < 1000) {
            return "an order outside the envelope was accepted"
        }
        if isSurely(handFor, a) { return "a remote order was accepted in Hand" }
        if isSurely(offFor, a) { return "a remote order was accepted in Off" }
        defer {
            actuators[a].selection.age = 1_000_000
            actuators[a].notYetFor = -1
        }
        guard permille != record.safePermille else { return nil }
        if mustBeSafe(a, control, before: true) { return "an order was accepted by what must be safe" }
        if issuers.nonzeroBitCount < record.governance.approvals { return "an order had too few signers" }
        if record.governance.selectMilliseconds > 0 {
            let selection = record.selection
            if selection.issuers & issuers == 0 || selection.permille != permille || selection.age > record.governance.selectMilliseconds + tick {
                return "an order was accepted that was not announced"
            }
        }
        if record.governance.leaseMilliseconds > 0 {
            if record.leaseHolder != 0, record.leaseHolder & issuers == 0, record.leaseAge < record.governance.leaseMilliseconds - 2 * tick { return "another's lease was overridden" }
            // Near its end it may just have begun anew.
            if record.leaseHolder == 0 { actuators[a].leaseHolder = issuers } else if record.leaseAge >= record.governance.leaseMilliseconds - 2 * tick { actuators[a].leaseHolder |= issuers }
            actuators[a].leaseAge = 0
        }
        return nil
    }

    /// Whether it must surely be in its safe state.
    private func mustBeSafe(_ a: Int, _ control: borrowing Control, before: Bool) -> Bool {
        if silentFor >= supervisionTimeout + tick { return true }
        if isSurely(offFor, a) { return true }
        if before ? actuators[a].fault != .none : control.status(actuator: a).fault != .none { return before ? control.status(actuator: a).fault != .none : true }
        for trip in trips where trip.mask & 1 << UInt32(a) != 0 {
            if trip.isLatched { return true }
            if trip.conditionFor > trip.detection + trip.trip.delayMilliseconds + 2 * tick || trip.brokenFor > trip.detection + 2 * tick { return true }
        }
        return false
    }

    // MARK: each actuator

    private mutating func judge(
        _ a: Int, _ elapsed: Int, _ told: Int, _ sure: Int, _ plant: Plant, _ inputs: Inputs, _ control: borrowing Control
    ) -> String? {
        let status = control.status(actuator: a)
        actuators[a].latest = max(actuators[a].latest, elapsed - tick)
        actuators[a].latestTold = max(actuators[a].latestTold, told - tick)
        actuators[a].soundFor = plant.devices[a].isSound ? actuators[a].soundFor + sure : 0
        if !plant.devices[a].isSound { actuators[a].wasBroken = true }
        actuators[a].selection.age += told
        let isSafeNow = mustBeSafe(a, control, before: false)
        let maySafe = isSafeNow || status.isTripped || !control.isSupervised || status.mode == .off || status.fault != .none || isSequenced(a)
        if isSafeNow, actuators[a].safe != .last, status.setpointPermille != actuators[a].safePermille { return "its setpoint is not safe, and it must be" }
        if let wrong = judgeWish(a, status, plant, inputs) { return wrong }
        if let wrong = judgeFault(a, status) { return wrong }
        if let wrong = judgeLease(a, told, status) { return wrong }
        if status.maximumPermille != actuators[a].envelope.limits(inPhase: phase).maximum { return "it is held by another limit than its phase's" }
        let wrong: String? = switch actuators[a].device {
        case .motorValve: judgeValve(a, elapsed, told, sure, plant, control, status, isSafeNow)
        case .solenoid: judgeSolenoid(a, told, control, isSafeNow, maySafe)
        case .timeProportional: judgeProportional(a, elapsed, told, control, status, isSafeNow, maySafe)
        case .latchingRelay: judgeRelay(a, elapsed, told, sure, plant, control, isSafeNow, maySafe)
        }
        actuators[a].setpoint = status.setpointPermille
        actuators[a].position = plant.devices[a].position
        return wrong
    }

    private func isSequenced(_ a: Int) -> Bool {
        for interlock in interlocks {
            if case .sequence(let actuator, _, _, _) = interlock, actuator == a { return true }
        }
        return false
    }

    /// Nothing is wished for further from safe but by an order, a test or a button.
    private mutating func judgeWish(_ a: Int, _ status: ActuatorStatus, _ plant: Plant, _ inputs: Inputs) -> String? {
        defer { if actuators[a].notYetFor < 0 { actuators[a].notYetFor = 0 } }
        let (old, new) = (actuators[a].setpoint, status.setpointPermille)
        guard new != old, actuators[a].notYetFor >= 0, status.quality != .functionCheck else { return nil }
        let device = plant.devices[a]
        let away = actuators[a].safe == .open ? device.closeButton : device.openButton
        if away >= 0, inputs.lines[away] == .high { return nil }
        let band = 60 + 2 * tick * 1000 / actuators[a].fastest
        let isFurther = actuators[a].safe == .open ? new < min(old, status.permille - band) : new > max(old, status.permille + band)
        return isFurther ? "it is asked from \(old) to \(new) by nobody" : nil
    }

    private mutating func judgeFault(_ a: Int, _ status: ActuatorStatus) -> String? {
        defer {
            if status.fault != actuators[a].fault, status.fault != .none { actuators[a].faultSince = time }
            actuators[a].fault = status.fault
        }
        guard actuators[a].fault != .none, status.fault != actuators[a].fault else { return nil }
        let press = presses[actuators[a].reset]
        if press.pressedAt < 0 || press.pressedAt <= actuators[a].faultSince { return "its fault went away without a press after it" }
        return press.heldFor < holds[actuators[a].reset] ? "its fault was reset by a press that was too short" : nil
    }

    private mutating func judgeLease(_ a: Int, _ told: Int, _ status: ActuatorStatus) -> String? {
        guard actuators[a].leaseHolder != 0, actuators[a].leaseHolder != .max else { return nil }
        guard actuators[a].leaseAge >= actuators[a].governance.leaseMilliseconds + told else { return nil }
        actuators[a].leaseHolder = 0
        return status.setpointPermille != actuators[a].safePermille && status.leaseHolder == 0 && status.quality != .functionCheck && actuators[a].selector < 0 ? "its lease is over, and it is not asked to be safe" : nil
    }

    private mutating func judgeValve(
        _ a: Int, _ elapsed: Int, _ told: Int, _ sure: Int, _ plant: Plant, _ control: borrowing Control, _ status: ActuatorStatus, _ isSafeNow: Bool
    ) -> String? {
        guard case .motorValve(let valve) = actuators[a].drive else { return nil }
        let device = plant.devices[a]
        let record = actuators[a]
        let (opens, closes) = (control.outputs[record.output], control.outputs[record.output + 1])
        let (opened, closed) = (outputs[record.output], outputs[record.output + 1])
        if opens, closes { return "both lines of the motor are on" }
        actuators[a].openOff = opened ? 0 : record.openOff + told
        actuators[a].closeOff = closed ? 0 : record.closeOff + told
        if opens, !opened, actuators[a].closeOff < valve.restMilliseconds { return "it turned round without its rest" }
        if closes, !closed, actuators[a].openOff < valve.restMilliseconds { return "it turned round without its rest" }
        if opens && !opened { moved += 1 }
        let limits = record.envelope.limits(inPhase: phase)
        let isHome = record.safe == .open ? device.position >= 1 - 1e-9 : device.position <= 1e-9
        if isHome, status.quality != .stale { actuators[a].isPlaced = true }
        // A wire that is cut and a switch that lies about it at once, nobody can see.
        if device.isJammed || device.closeIsCut, device.closedEnd == .high || device.readBack != nil { actuators[a].isPlaced = false }
        if device.position <= 1e-9 { actuators[a].unaccounted = 0 } else if opened { actuators[a].unaccounted += max(0, elapsed - told) }
        let allowed = Double(limits.maximum) / 1000 + Double(max(0, actuators[a].latest) + actuators[a].unaccounted) / device.stroke + 1e-6
        if actuators[a].isPlaced, device.position > allowed { return "the valve stands at \(device.position), allowed \(allowed)" }
        let leaves = record.safe == .open ? closes : opens
        if isSafeNow, leaves { return "it is driven away from safe, and must be safe" }
        if let wrong = judgeDuty(a, isRunning: opened || closed, starts: leaves && !(record.safe == .open ? closed : opened), told, slack: 0, counts: false) { return wrong }
        return judgeTimes(a, device, elapsed, told, sure, opened, closes)
    }

    private mutating func judgeTimes(_ a: Int, _ device: Device, _ elapsed: Int, _ told: Int, _ sure: Int, _ opened: Bool, _ closes: Bool) -> String? {
        let record = actuators[a]
        // Away for longer than allowed, with the way back.
        actuators[a].awayFor = device.position > (record.wasBroken ? 0.06 : 1e-9) && device.isSound ? record.awayFor + sure : 0
        let limit = record.envelope.maximumAwayMilliseconds
        if limit > 0, actuators[a].awayFor > limit + record.travelSlack, actuators[a].soundFor > limit + record.travelSlack { return "it was away for longer than allowed" }
        guard record.envelope.slewPermillePerSecond > 0 else { return nil }
        let gone = (device.position - record.position) * (record.safe == .open ? -1000 : 1000)
        let rate = Double(record.envelope.slewPermillePerSecond) / 1000
        actuators[a].slewBucket = max(0, record.slewBucket + gone - rate * Double(elapsed))
        let late = Double(max(0, actuators[a].latest) + actuators[a].unaccounted)
        guard case .motorValve(let valve) = record.drive else { return nil }
        let push = 2.0 * (Double(3 * tick + valve.coastMilliseconds) * 1000 / Double(valve.strokeFastestMilliseconds) + 8) + late * 1000 / device.stroke
        return actuators[a].slewBucket > push ? "it moved faster than its slew: \(actuators[a].slewBucket) permille ahead, \(push) allowed" : nil
    }

    private mutating func judgeSolenoid(_ a: Int, _ told: Int, _ control: borrowing Control, _ isSafeNow: Bool, _ maySafe: Bool) -> String? {
        let record = actuators[a]
        let (on, was) = (control.outputs[record.output], outputs[record.output])
        let away = record.safe == .open ? !record.energiseToOpen : record.energiseToOpen
        actuators[a].onFor = was ? record.onFor + told : 0
        actuators[a].offFor = was ? 0 : record.offFor + told
        if on, !was {
            moved += 1
            if actuators[a].offFor < record.minimumOff, !maySafe { return "it was on again before its minimum off time" }
        }
        if !on, was, actuators[a].onFor < record.minimumOn, !maySafe { return "it was off before its minimum on time" }
        if isSafeNow, on == away, record.safe != .last || was != away { return "it is away from safe, and must be safe" }
        actuators[a].awayFor = was == away ? record.awayFor + told : 0
        let limit = record.envelope.maximumAwayMilliseconds
        if limit > 0, on == away, actuators[a].awayFor >= limit { return "it was away for longer than allowed" }
        return judgeDuty(a, isRunning: was, starts: on && !was, told, slack: record.minimumOn + 3 * tick, counts: true)
    }

    private mutating func judgeProportional(
        _ a: Int, _ elapsed: Int, _ told: Int, _ control: borrowing Control, _ status: ActuatorStatus, _ isSafeNow: Bool, _ maySafe: Bool
    ) -> String? {
        guard case .timeProportional(let output) = actuators[a].drive else { return nil }
        let record = actuators[a]
        let (on, was) = (control.outputs[record.output], outputs[record.output])
        let safe = record.safe == .open
        actuators[a].onFor = was ? record.onFor + told : 0
        actuators[a].offFor = was ? 0 : record.offFor + told
        if on, !was {
            moved += 1
            if actuators[a].offFor < record.minimumOff, !maySafe { return "its pause was too short" }
        }
        if !on, was, actuators[a].onFor < record.minimumOn, !maySafe { return "its pulse was too short" }
        if isSafeNow, on != safe { return "it is away from safe, and must be safe" }
        actuators[a].quietFor = was == safe ? record.quietFor + told : 0
        actuators[a].awayFor = actuators[a].quietFor >= output.periodMilliseconds ? 0 : record.awayFor + told
        let limit = record.envelope.maximumAwayMilliseconds
        if limit > 0, on != safe, actuators[a].awayFor > limit + tick + max(record.minimumOn, record.minimumOff) { return "it was away for longer than allowed" }
        let maximum = record.envelope.limits(inPhase: phase).maximum
        if maximum < 1000 {
            let time = min(elapsed, told)
            actuators[a].shareBucket = min(output.periodMilliseconds * maximum, record.shareBucket + time * maximum - (was ? time * 1000 : 0))
            if actuators[a].shareBucket < -(output.periodMilliseconds * maximum + 1000 * (4 * tick + max(0, actuators[a].latest))) { return "it was on for more than its share" }
        }
        let slew = record.envelope.slewPermillePerSecond
        let gone = safe ? record.share - status.permille : status.permille - record.share
        actuators[a].share = status.permille
        if slew > 0, gone > slew * told / 1000 + 1 { return "its share rose faster than its slew" }
        return judgeDuty(a, isRunning: was, starts: on && !was, told, slack: record.minimumOn + 3 * tick, counts: true)
    }

    private mutating func judgeRelay(
        _ a: Int, _ elapsed: Int, _ told: Int, _ sure: Int, _ plant: Plant, _ control: borrowing Control, _ isSafeNow: Bool, _ maySafe: Bool
    ) -> String? {
        guard case .latchingRelay(let relay) = actuators[a].drive else { return nil }
        let record = actuators[a]
        let (sets, resets) = (control.outputs[record.output], control.outputs[record.output + 1])
        let (set, reset) = (outputs[record.output], outputs[record.output + 1])
        if sets, resets { return "both lines of the relay are on" }
        let (isOn, was) = (sets || resets, set || reset)
        actuators[a].onFor = was ? record.onFor + told : 0
        actuators[a].offFor = was ? 0 : min(record.offFor + told, 1_000_000)
        if isOn, !was {
            moved += 1
            if actuators[a].offFor < relay.restMilliseconds, time > Int64(relay.restMilliseconds) { return "it was pulsed without its rest" }
        }
        if isOn, was, sets != set { return "it was pulsed without its rest" }
        if isOn, was, actuators[a].onFor >= relay.pulseMilliseconds + 2 * tick { return "its pulse was too long" }
        if !isOn, was, actuators[a].onFor < relay.pulseMilliseconds, !maySafe { return "its pulse was too short" }
        if isSafeNow, record.safe == .open ? resets : sets { return "it is driven away from safe, and must be safe" }
        let away = plant.devices[a].position != (record.safe == .open ? 0 : 1) ? false : true
        actuators[a].awayFor = away && plant.devices[a].isSound ? record.awayFor + sure : 0
        let limit = record.envelope.maximumAwayMilliseconds
        let slack = record.travelSlack + relay.feedbackMilliseconds
        if limit > 0, actuators[a].awayFor > limit + slack, actuators[a].soundFor > limit + slack, !record.wasBroken { return "it was away for longer than allowed" }
        let isSet = plant.devices[a].position == 1
        return judgeDuty(a, isRunning: isSet, starts: isSet && record.position == 0, told, slack: 2 * record.travelSlack, counts: !actuators[a].wasBroken)
    }

    // MARK: duty

    /// Starts and running time in exactly the last hour.
    private mutating func judgeDuty(_ a: Int, isRunning: Bool, starts: Bool, _ told: Int, slack: Int, counts: Bool) -> String? {
        let envelope = actuators[a].envelope
        let hour: Int64 = 3_600_000
        if envelope.startsPerHour > 0, starts {
            actuators[a].starts.append(time)
            while actuators[a].starts[actuators[a].firstStart] <= time - hour { actuators[a].firstStart += 1 }
            let count = actuators[a].starts.count - actuators[a].firstStart
            let spare = actuators[a].safe == .closed || !counts ? 0 : 1
            if count > envelope.startsPerHour + spare + (actuators[a].device == .latchingRelay ? 1 : 0), counts || actuators[a].device == .motorValve { return "it started \(count) times in an hour" }
        }
        guard envelope.runningMinutesPerHour > 0, actuators[a].device != .motorValve else { return nil }
        if isRunning, told > 0 {
            if let last = actuators[a].runs.last, last.to == time - Int64(told) { actuators[a].runs[actuators[a].runs.count - 1].to = time } else {
                actuators[a].runs.append((time - Int64(told), time))
            }
            actuators[a].runningSum += told
        }
        while actuators[a].firstRun < actuators[a].runs.count, actuators[a].runs[actuators[a].firstRun].from < time - hour {
            let run = actuators[a].runs[actuators[a].firstRun]
            let cut = min(run.to, time - hour)
            actuators[a].runningSum -= Int(cut - run.from)
            if cut < run.to {
                actuators[a].runs[actuators[a].firstRun].from = cut
                break
            }
            actuators[a].firstRun += 1
        }
        let excess = actuators[a].runningSum - envelope.runningMinutesPerHour * 60_000
        return counts && excess > slack + max(0, actuators[a].latestTold) + told ? "it ran \(excess) ms more in an hour than allowed" : nil
    }

    // MARK: interlocks

    private mutating func judgeInterlocks(_ plant: Plant, _ control: borrowing Control, _ sure: Int) -> String? {
        for i in interlocks.indices {
            switch interlocks[i] {
            case .permissive(let actuator, let sensor, let condition):
                let (truthful, broken) = trust(sensor, plant)
                let isLost = broken > 0 || truthful > 0 && holds(opposite(condition, sensor), sensor, plant)
                conditionLost[i] = isLost ? conditionLost[i] + sure : 0
                if conditionLost[i] > detections[sensor] + 3 * tick, leaves(actuator, control) { return "actuator \(actuator) left its safe state without its permissive \(i)" }
            case .exclusion(let first, let second):
                if isPlainlyAway(first, plant, control), isPlainlyAway(second, plant, control), isPlacedOrSimple(first), isPlacedOrSimple(second) {
                    return "actuators \(first) and \(second) are both away: exclusion \(i)"
                }
            case .sequence(let actuator, let after, _, _):
                let isClosed = actuators[after].device == .timeProportional ? !control.outputs[actuators[after].output] && control.status(actuator: after).permille == 0
                    : plant.devices[after].position <= 0
                conditionLost[i] = isClosed && plant.devices[after].isSound && isJudged(after) ? conditionLost[i] + sure : 0
                if conditionLost[i] > 2 * actuators[after].travelSlack + 10 * tick, leaves(actuator, control) { return "actuator \(actuator) went ahead of \(after): sequence \(i)" }
            case .response: break
            }
        }
        return nil
    }

    private func opposite(_ condition: Condition, _ sensor: Int) -> Condition {
        switch condition {
        case .active: .inactive
        case .inactive: .active
        case .above(let value): .below(value)
        case .below(let value): .above(value)
        }
    }

    /// It was set going away from its safe state in this step.
    private func leaves(_ a: Int, _ control: borrowing Control) -> Bool {
        let record = actuators[a]
        let away = record.safe == .open ? record.output + 1 : record.output
        switch record.device {
        case .motorValve, .latchingRelay: return control.outputs[away] && !outputs[away]
        case .solenoid:
            let level = record.safe == .open ? !record.energiseToOpen : record.energiseToOpen
            return control.outputs[record.output] == level && outputs[record.output] != level
        // Its pulses are of one leave from safe.
        case .timeProportional: return false
        }
    }

    private func isPlainlyAway(_ a: Int, _ plant: Plant, _ control: borrowing Control) -> Bool {
        let record = actuators[a]
        switch record.device {
        case .motorValve: return record.safe == .open ? plant.devices[a].position < 0.93 : plant.devices[a].position > 0.07
        case .latchingRelay: return plant.devices[a].position == (record.safe == .open ? 0 : 1)
        default: return !isSafe(a, plant, control)
        }
    }

    /// Where it stood before the start is no matter of the interlocks.
    private func isPlacedOrSimple(_ a: Int) -> Bool {
        switch actuators[a].device {
        case .motorValve: actuators[a].safe == .open ? false : actuators[a].isPlaced
        case .latchingRelay: actuators[a].soundFor > 3 * actuators[a].travelSlack && !actuators[a].wasBroken
        default: true
        }
    }
}
