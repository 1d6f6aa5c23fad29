// Duty: the TPM 2.0 commands that boot, rollback floor, identity and attestation need, spoken in the
// TPM's own format (TCG TPM 2.0 Library, Part 3); no TSS, because the device binary is static.
// Trust: the TPM's answers are parsed as anybody's bytes. It must never take an answer whose form,
// selection or key is not what was asked, and never wait or retry without a bound.
import Bytes
import Cryptography

/// What carries a command to a TPM and its response back.
public protocol TPMTransport: ~Copyable {
    /// Sends one whole command and returns one whole response (at most `tpmMessageByteMaximum`).
    mutating func exchange(_ command: [UInt8]) throws(TPMError) -> [UInt8]
    /// Waits before a command that the TPM asked to be sent again.
    mutating func pause(milliseconds: Int)
}

/// The longest command or response in bytes (TPM2_MAX_COMMAND_SIZE of the PC Client profile).
public let tpmMessageByteMaximum = 4096

/// Carries one exchange over a byte stream or a device file, joining a response that comes in pieces.
/// `write` sends all of its bytes; `read` returns at most as many bytes as asked, none at the end.
public func streamExchange(
    _ command: [UInt8],
    write: ([UInt8]) throws(TPMError) -> Void,
    read: (_ maximum: Int) throws(TPMError) -> [UInt8]
) throws(TPMError) -> [UInt8] {
    try write(command)
    var response: [UInt8] = []
    var wanted = tpmMessageByteMaximum
    repeat {
        let more = try read(wanted - response.count)
        guard !more.isEmpty else { throw .closed }
        response += more
        if response.count >= 6 {
            wanted = Int(response[2]) << 24 | Int(response[3]) << 16 | Int(response[4]) << 8 | Int(response[5])
        }
        guard wanted <= tpmMessageByteMaximum, response.count <= wanted else { throw .oversized }
    } while response.count < 6 || response.count < wanted
    return response
}

/// A TPM behind a transport. Owner and endorsement authorisation are empty: who may reach the
/// device file is what guards the TPM, and on the device only `init` and the keeper may.
public struct TPM<Transport: TPMTransport & ~Copyable>: ~Copyable {
    var transport: Transport

    /// How often a command is sent again when the TPM says that it is busy, and the first wait,
    /// which doubles: about 5 s in all.
    static var retryMaximum: Int { 8 }
    static var firstRetryMilliseconds: Int { 20 }

    public init(_ transport: consuming Transport) { self.transport = transport }

    /// The parts of a response that carry information.
    struct Response {
        var handles: [UInt32]
        var parameters: [UInt8]
    }

    /// Sends a command, with one empty-password session if it is authorised, and takes the response apart.
    mutating func run(
        _ command: TPMCommand, handles: [UInt32] = [], authorised: Bool = false,
        parameters: [UInt8] = [], responseHandles: Int = 0
    ) throws(TPMError) -> Response {
        let request = command.request(handles: handles, authorised: authorised, parameters: parameters)
        var waitMilliseconds = Self.firstRetryMilliseconds
        var attempt = 0
        while true {
            let response = try transport.exchange(request)
            let code = try responseCode(of: response, to: command, authorised: authorised)
            if code.isSuccess {
                return try take(response, of: command, authorised: authorised, handleCount: responseHandles)
            }
            guard code.asksForRetry, attempt < Self.retryMaximum else { throw .refused(command, code) }
            transport.pause(milliseconds: waitMilliseconds)
            waitMilliseconds *= 2
            attempt += 1
        }
    }

    /// Runs a command whose response has no parameters.
    mutating func order(
        _ command: TPMCommand, handles: [UInt32] = [], authorised: Bool = false, parameters: [UInt8]
    ) throws(TPMError) {
        let response = try run(command, handles: handles, authorised: authorised, parameters: parameters)
        guard response.parameters.isEmpty else { throw .malformed(command, at: 10) }
    }

    private func responseCode(
        of response: [UInt8], to command: TPMCommand, authorised: Bool
    ) throws(TPMError) -> TPMResponseCode {
        var reader = ResponseReader(response.span.bytes, of: command)
        let tag = try reader.u16()
        guard try reader.u32() == UInt32(response.count) else { throw .malformed(command, at: 2) }
        let code = TPMResponseCode(try reader.u32())
        // A refusal always has the tag without sessions; TPM_ST_RSP_COMMAND (0x00C4) is TPM 1.2's.
        guard tag == (code.isSuccess && authorised ? tagSessions : tagNoSessions) else { throw .malformed(command, at: 0) }
        if !code.isSuccess { try reader.end() }
        return code
    }

    private func take(
        _ response: [UInt8], of command: TPMCommand, authorised: Bool, handleCount: Int
    ) throws(TPMError) -> Response {
        var reader = ResponseReader(response.span.bytes, of: command)
        _ = try reader.bytes(10)
        var handles: [UInt32] = []
        for _ in 0..<handleCount { handles.append(try reader.u32()) }
        guard authorised else { return Response(handles: handles, parameters: try reader.bytes(reader.remaining)) }
        let length = try reader.u32()
        guard length <= UInt32(reader.remaining) else { throw .malformed(command, at: reader.offset) }
        let parameters = try reader.bytes(Int(length))
        // The password session's answer: no nonce, attributes, no HMAC.
        guard try reader.u16() == 0 else { throw .malformed(command, at: reader.offset) }
        _ = try reader.u8()
        guard try reader.u16() == 0 else { throw .malformed(command, at: reader.offset) }
        try reader.end()
        return Response(handles: handles, parameters: parameters)
    }
}

extension TPM where Transport: ~Copyable {
    /// TPM2_Startup(CLEAR). A TPM that firmware or kernel started already is as good.
    public mutating func startup() throws(TPMError) {
        do throws(TPMError) {
            try order(.startup, parameters: [0, 0])
        } catch {
            guard case .refused(_, let code) = error, code == .initialize else { throw error }
        }
    }

    /// TPM2_GetRandom: `count` (at most 1024) bytes, in as many commands as the TPM wants.
    public mutating func getRandom(_ count: Int) throws(TPMError) -> [UInt8] {
        precondition((0...1024).contains(count))
        var random: [UInt8] = []
        while random.count < count {
            var parameters = ByteWriter()
            parameters.u16(UInt16(count - random.count))
            let response = try run(.getRandom, parameters: parameters.bytes)
            var reader = ResponseReader(response.parameters.span.bytes, of: .getRandom)
            let more = try reader.sized(maximum: count - random.count)
            // None is an answer that would keep this loop going for ever.
            guard !more.isEmpty else { throw .malformed(.getRandom, at: 0) }
            try reader.end()
            random += more
        }
        return random
    }

    /// Who made the TPM, and its firmware (TPM2_GetCapability, TPM_CAP_TPM_PROPERTIES).
    public mutating func getIdentity() throws(TPMError) -> TPMIdentity {
        let first: UInt32 = 0x105  // TPM_PT_MANUFACTURER; vendor strings 0x106...0x109; firmware 0x10B, 0x10C
        var parameters = ByteWriter()
        parameters.u32(6)
        parameters.u32(first)
        parameters.u32(8)
        let response = try run(.getCapability, parameters: parameters.bytes)
        var reader = ResponseReader(response.parameters.span.bytes, of: .getCapability)
        _ = try reader.u8()
        guard try reader.u32() == 6 else { throw .malformed(.getCapability, at: 1) }
        let count = try reader.u32()
        guard count <= 8 else { throw .malformed(.getCapability, at: 5) }
        var manufacturer: [UInt8] = [], model: [UInt8] = []
        var firmware: UInt64 = 0
        for _ in 0..<count {
            let property = try reader.u32()
            let value = try reader.u32()
            let text = printable(value)
            switch property {
            case 0x105: manufacturer = text
            case 0x106...0x109: model += text
            case 0x10B: firmware |= UInt64(value) << 32
            case 0x10C: firmware |= UInt64(value)
            default: break
            }
        }
        try reader.end()
        return TPMIdentity(
            manufacturer: String(decoding: manufacturer, as: UTF8.self),
            model: String(decoding: model, as: UTF8.self), firmwareVersion: firmware)
    }

    /// TPM2_FlushContext: forgets a key that was loaded.
    public mutating func flush(_ handle: UInt32) throws(TPMError) {
        var parameters = ByteWriter()
        parameters.u32(handle)
        try order(.flushContext, parameters: parameters.bytes)
    }
}

/// Who made a TPM, from its fixed properties.
public struct TPMIdentity: Equatable, Sendable {
    /// The TCG vendor id, e.g. "IFX" or "IBM".
    public var manufacturer: String
    /// The vendor's own text.
    public var model: String
    /// TPM_PT_FIRMWARE_VERSION_1 and _2.
    public var firmwareVersion: UInt64
}

/// The printable characters of four, most significant first.
private func printable(_ value: UInt32) -> [UInt8] {
    var characters: [UInt8] = []
    for shift: UInt32 in [24, 16, 8, 0] {
        let character = UInt8(truncatingIfNeeded: value >> shift)
        if character > 0x20, character < 0x7F { characters.append(character) }
    }
    return characters
}
