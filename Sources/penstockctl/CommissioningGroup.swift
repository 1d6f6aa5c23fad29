// penstockctl commissioning: who a device is and whom it reports to.
import ArgumentParser
import Board
import Bytes
import Compiler
import Cryptography
import Signed

struct CommissioningGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "commissioning", abstract: "Commissioning: who a device is, and whom it reports to.",
        subcommands: [CommissioningMake.self])
}

struct CommissioningMake: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "make", abstract: "Makes and signs the commissioning of one device.",
        discussion: """
            An example of the file:

              device = "tank-7"
              board = "qemu-x86_64"
              certificate = "tank-7.crt"       # PEM or DER, beside this file; of the key in its TPM
              floor-baseline = 4               # the TPM's counter now
              name-servers = ["10.0.2.3"]      # optional
              [broker]
              host = "broker.example"
              port = 8883
              authority = "broker-ca.crt"      # the one authority that is trusted for it
              [update]
              host = "bundles.example"
              port = 443
              path = "/bundles/"
              authority = "bundles-ca.crt"

              penstockctl commissioning make tank-7.toml --key owner.key --output tank-7.cose
            """)

    @Argument(help: "The TOML file.")
    var file: String

    @Option(name: .customLong("key"), help: "A .key file, or the pkcs11: URI of a key in a token; repeat it to sign with several.")
    var keys: [String]

    @Option(name: [.customShort("o"), .customLong("output")], help: "Where the signed commissioning goes.")
    var destination: String

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let commissioning = try CommissioningCompiler.compile(file)
        var object = SignedObject(payload: commissioning.encoded(), purpose: .commissioning)
        for key in keys { try Signer(key).sign(&object) }
        let encoded = object.encoded()
        try writeFile(destination, encoded)
        return Report(
            ["made \(destination) (\(encoded.count) bytes) for \(commissioning.device) on \(commissioning.board)"],
            [("output", .string(destination)), ("bytes", .integer(encoded.count)), ("device", .string(commissioning.device)),
             ("payloadDigest", .string(SHA256.hash(object.unverifiedPayload).hexadecimal))])
    }
}
