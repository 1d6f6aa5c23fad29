// The content key of an encrypted bundle, under the key of each that may have it: COSE_Encrypt (RFC 9052, 5)
// whose ciphertext is detached, the blocks of the bundle.
// Trust: anybody's bytes. A key that they lead to is tried on the blocks, and what comes of those is held
// against the signed tree; so a forged header can withhold a bundle and do nothing else.

import Bytes
import Cryptography

/// Why a bundle's keys are of no use here.
public enum BundleKeysError: Error, Equatable, Coded {
    case malformed(CBORError)
    /// The bundle is for others.
    case noRecipient
    /// The wrapped key was altered, or is under another key.
    case unwrap

    public var code: String {
        switch self {
        case .malformed: "bundle-keys-malformed"
        case .noRecipient: "bundle-not-for-us"
        case .unwrap: "bundle-keys-altered"
        }
    }

    public var text: String {
        switch self {
        case .malformed: "the keys of the encrypted bundle are not as they should be: encrypt it again"
        case .noRecipient: "the bundle is encrypted for others: encrypt it for this device as well"
        case .unwrap: "the bundle's key for this device does not open: encrypt it again"
        }
    }
}

/// One who may decrypt. Key identifiers have 8 bytes, wrapped keys 40.
public enum BundleRecipient: Equatable, Sendable {
    /// A256KW (-5) under a key that a whole fleet has.
    case fleet(keyIdentifier: [UInt8], wrapped: [UInt8])
    /// ECDH-ES + A256KW (-31): a P-256 key of one device, met by an ephemeral one, x||y.
    case device(keyIdentifier: [UInt8], ephemeral: [UInt8], wrapped: [UInt8])
}

///     96([<<{1: 3, 3: content type}>>, {}, null, [recipient, ...]])
///     recipient = [h'', {1: -5, 4: key identifier}, wrapped]
///               | [<<{1: -31}>>, {4: key identifier, -1: {1: 2, -1: 1, -2: x, -3: y}}, wrapped]
public struct BundleKeys: Equatable, Sendable {
    public static let recipientMaximum = 64
    /// Bytes of the encoded object: a packet between roles carries it.
    public static let encodedMaximum = 12288
    public static let contentType = "application/vnd.penstock.blocks"
    static let identifierBytes = 8, wrappedBytes = 40

    public let recipients: [BundleRecipient]

    /// Nil for none, or more than `recipientMaximum`.
    public init?(recipients: [BundleRecipient]) {
        guard (1...Self.recipientMaximum).contains(recipients.count) else { return nil }
        self.recipients = recipients
    }

    /// The content key for the device whose key has this identifier.
    /// - agree: the secret shared with an ephemeral point, x||y: a TPM's word, or a key in a file.
    public func contentKey<E: Error>(
        device keyIdentifier: [UInt8], agree: ([UInt8]) throws(E) -> [UInt8]
    ) throws(E) -> Result<[UInt8], BundleKeysError> {
        for case .device(keyIdentifier, let ephemeral, let wrapped) in recipients {
            var secret = try agree(ephemeral)
            defer { wipe(&secret) }
            var wrapping = Self.wrappingKey(secret)
            defer { wipe(&wrapping) }
            guard let key = unwrapKey(wrapped, under: wrapping) else { return .failure(.unwrap) }
            return .success(key)
        }
        return .failure(.noRecipient)
    }

    /// The content key for whoever has the fleet's key, 32 bytes.
    public func contentKey(fleet key: [UInt8]) throws(BundleKeysError) -> [UInt8] {
        let identifier = Self.identifier(ofFleetKey: key)
        for case .fleet(identifier, let wrapped) in recipients {
            guard let content = unwrapKey(wrapped, under: key) else { throw .unwrap }
            return content
        }
        throw .noRecipient
    }

    /// The first 8 bytes of SHA-256 over a label and the key.
    public static func identifier(ofFleetKey key: [UInt8]) -> [UInt8] {
        [UInt8](SHA256.hash(Array("penstock fleet key".utf8) + key).bytes[..<identifierBytes])
    }

    /// HKDF over COSE_KDF_Context (RFC 9053, 5.2): for A256KW, 256 bits, the recipient's protected header.
    static func wrappingKey(_ secret: [UInt8]) -> [UInt8] {
        var context = CBORWriter(capacity: 32)
        context.array(4)
        context.integer(-5)
        for _ in 0..<2 {
            context.array(3)
            for _ in 0..<3 { context.null() }
        }
        context.array(2)
        context.unsigned(256)
        context.bytes(agreementHeader)
        return deriveKey(secret: secret.span.bytes, information: context.bytes.span.bytes)
    }

    /// {1: -31}
    private static let agreementHeader: [UInt8] = [0xA1, 0x01, 0x38, 0x1E]
}

// Made by whoever encrypts.
extension BundleRecipient {
    public static func fleet(key: [UInt8], contentKey: [UInt8]) throws(CryptographyError) -> BundleRecipient {
        .fleet(keyIdentifier: BundleKeys.identifier(ofFleetKey: key), wrapped: try wrapKey(contentKey, under: key))
    }

    /// - key: a device's P-256 key, with its identifier as signatures know keys.
    public static func device(_ key: PublicKey, keyIdentifier: [UInt8], contentKey: [UInt8]) throws(CryptographyError) -> BundleRecipient {
        let ephemeral = try PrivateKey.generate(.es256)
        var secret = try ephemeral.agree(with: key)
        defer { wipe(&secret) }
        var wrapping = BundleKeys.wrappingKey(secret)
        defer { wipe(&wrapping) }
        return .device(keyIdentifier: keyIdentifier, ephemeral: ephemeral.publicKey.bytes, wrapped: try wrapKey(contentKey, under: wrapping))
    }
}

// Its encoding.
extension BundleKeys {
    public func encoded() -> [UInt8] {
        var writer = CBORWriter(capacity: 64 + 160 * recipients.count)
        writer.tag(96)
        writer.array(4)
        writer.bytes(Self.header)
        writer.map(0)
        writer.null()
        writer.array(recipients.count)
        for recipient in recipients {
            writer.array(3)
            switch recipient {
            case .fleet(let identifier, let wrapped):
                writer.bytes([])
                writer.map(2)
                writer.unsigned(1); writer.integer(-5)
                writer.unsigned(4); writer.bytes(identifier)
                writer.bytes(wrapped)
            case .device(let identifier, let ephemeral, let wrapped):
                writer.bytes(Self.agreementHeader)
                writer.map(2)
                writer.unsigned(4); writer.bytes(identifier)
                writer.integer(-1); writer.map(4)
                writer.unsigned(1); writer.unsigned(2)
                writer.integer(-1); writer.unsigned(1)
                writer.integer(-2); writer.bytes([UInt8](ephemeral[..<32]))
                writer.integer(-3); writer.bytes([UInt8](ephemeral[32...]))
                writer.bytes(wrapped)
            }
        }
        return writer.bytes
    }

    /// {1: 3 (A256GCM), 3: content type}
    private static var header: [UInt8] {
        var writer = CBORWriter(capacity: 48)
        writer.map(2)
        writer.unsigned(1); writer.unsigned(3)
        writer.unsigned(3); writer.text(contentType)
        return writer.bytes
    }

    public init(decoding bytes: RawSpan) throws(BundleKeysError) {
        do throws(CBORError) { try self.init(reading: bytes) } catch { throw .malformed(error) }
    }

    private init(reading bytes: RawSpan) throws(CBORError) {
        var reader = CBORReader(bytes)
        guard bytes.byteCount <= Self.encodedMaximum else { throw .tooLong(at: 0) }
        try reader.tag(96)
        try reader.array(exactly: 4)
        let at = reader.offset
        guard try reader.bytes(maximum: 64) == Self.header, try reader.map(maximum: 0) == 0, try reader.null() else { throw .outOfRange(at: at) }
        let count = try reader.array(maximum: Self.recipientMaximum)
        guard count > 0 else { throw .missing(key: 0) }
        var recipients: [BundleRecipient] = []
        for _ in 0..<count { recipients.append(try Self.recipient(&reader)) }
        try reader.end()
        self.recipients = recipients
    }

    private static func recipient(_ reader: inout CBORReader) throws(CBORError) -> BundleRecipient {
        try reader.array(exactly: 3)
        let at = reader.offset
        let header = try reader.bytes(maximum: 8)
        guard header.isEmpty || header == agreementHeader, try reader.map(maximum: 2) == 2 else { throw .outOfRange(at: at) }
        if header.isEmpty {
            try reader.expect(1); try reader.expect(-5); try reader.expect(4)
            let identifier = try reader.bytes(exactly: identifierBytes)
            return .fleet(keyIdentifier: identifier, wrapped: try reader.bytes(exactly: wrappedBytes))
        }
        try reader.expect(4)
        let identifier = try reader.bytes(exactly: identifierBytes)
        try reader.expect(-1)
        guard try reader.map(maximum: 4) == 4 else { throw .outOfRange(at: at) }
        for number in [1, 2, -1, 1, -2] as [Int64] { try reader.expect(number) }
        let x = try reader.bytes(exactly: 32)
        try reader.expect(-3)
        let ephemeral = x + (try reader.bytes(exactly: 32))
        return .device(keyIdentifier: identifier, ephemeral: ephemeral, wrapped: try reader.bytes(exactly: wrappedBytes))
    }
}

extension CBORReader {
    /// The next number must be this one.
    fileprivate mutating func expect(_ number: Int64) throws(CBORError) {
        let at = offset
        guard try integer() == number else { throw .outOfRange(at: at) }
    }
}
