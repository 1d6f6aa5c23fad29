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
            signature-invalid, key-unknown, key-purpose, purpose-wrong, threshold-unmet, malformed, ... \
            The content of the payload is looked at where --purpose key-set is wanted; the subcommand \
            of each other kind does it for its own.

              penstockctl verify keyset.cose --keyset keyset.cbor --purpose key-set
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
            let object = try SignedObject(content.span.bytes)
            // Without a claim that is known, the answer of `signers` is the right refusal.
            let wanted = purpose ?? Purpose(contentType: object.contentType) ?? .manifest
            let signers = try object.signers(wanted, keys)
            if purpose == .keySet { _ = try verifySuccessor(content.span.bytes, of: keys) }
            let digest = SHA256.hash(object.unverifiedPayload).hexadecimal
            return Report(
                ["verified  \(file): a \(wanted.name)", "signers   \(signers.joined(separator: ", "))", "payload   \(digest)"],
                [("purpose", .string(wanted.name)), ("signers", .strings(signers)), ("payloadDigest", .string(digest))])
        } catch { throw Refusal(error, path: file) }
    }
}
