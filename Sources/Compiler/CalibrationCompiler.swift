// A calibration from its human-edited file, Boards/<name>/calibration.toml. Units stand in the names of
// the keys, so a number is never without one; the schema is told by the file of the virtual board.
import Board
import Bytes
import Calibration
import Foundation
import Signed

public enum CalibrationCompiler {
    static let code = "calibration-file-invalid"

    /// - path: a calibration.toml, or the folder that holds one.
    public static func compile(_ path: String) throws(Failure) -> Calibration {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        let file = exists && isFolder.boolValue ? URL(fileURLWithPath: path).appendingPathComponent("calibration.toml").path : path
        let source = try CalibrationSource(file)
        return try source.calibration()
    }

    /// Reads a compiled calibration: bare, or in a signed object, whose signatures are not looked at.
    public static func read(_ path: String) throws(Failure) -> Calibration {
        let content = try readFile(path, maximum: SignedObject.byteMaximum)
        do throws(PayloadError) {
            if let object = try? SignedObject(content.span.bytes) {
                return try Calibration(decoding: object.unverifiedPayload.span.bytes)
            }
            return try Calibration(decoding: content.span.bytes)
        } catch { throw Failure(error, path: path) }
    }

    /// A file of either kind, told apart by its name.
    public static func load(_ path: String) throws(Failure) -> Calibration {
        path.hasSuffix(".cbor") || path.hasSuffix(".cose") ? try read(path) : try compile(path)
    }

    /// Every line that the calibration names must be on the board, in the right direction.
    public static func checkWiring(_ calibration: Calibration, _ board: BoardDescription, path: String) throws(Failure) {
        guard calibration.board == board.name else {
            throw Failure(code: "calibration-other-board", text: "it is for board '\(calibration.board)', and this is '\(board.name)'", path: path)
        }
        for (names, areOutputs) in [(calibration.outputLines, true), (calibration.inputLines, false)] {
            for name in names {
                guard let line = board.line(named: name) else {
                    let fitting = board.lines.filter { $0.isOutput == areOutputs }.map(\.name).joined(separator: ", ")
                    throw Failure(code: "calibration-line-unknown", text: "the board has no line '\(name)'; its \(areOutputs ? "outputs" : "inputs") are \(fitting)", path: path)
                }
                guard line.isOutput == areOutputs else {
                    throw Failure(code: "calibration-line-direction", text: "line '\(name)' is an \(line.isOutput ? "output" : "input") of the board, and the calibration \(areOutputs ? "drives" : "senses") it", path: path)
                }
            }
        }
    }

    /// What is allowed and still worth a thought.
    public static func advice(_ calibration: Calibration) -> [String] {
        var advice: [String] = []
        for (index, actuator) in calibration.actuators.enumerated() {
            if !calibration.trips.contains(where: { $0.actuator == index }) {
                advice.append("actuator '\(actuator.name)': no trip protects it; only its own limits do")
            }
            if case .motorValve(let valve) = actuator, valve.reachPermille < valve.positionMaximumPermille {
                advice.append("actuator '\(valve.name)': a setpoint of \(percent(valve.positionMaximumPermille)) ends at \(percent(valve.reachPermille)), where the fastest valve of the window is still inside; a narrower stroke window brings them closer")
            }
            if case .motorValve(let valve) = actuator, valve.maximumOpenMilliseconds == 0, valve.safeState == .closed {
                advice.append("actuator '\(valve.name)': it may stay open for ever; 'maximum-open-seconds' would bound what a lost sensor can cost")
            }
        }
        for trip in calibration.trips {
            if case .switch(let sensor) = calibration.sensors[trip.sensor], (trip.condition == .active) == sensor.activeWhenHigh {
                advice.append("trip '\(trip.name)': a cut wire to '\(sensor.name)' reads low, as if all were well; a switch that is high while all is well would trip")
            }
        }
        return advice
    }

    public static func percent(_ permille: Int) -> String {
        permille % 10 == 0 ? "\(permille / 10) %" : "\(permille / 10).\(permille % 10) %"
    }

    public static func duration(_ milliseconds: Int) -> String {
        switch milliseconds {
        case 0: "0 s"
        case ..<1000: "\(milliseconds) ms"
        case _ where milliseconds % 60_000 == 0: "\(milliseconds / 60_000) min"
        case _ where milliseconds % 1000 == 0: "\(milliseconds / 1000) s"
        default: "\(Double(milliseconds) / 1000) s"
        }
    }
}

/// One file on its way to a calibration; it knows its lines, to point at them.
private struct CalibrationSource {
    let path: String
    let file: TOMLSection
    let text: [Substring]

    init(_ path: String) throws(Failure) {
        self.path = path
        file = try TOMLSection(reading: path, code: CalibrationCompiler.code)
        text = String(decoding: try readFile(path, maximum: 1 << 20), as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    }

    func calibration() throws(Failure) -> Calibration {
        let version = try file.integer("version", 1...Int(UInt32.max))
        let board = try file.text("board")
        let tick = try file.duration("tick")
        let supervision = try file.duration("supervision-timeout")
        let resetSections = try file.sections("reset")
        let sensorSections = try file.sections("sensor")
        let actuatorSections = try file.sections("actuator")
        let tripSections = try file.sections("trip")
        try file.end()
        var resets: [Reset] = []
        for section in resetSections { resets.append(try reset(section)) }
        var sensors: [Sensor] = []
        for section in sensorSections { sensors.append(try sensor(section)) }
        var actuators: [Actuator] = []
        for section in actuatorSections { actuators.append(try actuator(section, resets)) }
        var trips: [Trip] = []
        for section in tripSections { trips.append(try trip(section, resets, sensors, actuators)) }
        do throws(CalibrationError) {
            return try Calibration(
                version: UInt64(version), board: board, tickMilliseconds: tick, supervisionTimeoutMilliseconds: supervision,
                resets: resets, sensors: sensors, actuators: actuators, trips: trips)
        } catch { throw failure(error) }
    }

    private func reset(_ section: TOMLSection) throws(Failure) -> Reset {
        let reset = Reset(name: try section.text("name"), line: try section.text("line"), holdMilliseconds: try section.duration("hold"))
        try section.end()
        return reset
    }

    private func sensor(_ section: TOMLSection) throws(Failure) -> Sensor {
        let isSwitch = try section.choice("kind", ["switch": true, "flow-meter": false])
        let (name, line) = (try section.text("name"), try section.text("line"))
        let sensor: Sensor = isSwitch
            ? .switch(Switch(
                name: name, line: line, debounceMilliseconds: try section.duration("debounce"),
                activeWhenHigh: try section.choice("active-when", ["high": true, "low": false])))
            : .flowMeter(FlowMeter(
                name: name, line: line, microlitresPerPulse: try section.integer("microlitres-per-pulse", 1...100_000_000),
                maximumPulsesPerSecond: try section.integer("maximum-pulses-per-second", 1...10_000)))
        try section.end()
        return sensor
    }

    private func actuator(_ section: TOMLSection, _ resets: [Reset]) throws(Failure) -> Actuator {
        let isValve = try section.choice("kind", ["motor-valve": true, "solenoid": false])
        let actuator: Actuator = isValve ? .motorValve(try motorValve(section, resets)) : .solenoid(try solenoid(section, resets))
        try section.end()
        return actuator
    }

    private func motorValve(_ section: TOMLSection, _ resets: [Reset]) throws(Failure) -> MotorValve {
        MotorValve(
            name: try section.text("name"), openLine: try section.text("open-line"), closeLine: try section.text("close-line"),
            openEndLine: try section.text("open-end-line"), closedEndLine: try section.text("closed-end-line"),
            endSwitchDebounceMilliseconds: try section.duration("end-switch-debounce"),
            endSwitchTolerancePermille: try section.share("end-switch-tolerance"),
            strokeMilliseconds: try section.duration("stroke"), strokeFastestMilliseconds: try section.duration("stroke-fastest"),
            strokeSlowestMilliseconds: try section.duration("stroke-slowest"), coastMilliseconds: try section.duration("coast"),
            positionMinimumPermille: try section.share("position-minimum"), positionMaximumPermille: try section.share("position-maximum"),
            maximumOpenMilliseconds: try section.duration("maximum-open"), restMilliseconds: try section.duration("rest"),
            safeState: try safeState(section), reset: try place("reset", section, resets.map(\.name)))
    }

    private func solenoid(_ section: TOMLSection, _ resets: [Reset]) throws(Failure) -> Solenoid {
        Solenoid(
            name: try section.text("name"), line: try section.text("line"),
            energiseToOpen: try section.choice("energise-to", ["open": true, "close": false]),
            maximumOnMilliseconds: try section.duration("maximum-on"), minimumOnMilliseconds: try section.duration("minimum-on"),
            minimumOffMilliseconds: try section.duration("minimum-off"), safeState: try safeState(section),
            reset: try place("reset", section, resets.map(\.name)))
    }

    private func safeState(_ section: TOMLSection) throws(Failure) -> SafeState {
        try section.choice("safe-state", ["closed": SafeState.closed, "open": .open, "last": .last])
    }

    private func trip(_ section: TOMLSection, _ resets: [Reset], _ sensors: [Sensor], _ actuators: [Actuator]) throws(Failure) -> Trip {
        let name = try section.text("name")
        let sensor = try place("sensor", section, sensors.map(\.name))
        let word = try section.choice("when", ["active": 0, "inactive": 1, "above": 2, "below": 3])
        let condition: Condition = switch word {
        case 0: .active
        case 1: .inactive
        case 2: .above(microlitresPerSecond: try section.integer("microlitres-per-second", 0...Int(UInt32.max)))
        default: .below(microlitresPerSecond: try section.integer("microlitres-per-second", 0...Int(UInt32.max)))
        }
        let delay = try section.duration("delay")
        let actuator = try place("actuator", section, actuators.map(\.name))
        let latched = try section.boolean("latched", or: true)
        let reset = section.has("reset") ? try place("reset", section, resets.map(\.name)) : nil
        try section.end()
        return Trip(name: name, sensor: sensor, condition: condition, delayMilliseconds: delay, actuator: actuator, latched: latched, reset: reset)
    }

    /// The place of a thing that the file calls by name.
    private func place(_ key: String, _ section: TOMLSection, _ names: [String]) throws(Failure) -> Int {
        let name = try section.text(key)
        guard let place = names.firstIndex(of: name) else {
            throw section.refusal(key, "there is no \(key) '\(name)'; " + (names.isEmpty ? "the file has no [[\(key)]]" : "there are \(names.joined(separator: ", "))"))
        }
        return place
    }

    // MARK: pointing at the file

    private func failure(_ error: CalibrationError) -> Failure {
        let (kind, index): (String, Int) = switch error.place {
        case .calibration: ("", 0)
        case .reset(let i): ("reset", i)
        case .sensor(let i): ("sensor", i)
        case .actuator(let i): ("actuator", i)
        case .trip(let i): ("trip", i)
        }
        let number = lineNumber(kind, index, error.key)
        let subject = kind.isEmpty ? "" : "\(kind) \(index + 1)" + (value(of: "name", lineNumber(kind, index, "name")).map { " (\($0))" } ?? "") + ": "
        let key = error.key.isEmpty ? "" : "'\(error.key)' "
        return Failure(code: error.code, text: (number.map { "line \($0): " } ?? "") + subject + key + error.text, path: path)
    }

    /// The number, from 1, of the line where the key stands in its section; else of the section's head.
    private func lineNumber(_ kind: String, _ index: Int, _ key: String) -> Int? {
        var seen = -1
        var isInside = kind.isEmpty
        var head: Int?
        for (number, line) in text.enumerated() {
            let words = line.trimmingCharacters(in: .whitespaces)
            if words.hasPrefix("[") {
                if kind.isEmpty { return head }
                if words.hasPrefix("[[\(kind)]]") { seen += 1 }
                isInside = seen == index && words.hasPrefix("[[\(kind)]]")
                if isInside { head = number + 1 }
            } else if isInside, !key.isEmpty, let name = words.split(separator: "=").first?.trimmingCharacters(in: .whitespaces),
                words.contains("="), name == key || CalibrationUnit.all.contains(where: { name == key + $0 }) {
                return number + 1
            }
        }
        return head
    }

    private func value(of key: String, _ number: Int?) -> String? {
        guard let number else { return nil }
        let parts = text[number - 1].split(separator: "\"")
        return parts.count > 1 ? String(parts[1]) : nil
    }
}

enum CalibrationUnit {
    static let durations: KeyValuePairs = ["-milliseconds": 1, "-seconds": 1000, "-minutes": 60_000]
    static let shares: KeyValuePairs = ["-permille": 1, "-percent": 10]
    static let all = durations.map(\.key) + shares.map(\.key)
}

extension TOMLSection {
    /// Milliseconds, from the one key of stroke-milliseconds, stroke-seconds, stroke-minutes that is there.
    func duration(_ base: String) throws(Failure) -> Int { try quantity(base, CalibrationUnit.durations) }

    /// Permille of travel, from the one key of coast-permille, coast-percent that is there.
    func share(_ base: String) throws(Failure) -> Int { try quantity(base, CalibrationUnit.shares) }

    private func quantity(_ base: String, _ units: KeyValuePairs<String, Int>) throws(Failure) -> Int {
        let present = units.filter { has(base + $0.key) }
        guard present.count <= 1 else { throw refusal(base, "stands in two units: \(present.map { base + $0.key }.joined(separator: " and ")); keep one") }
        guard let unit = present.first else { throw refusal(base, "is missing: a whole number as \(units.map { base + $0.key }.joined(separator: " or "))") }
        return try integer(base + unit.key, 0...1_000_000_000) * unit.value
    }
}
