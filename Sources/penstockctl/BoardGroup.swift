// penstockctl board: check and compile board files.
import ArgumentParser

struct BoardGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "board", abstract: "Boards: pins, partitions, watchdog, network.", subcommands: [])
}
