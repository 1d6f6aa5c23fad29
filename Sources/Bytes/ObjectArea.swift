// A signed object at a fixed place of a disk or a bundle: magic, length, object, zeros to the end.
// Trust: the bytes are anybody's; what is found is a candidate, and its verifier says what it is.

/// Why no object was found.
public enum ObjectAreaError: Error, Equatable {
    case size
    /// Nothing was ever put there, or it was erased.
    case erased
    case magic
    case length
    case padding
}

/// 64 KiB: 8 bytes of magic, u32 big-endian length of the object, the object, zeros.
public struct ObjectArea: Sendable {
    public static let size = 65536
    public static let objectMaximum = size - 12

    /// Eight ASCII characters.
    public let magic: StaticString

    public init(magic: StaticString) {
        precondition(magic.utf8CodeUnitCount == 8 && magic.isASCII)
        self.magic = magic
    }

    private var magicBytes: [UInt8] {
        magic.withUTF8Buffer { [UInt8]($0) }
    }

    /// The whole area, or nil if the object is empty or too long.
    public func encoded(_ object: [UInt8]) -> [UInt8]? {
        guard (1...Self.objectMaximum).contains(object.count) else { return nil }
        var writer = ByteWriter(capacity: Self.size)
        writer.append(magicBytes)
        writer.u32(UInt32(object.count))
        writer.append(object)
        return writer.bytes + [UInt8](repeating: 0, count: Self.size - writer.bytes.count)
    }

    /// The object in an area of exactly 64 KiB; anything that `encoded` would not have made is refused.
    public func object(in area: RawSpan) throws(ObjectAreaError) -> [UInt8] {
        guard area.byteCount == Self.size else { throw .size }
        guard area.copied(0..<8) == magicBytes else { throw area.isZero(0..<Self.size) ? .erased : .magic }
        var length = 0
        for byte in area.copied(8..<12) { length = length << 8 | Int(byte) }
        guard (1...Self.objectMaximum).contains(length) else { throw .length }
        guard area.isZero(12 + length..<Self.size) else { throw .padding }
        return area.copied(12..<12 + length)
    }
}

extension RawSpan {
    /// Whether a range, which the caller has checked, holds zeros only.
    public func isZero(_ range: Range<Int>) -> Bool {
        precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
        var at = range.lowerBound
        while range.upperBound - at >= 8 {
            guard unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self) == 0 else { return false }
            at += 8
        }
        for i in at..<range.upperBound where unsafeLoad(fromByteOffset: i, as: UInt8.self) != 0 { return false }
        return true
    }
}
