// Every check by its name in a story of its own; every code of ours is said by somebody; every check is
// missed by somebody when it is taken out.

import Control
import ControlSimulation
import Foundation
import Testing

@Suite struct ScenarioTests {
    @Test("P-E1 P-E2 P-T3 the checks a valve engineer expects, each by its story", arguments: Scenario.all)
    func tells(_ scenario: Scenario) {
        do throws(Objection) { try scenario.run() } catch { Issue.record("\(error.text)") }
    }
}

@Suite(.serialized) struct CodeTests {
    @Test("Every event and every reason is said by somebody")
    func codes() {
        Seen.reasons = Seen()
        for scenario in Scenario.all { do throws(Objection) { try scenario.run() } catch { Issue.record("\(scenario.name): \(error.text)") } }
        // The shell says it, before a step.
        let saidElsewhere: Set<Reason> = [.tooMany]
        let silent = Set(Reason.allCases).subtracting(Seen.reasons.all).subtracting(saidElsewhere).map(\.code).sorted()
        #expect(silent.isEmpty, "reasons that nobody gave: \(silent)")
        let unseen = Set(EventCode.allCases).subtracting(Seen.reasons.codes).map(\.code).sorted()
        #expect(unseen.isEmpty, "events that nobody saw: \(unseen)")
    }

    @Test("Every check that is taken out is missed by a scenario or by a run")
    func mutants() throws {
        let process = Process(), pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().appending(path: "ControlMutants")
        process.standardOutput = pipe
        try process.run()
        let list = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        print(list)
        #expect(process.terminationStatus == 0, "a check that nobody misses is not tested")
    }
}
