// Duty: the client side of HTTP/1.1 (RFC 9110, RFC 9112) as far as fetching a file by ranges needs.
// Trust: the server is anybody. What does not answer exactly the request is refused. Must never
// do input or output, follow a redirect, or hold more than one head.
import Bytes

/// The bounds of this client.
public enum Limit {
    /// Status line and fields of a response, interim responses included.
    public static let headBytes = 8 * 1024
    public static let fields = 64
    public static let interimResponses = 4
    public static let targetBytes = 1024
    public static let tagBytes = 128
}

/// Why a response was refused, or a request cannot be made. The connection must be closed.
public enum HTTPError: Error, Equatable {
    /// Host, path or tag have characters that a request cannot carry, or are too long.
    case requestInvalid
    case headTooLong
    /// `at` is the offset in the head.
    case malformed(at: Int)
    /// Not HTTP/1.1.
    case version
    /// A field that must stand once stands twice.
    case repeatedField
    /// Neither 200 nor 206.
    case status(Int)
    /// 416; `total` is the length of the file where the server tells it.
    case rangeNotSatisfiable(total: UInt64?)
    /// A range was asked for and the whole was sent.
    case rangeIgnored
    /// Another range than the one asked for.
    case rangeWrong
    /// The file is no longer the one that the tag names.
    case changed
    /// No length, or a transfer coding that hides it.
    case lengthMissing
    /// Length and range do not agree.
    case lengthWrong
    case bodyTooLong(bytes: UInt64)
    /// The content is compressed or otherwise coded.
    case coded
    /// The connection ended before the body did.
    case truncated
    /// Bytes after the end of the response.
    case excess
}

extension HTTPError: Coded {
    public var code: String {
        switch self {
        case .requestInvalid: "http-request-invalid"
        case .headTooLong: "http-head-too-long"
        case .malformed: "http-malformed"
        case .version: "http-version"
        case .repeatedField: "http-repeated-field"
        case .status: "http-status"
        case .rangeNotSatisfiable: "http-range-not-satisfiable"
        case .rangeIgnored: "http-range-ignored"
        case .rangeWrong: "http-range-wrong"
        case .changed: "http-changed"
        case .lengthMissing: "http-length-missing"
        case .lengthWrong: "http-length-wrong"
        case .bodyTooLong: "http-body-too-long"
        case .coded: "http-coded"
        case .truncated: "http-truncated"
        case .excess: "http-excess"
        }
    }

    public var text: String {
        switch self {
        case .requestInvalid: "the update server's host or path, or the file's tag, has characters that a request cannot carry; check the commissioning object"
        case .headTooLong: "the update server's answer has a head of more than \(Limit.headBytes) bytes or \(Limit.fields) fields"
        case .malformed(let at): "the update server's answer breaks HTTP/1.1 at byte \(at) of its head"
        case .version: "the update server does not speak HTTP/1.1"
        case .repeatedField: "the update server's answer has a field twice that may stand once"
        case .status(let status): "the update server answered \(status) where 200 or 206 was needed; check the path of the bundle"
        case .rangeNotSatisfiable: "the file at the update server is shorter than the range asked for"
        case .rangeIgnored: "the update server sent the whole file where a range was asked for; serve bundles with ranges"
        case .rangeWrong: "the update server sent another range than the one asked for"
        case .changed: "the file at the update server changed during the download; it starts again"
        case .lengthMissing: "the update server's answer has no Content-Length; serve bundles as plain files"
        case .lengthWrong: "the update server's Content-Length and Content-Range do not agree"
        case .bodyTooLong(let bytes): "the update server wants to send \(bytes) bytes, more than was asked for"
        case .coded: "the update server sent coded content; serve bundles without compression"
        case .truncated: "the update server closed the connection before the end of the range"
        case .excess: "the update server sent bytes after the end of its answer"
        }
    }
}
