// Internet addresses as values, with their text forms.
// Trust: texts are anybody's; what is not an address is nil.

/// An IPv4 or IPv6 address without a port or zone.
public enum IPAddress: Hashable, Sendable {
    /// In host order: 127.0.0.1 is 0x7F00_0001.
    case v4(UInt32)
    /// The upper and the lower 64 bits, in host order.
    case v6(high: UInt64, low: UInt64)

    /// From 4 or 16 bytes in network order; nil for any other count.
    public init?(_ bytes: [UInt8]) {
        func big(_ range: Range<Int>) -> UInt64 {
            var value: UInt64 = 0
            for i in range { value = value << 8 | UInt64(bytes[i]) }
            return value
        }
        switch bytes.count {
        case 4: self = .v4(UInt32(big(0..<4)))
        case 16: self = .v6(high: big(0..<8), low: big(8..<16))
        default: return nil
        }
    }

    /// The address in network order, 4 or 16 bytes.
    public var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 16)
        switch self {
        case .v4(let value): writer.u32(value)
        case .v6(let high, let low):
            writer.u64(high)
            writer.u64(low)
        }
        return writer.bytes
    }

    /// From dotted decimal (four numbers, no leading zeros) or RFC 4291 text (without zone or an
    /// embedded IPv4 address); nil for anything else.
    public init?(_ text: String) {
        let characters = Array(text.utf8)
        guard characters.count <= 39 else { return nil }
        if let value = Self.dotted(characters) {
            self = .v4(value)
        } else if let groups = Self.groups(characters) {
            var bytes: [UInt8] = []
            for group in groups { bytes += [UInt8(group >> 8), UInt8(group & 0xFF)] }
            self.init(bytes)
        } else {
            return nil
        }
    }

    private static func dotted(_ characters: [UInt8]) -> UInt32? {
        var value: UInt32 = 0
        let parts = characters.split(separator: 46, maxSplits: 4, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != 48 else { return nil }
            var number: UInt32 = 0
            for character in part {
                guard (48...57).contains(character) else { return nil }
                number = 10 * number + UInt32(character - 48)
            }
            guard number <= 255 else { return nil }
            value = value << 8 | number
        }
        return value
    }

    private static func groups(_ characters: [UInt8]) -> [UInt16]? {
        // Two colons may stand once; what is left and right of them is a list of groups.
        var gap: Int?
        for i in characters.indices.dropLast() where characters[i] == 58 && characters[i + 1] == 58 {
            guard gap == nil else { return nil }
            gap = i
        }
        guard let gap else {
            guard let all = list(characters[...]), all.count == 8 else { return nil }
            return all
        }
        guard let left = list(characters[..<gap]), let right = list(characters[(gap + 2)...]),
              left.count + right.count <= 7
        else { return nil }
        return left + [UInt16](repeating: 0, count: 8 - left.count - right.count) + right
    }

    private static func list(_ characters: ArraySlice<UInt8>) -> [UInt16]? {
        if characters.isEmpty { return [] }
        var groups: [UInt16] = []
        for part in characters.split(separator: 58, omittingEmptySubsequences: false) {
            guard (1...4).contains(part.count), groups.count < 8 else { return nil }
            var number: UInt16 = 0
            for character in part {
                switch character {
                case 48...57: number = number << 4 | UInt16(character - 48)
                case 97...102: number = number << 4 | UInt16(character - 87)
                case 65...70: number = number << 4 | UInt16(character - 55)
                default: return nil
                }
            }
            groups.append(number)
        }
        return groups
    }

    /// Dotted decimal, or the canonical text of RFC 5952.
    public var text: String {
        switch self {
        case .v4(let value):
            return "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
        case .v6:
            let bytes = bytes
            let groups = (0..<8).map { UInt16(bytes[2 * $0]) << 8 | UInt16(bytes[2 * $0 + 1]) }
            let gap = Self.longestZeros(groups)
            var text = ""
            var i = 0
            while i < 8 {
                if gap.count > 1, i == gap.lowerBound {
                    text += "::"
                    i = gap.upperBound
                    continue
                }
                if i > 0, i != gap.upperBound || gap.count < 2 { text += ":" }
                text += String(groups[i], radix: 16)
                i += 1
            }
            return text
        }
    }

    private static func longestZeros(_ groups: [UInt16]) -> Range<Int> {
        var best = 0..<0
        var start = 0
        for i in 0...8 where i == 8 || groups[i] != 0 {
            if i - start > best.count { best = start..<i }
            start = i + 1
        }
        return best
    }
}
