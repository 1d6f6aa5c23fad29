// SHA-256 (FIPS 180-4) and HMAC (RFC 2104). Allocates nothing: the tree hashes by the hundred thousand.
import Bytes
import COpenSSL

/// A SHA-256 digest, 32 bytes, stored inline.
public struct Digest: Hashable, Sendable {
    public static let byteCount = 32

    // Big-endian words, in order.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    fileprivate init(bigEndian raw: (UInt64, UInt64, UInt64, UInt64)) {
        words = (UInt64(bigEndian: raw.0), UInt64(bigEndian: raw.1), UInt64(bigEndian: raw.2), UInt64(bigEndian: raw.3))
    }

    /// Nil unless there are 32 bytes.
    public init?(_ bytes: [UInt8]) { self.init(bytes.span.bytes) }

    /// Nil unless there are 32 bytes.
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount == Self.byteCount else { return nil }
        self.init(bigEndian: (
            bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self),
            bytes.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt64.self),
            bytes.unsafeLoadUnaligned(fromByteOffset: 16, as: UInt64.self),
            bytes.unsafeLoadUnaligned(fromByteOffset: 24, as: UInt64.self)))
    }

    public static let zero = Digest(bigEndian: (0, 0, 0, 0))

    public var bytes: [UInt8] {
        var writer = ByteWriter(capacity: Self.byteCount)
        writer.u64(words.0)
        writer.u64(words.1)
        writer.u64(words.2)
        writer.u64(words.3)
        return writer.bytes
    }

    public var hexadecimal: String { Bytes.hexadecimal(bytes) }

    public static func == (a: Digest, b: Digest) -> Bool { a.words == b.words }

    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

/// A SHA-256 under way.
public struct SHA256: ~Copyable {
    private var context = SHA256_CTX()

    public init() { SHA256_Init(&context) }

    public mutating func update(_ bytes: RawSpan) {
        guard bytes.byteCount > 0 else { return }
        _ = bytes.withUnsafeBytes { SHA256_Update(&context, $0.baseAddress!, $0.count) }
    }

    /// The digest of all that was fed in. The state is wiped by OpenSSL.
    public consuming func finalize() -> Digest {
        var raw: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        _ = withUnsafeMutableBytes(of: &raw) { SHA256_Final($0.baseAddress!.assumingMemoryBound(to: UInt8.self), &context) }
        return Digest(bigEndian: raw)
    }

    public static func hash(_ bytes: RawSpan) -> Digest {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finalize()
    }

    /// The digest of `a` followed by `b`: a salt and its block, or a register and what extends it.
    public static func hash(_ a: RawSpan, _ b: RawSpan) -> Digest {
        var hash = SHA256()
        hash.update(a)
        hash.update(b)
        return hash.finalize()
    }

    public static func hash(_ bytes: [UInt8]) -> Digest { hash(bytes.span.bytes) }
}

/// HMAC with SHA-256 (RFC 2104) under a key of any length.
public func hmacSHA256(key: RawSpan, _ message: RawSpan) -> Digest {
    var block = key.byteCount > 64 ? SHA256.hash(key).bytes : key.copied()
    while block.count < 64 { block.append(0) }
    for i in 0..<64 { block[i] ^= 0x36 }
    let inner = SHA256.hash(block.span.bytes, message).bytes
    for i in 0..<64 { block[i] ^= 0x36 ^ 0x5C }
    let outer = SHA256.hash(block.span.bytes, inner.span.bytes)
    wipe(&block)
    return outer
}

/// Overwrites a secret in a way that the compiler can't leave out.
public func wipe(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { OPENSSL_cleanse(base, $0.count) } }
}
