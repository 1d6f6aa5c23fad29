// penstockctl inspect: any signed object, taken apart and shown; nothing verified.
import ArgumentParser
import Bytes
import Compiler
import Cryptography
import Signed

struct InspectCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Shows a signed object: purpose, signatures, payload as CBOR diagnostic notation.",
        discussion: """
            Nothing is verified: what is shown is what the object claims ('penstockctl verify' tells \
            whether it is so). With --payload the payload's bytes go to a file of their own.

              penstockctl inspect release.cose
              penstockctl inspect keyset.cose --payload keyset.cbor
            """)

    @Argument(help: "The signed object.")
    var file: String

    @Option(help: "Write the payload to this file.")
    var payload: String?

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let content = try readFile(file, maximum: SignedObject.byteMaximum + 1)
        let object: SignedObject
        do throws(SignedError) { object = try SignedObject(content.span.bytes) } catch { throw Refusal(error, path: file) }
        let bytes = object.unverifiedPayload
        if let payload { try writeFile(payload, bytes) }
        let digest = SHA256.hash(bytes).hexadecimal
        let notation = diagnosticNotation(bytes) ?? "(no CBOR) h'\(hexadecimal(bytes))'"
        var lines = ["content type  \(object.contentType) (claimed, not verified)", "payload       \(bytes.count) bytes, SHA-256 \(digest)"]
        for (index, signature) in object.signatures.enumerated() {
            lines.append("signature \(index + 1)   key \(hexadecimal(signature.keyIdentifier)), \(SignatureAlgorithm(rawValue: signature.algorithm)?.name ?? "algorithm \(signature.algorithm)")")
        }
        lines += ["", notation]
        let signatures = object.signatures.map { signature in
            JSON.object([("keyIdentifier", .string(hexadecimal(signature.keyIdentifier))), ("algorithm", .integer(signature.algorithm))])
        }
        return Report(lines, [
            ("contentType", .string(object.contentType)), ("payloadDigest", .string(digest)), ("payloadByteCount", .integer(bytes.count)),
            ("signatures", .array(signatures)), ("payload", .string(notation)),
        ])
    }
}
