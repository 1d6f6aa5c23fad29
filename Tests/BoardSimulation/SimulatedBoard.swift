// The control of the board's own calibration and the plant of the rig, in simulated time: no guest, no wires.

import Calibration
import Control
import Plant

public struct SimulatedBoard: ~Copyable {
    public let calibration: Calibration
    public private(set) var control: Control
    public var tank: Tank
    public var inputs: Inputs
    /// Whether the keeper is there.
    public var hasKeeper = true
    public private(set) var milliseconds: Int64 = 0

    private let outputLines: [Plant.Line]
    private let inputLines: [Plant.Line]
    private let transmitters: [Transmitter]
    private let pulseLine: Int
    private var levels: [Plant.Line: Signal] = [:]
    private var pulses: Int64 = 0
    private var identifier: UInt64 = 0

    public init(_ calibration: Calibration, tank: Tank = Tank()) {
        self.calibration = calibration
        self.tank = tank
        control = Control(calibration, nowMilliseconds: 0)
        inputs = Inputs(calibration)
        outputLines = calibration.outputLines.map { Plant.Line(rawValue: $0)! }
        inputLines = calibration.inputLines.map { Plant.Line(rawValue: $0)! }
        transmitters = calibration.analogueChannels.map { Transmitter(rawValue: $0)! }
        pulseLine = inputLines.firstIndex(of: .flowPulse)!
    }

    /// Lets a tick go by in the plant, and steps the control on what it shows.
    public mutating func tick() {
        for (index, line) in outputLines.enumerated() { levels[line] = control.outputs[index] ? .high : .low }
        // A pulse of the meter is held for 10 ms: shorter looks see each of them.
        for _ in 0..<calibration.tickMilliseconds / 10 { tank.step(outputs: levels, microseconds: 10_000) }
        milliseconds += Int64(calibration.tickMilliseconds)
        for (index, line) in inputLines.enumerated() { inputs.lines[index] = LineReading(tank.input(line)) }
        for (index, line) in outputLines.enumerated() { inputs.readBacks[index] = LineReading(tank.short(of: line) ?? control.outputs[index]) }
        inputs.pulses[pulseLine] = UInt32(tank.pulses - pulses)
        pulses = tank.pulses
        // The converter gives 1 mV a count.
        for (index, transmitter) in transmitters.enumerated() {
            inputs.analogues[index] = AnalogueReading(counts: Int32(tank.microvolts(transmitter) / 1000), isFresh: true)
        }
        inputs.heartbeat = hasKeeper
        control.step(inputs, nowMilliseconds: milliseconds)
        inputs.consumed()
    }

    public mutating func run(seconds: Int) {
        for _ in 0..<seconds * 1000 / calibration.tickMilliseconds { tick() }
    }

    /// Gives an order with the next tick; the answer.
    public mutating func order(_ order: Order, issuers: UInt32 = 1) -> Reason {
        identifier += 1
        guard inputs.add(Request(identifier: identifier, order: order, issuers: issuers)) else { return .tooMany }
        tick()
        return control.outcomes[0].reason
    }

    /// Nothing happens for hours, which the clock alone passes over; the codes of what the control said.
    public mutating func pass(hours: Int) -> [EventCode] {
        var codes: [EventCode] = []
        for _ in 0..<hours {
            milliseconds += 3_600_000 - Int64(calibration.tickMilliseconds)
            tick()
            for i in 0..<control.events.count { codes.append(control.events[i].code) }
        }
        return codes
    }

    public func actuator(_ name: String) -> Int { calibration.actuators.firstIndex { $0.name == name }! }

    /// Presses and holds the reset at the machine, and lets go.
    public mutating func reset() {
        tank.resetPressed = true
        run(seconds: 1)
        tank.resetPressed = false
        run(seconds: 1)
    }
}

extension LineReading {
    fileprivate init(_ level: Bool) { self = level ? .high : .low }
}
