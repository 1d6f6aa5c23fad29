// Keys under keys: AES key wrap (RFC 3394), and a key drawn from a shared secret (HKDF, RFC 5869).
import Bytes
import COpenSSL

/// A key of 32 bytes under another: 40 bytes that tell whether they were altered.
public func wrapKey(_ key: [UInt8], under wrapping: [UInt8]) throws(CryptographyError) -> [UInt8] {
    guard key.count == 32, wrapping.count == 32 else { throw .notAKey }
    // The cipher asks for a block more than it fills.
    var out = [UInt8](repeating: 0, count: 56)
    guard penstock_key_wrap(wrapping, key, 32, &out, 1) == 1 else { throw .failed(.seal) }
    return [UInt8](out[..<40])
}

/// The key in 40 bytes that `wrapKey` made; nil if they or the other key are not right.
public func unwrapKey(_ wrapped: [UInt8], under wrapping: [UInt8]) -> [UInt8]? {
    guard wrapped.count == 40, wrapping.count == 32 else { return nil }
    var out = [UInt8](repeating: 0, count: 56)
    defer { wipe(&out) }
    guard penstock_key_wrap(wrapping, wrapped, 40, &out, 0) == 1 else { return nil }
    return [UInt8](out[..<32])
}

/// 32 bytes of HKDF with SHA-256 from a secret, without a salt.
public func deriveKey(secret: RawSpan, information: RawSpan) -> [UInt8] {
    let zeros = [UInt8](repeating: 0, count: 32)
    var extracted = hmacSHA256(key: zeros.span.bytes, secret).bytes
    defer { wipe(&extracted) }
    let block = information.copied() + [1]
    return hmacSHA256(key: extracted.span.bytes, block.span.bytes).bytes
}
