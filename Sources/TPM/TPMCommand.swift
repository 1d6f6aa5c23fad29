// The commands in use, how a request is put together, and how a response is read.
// Trust: a response is anybody's bytes; the reader must never trap or allocate by a length it was told.
import Bytes

/// Command codes (TPM 2.0 Library, Part 2, 6.5.2).
public enum TPMCommand: UInt32, Sendable {
    case nvUndefineSpace = 0x122
    case nvDefineSpace = 0x12A
    case createPrimary = 0x131
    case nvIncrement = 0x134
    case startup = 0x144
    case nvRead = 0x14E
    case agree = 0x154
    case quote = 0x158
    case sign = 0x15D
    case flushContext = 0x165
    case nvReadPublic = 0x169
    case getCapability = 0x17A
    case getRandom = 0x17B
    case pcrRead = 0x17E
    case pcrExtend = 0x182

    /// The name as in the specification, for messages.
    public var name: String {
        switch self {
        case .nvUndefineSpace: "TPM2_NV_UndefineSpace"
        case .nvDefineSpace: "TPM2_NV_DefineSpace"
        case .createPrimary: "TPM2_CreatePrimary"
        case .nvIncrement: "TPM2_NV_Increment"
        case .startup: "TPM2_Startup"
        case .nvRead: "TPM2_NV_Read"
        case .agree: "TPM2_ECDH_ZGen"
        case .quote: "TPM2_Quote"
        case .sign: "TPM2_Sign"
        case .flushContext: "TPM2_FlushContext"
        case .nvReadPublic: "TPM2_NV_ReadPublic"
        case .getCapability: "TPM2_GetCapability"
        case .getRandom: "TPM2_GetRandom"
        case .pcrRead: "TPM2_PCR_Read"
        case .pcrExtend: "TPM2_PCR_Extend"
        }
    }

    /// The whole request: header, handles, one password session with the empty password, parameters.
    func request(handles: [UInt32], authorised: Bool, parameters: [UInt8]) -> [UInt8] {
        var writer = ByteWriter(capacity: 64 + parameters.count)
        writer.u16(authorised ? tagSessions : tagNoSessions)
        writer.u32(0)
        writer.u32(rawValue)
        for handle in handles { writer.u32(handle) }
        if authorised {
            writer.u32(9)  // the authorisation area's length
            writer.u32(passwordSession)
            writer.u16(0)  // no nonce
            writer.u8(1)  // continueSession, the only attribute a password may have
            writer.u16(0)  // the empty password
        }
        writer.append(parameters)
        writer.patchU32(UInt32(writer.bytes.count), at: 2)
        return writer.bytes
    }
}

// Constants of Part 2 that more than one file needs.
let tagNoSessions: UInt16 = 0x8001
let tagSessions: UInt16 = 0x8002
let passwordSession: UInt32 = 0x4000_0009
let hierarchyOwner: UInt32 = 0x4000_0001
let hierarchyNull: UInt32 = 0x4000_0007
let hierarchyEndorsement: UInt32 = 0x4000_000B
let algorithmSHA256: UInt16 = 0x000B
let algorithmNull: UInt16 = 0x0010
let algorithmECDSA: UInt16 = 0x0018
let algorithmECC: UInt16 = 0x0023
let curveP256: UInt16 = 0x0003

/// Reads a response's fields; whatever does not fit is `malformed` with the command and the offset.
struct ResponseReader: ~Escapable {
    private var reader: ByteReader
    private let command: TPMCommand

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, of command: TPMCommand) {
        reader = ByteReader(bytes)
        self.command = command
    }

    var offset: Int { reader.offset }
    var remaining: Int { reader.remaining }

    mutating func u8() throws(TPMError) -> UInt8 {
        do throws(BytesError) { return try reader.u8() } catch { throw malformed }
    }

    mutating func u16() throws(TPMError) -> UInt16 {
        do throws(BytesError) { return try reader.u16() } catch { throw malformed }
    }

    mutating func u32() throws(TPMError) -> UInt32 {
        do throws(BytesError) { return try reader.u32() } catch { throw malformed }
    }

    mutating func u64() throws(TPMError) -> UInt64 {
        do throws(BytesError) { return try reader.u64() } catch { throw malformed }
    }

    mutating func bytes(_ count: Int) throws(TPMError) -> [UInt8] {
        do throws(BytesError) { return try reader.bytes(count) } catch { throw malformed }
    }

    /// A TPM2B: a 16-bit length and that many bytes.
    mutating func sized(maximum: Int) throws(TPMError) -> [UInt8] {
        let count = Int(try u16())
        guard count <= maximum else { throw malformed }
        return try bytes(count)
    }

    /// An ECC coordinate or signature number of P-256: at most 32 bytes, brought to 32 by leading zeros.
    mutating func number32() throws(TPMError) -> [UInt8] {
        let value = try sized(maximum: 32)
        return [UInt8](repeating: 0, count: 32 - value.count) + value
    }

    func end() throws(TPMError) {
        guard remaining == 0 else { throw malformed }
    }

    var malformed: TPMError { .malformed(command, at: offset) }
}
