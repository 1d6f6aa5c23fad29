// Duty: the one kind of signed thing: deterministic CBOR in a COSE_Sign object (RFC 9052), its purpose
// bound into the signed bytes, verified against a key set with a threshold for each purpose.
// Trust: objects are anybody's; only the key set is believed. No clock is asked.
// Must never decode a payload before enough signatures over it hold, nor let anything but `verify`
// make a `Verified`.
import Bytes

/// What a signed object is for. The content type stands in the protected header, so a signature over
/// one kind is none over another.
public enum Purpose: UInt8, CaseIterable, Sendable {
    case manifest = 0
    case calibration = 1
    case command = 2
    case keySet = 3
    case commissioning = 4

    /// The name that people and files use.
    public var name: String {
        switch self {
        case .manifest: "manifest"
        case .calibration: "calibration"
        case .command: "command"
        case .keySet: "key-set"
        case .commissioning: "commissioning"
        }
    }

    /// COSE header parameter 3.
    public var contentType: String { "application/vnd.penstock." + name + "+cbor" }

    public init?(contentType: String) {
        for purpose in Purpose.allCases where purpose.contentType.utf8.elementsEqual(contentType.utf8) {
            self = purpose
            return
        }
        return nil
    }

    public init?(name: String) {
        for purpose in Purpose.allCases where purpose.name.utf8.elementsEqual(name.utf8) {
            self = purpose
            return
        }
        return nil
    }
}

/// What can be signed: a value with one encoding.
public protocol SignedPayload {
    static var purpose: Purpose { get }
    /// Called by `verify`, with bytes whose signatures hold.
    init(decoding bytes: RawSpan) throws(PayloadError)
    func encoded() -> [UInt8]
}

/// Why a payload says nothing valid: a stable code, and what, where and what to do.
public struct PayloadError: Error, Coded, Equatable {
    public let code: String
    public let text: String

    public init(code: String, text: String) {
        self.code = code
        self.text = text
    }

    public init(_ error: CBORError) {
        code = "payload-malformed"
        text = "the payload is not as its kind demands: " + error.text
    }
}

extension CBORError {
    /// What is wrong, and where.
    public var text: String {
        switch self {
        case .truncated(let at): "it ends within the item at byte \(at)"
        case .wrongType(let at): "the item at byte \(at) is of another type than expected"
        case .notDeterministic(let at): "the item at byte \(at) is not in the one encoding that is allowed (RFC 8949, 4.2.1)"
        case .tooLong(let at): "the item at byte \(at) is longer than allowed"
        case .outOfRange(let at): "the number or length at byte \(at) is out of range"
        case .notText(let at): "the text at byte \(at) is not plain UTF-8"
        case .tooDeep(let at): "the item at byte \(at) is nested too deeply"
        case .trailing(let at): "bytes follow after its end, from byte \(at)"
        case .missing(let key): "the key \(key) is missing from a map"
        case .unknown(let key): "a map has the key \(key), which this version does not know"
        }
    }
}
