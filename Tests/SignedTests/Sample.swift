// The keys and objects that the tests of this module share.
import Bytes
import Cryptography
@testable import Signed

enum Sample {
    static let release = Key(.es256), second = Key(.ed25519), operatorAnn = Key(.ed25519), stranger = Key(.es256)

    /// release and second sign manifests and key sets, two of two; ann signs commands.
    static func keySet(version: UInt64 = 1) throws -> KeySet {
        try KeySet(version: version, entries: [
            .init(name: "release", key: release.publicKey, purposes: [.manifest, .keySet]),
            .init(name: "second", key: second.publicKey, purposes: [.manifest, .keySet]),
            .init(name: "ann", key: operatorAnn.publicKey, purposes: [.command]),
        ], thresholds: [(.manifest, 2), (.keySet, 2), (.command, 1)])
    }

    static func object(_ payload: [UInt8], _ purpose: Purpose, _ signers: [Key]) throws -> SignedObject {
        var object = SignedObject(payload: payload, purpose: purpose)
        for signer in signers { try object.sign(with: signer) }
        return object
    }
}

/// A private key that tests can keep in an array.
struct Key: Sendable {
    let pem: [UInt8]
    let publicKey: PublicKey

    init(_ algorithm: SignatureAlgorithm) {
        let key = try! PrivateKey.generate(algorithm)
        pem = try! key.pem()
        publicKey = key.publicKey
    }
}

extension SignedObject {
    mutating func sign(with key: Key) throws { try sign(with: try PrivateKey(pem: key.pem)) }
}

/// A payload of one number.
struct Order: SignedPayload, Equatable {
    static let purpose = Purpose.command
    let number: UInt64

    init(_ number: UInt64) { self.number = number }

    init(decoding bytes: RawSpan) throws(PayloadError) {
        var reader = CBORReader(bytes)
        do throws(CBORError) {
            number = try reader.unsigned()
            try reader.end()
        } catch { throw PayloadError(error) }
    }

    func encoded() -> [UInt8] {
        var writer = CBORWriter()
        writer.unsigned(number)
        return writer.bytes
    }
}
