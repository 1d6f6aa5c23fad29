// penstock-rig measure: figures of the running board as one JSON object, for tools/bench.

import ArgumentParser
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
        try options.measure { rig, workshop, progress in
            try Measure(rig, workshop, kernelPath: options.kernel).run(start: start, peer: peer, explain: progress)
        }
    }
}
