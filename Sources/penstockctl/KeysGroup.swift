// penstockctl keys: signing keys made and shown.
import ArgumentParser
import Bytes
import Compiler
import Cryptography
import Signed

struct KeysGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Signing keys.", subcommands: [KeysGenerate.self, KeysShow.self])
}

extension SignatureAlgorithm: ExpressibleByArgument {
    public init?(argument: String) {
        switch argument {
        case "es256": self = .es256
        case "ed25519": self = .ed25519
        default: return nil
        }
    }

    public static var allValueStrings: [String] { ["es256", "ed25519"] }
    public var defaultValueDescription: String { name }

    var name: String { self == .es256 ? "es256" : "ed25519" }
}

struct KeysGenerate: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Makes a signing key.",
        discussion: """
            Writes NAME.key (PKCS#8 in PEM, readable by you alone) and NAME.pub (give it to whoever \
            makes the key set). Existing files are never replaced. Whoever reads NAME.key can sign in \
            its name: keep the keys that sign releases on a machine without a network.

              penstockctl keys generate release-1
              penstockctl keys generate operator-ann --algorithm ed25519
            """)

    @Argument(help: ArgumentHelp("Path of the files to make, without .key or .pub.", valueName: "name"))
    var name: String

    @Option(help: "es256 (ECDSA on P-256, what TPMs speak) or ed25519.")
    var algorithm: SignatureAlgorithm = .es256

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let key = try KeyFiles.generate(algorithm, name: name)
        let fields = description(key)
        return Report(
            ["made \(name).key and \(name).pub", "key      \(hexadecimal(key.keyIdentifier)) (\(algorithm.name))"],
            [("private", .string(name + ".key")), ("public", .string(name + ".pub"))] + fields)
    }
}

struct KeysShow: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows what a key is called and how it is written in COSE.",
        discussion: """
            Reads a .pub or a .key file; prints nothing secret. The key identifier is the first 8 bytes \
            of the thumbprint (RFC 9679): the name by which signatures refer to the key.

              penstockctl keys show release-1.pub
            """)

    @Argument(help: "A .pub or .key file.")
    var file: String

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let key = try KeyFiles.publicKey(file)
        return Report(
            ["key         \(hexadecimal(key.keyIdentifier))", "algorithm   \(key.algorithm.name)",
             "thumbprint  \(key.thumbprint.hexadecimal)", "COSE_Key    \(hexadecimal(key.coseKey))"],
            description(key))
    }
}

private func description(_ key: PublicKey) -> [(String, JSON)] {
    [("keyIdentifier", .string(hexadecimal(key.keyIdentifier))), ("algorithm", .string(key.algorithm.name)),
     ("thumbprint", .string(key.thumbprint.hexadecimal)), ("coseKey", .string(hexadecimal(key.coseKey)))]
}
