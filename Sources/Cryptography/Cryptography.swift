// Duty: the one module that touches OpenSSL: digests, signatures, authenticated encryption, random
// bytes, and the TLS client.
// Trust: keys come from the caller; messages, signatures and peers are anybody's.
// Must never keep a secret longer than its owner lives, nor tell by its timing where two secrets differ.
import Bytes
import COpenSSL

/// Why a cryptographic step could not be done. None of these says that a signature was wrong:
/// that is an answer, not an error.
public enum CryptographyError: Error, Equatable {
    /// OpenSSL could not do the named step: no memory, or an algorithm missing from the build.
    case failed(Step)
    /// Bytes that ought to be a key are none: wrong length, not on the curve, or of another algorithm.
    case notAKey
    /// The file is no PEM of a key (RFC 7468), is encrypted, or is longer than `PrivateKey.pemMaximum`.
    case notPEM

    public enum Step: UInt8, Sendable { case generate, sign, seal, encode, agree }
}

extension CryptographyError: Coded {
    public var code: String {
        switch self {
        case .failed: "cryptography-failed"
        case .notAKey: "key-malformed"
        case .notPEM: "pem-malformed"
        }
    }

    public var text: String {
        switch self {
        case .failed(.generate): "no key could be generated: OpenSSL gave none; is memory short?"
        case .failed(.sign): "the message could not be signed: OpenSSL refused the key"
        case .failed(.seal): "the data could not be sealed: OpenSSL refused; is memory short?"
        case .failed(.agree): "no secret could be agreed on: OpenSSL refused the keys"
        case .failed(.encode): "the key could not be written as PEM: OpenSSL refused it"
        case .notAKey: "these bytes are no ES256 or Ed25519 key: check their length and where they came from"
        case .notPEM: "this is no unencrypted PEM of an ES256 or Ed25519 key: make one with 'penstockctl keys generate'"
        }
    }
}

/// Whether two secrets are equal, in a time that depends on their length alone.
public func constantTimeEqual(_ a: RawSpan, _ b: RawSpan) -> Bool {
    guard a.byteCount == b.byteCount else { return false }
    guard a.byteCount > 0 else { return true }
    return a.withUnsafeBytes { a in b.withUnsafeBytes { b in CRYPTO_memcmp(a.baseAddress!, b.baseAddress!, a.count) == 0 } }
}

/// Bytes that nobody can guess, from the kernel's generator. Traps if there are none to be had:
/// going on with guessable ones would be worse.
public func randomBytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        let done = count == 0 || RAND_bytes(buffer.baseAddress!, Int32(count)) == 1
        precondition(done, "no random bytes")
        initialized = count
    }
}
