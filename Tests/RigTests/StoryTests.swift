// A story that cannot fail is no story; a screen that obeys the board's console is a hole.
import Foundation
import Plant
import RunReport
import Telemetry
import Testing

@testable import Rig

@Suite struct StoryTests {
    @Test func checksPassFailAndOverstay() {
        var lines: [String] = []
        var noted: [CheckFact] = []
        let story = Story(explain: { "tail of the log" }, write: { lines.append($0) })
        story.note = { noted.append($0) }
        #expect(story.check("good", threat: "P-E1 C-D1") { "3 ms" })
        #expect(!story.check("bad") { throw Unmet("it moved") })
        #expect(!story.check("worse") { throw RigError.refused("no") })
        #expect(!story.check("late", timeoutSeconds: 0.05) {
            Thread.sleep(forTimeInterval: 0.4)
            return "never seen"
        })
        #expect(story.finish() == 1)
        #expect(lines == [
            "ok   good [P-E1 C-D1]: 3 ms", "FAIL bad: it moved", "     | tail of the log", "FAIL worse: no [rig-refused]",
            "     | tail of the log", "FAIL late: not done after 0 s", "     | tail of the log", "1 passed, 3 failed",
        ])
        #expect(noted.map(\.name) == ["good", "good", "bad", "bad", "worse", "worse", "late", "late"])
        #expect(noted.map(\.passed) == [nil, true, nil, false, nil, false, nil, false])
        #expect(noted[1].threats == ["P-E1", "C-D1"] && noted[1].figure == "3 ms")
    }

    @Test func onlyWhatWasAskedForRunsAndNothingIsNoSuccess() {
        var lines: [String] = []
        let story = Story(only: ["P-T1"], write: { lines.append($0) })
        story.check("bit flip", threat: "P-T1") { "refused" }
        story.check("other") { "ran" }
        #expect(story.finish() == 0 && lines.count == 2)
        #expect(Story(write: { _ in }).finish() == 1)
    }
}

@Suite struct ScreenTests {
    private func view() throws -> ScreenView {
        let folder = "/tmp/penstock-screen-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let wiring = try Wiring(folder: folder, tank: Tank(inletPermille: 400))
        defer {
            wiring.end()
            try? FileManager.default.removeItem(atPath: folder)
        }
        var view = ScreenView(wiring: wiring.snapshot)
        view.keys = [("q", "quit")]
        return view
    }

    @Test(arguments: [(80, 24), (100, 40), (30, 10), (200, 60)]) func framesFitTheTerminal(width: Int, height: Int) throws {
        var view = try view()
        view.console = Array(repeating: String(repeating: "long ", count: 100), count: 100)
        view.telemetry = view.console
        view.report = Array(repeating: ("name", "value"), count: 50)
        let lines = Screen.frame(view, width: width, height: height)
        #expect(lines.count == height)
        for line in lines { #expect(Screen.columns(line) <= width) }
        #expect(lines.last!.contains("quit"))
    }

    @Test func theScreenShowsThePersonAndWhatHoldsEachActuatorBack() throws {
        var view = try view()
        view.states = [
            "inlet": ActuatorState(point: 0, mode: .hand, holder: nil, firstOut: "level-high", fault: nil),
            "outlet": ActuatorState(point: 1, mode: .auto, holder: "operator", firstOut: nil, fault: nil),
            "pump": ActuatorState(point: 2, mode: .auto, holder: nil, firstOut: nil, fault: "contact"),
        ]
        view.phase = "rinse"
        view.bypasses = ["level-high-high"]
        view.keys = (0..<14).map { ("\($0)", "a meaning") } + [("q", "quit")]
        let lines = Screen.frame(view, width: 80, height: 24).map { Screen.visible($0) }
        #expect(lines.count == 24 && lines.last!.contains("quit"))
        for text in ["hand, trip level-high", "auto, operator", "auto, contact", "rinse  bypassed: level-high-high", "AUTO  open ○ close ○ reset ○", "door shut", "water +0.0 K", "lines    no board"] {
            #expect(lines.contains { $0.contains(text) }, "\(text)")
        }
    }

    @Test func aConsoleCannotCommandTheTerminal() {
        #expect(Screen.harmless("a\u{1B}[2Jb\u{9B}c\r") == "a·[2Jb·c·")
        #expect(!Screen.clipped("a\u{7}\tb", 10).contains("\u{7}"))
    }

    @Test func malformedPayloadsAreShownAndTrapNothing() {
        var reports = BoardReports(), seed: UInt64 = 7
        func next() -> UInt8 {
            seed = seed &* 6364136223846793005 &+ 1442695040888963407
            return UInt8(truncatingIfNeeded: seed >> 33)
        }
        for kind in ["birth", "data", "event", "receipt", "state", "death"] {
            for length in 0..<64 {
                let hex = (0..<length).map { _ in String(format: "%02x", next()) }.joined()
                reports.take(Message(line: "1 0 \(hex) penstock/x/\(kind)", number: 0)!)
            }
        }
        #expect(reports.malformed.count == 6 * 64 && reports.birth == nil)
        for line in ["", "1 0 zz topic", "x 0 00 topic", "1 0 0 topic", "1 0 00"] { #expect(Message(line: line[...], number: 0) == nil) }
        #expect(Message(line: "1 1  a topic with spaces", number: 0)?.topic == "a topic with spaces")
    }
}
