// A GET request of one range (RFC 9110, sections 9.3.1 and 14.2).
import Bytes

public struct Request: Equatable, Sendable {
    public let host: String
    public let port: UInt16
    public let path: String
    /// Offsets into the file, not empty; nil asks for the whole.
    public let range: Range<UInt64>?
    /// The strong entity tag, quotes included, of the file that the range must belong to.
    public let tag: String?

    /// Checks every part, so that nothing can be injected by a path or a tag.
    /// - Parameters:
    ///   - host: a name or an address (an IPv6 address without brackets).
    ///   - path: absolute, percent-encoded, with its query.
    public init(
        host: String, port: UInt16, path: String, range: Range<UInt64>? = nil, tag: String? = nil
    ) throws(HTTPError) {
        let hostIsSound = !host.isEmpty && host.utf8.count <= 255 && host.utf8.allSatisfy(Self.isOfHost)
        let pathIsSound = path.utf8.first == 47 && path.utf8.count <= Limit.targetBytes
            && path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 35 }
        guard hostIsSound, pathIsSound, range.map({ !$0.isEmpty }) ?? true, tag.map({ isStrongTag(Array($0.utf8)) }) ?? true
        else { throw .requestInvalid }
        self.host = host
        self.port = port
        self.path = path
        self.range = range
        self.tag = tag
    }

    private static func isOfHost(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...58, 65...90, 97...122, 45, 46, 95: true
        default: false
        }
    }

    /// The request as it goes out.
    public var bytes: [UInt8] {
        var text = "GET \(path) HTTP/1.1\r\nHost: "
        text += host.utf8.contains(58) ? "[\(host)]" : host
        if port != 443 { text += ":\(port)" }
        text += "\r\nUser-Agent: penstock\r\nAccept-Encoding: identity\r\n"
        if let range {
            text += "Range: bytes=\(range.lowerBound)-\(range.upperBound - 1)\r\n"
            if let tag { text += "If-Range: \(tag)\r\n" }
        }
        return Array((text + "\r\n").utf8)
    }
}

/// A strong entity tag (RFC 9110, section 8.8.3) of a bearable length.
func isStrongTag(_ tag: [UInt8]) -> Bool {
    guard tag.count >= 2, tag.count <= Limit.tagBytes, tag.first == 34, tag.last == 34 else { return false }
    return tag.dropFirst().dropLast().allSatisfy { $0 == 0x21 || $0 >= 0x23 && $0 < 0x7F }
}
