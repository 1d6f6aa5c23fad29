// Why a board description or a commissioning object was refused, and the forms of text it may hold.
import Bytes

public enum BoardError: Error, Equatable, Coded {
    /// Not deterministic CBOR of the schema.
    case malformed(CBORError)
    /// A field is there, and says what cannot be. `field` is its path as the human-edited file has it.
    case refused(field: String, reason: String)

    public var code: String {
        switch self {
        case .malformed: "board-malformed"
        case .refused: "board-refused"
        }
    }

    public var text: String {
        switch self {
        case .malformed: "the board file is not what `penstockctl board compile` writes; compile it again"
        case .refused(let field, let reason): "\(field): \(reason)"
        }
    }
}

/// Forms of text. All are ASCII; a name that passes can stand in a path, a topic and a log as it is.
public enum TextForm {
    public static let nameMaximum = 31

    /// 1 to 31 lower-case letters, digits, hyphens; begins with a letter.
    public static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= nameMaximum, isLowerCase(first) else { return false }
        return text.utf8.allSatisfy { isLowerCase($0) || isDigit($0) || $0 == 45 }
    }

    /// As a name, and underscores too: what a board's folder is called.
    public static func isBoardName(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= nameMaximum, isLowerCase(first) else { return false }
        return text.utf8.allSatisfy { isLowerCase($0) || isDigit($0) || $0 == 45 || $0 == 95 }
    }

    /// The kernel's name of a GPIO line: 1 to 31 printable characters other than the space.
    public static func isLineName(_ text: String) -> Bool {
        (1...nameMaximum).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// An absolute path under /dev without "..", at most 63 bytes.
    public static func isDevicePath(_ text: String) -> Bool {
        guard text.utf8.count > 5, text.utf8.count <= 63, text.hasPrefix("/dev/") else { return false }
        var last: UInt8 = 0
        for byte in text.utf8 {
            guard isLetter(byte) || isDigit(byte) || byte == 45 || byte == 46 || byte == 47 || byte == 95 else { return false }
            if byte == 46 && (last == 46 || last == 47) { return false }
            last = byte
        }
        return last != 47
    }

    /// A network interface's name (IFNAMSIZ is 16 with the terminator).
    public static func isInterface(_ text: String) -> Bool {
        (1...15).contains(text.utf8.count) && text.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == 45 || $0 == 46 || $0 == 95 }
    }

    /// A DNS name, or an IPv4 or IPv6 address without brackets: 1 to 253 letters, digits, hyphens, dots, colons.
    public static func isHost(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count) && text.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == 45 || $0 == 46 || $0 == 58 }
    }

    /// The path part of a URL: begins with "/", printable, no space, no "..", at most 127 bytes.
    public static func isURLPath(_ text: String) -> Bool {
        guard text.utf8.first == 47, text.utf8.count <= 127 else { return false }
        var last: UInt8 = 0
        for byte in text.utf8 {
            guard byte > 0x20, byte < 0x7F, !(byte == 46 && last == 46) else { return false }
            last = byte
        }
        return true
    }

    /// One printable line, at most `maximum` bytes.
    public static func isLine(_ text: String, maximum: Int) -> Bool {
        text.utf8.count <= maximum && text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }

    private static func isLowerCase(_ byte: UInt8) -> Bool { (97...122).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { (97...122).contains(byte) || (65...90).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
}
