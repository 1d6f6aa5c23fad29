// Writing of fixed-width fields into a growing array.

/// Appends fields to `bytes`. Big-endian unless the name says otherwise.
public struct ByteWriter {
    public private(set) var bytes: [UInt8]

    public init(capacity: Int = 64) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    public mutating func u8(_ value: UInt8) { bytes.append(value) }
    public mutating func u16(_ value: UInt16) { bigEndian(UInt64(value), 2) }
    public mutating func u32(_ value: UInt32) { bigEndian(UInt64(value), 4) }
    public mutating func u64(_ value: UInt64) { bigEndian(value, 8) }
    public mutating func u16LittleEndian(_ value: UInt16) { littleEndian(UInt64(value), 2) }
    public mutating func u32LittleEndian(_ value: UInt32) { littleEndian(UInt64(value), 4) }
    public mutating func u64LittleEndian(_ value: UInt64) { littleEndian(value, 8) }
    public mutating func append(_ more: [UInt8]) { bytes.append(contentsOf: more) }
    public mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
    public mutating func append(_ span: RawSpan) { bytes.append(contentsOf: span.copied()) }
    public mutating func zeros(_ count: Int) { for _ in 0..<count { bytes.append(0) } }

    /// Empties it and keeps its memory, so that writing again up to the same size allocates nothing.
    public mutating func reset() { bytes.removeAll(keepingCapacity: true) }

    /// Sets bytes written before, as a length field that is known only afterwards.
    public mutating func patchU32(_ value: UInt32, at offset: Int) {
        for i in 0..<4 { bytes[offset + i] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * i)) }
    }

    private mutating func bigEndian(_ value: UInt64, _ count: Int) {
        for i in (0..<count).reversed() { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * i))) }
    }

    private mutating func littleEndian(_ value: UInt64, _ count: Int) {
        for i in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * i))) }
    }
}
