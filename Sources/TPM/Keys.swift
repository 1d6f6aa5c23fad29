// The device's keys: primaries of a fixed template, which the TPM derives anew at every boot from its
// own seed, so that nothing secret is stored and nothing can be copied to another board.
import Bytes
import Cryptography

/// The templates. All are ECC P-256, name algorithm SHA-256, empty authorisation and policy, and fixedTPM,
/// fixedParent, sensitiveDataOrigin, userWithAuth, noDA. Those that sign do so by ECDSA with SHA-256.
/// `unique` holds the label, so that no other program's template gives the same key. A template never
/// changes: the key would change with it.
public enum KeyTemplate: Sendable {
    /// Owner hierarchy: TLS client identity. Signs any digest; lost when the TPM's owner is cleared.
    case device
    /// Endorsement hierarchy, restricted: signs nothing but what the TPM itself states (quotes).
    case attestation
    /// Owner hierarchy: agrees on secrets (ECDH), for what is encrypted for this device alone. Signs nothing.
    case decryption

    var hierarchy: UInt32 {
        switch self {
        case .device, .decryption: hierarchyOwner
        case .attestation: hierarchyEndorsement
        }
    }

    private var label: String {
        switch self {
        case .device: "penstock device key"
        case .attestation: "penstock attestation key"
        case .decryption: "penstock decryption key"
        }
    }

    // TPMA_OBJECT: fixedTPM 1, fixedParent 4, sensitiveDataOrigin 5, userWithAuth 6, noDA 10,
    // restricted 16, decrypt 17, sign 18. noDA: somebody's wrong passwords must not lock the device's identity.
    private var attributes: UInt32 {
        let all: UInt32 = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 10
        switch self {
        case .device: return all | 1 << 18
        case .attestation: return all | 1 << 16 | 1 << 18
        case .decryption: return all | 1 << 17
        }
    }

    /// TPMT_PUBLIC as far as it is the same in the template and in the key that is made of it.
    private var fixedPart: [UInt8] {
        var writer = ByteWriter()
        writer.u16(algorithmECC)
        writer.u16(algorithmSHA256)
        writer.u32(attributes)
        writer.u16(0)  // no policy
        writer.u16(algorithmNull)  // no symmetric algorithm
        switch self {
        case .device, .attestation:
            writer.u16(algorithmECDSA)
            writer.u16(algorithmSHA256)
        case .decryption: writer.u16(algorithmNull)
        }
        writer.u16(curveP256)
        writer.u16(algorithmNull)  // no key derivation
        return writer.bytes
    }

    /// The TPMT_PUBLIC that TPM2_CreatePrimary is given. `unique`: x is the label, zeros up to 32
    /// bytes; y is 32 zeros.
    var publicArea: [UInt8] {
        var writer = ByteWriter()
        writer.append(fixedPart)
        writer.u16(32)
        writer.append(label)
        writer.zeros(32 - label.utf8.count)
        writer.u16(32)
        writer.zeros(32)
        return writer.bytes
    }

    /// x || y of a key's TPMT_PUBLIC, if the rest of it is this template.
    fileprivate func point(of area: [UInt8]) throws(TPMError) -> [UInt8] {
        let fixed = fixedPart
        guard area.count > fixed.count, Array(area[..<fixed.count]) == fixed else { throw .keyForeign }
        var reader = ResponseReader(area.span.bytes, of: .createPrimary)
        _ = try reader.bytes(fixed.count)
        let x = try reader.number32()
        let y = try reader.number32()
        try reader.end()
        return x + y
    }
}

/// A key that is loaded in the TPM until it is flushed or the resource manager's file is closed.
public struct PrimaryKey: Sendable {
    /// TPM_HANDLE, transient.
    public let handle: UInt32
    /// ES256.
    public let publicKey: PublicKey
    /// 0x000B || SHA-256(TPMT_PUBLIC): what quotes and policies call the key.
    public let name: [UInt8]
}

extension TPM where Transport: ~Copyable {
    /// Makes the template's key; the same one each time in one TPM. (TPM2_CreatePrimary)
    public mutating func createPrimaryKey(_ template: KeyTemplate = .device) throws(TPMError) -> PrimaryKey {
        let area = template.publicArea
        var parameters = ByteWriter()
        parameters.u16(4)  // sensitive: empty authorisation, no data
        parameters.u16(0)
        parameters.u16(0)
        parameters.u16(UInt16(area.count))
        parameters.append(area)
        parameters.u16(0)  // no outside information
        parameters.u32(0)  // no creation PCRs
        let response = try run(
            .createPrimary, handles: [template.hierarchy], authorised: true, parameters: parameters.bytes, responseHandles: 1)
        let handle = response.handles[0]
        var reader = ResponseReader(response.parameters.span.bytes, of: .createPrimary)
        let made = try reader.sized(maximum: 512)
        _ = try reader.sized(maximum: 512)  // creation data
        _ = try reader.sized(maximum: 64)  // creation hash
        _ = try reader.bytes(6)  // creation ticket: tag, hierarchy, digest
        _ = try reader.sized(maximum: 64)
        let name = try reader.sized(maximum: 66)
        try reader.end()
        guard name == [0, 0x0B] + SHA256.hash(made.span.bytes).bytes else { throw .keyForeign }
        let point = try template.point(of: made)
        return PrimaryKey(handle: handle, publicKey: .es256(point), name: name)
    }

    /// Signs a digest with the device key: r || s, 64 bytes. (TPM2_Sign)
    public mutating func sign(_ handle: UInt32, _ digest: Digest) throws(TPMError) -> [UInt8] {
        var parameters = ByteWriter()
        parameters.u16(32)
        parameters.append(digest.bytes)
        parameters.u16(algorithmECDSA)
        parameters.u16(algorithmSHA256)
        parameters.u16(0x8024)  // a null TPMT_TK_HASHCHECK: the digest was made outside the TPM
        parameters.u32(hierarchyNull)
        parameters.u16(0)
        let response = try run(.sign, handles: [handle], authorised: true, parameters: parameters.bytes)
        var reader = ResponseReader(response.parameters.span.bytes, of: .sign)
        let signature = try reader.signature()
        try reader.end()
        return signature
    }
}

extension TPM where Transport: ~Copyable {
    /// The secret that the decryption key shares with a point, x || y: the x coordinate of their product, 32
    /// bytes. The TPM refuses a point that is not on the curve. (TPM2_ECDH_ZGen)
    public mutating func agree(_ handle: UInt32, _ point: [UInt8]) throws(TPMError) -> [UInt8] {
        precondition(point.count == 64)
        var parameters = ByteWriter()
        parameters.u16(68)
        for half in [0, 32] {
            parameters.u16(32)
            parameters.append([UInt8](point[half..<half + 32]))
        }
        let response = try run(.agree, handles: [handle], authorised: true, parameters: parameters.bytes)
        var reader = ResponseReader(response.parameters.span.bytes, of: .agree)
        _ = try reader.u16()  // of both coordinates together
        let secret = try reader.number32()
        _ = try reader.number32()
        try reader.end()
        return secret
    }
}

extension ResponseReader {
    /// TPMT_SIGNATURE of ECDSA with SHA-256 as r || s.
    mutating func signature() throws(TPMError) -> [UInt8] {
        guard try u16() == algorithmECDSA, try u16() == algorithmSHA256 else { throw malformed }
        let r = try number32()
        return r + (try number32())
    }
}
