// Samples of a converter on their way into a step: each counts once, and one that does not come makes the
// value stale, not old.

import Calibration
import Control
@testable import Controller
import Testing

/// A board with one analogue input and nothing else that moves: its outlet never opens.
private func calibration() throws -> Calibration {
    try Calibration(Calibration.Content(
        version: 1, board: "bench", tickMilliseconds: 50, supervisionTimeoutMilliseconds: 2000,
        resets: [Reset(name: "local", line: "reset-button", holdMilliseconds: 500)],
        sensors: [
            Sensor(
                name: "level",
                source: .analogue(AnalogueInput(
                    channel: "level-a", countsAt4Milliamperes: 320, countsAt20Milliamperes: 1600, coefficients: [0, 20_000], unit: "l",
                    faultMilliseconds: 500)),
                plausibility: Plausibility(staleMilliseconds: 200)),
        ],
        actuators: [
            Actuator(
                name: "outlet",
                drive: .solenoid(Solenoid(
                    line: "outlet-energise", energiseToOpen: true, minimumOnMilliseconds: 0, minimumOffMilliseconds: 0, travelMilliseconds: 0)),
                safeState: .closed, reset: 0),
        ],
        trips: []))
}

private struct NoLines: Lines {
    func watch(nowMilliseconds: Int64) {}
    func takeNews(ofChip: Int) -> ChipNews? { nil }
    func settle(into known: inout Inputs) -> Settling { .settled }
    func collect(into known: inout Inputs) {}
    func take(edge rising: Bool, input: Int, into known: inout Inputs) -> Bool { false }
    func drive(_ levels: [Bool], ofEveryChip: Bool, into known: inout Inputs) {}
}

@Suite struct AnalogueRoundTests {
    @Test("A sample is scaled and good in the step that it came for; without new ones the value is stale in its time")
    func freshness() throws {
        let calibration = try calibration()
        #expect(calibration.analogueChannels == ["level-a"])
        var round = Round(calibration, NoLines(), nowMilliseconds: 0)
        var now: Int64 = 0
        func step(_ counts: Int32?) -> (Int64, Quality) {
            now += 50
            if let counts { round.take(counts: counts, analogue: 0) }
            round.tick(nowMilliseconds: now)
            return (round.control.value(sensor: 0), round.control.quality(sensor: 0))
        }
        for (counts, value) in [(320, 0), (960, 10_000), (1600, 20_000), (640, 5_000)] as [(Int32, Int64)] {
            let (shown, quality) = step(counts)
            #expect(shown == value && quality == .good)
        }
        var qualities: [Quality] = []
        for _ in 0..<5 { qualities.append(step(nil).1) }
        #expect(qualities == [.good, .good, .good, .stale, .stale])
        let (shown, quality) = step(1600)
        #expect(shown == 20_000 && quality == .good)
    }
}
