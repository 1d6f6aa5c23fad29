// A bench for scenarios: a calibration, its sound machine standing still, and what was seen since.

import Bytes
import Calibration
import Control
import SeededRandom

public final class Bench {
    public let calibration: Calibration
    public var control: Control
    public var plant: Plant
    public var inputs: Inputs
    public var now: Int64 = 1_000_000
    public var beats = true
    private var random = Seeded(7)
    public private(set) var seen: [(code: EventCode, reason: Reason)] = []

    public init(
        tick: Int = 50, supervision: Int = 2000, phases: [String] = [], selector: Selector? = nil, _ sensors: [Sensor] = [], _ actuators: [Actuator],
        trips: [Trip] = [], interlocks: [Interlock] = []
    ) throws(Objection) {
        do throws(CalibrationError) {
            var named: [NamedInterlock] = []
            for (i, interlock) in interlocks.enumerated() { named.append(NamedInterlock(name: "interlock-\(i)", interlock: interlock)) }
            calibration = try Calibration(Calibration.Content(
                version: 1, board: "bench", tickMilliseconds: tick, supervisionTimeoutMilliseconds: supervision, phases: phases,
                resets: [Reset(name: "reset", line: "reset", holdMilliseconds: 500)], selectors: selector.map { [$0] } ?? [],
                sensors: sensors, actuators: actuators, trips: trips, interlocks: named))
        } catch { throw Objection(text: error.sentence) }
        control = Control(calibration, nowMilliseconds: now)
        inputs = Inputs(calibration)
        plant = Plant(calibration, &random)
        for i in plant.probes.indices { plant.probes[i].dwell = .max / 2 }
    }

    public func step(_ elapsed: Int? = nil, told: Int? = nil) {
        let elapsed = elapsed ?? calibration.tickMilliseconds
        now += Int64(told ?? elapsed)
        plant.run(elapsed, control.outputs, &inputs, &random)
        for i in plant.probes.indices where plant.probes[i].dwell < .max / 4 { plant.probes[i].dwell = .max / 2 }
        inputs.heartbeat = beats
        control.step(inputs, nowMilliseconds: now)
        inputs.consumed()
        for i in 0..<control.events.count { seen.append((control.events[i].code, control.events[i].reason)) }
        for outcome in control.outcomes { Seen.reasons.note(outcome.reason) }
        for i in 0..<control.events.count { Seen.reasons.note(control.events[i]) }
    }

    public func run(_ milliseconds: Int) {
        for _ in 0..<milliseconds / calibration.tickMilliseconds { step() }
    }

    /// The answer of the next tick.
    public func order(_ order: Order, by issuers: UInt32 = 1) -> Reason {
        _ = inputs.add(Request(identifier: 7, order: order, issuers: issuers))
        step()
        return control.outcomes[control.outcomes.count - 1].reason
    }

    public func set(_ a: Int, _ permille: Int, by issuers: UInt32 = 1) -> Reason { order(.setpoint(actuator: a, permille: permille), by: issuers) }

    public func press(_ milliseconds: Int = 700) {
        run(2 * calibration.tickMilliseconds)
        plant.resetPressed[0] = true
        run(milliseconds)
        plant.resetPressed[0] = false
        run(2 * calibration.tickMilliseconds)
    }

    /// The controller ends, and another one begins with what was kept of it.
    public func restart() {
        var writer = CBORWriter()
        control.encodeRetained(into: &writer)
        control = Control(calibration, nowMilliseconds: now)
        control.restore(writer.bytes.span.bytes)
        for i in 0..<control.events.count { Seen.reasons.note(control.events[i]) }
    }

    public func forget() { seen.removeAll() }

    public func saw(_ code: EventCode, _ reason: Reason? = nil) -> Bool {
        for event in seen where event.code == code && (reason == nil || event.reason == reason) { return true }
        return false
    }

    public func current(_ sensor: Int, _ microamperes: Int) { plant.probes[sensor].lie = .current(microamperes) }
    public func level(_ sensor: Int, _ isActive: Bool) { plant.probes[sensor].lie = .line(isActive ? .high : .low) }
    public func status(_ a: Int = 0) -> ActuatorStatus { control.status(actuator: a) }
    public func position(_ a: Int = 0) -> Double { plant.devices[a].position }
    /// Somebody's hand at the valve.
    public func move(_ a: Int, to position: Double) { plant.devices[a].position = position }
}

public func need(_ holds: Bool, _ text: String) throws(Objection) {
    if !holds { throw Objection(text: text) }
}

/// Events and reasons that all scenarios of this process have seen.
public final class Seen: @unchecked Sendable {
    /// Written by one thread at a time: whoever looks at it runs the scenarios itself.
    nonisolated(unsafe) public static var reasons = Seen()
    public private(set) var codes = Set<EventCode>()
    public private(set) var all = Set<Reason>()
    public init() {}
    public func note(_ reason: Reason) { all.insert(reason) }
    public func note(_ event: Event) {
        codes.insert(event.code)
        all.insert(event.reason)
    }
}

// MARK: parts

func level(_ name: String, debounce: Int = 0) -> Sensor {
    Sensor(name: name, source: .switch(Switch(line: name, debounceMilliseconds: debounce, activeWhenHigh: true)))
}

func loop(_ name: String, fault: Int = 200, _ plausibility: Plausibility = Plausibility(staleMilliseconds: 500)) -> Sensor {
    // A millionth of the unit for each microampere over 4 mA: 0 to 16000 thousandths.
    Sensor(
        name: name,
        source: .analogue(AnalogueInput(
            channel: name, countsAt4Milliamperes: 0, countsAt20Milliamperes: 16_000, coefficients: [0, 16_000], unit: "bar", faultMilliseconds: fault)),
        plausibility: plausibility)
}

func valve(
    _ name: String = "valve", _ envelope: Envelope = Envelope(minimumPermille: 50, maximumPermille: 600), safe: SafeState = .closed,
    feedback: PositionFeedback? = nil, proof: ProofTest? = ProofTest(strokePermille: 100, intervalHours: 1), governance: Governance = Governance()
) -> Actuator {
    Actuator(
        name: name,
        drive: .motorValve(MotorValve(
            openLine: name + "-open", closeLine: name + "-close", openEndLine: name + "-open-end", closedEndLine: name + "-closed-end",
            endSwitchDebounceMilliseconds: 50, endSwitchTolerancePermille: 60, strokeMilliseconds: 4000, strokeFastestMilliseconds: 3800,
            strokeSlowestMilliseconds: 4400, coastMilliseconds: 20, restMilliseconds: 150, feedback: feedback, proofTest: proof)),
        envelope: envelope, governance: governance, safeState: safe, reset: 0)
}

func solenoid(
    _ name: String = "solenoid", _ envelope: Envelope = Envelope(), safe: SafeState = .closed, on: Int = 500, off: Int = 500, opens: Bool = true,
    governance: Governance = Governance()
) -> Actuator {
    Actuator(
        name: name,
        drive: .solenoid(Solenoid(line: name, energiseToOpen: opens, minimumOnMilliseconds: on, minimumOffMilliseconds: off, travelMilliseconds: 100)),
        envelope: envelope, governance: governance, safeState: safe, reset: 0)
}

func heater(_ name: String = "heater", _ envelope: Envelope = Envelope(maximumPermille: 500), safe: SafeState = .closed) -> Actuator {
    Actuator(
        name: name,
        drive: .timeProportional(TimeProportional(line: name, periodMilliseconds: 2000, minimumOnMilliseconds: 200, minimumOffMilliseconds: 200)),
        envelope: envelope, safeState: safe, reset: 0)
}

func relay(_ name: String = "relay", _ envelope: Envelope = Envelope(), safe: SafeState = .closed, contact: Bool = true) -> Actuator {
    Actuator(
        name: name,
        drive: .latchingRelay(LatchingRelay(
            setLine: name + "-set", resetLine: name + "-reset", pulseMilliseconds: 200, restMilliseconds: 200,
            feedbackLine: contact ? name + "-contact" : "", feedbackMilliseconds: contact ? 200 : 0)),
        envelope: envelope, safeState: safe, reset: 0)
}

func trip(_ name: String, _ condition: Condition, sensor: Int = 0, delay: Int = 0, _ actuators: [Int] = [0], latched: Bool = true, hysteresis: Int = 0,
    essential: Bool = false, bypass: Int = 0, phases: [Int] = []
) -> Trip {
    Trip(
        name: name, sensor: sensor, condition: condition, hysteresis: hysteresis, delayMilliseconds: delay, actuators: actuators, latched: latched,
        reset: latched ? 0 : nil, isEssential: essential, bypassMaximumMinutes: bypass, phases: phases)
}
