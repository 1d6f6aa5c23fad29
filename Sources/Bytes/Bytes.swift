// Duty: bounded readers and writers, deterministic CBOR, hexadecimal; what every format is made of.
// Trust: reads anybody's bytes. Must never trap, loop or allocate by what they say.

/// An error or refusal that people and scripts read: a stable code and a sentence that says
/// what, where and what to do. Codes are lower-case words joined by hyphens and never change.
public protocol Coded {
    var code: String { get }
    var text: String { get }
}

/// Lower-case hexadecimal.
public func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits: [UInt8] = [48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 97, 98, 99, 100, 101, 102]
    var out: [UInt8] = []
    out.reserveCapacity(2 * bytes.count)
    for byte in bytes {
        out.append(digits[Int(byte >> 4)])
        out.append(digits[Int(byte & 15)])
    }
    return String(decoding: out, as: UTF8.self)
}

/// The bytes that lower- or upper-case hexadecimal stands for; nil if it is anything else.
public func bytes(hexadecimal text: String) -> [UInt8]? {
    var out: [UInt8] = []
    var high: UInt8?
    for character in text.utf8 {
        let digit: UInt8
        switch character {
        case 48...57: digit = character - 48
        case 97...102: digit = character - 87
        case 65...70: digit = character - 55
        default: return nil
        }
        if let first = high {
            out.append(first << 4 | digit)
            high = nil
        } else {
            high = digit
        }
    }
    return high == nil ? out : nil
}
