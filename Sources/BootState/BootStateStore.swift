// The slot record on the disk, and all that stands beside it in the partition `boot-state`:
//
//     0       slot record        32768   its other copy       4 KiB each
//     8192    retained state     40960   its other copy       8 KiB each
//     16384   calibration        49152   its other copy      16 KiB each

import Bytes

/// The state as it is on the disk.
public struct BootStateStore: Sendable {
    /// Bytes that the partition must have at least.
    public static let partitionSize = 65536

    private var copies: TwoCopies<BootState>

    /// False if neither copy could be read and the state is `BootState.lost`.
    public let wasFound: Bool
    public var state: BootState { copies.content ?? .lost }

    public init<S: Store & ~Copyable>(loading partition: inout S) throws(BootStateError) {
        copies = try TwoCopies(loading: &partition)
        wasFound = copies.content != nil
    }

    public mutating func write<S: Store & ~Copyable>(_ next: BootState, to partition: inout S) throws(BootStateError) {
        try copies.write(next, to: &partition)
    }

    /// The partition of a board fresh from flashing: nothing retained yet, and no calibration but the root image's.
    public static func image(of state: BootState) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: partitionSize)
        for (offset, bytes) in TwoCopies.image(of: state) + TwoCopies.image(of: RetainedState.none) {
            out.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        }
        return out
    }
}
