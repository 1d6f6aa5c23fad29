// Duty: the maker's tool: keys, key sets, calibrations, bundles, commands, images: made, signed,
// inspected, verified. Wiring only; what it knows stands in Compiler.
// Trust: run by the maker. Files that came from elsewhere are verified, or said to be unverified.
// Must never print a private key.
import ArgumentParser

struct Penstockctl: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "penstockctl",
        abstract: "Makes, signs, inspects and verifies what a Penstock board runs on.",
        discussion: """
            A board believes a key set, and whatever enough keys of that set have signed. To begin:

              penstockctl keys generate release-1   # release-1.key (keep it), .pub
              penstockctl keyset make keyset.toml     # who may sign what
              penstockctl sign c.cbor --purpose calibration --key ann.key
              penstockctl verify c.cbor.cose --keyset keyset.cbor
              penstockctl inspect c.cbor.cose

            Each subcommand has a --help with an example, and --json for scripts. \
            Exit codes: 0 done; 1 could not be done; 2 refused: a signature, a key set or a content \
            that must not be used; 64 the command line is wrong. A failure names a stable code.
            """,
        version: "0.1.0",
        subcommands: [
            KeysGroup.self,
            KeySetGroup.self,
            SignCommand.self,
            VerifyCommand.self,
            InspectCommand.self,
            CalibrationGroup.self,
            BoardGroup.self,
            CommissioningGroup.self,
            BundleGroup.self,
            ImageGroup.self,
            CommandGroup.self,
            DeviceGroup.self,
            ReportCommand.self,
        ])
}

Penstockctl.main()
