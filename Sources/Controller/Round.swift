// One round: read the lines, step the control, drive what changed. Lines go off before others go on.

import Calibration
import Control

struct Round<Port: Lines>: ~Copyable {
    private(set) var control: Control
    private var inputs: Inputs
    private let port: Port
    /// What the lines were last driven to; nil before the first time and after a failure.
    private var driven: [Bool?]
    /// Whether an input is a meter's line, whose edges are counted and change nothing at once.
    private var isMeter: [Bool]

    init(_ calibration: Calibration, _ port: Port, nowMilliseconds: Int64) {
        self.port = port
        control = Control(calibration, nowMilliseconds: nowMilliseconds)
        inputs = Inputs(calibration)
        driven = [Bool?](repeating: nil, count: calibration.outputLines.count)
        isMeter = [Bool](repeating: false, count: calibration.inputLines.count)
        var line = calibration.resets.count + 2 * calibration.selectors.count
        for sensor in calibration.sensors {
            switch sensor.source {
            case .flowMeter, .frequency: isMeter[line] = true
            case .switch, .analogue, .voting: break
            }
            line += sensor.inputLines.count
        }
    }

    mutating func latchTrips() { control.latchTrips() }
    mutating func heartbeat() { inputs.heartbeat = true }

    /// False if this round takes no more requests.
    mutating func add(_ request: Request) -> Bool { inputs.add(request) }

    /// An edge on an input. True if it asks for a step at once: then its level is read.
    mutating func edge(input: Int, rising: Bool) -> Bool {
        guard isMeter[input] else {
            inputs.lines[input] = port.input(input)
            return true
        }
        if rising { inputs.pulses[input] &+= 1 }
        return false
    }

    /// A whole round, once a tick: every line is read, outputs as well.
    mutating func tick(nowMilliseconds: Int64) {
        for i in inputs.lines.indices { inputs.lines[i] = port.input(i) }
        for i in inputs.readBacks.indices { inputs.readBacks[i] = port.readBack(i) }
        step(nowMilliseconds)
    }

    /// Between ticks, after an edge: with the levels known, so that the reaction waits for nothing.
    mutating func react(nowMilliseconds: Int64) { step(nowMilliseconds) }

    private mutating func step(_ now: Int64) {
        control.step(inputs, nowMilliseconds: now)
        inputs.consumed()
        drive(false)
        drive(true)
    }

    private mutating func drive(_ level: Bool) {
        for i in driven.indices where control.outputs[i] == level && driven[i] != level {
            driven[i] = port.drive(i, level) ? level : nil
            // Until the next tick reads it back.
            inputs.readBacks[i] = driven[i] == nil ? .unreadable : level ? .high : .low
        }
    }
}
