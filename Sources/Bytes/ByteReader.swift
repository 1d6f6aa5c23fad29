// Bounded reading and writing of fixed-width fields.
// Trust: the bytes are anybody's. Must never read past the span or allocate by a length it was told.

/// Why bytes could not be read. `at` is the offset into the span where the field began.
public enum BytesError: Error, Equatable {
    case truncated(at: Int)
    case tooLong(at: Int)
}

/// Reads fields in order from a span; every read is checked against its end.
public struct ByteReader: ~Escapable {
    private let bytes: RawSpan
    public private(set) var offset = 0

    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) { self.bytes = bytes }

    public var remaining: Int { bytes.byteCount - offset }

    private mutating func take(_ count: Int) throws(BytesError) -> Int {
        guard count >= 0, count <= remaining else { throw .truncated(at: offset) }
        defer { offset += count }
        return offset
    }

    public mutating func u8() throws(BytesError) -> UInt8 {
        let at = try take(1)
        return bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self)
    }

    private mutating func bigEndian(_ count: Int) throws(BytesError) -> UInt64 {
        let at = try take(count)
        var value: UInt64 = 0
        for i in 0..<count { value = value << 8 | UInt64(bytes.unsafeLoad(fromByteOffset: at + i, as: UInt8.self)) }
        return value
    }

    private mutating func littleEndian(_ count: Int) throws(BytesError) -> UInt64 {
        let at = try take(count)
        var value: UInt64 = 0
        for i in (0..<count).reversed() { value = value << 8 | UInt64(bytes.unsafeLoad(fromByteOffset: at + i, as: UInt8.self)) }
        return value
    }

    public mutating func u16() throws(BytesError) -> UInt16 { UInt16(truncatingIfNeeded: try bigEndian(2)) }
    public mutating func u32() throws(BytesError) -> UInt32 { UInt32(truncatingIfNeeded: try bigEndian(4)) }
    public mutating func u64() throws(BytesError) -> UInt64 { try bigEndian(8) }
    public mutating func u16LittleEndian() throws(BytesError) -> UInt16 { UInt16(truncatingIfNeeded: try littleEndian(2)) }
    public mutating func u32LittleEndian() throws(BytesError) -> UInt32 { UInt32(truncatingIfNeeded: try littleEndian(4)) }
    public mutating func u64LittleEndian() throws(BytesError) -> UInt64 { try littleEndian(8) }

    public mutating func skip(_ count: Int) throws(BytesError) { _ = try take(count) }

    /// The next `count` bytes, copied.
    public mutating func bytes(_ count: Int) throws(BytesError) -> [UInt8] {
        let at = try take(count)
        return bytes.copied(at..<at + count)
    }

    /// The next `count` bytes, borrowed from the same memory.
    @_lifetime(copy self)
    public mutating func span(_ count: Int) throws(BytesError) -> RawSpan {
        let at = try take(count)
        return bytes.extracting(at..<at + count)
    }
}

extension RawSpan {
    /// A copy of a range that the caller has checked.
    public func copied(_ range: Range<Int>) -> [UInt8] {
        precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
        return [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            // One copy within the range checked above; `buffer` has room for at least as much.
            extracting(range).withUnsafeBytes { source in
                if let from = source.baseAddress, let to = buffer.baseAddress {
                    UnsafeMutableRawPointer(to).copyMemory(from: from, byteCount: source.count)
                }
            }
            count = range.count
        }
    }

    public func copied() -> [UInt8] { copied(0..<byteCount) }
}
