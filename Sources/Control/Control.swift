// Duty: one step of control: (state, inputs, time) -> (state, outputs, events), in fixed order:
// sense, supervise, trip, reset, interlock, request, actuate, and last of all the output gate.
// Trust: inputs, requests and the clock may lie. A sensor can only make the actuators safer.
// Must never allocate after init, block, or let an output past the gate.

import Calibration

/// The state of all that a calibration describes, stepped in place.
/// Time is monotonic milliseconds; positions are permille of travel (0 closed, 1000 open).
public struct Control: ~Copyable {
    /// The levels to drive now, in the order of `Calibration.outputLines`. True = high.
    public internal(set) var outputs: [Bool]
    /// What happened in the last step.
    public internal(set) var events = EventBuffer()
    /// The answers to the requests of the last step, in order.
    public private(set) var outcomes: [Outcome]
    public internal(set) var isSupervised = false
    /// The operating phase: a position in `Calibration.phases`.
    public internal(set) var phase = 0
    /// Counts up when something changed that must outlive this controller (`encodeRetained`).
    public internal(set) var retainedRevision: UInt32 = 0

    let tickMilliseconds: Int
    var supervisionTimeoutMilliseconds: Int
    let phaseCount: Int
    /// The clock as it was last told; it may go back.
    var clock: Int64
    /// Milliseconds that have passed since the start: never goes back, so that what came later stays later.
    var now: Int64 = 0
    var sinceHeartbeat: Int
    var sinceMinute = 0
    var minutes: UInt32 = 0

    var names: Names
    var resets: [ResetButton] = []
    var selectors: [SelectorState] = []
    var sensors: [SensorState] = []
    let meters: [Int]
    var votings: [VotingState] = []
    /// For each sensor: its place among the votings, and whether its value is 0 or 1.
    var votingOf: [Int] = []
    var isSwitch: [Bool] = []
    var trips: [TripState] = []
    var interlocks: Interlocks
    var actuators: [ActuatorState] = []
    var valves: [ValveState] = []
    var solenoids: [SolenoidState] = []
    var proportionals: [ProportionalState] = []
    var relays: [RelayState] = []
    var gate: OutputGate
    private var requested: [Bool]

    /// - Parameter nowMilliseconds: the monotonic clock at the start.
    public init(_ calibration: Calibration, nowMilliseconds: Int64) {
        tickMilliseconds = calibration.tickMilliseconds
        supervisionTimeoutMilliseconds = calibration.supervisionTimeoutMilliseconds
        phaseCount = max(calibration.phases.count, 1)
        sinceHeartbeat = calibration.supervisionTimeoutMilliseconds
        clock = nowMilliseconds
        outputs = [Bool](repeating: false, count: calibration.outputLines.count)
        requested = [Bool](repeating: false, count: calibration.outputLines.count)
        outcomes = []
        outcomes.reserveCapacity(Inputs.requestsMaximum)
        gate = OutputGate(calibration)
        interlocks = Interlocks(calibration)
        names = Names(calibration)
        meters = calibration.flowMeters
        var input = 0
        for reset in calibration.resets {
            resets.append(ResetButton(reset, line: input))
            input += 1
        }
        for selector in calibration.selectors {
            selectors.append(SelectorState(selector, handLine: input))
            input += 2
        }
        addSensors(calibration, &input)
        for trip in calibration.trips { trips.append(TripState(trip)) }
        addActuators(calibration, &input)
        enter(phase: 0)
        // De-energised means safe only if the calibration says so: start from what it says.
        for actuator in actuators {
            switch actuator.kind {
            case .solenoid: outputs[actuator.output] = solenoids[actuator.position].energised
            case .timeProportional: outputs[actuator.output] = proportionals[actuator.position].isOn
            case .motorValve, .latchingRelay: break
            }
        }
    }

    private mutating func addSensors(_ calibration: Calibration, _ input: inout Int) {
        var channel = 0
        for (i, sensor) in calibration.sensors.enumerated() {
            sensors.append(SensorState(sensor, line: input, channel: channel))
            isSwitch.append(calibration.isSwitch(i))
            votingOf.append(votings.count)
            if case .voting(let voting) = sensor.source { votings.append(VotingState(voting, sensor: i, areSwitches: calibration.isSwitch(i))) }
            if case .analogue = sensor.source { channel += 1 }
            input += sensor.inputLines.count
        }
    }

    private mutating func addActuators(_ calibration: Calibration, _ input: inout Int) {
        var output = 0
        for (index, actuator) in calibration.actuators.enumerated() {
            let (kind, position): (ActuatorKind, Int)
            var used = 0
            switch actuator.drive {
            case .motorValve(let valve):
                (kind, position, used) = (.motorValve, valves.count, 2)
                valves.append(ValveState(valve, actuator.envelope, actuator.safeState, index: index, openEndLine: input, tickMilliseconds: tickMilliseconds))
            case .solenoid(let solenoid):
                (kind, position) = (.solenoid, solenoids.count)
                solenoids.append(SolenoidState(solenoid, actuator.safeState, index: index))
            case .timeProportional(let proportional):
                (kind, position) = (.timeProportional, proportionals.count)
                proportionals.append(ProportionalState(proportional, actuator.envelope, actuator.safeState))
            case .latchingRelay(let relay):
                used = relay.feedbackLine.utf8.isEmpty ? 0 : 1
                (kind, position) = (.latchingRelay, relays.count)
                relays.append(RelayState(relay, actuator.safeState, index: index, contactLine: used == 0 ? -1 : input))
            }
            let open = actuator.governance.openButton.utf8.isEmpty ? -1 : input + used
            let close = actuator.governance.closeButton.utf8.isEmpty ? -1 : input + used + (open < 0 ? 0 : 1)
            actuators.append(ActuatorState(actuator, kind: kind, position: position, output: output, openButton: open, closeButton: close))
            input += actuator.inputLines.count
            output += actuator.outputLines.count
        }
    }

    /// One step. Call it once a tick, and at once after an edge of an input.
    public mutating func step(_ inputs: Inputs, nowMilliseconds: Int64) {
        events.removeAll()
        outcomes.removeAll(keepingCapacity: true)
        let elapsed = elapsedMilliseconds(until: nowMilliseconds)
        gate.account(elapsed, outputs, inputs.readBacks)
        sense(inputs, elapsed)
        readPanel(inputs, elapsed)
        observe(inputs, elapsed)
        supervise(inputs.heartbeat, elapsed)
        evaluateTrips(elapsed)
        pressResets(inputs, elapsed)
        verifyReadBacks(inputs.readBacks, elapsed)
        evaluateInterlocks(elapsed)
        holdActuators(elapsed)
        for i in 0..<inputs.requestCount { outcomes.append(take(inputs.request(i))) }
        pressButtons(inputs, elapsed)
        actuate(elapsed)
        passGate()
        countDuty(elapsed)
        countHours(elapsed)
    }

    /// The time since the last step: never negative, and bounded so that sums cannot overflow.
    private mutating func elapsedMilliseconds(until time: Int64) -> Int {
        guard time >= clock else {
            events.append(.clockBackwards, index: 0, value: clock &- time)
            clock = time
            return 0
        }
        let (difference, overflow) = time.subtractingReportingOverflow(clock)
        clock = time
        let elapsed = overflow ? Self.elapsedMaximum : Int(min(difference, Int64(Self.elapsedMaximum)))
        now += Int64(elapsed)
        if elapsed > 2 * tickMilliseconds { events.append(.tickLate, index: 0, value: Int64(elapsed)) }
        return elapsed
    }

    /// Longer pauses count as this long: an hour.
    static let elapsedMaximum = 3_600_000

    /// What end switches, feedbacks and contacts say of the actuators.
    private mutating func observe(_ inputs: Inputs, _ elapsed: Int) {
        for a in actuators.indices {
            let (position, output) = (actuators[a].position, actuators[a].output)
            var fault = Reason.none
            switch actuators[a].kind {
            case .motorValve:
                let line = valves[position].openEndLine
                let reading = ValveReading(
                    openEnd: inputs.lines[line], closedEnd: inputs.lines[line + 1],
                    openReadBack: inputs.readBacks[output], closeReadBack: inputs.readBacks[output + 1],
                    openDriven: outputs[output], closeDriven: outputs[output + 1], feedback: feedback(position))
                fault = valves[position].observe(reading, elapsed, &events)
                if valves[position].hasLostReference { gate.loseReference(position) }
                if valves[position].takeProofPassed() { proofPassed(a) }
            case .latchingRelay:
                let line = relays[position].contactLine
                if line >= 0 { fault = relays[position].observe(inputs.lines[line], elapsed, tickMilliseconds) }
            case .solenoid, .timeProportional: break
            }
            if fault != .none { raise(fault, a) }
        }
    }

    /// A valve that is to be seen is driven no further from safe while nobody sees it.
    func hasLostFeedback(_ a: Int) -> Bool {
        guard actuators[a].kind == .motorValve else { return false }
        let sensor = valves[actuators[a].position].feedbackSensor
        return sensor >= 0 && !sensors[sensor].isUsable
    }

    private func feedback(_ valve: Int) -> Int? {
        let sensor = valves[valve].feedbackSensor
        guard sensor >= 0, sensors[sensor].isUsable else { return nil }
        return (sensors[sensor].value + 500) / 1000
    }

    private mutating func supervise(_ heartbeat: Bool, _ elapsed: Int) {
        sinceHeartbeat = heartbeat ? 0 : min(sinceHeartbeat + elapsed, supervisionTimeoutMilliseconds)
        if !enforced(.supervisionTimeout), isSupervised { return }
        let stands = sinceHeartbeat < supervisionTimeoutMilliseconds
        guard stands != isSupervised else { return }
        isSupervised = stands
        events.append(stands ? .supervisionRegained : .supervisionLost, index: 0, value: 0)
    }

    private mutating func actuate(_ elapsed: Int) {
        for a in actuators.indices {
            let (position, output, safe) = (actuators[a].position, actuators[a].output, actuators[a].isSafeDemanded)
            let mayLeave = actuators[a].obstacle == .none
            switch actuators[a].kind {
            case .motorValve:
                let drive = valves[position].decide(safeDemanded: safe, mayLeave: mayLeave, mayStart: !actuators[a].isExhausted, elapsed, &events)
                requested[output] = drive == .open
                requested[output + 1] = drive == .close
            case .solenoid:
                requested[output] = solenoids[position].decide(safeDemanded: safe, isReturning: actuators[a].isReturning, mayLeave: mayLeave, elapsed, &events)
            case .timeProportional:
                requested[output] = proportionals[position].decide(
                    safeDemanded: safe, mayStart: !actuators[a].isExhausted, maximum: actuators[a].maximum, elapsed, tickMilliseconds)
            case .latchingRelay:
                let drive = relays[position].decide(safeDemanded: safe, isReturning: actuators[a].isReturning, mayLeave: mayLeave, elapsed, &events)
                requested[output] = drive == .open
                requested[output + 1] = drive == .close
            }
        }
    }

    private mutating func passGate() {
        for a in actuators.indices {
            let reason = gate.pass(a, safeDemanded: actuators[a].isSafeDemanded, requested, &outputs)
            guard reason != .none else { continue }
            events.append(.gateIntervened, reason, index: UInt8(a), value: 0)
            raise(.gate, a)
        }
    }

    func pointIndex(sensor: Int) -> UInt8 { UInt8(actuators.count + sensor) }
}
