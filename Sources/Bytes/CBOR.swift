// Deterministic CBOR (RFC 8949, 4.2.1): the one encoding of everything that is signed or sent.
// Trust: the bytes are anybody's. The reader refuses whatever the writer would not have written:
// lengths that are not the shortest, indefinite lengths, map keys out of order or twice, floats.

/// Why an item was refused. `at` is the offset of its first byte.
public enum CBORError: Error, Equatable {
    case truncated(at: Int)
    case wrongType(at: Int)
    case notDeterministic(at: Int)
    case tooLong(at: Int)
    case outOfRange(at: Int)
    case notText(at: Int)
    case tooDeep(at: Int)
    case trailing(at: Int)
    /// A map lacks a key that its schema requires, or has one that it does not know.
    case missing(key: UInt64)
    case unknown(key: UInt64)
}

public enum CBORType: UInt8 {
    case unsigned = 0, negative, bytes, text, array, map, tag, simple
}

/// Reads one item after the other from a span.
public struct CBORReader: ~Escapable {
    private let bytes: RawSpan
    public private(set) var offset = 0
    /// The deepest nesting that `skip` follows.
    public static let depthMaximum = 16

    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) { self.bytes = bytes }

    public var isAtEnd: Bool { offset == bytes.byteCount }

    private func byte(_ at: Int) throws(CBORError) -> UInt8 {
        guard at < bytes.byteCount else { throw .truncated(at: offset) }
        return bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self)
    }

    /// The type of the next item, which stays unread.
    public func type() throws(CBORError) -> CBORType {
        CBORType(rawValue: try byte(offset) >> 5)!
    }

    private mutating func head() throws(CBORError) -> (CBORType, UInt64) {
        let start = offset
        let initial = try byte(start)
        let type = CBORType(rawValue: initial >> 5)!
        let additional = initial & 31
        if additional < 24 {
            offset += 1
            return (type, UInt64(additional))
        }
        guard additional <= 27 else { throw .notDeterministic(at: start) }
        let count = 1 << Int(additional - 24)
        var value: UInt64 = 0
        for i in 0..<count { value = value << 8 | UInt64(try byte(start + 1 + i)) }
        let least: UInt64 = switch count { case 1: 24; case 2: 1 << 8; case 4: 1 << 16; default: 1 << 32 }
        guard value >= least, type != .simple else { throw .notDeterministic(at: start) }
        offset += 1 + count
        return (type, value)
    }

    private mutating func head(_ wanted: CBORType) throws(CBORError) -> UInt64 {
        let start = offset
        let (type, value) = try head()
        guard type == wanted else {
            offset = start
            throw .wrongType(at: start)
        }
        return value
    }

    public mutating func unsigned() throws(CBORError) -> UInt64 { try head(.unsigned) }

    public mutating func unsigned(maximum: UInt64) throws(CBORError) -> UInt64 {
        let start = offset
        let value = try head(.unsigned)
        guard value <= maximum else { throw .outOfRange(at: start) }
        return value
    }

    public mutating func u8() throws(CBORError) -> UInt8 { UInt8(try unsigned(maximum: 0xFF)) }
    public mutating func u16() throws(CBORError) -> UInt16 { UInt16(try unsigned(maximum: 0xFFFF)) }
    public mutating func u32() throws(CBORError) -> UInt32 { UInt32(try unsigned(maximum: 0xFFFF_FFFF)) }
    /// An unsigned number that fits an `Int`.
    public mutating func count(maximum: Int) throws(CBORError) -> Int { Int(try unsigned(maximum: UInt64(maximum))) }

    public mutating func integer() throws(CBORError) -> Int64 {
        let start = offset
        let (type, value) = try head()
        guard value <= UInt64(Int64.max) else { throw .outOfRange(at: start) }
        switch type {
        case .unsigned: return Int64(value)
        case .negative: return -1 - Int64(value)
        default:
            offset = start
            throw .wrongType(at: start)
        }
    }

    /// A byte string, borrowed from the same memory.
    @_lifetime(copy self)
    public mutating func span(maximum: Int) throws(CBORError) -> RawSpan {
        let start = offset
        let length = try head(.bytes)
        return bytes.extracting(try content(length, maximum: maximum, start: start))
    }

    public mutating func bytes(maximum: Int) throws(CBORError) -> [UInt8] {
        try span(maximum: maximum).copied()
    }

    /// A byte string of exactly `count` bytes.
    public mutating func bytes(exactly count: Int) throws(CBORError) -> [UInt8] {
        let start = offset
        let value = try bytes(maximum: count)
        guard value.count == count else { throw .outOfRange(at: start) }
        return value
    }

    /// A text string of at most `maximum` bytes of UTF-8, without control characters.
    public mutating func text(maximum: Int) throws(CBORError) -> String {
        let start = offset
        let length = try head(.text)
        let content = bytes.copied(try content(length, maximum: maximum, start: start))
        for byte in content where byte < 0x20 && byte != 0x0A || byte == 0x7F { throw .notText(at: start) }
        guard let text = String(validating: content, as: UTF8.self) else { throw .notText(at: start) }
        return text
    }

    private mutating func content(_ length: UInt64, maximum: Int, start: Int) throws(CBORError) -> Range<Int> {
        guard length <= UInt64(maximum) else { throw .tooLong(at: start) }
        guard Int(length) <= bytes.byteCount - offset else { throw .truncated(at: start) }
        let from = offset
        offset += Int(length)
        return from..<offset
    }

    /// The number of items of an array, which follow.
    public mutating func array(maximum: Int) throws(CBORError) -> Int {
        let start = offset
        let count = try head(.array)
        guard count <= UInt64(maximum) else { throw .tooLong(at: start) }
        return Int(count)
    }

    public mutating func array(exactly count: Int) throws(CBORError) {
        let start = offset
        guard try array(maximum: count) == count else { throw .outOfRange(at: start) }
    }

    /// The number of pairs of a map, which follow; read each key with `key(after:)`.
    public mutating func map(maximum: Int) throws(CBORError) -> Int {
        let start = offset
        let count = try head(.map)
        guard count <= UInt64(maximum) else { throw .tooLong(at: start) }
        return Int(count)
    }

    /// The next key of a map with unsigned keys; they must ascend. `previous` starts as nil.
    public mutating func key(after previous: inout UInt64?) throws(CBORError) -> UInt64 {
        let start = offset
        let key = try unsigned()
        if let last = previous, key <= last { throw .notDeterministic(at: start) }
        previous = key
        return key
    }

    /// The head of a map of exactly `count` pairs, each of which `field` reads.
    public mutating func fields(_ count: Int) throws(CBORError) {
        let start = offset
        guard try map(maximum: count) == count else { throw .outOfRange(at: start) }
    }

    /// The next key of a map, which must be this one.
    public mutating func field(_ key: UInt64) throws(CBORError) {
        let found = try unsigned()
        guard found == key else { throw found < key ? .unknown(key: found) : .missing(key: key) }
    }

    public mutating func tag(_ wanted: UInt64) throws(CBORError) {
        let start = offset
        guard try head(.tag) == wanted else { throw .wrongType(at: start) }
    }

    public mutating func boolean() throws(CBORError) -> Bool {
        let start = offset
        switch try head(.simple) {
        case 20: return false
        case 21: return true
        default: throw .wrongType(at: start)
        }
    }

    /// Reads a null if one is next.
    public mutating func null() throws(CBORError) -> Bool {
        guard try byte(offset) == 0xF6 else { return false }
        offset += 1
        return true
    }

    /// Passes over one item, whatever it is, checking its form; returns the bytes it took.
    public mutating func skip() throws(CBORError) -> Range<Int> {
        let start = offset
        var pending: [UInt64] = [1]
        while let left = pending.last {
            if left == 0 {
                pending.removeLast()
                continue
            }
            pending[pending.count - 1] = left - 1
            let at = offset
            let (type, value) = try head()
            switch type {
            case .unsigned, .negative: break
            case .bytes, .text: _ = try content(value, maximum: bytes.byteCount, start: at)
            case .array, .map, .tag:
                guard pending.count < Self.depthMaximum else { throw .tooDeep(at: at) }
                guard value <= UInt64(bytes.byteCount) || type == .tag else { throw .truncated(at: at) }
                pending.append(type == .array ? value : type == .map ? 2 * value : 1)
            case .simple:
                guard (20...22).contains(value) else { throw .wrongType(at: at) }
            }
        }
        return start..<offset
    }

    /// A copy of bytes passed over by `skip`.
    public func copied(_ range: Range<Int>) -> [UInt8] { bytes.copied(range) }

    /// Nothing may follow.
    public func end() throws(CBORError) {
        guard isAtEnd else { throw .trailing(at: offset) }
    }
}

/// Writes items one after the other. The caller keeps map keys ascending (RFC 8949, 4.2.1).
public struct CBORWriter {
    public private(set) var bytes: [UInt8] = []

    public init(capacity: Int = 128) { bytes.reserveCapacity(capacity) }

    /// Empties it and keeps its memory, so that writing again up to the same size allocates nothing.
    public mutating func reset() { bytes.removeAll(keepingCapacity: true) }

    private mutating func head(_ type: CBORType, _ value: UInt64) {
        let major = type.rawValue << 5
        let count: Int
        switch value {
        case 0..<24:
            bytes.append(major | UInt8(value))
            return
        case 24...0xFF: count = 1
        case 0x100...0xFFFF: count = 2
        case 0x1_0000...0xFFFF_FFFF: count = 4
        default: count = 8
        }
        bytes.append(major | UInt8(24 + count.trailingZeroBitCount))
        for i in (0..<count).reversed() { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * i))) }
    }

    public mutating func unsigned(_ value: UInt64) { head(.unsigned, value) }
    public mutating func unsigned(_ value: Int) { head(.unsigned, UInt64(value)) }

    public mutating func integer(_ value: Int64) {
        if value >= 0 { head(.unsigned, UInt64(value)) } else { head(.negative, UInt64(-1 - value)) }
    }

    public mutating func bytes(_ value: [UInt8]) {
        head(.bytes, UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    public mutating func text(_ value: String) {
        head(.text, UInt64(value.utf8.count))
        bytes.append(contentsOf: value.utf8)
    }

    public mutating func array(_ count: Int) { head(.array, UInt64(count)) }
    public mutating func map(_ count: Int) { head(.map, UInt64(count)) }
    public mutating func tag(_ value: UInt64) { head(.tag, value) }
    public mutating func boolean(_ value: Bool) { bytes.append(value ? 0xF5 : 0xF4) }
    public mutating func null() { bytes.append(0xF6) }
    /// An item that is encoded already.
    public mutating func raw(_ item: [UInt8]) { bytes.append(contentsOf: item) }
}
