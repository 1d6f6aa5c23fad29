// A tank with its valve, as physics has it, wired to a Control: the judge of where the valve truly is.

import Calibration
import Control

/// What is broken in the machine, beside what the controller can know.
public struct Faults {
    public init() {}
    public var openEnd: LineReading?
    public var closedEnd: LineReading?
    public var levelHigh: LineReading?
    public var levelLow: LineReading?
    public var reset: LineReading?
    /// The motor does not follow its close line, although the line reads back well.
    public var closeIsCut = false
    /// The valve does not move at all.
    public var isJammed = false
    public var readBacks: LineReading?
    public var extraPulses: UInt32 = 0
}

/// How the valve that was built differs from the one in the catalogue.
public struct Build {
    public var strokeMilliseconds: Double
    public var coastMilliseconds: Double
    public var closedSwitchAt: Double
    public var openSwitchAt: Double

    public init(strokeMilliseconds: Double, coastMilliseconds: Double, closedSwitchAt: Double, openSwitchAt: Double) {
        self.strokeMilliseconds = strokeMilliseconds
        self.coastMilliseconds = coastMilliseconds
        self.closedSwitchAt = closedSwitchAt
        self.openSwitchAt = openSwitchAt
    }
}

public final class Machine {
    public static let inlet = 0
    public static let outlet = 1

    public let calibration: Calibration
    public let valve: MotorValve
    public let envelope: Envelope
    public var control: Control
    public var inputs: Inputs
    public var now: Int64 = 1_000_000
    public var faults = Faults()
    public var build: Build

    /// Of travel, 0 ... 1.
    public var position: Double
    private var coasting = 0.0
    private var coastDirection = 0.0
    /// Litres in a tank of 100.
    public var level = 20.0
    private var pulses = 0.0
    public var resetPressed = false
    /// Litres per second at fully open.
    public var inflow = 4.0
    public var outflow = 1.0

    public init(_ calibration: Calibration, build: Build? = nil, position: Double = 0) {
        self.calibration = calibration
        guard case .motorValve(let valve) = calibration.actuators[0].drive else { fatalError("the inlet stands first") }
        self.valve = valve
        envelope = calibration.actuators[0].envelope
        self.build = build ?? Build(strokeMilliseconds: Double(valve.strokeMilliseconds), coastMilliseconds: 0, closedSwitchAt: 0.005, openSwitchAt: 0.995)
        self.position = position
        control = Control(calibration, nowMilliseconds: now)
        inputs = Inputs(calibration)
    }

    /// Lets the machine run for `elapsed` milliseconds with the outputs as they are, then steps the controller.
    public func step(_ elapsed: Int, clock: Int? = nil, heartbeat: Bool = true) {
        move(Double(elapsed))
        now += Int64(clock ?? elapsed)
        look(heartbeat)
        control.step(inputs, nowMilliseconds: now)
        inputs.consumed()
    }

    public func run(_ milliseconds: Int, heartbeat: Bool = true) {
        for _ in 0..<milliseconds / calibration.tickMilliseconds { step(calibration.tickMilliseconds, heartbeat: heartbeat) }
    }

    /// Sends a command and returns the answer of the next tick.
    public func command(_ permille: Int, actuator: Int = Machine.inlet) -> Reason {
        _ = inputs.add(Request(identifier: 7, order: .setpoint(actuator: actuator, permille: permille), issuers: 1))
        step(calibration.tickMilliseconds)
        return control.outcomes[0].reason
    }

    public func press(_ milliseconds: Int) {
        run(2 * calibration.tickMilliseconds)
        resetPressed = true
        run(milliseconds)
        resetPressed = false
        run(2 * calibration.tickMilliseconds)
    }

    private func move(_ elapsed: Double) {
        let (open, close) = (control.outputs[0], control.outputs[1] && !faults.closeIsCut)
        let direction: Double = open == close ? 0 : open ? 1 : -1
        var travelled = direction * elapsed
        if direction != 0 {
            (coasting, coastDirection) = (build.coastMilliseconds, direction)
        } else if coasting > 0 {
            let part = min(coasting, elapsed)
            travelled = part * coastDirection
            coasting -= part
        }
        if !faults.isJammed { position = min(1, max(0, position + travelled / build.strokeMilliseconds)) }
        let seconds = elapsed / 1000
        let entering = position * inflow * seconds
        level = min(100, max(0, level + entering - (control.outputs[2] && level > 0 ? outflow * seconds : 0)))
        pulses += entering * 100
    }

    private func look(_ heartbeat: Bool) {
        inputs.heartbeat = heartbeat
        inputs.lines[0] = faults.reset ?? reading(resetPressed)
        inputs.lines[1] = faults.levelHigh ?? reading(level >= 90)
        inputs.lines[2] = faults.levelLow ?? reading(level >= 10)
        inputs.lines[3] = .low
        inputs.lines[4] = faults.openEnd ?? reading(position >= build.openSwitchAt)
        inputs.lines[5] = faults.closedEnd ?? reading(position <= build.closedSwitchAt)
        inputs.pulses[3] = UInt32(pulses) + faults.extraPulses
        pulses -= Double(Int(pulses))
        for i in control.outputs.indices { inputs.readBacks[i] = faults.readBacks ?? reading(control.outputs[i]) }
    }

    // What the controller says, for expectations.
    public var outputs: [Bool] { control.outputs }
    public var isHealthy: Bool { control.isHealthy }
    public var isTripped: Bool { control.isTripped }
    public var isSupervised: Bool { control.isSupervised }
    public var outcomes: [Outcome] { control.outcomes }
    public func status(actuator index: Int) -> ActuatorStatus { control.status(actuator: index) }
    public func value(sensor index: Int) -> Int64 { control.value(sensor: index) }
    public func quality(sensor index: Int) -> Quality { control.quality(sensor: index) }

    private func reading(_ level: Bool) -> LineReading { level ? .high : .low }

    public func saw(_ code: EventCode, _ reason: Reason? = nil) -> Bool {
        for i in 0..<control.events.count where control.events[i].code == code && (reason == nil || control.events[i].reason == reason) { return true }
        return false
    }
}

/// The calibration of the tests: the virtual board's, with what the test varies.
public func tank(
    tick: Int = 50, stroke: Int = 8000, fastest: Int = 7600, slowest: Int = 8800, coast: Int = 20,
    minimum: Int = 50, maximum: Int = 500, maximumOpen: Int = 120_000, rest: Int = 200, safe: SafeState = .closed,
    tolerance: Int = 30, debounce: Int = 50, supervision: Int = 2000, maximumOn: Int = 0
) throws(CalibrationError) -> Calibration {
    let inlet = Actuator(
        name: "inlet",
        drive: .motorValve(MotorValve(
            openLine: "inlet-open", closeLine: "inlet-close", openEndLine: "inlet-open-end",
            closedEndLine: "inlet-closed-end", endSwitchDebounceMilliseconds: debounce, endSwitchTolerancePermille: tolerance,
            strokeMilliseconds: stroke, strokeFastestMilliseconds: fastest, strokeSlowestMilliseconds: slowest,
            coastMilliseconds: coast, restMilliseconds: rest)),
        envelope: Envelope(minimumPermille: minimum, maximumPermille: maximum, maximumAwayMilliseconds: maximumOpen),
        safeState: safe, reset: 0)
    let outlet = Actuator(
        name: "outlet",
        drive: .solenoid(Solenoid(
            line: "outlet-energise", energiseToOpen: true, minimumOnMilliseconds: 500, minimumOffMilliseconds: 500, travelMilliseconds: 100)),
        envelope: Envelope(maximumAwayMilliseconds: maximumOn), safeState: .closed, reset: 0)
    let trips = safe == .last ? [] : [Trip(
        name: "level-high", sensor: 0, condition: .active, delayMilliseconds: 0, actuators: [0], latched: true, reset: 0)]
    return try Calibration(Calibration.Content(
        version: 1, board: "qemu-x86_64", tickMilliseconds: tick, supervisionTimeoutMilliseconds: supervision,
        resets: [Reset(name: "local", line: "reset-button", holdMilliseconds: 500)],
        sensors: [
            Sensor(name: "level-high", source: .switch(Switch(line: "level-high", debounceMilliseconds: 0, activeWhenHigh: true))),
            Sensor(name: "level-low", source: .switch(Switch(line: "level-low", debounceMilliseconds: 100, activeWhenHigh: true))),
            Sensor(name: "flow", source: .flowMeter(FlowMeter(line: "flow-pulse", microlitresPerPulse: 10_000, maximumPulsesPerSecond: 500))),
        ],
        actuators: [inlet, outlet],
        trips: trips))
}
