// Duty: the steps that tools/bench measures: the inputs of a plant that is at work, recorded once, so that nothing
// but the step is measured when they are given again.
// Trust: none is needed: what it measures stands beside it in the same program.
// Must never be part of the device's program, nor be kinder to the step than a plant.

import Calibration
import Control

public struct Workload: ~Copyable {
    public static let steps = 4000

    public let calibration: Calibration
    private var inputs: [Inputs] = []
    /// What the outputs were after each step, summed up: a replay must come to the same.
    public private(set) var checksum: UInt64 = 0
    /// Steps with a motor running, valves that ran at some time, requests that were accepted, steps in which
    /// something was tripped: that there was work.
    public private(set) var movingSteps = 0
    public private(set) var movedValves = 0
    public private(set) var accepted = 0
    public private(set) var trippedSteps = 0
    public private(set) var faults = 0

    public init() throws(CalibrationError) {
        calibration = try largestCalibration()
        record()
    }

    /// Runs the steps through a controller of their own; returns what they came to.
    public func replay(steps: Int = Workload.steps) -> UInt64 {
        var control = Control(calibration, nowMilliseconds: 0)
        var sum: UInt64 = 0
        for i in 0..<steps {
            control.step(inputs[i], nowMilliseconds: Int64((i + 1) * calibration.tickMilliseconds))
            sum = Self.fold(sum, control.outputs[(2 * i) % control.outputs.count], control.events.count)
        }
        return sum
    }

    private static func fold(_ sum: UInt64, _ output: Bool, _ events: Int) -> UInt64 { (sum &* 31) &+ (output ? 1 : 0) &+ UInt64(events) << 1 }

    private mutating func record() {
        inputs.reserveCapacity(Self.steps)
        var control = Control(calibration, nowMilliseconds: 0)
        var plant = Plant(calibration)
        var live = Inputs(calibration)
        var identifier: UInt64 = 0
        var ran = [Bool](repeating: false, count: plant.travel.count)
        for i in 0..<Self.steps {
            plant.move(control.outputs, calibration.tickMilliseconds, step: i)
            plant.sense(&live, control.outputs)
            live.heartbeat = true
            if i > 250, i % 10 == 0 {
                identifier += 1
                let permille = (i / 10) % 5 == 4 ? 0 : 60 + 20 * Int(plant.next() % 30)
                _ = live.add(Request(identifier: identifier, order: .setpoint(actuator: Int(plant.next() % 16), permille: permille), issuers: 1))
            }
            inputs.append(live)
            control.step(live, nowMilliseconds: Int64((i + 1) * calibration.tickMilliseconds))
            live.consumed()
            checksum = Self.fold(checksum, control.outputs[(2 * i) % control.outputs.count], control.events.count)
            for outcome in control.outcomes where outcome.reason == .none { accepted += 1 }
            for valve in ran.indices where control.outputs[2 * valve] { ran[valve] = true }
            if control.outputs.contains(true) { movingSteps += 1 }
            if control.isTripped { trippedSteps += 1 }
            for event in 0..<control.events.count where control.events[event].code == .fault { faults += 1 }
        }
        movedValves = ran.count { $0 }
    }
}

/// Sixteen valves that do as they are told, and loops that are never quite still.
private struct Plant {
    /// Milliseconds of opening, 0 to 8000.
    var travel: [Int]
    private var step = 0
    private var seed: UInt64 = 7

    init(_ calibration: Calibration) { travel = [Int](repeating: 0, count: calibration.actuators.count) }

    mutating func next() -> UInt64 {
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return seed >> 33
    }

    mutating func move(_ outputs: [Bool], _ milliseconds: Int, step: Int) {
        self.step = step
        for i in travel.indices {
            if outputs[2 * i] { travel[i] = min(8000, travel[i] + milliseconds) }
            if outputs[2 * i + 1] { travel[i] = max(0, travel[i] - milliseconds) }
        }
    }

    /// In the order of the largest calibration's lines: 4 resets, 4 selectors, 2 pairs of contacts, flow,
    /// frequency; then of each valve its ends and buttons.
    mutating func sense(_ inputs: inout Inputs, _ outputs: [Bool]) {
        for i in inputs.lines.indices { inputs.lines[i] = .low }
        for i in 0..<4 { inputs.lines[4 + 2 * i + 1] = .high }
        for i in 0..<2 { inputs.lines[12 + 2 * i + ((step / 100 + i) % 2)] = .high }
        inputs.pulses[16] = UInt32(next() % 3)
        inputs.pulses[17] = UInt32(next() % 5)
        for i in travel.indices {
            inputs.lines[18 + 4 * i] = travel[i] >= 7900 ? .high : .low
            inputs.lines[18 + 4 * i + 1] = travel[i] <= 100 ? .high : .low
            inputs.analogues[i] = AnalogueReading(counts: Int32(travel[i] * 2) + Int32(next() % 5) - 2, isFresh: true)
        }
        // Three times in the run the level of the first voting comes over its trip.
        let isHigh = step % 1300 > 1200
        for i in travel.count..<inputs.analogues.count {
            let level = isHigh && i < travel.count + 3 ? 13_000 : 6000
            inputs.analogues[i] = AnalogueReading(counts: Int32(level) + Int32(next() % 40), isFresh: true)
        }
        for i in inputs.readBacks.indices { inputs.readBacks[i] = outputs[i] ? .high : .low }
    }
}
