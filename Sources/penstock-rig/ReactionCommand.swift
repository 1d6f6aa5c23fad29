// penstock-rig reaction: from edge to safe output, the board's beside a bare echo's, for tools/bench control.

import ArgumentParser
import Rig

struct ReactionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reaction", abstract: "Measures the reaction to an edge, of the board and of a bare echo; prints JSON.")

    @OptionGroup var options: BoardOptions

    @Option(help: "The calibration to be measured: it trips 'relay' on level-high, not latched.")
    var calibration: String

    @Option(help: "The initramfs of the echo.")
    var echo: String

    @Option(help: "Edges of each of the two.")
    var edges: Int = 200

    func run() throws {
        try options.measure { rig, workshop, progress in
            try ReactionMeasure(rig, workshop, kernelPath: options.kernel, calibration: calibration, echo: echo)
                .run(edges: edges, explain: progress)
        }
    }
}
