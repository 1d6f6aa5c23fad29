// penstockctl image: make flashable disks.
import ArgumentParser

struct ImageGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Images: a disk as it is flashed.", subcommands: [])
}
