// Duty: the command line of the virtual board: shows it live, or checks the whole story.
// Trust: run by its owner on its own machine; everything it starts is on loopback and ends with it.

import ArgumentParser
import Compiler
import Foundation
import Rig

struct PenstockRig: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "penstock-rig",
        abstract: "A whole board in one command: plant, wires, TPM, disk, network, broker, bundle server.",
        discussion: "tools/run builds what this needs and starts it.",
        subcommands: [RunCommand.self, CheckCommand.self, MeasureCommand.self, ReactionCommand.self])
}

/// What the board is made of.
struct BoardOptions: ParsableArguments {
    @Option(help: "The kernel, as tools/kernel prints its path.")
    var kernel: String

    @Option(help: "The device binary, as tools/build makes it.")
    var device: String?

    @Option(help: "penstockctl, which makes keys, releases and the disk.")
    var tool: String?

    @Option(help: "The board's folder: board.toml, calibration.toml.")
    var board: String = "Boards/qemu-x86_64"

    @Flag(help: "Keep the folder of the run: logs, disk, TPM state, keys.")
    var keep = false

    func demand(_ value: String?, _ option: String) throws -> String {
        guard let value else { throw ValidationError("Missing expected argument '--\(option)'") }
        return value
    }

    func workshop(_ rig: Rig) throws -> Workshop {
        try Workshop(rig: rig, tool: demand(tool, "tool"), program: demand(device, "device"), boardFolder: board)
    }

    /// Runs the rig for figures, which come to standard output as one JSON object; what it is doing goes to standard error.
    func measure<Figures: Encodable>(_ figures: (Rig, Workshop, (String) -> Void) throws -> Figures) throws {
        let current = Current()
        endOnSignal {
            current.isEnding = true
            current.end(keepFolder: keep)
        }
        let rig = try Rig()
        current.rig = rig
        defer { current.end(keepFolder: keep) }
        let found = try figures(rig, workshop(rig)) { FileHandle.standardError.write(Data("==> \($0)\n".utf8)) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        FileHandle.standardOutput.write(try encoder.encode(found) + Data("\n".utf8))
    }
}

/// Whether a run is kept.
struct RecordingOptions: ParsableArguments {
    @Option(help: "Keep the run in this file, as JSON lines: `penstockctl report` makes a page of it.")
    var record: String?

    func begin(_ rig: Rig, _ options: BoardOptions) throws -> Recording? {
        guard let record else { return nil }
        let recording = try Recording(rig, path: record)
        recording.know(calibration: try CalibrationCompiler.compile(options.board).encoded())
        return recording
    }
}

PenstockRig.main()
