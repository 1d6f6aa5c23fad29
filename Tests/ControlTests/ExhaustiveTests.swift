// Small calibrations, whole: every reachable state under every input.

import Calibration
import ControlSimulation
import Testing

@Suite struct ExhaustiveTests {
    private func search(_ name: String, _ exhaustive: Exhaustive, least: Int) {
        let reached = exhaustive.search()
        print("\(name): \(reached.states) states, \(reached.transitions) transitions, \(reached.depth) ticks deep")
        if let wrong = reached.wrong { Issue.record("\(wrong)") }
        #expect(reached.states > least && reached.transitions == reached.states * exhaustive.choiceCount)
    }

    @Test("P-E1 P-E2 every state of a solenoid with its times, a latched trip, a selector, a button and supervision")
    func solenoid() throws { search("solenoid", try .solenoid(), least: 3000) }

    @Test("P-E1 P-E2 every state of a motor valve that may jam at any tick, with a latched trip")
    func motorValve() throws { search("motor valve", try .motorValve(), least: 10_000) }
}
