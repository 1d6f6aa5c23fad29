// Why a TPM operation failed, in words; and the decoding of TPM response codes (Part 2, 6.6).
import Bytes

public enum TPMError: Error, Equatable {
    /// The device or socket could not be opened, written or read.
    case open(errno: Int32)
    case write(errno: Int32)
    case read(errno: Int32)
    /// The other end closed before a whole response had come.
    case closed
    /// A response longer than `tpmMessageByteMaximum`, or longer than it says.
    case oversized
    /// A response whose form is not that of the command; `at` is the offset into it.
    case malformed(TPMCommand, at: Int)
    /// The TPM answered with an error.
    case refused(TPMCommand, TPMResponseCode)
    /// The PCRs changed while they were read, each time.
    case registersChanging
    /// The TPM has no SHA-256 bank with these PCRs.
    case registersMissing
    /// No NV index of that number: never the same as a counter of zero.
    case counterMissing(index: UInt32)
    /// The counter was defined but never incremented, so it has no value yet.
    case counterUninitialised(index: UInt32)
    /// An NV index of that number exists, but it is not the counter that this device defines.
    case counterForeign(index: UInt32, attributes: UInt32)
    /// The counter is less than the baseline that the commissioning states: another TPM.
    case floorBelowBaseline(counter: UInt64, baseline: UInt64)
    /// The floor would have to be raised by more than `floorStepMaximum`.
    case floorTooFar(present: UInt64, wanted: UInt64)
    /// The TPM made a key that is not the template's.
    case keyForeign
    /// A quote that does not say what was asked.
    case quoteForeign
    /// The event log has no room for another event.
    case logFull
}

extension TPMError: Coded {
    public var code: String {
        switch self {
        case .open: "tpm-open"
        case .write: "tpm-write"
        case .read: "tpm-read"
        case .closed: "tpm-closed"
        case .oversized: "tpm-oversized"
        case .malformed: "tpm-malformed"
        case .refused: "tpm-refused"
        case .registersChanging: "tpm-registers-changing"
        case .registersMissing: "tpm-registers-missing"
        case .counterMissing: "tpm-counter-missing"
        case .counterUninitialised: "tpm-counter-uninitialised"
        case .counterForeign: "tpm-counter-foreign"
        case .floorBelowBaseline: "tpm-floor-below-baseline"
        case .floorTooFar: "tpm-floor-too-far"
        case .keyForeign: "tpm-key-foreign"
        case .quoteForeign: "tpm-quote-foreign"
        case .logFull: "tpm-log-full"
        }
    }

    public var text: String {
        switch self {
        case .open(let errno): "The TPM could not be opened (errno \(errno)); check that it is there and that nobody else holds it."
        case .write(let errno): "A command could not be written to the TPM (errno \(errno))."
        case .read(let errno): "A response could not be read from the TPM (errno \(errno))."
        case .closed: "The TPM closed the connection before its response was whole."
        case .oversized: "The TPM's response is longer than \(tpmMessageByteMaximum) bytes or than it says itself."
        case .malformed(let command, let at): "The TPM's response to \(command.name) is not of that command's form, at byte \(at)."
        case .refused(let command, let response): "\(command.name) was refused: \(response.text)."
        case .registersChanging: "The PCRs changed each time while they were read; let the measuring end first."
        case .registersMissing: "The TPM has no SHA-256 bank with the wanted PCRs; allocate it in the firmware's setup."
        case .counterMissing(let index): "The TPM has no NV counter at 0x\(hexadecimal(index)); commission the device. A cleared TPM loses it."
        case .counterUninitialised(let index): "The NV counter at 0x\(hexadecimal(index)) was defined but never incremented; commission the device."
        case .counterForeign(let index, let attributes):
            "The NV index 0x\(hexadecimal(index)) is not this device's counter (attributes 0x\(hexadecimal(attributes))); remove it and commission the device."
        case .floorBelowBaseline(let counter, let baseline):
            "The NV counter is at \(counter), below the baseline \(baseline) of the commissioning: it was made for another TPM."
        case .floorTooFar(let present, let wanted):
            "Raising the rollback floor from \(present) to \(wanted) would take more than \(floorStepMaximum) steps."
        case .keyForeign: "The TPM made a key that is not of the template asked for."
        case .quoteForeign: "The TPM's quote does not state the nonce and PCRs asked for."
        case .logFull: "The event log is full (\(EventLog.eventMaximum) events); the PCR was not extended."
        }
    }
}

func hexadecimal(_ value: UInt32) -> String {
    var writer = ByteWriter()
    writer.u32(value)
    return hexadecimal(writer.bytes)
}

/// A TPM_RC.
public struct TPMResponseCode: Equatable, Sendable {
    public let rawValue: UInt32

    public init(_ rawValue: UInt32) { self.rawValue = rawValue }

    static let initialize = TPMResponseCode(0x100)

    public var isSuccess: Bool { rawValue == 0 }

    /// RETRY, TESTING, YIELDED and NV_RATE: nothing was done, the same command may be sent again.
    var asksForRetry: Bool { [0x922, 0x90A, 0x908, 0x920].contains(rawValue) }

    /// Format one says what the error is about: a parameter, a handle or a session, by number.
    private var isFormatOne: Bool { rawValue & 0x80 != 0 }

    /// The code without the number of the handle, session or parameter that it is about.
    public var base: UInt32 { isFormatOne ? rawValue & 0xBF : rawValue & 0xFFF }

    /// TPM_RC_HANDLE: there is nothing under the handle, whichever of the command's it was.
    var isHandle: Bool { isFormatOne && rawValue & 0x40 == 0 && base == 0x8B }

    static let nvUninitialized = TPMResponseCode(0x14A)

    /// For example "TPM_RC_VALUE (0x2C4), parameter 2".
    public var text: String {
        var digits = hexadecimal(rawValue)
        while digits.utf8.count > 3, digits.hasPrefix("0") { digits.removeFirst() }
        let known = name == "" ? "unknown response code" : "TPM_RC_" + name
        guard isFormatOne else { return "\(known) (0x\(digits))" }
        let number = (rawValue >> 8) & 0xF
        if rawValue & 0x40 != 0 { return "\(known) (0x\(digits)), parameter \(number)" }
        if number & 8 != 0 { return "\(known) (0x\(digits)), session \(number & 7)" }
        return "\(known) (0x\(digits)), handle \(number)"
    }

    private var name: String {
        if isFormatOne { return formatOneName }
        if rawValue & 0x400 != 0 { return "" }
        return rawValue & 0x800 != 0 ? warningName : formatZeroName
    }

    private var formatOneName: String {
        switch base {
        case 0x81: "ASYMMETRIC"
        case 0x82: "ATTRIBUTES"
        case 0x83: "HASH"
        case 0x84: "VALUE"
        case 0x85: "HIERARCHY"
        case 0x87: "KEY_SIZE"
        case 0x88: "MGF"
        case 0x89: "MODE"
        case 0x8A: "TYPE"
        case 0x8B: "HANDLE"
        case 0x8C: "KDF"
        case 0x8D: "RANGE"
        case 0x8E: "AUTH_FAIL"
        case 0x8F: "NONCE"
        case 0x90: "PP"
        case 0x92: "SCHEME"
        case 0x95: "SIZE"
        case 0x96: "SYMMETRIC"
        case 0x97: "TAG"
        case 0x98: "SELECTOR"
        case 0x9A: "INSUFFICIENT"
        case 0x9B: "SIGNATURE"
        case 0x9C: "KEY"
        case 0x9D: "POLICY_FAIL"
        case 0x9F: "INTEGRITY"
        case 0xA0: "TICKET"
        case 0xA1: "RESERVED_BITS"
        case 0xA2: "BAD_AUTH"
        case 0xA3: "EXPIRED"
        case 0xA4: "POLICY_CC"
        case 0xA5: "BINDING"
        case 0xA6: "CURVE"
        case 0xA7: "ECC_POINT"
        default: ""
        }
    }

    private var formatZeroName: String {
        switch base {
        case 0x01E: "BAD_TAG (a TPM 1.2?)"
        case 0x100: "INITIALIZE"
        case 0x101: "FAILURE"
        case 0x103: "SEQUENCE"
        case 0x119: "PRIVATE"
        case 0x11B: "HMAC"
        case 0x120: "DISABLED"
        case 0x121: "EXCLUSIVE"
        case 0x124: "AUTH_TYPE"
        case 0x125: "AUTH_MISSING"
        case 0x126: "POLICY"
        case 0x127: "PCR"
        case 0x128: "PCR_CHANGED"
        case 0x12D: "UPGRADE"
        case 0x12E: "TOO_MANY_CONTEXTS"
        case 0x12F: "AUTH_UNAVAILABLE"
        case 0x130: "REBOOT"
        case 0x131: "UNBALANCED"
        case 0x142: "COMMAND_SIZE"
        case 0x143: "COMMAND_CODE"
        case 0x144: "AUTHSIZE"
        case 0x145: "AUTH_CONTEXT"
        case 0x146: "NV_RANGE"
        case 0x147: "NV_SIZE"
        case 0x148: "NV_LOCKED"
        case 0x149: "NV_AUTHORIZATION"
        case 0x14A: "NV_UNINITIALIZED"
        case 0x14B: "NV_SPACE"
        case 0x14C: "NV_DEFINED"
        case 0x150: "BAD_CONTEXT"
        case 0x151: "CPHASH"
        case 0x152: "PARENT"
        case 0x153: "NEEDS_TEST"
        case 0x154: "NO_RESULT"
        case 0x155: "SENSITIVE"
        default: ""
        }
    }

    private var warningName: String {
        switch base {
        case 0x901: "CONTEXT_GAP"
        case 0x902: "OBJECT_MEMORY"
        case 0x903: "SESSION_MEMORY"
        case 0x904: "MEMORY"
        case 0x905: "SESSION_HANDLES"
        case 0x906: "OBJECT_HANDLES"
        case 0x907: "LOCALITY"
        case 0x908: "YIELDED"
        case 0x909: "CANCELED"
        case 0x90A: "TESTING"
        case 0x910...0x916: "REFERENCE_H\(base - 0x910)"
        case 0x918...0x91E: "REFERENCE_S\(base - 0x918)"
        case 0x920: "NV_RATE"
        case 0x921: "LOCKOUT"
        case 0x922: "RETRY"
        case 0x923: "NV_UNAVAILABLE"
        default: ""
        }
    }
}
