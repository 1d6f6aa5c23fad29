// penstockctl verify: a signed object against a key set, as a device does it.
import ArgumentParser
import Bytes
import Compiler
import Cryptography
import Signed

struct VerifyCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Verifies a signed object against a key set, by the code that the device runs.",
        discussion: """
            Says who signed, or refuses with exit code 2 and the reason: signature-missing, \
            signature-invalid, key-unknown, key-purpose, purpose-wrong, threshold-unmet, new-threshold-unmet, malformed, or \
            what is wrong in the payload. A key set must also be later than the one given, and signed by its own keys too.

              penstockctl verify release.cose --keyset keyset.cbor
              penstockctl verify next.cose --keyset keyset.cbor --purpose key-set
            """)

    @Argument(help: "The signed object.")
    var file: String

    @Option(help: "The key set to believe.")
    var keyset: String

    @Option(help: "What it must be; else whatever it says it is.")
    var purpose: Purpose?

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let content = try readFile(file, maximum: SignedObject.byteMaximum + 1)
        let keys = try KeySetCompiler.read(keyset)
        do throws(SignedError) {
            let verified = try verifyAny(content, as: purpose, with: keys)
            let digest = verified.payloadDigest.hexadecimal
            return Report(
                ["verified  \(file): a \(verified.purpose.name)", "signers   \(verified.signers.joined(separator: ", "))", "payload   \(digest)"],
                [("purpose", .string(verified.purpose.name)), ("signers", .strings(verified.signers)), ("payloadDigest", .string(digest))])
        } catch { throw Refusal(error, path: file) }
    }
}
