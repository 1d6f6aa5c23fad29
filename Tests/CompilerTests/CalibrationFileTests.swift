// The calibration file: everything that it can say is read; every mistake is refused with line, section,
// key, reason and code.
import Bytes
import Calibration
import Foundation
import Signed
import Testing
@testable import Compiler

/// Everything that a calibration can say, once.
let everythingPath = #filePath.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/Calibrations/everything.toml"

/// A mistake: what is written instead of what, the words in the line that is pointed at, the code, the reason.
struct Mistake: Sendable, CustomTestStringConvertible {
    let old: String
    let new: String
    let line: String
    let code: String
    let says: String

    init(_ old: String, _ new: String, at line: String? = nil, _ code: String, _ says: String) {
        (self.old, self.new, self.line, self.code, self.says) = (old, new, line ?? new, "calibration-" + code, says)
    }

    var testDescription: String { "\(new.prefix(60)) -> \(code)" }
}

/// Compiles the file with everything in it after an edit.
func compiled(replacing edits: [(String, String)]) throws -> Result<Calibration, Failure> {
    var text = String(decoding: try readFile(everythingPath), as: UTF8.self)
    for (old, new) in edits {
        try #require(text.contains(old), "the edit of '\(old)' applies to nothing")
        text = text.replacing(old, with: new, maxReplacements: 1)
    }
    let path = NSTemporaryDirectory() + "/calibration-\(UUID().uuidString).toml"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try writeFile(path, Array(text.utf8))
    do throws(Failure) { return .success(try CalibrationCompiler.compile(path)) } catch { return .failure(error) }
}

@Suite struct CalibrationFileTests {
    @Test("Everything that the file says is in the calibration, in the model's units")
    func everything() throws {
        let c = try CalibrationCompiler.compile(everythingPath)
        #expect(c.version == 7 && c.board == "boiler-house" && c.tickMilliseconds == 20 && c.supervisionTimeoutMilliseconds == 3000)
        #expect(c.phases == ["fill", "heat", "hold"])
        #expect(c.resets == [Reset(name: "local", line: "reset-button", holdMilliseconds: 500), Reset(name: "control-room", line: "reset-key", holdMilliseconds: 1000)])
        #expect(c.selectors == [Selector(name: "feed-local", handLine: "feed-hand", autoLine: "feed-auto", debounceMilliseconds: 80, changesMaximum: 8, buttonMaximumMilliseconds: 30_000)])
        #expect(c.sensors.map(\.name) == ["door", "overfill", "feed-flow", "pump-speed", "level-a", "level-b", "level-c", "feed-position", "level", "guard"])
        #expect(c.sensors[0].source == .switch(Switch(line: "door-closed", antivalentLine: "door-open", discrepancyMilliseconds: 200, debounceMilliseconds: 40, activeWhenHigh: true)))
        #expect(c.sensors[1].source == .switch(Switch(line: "overfill", debounceMilliseconds: 0, activeWhenHigh: false)))
        #expect(c.sensors[2] == Sensor(
            name: "feed-flow", source: .flowMeter(FlowMeter(line: "feed-pulse", microlitresPerPulse: 10_000, maximumPulsesPerSecond: 200)),
            plausibility: Plausibility(maximumRatePerSecond: 500_000, badSamples: 3)))
        #expect(c.sensors[3].source == .frequency(FrequencyInput(line: "pump-tacho", pulsesPerTurn: 2, maximumPulsesPerSecond: 200)))
        #expect(c.sensors[4] == Sensor(
            name: "level-a",
            source: .analogue(AnalogueInput(channel: "level-a", countsAt4Milliamperes: 320, countsAt20Milliamperes: 1600, coefficients: [0, 2500], unit: "m", faultMilliseconds: 100)),
            plausibility: Plausibility(staleMilliseconds: 200, stuckMilliseconds: 600_000, maximumRatePerSecond: 500, badSamples: 2)))
        #expect(c.sensors[5].plausibility == Plausibility(staleMilliseconds: 1000))
        guard case .analogue(let polynomial) = c.sensors[6].source else { return #expect(Bool(false)) }
        #expect(polynomial.coefficients == [0, 2400, 75, 25])
        #expect(c.sensors[8].source == .voting(Voting(scheme: .twoOutOfThree, members: [4, 5, 6], deviation: 100, deviationMilliseconds: 5000)))
        #expect(c.sensors[9].source == .voting(Voting(scheme: .oneOutOfTwo, members: [0, 1], deviation: 0, deviationMilliseconds: 1000)))
        try actuators(c)
        try interlocks(c)
    }

    private func actuators(_ c: Calibration) throws {
        #expect(c.actuators[0] == Actuator(
            name: "feed",
            drive: .motorValve(MotorValve(
                openLine: "feed-open", closeLine: "feed-close", openEndLine: "feed-open-end", closedEndLine: "feed-closed-end", endSwitchDebounceMilliseconds: 40,
                endSwitchTolerancePermille: 30, strokeMilliseconds: 12_000, strokeFastestMilliseconds: 11_500, strokeSlowestMilliseconds: 14_000, coastMilliseconds: 30,
                restMilliseconds: 250, feedback: PositionFeedback(sensor: 7, deviationPermille: 80, deviationMilliseconds: 2000), proofTest: ProofTest(strokePermille: 100, intervalHours: 720))),
            envelope: Envelope(
                minimumPermille: 50, maximumPermille: 600,
                phases: [PhaseLimit(phase: 1, minimumPermille: 50, maximumPermille: 200), PhaseLimit(phase: 2, minimumPermille: 0, maximumPermille: 0)],
                deadBandPermille: 10, slewPermillePerSecond: 40, maximumAwayMilliseconds: 1_800_000, startsPerHour: 60, runningMinutesPerHour: 20, lifetimeCycles: 100_000),
            governance: Governance(selector: 0, openButton: "feed-open-button", closeButton: "feed-close-button", selectMilliseconds: 10_000, approvals: 2, leaseMilliseconds: 60_000),
            safeState: .closed, reset: 0))
        #expect(c.actuators[1] == Actuator(
            name: "vent", drive: .solenoid(Solenoid(line: "vent-coil", energiseToOpen: false, minimumOnMilliseconds: 500, minimumOffMilliseconds: 500, travelMilliseconds: 300)),
            envelope: Envelope(maximumAwayMilliseconds: 7_200_000, startsPerHour: 120), safeState: .open, reset: 0))
        #expect(c.actuators[2].drive == .timeProportional(TimeProportional(line: "heater", periodMilliseconds: 10_000, minimumOnMilliseconds: 400, minimumOffMilliseconds: 400)))
        #expect(c.actuators[3].drive == .latchingRelay(LatchingRelay(
            setLine: "pump-set", resetLine: "pump-reset", pulseMilliseconds: 100, restMilliseconds: 500, feedbackLine: "pump-running", feedbackMilliseconds: 300)))
        #expect(c.actuators[3].reset == 1)
    }

    private func interlocks(_ c: Calibration) throws {
        #expect(c.trips == [
            Trip(name: "overfill", sensor: 1, condition: .active, delayMilliseconds: 0, actuators: [0], latched: true, reset: 0, processSafetyMilliseconds: 20_000, isEssential: true),
            Trip(name: "level-high-high", sensor: 8, condition: .above(2200), hysteresis: 50, delayMilliseconds: 500, actuators: [0, 2], latched: true, reset: 1,
                 processSafetyMilliseconds: 30_000, bypassMaximumMinutes: 30),
            Trip(name: "overspeed", sensor: 3, condition: .above(50_000), hysteresis: 1667, delayMilliseconds: 0, actuators: [3], latched: false, reset: nil, phases: [0, 1]),
            Trip(name: "door", sensor: 0, condition: .inactive, delayMilliseconds: 0, actuators: [2, 1], latched: true, reset: 0, processSafetyMilliseconds: 2000),
        ])
        #expect(c.interlocks == [
            NamedInterlock(name: "heater-covered", interlock: .permissive(actuator: 2, sensor: 8, condition: .above(400))),
            NamedInterlock(name: "feed-or-drain", interlock: .exclusion(first: 0, second: 4)),
            NamedInterlock(name: "pump-after-feed", interlock: .sequence(actuator: 3, after: 0, atLeastPermille: 100, forMilliseconds: 2000)),
            NamedInterlock(name: "flow-follows", interlock: .response(actuator: 0, atLeastPermille: 100, withinMilliseconds: 8000, sensor: 2, condition: .above(33_333), isFault: false)),
            NamedInterlock(name: "no-leak", interlock: .response(actuator: 0, atLeastPermille: 0, withinMilliseconds: 20_000, sensor: 2, condition: .below(16_667), isFault: true)),
        ])
        #expect(try Calibration(decoding: c.encoded().span.bytes) == c)
    }

    @Test("What was signed once is what the file still compiles to")
    func formatStands() throws {
        let corpus = everythingPath.replacing("CompilerTests/Calibrations/everything.toml", with: "CalibrationTests/Corpus/everything.cbor")
        #expect(try CalibrationCompiler.compile(everythingPath).encoded() == readFile(corpus))
    }

    @Test("A mistake is refused with its line, its reason and its code", arguments: Mistake.all)
    func mistake(_ mistake: Mistake) throws {
        guard case .failure(let failure) = try compiled(replacing: [(mistake.old, mistake.new)]) else {
            Issue.record("'\(mistake.new)' was accepted")
            return
        }
        let text = String(decoding: try readFile(everythingPath), as: UTF8.self).replacing(mistake.old, with: mistake.new, maxReplacements: 1)
        let before = try #require(text.firstRange(of: mistake.line), "no line says '\(mistake.line)'").lowerBound
        let number = text[..<before].count { $0 == "\n" } + 1
        #expect(failure.code == mistake.code, "\(failure)")
        #expect(failure.text.hasPrefix("line \(number): "), "not line \(number): \(failure)")
        #expect(failure.text.contains(mistake.says), "\(failure)")
    }

    @Test("No number, however large, traps: it is taken or refused in its line", arguments: ["0", "4294967295", "4294967296", "9223372036854775807", "-9223372036854775808"])
    func extremes(number: String) throws {
        let text = String(decoding: try readFile(everythingPath), as: UTF8.self)
        var refused = 0
        for line in Set(text.split(separator: "\n")) {
            let parts = line.split(separator: " = ", maxSplits: 1)
            guard parts.count == 2, !line.hasPrefix("#"), let first = parts[1].first, first.isNumber || parts[1].contains("\"0") || parts[1].contains(/"[1-9]/) else { continue }
            let value = first == "\"" ? "\"\(number) \(parts[1].dropLast().split(separator: " ").last ?? "")\"" : number
            guard case .failure(let failure) = try compiled(replacing: [("\n\(line)\n", "\n\(parts[0]) = \(value)\n")]) else { continue }
            refused += 1
            #expect(failure.code.hasPrefix("calibration-") && (failure.text.hasPrefix("line ") || failure.text.hasPrefix("'tick'") || failure.text.hasPrefix("'supervision")), "\(failure)")
        }
        #expect(refused >= 20, "\(refused)")
    }

    @Test("What the file itself lacks is said, where there is no line to point at")
    func withoutLine() throws {
        for (old, says) in [("version = 7\n", "'version': is missing"), ("tick-milliseconds = 20\n", "'tick': is missing: a whole number as tick-milliseconds")] {
            guard case .failure(let failure) = try compiled(replacing: [(old, "")]) else {
                Issue.record("\(old) was not missed")
                continue
            }
            #expect(failure.text.hasPrefix(says) && failure.code == "calibration-file-invalid", "\(failure)")
        }
        guard case .failure(let failure) = try compiled(replacing: [("phases = [", "phases = [,")]) else { return #expect(Bool(false)) }
        #expect(failure.text.hasPrefix("line 6, column"))
    }

    @Test("Values may be written in any of their sensor's units", arguments: [
        ("120000 ml/min", nil), ("0.002 l/s", 2000), ("2 l/min", 33_333), ("6 l/min", 100_000), ("7.2 l/h", 2000), ("0.09 m3/h", 25_000), ("33.5 ml/s", 33_500),
        ("2000 µl/s", 2000), ("2000 ul/s", 2000), ("2", nil), ("2 Hz", nil), ("two l/min", nil), ("0.0000001 l/s", nil), ("99999999999999 l/s", nil), ("9999999999999999 l/s", nil),
    ] as [(String, Int?)])
    func units(text: String, microlitresPerSecond: Int?) throws {
        switch try compiled(replacing: [("above = \"2 l/min\"", "above = \"\(text)\"")]) {
        case .success(let calibration):
            guard case .response(_, _, _, _, let condition, _) = calibration.interlocks[3].interlock else { return #expect(Bool(false)) }
            #expect(condition == .above(microlitresPerSecond ?? -1))
        case .failure(let failure):
            #expect(microlitresPerSecond == nil && failure.code == "calibration-file-invalid" && failure.text.contains("response 'flow-follows', 'above'"), "\(failure)")
        }
    }

    @Test("What a value is shown as reads back as the same value")
    func shownValues() throws {
        let calibration = try CalibrationCompiler.compile(everythingPath)
        var state: UInt64 = 5
        for sensor in calibration.sensors where !MeasuredUnit.all(of: sensor, calibration.sensors).isEmpty {
            for _ in 0..<2000 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let value = Int(state >> 40) % 2_000_000
                let words = MeasuredUnit.text(value, of: sensor, calibration.sensors).split(separator: " ")
                let unit = try #require(MeasuredUnit.all(of: sensor, calibration.sensors).first { $0.name == words[1] })
                #expect(unit.value(try #require(WrittenNumber(String(words[0])))) == value, "\(value) as \(words)")
            }
        }
    }

    @Test("Lines are found in whatever way the file is written")
    func lines() {
        let lines = TOMLLines("""
            a = 1 # x = 3
            text = \"\"\"
            b = 2
            [c]
            \"\"\"
            list = [
              "[d]", # ]
              'e = 5',
            ]
            [[thing]]
            name = "one"
              [thing.inner]
              key."quoted key" = 'x'
            [[thing]]
            name = "two"
            [thing.inner]
            key = 1
            [last.one]
            z = { y = 1 }
            """)
        #expect(lines.number(["a"]) == 1 && lines.number(["text"]) == 2 && lines.number(["b"]) == nil && lines.number(["c"]) == nil && lines.number(["list"]) == 6)
        #expect(lines.number(["thing", "0"]) == 10 && lines.number(["thing", "0", "inner", "key", "quoted key"]) == 13)
        #expect(lines.number(["thing", "1", "name"]) == 15 && lines.number(["thing", "1", "inner", "key"]) == 17)
        #expect(lines.number(["last", "one", "z", "y"]) == 19 && lines.number(["thing", "1", "inner", "missing"]) == 16 && lines.number(["missing"]) == nil)
    }
}

extension Mistake {
    /// At least one for each refusal that a file can meet.
    static let all: [Mistake] = frame + panel + sensors + actuators + valves + others + trips + interlocks

    private static let frame: [Mistake] = [
        .init("version = 7", "version = 0", "file-invalid", "whole number from 1"),
        .init("version = 7", "verzion = 7\nversion = 7", at: "verzion", "file-invalid", "is it 'version'?"),
        .init("[[selector]]", "[[selektor]]", "file-invalid", "'selektor': is unknown here; is it 'selector'?"),
        .init("board = \"boiler-house\"", "board = \"Boiler\"", "name", "character other than"),
        .init("board = \"boiler-house\"", "board = 3", "file-invalid", "must be a text in quotes"),
        .init("tick-milliseconds = 20", "tick-milliseconds = 2", "bounds", "is 2 milliseconds, outside 5 to 1000"),
        .init("tick-milliseconds = 20", "tick-milliseconds = 9999999999", "file-invalid", "whole number from 0 to"),
        .init("supervision-timeout-seconds = 3", "supervision-timeout-milliseconds = 900", "contradiction", "two heartbeats"),
        .init("tick-milliseconds = 20\nsupervision-timeout-seconds = 3", "tick-milliseconds = 1000\nsupervision-timeout-seconds = 2", at: "supervision", "contradiction", "three ticks"),
        .init("phases = [\"fill\", \"heat\", \"hold\"]", "phases = [\"fill\", \"heat\", \"hold\", \"heat\"]", "name", "'heat' stands twice"),
        .init("phases = [\"fill\", \"heat\", \"hold\"]", "phases = [\"fill\", \"heat\", \"hold\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\"]", "bounds", "at most 8"),
    ]

    private static let panel: [Mistake] = [
        .init("hold-seconds = 1\n", "hold-milliseconds = 20\n", "bounds", "outside 50 to 10000"),
        .init("hold-seconds = 1\n", "hold-seconds = 1\nhold-milliseconds = 1000\n", at: "hold-milliseconds", "file-invalid", "stands in two units"),
        .init("reset = \"control-room\"\n", "reset = \"control\"\n", "reference", "there is no reset 'control'; there are local, control-room"),
        .init("line = \"reset-key\"", "line = \"reset-button\"", at: "line = \"reset-button\"\nhold", "line", "one line, one purpose"),
        .init("auto-line = \"feed-auto\"\n", "", at: "[[selector]]", "file-invalid", "selector 'feed-local', 'auto-line': is missing"),
        .init("auto-line = \"feed-auto\"", "auto-line = \"feed-hand\"", "line", "one line, one purpose"),
        .init("changes-maximum = 8", "changes-maximum = 1", "bounds", "outside 2 to 100"),
        .init("debounce-milliseconds = 80", "debounce-seconds = 3", "bounds", "outside 0 to 2000"),
        .init("button-maximum-seconds = 30", "button-maximum-milliseconds = 30", "bounds", "outside 1000 to 3600000"),
    ]

    private static let sensors: [Mistake] = [
        .init("kind = \"switch\"", "kind = \"button\"", "file-invalid", "must be one of \"switch\", \"flow-meter\""),
        .init("discrepancy-milliseconds = 200", "discrepancy-milliseconds = 30", "contradiction", "two ticks"),
        .init("antivalent-line = \"door-open\"\n", "", at: "discrepancy-milliseconds", "contradiction", "belongs to a switch with two lines"),
        .init("discrepancy-milliseconds = 200\n", "", at: "[[sensor]]\nname = \"door\"", "file-invalid", "'discrepancy': is missing"),
        .init("debounce-milliseconds = 40\nactive", "debounce-minutes = 1\nactive", "bounds", "outside 0 to 10000"),
        .init("debounce-milliseconds = 0\n", "debounce-milliseconds = 0.5\n", "file-invalid", "must be a whole number"),
        .init("debounce-milliseconds = 0\n", "debounce-milliseconds = 0\nstuck-seconds = 3\n", at: "stuck-seconds = 3", "contradiction", "belongs to analogue sensors"),
        .init("microlitres-per-pulse = 10000", "microlitres-per-pulse = 0", "bounds", "outside 1 to"),
        .init("maximum-pulses-per-second = 200\nmaximum-rate", "maximum-pulses-per-second = 10001\nmaximum-rate", "bounds", "outside 1 to 10000"),
        .init("maximum-rate-per-second = \"30 l/min\"", "maximum-rate-per-second = \"0.1 l/min\"", "contradiction", "one pulse more in a second"),
        .init("maximum-rate-per-second = \"30 l/min\"", "maximum-rate-per-second = \"30 m\"", "file-invalid", "is in 'm', and 'feed-flow' measures in l/min"),
        .init("bad-samples = 3", "bad-samples = 0", "bounds", "outside 1 to 100"),
        .init("pulses-per-turn = 2", "pulses-per-turn = 0", "bounds", "outside 1 to 10000"),
        .init("counts-at-20-milliamperes = 1600\nvalue-at-4-milliamperes = 0.0", "counts-at-20-milliamperes = 400\nvalue-at-4-milliamperes = 0.0", "contradiction", "fewer than 160 counts"),
        .init("counts-at-4-milliamperes = 320", "counts-at-4-milliamperes = -9000000", "bounds", "outside -8388608"),
        .init("value-at-20-milliamperes = 2.5\nunit = \"m\"\nfault", "value-at-20-milliamperes = 2.5001\nunit = \"m\"\nfault", "file-invalid", "more than three decimals"),
        .init("value-at-20-milliamperes = 2.5\nunit = \"m\"\nfault", "value-at-20-milliamperes = 0\nunit = \"m\"\nfault", "file-invalid", "is the value at 4 mA"),
        .init("value-at-20-milliamperes = 2.5\nunit = \"m\"\nfault", "value-at-20-milliamperes = nan\nunit = \"m\"\nfault", "file-invalid", "must be a number"),
        .init("value-at-20-milliamperes = 2.5\nunit = \"m\"\nfault", "value-at-20-milliamperes = 1e300\nunit = \"m\"\nfault", "file-invalid", "must be a number"),
        .init("value-at-20-milliamperes = 2.5\nunit = \"m\"\nfault", "value-at-20-milliamperes = 2000000\nunit = \"m\"\nfault", at: "[[sensor]]\nname = \"level-a\"", "bounds", "thousandths, outside"),
        .init("unit = \"m\"\n\n", "unit = \"m of water\"\n\n", "name", "has a space"),
        .init("unit = \"m\"\n\n", "unit = \"metres-of-water-gauge\"\n\n", "bounds", "longer than 16"),
        .init("coefficients = [0.0, 2.4, 0.075, 0.025]", "coefficients = [0.5]", "bounds", "are 2 to 4 numbers"),
        .init("coefficients = [0.0, 2.4, 0.075, 0.025]", "coefficients = [0.0, 2.4, -2.4]", "contradiction", "turn back"),
        .init("coefficients = [0.0, 2.4, 0.075, 0.025]", "coefficients = [0.0, 0.0]", "contradiction", "same value at 4 and at 20"),
        .init("coefficients = [0.0, 2.4, 0.075, 0.025]", "coefficients = [0.0, \"2\"]", "file-invalid", "must be a list of numbers"),
        .init("coefficients = [0.0, 2.4, 0.075, 0.025]", "coefficients = [0.0, 2.4]\nvalue-at-4-milliamperes = 0.0", at: "coefficients = ", "file-invalid", "the polynomial says both"),
        .init("fault-persistence-milliseconds = 100", "fault-persistence-minutes = 2", "bounds", "outside 0 to 60000"),
        .init("stale-milliseconds = 200", "stale-milliseconds = 30", "contradiction", "never be fresh"),
        .init("stuck-minutes = 10", "stuck-hours = 25", "bounds", "outside 0 to 86400000"),
        .init("channel = \"level-b\"", "channel = \"level-a\"", at: "channel = \"level-a\"\ncounts-at-4-milliamperes = 320\ncounts-at-20-milliamperes = 1600\nvalue-at-4-milliamperes = 0\n", "line", "serves another purpose"),
        .init("scheme = \"2oo3\"", "scheme = \"3oo4\"", "file-invalid", "must be one of \"1oo2\""),
        .init("scheme = \"2oo3\"", "scheme = \"2oo2\"", at: "members = [\"level-a\"", "bounds", "must be 2"),
        .init("\"level-b\", \"level-c\"]", "\"level-b\", \"level-b\"]", at: "members = [\"level-a\"", "contradiction", "would outvote"),
        .init("\"level-b\", \"level-c\"]", "\"level-b\", \"guard\"]", at: "members = [\"level-a\"", "reference", "there is no sensor before this one 'guard'"),
        .init("\"level-b\", \"level-c\"]", "\"level-b\", \"feed-flow\"]", at: "members = [\"level-a\"", "contradiction", "different kinds or units"),
        .init("\"level-b\", \"level-c\"]", "\"level-b\", \"feed-position\"]", at: "members = [\"level-a\"", "contradiction", "different kinds or units"),
        .init("members = [\"door\", \"overfill\"]", "members = [\"door\", \"level\"]", "contradiction", "is a voting itself"),
        .init("members = [\"door\", \"overfill\"]", "members = []", "file-invalid", "the names of 2 sensors"),
        .init("deviation = \"0.1 m\"", "deviation = \"0 m\"", "contradiction", "never agree to the last digit"),
        .init("deviation = \"0.1 m\"", "deviation = \"5 m\"", "contradiction", "more than the members can ever differ"),
        .init("deviation-persistence-seconds = 1", "deviation-persistence-hours = 2", "bounds", "outside 0 to 3600000"),
        .init("deviation-persistence-seconds = 1", "deviation = \"1\"\ndeviation-persistence-seconds = 1", at: "deviation = \"1\"", "contradiction", "is a switch"),
    ]

    private static let actuators: [Mistake] = [
        .init("kind = \"solenoid\"", "kind = \"servo\"", "file-invalid", "must be one of \"motor-valve\""),
        .init("name = \"drain\"", "name = \"door\"", at: "actuators = [\"feed\", \"drain\"]", "reference", "there is no actuator 'drain'"),
        .init("position-maximum-percent = 60", "position-maximum-percent = 101", "bounds", "'position-maximum': is 1010 permille"),
        .init("position-minimum-percent = 5", "position-minimum-percent = 61", "contradiction", "above the position maximum"),
        .init("position-maximum-percent = 60\n", "", at: "[[actuator]]\nname = \"feed\"", "file-invalid", "'position-maximum': is missing"),
        .init("dead-band-permille = 10", "dead-band-permille = 201", "bounds", "outside 0 to 200"),
        .init("slew-percent-per-second = 4", "slew-percent-per-second = 4\nslew-permille-per-second = 40", at: "slew-per", "file-invalid", "stands in two units"),
        .init("slew-percent-per-second = 4", "slew-percent-per-second = 20000", "bounds", "outside 0 to 100000"),
        .init("maximum-away-minutes = 30", "maximum-away-hours = 169", "bounds", "outside 0 to 604800000"),
        .init("maximum-away-minutes = 30", "maximum-away-seconds = 14", "contradiction", "before the slew limit"),
        .init("starts-per-hour = 60", "starts-per-hour = 3601", "bounds", "outside 0 to 3600"),
        .init("running-minutes-per-hour = 20", "running-minutes-per-hour = 60", "bounds", "outside 0 to 59"),
        .init("lifetime-cycles = 100000", "lifetime-cycles = 1000000001", "bounds", "outside 0 to 1000000000"),
        .init("lifetime-cycles = 100000", "lifetime-cycle = 100000", "file-invalid", "is it 'lifetime-cycles'?"),
        .init("maximum-away-hours = 2\n", "maximum-away-hours = 2\nposition-maximum-percent = 50\n", at: "position-maximum-percent = 50", "contradiction", "take positions between"),
        .init("maximum-away-hours = 2\n", "maximum-away-hours = 2\ndead-band-percent = 1\n", at: "dead-band-percent", "contradiction", "take positions between"),
        .init("maximum-away-hours = 2\n", "maximum-away-hours = 2\nslew-percent-per-second = 1\n", at: "slew-percent-per-second = 1\n", "contradiction", "take positions between"),
        .init("[actuator.phase.heat]", "[actuator.phase.heet]", "reference", "there is no phase 'heet'; there are fill, heat, hold"),
        .init("position-maximum-percent = 20", "position-maximum-percent = 70", "contradiction", "can only narrow it"),
        .init("position-maximum-percent = 20", "position-maximum-percent = 20\nposition-minimum-percent = 1", at: "position-minimum-percent = 1", "contradiction", "can only narrow"),
        .init("position-maximum-percent = 20", "position-maximum-permille = 1\nposition-minimum-permille = 1", at: "position-minimum-permille = 1", "contradiction", "can only narrow"),
        .init("position-maximum-percent = 20", "position-maximum-percent = 20\ncolour = 1", at: "colour", "file-invalid", "actuator 'feed' [phase.heat], 'colour': is unknown"),
        .init("selector = \"feed-local\"", "selector = \"vent-local\"", "reference", "there is no selector 'vent-local'"),
        .init("selector = \"feed-local\"\n", "", at: "open-button", "contradiction", "buttons count while a selector says Hand"),
        .init("open-button = \"feed-open-button\"", "open-button = \"Feed\"", "name", "character other than"),
        .init("close-button = \"feed-close-button\"", "close-button = \"feed-open-button\"", "line", "one line, one purpose"),
        .init("select-before-operate-seconds = 10", "select-before-operate-milliseconds = 100", "contradiction", "ten ticks"),
        .init("select-before-operate-seconds = 10", "select-before-operate-minutes = 3", "bounds", "outside 0 to 120000"),
        .init("approvals = 2", "approvals = 3", "bounds", "outside 1 to 2"),
        .init("lease-seconds = 60", "lease-milliseconds = 60", "contradiction", "ten ticks"),
        .init("lease-seconds = 60", "lease-hours = 25", "bounds", "outside 0 to 86400000"),
    ]

    private static let valves: [Mistake] = [
        .init("open-line = \"feed-open\"\n", "", at: "[[actuator]]\nname = \"feed\"", "file-invalid", "'open-line': is missing"),
        .init("close-line = \"feed-close\"", "close-line = \"feed-open\"", "line", "one line, one purpose"),
        .init("end-switch-debounce-milliseconds = 40", "end-switch-debounce-seconds = 3", "bounds", "outside 0 to 2000"),
        .init("end-switch-tolerance-percent = 3", "end-switch-tolerance-percent = 21", "bounds", "outside 1 to 200"),
        .init("end-switch-tolerance-percent = 3", "end-switch-tolerance-permille = 150\n#", at: "stroke-percent = 10", "contradiction", "could never be seen to pass"),
        .init("stroke-seconds = 12", "stroke-hours = 2", "bounds", "outside 200 to 3600000"),
        .init("stroke-fastest-milliseconds = 11500", "stroke-fastest-milliseconds = 12001", "contradiction", "longer than the stroke"),
        .init("stroke-fastest-milliseconds = 11500", "stroke-fastest-milliseconds = 5999", "contradiction", "less than half"),
        .init("stroke-slowest-seconds = 14", "stroke-slowest-seconds = 11", "contradiction", "shorter than the stroke"),
        .init("stroke-slowest-seconds = 14", "stroke-slowest-seconds = 25", "contradiction", "more than twice"),
        .init("coast-milliseconds = 30", "coast-milliseconds = 1001", "bounds", "outside 0 to 1000"),
        .init("coast-milliseconds = 30", "cost-milliseconds = 30", at: "[[actuator]]\nname = \"feed\"", "file-invalid", "'coast': is missing"),
        .init("rest-milliseconds = 250", "rest-milliseconds = 5", "bounds", "outside 10 to 60000"),
        .init("position-minimum-percent = 5", "position-minimum-percent = 19", at: "position-maximum-percent = 20", "contradiction", "leaves no room"),
        .init("slew-percent-per-second = 4\nmaximum-away-minutes = 30", "maximum-away-seconds = 8", "contradiction", "before the valve has opened"),
        .init("sensor = \"feed-position\"", "sensor = \"door\"", "contradiction", "is a switch: it must measure"),
        .init("sensor = \"feed-position\"", "sensor = \"level\"", "contradiction", "does not measure 0 (closed) to 1000 (open) permille"),
        .init("deviation-percent = 8", "deviation-percent = 51", "bounds", "outside 1 to 500"),
        .init("deviation-persistence-seconds = 2", "deviation-persistence-milliseconds = 10", "bounds", "outside 20 to 60000"),
        .init("stroke-percent = 10", "stroke-permille = 9", "bounds", "outside 10 to 500"),
        .init("stroke-percent = 10", "stroke-permille = 30", "contradiction", "could never be seen to pass"),
        .init("interval-hours = 720", "interval-hours = 87601", "bounds", "outside 0 to 87600"),
    ]

    private static let others: [Mistake] = [
        .init("energise-to = \"close\"", "energise-to = \"shut\"", "file-invalid", "must be one of \"open\", \"close\""),
        .init("safe-state = \"open\"", "safe-state = \"last\"\n#", at: "actuators = [\"heater\", \"vent\"]", "contradiction", "has the safe state 'last'"),
        .init("minimum-on-milliseconds = 500", "minimum-on-minutes = 11", "bounds", "outside 0 to 600000"),
        .init("travel-milliseconds = 300", "travel-minutes = 2", "bounds", "outside 0 to 60000"),
        .init("maximum-away-hours = 2\n", "maximum-away-milliseconds = 400\n", "contradiction", "least time that it must stay so"),
        .init("energise-to = \"close\"\nminimum-on-milliseconds = 500\nminimum-off-milliseconds = 500\ntravel-milliseconds = 300\nmaximum-away-hours = 2\nstarts-per-hour = 120", "energise-to = \"open\"\nminimum-on-milliseconds = 500\nminimum-off-milliseconds = 500\ntravel-milliseconds = 300\nmaximum-away-hours = 2\nrunning-minutes-per-hour = 11",
              at: "running-minutes-per-hour = 11", "contradiction", "it runs in its safe state"),
        .init("period-seconds = 10", "period-milliseconds = 300", "bounds", "outside 500 to 3600000"),
        .init("minimum-on-milliseconds = 400", "minimum-on-milliseconds = 9700", "contradiction", "together are longer than the period"),
        .init("minimum-on-milliseconds = 400", "minimum-on-milliseconds = 8100", at: "position-maximum-percent = 80", "contradiction", "could never be on"),
        .init("running-minutes-per-hour = 45", "starts-per-hour = 100", "contradiction", "is less than the 368 starts of its period"),
        .init("running-minutes-per-hour = 45\nsafe-state = \"closed\"", "safe-state = \"last\"", "contradiction", "switched all the time has none"),
        .init("pulse-milliseconds = 100", "pulse-milliseconds = 30", "contradiction", "two ticks"),
        .init("pulse-milliseconds = 100", "pulse-milliseconds = 5001", "bounds", "outside 1 to 5000"),
        .init("rest-milliseconds = 500", "rest-minutes = 2", "bounds", "outside 0 to 60000"),
        .init("feedback-milliseconds = 300", "feedback-milliseconds = 30", "contradiction", "two ticks"),
        .init("feedback-line = \"pump-running\"\n", "", at: "feedback-milliseconds", "contradiction", "belongs to a relay with a feedback line"),
        .init("maximum-away-hours = 1\n", "maximum-away-milliseconds = 600\n", "contradiction", "before the relay could be pulsed back"),
    ]

    private static let trips: [Mistake] = [
        .init("sensor = \"overfill\"", "sensor = \"overfull\"", "reference", "there is no sensor 'overfull'; there are door, overfill"),
        .init("when = \"active\"", "when = \"high\"", at: "when = \"high\"\nactuators", "file-invalid", "must be one of \"active\", \"inactive\""),
        .init("when = \"active\"", "above = \"1 m\"", "contradiction", "is a switch: use when"),
        .init("above = \"2.2 m\"", "when = \"active\"", at: "when = \"active\"\nhysteresis", "contradiction", "use above or below"),
        .init("above = \"2.2 m\"", "above = \"2.2 m\"\nbelow = \"1 m\"", at: "below = \"1 m\"", "file-invalid", "stands beside 'above'"),
        .init("above = \"2.2 m\"\n", "", at: "[[trip]]\nname = \"level-high-high\"", "file-invalid", "gives no condition"),
        .init("above = \"2.2 m\"", "above = \"2.2\"", "file-invalid", "has no unit, and 'level' measures in m"),
        .init("above = \"2.2 m\"", "above = 2.2", "file-invalid", "must be a text in quotes"),
        .init("above = \"2.2 m\"", "above = \"2.2005 m\"", "file-invalid", "cannot be held exactly: write 2.2 m or 2.201 m"),
        .init("above = \"2.2 m\"", "above = \"2.7 m\"", "contradiction", "can never happen"),
        .init("above = \"2.2 m\"", "below = \"2.64 m\"", "contradiction", "can never clear"),
        .init("hysteresis = \"0.05 m\"", "hysteresis = \"2.3 m\"", at: "above = \"2.2 m\"", "contradiction", "can never clear"),
        .init("hysteresis = \"0.05 m\"", "hysteresis = \"-1 m\"", "bounds", "outside 0 to"),
        .init("delay-milliseconds = 500", "delay-minutes = 11", "bounds", "outside 0 to 600000"),
        .init("actuators = [\"feed\", \"heater\"]\n", "", at: "[[trip]]\nname = \"level-high-high\"", "bounds", "are missing"),
        .init("actuators = [\"feed\", \"heater\"]", "actuators = [\"feed\", \"feed\"]", "contradiction", "'feed' stands twice"),
        .init("actuators = [\"feed\", \"heater\"]", "actuators = \"feed\"", "file-invalid", "must be a list of texts"),
        .init("reset = \"local\"\nprocess-safety-seconds = 20\n", "process-safety-seconds = 20\n", at: "[[trip]]\nname = \"overfill\"", "contradiction", "nobody could reset"),
        .init("latched = false", "latched = false\nreset = \"local\"", at: "reset = \"local\"\nphases", "contradiction", "latched trips only"),
        .init("latched = false", "latched = \"no\"", "file-invalid", "must be true or false"),
        .init("process-safety-seconds = 20", "process-safety-seconds = 9", "contradiction", "'feed' may take 9180 ms"),
        .init("process-safety-seconds = 20", "process-safety-hours = 25", "bounds", "outside 0 to 86400000"),
        .init("essential = true", "essential = true\nbypass-maximum-minutes = 5", at: "bypass-maximum-minutes = 5", "contradiction", "can never be bypassed"),
        .init("essential = true", "essential = true\nphases = [\"fill\"]", at: "phases = [\"fill\"]", "contradiction", "armed in all of them"),
        .init("bypass-maximum-minutes = 30", "bypass-maximum-minutes = 1441", "bounds", "outside 0 to 1440"),
        .init("bypass-maximum-minutes = 30", "bypas-maximum-minutes = 30", "file-invalid", "is it 'bypass-maximum-minutes'?"),
        .init("phases = [\"fill\", \"heat\"]", "phases = [\"fill\", \"fill\"]", "contradiction", "name 'fill' twice"),
        .init("phases = [\"fill\", \"heat\"]", "phases = [\"fil\"]", "reference", "there is no phase 'fil'"),
        .init("[[trip]]\nname = \"level-high-high\"", "[[trip]]\nname = \"level-low\"\nsensor = \"level\"\nbelow = \"2.3 m\"\nactuators = [\"heater\"]\nreset = \"local\"\n[[trip]]\nname = \"level-high-high\"",
              at: "below = \"2.3 m\"", "contradiction", "and trip 'level-high-high' leave no value at which 'heater' could move"),
        .init("[[permissive]]", "[[trip]]\nname = \"door-2\"\nsensor = \"door\"\nwhen = \"active\"\nactuators = [\"vent\"]\nlatched = false\n[[permissive]]", at: "when = \"inactive\"", "contradiction", "leave no value"),
        .init("name = \"overspeed\"", "name = \"overfill\"", at: "name = \"overfill\"\nsensor = \"pump-speed\"", "name", "'overfill' stands twice"),
    ]

    private static let interlocks: [Mistake] = [
        .init("name = \"no-leak\"", "name = \"overfill\"", at: "name = \"overfill\"\nactuator = \"feed\"\nat-least-percent = 0", "name", "'overfill' stands twice"),
        .init("above = \"0.4 m\"", "above = \"2.3 m\"", "contradiction", "asks for what trip 'level-high-high' trips at"),
        .init("above = \"0.4 m\"\n", "above = \"0.4 m\"\n[[permissive]]\nname = \"not-covered\"\nactuator = \"heater\"\nsensor = \"level\"\nbelow = \"0.4 m\"\n", at: "below = \"0.4 m\"", "contradiction", "can never hold together"),
        .init("actuators = [\"feed\", \"drain\"]", "actuators = [\"feed\"]", at: "actuators = [\"feed\"]\n\n[[sequence]]", "file-invalid", "must name two"),
        .init("actuators = [\"feed\", \"drain\"]", "actuators = [\"feed\", \"feed\"]", "contradiction", "name one and the same"),
        .init("actuators = [\"feed\", \"drain\"]", "actuators = [\"feed\", \"pump\"]", at: "after = \"feed\"", "contradiction", "exclude each other, says 'feed-or-drain'"),
        .init("after = \"feed\"", "after = \"pump\"", "contradiction", "is the actuator itself"),
        .init("for-seconds = 2\n", "for-seconds = 2\n[[sequence]]\nname = \"back\"\nactuator = \"feed\"\nafter = \"vent\"\nat-least-percent = 1\n[[sequence]]\nname = \"round\"\nactuator = \"vent\"\nafter = \"pump\"\nat-least-percent = 1\n",
              at: "after = \"feed\"", "contradiction", "waits in the end for this one itself"),
        .init("at-least-percent = 10\nfor-seconds = 2", "at-least-percent = 58\nfor-seconds = 2", "contradiction", "further than 'feed' can go"),
        .init("at-least-percent = 10\nfor-seconds = 2", "at-least-percent = 0\nfor-seconds = 2", "bounds", "outside 1 to 1000"),
        .init("for-seconds = 2", "for-minutes = 30", "contradiction", "is never over"),
        .init("for-seconds = 2", "for-hours = 2", "bounds", "outside 0 to 3600000"),
        .init("within-seconds = 8", "within-milliseconds = 800", "contradiction", "that 'feed-flow' itself needs"),
        .init("within-seconds = 8", "within-minutes = 30", "contradiction", "is never over"),
        .init("within-seconds = 8", "within-hours = 2", "bounds", "outside 20 to 3600000"),
        .init("otherwise = \"alarm\"", "otherwise = \"shrug\"", "file-invalid", "must be one of \"fault\", \"alarm\""),
        .init("sensor = \"feed-flow\"\nabove = \"2 l/min\"", "sensor = \"level\"\nabove = \"2.3 m\"", at: "above = \"2.3 m\"", "contradiction", "asks for what trip 'level-high-high' trips at"),
        .init("above = \"2 l/min\"", "above = \"130 l/min\"", "contradiction", "can never happen"),
    ]
}
