// Signature keys: ES256 (ECDSA on P-256 with SHA-256, FIPS 186-5) and Ed25519 (RFC 8032).
// Trust: a public key says nothing of whose it is; that is the key set's word.
import Bytes
import COpenSSL

/// The two algorithms, by their numbers in COSE (RFC 9053).
public enum SignatureAlgorithm: Int64, Sendable {
    case es256 = -7
    case ed25519 = -8

    /// Bytes of a public key: x||y of the point, or the encoded point.
    public var publicKeyCount: Int { self == .es256 ? 64 : 32 }
}

/// A public key. `init(_:_:)` checks it; `verify` with one that was not checked and is wrong says false.
public enum PublicKey: Hashable, Sendable {
    /// x||y, 64 bytes.
    case es256([UInt8])
    /// 32 bytes.
    case ed25519([UInt8])

    /// Bytes of a signature: r||s, or RFC 8032's.
    public static let signatureCount = 64

    public init(_ algorithm: SignatureAlgorithm, _ bytes: [UInt8]) throws(CryptographyError) {
        self = algorithm == .es256 ? .es256(bytes) : .ed25519(bytes)
        guard let key = handle else { throw .notAKey }
        EVP_PKEY_free(key)
    }

    /// From SubjectPublicKeyInfo in PEM.
    public init(pem: [UInt8]) throws(CryptographyError) {
        guard pem.count <= PrivateKey.pemMaximum, let key = penstock_public_from_pem(pem, pem.count) else { throw .notPEM }
        defer { EVP_PKEY_free(key) }
        guard let known = PublicKey(of: key) else { throw .notAKey }
        self = known
    }

    fileprivate init?(of key: OpaquePointer) {
        var bytes = [UInt8](repeating: 0, count: 64)
        if penstock_es256_point(key, &bytes) == 1 {
            self = .es256(bytes)
        } else if penstock_ed25519_bytes(key, &bytes) == 1 {
            self = .ed25519([UInt8](bytes[0..<32]))
        } else {
            return nil
        }
    }

    public var algorithm: SignatureAlgorithm {
        switch self {
        case .es256: .es256
        case .ed25519: .ed25519
        }
    }

    public var bytes: [UInt8] {
        switch self {
        case .es256(let bytes), .ed25519(let bytes): bytes
        }
    }

    /// OpenSSL's form of it, to be freed by the caller; nil if the bytes are no key.
    fileprivate var handle: OpaquePointer? {
        guard bytes.count == algorithm.publicKeyCount else { return nil }
        return algorithm == .es256 ? penstock_es256_public(bytes) : penstock_ed25519_public(bytes)
    }

    /// Whether `signature` (64 bytes: r||s for ES256) is this key's over `message`.
    public func verify(signature: [UInt8], message: RawSpan) -> Bool {
        guard signature.count == Self.signatureCount, let key = handle else { return false }
        defer { EVP_PKEY_free(key) }
        guard algorithm == .es256 else {
            return message.withUnsafeBytes { penstock_verify(key, nil, signature, signature.count, $0.baseAddress, $0.count) } == 1
        }
        guard let der = ecdsaDER(signature) else { return false }
        return message.withUnsafeBytes { penstock_verify(key, EVP_sha256(), der, der.count, $0.baseAddress, $0.count) } == 1
    }

    /// SubjectPublicKeyInfo in PEM.
    public func pem() throws(CryptographyError) -> [UInt8] {
        guard let key = handle else { throw .notAKey }
        defer { EVP_PKEY_free(key) }
        return try encodePEM(key, secret: false)
    }
}

/// A private key, freed and wiped when it goes.
public struct PrivateKey: ~Copyable {
    /// The longest PEM that is read, in bytes.
    public static let pemMaximum = 4096

    private let key: OpaquePointer
    public let publicKey: PublicKey

    public static func generate(_ algorithm: SignatureAlgorithm) throws(CryptographyError) -> PrivateKey {
        guard let key = algorithm == .es256 ? penstock_es256_generate() : penstock_ed25519_generate() else {
            throw .failed(.generate)
        }
        return try PrivateKey(owning: key)
    }

    private init(owning key: OpaquePointer) throws(CryptographyError) {
        guard let publicKey = PublicKey(of: key) else {
            EVP_PKEY_free(key)
            throw .notAKey
        }
        self.key = key
        self.publicKey = publicKey
    }

    /// From PKCS#8 in PEM (RFC 5958, RFC 7468), unencrypted.
    public init(pem: [UInt8]) throws(CryptographyError) {
        guard pem.count <= Self.pemMaximum, let key = penstock_private_from_pem(pem, pem.count) else { throw .notPEM }
        try self.init(owning: key)
    }

    deinit { EVP_PKEY_free(key) }

    /// The signature over `message`, 64 bytes: r||s for ES256.
    public func sign(_ message: RawSpan) throws(CryptographyError) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: 72)
        var count = signature.count
        let digest = publicKey.algorithm == .es256 ? EVP_sha256() : nil
        let done = message.withUnsafeBytes { penstock_sign(key, digest, &signature, &count, $0.baseAddress, $0.count) }
        guard done == 1 else { throw .failed(.sign) }
        signature.removeLast(signature.count - count)
        guard publicKey.algorithm == .es256 else { return signature }
        guard let raw = ecdsaRaw(der: signature) else { throw .failed(.sign) }
        return raw
    }

    /// The signature over a message of which only the SHA-256 digest is at hand, as a TPM makes it:
    /// r||s. ES256 alone: Ed25519 signs messages.
    public func sign(digest: Digest) throws(CryptographyError) -> [UInt8] {
        guard publicKey.algorithm == .es256 else { throw .failed(.sign) }
        var signature = [UInt8](repeating: 0, count: 72)
        var count = signature.count
        guard penstock_sign_digest(key, &signature, &count, digest.bytes) == 1 else { throw .failed(.sign) }
        signature.removeLast(signature.count - count)
        guard let raw = ecdsaRaw(der: signature) else { throw .failed(.sign) }
        return raw
    }

    /// The secret that this key shares with another (ECDH over P-256, SP 800-56A): the x coordinate, 32
    /// bytes. `wipe` it after use.
    public func agree(with peer: PublicKey) throws(CryptographyError) -> [UInt8] {
        guard publicKey.algorithm == .es256, peer.algorithm == .es256, let other = peer.handle else { throw .notAKey }
        defer { EVP_PKEY_free(other) }
        var secret = [UInt8](repeating: 0, count: 32)
        guard penstock_ecdh(key, other, &secret) == 1 else { throw .failed(.agree) }
        return secret
    }

    /// PKCS#8 in PEM. A secret: `wipe` it after use.
    public func pem() throws(CryptographyError) -> [UInt8] { try encodePEM(key, secret: true) }
}

private func encodePEM(_ key: OpaquePointer, secret: Bool) throws(CryptographyError) -> [UInt8] {
    let pem = [UInt8](unsafeUninitializedCapacity: PrivateKey.pemMaximum) { buffer, count in
        count = penstock_pem(key, secret ? 1 : 0, buffer.baseAddress!, buffer.count)
    }
    guard !pem.isEmpty else { throw .failed(.encode) }
    return pem
}

/// r||s (64 bytes, as COSE and the TPM write it) as the DER sequence of X.509 and TLS; nil if it is not 64 bytes.
public func ecdsaDER(_ raw: [UInt8]) -> [UInt8]? {
    guard raw.count == PublicKey.signatureCount else { return nil }
    var der = [UInt8](repeating: 0, count: 72)
    let count = penstock_ecdsa_der(raw, &der)
    guard count > 0 else { return nil }
    der.removeLast(der.count - count)
    return der
}

/// The DER sequence as r||s; nil if it is none, or if either number needs more than 32 bytes.
public func ecdsaRaw(der: [UInt8]) -> [UInt8]? {
    var raw = [UInt8](repeating: 0, count: 64)
    guard penstock_ecdsa_raw(der, der.count, &raw) == 1 else { return nil }
    return raw
}
