// Where things stand on the disk: the partitions of a GPT, found by their place in it.

import Bytes

/// The partitions in the order they stand on the disk. Every board has the first six; the last two are those
/// of a board whose boot loader takes kernels from them.
public enum PartitionLabel: UInt8, CaseIterable, Sendable {
    case bootState = 0
    case commissioning
    case slotA
    case slotB
    case journal
    case keySet
    case bootA
    case bootB

    /// The partition name in the GPT.
    public var text: String {
        switch self {
        case .bootState: "boot-state"
        case .commissioning: "commissioning"
        case .slotA: "slot-a"
        case .slotB: "slot-b"
        case .journal: "journal"
        case .keySet: "key-set"
        case .bootA: "boot-a"
        case .bootB: "boot-b"
        }
    }

    /// Whether a board may do without it.
    public var isOptional: Bool { self == .bootA || self == .bootB }

    /// Its number in the GPT, from 1: what the kernel appends to the disk's device name.
    public var number: Int { Int(rawValue) + 1 }
}

/// Sizes in bytes, offsets in bytes from the start of the partition or disk that is named.
public enum DiskLayout {
    /// Everything that is written begins and ends on this.
    public static let blockBytes = 4096
    /// Logical sectors of the GPT.
    public static let sectorBytes = 512
    /// Partitions begin on this, so that none shares an erase block of usual flash with another.
    public static let alignmentBytes = 1 << 20
    public static let bootStateBytes = 65536
    public static let commissioningBytes = 65536
    public static let keySetBytes = 65536
    /// The end of a slot: the signed manifest.
    public static let manifestAreaBytes = 65536
    /// A slot of one data block: the block, the superblock, the manifest area.
    public static let slotMinimumBytes = 2 * blockBytes + manifestAreaBytes
    public static let partitionMaximumBytes = 1 << 40
    public static let journalMinimumBytes = 65536
}

/// Where the commissioning object lies in its partition.
public let commissioningArea = ObjectArea(magic: "PENCOMM1")
