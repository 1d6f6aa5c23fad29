// Quotes: the TPM's signed statement of its PCRs, made on the device and checked by whoever asked.
// Trust: the checker's bytes come from the device or the network. It must never call a quote good
// that lacks the nonce, the selection, the digest of the claimed values or the key's signature.
import Bytes
import Cryptography

/// A quote as it goes over the wire.
public struct Quote: Equatable, Sendable {
    /// TPMS_ATTEST, exactly as the TPM signed it.
    public var attested: [UInt8]
    /// ES256 over `attested`: r || s, 64 bytes.
    public var signature: [UInt8]

    public init(attested: [UInt8], signature: [UInt8]) {
        self.attested = attested
        self.signature = signature
    }
}

/// What a TPMS_ATTEST of a quote says (Part 2, 10.12).
public struct Attestation: Equatable, Sendable {
    /// The longest nonce in bytes that every TPM takes.
    public static let nonceByteMaximum = 32

    public let qualifiedSigner: [UInt8]
    public let nonce: [UInt8]
    public let clockMilliseconds: UInt64
    public let resetCount: UInt32
    public let restartCount: UInt32
    /// False if the clock may have gone back, after a power cut.
    public let isClockSafe: Bool
    public let firmwareVersion: UInt64
    public let selection: RegisterSelection
    /// SHA-256 over the concatenated PCR values.
    public let registersDigest: Digest

    public init(decoding bytes: RawSpan) throws(TPMError) {
        var reader = ResponseReader(bytes, of: .quote)
        guard try reader.u32() == 0xFF54_4347, try reader.u16() == 0x8018 else { throw .quoteForeign }
        qualifiedSigner = try reader.sized(maximum: 66)
        nonce = try reader.sized(maximum: 64)
        clockMilliseconds = try reader.u64()
        resetCount = try reader.u32()
        restartCount = try reader.u32()
        switch try reader.u8() {
        case 0: isClockSafe = false
        case 1: isClockSafe = true
        default: throw reader.malformed
        }
        firmwareVersion = try reader.u64()
        selection = try RegisterSelection.read(from: &reader)
        guard let digest = Digest(try reader.sized(maximum: 32)) else { throw reader.malformed }
        registersDigest = digest
        try reader.end()
    }
}

extension Quote {
    /// What the quote states, if `key` signed it over this nonce and selection, and if the digest in
    /// it is that of `values` (ascending PCR index); throws `quoteForeign` otherwise.
    public func verify(
        key: PublicKey, nonce: [UInt8], selection: RegisterSelection, values: [Digest]
    ) throws(TPMError) -> Attestation {
        guard case .es256 = key, key.verify(signature: signature, message: attested.span.bytes) else { throw .quoteForeign }
        let attestation = try Attestation(decoding: attested.span.bytes)
        guard attestation.nonce == nonce, attestation.selection == selection,
              values.count == selection.indices.count,
              attestation.registersDigest == digest(of: values)
        else { throw .quoteForeign }
        return attestation
    }
}

/// SHA-256 over the values one after the other, as in a quote and in TPM2_PolicyPCR.
public func digest(of values: [Digest]) -> Digest {
    var hash = SHA256()
    for value in values { hash.update(value.bytes.span.bytes) }
    return hash.finalize()
}

extension TPM where Transport: ~Copyable {
    /// A quote of the selected PCRs (SHA-256 bank) over a nonce of at most 32 bytes, by a key of the
    /// attestation template. It is checked to be what was asked before it is handed out. (TPM2_Quote)
    public mutating func quote(_ handle: UInt32, _ selection: RegisterSelection, nonce: [UInt8]) throws(TPMError) -> Quote {
        precondition(nonce.count <= Attestation.nonceByteMaximum)
        var parameters = ByteWriter()
        parameters.u16(UInt16(nonce.count))
        parameters.append(nonce)
        parameters.u16(algorithmNull)  // the key's own scheme
        selection.write(to: &parameters)
        let response = try run(.quote, handles: [handle], authorised: true, parameters: parameters.bytes)
        var reader = ResponseReader(response.parameters.span.bytes, of: .quote)
        let attested = try reader.sized(maximum: 1024)
        let signature = try reader.signature()
        try reader.end()
        let stated = try Attestation(decoding: attested.span.bytes)
        guard stated.nonce == nonce, stated.selection == selection else { throw .quoteForeign }
        return Quote(attested: attested, signature: signature)
    }

    /// The PCR values and a quote that states just these: reading and quoting are two commands, so
    /// both are repeated, up to four times, if a PCR was extended between them.
    public mutating func quoteWithValues(
        _ handle: UInt32, _ selection: RegisterSelection, nonce: [UInt8]
    ) throws(TPMError) -> (quote: Quote, values: [Digest]) {
        for _ in 0..<4 {
            let values = try pcrRead(selection)
            let quote = try quote(handle, selection, nonce: nonce)
            let stated = try Attestation(decoding: quote.attested.span.bytes)
            if stated.registersDigest == digest(of: values) { return (quote, values) }
        }
        throw .registersChanging
    }
}
