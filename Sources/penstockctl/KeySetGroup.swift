// penstockctl keyset: who may sign what, made and shown.
import ArgumentParser
import Bytes
import Compiler
import Foundation
import Cryptography
import Signed

struct KeySetGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keyset", abstract: "Key sets: who may sign what, and how many must.",
        subcommands: [KeySetMake.self, KeySetInspect.self, KeySetRotate.self])
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

struct KeySetRotate: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Checks that a signed key set may follow on another, as a board would, and says what changes.",
        discussion: """
            A board takes a key set when enough keys of its present set and enough of the new one have \
            signed it, and its version is higher. Both sign the same file, one after the other:

              penstockctl keyset make next.toml --output next.cbor
              penstockctl sign next.cbor --purpose key-set --key old-root.key
              penstockctl sign next.cbor.cose --key new-root.key
              penstockctl keyset rotate next.cbor.cose --from keyset.cbor

            Publish the file on the command topic of each device. A board refuses it (key-set-strands) \
            while its release, commissioning or calibration is signed by keys that the new set revokes: \
            bring it ones that the new keys signed first. With --held, such files are checked here.
            """)

    @Argument(help: "The signed new key set.")
    var file: String

    @Option(help: "The key set that boards believe now; repeat it, oldest first, to check a chain of rotations: each is a signed one but the first.")
    var from: [String]

    @Option(help: "A signed manifest, calibration or commissioning that boards hold, which the new set must not strand; repeat it for several.")
    var held: [String] = []

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        guard let anchor = from.first else { throw ValidationError("Missing expected argument '--from'") }
        var current = try KeySetCompiler.read(anchor)
        for link in from.dropFirst() {
            let content = try readFile(link, maximum: SignedObject.byteMaximum)
            do throws(SignedError) { current = try verifySuccessor(content.span.bytes, of: current).payload } catch { throw Refusal(error, path: link) }
        }
        let content = try readFile(file, maximum: SignedObject.byteMaximum)
        let next: Verified<KeySet>
        do throws(SignedError) { next = try verifySuccessor(content.span.bytes, of: current) } catch { throw Refusal(error, path: file) }
        for path in held {
            let object = try readFile(path, maximum: SignedObject.byteMaximum)
            do throws(SignedError) { _ = try verifyAny(object, as: nil, with: next.payload) } catch { throw Refusal(error, path: path) }
        }
        let changes = KeySetChange.between(current, next.payload)
        return Report(
            ["may follow  version \(next.payload.version) on \(current.version)", "signers     \(next.signers.joined(separator: ", "))"]
                + changes.map { "\($0.kind.rawValue.padding(toLength: 11, withPad: " ", startingAt: 0)) \($0.text)" }
                + held.map { "holds       \($0)" },
            [("from", .integer(current.version)), ("version", .integer(next.payload.version)), ("signers", .strings(next.signers)),
             ("changes", .array(changes.map { .object([("kind", .string($0.kind.rawValue)), ("text", .string($0.text))]) }))])
    }
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
