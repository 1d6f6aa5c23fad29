// Duty: analogue inputs: found, made known to the kernel where no firmware does, opened, read. The one
// module that touches Industrial I/O (Documentation/ABI/testing/sysfs-bus-iio).
// Trust: the driver may be slow or hang: a read may not return, so who must not hang leaves it to a thread of
// its own. Must never write to a converter, or take a text for a number that is none.
import System

/// What the converter says of a channel now, as its own number; nil if it can't be read, or is a stand-in.
/// Goes to the device over its bus. Allocates nothing.
public func readAnalogue(_ descriptor: Int32) -> Int32? {
    var text = InlineArray<16, UInt8>(repeating: 0)
    let count = fill(&text, from: descriptor)
    return count > 0 ? decimal(text.span.bytes.extracting(0..<count)) : nil
}

private func fill(_ text: inout InlineArray<16, UInt8>, from descriptor: Int32) -> Int {
    var span = text.mutableSpan
    var bytes = span.mutableBytes
    do throws(SystemError) { return try readStart(of: descriptor, into: &bytes) } catch { return 0 }
}

/// The number in a file of sysfs: just as the kernel writes an Int32, with its line's end. A text that was cut
/// off has none, so it is never taken for a smaller number.
public func decimal(_ text: RawSpan) -> Int32? {
    // Eleven characters and the end: "-2147483648\n".
    guard text.byteCount >= 2, text.byteCount <= 12, byte(text, text.byteCount - 1) == 0x0A else { return nil }
    let isNegative = byte(text, 0) == 0x2D
    let first = isNegative ? 1 : 0, end = text.byteCount - 1
    guard end > first else { return nil }
    // Zero is one digit without a sign; no other number begins with it.
    if byte(text, first) == 0x30, isNegative || end > first + 1 { return nil }
    var value: Int64 = 0
    for index in first..<end {
        let digit = byte(text, index)
        guard digit >= 0x30, digit <= 0x39 else { return nil }
        value = value * 10 + Int64(digit - 0x30)
    }
    return Int32(exactly: isNegative ? -value : value)
}

private func byte(_ text: RawSpan, _ index: Int) -> UInt8 { text.unsafeLoad(fromByteOffset: index, as: UInt8.self) }
