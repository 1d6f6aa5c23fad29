// penstock-rig measure: figures of the running board as one JSON object, for tools/bench.

import ArgumentParser
import Foundation
import Rig

struct MeasureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "measure", abstract: "Measures memory and boot steps of the board beside a peer's; prints JSON.")

    @OptionGroup var options: BoardOptions

    @Option(help: "An initramfs with /start, which says when PID 1 began.")
    var start: String

    @Option(help: "The peer's initramfs.")
    var peer: String

    func run() throws {
        let current = Current()
        endOnSignal {
            current.isEnding = true
            current.rig?.end(keepFolder: options.keep)
        }
        let rig = try Rig()
        current.rig = rig
        defer { rig.end(keepFolder: options.keep) }
        let figures = try Measure(rig, try options.workshop(rig), kernelPath: options.kernel)
            .run(start: start, peer: peer) { FileHandle.standardError.write(Data("==> \($0)\n".utf8)) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        FileHandle.standardOutput.write(try encoder.encode(figures) + Data("\n".utf8))
    }
}
