// penstockctl report: a run, or a board's journal, as one page for people and a few figures for scripts.
import ArgumentParser
import Board
import Bytes
import Calibration
import Compiler
import Foundation
import RunReport

struct ReportCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Makes one self-contained page of a run: positions, limits, trips with first-out, orders, what is missing.",
        discussion: """
            Of a run that the rig recorded (tools/run --record run.jsonl), or of the journal on a board's disk or a copy of it. \
            The page is one HTML file with its drawings inside; it needs no script and nothing from elsewhere. \
            Nothing is verified: a journal is what its disk says.

              penstockctl report run.jsonl --output run.html
              penstockctl report --disk disk.img --board Boards/qemu-x86_64 --calibration tank.cose --output run.html
            """)

    @Argument(help: "A run's record, as penstock-rig --record writes it.")
    var record: String?

    @Option(help: "A board's disk: its journal is read, nothing is written.")
    var disk: String?

    @Option(help: "The board of that disk: a board.toml or its folder; its calibration.toml gives the names unless --calibration does.")
    var board: String?

    @Option(help: "The calibration that was in force: .toml, its folder, .cbor or .cose; repeat it for several, the last in force last.")
    var calibration: [String] = []

    @Option(help: "Show this boot alone.")
    var boot: UInt64?

    @Option(help: "Show from here on: seconds of the clock that the page shows.")
    var fromSeconds: Double?

    @Option(help: "Show up to here.")
    var toSeconds: Double?

    @Option(name: [.customShort("o"), .customLong("output")], help: "Where the page goes.")
    var destination: String = "report.html"

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (record == nil) != (disk == nil) else { throw ValidationError("give either a run's record or --disk") }
        guard disk == nil || board != nil else { throw ValidationError("--disk needs --board, which says where the journal stands") }
    }

    func execute() throws -> Report {
        let run = try record.map { try recorded($0) } ?? journal()
        let window = Window(boot: boot, fromSeconds: fromSeconds, toSeconds: toSeconds)
        let page: String
        do throws(RunRecordError) { page = try RunPage.html(run, window: window) } catch { throw Failure(error, path: record ?? disk) }
        try writeFile(destination, Array(page.utf8))
        let summary = RunSummary(run)
        return Report(lines(summary, page.utf8.count), fields(summary, page.utf8.count))
    }

    // MARK: sources

    private func recorded(_ path: String) throws -> RunRecord {
        let content = try readFile(path, maximum: RunLine.fileByteMaximum)
        let known = try encoded(calibration)
        do throws(RunRecordError) { return try RunRecord(RunLine.lines(of: content), calibrations: known) } catch { throw Failure(error, path: path) }
    }

    private func journal() throws -> RunRecord {
        let (disk, board) = (disk!, board!)
        let partition = try DiskPartition(.journal, of: disk, board: BoardCompiler.compile(board))
        let reading = try JournalReading(partition)
        var damage = reading.damage
        if reading.unreadable > 0 { damage.append("\(reading.unreadable) records are of a form that this tool does not know") }
        let known = try encoded(calibration.isEmpty ? [board] : calibration)
        do throws(RunRecordError) { return try RunRecord(reading.lines, calibrations: known, damage: damage) } catch { throw Failure(error, path: disk) }
    }

    private func encoded(_ paths: [String]) throws -> [[UInt8]] { try paths.map { try CalibrationCompiler.load($0).encoded() } }

    // MARK: what is said

    private func lines(_ summary: RunSummary, _ bytes: Int) -> [String] {
        var lines = ["made \(destination) (\(bytes) bytes)"]
        lines.append("device     \(summary.device), board \(summary.board), \(summary.bootCounts.count) boots, \(summary.records) records, \(summary.missingRecords) missing")
        for actuator in summary.actuators {
            let limit = actuator.limitPermille.map { ", limit \($0) permille" } ?? ""
            let highest = (actuator.highestTruePermille ?? actuator.highestReportedPermille).map { "furthest open \($0) permille\(limit)" } ?? "no position"
            lines.append("actuator   \(actuator.name): \(highest); \(actuator.trips) trips, \(actuator.faults) faults; orders \(actuator.ordersAccepted) accepted, \(actuator.ordersRefused) refused")
        }
        for upset in summary.upsets.prefix(20) { lines.append("\(upset.kind.rawValue.padding(toLength: 10, withPad: " ", startingAt: 0)) \(upset.number) of \(upset.actuator): \(upset.name), first-out \(upset.firstOut), \(upset.reason); \(upset.end)") }
        if summary.upsets.count > 20 { lines.append("           … and \(summary.upsets.count - 20) more") }
        for damage in summary.damage { lines.append("damage     \(damage)") }
        return lines
    }

    private func fields(_ summary: RunSummary, _ bytes: Int) -> [(String, JSON)] {
        func whole(_ value: (some BinaryInteger)?) -> JSON { value.map { .integer($0) } ?? .null }
        func text(_ value: String?) -> JSON { value.map { .string($0) } ?? .null }
        return [
            ("output", .string(destination)), ("bytes", .integer(bytes)), ("device", .string(summary.device)), ("board", .string(summary.board)),
            ("releases", .strings(summary.releases)), ("calibrationVersion", whole(summary.calibrationVersion)),
            ("calibrationDigest", text(summary.calibrationDigest)), ("unknownCalibrations", .strings(summary.unknownCalibrations)),
            ("bootCounts", .array(summary.bootCounts.map { .integer($0) })), ("milliseconds", .integer(summary.milliseconds)),
            ("records", .integer(summary.records)), ("missingRecords", .integer(summary.missingRecords)), ("damage", .strings(summary.damage)),
            ("actuators", .array(summary.actuators.map { actuator in
                .object([
                    ("name", .string(actuator.name)), ("limitPermille", whole(actuator.limitPermille)),
                    ("highestReportedPermille", whole(actuator.highestReportedPermille)), ("highestTruePermille", whole(actuator.highestTruePermille)),
                    ("withinLimit", actuator.isWithinLimit.map { .boolean($0) } ?? .null), ("trips", .integer(actuator.trips)),
                    ("faults", .integer(actuator.faults)), ("ordersAccepted", .integer(actuator.ordersAccepted)), ("ordersRefused", .integer(actuator.ordersRefused)),
                ])
            })),
            ("upsets", .array(summary.upsets.map { upset in
                .object([
                    ("number", .integer(upset.number)), ("kind", .string(upset.kind.rawValue)), ("actuator", .string(upset.actuator)),
                    ("name", .string(upset.name)), ("firstOut", .string(upset.firstOut)), ("reason", .string(upset.reason)),
                    ("milliseconds", .integer(upset.at.milliseconds)), ("resetMilliseconds", whole(upset.resetAt?.milliseconds)), ("end", .string(upset.end)),
                ])
            })),
            ("ordersAccepted", .integer(summary.ordersAccepted)), ("ordersRefused", .integer(summary.ordersRefused)),
            ("refusals", .object(summary.refusals.map { ($0.code, .integer($0.count)) })),
            ("checksPassed", .integer(summary.checksPassed)), ("checksFailed", .integer(summary.checksFailed)),
        ]
    }
}
