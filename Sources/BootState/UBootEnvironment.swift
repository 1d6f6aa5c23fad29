// U-Boot's redundant environment (U-Boot env/common.c, include/env_internal.h): two copies, each
//
//     crc32 of the data, native endian (little on every board here) | flags | data
//
// The whole copy with the higher flags is in force, 255 before 0; of equal ones the first. Data is a list
// of name=value, each ended by a zero byte, the list by another, the rest filled with zeros.
// Trust: anybody's bytes.

import Bytes

public struct UBootEnvironment: Equatable, Sendable {
    /// Bytes of a copy.
    public static let sizeMaximum = 1 << 17
    static let dataOffset = 5

    public let flags: UInt8
    /// As they stand, also those that are no name=value.
    private(set) var entries: [[UInt8]]

    /// Nil if the checksum does not hold or the list does not end.
    public init?(decoding copy: RawSpan) {
        guard copy.byteCount > Self.dataOffset + 1, copy.byteCount <= Self.sizeMaximum else { return nil }
        var checksum: UInt32 = 0
        for byte in copy.copied(0..<4).reversed() { checksum = checksum << 8 | UInt32(byte) }
        guard crc32(copy.extracting(Self.dataOffset..<copy.byteCount)) == checksum else { return nil }
        flags = copy.copied(4..<5)[0]
        entries = []
        var entry: [UInt8] = []
        for byte in copy.copied(Self.dataOffset..<copy.byteCount) {
            guard byte == 0 else {
                entry.append(byte)
                continue
            }
            if entry.isEmpty { return }
            entries.append(entry)
            entry = []
        }
        return nil
    }

    init(flags: UInt8, entries: [[UInt8]]) {
        self.flags = flags
        self.entries = entries
    }

    /// The last of this name counts, as where U-Boot reads them in.
    public subscript(name: String) -> String? {
        let head = Array(name.utf8) + [0x3D]
        for entry in entries.reversed() where entry.starts(with: head) { return String(decoding: entry[head.count...], as: UTF8.self) }
        return nil
    }

    /// The next generation, with these variables and all others as they were.
    func successor(_ changes: [(name: String, value: String)]) -> UBootEnvironment {
        var next = entries
        for (name, value) in changes {
            let head = Array(name.utf8) + [0x3D]
            let place = next.firstIndex { $0.starts(with: head) } ?? next.count
            next.removeAll { $0.starts(with: head) }
            next.insert(head + Array(value.utf8), at: min(place, next.count))
        }
        return UBootEnvironment(flags: flags &+ 1, entries: next)
    }

    /// Nil if it does not fit into `size` bytes.
    public func encoded(size: Int) -> [UInt8]? {
        var data: [UInt8] = []
        for entry in entries {
            data += entry
            data.append(0)
        }
        guard Self.dataOffset + data.count + (entries.isEmpty ? 2 : 1) <= size else { return nil }
        data += [UInt8](repeating: 0, count: size - Self.dataOffset - data.count)
        var writer = ByteWriter(capacity: size)
        writer.u32LittleEndian(crc32(data.span.bytes))
        writer.append([flags])
        writer.append(data)
        return writer.bytes
    }

    /// Which of two whole copies is in force: false the first, true the second.
    static func isSecondNewer(_ first: UInt8, _ second: UInt8) -> Bool {
        if first == 255, second == 0 { return true }
        if first == 0, second == 255 { return false }
        return second > first
    }
}
