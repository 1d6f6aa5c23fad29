// penstockctl calibration: check, compile, inspect, compare and draw calibrations.
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
        subcommands: [CalibrationCheck.self, CalibrationCompile.self, CalibrationInspect.self, CalibrationDiff.self, CalibrationPlotCommand.self])
}

/// The board beside a calibration, if one is given or lies in the same folder.
private func checkedWiring(_ calibration: Calibration, _ path: String, board: String?) throws -> String {
    guard let board else { return "not compared with a board (--board)" }
    let description = try BoardCompiler.compile(board)
    try CalibrationCompiler.checkWiring(calibration, description, path: path)
    let lines = calibration.inputLines.count + calibration.outputLines.count
    let channels = calibration.analogueChannels.isEmpty ? "" : " and \(calibration.analogueChannels.count) channels"
    return "its \(lines) lines\(channels) are on board '\(description.name)'"
}

struct CalibrationCheck: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Says whether a calibration is right, and if not, where and why; what is worth a thought; and the time of each trip.",
        discussion: "  penstockctl calibration check Boards/qemu-x86_64 --board Boards/qemu-x86_64")

    @Argument(help: "A calibration.toml, its folder, a compiled .cbor or a signed .cose.")
    var calibration: String

    @Option(help: "Compare its lines and channels with this board: a board.toml or its folder.")
    var board: String?

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let value = try CalibrationCompiler.load(calibration)
        let wiring = try checkedWiring(value, calibration, board: board)
        let notes = CalibrationAdvice.notes(value)
        let budgets = TimeBudget.all(value)
        let supervision = TimeBudget.supervision(value)
        var lines = ["calibration \(value.version) of \(value.board) is right; \(wiring)"]
        if !budgets.isEmpty { lines += ["", "the time to safety, at most:", ""] + TimeBudget.table(budgets) }
        lines += ["", "without supervision: " + supervision.map { "\($0.actuator) safe within \($0.milliseconds) ms" }.joined(separator: ", ")]
        if !notes.isEmpty { lines += [""] + notes.map { "note: " + $0 } }
        return Report(lines, [
            ("version", .integer(value.version)), ("board", .string(value.board)), ("notes", .strings(notes)),
            ("times", .array(budgets.map(Self.json))),
            ("withoutSupervision", .array(supervision.map { .object([("actuator", .string($0.actuator)), ("milliseconds", .integer($0.milliseconds))]) })),
        ])
    }

    private static func json(_ budget: TimeBudget) -> JSON {
        .object([
            ("trip", .string(budget.trip)), ("actuator", .string(budget.actuator)), ("detectionMilliseconds", .integer(budget.detectionMilliseconds)),
            ("delayMilliseconds", .integer(budget.delayMilliseconds)), ("travelMilliseconds", .integer(budget.travelMilliseconds)),
            ("reactionMilliseconds", .integer(budget.reactionMilliseconds)),
            ("processSafetyMilliseconds", budget.processSafetyMilliseconds == 0 ? .null : .integer(budget.processSafetyMilliseconds)),
        ])
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
        let items = CalibrationOutline.items(value)
        var lines = ["calibration \(value.version) of \(value.board), digest \(digest)"]
        for item in items {
            lines += ["", item.section == "calibration" ? "[calibration]" : "[\(item.section)] \(item.name)"]
            let width = item.fields.map(\.key.count).max() ?? 0
            lines += item.fields.map { "  " + $0.key.padded(to: width) + "  " + $0.text }
        }
        return Report(lines, [
            ("version", .integer(value.version)), ("board", .string(value.board)), ("digest", .string(digest)),
            ("items", .array(items.map { item in
                .object([("section", .string(item.section)), ("name", .string(item.name)), ("fields", .object(item.fields.map { ($0.key, Self.json($0.value)) }))])
            })),
        ])
    }

    private static func json(_ value: OutlineValue) -> JSON {
        switch value {
        case .number(let number): .integer(number)
        case .flag(let flag): .boolean(flag)
        case .text(let text): .string(text)
        case .list(let texts): .strings(texts)
        }
    }
}

struct CalibrationDiff: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "What a new calibration changes, in engineering terms, and whether it may take over bumplessly.",
        discussion: """
            Each change is marked: + tighter, - looser, ~ neither, or not to be told from the number alone.

              penstockctl calibration diff tank.cbor Boards/tank-board
            """)

    @Argument(help: "The old one: a calibration.toml, its folder, a compiled .cbor or a signed .cose.")
    var old: String

    @Argument(help: "The new one, likewise.")
    var new: String

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let difference = CalibrationDifference(from: try CalibrationCompiler.load(old), to: try CalibrationCompiler.load(new))
        let marks: [CalibrationDifference.Direction: String] = [.tighter: "+", .looser: "-", .other: "~"]
        var lines = difference.changes.map { marks[$0.direction]! + " " + $0.text }
        if lines.isEmpty { lines = ["they say the same"] }
        let activation = difference.bumplessObstacle.map { "it is activated in the safe state only: \($0)" }
            ?? "it may be activated bumplessly, while every actuator stands inside the new limits"
        lines += ["", activation]
        return Report(lines, [
            ("changes", .array(difference.changes.map { change in
                .object([("subject", .string(change.subject)), ("key", .string(change.key)), ("before", .string(change.before)), ("after", .string(change.after)),
                         ("direction", .string(change.direction.rawValue)), ("word", .string(change.word))])
            })),
            ("bumpless", .boolean(difference.bumplessObstacle == nil)), ("obstacle", difference.bumplessObstacle.map { .string($0) } ?? .null),
        ])
    }
}

struct CalibrationPlotCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "plot", abstract: "Draws a calibration as SVG: envelopes, duty, the interlock matrix, time budgets, sensors.",
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

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
