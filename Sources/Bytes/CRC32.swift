// CRC-32 as GPT (UEFI 2.10, 5.3) and U-Boot's environment use it: ISO 3309, reflected, 0xEDB88320.

public func crc32(_ bytes: RawSpan) -> UInt32 {
    var remainder: UInt32 = ~0
    for at in 0..<bytes.byteCount {
        // Within the span by the loop's bound.
        remainder ^= UInt32(bytes.unsafeLoad(fromByteOffset: at, as: UInt8.self))
        for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    return ~remainder
}
