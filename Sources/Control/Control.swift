// Duty: one step of control: (state, inputs, time) -> (state, outputs, events), in fixed order:
// sense, supervise, trip, reset, command, actuate, and last of all the output gate.
// Trust: inputs, commands and the clock may lie. A sensor can only make the actuators safer.
// Must never allocate after init, block, or let an output past the gate.

import Calibration

/// The state of all that a calibration describes, stepped in place.
/// Time is monotonic milliseconds; positions are permille of travel (0 closed, 1000 open).
public struct Control: ~Copyable {
    /// The levels to drive now, in the order of `Calibration.outputLines`. True = high.
    public private(set) var outputs: [Bool]
    /// What happened in the last step.
    public internal(set) var events = EventBuffer()
    /// The answers to the commands of the last step, in order.
    public private(set) var outcomes: [Outcome]
    public private(set) var isSupervised = false

    let tickMilliseconds: Int
    let supervisionTimeoutMilliseconds: Int
    var now: Int64
    var sinceHeartbeat: Int

    var resets: [ResetButton]
    var sensors: [SensorState] = []
    var trips: [TripState] = []
    var actuators: [ActuatorState] = []
    var valves: [ValveState] = []
    var solenoids: [SolenoidState] = []
    var gate: OutputGate
    private var requested: [Bool]

    /// - Parameter nowMilliseconds: the monotonic clock at the start.
    public init(_ calibration: Calibration, nowMilliseconds: Int64) {
        tickMilliseconds = calibration.tickMilliseconds
        supervisionTimeoutMilliseconds = calibration.supervisionTimeoutMilliseconds
        sinceHeartbeat = calibration.supervisionTimeoutMilliseconds
        now = nowMilliseconds
        outputs = [Bool](repeating: false, count: calibration.outputLines.count)
        requested = outputs
        outcomes = []
        outcomes.reserveCapacity(Inputs.commandsMaximum)
        gate = OutputGate(calibration)
        resets = []
        var input = 0
        for reset in calibration.resets {
            resets.append(ResetButton(reset, line: input))
            input += 1
        }
        for sensor in calibration.sensors {
            sensors.append(SensorState(sensor, line: input))
            input += 1
        }
        for trip in calibration.trips { trips.append(TripState(trip)) }
        var output = 0
        for (index, actuator) in calibration.actuators.enumerated() {
            switch actuator {
            case .motorValve(let valve):
                actuators.append(ActuatorState(kind: .motorValve, position: valves.count, safeState: valve.safeState, reset: valve.reset, output: output, outputCount: 2))
                valves.append(ValveState(valve, index: index, openEndLine: input, tickMilliseconds: tickMilliseconds))
                input += 2
                output += 2
            case .solenoid(let solenoid):
                actuators.append(ActuatorState(kind: .solenoid, position: solenoids.count, safeState: solenoid.safeState, reset: solenoid.reset, output: output, outputCount: 1))
                solenoids.append(SolenoidState(solenoid, index: index))
                output += 1
            }
        }
        // De-energised means safe for a solenoid only if the calibration says so: start from what it says.
        for actuator in actuators where actuator.kind == .solenoid {
            outputs[actuator.output] = solenoids[actuator.position].energised
        }
    }

    /// One step. Call it once a tick, and at once after an edge of an input.
    public mutating func step(_ inputs: Inputs, nowMilliseconds: Int64) {
        events.removeAll()
        outcomes.removeAll(keepingCapacity: true)
        let elapsed = elapsedMilliseconds(until: nowMilliseconds)
        gate.account(elapsed, outputs, inputs.readBacks)
        sense(inputs, elapsed)
        observeValves(inputs, elapsed)
        supervise(inputs.heartbeat, elapsed)
        evaluateTrips(elapsed)
        pressResets(inputs, elapsed)
        verifyReadBacks(inputs.readBacks, elapsed)
        holdActuators()
        for i in 0..<inputs.commandCount { outcomes.append(take(inputs.command(i))) }
        actuate(elapsed)
        passGate()
    }

    /// The time since the last step: never negative, and bounded so that sums cannot overflow.
    private mutating func elapsedMilliseconds(until time: Int64) -> Int {
        guard time >= now else {
            events.append(.clockBackwards, index: 0, value: now &- time)
            now = time
            return 0
        }
        let (difference, overflow) = time.subtractingReportingOverflow(now)
        now = time
        let elapsed = overflow ? Self.elapsedMaximum : Int(min(difference, Int64(Self.elapsedMaximum)))
        if elapsed > 2 * tickMilliseconds { events.append(.tickLate, index: 0, value: Int64(elapsed)) }
        return elapsed
    }

    /// Longer pauses count as this long: an hour.
    static let elapsedMaximum = 3_600_000

    private mutating func sense(_ inputs: Inputs, _ elapsed: Int) {
        for i in sensors.indices {
            let before = sensors[i].quality
            let active = sensors[i].isActive
            sensors[i].sample(inputs.lines[sensors[i].line], pulses: inputs.pulses[i], elapsed, tickMilliseconds)
            if sensors[i].quality != before {
                events.append(.sensorQuality, sensors[i].badness, index: pointIndex(sensor: i), value: Int64(sensors[i].quality.rawValue))
            }
            if sensors[i].isActive != active {
                events.append(.sensorChanged, index: pointIndex(sensor: i), value: sensors[i].isActive ? 1 : 0)
            }
        }
    }

    private mutating func observeValves(_ inputs: Inputs, _ elapsed: Int) {
        for a in actuators.indices where actuators[a].kind == .motorValve {
            let (position, output) = (actuators[a].position, actuators[a].output)
            let line = valves[position].openEndLine
            let reading = ValveReading(
                openEnd: inputs.lines[line], closedEnd: inputs.lines[line + 1],
                openReadBack: inputs.readBacks[output], closeReadBack: inputs.readBacks[output + 1],
                openDriven: outputs[output], closeDriven: outputs[output + 1])
            let fault = valves[position].observe(reading, elapsed, &events)
            if valves[position].hasLostReference { gate.loseReference(position) }
            if fault != .none { raise(fault, a) }
        }
    }

    private mutating func supervise(_ heartbeat: Bool, _ elapsed: Int) {
        sinceHeartbeat = heartbeat ? 0 : min(sinceHeartbeat + elapsed, supervisionTimeoutMilliseconds)
        let stands = sinceHeartbeat < supervisionTimeoutMilliseconds
        guard stands != isSupervised else { return }
        isSupervised = stands
        events.append(stands ? .supervisionRegained : .supervisionLost, index: 0, value: 0)
    }

    private mutating func evaluateTrips(_ elapsed: Int) {
        for i in trips.indices {
            let cause = trips[i].evaluate(sensors[trips[i].sensor], elapsed, now: now)
            let actuator = trips[i].actuator
            guard let cause else { continue }
            if actuators[actuator].firstOut == nil { actuators[actuator].firstOut = UInt8(i) }
            events.append(.tripped, cause, index: UInt8(actuator), value: Int64(i))
        }
    }

    private mutating func pressResets(_ inputs: Inputs, _ elapsed: Int) {
        for i in resets.indices where resets[i].sample(inputs.lines[resets[i].line], min(elapsed, 2 * tickMilliseconds), now: now) {
            let pressed = resets[i].pressedAt
            for t in trips.indices where trips[t].reset == i && trips[t].isLatched {
                let cleared = trips[t].reset(pressedAt: pressed)
                events.append(cleared ? .tripReset : .resetRefused, index: UInt8(trips[t].actuator), value: Int64(t))
            }
            for a in actuators.indices where actuators[a].reset == i && actuators[a].fault != .none && pressed > actuators[a].faultAt {
                clearFault(a)
            }
        }
    }

    private mutating func clearFault(_ index: Int) {
        events.append(.faultReset, actuators[index].fault, index: UInt8(index), value: 0)
        actuators[index].fault = .none
        guard actuators[index].kind == .motorValve else { return }
        let position = actuators[index].position
        valves[position].loseReference()
        gate.loseReference(position)
    }

    /// A fault latches: the first cause stays until the local reset.
    mutating func raise(_ fault: Reason, _ index: Int) {
        guard actuators[index].fault == .none else { return }
        actuators[index].fault = fault
        actuators[index].faultAt = now
        events.append(.fault, fault, index: UInt8(index), value: 0)
    }

    private mutating func verifyReadBacks(_ readBacks: [LineReading], _ elapsed: Int) {
        for a in actuators.indices {
            var disagrees = false
            for o in actuators[a].output..<actuators[a].output + actuators[a].outputCount {
                if readBacks[o] != (outputs[o] ? .high : .low) { disagrees = true }
            }
            if actuators[a].readBackWrong.holds(disagrees, min(elapsed, 2 * tickMilliseconds), forMilliseconds: 3 * tickMilliseconds, steps: 3) {
                raise(.readBack, a)
            }
        }
    }

    /// Who may not be asked for anything, and why; a cause that comes takes the setpoint with it.
    private mutating func holdActuators() {
        for a in actuators.indices {
            var held = false
            for t in trips.indices where trips[t].actuator == a && trips[t].isHeld { held = true }
            if !held { actuators[a].firstOut = nil }
            actuators[a].isTripped = held
            actuators[a].isSafeDemanded = held || actuators[a].fault != .none || !isSupervised
        }
    }

    private mutating func actuate(_ elapsed: Int) {
        for a in actuators.indices {
            let (position, output, safe) = (actuators[a].position, actuators[a].output, actuators[a].isSafeDemanded)
            switch actuators[a].kind {
            case .motorValve:
                let drive = valves[position].decide(safeDemanded: safe, elapsed, &events)
                requested[output] = drive == .open
                requested[output + 1] = drive == .close
            case .solenoid:
                requested[output] = solenoids[position].decide(safeDemanded: safe, elapsed, &events)
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

enum ActuatorKind: UInt8 { case motorValve, solenoid }

/// What holds for an actuator of any kind.
struct ActuatorState {
    let kind: ActuatorKind
    /// Its place among its kind.
    let position: Int
    let safeState: SafeState
    let reset: Int
    let output: Int
    let outputCount: Int
    var fault: Reason = .none
    var faultAt: Int64 = 0
    var isTripped = false
    /// The trip that came first and still holds it, or held it when others joined.
    var firstOut: UInt8?
    var isSafeDemanded = true
    var readBackWrong = Persistence()

    init(kind: ActuatorKind, position: Int, safeState: SafeState, reset: Int, output: Int, outputCount: Int) {
        self.kind = kind
        self.position = position
        self.safeState = safeState
        self.reset = reset
        self.output = output
        self.outputCount = outputCount
    }
}
