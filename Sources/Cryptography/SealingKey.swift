// AES-256-GCM (NIST SP 800-38D): what the device stores is read and written through this.
import Bytes
import COpenSSL

/// A key of 32 bytes for authenticated encryption, wiped when it goes.
///
/// A nonce of 12 bytes must never serve twice under one key: give a counter that only ascends, not
/// a random one, where many messages are sealed.
public struct SealingKey: ~Copyable, Sendable {
    public static let keyCount = 32, nonceCount = 12, tagCount = 16

    private var key: [UInt8]

    public init(_ bytes: [UInt8]) throws(CryptographyError) {
        guard bytes.count == Self.keyCount else { throw .notAKey }
        // A buffer of its own, so that wiping it reaches the only copy that this type made.
        key = bytes.span.bytes.copied()
    }

    deinit {
        // The array is uniquely held; its elements are plain bytes, written in place.
        key.withUnsafeBytes { OPENSSL_cleanse(UnsafeMutableRawPointer(mutating: $0.baseAddress!), $0.count) }
    }

    /// The ciphertext, as long as the plaintext, followed by the tag of 16 bytes.
    public func seal(_ plain: RawSpan, nonce: [UInt8], associated: RawSpan) throws(CryptographyError) -> [UInt8] {
        precondition(nonce.count == Self.nonceCount)
        let count = plain.byteCount
        var out = [UInt8](repeating: 0, count: count + Self.tagCount)
        let done = out.withUnsafeMutableBufferPointer { out in
            plain.withUnsafeBytes { plain in
                associated.withUnsafeBytes { associated in
                    penstock_gcm_seal(key, nonce, associated.baseAddress, associated.count,
                                      plain.baseAddress, count, out.baseAddress!, out.baseAddress! + count)
                }
            }
        }
        guard done == 1 else { throw .failed(.seal) }
        return out
    }

    /// The plaintext; nil if any bit of it, of the nonce or of the associated data was altered.
    public func open(_ sealed: RawSpan, nonce: [UInt8], associated: RawSpan) -> [UInt8]? {
        guard nonce.count == Self.nonceCount, sealed.byteCount >= Self.tagCount else { return nil }
        let count = sealed.byteCount - Self.tagCount
        // One byte at least, so that there is an address to give.
        var out = [UInt8](repeating: 0, count: max(count, 1))
        let done = out.withUnsafeMutableBufferPointer { out in
            sealed.withUnsafeBytes { sealed in
                associated.withUnsafeBytes { associated in
                    penstock_gcm_open(key, nonce, associated.baseAddress, associated.count, sealed.baseAddress!, count,
                                      sealed.baseAddress!.assumingMemoryBound(to: UInt8.self) + count, out.baseAddress!)
                }
            }
        }
        guard done == 1 else { return nil }
        if count == 0 { return [] }
        return out
    }
}
