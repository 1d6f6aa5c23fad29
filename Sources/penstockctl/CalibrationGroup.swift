// penstockctl calibration: check, compile, inspect and draw calibrations.
import ArgumentParser
import Bytes
import Calibration
import Compiler
import Cryptography

struct CalibrationGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibration", abstract: "Calibrations: the envelope that actuators are kept in.",
        discussion: """
            From the file that people write to the object that a board believes:

              penstockctl calibration check Boards/qemu-x86_64
              penstockctl calibration compile Boards/qemu-x86_64 --output tank.cbor
              penstockctl sign tank.cbor --purpose calibration --key ann.key
              penstockctl calibration inspect tank.cbor.cose
            """,
        subcommands: [CalibrationCheck.self, CalibrationCompile.self, CalibrationInspect.self, CalibrationPlotCommand.self])
}

/// The board beside a calibration, if one is given or lies in the same folder.
private func checkedWiring(_ calibration: Calibration, _ path: String, board: String?) throws -> String {
    guard let board else { return "lines not compared with a board (--board)" }
    let description = try BoardCompiler.compile(board)
    try CalibrationCompiler.checkWiring(calibration, description, path: path)
    return "its \(calibration.inputLines.count + calibration.outputLines.count) lines are on board '\(description.name)'"
}

struct CalibrationCheck: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Says whether a calibration is right, and if not, where and why; and what is worth a thought.",
        discussion: "  penstockctl calibration check Boards/qemu-x86_64 --board Boards/qemu-x86_64")

    @Argument(help: "A calibration.toml, or the folder that holds one.")
    var calibration: String

    @Option(help: "Compare its lines with this board: a board.toml or its folder.")
    var board: String?

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let value = try CalibrationCompiler.compile(calibration)
        let wiring = try checkedWiring(value, calibration, board: board)
        let advice = CalibrationCompiler.advice(value)
        return Report(
            ["calibration \(value.version) of \(value.board) is right; \(wiring)"] + advice.map { "note: " + $0 },
            [("version", .integer(value.version)), ("board", .string(value.board)), ("notes", .strings(advice))])
    }
}

struct CalibrationCompile: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "compile", abstract: "Makes the payload to be signed.",
        discussion: "  penstockctl calibration compile Boards/qemu-x86_64 --output tank.cbor")

    @Argument(help: "A calibration.toml, or the folder that holds one.")
    var calibration: String

    @Option(help: "Compare its lines with this board: a board.toml or its folder.")
    var board: String?

    @Option(name: [.customShort("o"), .customLong("output")], help: "Where the payload goes.")
    var destination: String = "calibration.cbor"

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let value = try CalibrationCompiler.compile(calibration)
        _ = try checkedWiring(value, calibration, board: board)
        let encoded = value.encoded()
        try writeFile(destination, encoded)
        let digest = SHA256.hash(encoded).hexadecimal
        return Report(
            ["compiled calibration \(value.version) of \(value.board) into \(destination) (\(encoded.count) bytes)", "digest \(digest)"],
            [("output", .string(destination)), ("bytes", .integer(encoded.count)), ("digest", .string(digest))])
    }
}

struct CalibrationInspect: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Shows a calibration: the file, the payload or the signed object. Signatures are not looked at.")

    @Argument(help: "A calibration.toml, its folder, a compiled .cbor or a signed .cose.")
    var calibration: String

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let value = try CalibrationCompiler.load(calibration)
        let digest = SHA256.hash(value.encoded()).hexadecimal
        var lines = [
            "calibration \(value.version) of \(value.board), digest \(digest)",
            "tick       \(duration(value.tickMilliseconds)), supervision \(duration(value.supervisionTimeoutMilliseconds))",
        ]
        for reset in value.resets { lines.append("reset      \(reset.name): line \(reset.line), held \(duration(reset.holdMilliseconds))") }
        for sensor in value.sensors { lines.append("sensor     \(Self.text(sensor))") }
        for actuator in value.actuators { lines.append("actuator   \(Self.text(actuator))") }
        for trip in value.trips { lines.append("trip       \(Self.text(trip, value))") }
        return Report(lines, [
            ("version", .integer(value.version)), ("board", .string(value.board)), ("digest", .string(digest)),
            ("tickMilliseconds", .integer(value.tickMilliseconds)),
            ("supervisionTimeoutMilliseconds", .integer(value.supervisionTimeoutMilliseconds)),
            ("sensors", .strings(value.sensors.map(\.name))), ("actuators", .array(value.actuators.map(Self.json))),
            ("trips", .array(value.trips.map {
                .object([("name", .string($0.name)), ("sensor", .string(value.sensors[$0.sensor].name)),
                         ("actuator", .string(value.actuators[$0.actuator].name)), ("latched", .boolean($0.latched))])
            })),
        ])
    }

    private static func text(_ sensor: Sensor) -> String {
        switch sensor {
        case .switch(let value): "\(value.name): switch on \(value.line), active \(value.activeWhenHigh ? "high" : "low"), debounce \(duration(value.debounceMilliseconds))"
        case .flowMeter(let meter): "\(meter.name): flow meter on \(meter.line), \(meter.microlitresPerPulse) µl a pulse, at most \(meter.maximumPulsesPerSecond) pulses a second"
        }
    }

    private static func text(_ actuator: Actuator) -> String {
        switch actuator {
        case .motorValve(let valve):
            "\(valve.name): motor valve, \(percent(valve.positionMinimumPermille)) to \(percent(valve.positionMaximumPermille)), stroke \(duration(valve.strokeMilliseconds)) (\(duration(valve.strokeFastestMilliseconds)) to \(duration(valve.strokeSlowestMilliseconds))), open at most \(valve.maximumOpenMilliseconds == 0 ? "for ever" : duration(valve.maximumOpenMilliseconds)), safe \(valve.safeState)"
        case .solenoid(let solenoid):
            "\(solenoid.name): solenoid on \(solenoid.line), energised to \(solenoid.energiseToOpen ? "open" : "close"), safe \(solenoid.safeState)"
        }
    }

    private static func text(_ trip: Trip, _ value: Calibration) -> String {
        let actuator = value.actuators[trip.actuator]
        return "\(trip.name): \(value.sensors[trip.sensor].name) \(trip.condition) -> \(actuator.name) \(actuator.safeState)" + (trip.latched ? ", latched" : "")
    }

    private static func json(_ actuator: Actuator) -> JSON {
        switch actuator {
        case .motorValve(let valve):
            .object([("name", .string(valve.name)), ("kind", .string("motor-valve")),
                     ("positionMinimumPermille", .integer(valve.positionMinimumPermille)), ("positionMaximumPermille", .integer(valve.positionMaximumPermille)),
                     ("maximumOpenMilliseconds", .integer(valve.maximumOpenMilliseconds))])
        case .solenoid(let solenoid):
            .object([("name", .string(solenoid.name)), ("kind", .string("solenoid")), ("maximumOnMilliseconds", .integer(solenoid.maximumOnMilliseconds))])
        }
    }
}

struct CalibrationPlotCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "plot", abstract: "Draws a calibration as SVG: envelopes, times, trips.",
        discussion: "  penstockctl calibration plot Boards/qemu-x86_64 --output envelope.svg")

    @Argument(help: "A calibration.toml, its folder, a compiled .cbor or a signed .cose.")
    var calibration: String

    @Option(name: [.customShort("o"), .customLong("output")], help: "Where the picture goes.")
    var destination: String = "calibration.svg"

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let value = try CalibrationCompiler.load(calibration)
        try writeFile(destination, Array(CalibrationPlot.svg(value).utf8))
        return Report(["drew calibration \(value.version) of \(value.board) into \(destination)"], [("output", .string(destination))])
    }
}

private func duration(_ milliseconds: Int) -> String { CalibrationCompiler.duration(milliseconds) }
private func percent(_ permille: Int) -> String { CalibrationCompiler.percent(permille) }
