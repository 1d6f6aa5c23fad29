// penstockctl sign: a payload into a signed object, or one more signature onto an object.
import ArgumentParser
import Bytes
import Compiler
import Cryptography
import Signed

extension Purpose: ExpressibleByArgument {
    public init?(argument: String) { self.init(name: argument) }
    public static var allValueStrings: [String] { allCases.map(\.name) }
}

struct SignCommand: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Signs a payload, or adds a signature to a signed object.",
        discussion: """
            A payload (deterministic CBOR) becomes a COSE_Sign object with its purpose under the \
            signature; give --purpose. An object that is signed already keeps its signatures and gets \
            one more: so a threshold is met by people who each hold one key, one after the other.

              penstockctl sign k.cbor --purpose key-set --key release-1.key -o k.cose
              penstockctl sign k.cose --key release-2.key

            A key in a PKCS#11 token is named by its URI. Its PIN stands in a file, or in PENSTOCK_PIN; \
            never in the URI.

              penstockctl sign k.cose --key 'pkcs11:token=releases;object=release-3?module-path=\
            /usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/user/1000/pin'
            """)

    @Argument(help: "The payload, or the signed object to add to.")
    var file: String

    @Option(help: "What the payload is: manifest, calibration, command, key-set or commissioning. Not with a signed object, which says it.")
    var purpose: Purpose?

    @Option(name: .customLong("key"), help: "A .key file, or the pkcs11: URI of a key in a token; repeat it to sign with several.")
    var keys: [String]

    @Option(name: [.customShort("o"), .customLong("output")], help: "Where the signed object goes; else beside the file, with .cose at its end.")
    var destination: String?

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let content = try readFile(file, maximum: SignedObject.byteMaximum)
        var object = try startingPoint(content)
        for key in keys { try Signer(key).sign(&object) }
        let encoded = object.encoded()
        do throws(SignedError) { _ = try SignedObject(encoded.span.bytes) } catch { throw Refusal(error, path: file) }
        let path = destination ?? (file.hasSuffix(".cose") ? file : file + ".cose")
        try writeFile(path, encoded)
        let identifiers = object.signatures.map { hexadecimal($0.keyIdentifier) }
        return Report(
            ["signed \(path) (\(encoded.count) bytes) as \(object.contentType)", "keys     \(identifiers.joined(separator: ", "))"],
            [("output", .string(path)), ("contentType", .string(object.contentType)), ("keyIdentifiers", .strings(identifiers)),
             ("payloadDigest", .string(SHA256.hash(object.unverifiedPayload).hexadecimal))])
    }

    private func startingPoint(_ content: [UInt8]) throws -> SignedObject {
        if let purpose {
            if (try? SignedObject(content.span.bytes)) != nil {
                throw Failure(code: "already-signed", text: "this is a signed object already, which says its purpose; leave --purpose out to add a signature", path: file)
            }
            return SignedObject(payload: content, purpose: purpose)
        }
        do throws(SignedError) {
            return try SignedObject(content.span.bytes)
        } catch {
            throw Failure(code: "purpose-missing", text: "this is no signed object (\(error.code)); to sign it as a payload, say what it is with --purpose", path: file)
        }
    }
}
