// The blocks of an encrypted bundle: AES-256-GCM over each, so that any range of it can be fetched, and
// decrypted, by itself. What comes of it is held against the signed tree as ever.

import Bytes
import Cryptography

/// Nonce: the block's number in the bundle; a content key serves one bundle only. Associated data: the digest
/// of the manifest's payload. So no block can stand in for another, nor for one of another release.
public final class BlockCipher: Sendable {
    /// A block and its tag.
    public static let stride = blockSize + SealingKey.tagCount

    private let key: SealingKey
    private let release: [UInt8]

    /// - key: 32 bytes.
    /// - release: the digest of the manifest's payload.
    public init(key: [UInt8], release: Digest) throws(CryptographyError) {
        self.key = try SealingKey(key)
        self.release = release.bytes
    }

    private static func nonce(_ number: Int) -> [UInt8] {
        var writer = ByteWriter(capacity: SealingKey.nonceCount)
        writer.u32(0)
        writer.u64(UInt64(number))
        return writer.bytes
    }

    /// `stride` bytes.
    public func seal(_ block: RawSpan, number: Int) throws(CryptographyError) -> [UInt8] {
        let release = release
        return try key.seal(block, nonce: Self.nonce(number), associated: release.span.bytes)
    }

    /// The block; nil if it or its number is another.
    public func open(_ sealed: RawSpan, number: Int) -> [UInt8]? {
        guard sealed.byteCount == Self.stride else { return nil }
        let release = release
        return key.open(sealed, nonce: Self.nonce(number), associated: release.span.bytes)
    }
}
