// Reads the response to one request: the same events however its bytes are split.
import Bytes

/// What the head of an accepted response says.
public struct Head: Equatable, Sendable {
    /// The part of the file that the body is.
    public let range: Range<UInt64>
    /// The length of the file; nil where the server does not tell it.
    public let totalBytes: UInt64?
    /// The strong entity tag, quotes included.
    public let tag: String?
}

public enum Event: Equatable {
    case head(Head)
    /// A piece of the body, as offsets into the bytes just given.
    case body(Range<Int>)
    /// The body is whole. `reusable`: the connection takes another request.
    case end(reusable: Bool)
}

public struct ResponseReader {
    private enum State: Equatable {
        case head
        case body(left: UInt64)
        case ended
    }

    private let request: Request
    private let bodyMaximumBytes: UInt64
    private var state = State.head
    private var head: [UInt8] = []
    private var headBytes = 0
    private var interim = 0
    private var closes = false

    /// - Parameter bodyMaximumBytes: for a request without a range, the most that is taken.
    public init(to request: Request, bodyMaximumBytes: UInt64 = .max) {
        self.request = request
        self.bodyMaximumBytes = bodyMaximumBytes
    }

    /// Reads from `offset` on up to the next event; nil when the bytes are used up.
    public mutating func next(_ bytes: RawSpan, offset: inout Int) throws(HTTPError) -> Event? {
        switch state {
        case .head:
            while try collect(bytes, &offset) {
                if let event = try accept() { return event }
            }
            return nil
        case .body(left: 0):
            state = .ended
            return .end(reusable: !closes)
        case .body(let left):
            let available = bytes.byteCount - offset
            guard available > 0 else { return nil }
            let count = left < UInt64(available) ? Int(left) : available
            defer { offset += count }
            state = .body(left: left - UInt64(count))
            return .body(offset..<offset + count)
        case .ended:
            guard offset == bytes.byteCount else { throw .excess }
            return nil
        }
    }

    /// The connection ended. Throws if the response had not.
    public func closed() throws(HTTPError) {
        switch state {
        case .ended, .body(left: 0): break
        default: throw .truncated
        }
    }

    private mutating func collect(_ bytes: RawSpan, _ offset: inout Int) throws(HTTPError) -> Bool {
        while offset < bytes.byteCount {
            guard headBytes < Limit.headBytes else { throw .headTooLong }
            let byte = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            offset += 1
            headBytes += 1
            head.append(byte)
            // A wrong protocol is told by its first bytes, not after 8 KiB of it.
            if head.count <= 5, byte != Array("HTTP/".utf8)[head.count - 1] { throw .version }
            let count = head.count
            if count >= 4, byte == 10, head[count - 2] == 13, head[count - 3] == 10, head[count - 4] == 13 { return true }
        }
        return false
    }

    /// Nil for an interim response, after which another head comes.
    private mutating func accept() throws(HTTPError) -> Event? {
        head.removeLast(2)
        let fields = try Fields(head: head)
        head = []
        if fields.status < 200 {
            // 101 would be another protocol, which was not asked for.
            interim += 1
            guard fields.status != 101, interim <= Limit.interimResponses else { throw .status(fields.status) }
            return nil
        }
        let accepted = try check(fields)
        closes = fields.closes
        state = .body(left: accepted.range.upperBound - accepted.range.lowerBound)
        return .head(accepted)
    }

    private func check(_ fields: Fields) throws(HTTPError) -> Head {
        switch fields.status {
        case 200:
            guard request.range == nil else { throw request.tag == nil ? .rangeIgnored : .changed }
        case 206:
            guard request.range != nil else { throw .rangeWrong }
        case 416: throw .rangeNotSatisfiable(total: fields.contentRange?.total)
        default: throw .status(fields.status)
        }
        guard !fields.hasContentEncoding else { throw .coded }
        guard !fields.hasTransferEncoding, let length = fields.contentLength else { throw .lengthMissing }
        if let wanted = request.tag, let tag = fields.tag, tag != wanted { throw .changed }
        guard let wanted = request.range else {
            guard length <= bodyMaximumBytes else { throw .bodyTooLong(bytes: length) }
            return Head(range: 0..<length, totalBytes: length, tag: fields.tag)
        }
        guard let content = fields.contentRange, let range = content.range else { throw .rangeWrong }
        // The end may be cut by the end of the file, and by nothing else.
        let end = content.total.map { min($0, wanted.upperBound) } ?? wanted.upperBound
        guard range.lowerBound == wanted.lowerBound, range.upperBound == end else { throw .rangeWrong }
        guard range.upperBound - range.lowerBound == length else { throw .lengthWrong }
        return Head(range: range, totalBytes: content.total, tag: fields.tag)
    }
}
