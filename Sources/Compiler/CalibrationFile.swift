// The human-edited file on its way to a calibration. Units stand in the names of the keys, so a number is
// never without one; Articles/Calibration lists every key. Here the frame; sensors, actuators and
// interlocks have files of their own.
import Calibration

struct CalibrationFile {
    private let file: TOMLSection
    private var sections: [(place: CalibrationError.Place, section: TOMLSection)] = []
    var content = Calibration.Content(
        version: 0, board: "", tickMilliseconds: 0, supervisionTimeoutMilliseconds: 0, resets: [], sensors: [], actuators: [], trips: [])

    init(_ path: String) throws(Failure) {
        file = try TOMLSection(reading: path, code: CalibrationCompiler.code)
        try readFrame()
        for key in ["reset", "selector", "sensor", "actuator", "trip"] + InterlockKind.allCases.map(\.rawValue) { _ = file.has(key) }
        try file.end()
        try readList("reset", CalibrationError.Place.reset) { file, section throws(Failure) in file.content.resets.append(try Self.reset(section)) }
        try readList("selector", CalibrationError.Place.selector) { file, section throws(Failure) in file.content.selectors.append(try Self.selector(section)) }
        try readList("sensor", CalibrationError.Place.sensor) { file, section throws(Failure) in file.content.sensors.append(try file.sensor(section)) }
        try readList("actuator", CalibrationError.Place.actuator) { file, section throws(Failure) in file.content.actuators.append(try file.actuator(section)) }
        try readList("trip", CalibrationError.Place.trip) { file, section throws(Failure) in file.content.trips.append(try file.trip(section)) }
        for kind in InterlockKind.allCases {
            try readList(kind.rawValue, { [first = content.interlocks.count] in .interlock(first + $0) }) { file, section throws(Failure) in
                file.content.interlocks.append(try file.interlock(kind, section))
            }
        }
    }

    /// The calibration, or why it is none, with the line.
    func calibration() throws(Failure) -> Calibration {
        do throws(CalibrationError) { return try Calibration(content) } catch {
            let section = sections.first { $0.place == error.place }?.section ?? file
            throw section.refusal(error.key, error.text, code: error.code)
        }
    }

    private mutating func readFrame() throws(Failure) {
        content.version = try file.integer("version", 1...Int(UInt32.max))
        content.board = try file.text("board")
        content.tickMilliseconds = try file.duration("tick")
        content.supervisionTimeoutMilliseconds = try file.duration("supervision-timeout")
        content.phases = try file.texts("phases")
    }

    private mutating func readList(
        _ key: String, _ place: (Int) -> CalibrationError.Place, _ read: (inout Self, TOMLSection) throws(Failure) -> Void
    ) throws(Failure) {
        for (index, section) in try file.sections(key).enumerated() {
            sections.append((place(index), section))
            try read(&self, section)
            try section.end()
        }
    }

    private static func reset(_ section: TOMLSection) throws(Failure) -> Reset {
        Reset(name: try section.text("name"), line: try section.text("line"), holdMilliseconds: try section.duration("hold", or: 500))
    }

    private static func selector(_ section: TOMLSection) throws(Failure) -> Selector {
        Selector(
            name: try section.text("name"), handLine: try section.text("hand-line"), autoLine: try section.text("auto-line"),
            debounceMilliseconds: try section.duration("debounce", or: 50), changesMaximum: try section.count("changes-maximum", or: 6),
            buttonMaximumMilliseconds: try section.duration("button-maximum", or: 60_000))
    }

    // MARK: things that the file calls by name

    func place(_ key: String, _ section: TOMLSection, _ kind: String, _ names: [String]) throws(Failure) -> Int {
        try place(of: section.text(key), key, section, kind, names)
    }

    func places(_ key: String, _ section: TOMLSection, _ kind: String, _ names: [String]) throws(Failure) -> [Int] {
        var places: [Int] = []
        for name in try section.texts(key) { places.append(try place(of: name, key, section, kind, names)) }
        return places
    }

    func place(of name: String, _ key: String, _ section: TOMLSection, _ kind: String, _ names: [String]) throws(Failure) -> Int {
        guard let place = names.firstIndex(of: name) else {
            throw section.refusal(key, "there is no \(kind) '\(name)'; " + (names.isEmpty ? "the file has none" : "there are \(names.joined(separator: ", "))"),
                                  code: "calibration-reference")
        }
        return place
    }

    /// A condition on a sensor: `when` of a switch, `above` or `below` of what measures.
    func condition(_ section: TOMLSection, sensor: Int) throws(Failure) -> Condition {
        let given = ["when", "above", "below"].filter(section.has)
        guard given.count == 1 else {
            throw section.refusal(given.last ?? "", given.isEmpty ? "gives no condition: one of when, above, below" : "stands beside '\(given[0])': give one condition")
        }
        let source = content.sensors[sensor]
        switch given[0] {
        case "when": return try section.choice("when", ["active": .active, "inactive": .inactive])
        case "above": return .above(try section.measured("above", of: source, content.sensors))
        default: return .below(try section.measured("below", of: source, content.sensors))
        }
    }
}
