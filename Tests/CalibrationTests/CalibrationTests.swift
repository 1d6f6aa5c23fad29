// The envelope as signed bytes: what comes back is what was written, and nothing else is taken; what
// contradicts itself is refused with place and key, whoever made the bytes.

import Bytes
import Calibration
import Foundation
import Signed
import Testing

/// The compiled calibrations that the tests start from, by name.
func corpus(_ name: String) throws -> [UInt8] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Corpus")
    return Array(try Data(contentsOf: folder.appendingPathComponent(name + ".cbor")))
}

func decoded(_ bytes: [UInt8]) throws(PayloadError) -> Calibration { try Calibration(decoding: bytes.span.bytes) }

/// A calibration with everything in it, as parts that a test may change.
private func everything() throws -> Calibration.Content { try decoded(corpus("everything")).content }

@Suite struct CalibrationTests {
    @Test("What is encoded is decoded", arguments: ["everything", "largest", "smallest"])
    func roundTrip(name: String) throws {
        let bytes = try corpus(name)
        let calibration = try decoded(bytes)
        #expect(calibration.encoded() == bytes)
        #expect(try Calibration(calibration.content) == calibration)
        #expect(bytes.count <= Calibration.encodedMaximum)
    }

    @Test("Lines and channels stand once each, in the order that the controller wires them")
    func lines() throws {
        let calibration = try decoded(corpus("everything"))
        #expect(calibration.outputLines == ["feed-open", "feed-close", "vent-coil", "heater", "pump-set", "pump-reset", "drain-coil"])
        #expect(calibration.inputLines == [
            "reset-button", "reset-key", "feed-hand", "feed-auto", "door-closed", "door-open", "overfill", "feed-pulse", "pump-tacho", "feed-open-end",
            "feed-closed-end", "feed-open-button", "feed-close-button", "pump-running",
        ])
        #expect(calibration.analogueChannels == ["level-a", "level-b", "level-c", "feed-position"])
    }

    @Test("The largest calibration has as many of everything as there may be")
    func largest() throws {
        let calibration = try decoded(corpus("largest"))
        #expect(calibration.actuators.count == Calibration.actuatorsMaximum && calibration.sensors.count == Calibration.sensorsMaximum)
        #expect(calibration.trips.count == Calibration.tripsMaximum && calibration.interlocks.count == Calibration.interlocksMaximum)
        #expect(calibration.resets.count == Calibration.resetsMaximum && calibration.selectors.count == Calibration.selectorsMaximum)
        #expect(calibration.phases.count == Calibration.phasesMaximum && calibration.sensors.allSatisfy { $0.name.utf8.count == Calibration.nameMaximum || $0.name.utf8.count > 20 })
        var content = calibration.content
        content.trips.append(content.trips[0])
        #expect(refusal(content) == .init(problem: .bounds, place: .calibration, key: "trip"))
    }

    @Test("What needs more bytes than a document may have is refused, and says what to do")
    func tooLong() throws {
        var content = try decoded(corpus("largest")).content
        // As many motor valves as there may be, each with a limit for every phase: they say the most.
        guard case .motorValve(let model) = content.actuators[0].drive else { return #expect(Bool(false)) }
        for i in content.actuators.indices {
            if case .latchingRelay = content.actuators[i].drive { continue }
            var valve = model
            let number = i < 10 ? "0\(i)" : "\(i)"
            valve.openLine = "open-\(number)-with-a-very-long-name-in"
            valve.closeLine = "shut-\(number)-with-a-very-long-name-in"
            valve.openEndLine = "oend-\(number)-with-a-very-long-name-in"
            valve.closedEndLine = "cend-\(number)-with-a-very-long-name-in"
            content.actuators[i].drive = .motorValve(valve)
            content.actuators[i].envelope = content.actuators[0].envelope
        }
        for i in content.trips.indices where !content.trips[i].isEssential {
            content.trips[i].actuators = Array(0..<16)
            content.trips[i].phases = Array(0..<8)
        }
        do throws(CalibrationError) {
            _ = try Calibration(content)
            Issue.record("it fits after all")
        } catch { #expect(error.code == "calibration-bounds" && error.sentence.contains("longer than \(Calibration.encodedMaximum) bytes: shorten names or split the board"), "\(error.sentence)") }
    }

    @Test("Every truncation is refused")
    func truncation() throws {
        let bytes = try corpus("everything")
        for length in 0..<bytes.count {
            #expect(throws: PayloadError.self) { try decoded(Array(bytes[..<length])) }
        }
        #expect(throws: PayloadError.self) { try decoded(bytes + [0]) }
        #expect(throws: PayloadError.self) { try decoded([UInt8](repeating: 0x80, count: Calibration.encodedMaximum + 1)) }
    }

    private func refusal(_ content: Calibration.Content) -> Refusal? {
        do throws(CalibrationError) {
            _ = try Calibration(content)
            return nil
        } catch { return Refusal(problem: error.problem, place: error.place, key: error.key) }
    }

    /// What no file can say, but bytes can; the file's own mistakes are in CompilerTests.
    @Test("Contradictions in signed bytes are refused, with place and key", arguments: contradictions)
    func contradiction(_ change: Change) throws {
        var content = try everything()
        #expect(refusal(content) == nil)
        change.make(&content)
        #expect(refusal(content) == change.refusal)
    }
}

struct Refusal: Equatable, Sendable {
    let problem: CalibrationError.Problem
    let place: CalibrationError.Place
    let key: String
}

struct Change: Sendable, CustomTestStringConvertible {
    let refusal: Refusal
    let make: @Sendable (inout Calibration.Content) -> Void

    init(_ problem: CalibrationError.Problem, _ place: CalibrationError.Place, _ key: String, _ make: @escaping @Sendable (inout Calibration.Content) -> Void) {
        refusal = Refusal(problem: problem, place: place, key: key)
        self.make = make
    }

    var testDescription: String { "\(refusal.place) \(refusal.key) \(refusal.problem)" }
}

let contradictions: [Change] = [
    .init(.bounds, .calibration, "version") { $0.version = 0 },
    .init(.bounds, .calibration, "sensor") {
        for i in 0...Calibration.flowMetersMaximum {
            $0.sensors.append(Sensor(name: "m\(i)", source: .flowMeter(FlowMeter(line: "m\(i)", microlitresPerPulse: 1, maximumPulsesPerSecond: 1))))
        }
    },
    .init(.bounds, .calibration, "version") { $0.version = -1 },
    .init(.reference, .actuator(0), "reset") { $0.actuators[0].reset = 2 },
    .init(.reference, .actuator(0), "reset") { $0.actuators[0].reset = -1 },
    .init(.reference, .actuator(0), "governance.selector") { $0.actuators[0].governance.selector = 1 },
    .init(.reference, .actuator(0), "phase") { $0.actuators[0].envelope.phases[0].phase = 3 },
    .init(.contradiction, .actuator(0), "phase.hold") { $0.actuators[0].envelope.phases[0].phase = 2 },
    .init(.contradiction, .actuator(0), "phase.heat.position-maximum") { $0.actuators[0].envelope.phases[0].maximumPermille = -1 },
    .init(.contradiction, .actuator(0), "phase.heat.position-minimum") { $0.actuators[0].envelope.phases[0].minimumPermille = 201 },
    .init(.contradiction, .actuator(0), "dead-band") { $0.actuators[0].envelope = Envelope(maximumPermille: 150, deadBandPermille: 150) },
    .init(.contradiction, .actuator(0), "end-switch-tolerance") {
        $0.actuators[0].envelope = Envelope(maximumPermille: 30)
    },
    .init(.contradiction, .actuator(0), "proof-test.stroke") {
        $0.actuators[0].envelope = Envelope(maximumPermille: 100)
    },
    .init(.contradiction, .actuator(0), "safe-state") { $0.actuators[0].safeState = .open; $0.actuators[0].envelope.maximumAwayMilliseconds = 0; $0.actuators[0].envelope.phases = [] },
    .init(.contradiction, .actuator(0), "maximum-away") { $0.actuators[0].safeState = .open; $0.actuators[0].envelope.phases = [] },
    .init(.contradiction, .actuator(0), "governance.lease") { $0.actuators[0].safeState = .last },
    .init(.contradiction, .actuator(1), "phase.fill.position-maximum") { $0.actuators[1].envelope.phases = [PhaseLimit(phase: 0, minimumPermille: 0, maximumPermille: 0)] },
    .init(.contradiction, .actuator(4), "phase.fill.position-maximum") { $0.actuators[4].envelope.phases = [PhaseLimit(phase: 0, minimumPermille: 0, maximumPermille: 500)] },
    .init(.reference, .actuator(0), "feedback.sensor") {
        guard case .motorValve(var valve) = $0.actuators[0].drive else { return }
        valve.feedback?.sensor = 10
        $0.actuators[0].drive = .motorValve(valve)
    },
    .init(.line, .actuator(0), "open-end-line") {
        guard case .motorValve(var valve) = $0.actuators[0].drive else { return }
        valve.openEndLine = "overfill"
        $0.actuators[0].drive = .motorValve(valve)
    },
    .init(.name, .actuator(0), "open-line") {
        guard case .motorValve(var valve) = $0.actuators[0].drive else { return }
        valve.openLine = ""
        $0.actuators[0].drive = .motorValve(valve)
    },
    .init(.name, .actuator(0), "name") { $0.actuators[0].name = "feed\u{0}" },
    .init(.name, .actuator(0), "name") { $0.actuators[0].name = String(repeating: "a", count: 33) },
    .init(.name, .actuator(1), "name") { $0.actuators[1].name = "feed" },
    .init(.name, .actuator(1), "name") { $0.actuators[1].name = "level" },
    .init(.name, .reset(1), "name") { $0.resets[1].name = "local" },
    .init(.name, .selector(0), "name") { $0.selectors[0].name = "local" },
    .init(.name, .trip(3), "name") { $0.trips[3].name = "overspeed" },
    .init(.name, .interlock(4), "name") { $0.interlocks[4].name = "overspeed" },
    .init(.name, .sensor(4), "unit") {
        guard case .analogue(var input) = $0.sensors[4].source else { return }
        input.unit = "m\u{7}"
        $0.sensors[4].source = .analogue(input)
    },
    .init(.bounds, .sensor(4), "coefficients") {
        guard case .analogue(var input) = $0.sensors[4].source else { return }
        input.coefficients = []
        $0.sensors[4].source = .analogue(input)
    },
    .init(.reference, .sensor(8), "members") { $0.sensors[8].source = .voting(Voting(scheme: .twoOutOfThree, members: [4, 5, 9], deviation: 100, deviationMilliseconds: 0)) },
    .init(.reference, .sensor(8), "members") { $0.sensors[8].source = .voting(Voting(scheme: .twoOutOfThree, members: [-1, 5, 6], deviation: 100, deviationMilliseconds: 0)) },
    .init(.bounds, .sensor(9), "members") { $0.sensors[9].source = .voting(Voting(scheme: .oneOutOfTwo, members: [], deviation: 0, deviationMilliseconds: 0)) },
    .init(.contradiction, .sensor(9), "deviation") { $0.sensors[9].source = .voting(Voting(scheme: .oneOutOfTwo, members: [0, 1], deviation: 1, deviationMilliseconds: 0)) },
    .init(.contradiction, .sensor(0), "maximum-rate-per-second") { $0.sensors[0].plausibility.maximumRatePerSecond = 1 },
    .init(.contradiction, .sensor(2), "stale") { $0.sensors[2].plausibility.staleMilliseconds = 1000 },
    .init(.reference, .trip(0), "sensor") { $0.trips[0].sensor = 10 },
    .init(.reference, .trip(0), "actuators") { $0.trips[0].actuators = [5] },
    .init(.reference, .trip(0), "reset") { $0.trips[0].reset = 2 },
    .init(.reference, .trip(2), "phases") { $0.trips[2].phases = [3] },
    .init(.contradiction, .trip(0), "above") { $0.trips[0].condition = .above(0) },
    .init(.contradiction, .trip(0), "below") { $0.trips[0].condition = .below(1) },
    .init(.contradiction, .trip(0), "hysteresis") { $0.trips[0].hysteresis = 1 },
    .init(.contradiction, .trip(0), "actuators") { $0.actuators[0].safeState = .last; $0.actuators[0].governance.leaseMilliseconds = 0 },
    .init(.reference, .interlock(0), "actuator") { $0.interlocks[0].interlock = .permissive(actuator: 5, sensor: 8, condition: .above(400)) },
    .init(.reference, .interlock(0), "sensor") { $0.interlocks[0].interlock = .permissive(actuator: 0, sensor: 10, condition: .above(400)) },
    .init(.reference, .interlock(1), "actuators") { $0.interlocks[1].interlock = .exclusion(first: 0, second: 5) },
    .init(.reference, .interlock(2), "after") { $0.interlocks[2].interlock = .sequence(actuator: 3, after: -1, atLeastPermille: 100, forMilliseconds: 0) },
    .init(.bounds, .interlock(2), "at-least") { $0.interlocks[2].interlock = .sequence(actuator: 3, after: 0, atLeastPermille: 0, forMilliseconds: 0) },
    .init(.contradiction, .interlock(1), "actuators") { $0.actuators[4].safeState = .last },
]
