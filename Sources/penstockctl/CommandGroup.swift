// penstockctl command: make and show commands.
import ArgumentParser

struct CommandGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "command", abstract: "Commands: what a device is told to do.", subcommands: [])
}
