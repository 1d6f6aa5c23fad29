// Public keys as COSE_Key (RFC 9052, 7; RFC 9053, 7) and the names made from them (RFC 9679).
import Bytes
import Cryptography

extension PublicKey {
    /// COSE_Key with its required members alone, deterministic: what the thumbprint is taken of.
    ///
    ///     ES256:   {1: 2, -1: 1, -2: x, -3: y}
    ///     Ed25519: {1: 1, -1: 6, -2: x}
    public var coseKey: [UInt8] {
        var writer = CBORWriter(capacity: 80)
        switch self {
        case .es256(let point):
            writer.map(4)
            writer.unsigned(1); writer.unsigned(2)
            writer.integer(-1); writer.unsigned(1)
            writer.integer(-2); writer.bytes([UInt8](point[0..<32]))
            writer.integer(-3); writer.bytes([UInt8](point[32..<64]))
        case .ed25519(let bytes):
            writer.map(3)
            writer.unsigned(1); writer.unsigned(1)
            writer.integer(-1); writer.unsigned(6)
            writer.integer(-2); writer.bytes(bytes)
        }
        return writer.bytes
    }

    /// SHA-256 of the COSE_Key (RFC 9679).
    public var thumbprint: Digest { SHA256.hash(coseKey) }

    /// The name by which signatures refer to the key: the first 8 bytes of the thumbprint.
    public var keyIdentifier: [UInt8] { [UInt8](thumbprint.bytes[0..<8]) }

    /// Reads what `coseKey` writes, and nothing else; the point must be on its curve.
    init(_ reader: inout CBORReader) throws(PayloadError) {
        let algorithm: SignatureAlgorithm
        var bytes: [UInt8] = []
        do throws(CBORError) {
            let start = reader.offset
            let count = try reader.map(maximum: 4)
            let type = try reader.member(1)
            let curve = try reader.member(-1)
            switch (count, type, curve) {
            case (4, 2, 1): algorithm = .es256
            case (3, 1, 6): algorithm = .ed25519
            default: throw .outOfRange(at: start)
            }
            guard try reader.integer() == -2 else { throw .notDeterministic(at: start) }
            bytes = try reader.bytes(exactly: 32)
            if algorithm == .es256 {
                guard try reader.integer() == -3 else { throw .notDeterministic(at: start) }
                bytes += try reader.bytes(exactly: 32)
            }
        } catch {
            throw PayloadError(error)
        }
        do throws(CryptographyError) {
            try self.init(algorithm, bytes)
        } catch {
            throw PayloadError(code: error.code, text: "a key in the set is none: " + error.text)
        }
    }
}

extension CBORReader {
    /// An integer member of a map whose label is known.
    fileprivate mutating func member(_ label: Int64) throws(CBORError) -> Int64 {
        let at = offset
        guard try integer() == label else { throw .wrongType(at: at) }
        return try integer()
    }
}
