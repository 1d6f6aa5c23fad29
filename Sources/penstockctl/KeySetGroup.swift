// penstockctl keyset: who may sign what, made and shown.
import ArgumentParser
import Bytes
import Compiler
import Cryptography
import Signed

struct KeySetGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keyset", abstract: "Key sets: who may sign what, and how many must.",
        subcommands: [KeySetMake.self, KeySetInspect.self])
}

struct KeySetMake: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "make",
        abstract: "Makes a key set of a TOML file.",
        discussion: """
            The key set is the root of a board's trust: it goes into the initramfs, or replaces an older \
            one when the keys of the older one have signed it. An example of the file:

              version = 1                         # ascends with each change
              [[key]]
              name = "release-1"
              public = "release-1.pub"            # beside this file
              purposes = ["manifest", "key-set"]
              [[key]]
              name = "operator-ann"
              public = "operator-ann.pub"
              purposes = ["command"]
              [threshold]                         # how many different keys must sign
              manifest = 1
              key-set = 1
              command = 1

              penstockctl keyset make keyset.toml --output keyset.cbor

            The purposes are manifest, calibration, command, key-set, commissioning. One without a \
            threshold can be signed by nobody.
            """)

    @Argument(help: "The TOML file.")
    var file: String

    @Option(name: [.customShort("o"), .customLong("output")], help: "Where the key set goes.")
    var destination: String = "keyset.cbor"

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let set = try KeySetCompiler.compile(file)
        let encoded = set.encoded()
        try writeFile(destination, encoded)
        var report = report(set)
        report.lines.insert("made \(destination) (\(encoded.count) bytes)", at: 0)
        report.fields.insert(("output", .string(destination)), at: 0)
        return report
    }
}

struct KeySetInspect: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Shows a key set.",
        discussion: """
            Reads a key set, bare (as in the initramfs) or signed (as a successor travels; its \
            signatures are not checked here: see 'penstockctl verify').

              penstockctl keyset inspect keyset.cbor
            """)

    @Argument(help: "The key set.")
    var file: String

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report { report(try KeySetCompiler.read(file)) }
}

private func report(_ set: KeySet) -> Report {
    let digest = SHA256.hash(set.encoded())
    var lines = ["version  \(set.version)", "digest   \(digest.hexadecimal)"]
    for entry in set.entries {
        lines.append("key      \(hexadecimal(entry.keyIdentifier))  \(entry.key.algorithm.name)  \(entry.name): \(entry.purposes.map(\.name).joined(separator: ", "))")
    }
    for purpose in Purpose.allCases {
        let able = set.entries.filter { $0.purposes.contains(purpose) }.count
        lines.append("needs    \(purpose.name): \(set.threshold(purpose).map { "\($0) of \(able)" } ?? "nobody can sign it")")
    }
    let keys = set.entries.map { entry in
        JSON.object([("name", .string(entry.name)), ("keyIdentifier", .string(hexadecimal(entry.keyIdentifier))),
                     ("algorithm", .string(entry.key.algorithm.name)), ("purposes", .strings(entry.purposes.map(\.name)))])
    }
    let thresholds = Purpose.allCases.compactMap { purpose in set.threshold(purpose).map { (purpose.name, JSON.integer($0)) } }
    return Report(lines, [("version", .integer(set.version)), ("digest", .string(digest.hexadecimal)),
                          ("keys", .array(keys)), ("thresholds", .object(thresholds))])
}
