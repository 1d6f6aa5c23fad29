// The largest calibration that is legal: as many of each thing as there may be, of the kinds that take the
// most work, with every check of theirs switched on.

import Calibration

public func largestCalibration() throws(CalibrationError) -> Calibration {
    var sensors: [Sensor] = []
    for i in 0..<Calibration.actuatorsMaximum { sensors.append(loop("p\(i)", [0, 1_000_000])) }
    for i in 0..<9 { sensors.append(loop("a\(i)", [1000, 9000, 400, 100])) }
    for i in 0..<3 {
        let first = Calibration.actuatorsMaximum + 3 * i
        sensors.append(Sensor(name: "v\(i)", source: .voting(Voting(
            scheme: .twoOutOfThree, members: [first, first + 1, first + 2], deviation: 3000, deviationMilliseconds: 2000))))
    }
    for i in 0..<2 {
        sensors.append(Sensor(name: "s\(i)", source: .switch(Switch(
            line: "sa\(i)", antivalentLine: "sb\(i)", discrepancyMilliseconds: 200, debounceMilliseconds: 100, activeWhenHigh: true))))
    }
    sensors.append(Sensor(
        name: "f", source: .flowMeter(FlowMeter(line: "fl", microlitresPerPulse: 1000, maximumPulsesPerSecond: 1000)),
        plausibility: Plausibility(maximumRatePerSecond: 900_000, badSamples: 5)))
    sensors.append(Sensor(name: "r", source: .frequency(FrequencyInput(line: "rl", pulsesPerTurn: 4, maximumPulsesPerSecond: 1000))))
    return try Calibration(Calibration.Content(
        version: 1, board: "bench", tickMilliseconds: 50, supervisionTimeoutMilliseconds: 2000,
        phases: ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"],
        resets: (0..<Calibration.resetsMaximum).map { Reset(name: "r\($0)", line: "rs\($0)", holdMilliseconds: 500) },
        selectors: (0..<Calibration.selectorsMaximum).map { Selector(name: "h\($0)", handLine: "hh\($0)", autoLine: "ha\($0)", debounceMilliseconds: 100) },
        sensors: sensors, actuators: (0..<Calibration.actuatorsMaximum).map(valve), trips: trips(), interlocks: interlocks()))
}

private func loop(_ name: String, _ coefficients: [Int]) -> Sensor {
    Sensor(
        name: name,
        source: .analogue(AnalogueInput(
            channel: "c\(name)", countsAt4Milliamperes: 0, countsAt20Milliamperes: 16_000, coefficients: coefficients, unit: "m", faultMilliseconds: 500)),
        plausibility: Plausibility(staleMilliseconds: 500, stuckMilliseconds: 60_000, maximumRatePerSecond: 900_000_000, badSamples: 5))
}

private func valve(_ i: Int) -> Actuator {
    Actuator(
        name: "m\(i)",
        drive: .motorValve(MotorValve(
            openLine: "o\(i)", closeLine: "c\(i)", openEndLine: "oe\(i)", closedEndLine: "ce\(i)", endSwitchDebounceMilliseconds: 50,
            endSwitchTolerancePermille: 50, strokeMilliseconds: 8000, strokeFastestMilliseconds: 7200, strokeSlowestMilliseconds: 9600,
            coastMilliseconds: 20, restMilliseconds: 200,
            feedback: PositionFeedback(sensor: i, deviationPermille: 100, deviationMilliseconds: 1000),
            proofTest: ProofTest(strokePermille: 100, intervalHours: 720))),
        envelope: Envelope(
            minimumPermille: 50, maximumPermille: 900, phases: [PhaseLimit(phase: 1, minimumPermille: 50, maximumPermille: 500)], deadBandPermille: 5,
            slewPermillePerSecond: 100, maximumAwayMilliseconds: 600_000, startsPerHour: 3600, runningMinutesPerHour: 59, lifetimeCycles: 1_000_000),
        governance: Governance(
            selector: i % Calibration.selectorsMaximum, openButton: "bo\(i)", closeButton: "bc\(i)", selectMilliseconds: 0, approvals: 1,
            leaseMilliseconds: 3_600_000),
        safeState: .closed, reset: i % Calibration.resetsMaximum)
}

/// Each guards all actuators; half of them latch.
private func trips() -> [Trip] {
    (0..<Calibration.tripsMaximum).map { i in
        // Of the three votings in turn; the first comes now and then, the others never do.
        let comes = i == 0
        return Trip(
            name: "t\(i)", sensor: 25 + i % 3, condition: .above(comes ? 8000 : 10_200), hysteresis: 200, delayMilliseconds: 100,
            actuators: Array(0..<Calibration.actuatorsMaximum), latched: i % 2 == 1, reset: i % 2 == 1 ? i % Calibration.resetsMaximum : nil)
    }
}

private func interlocks() -> [NamedInterlock] {
    (0..<Calibration.interlocksMaximum).map { i in
        let interlock: Interlock = switch i % 4 {
        case 0: .permissive(actuator: i % 16, sensor: 16 + i % 9, condition: .above(1000))
        case 1: .exclusion(first: i % 16, second: (i + 7) % 16)
        case 2: .response(actuator: i % 16, atLeastPermille: 100, withinMilliseconds: 30_000, sensor: 16 + i % 9, condition: .above(1000), isFault: false)
        default: .response(actuator: (i + 8) % 16, atLeastPermille: 300, withinMilliseconds: 30_000, sensor: 25, condition: .above(1000), isFault: true)
        }
        return NamedInterlock(name: "i\(i)", interlock: interlock)
    }
}
