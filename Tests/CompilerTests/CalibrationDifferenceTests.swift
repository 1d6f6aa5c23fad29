// What changed from one calibration to the next, in engineering terms; and the times, the advice, the
// picture.
import Calibration
import Foundation
import FoundationXML
import Testing
@testable import Compiler

private func calibration(_ edits: (String, String)...) throws -> Calibration { try compiled(replacing: edits).get() }

@Suite struct CalibrationDifferenceTests {
    @Test("Each change is told with its direction", arguments: [
        ("position-maximum-percent = 60", "position-maximum-percent = 65", "feed: position-maximum 60 % -> 65 % (wider)", "looser", nil),
        ("position-maximum-percent = 60", "position-maximum-percent = 55", "feed: position-maximum 60 % -> 55 % (narrower)", "tighter", nil),
        ("position-minimum-percent = 5", "position-minimum-permille = 45", "feed: position-minimum 5 % -> 4.5 % (wider)", "looser", "the phase limits of 'feed' differ"),
        ("delay-milliseconds = 500", "delay-milliseconds = 700", "trip level-high-high: delay 500 ms -> 700 ms (later)", "looser", nil),
        ("above = \"2.2 m\"", "above = \"2.1 m\"", "trip level-high-high: above 2.2 m -> 2.1 m (lower)", "tighter", nil),
        ("maximum-away-minutes = 30", "maximum-away-minutes = 0", "feed: maximum-away 30 min -> no limit (no limit any more)", "looser", nil),
        ("starts-per-hour = 120\n", "", "vent: starts-per-hour 120 -> no limit (no limit any more)", "looser", nil),
        ("running-minutes-per-hour = 45", "running-minutes-per-hour = 40", "heater: running-minutes-per-hour 45 min -> 40 min (fewer)", "tighter", nil),
        ("slew-percent-per-second = 4", "slew-percent-per-second = 5", "feed: slew 4 % a second -> 5 % a second (faster)", "looser", nil),
        ("approvals = 2", "approvals = 1", "feed: governance.approvals 2 signers -> 1 signer (fewer)", "looser", nil),
        ("process-safety-seconds = 20", "process-safety-seconds = 15", "trip overfill: process-safety 20 s -> 15 s (shorter)", "tighter", nil),
        ("actuators = [\"feed\", \"heater\"]", "actuators = [\"feed\"]", "trip level-high-high: actuators feed, heater -> feed (fewer)", "looser", "trip 'level-high-high' guards something else"),
        ("phases = [\"fill\", \"heat\"]", "phases = []", "trip overspeed: phases fill, heat -> all (more)", "tighter", "trip 'overspeed' guards something else"),
        ("essential = true", "essential = false", "trip overfill: essential yes -> no (no longer essential)", "looser", "trip 'overfill' guards something else"),
        ("line = \"heater\"", "line = \"heater-2\"", "heater: line heater -> heater-2 (rewired)", "other", "actuator 'heater' is another, or driven otherwise"),
        ("active-when = \"low\"", "active-when = \"high\"", "sensor overfill: active-when low -> high (rewired)", "other", "the sensors differ"),
        ("position-maximum-percent = 20", "position-maximum-percent = 25", "feed: phase.heat.position-maximum 20 % -> 25 % (wider)", "looser", "the phase limits of 'feed' differ"),
        ("otherwise = \"alarm\"\n", "", "response flow-follows: otherwise alarm -> fault (a fault)", "tighter", "the interlocks differ"),
        ("above = \"0.4 m\"", "above = \"0.5 m\"", "permissive heater-covered: above 0.4 m -> 0.5 m (higher)", "tighter", "the interlocks differ"),
        ("tick-milliseconds = 20", "tick-milliseconds = 25", "calibration: tick 20 ms -> 25 ms (slower)", "looser", "the tick differs"),
        ("board = \"boiler-house\"", "board = \"mill\"", "calibration: board boiler-house -> mill (another board)", "other", "the board differs"),
        ("[[exclusion]]\nname = \"feed-or-drain\"\nactuators = [\"feed\", \"drain\"]\n", "", "exclusion feed-or-drain: removed", "looser", "the interlocks differ"),
        ("[[exclusion]]", "[[exclusion]]\nname = \"vent-or-drain\"\nactuators = [\"vent\", \"drain\"]\n[[exclusion]]", "exclusion vent-or-drain: added", "tighter", "the interlocks differ"),
        ("feedback-line = \"pump-running\"\nfeedback-milliseconds = 300\n", "", "pump: feedback-line pump-running -> none (gone)", "other", "actuator 'pump' is another, or driven otherwise"),
        ("version = 7", "version = 8", "calibration: version 7 -> 8", "other", nil),
    ] as [(String, String, String, String, String?)])
    func change(old: String, new: String, says: String, direction: String, obstacle: String?) throws {
        let difference = CalibrationDifference(from: try calibration(), to: try calibration((old, new)))
        let change = difference.changes.first { $0.text == says }
        #expect(change?.direction.rawValue == direction, "\(difference.changes.map(\.text))")
        #expect(difference.bumplessObstacle == obstacle)
        // The other way round it is the opposite.
        let back = CalibrationDifference(from: try calibration((old, new)), to: try calibration())
        #expect(back.changes.count == difference.changes.count)
        let opposite = ["looser": "tighter", "tighter": "looser", "other": "other"][direction]
        #expect(back.changes.contains { $0.key == change?.key && $0.direction.rawValue == opposite }, "\(back.changes.map(\.text))")
    }

    @Test("No difference is none, and any field that differs is told")
    func complete() throws {
        let original = try calibration()
        let same = CalibrationDifference(from: original, to: original)
        #expect(same.changes.isEmpty && same.bumplessObstacle == nil)
        // Every number of the file, moved by one, shows: nothing is left out of the outline.
        let text = String(decoding: try readFile(everythingPath), as: UTF8.self)
        var moved = 0
        for line in text.split(separator: "\n") where line.contains(" = ") {
            let parts = line.split(separator: " = ", maxSplits: 1)
            guard let number = Int(parts[1]) else { continue }
            let result = try compiled(replacing: [("\n\(line)\n", "\n\(parts[0]) = \(number + 1)\n")])
            guard case .success(let other) = result, other != original else { continue }
            moved += 1
            #expect(!CalibrationDifference(from: original, to: other).changes.isEmpty, "\(line) + 1 makes no difference")
        }
        #expect(moved >= 40, "\(moved)")
    }
}

@Suite struct CalibrationTimingTests {
    @Test("The time budgets are the model's")
    func budgets() throws {
        let calibration = try calibration()
        let budgets = TimeBudget.all(calibration)
        #expect(budgets.map(\.trip) == ["overfill", "level-high-high", "level-high-high", "overspeed", "door", "door"])
        for (budget, (trip, actuator)) in zip(budgets, calibration.trips.flatMap { trip in trip.actuators.map { (trip, $0) } }) {
            #expect(budget.reactionMilliseconds == calibration.reactionMilliseconds(trip, actuator: actuator))
        }
        #expect(budgets[0].reactionMilliseconds == 9180 && budgets[0].usedPercent == 46 && budgets[3].usedPercent == nil)
        // A pair of contacts may agree for the discrepancy time before the change counts.
        #expect(budgets[4].detectionMilliseconds == 200 + 40 + 2 * 20)
        let table = TimeBudget.table(budgets)
        #expect(table.count == 7 && table[1].hasPrefix("overfill         feed ") && table[1].hasSuffix("20 s  46 %") && table[4].hasSuffix("not stated     -"))
    }

    @Test("What is worth a thought is said", arguments: [
        ("maximum-away-hours = 6", "maximum-away-seconds = 0", "actuator 'heater': it may stay away from its safe state for ever"),
        ("actuators = [\"pump\"]", "actuators = [\"feed\"]", "actuator 'pump': no trip protects it"),
        ("open-button = \"feed-open-button\"\n", "", "one button of two"),
        ("feedback-line = \"pump-running\"\nfeedback-milliseconds = 300\n", "", "no contact says whether the relay has moved"),
        ("running-minutes-per-hour = 45", "running-minutes-per-hour = 50", "'running-minutes-per-hour' never acts"),
        ("slew-percent-per-second = 4", "slew-percent-per-second = 40", "the limit never acts"),
        ("position-minimum-percent = 5", "position-minimum-percent = 3", "may still be on"),
        ("active-when = \"low\"", "active-when = \"high\"", "trip 'overfill': a cut wire to 'overfill' reads low"),
        ("hysteresis = \"100 1/min\"\n", "", "trip 'overspeed': it clears by itself and has no 'hysteresis'"),
        ("sensor = \"pump-speed\"\nabove = \"3000 1/min\"\nhysteresis = \"100 1/min\"", "sensor = \"feed-flow\"\nbelow = \"0.5 l/min\"", "its limit is less than one pulse a second"),
        ("sensor = \"level\"\nabove = \"2.2 m\"", "sensor = \"level-b\"\nabove = \"2.2 m\"", "sensor 'level-b': a frozen value is not noticed"),
        ("process-safety-seconds = 30\n", "", "trip 'level-high-high': no 'process-safety' time is stated"),
        ("selector = \"feed-local\"\nopen-button = \"feed-open-button\"\nclose-button = \"feed-close-button\"\n", "", "selector 'feed-local': no actuator obeys it"),
        ("phases = [\"fill\", \"heat\", \"hold\"]", "phases = [\"fill\", \"heat\", \"hold\", \"drain\"]", "phase 'drain': no limit and no trip is any different in it"),
    ]) func advice(old: String, new: String, says: String) throws {
        let notes = CalibrationAdvice.notes(try calibration((old, new)))
        #expect(notes.contains { $0.contains(says) }, "\(notes)")
    }
}

/// The texts of a picture with their places, as an XML parser sees them.
private final class Picture: NSObject, XMLParserDelegate {
    struct Text {
        let x, y, size: Double
        let anchor: String
        let isBold, isTurned: Bool
        var words = ""
        var told = ""
    }

    var texts: [Text] = []
    private var titles = 0
    private var isTitle = false
    private(set) var elements = 0

    init(_ svg: String) throws {
        super.init()
        let parser = XMLParser(data: Data(svg.utf8))
        parser.delegate = self
        try #require(parser.parse(), "not well-formed: \(parser.parserError.map { "\($0)" } ?? "") in line \(parser.lineNumber)")
    }

    func parser(_ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?, attributes: [String: String]) {
        elements += 1
        isTitle = name == "title"
        guard name == "text" else { return }
        texts.append(Text(
            x: Double(attributes["x"]!)!, y: Double(attributes["y"]!)!, size: Double(attributes["font-size"]!)!, anchor: attributes["text-anchor"] ?? "start",
            isBold: attributes["font-weight"] != nil, isTurned: attributes["transform"] != nil))
    }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) { if name == "title" { isTitle = false } }

    func parser(_ parser: XMLParser, foundCharacters words: String) {
        guard !texts.isEmpty else { return }
        if isTitle { texts[texts.count - 1].told += words } else { texts[texts.count - 1].words += words.replacing("\n", with: "") }
    }
}

@Suite struct CalibrationPlotTests {
    @Test("The picture is well-formed, and has every name in it")
    func names() throws {
        let calibration = try calibration(("value-at-20-milliamperes = 2.5\nunit = \"m\"\nfault", "value-at-20-milliamperes = 2.5\nunit = \"<&\\\"m'>\"\nfault"),
                                          ("\"0.5 m\"", "\"0.5 <&\\\"m'>\""), ("members = [\"level-a\", ", "members = [\"level-b\", "), ("\"level-b\", \"level-b\", \"level-c\"", "\"level-b\", \"level-c\""), ("\"2oo3\"", "\"2oo2\""))
        let picture = try Picture(CalibrationPlot.svg(calibration))
        let words = picture.texts.map { $0.words + "\n" + $0.told }.joined(separator: "\n")
        let names = [calibration.board] + calibration.phases + calibration.resets.map(\.name) + calibration.selectors.map(\.name) + calibration.sensors.map(\.name)
            + calibration.actuators.map(\.name) + calibration.trips.map(\.name) + calibration.interlocks.map(\.name) + calibration.analogueChannels
        for name in names { #expect(words.contains(name), "'\(name)' is missing") }
        #expect(words.contains("2.5 <&\"m'>"))
        #expect(picture.elements > 300)
    }

    @Test("Nothing leaves the page or lies on other words, with the largest calibration and the longest names too", arguments: [true, false])
    func overlaps(isLargest: Bool) throws {
        let largest = everythingPath.replacing("CompilerTests/Calibrations/everything.toml", with: "CalibrationTests/Corpus/largest.cbor")
        let calibration = try CalibrationCompiler.load(isLargest ? largest : everythingPath)
        let texts = try Picture(CalibrationPlot.svg(calibration)).texts
        let boxes = texts.map { text -> (left: Double, right: Double, top: Double, bottom: Double) in
            // The measure is that of a wide face; most are a tenth narrower.
            let width = Drawing.measure(text.words, size: text.size, bold: text.isBold) * 0.9
            let left = text.anchor == "start" ? text.x : text.anchor == "end" ? text.x - width : text.x - width / 2
            return (left, left + width, text.y - text.size * 0.72, text.y + text.size * 0.2)
        }
        for (i, box) in boxes.enumerated() where !texts[i].isTurned {
            #expect(box.left >= 0 && box.right <= Drawing.width, "'\(texts[i].words)' leaves the page")
            for j in boxes.indices where j > i && !texts[j].isTurned && abs(texts[j].y - texts[i].y) < 30 {
                let apart = boxes[j].left >= box.right || boxes[j].right <= box.left || boxes[j].top >= box.bottom || boxes[j].bottom <= box.top
                #expect(apart, "'\(texts[i].words)' and '\(texts[j].words)' lie on each other at \(texts[i].x), \(texts[i].y)")
            }
        }
        #expect(texts.count > 100)
    }
}
