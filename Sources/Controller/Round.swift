// One round: take the readings, step the control, hand over what is to be driven.

import Calibration
import Control

struct Round<Port: Lines & ~Copyable>: ~Copyable {
    private(set) var control: Control
    private var inputs: Inputs
    private(set) var port: Port
    /// Whether an input is a meter's line, whose edges are counted and change nothing at once.
    private var isMeter: [Bool]

    init(_ calibration: Calibration, _ port: consuming Port, nowMilliseconds: Int64) {
        self.port = port
        control = Control(calibration, nowMilliseconds: nowMilliseconds)
        inputs = Inputs(calibration)
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

    mutating func restore(_ retained: RawSpan) { control.restore(retained) }
    mutating func adopt(_ calibration: Calibration) -> (reason: Reason, actuator: Int) { control.adopt(calibration) }
    mutating func heartbeat() { inputs.heartbeat = true }

    /// False if this round takes no more requests.
    mutating func add(_ request: Request) -> Bool { inputs.add(request) }

    /// An edge on an input. True if it asks for a step at once: with the level that it says, until the
    /// next reading, which is right where edges came too close for their direction to be.
    mutating func edge(input: Int, rising: Bool) -> Bool {
        guard isMeter[input] else { return port.take(edge: rising, input: input, into: &inputs) }
        if rising { inputs.pulses[input] &+= 1 }
        return false
    }

    /// A sample of an analogue input, for the next step.
    mutating func take(counts: Int32, analogue: Int) { inputs.analogues[analogue] = AnalogueReading(counts: counts, isFresh: true) }

    mutating func takeNews(ofChip chip: Int) -> ChipNews? { port.takeNews(ofChip: chip) }

    /// What the readings since the edges say of them. One that contradicts asks for a step as an edge does.
    mutating func settle() -> Settling { port.settle(into: &inputs) }

    /// A whole round, once a tick: every line is read anew, outputs as well.
    mutating func tick(nowMilliseconds: Int64) {
        port.watch(nowMilliseconds: nowMilliseconds)
        port.collect(into: &inputs)
        step(nowMilliseconds, ofEveryChip: true)
    }

    /// Between ticks, after an edge: with the levels known, so that the reaction waits for nothing.
    mutating func react(nowMilliseconds: Int64) { step(nowMilliseconds, ofEveryChip: false) }

    private mutating func step(_ now: Int64, ofEveryChip: Bool) {
        control.step(inputs, nowMilliseconds: now)
        inputs.consumed()
        port.drive(control.outputs, ofEveryChip: ofEveryChip, into: &inputs)
    }
}
