// penstockctl bundle: make, inspect and verify bundles.
import ArgumentParser

struct BundleGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bundle", abstract: "Bundles: a release as it travels.", subcommands: [])
}
