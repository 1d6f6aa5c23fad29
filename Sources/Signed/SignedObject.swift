// COSE_Sign (RFC 9052, 4.1), parsed and written. Nothing here says whether a signature holds.
// Trust: the bytes are anybody's.
import Bytes
import Cryptography

/// A COSE_Sign object with its payload inside, unverified: to be signed, shown or handed to `verify`.
///
///     98([<<{3: content type}>>, {}, payload, [[<<{1: algorithm, 4: key identifier}>>, {}, signature], ...]])
///
/// Unprotected headers must be empty, so that every byte of an object is under a signature or is one.
public struct SignedObject: Sendable {
    /// What fits beside the magic and the length in the 64 KiB that a slot gives its manifest.
    public static let byteMaximum = 65_524
    public static let signatureMaximum = 8
    static let headerMaximum = 256

    public struct Signature: Sendable {
        let protected: [UInt8]
        /// As claimed by its header.
        public let algorithm: Int64
        public let keyIdentifier: [UInt8]
        public let bytes: [UInt8]
    }

    let protected: [UInt8]
    /// As claimed by its header; signed over, like the payload.
    public let contentType: String
    public let unverifiedPayload: [UInt8]
    public private(set) var signatures: [Signature] = []

    /// To be signed.
    public init(payload: [UInt8], purpose: Purpose) {
        contentType = purpose.contentType
        unverifiedPayload = payload
        var header = CBORWriter()
        header.map(1)
        header.unsigned(3); header.text(contentType)
        protected = header.bytes
    }

    /// Parses; verifies nothing.
    public init(_ object: RawSpan) throws(SignedError) {
        guard object.byteCount <= Self.byteMaximum else { throw .oversized(byteCount: object.byteCount) }
        var reader = CBORReader(object)
        var count = 0
        do throws(CBORError) {
            try reader.tag(98)
            try reader.array(exactly: 4)
            protected = try reader.bytes(maximum: Self.headerMaximum)
            _ = try reader.map(maximum: 0)
            unverifiedPayload = try reader.bytes(maximum: Self.byteMaximum)
            count = try reader.array(maximum: Self.byteMaximum)
        } catch { throw .malformed(.object, error) }
        let header = try Header(protected, .bodyHeader)
        contentType = header.contentType ?? ""
        guard count > 0 else { throw .signatureMissing }
        guard count <= Self.signatureMaximum else { throw .signaturesTooMany(count) }
        for index in 0..<count { signatures.append(try Self.signature(&reader, index)) }
        do throws(CBORError) { try reader.end() } catch { throw .malformed(.object, error) }
    }

    private static func signature(_ reader: inout CBORReader, _ index: Int) throws(SignedError) -> Signature {
        let protected: [UInt8], bytes: [UInt8]
        do throws(CBORError) {
            try reader.array(exactly: 3)
            protected = try reader.bytes(maximum: headerMaximum)
            _ = try reader.map(maximum: 0)
            bytes = try reader.bytes(exactly: PublicKey.signatureCount)
        } catch { throw .malformed(.object, error) }
        let header = try Header(protected, .signatureHeader(index: index))
        guard let algorithm = header.algorithm else { throw .malformed(.signatureHeader(index: index), .missing(key: 1)) }
        guard let keyIdentifier = header.keyIdentifier else { throw .malformed(.signatureHeader(index: index), .missing(key: 4)) }
        return Signature(protected: protected, algorithm: algorithm, keyIdentifier: keyIdentifier, bytes: bytes)
    }

    public func encoded() -> [UInt8] {
        var writer = CBORWriter(capacity: unverifiedPayload.count + 128 * (1 + signatures.count))
        writer.tag(98)
        writer.array(4)
        writer.bytes(protected)
        writer.map(0)
        writer.bytes(unverifiedPayload)
        writer.array(signatures.count)
        for signature in signatures {
            writer.array(3)
            writer.bytes(signature.protected)
            writer.map(0)
            writer.bytes(signature.bytes)
        }
        return writer.bytes
    }

    /// Sig_structure (RFC 9052, 4.4): what a signature is made over.
    func toBeSigned(_ signerProtected: [UInt8]) -> [UInt8] {
        var writer = CBORWriter(capacity: unverifiedPayload.count + 256)
        writer.array(5)
        writer.text("Signature")
        writer.bytes(protected)
        writer.bytes(signerProtected)
        writer.bytes([])
        writer.bytes(unverifiedPayload)
        return writer.bytes
    }
}

// Signing.
extension SignedObject {
    /// What `key` is to sign, for a signer that this process does not hold (a TPM, an offline machine).
    public func toBeSigned(by key: PublicKey) -> [UInt8] { toBeSigned(Self.signerHeader(key)) }

    /// Adds a signature that was made elsewhere over `toBeSigned(by:)`: 64 bytes, r||s for ES256.
    /// It takes the place of an earlier one by the same key.
    public mutating func add(signature: [UInt8], by key: PublicKey) {
        precondition(signature.count == PublicKey.signatureCount)
        let keyIdentifier = key.keyIdentifier
        signatures.removeAll { $0.keyIdentifier == keyIdentifier }
        signatures.append(Signature(protected: Self.signerHeader(key), algorithm: key.algorithm.rawValue,
                                    keyIdentifier: keyIdentifier, bytes: signature))
    }

    public mutating func sign(with key: borrowing PrivateKey) throws(CryptographyError) {
        let message = toBeSigned(by: key.publicKey)
        add(signature: try key.sign(message.span.bytes), by: key.publicKey)
    }

    private static func signerHeader(_ key: PublicKey) -> [UInt8] {
        var header = CBORWriter()
        header.map(2)
        header.unsigned(1); header.integer(key.algorithm.rawValue)
        header.unsigned(4); header.bytes(key.keyIdentifier)
        return header.bytes
    }
}

/// The encoded payload in an object with one signature.
public func sign(_ payload: [UInt8], purpose: Purpose, with key: borrowing PrivateKey) throws(CryptographyError) -> [UInt8] {
    var object = SignedObject(payload: payload, purpose: purpose)
    try object.sign(with: key)
    return object.encoded()
}

/// A protected header. Parameters that are not known are passed over, unless they are critical.
private struct Header {
    var algorithm: Int64?
    var contentType: String?
    var keyIdentifier: [UInt8]?
    private var isCritical = false

    init(_ bytes: [UInt8], _ part: SignedPart) throws(SignedError) {
        do throws(CBORError) { try parse(bytes.span.bytes) } catch { throw .malformed(part, error) }
        guard !isCritical else { throw .headerCritical(part) }
    }

    private mutating func parse(_ bytes: RawSpan) throws(CBORError) {
        var reader = CBORReader(bytes)
        var previous: [UInt8] = []
        for _ in 0..<(try reader.map(maximum: 8)) {
            let at = reader.offset
            let label = reader.copied(try reader.skip())
            guard previous.lexicographicallyPrecedes(label) else { throw .notDeterministic(at: at) }
            previous = label
            // Labels 1 to 4 are their own encoding.
            switch label.count == 1 ? label[0] : 0xFF {
            case 1: algorithm = try reader.integer()
            case 2:
                _ = try reader.skip()
                isCritical = true
            case 3:
                let type = try reader.text(maximum: 128)
                // It is shown in refusals: nothing that moves a cursor.
                for byte in type.utf8 where !(0x20...0x7E).contains(byte) { throw .notText(at: at) }
                contentType = type
            case 4: keyIdentifier = try reader.bytes(maximum: 64)
            default: _ = try reader.skip()
            }
        }
        try reader.end()
    }
}
