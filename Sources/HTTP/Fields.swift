// The head of a response as text lines (RFC 9112, sections 4 and 5). Strict: what a lenient
// parser would mend is refused, because two parsers that mend differently can be played off.
import Bytes

/// The fields that matter here; all others are checked for form and forgotten.
struct Fields: Equatable {
    var status = 0
    var contentLength: UInt64?
    var contentRange: ContentRange?
    var tag: String?
    var hasTransferEncoding = false
    var hasContentEncoding = false
    var closes = false
}

/// `bytes first-last/total` or `bytes */total` (RFC 9110, section 14.4).
struct ContentRange: Equatable {
    /// Nil for an unsatisfied range.
    var range: Range<UInt64>?
    /// Nil where the server does not know.
    var total: UInt64?
}

extension Fields {
    /// `head` ends with an empty line, which is not in it: each line ends with CR LF.
    init(head: [UInt8]) throws(HTTPError) {
        var offset = 0
        status = try Self.statusLine(try Self.line(head, &offset))
        var seen: [String] = []
        var count = 0
        while offset < head.count {
            let start = offset
            let line = try Self.line(head, &offset)
            count += 1
            guard count <= Limit.fields else { throw .headTooLong }
            let (name, value) = try Self.field(line, at: start)
            let once = ["content-length", "content-range", "etag", "transfer-encoding", "content-encoding"]
            if once.contains(name) {
                guard !seen.contains(name) else { throw .repeatedField }
                seen.append(name)
            }
            try take(name, value, at: start)
        }
    }

    private static func line(_ head: [UInt8], _ offset: inout Int) throws(HTTPError) -> ArraySlice<UInt8> {
        let start = offset
        while offset < head.count, head[offset] != 13, head[offset] != 10 { offset += 1 }
        guard offset + 1 < head.count, head[offset] == 13, head[offset + 1] == 10 else { throw .malformed(at: offset) }
        offset += 2
        return head[start..<offset - 2]
    }

    /// `HTTP/1.1 206 Partial Content`
    private static func statusLine(_ line: ArraySlice<UInt8>) throws(HTTPError) -> Int {
        guard line.count >= 12 else { throw .malformed(at: 0) }
        let version = Array(line.prefix(9))
        guard version == Array("HTTP/1.1 ".utf8) else { throw .version }
        guard let status = number(line[9..<12]), (100...599).contains(status),
              line.count == 12 || line[12] == 32, isText(line)
        else { throw .malformed(at: 9) }
        return Int(status)
    }

    private static func field(_ line: ArraySlice<UInt8>, at start: Int) throws(HTTPError) -> (String, ArraySlice<UInt8>) {
        guard let colon = line.firstIndex(of: 58), colon > line.startIndex,
              line[..<colon].allSatisfy(isTokenByte), isText(line)
        else { throw .malformed(at: start) }
        var lowered: [UInt8] = []
        for byte in line[..<colon] { lowered.append((65...90).contains(byte) ? byte + 32 : byte) }
        return (String(decoding: lowered, as: UTF8.self), trimmed(line[(colon + 1)...]))
    }

    private mutating func take(_ name: String, _ value: ArraySlice<UInt8>, at start: Int) throws(HTTPError) {
        switch name {
        case "content-length":
            guard let length = Self.number(value) else { throw .malformed(at: start) }
            contentLength = length
        case "content-range":
            guard let range = ContentRange(value) else { throw .malformed(at: start) }
            contentRange = range
        case "etag":
            // A weak tag promises nothing about bytes: as good as none.
            if isStrongTag(Array(value)) { tag = String(decoding: value, as: UTF8.self) }
        case "transfer-encoding": hasTransferEncoding = true
        case "content-encoding": hasContentEncoding = !Self.equals(value, "identity")
        case "connection":
            for option in value.split(separator: 44) where Self.equals(Self.trimmed(option), "close") { closes = true }
        default: break
        }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 94...122, 33, 35...39, 42, 43, 45, 46, 124, 126: true
        default: false
        }
    }

    /// No control characters but the tab.
    private static func isText(_ line: ArraySlice<UInt8>) -> Bool {
        line.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 9 }
    }

    private static func trimmed(_ value: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var value = value
        while let first = value.first, first == 32 || first == 9 { value.removeFirst() }
        while let last = value.last, last == 32 || last == 9 { value.removeLast() }
        return value
    }

    private static func equals(_ value: ArraySlice<UInt8>, _ word: String) -> Bool {
        value.map { (65...90).contains($0) ? $0 + 32 : $0 } == Array(word.utf8)
    }

    /// One to eighteen digits.
    static func number(_ value: ArraySlice<UInt8>) -> UInt64? {
        guard (1...18).contains(value.count) else { return nil }
        var number: UInt64 = 0
        for byte in value {
            guard (48...57).contains(byte) else { return nil }
            number = 10 * number + UInt64(byte - 48)
        }
        return number
    }
}

extension ContentRange {
    init?(_ value: ArraySlice<UInt8>) {
        let unit = Array("bytes ".utf8)
        guard value.starts(with: unit) else { return nil }
        let parts = value.dropFirst(unit.count).split(separator: 47, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        if parts[1] != [42] {
            guard let number = Fields.number(parts[1]) else { return nil }
            total = number
        }
        if parts[0] == [42] {
            guard total != nil else { return nil }
            return
        }
        let ends = parts[0].split(separator: 45, omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Fields.number(ends[0]), let last = Fields.number(ends[1]),
              first <= last, total.map({ last < $0 }) ?? true
        else { return nil }
        range = first..<last + 1
    }
}
