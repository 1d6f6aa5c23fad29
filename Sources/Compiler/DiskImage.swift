// A flashable disk: protective MBR, GPT at both ends (UEFI 2.10, 5.2 and 5.3), partitions of the board.
// The same board and contents give the same bytes: identifiers are made from names, nothing from a clock.
import Board
import Bytes
import Cryptography
import Foundation

/// What goes into a partition: pieces at offsets from its start; the rest is zeros.
public struct PartitionContent {
    public var pieces: [(offset: Int, bytes: [UInt8])]

    public init(_ pieces: [(offset: Int, bytes: [UInt8])]) { self.pieces = pieces }

    var end: Int { pieces.map { $0.offset + $0.bytes.count }.max() ?? 0 }
}

public struct DiskImage {
    /// Where a partition stands, in bytes from the start of the disk.
    public struct Place: Equatable, Sendable {
        public let label: PartitionLabel
        public let offset: Int
        public let size: Int
    }

    public let board: BoardDescription
    public let places: [Place]
    /// Bytes of the whole disk.
    public let size: Int

    public init(_ board: BoardDescription) {
        self.board = board
        var offset = DiskLayout.alignmentBytes
        var places: [Place] = []
        for partition in board.partitions where partition.size > 0 {
            places.append(Place(label: partition.label, offset: offset, size: partition.size))
            offset = Self.aligned(offset + partition.size)
        }
        self.places = places
        // The backup table takes 33 sectors; the whole disk ends on an alignment too.
        size = Self.aligned(offset + (1 + PartitionTable.entrySectors) * DiskLayout.sectorBytes)
    }

    private static func aligned(_ offset: Int) -> Int {
        (offset + DiskLayout.alignmentBytes - 1) / DiskLayout.alignmentBytes * DiskLayout.alignmentBytes
    }

    /// Of a partition that the board has.
    public func place(of label: PartitionLabel) -> Place { places.first { $0.label == label }! }

    /// Writes the disk as a sparse file, whole or not at all.
    public func write(to path: String, contents: [PartitionLabel: PartitionContent]) throws(Failure) {
        for (label, content) in contents {
            let size = board.size(of: label)
            guard content.end > size else { continue }
            throw Failure(
                code: "partition-full",
                text: "the content of \(label.text) takes \(content.end) bytes, the partition has \(size): enlarge it in the board file, or make the content smaller")
        }
        var pieces: [(offset: Int, bytes: [UInt8])] = []
        for place in places {
            for piece in contents[place.label]?.pieces ?? [] { pieces.append((place.offset + piece.offset, piece.bytes)) }
        }
        let table = PartitionTable(self)
        pieces.insert((0, table.primary), at: 0)
        pieces.append((size - table.backup.count, table.backup))
        try writeSparseFile(path, size: size, pieces: pieces)
    }

    /// SHA-256 of a name, as an identifier of one's own making (RFC 9562, version 8).
    static func identifier(_ name: String) -> [UInt8] {
        var bytes = [UInt8](SHA256.hash(Array(name.utf8).span.bytes).bytes[..<16])
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        return bytes
    }
}

/// The GPT in its two places.
private struct PartitionTable {
    static let entryCount = 128, entrySize = 128
    static let entrySectors = entryCount * entrySize / DiskLayout.sectorBytes
    /// Linux file system data, 0FC63DAF-8483-4772-8E79-3D69D8477DE4, as it stands on the disk.
    static let typeIdentifier: [UInt8] = [0xAF, 0x3D, 0xC6, 0x0F, 0x83, 0x84, 0x72, 0x47, 0x8E, 0x79, 0x3D, 0x69, 0xD8, 0x47, 0x7D, 0xE4]

    let primary: [UInt8]
    let backup: [UInt8]

    init(_ disk: DiskImage) {
        let last = disk.size / DiskLayout.sectorBytes - 1
        let entries = Self.entries(disk)
        let first = Self.header(disk, here: 1, there: last, entriesAt: 2, entries: entries)
        let second = Self.header(disk, here: last, there: 1, entriesAt: last - Self.entrySectors, entries: entries)
        primary = Self.protectiveRecord(last) + first + entries
        backup = entries + second
    }

    private static func entries(_ disk: DiskImage) -> [UInt8] {
        var writer = ByteWriter(capacity: entryCount * entrySize)
        for place in disk.places {
            writer.append(typeIdentifier)
            writer.append(mixedEndian(DiskImage.identifier("penstock partition \(disk.board.name) \(place.label.text)")))
            writer.u64LittleEndian(UInt64(place.offset / DiskLayout.sectorBytes))
            writer.u64LittleEndian(UInt64((place.offset + place.size) / DiskLayout.sectorBytes - 1))
            writer.u64LittleEndian(0)
            let name = Array(place.label.text.utf16)
            for index in 0..<36 { writer.u16LittleEndian(index < name.count ? name[index] : 0) }
        }
        writer.zeros(entryCount * entrySize - writer.bytes.count)
        return writer.bytes
    }

    private static func header(_ disk: DiskImage, here: Int, there: Int, entriesAt: Int, entries: [UInt8]) -> [UInt8] {
        func encoded(checksum: UInt32) -> [UInt8] {
            var writer = ByteWriter(capacity: DiskLayout.sectorBytes)
            writer.append("EFI PART")
            writer.u32LittleEndian(0x0001_0000)
            writer.u32LittleEndian(92)
            writer.u32LittleEndian(checksum)
            writer.u32LittleEndian(0)
            writer.u64LittleEndian(UInt64(here))
            writer.u64LittleEndian(UInt64(there))
            writer.u64LittleEndian(UInt64(2 + entrySectors))
            writer.u64LittleEndian(UInt64(disk.size / DiskLayout.sectorBytes - 2 - entrySectors))
            writer.append(mixedEndian(DiskImage.identifier("penstock disk \(disk.board.name)")))
            writer.u64LittleEndian(UInt64(entriesAt))
            writer.u32LittleEndian(UInt32(entryCount))
            writer.u32LittleEndian(UInt32(entrySize))
            writer.u32LittleEndian(crc32(entries.span.bytes))
            return writer.bytes
        }
        var header = encoded(checksum: crc32(encoded(checksum: 0).span.bytes))
        header += [UInt8](repeating: 0, count: DiskLayout.sectorBytes - header.count)
        return header
    }

    /// One partition of type 0xEE over the whole disk, so that old tools leave it alone.
    private static func protectiveRecord(_ last: Int) -> [UInt8] {
        var writer = ByteWriter(capacity: DiskLayout.sectorBytes)
        writer.zeros(446)
        writer.append([0x00, 0x00, 0x02, 0x00, 0xEE, 0xFF, 0xFF, 0xFF])
        writer.u32LittleEndian(1)
        writer.u32LittleEndian(UInt32(min(last, 0xFFFF_FFFF)))
        writer.zeros(48)
        writer.append([0x55, 0xAA])
        return writer.bytes
    }

    /// The first three fields of a GUID stand little-endian on the disk.
    private static func mixedEndian(_ uuid: [UInt8]) -> [UInt8] {
        [uuid[3], uuid[2], uuid[1], uuid[0], uuid[5], uuid[4], uuid[7], uuid[6]] + uuid[8...]
    }
}
