// Where the record lies: two copies in the partition `boot-state`; each write replaces the older one,
// so a write that is cut anywhere leaves the newer one whole.

import Bytes

/// Why the state was not written.
public enum BootStateError: Error, Equatable, Coded {
    case store(StoreError)
    /// What was read back is not what was written.
    case readBack(copy: Int)

    public var code: String {
        switch self {
        case .store(let error): "boot-state-" + error.code
        case .readBack: "boot-state-read-back-differs"
        }
    }

    public var text: String {
        switch self {
        case .store(let error): "boot state: \(error.text)"
        case .readBack(let copy): "copy \(copy) of the boot state does not read back as written: the medium fails, replace it"
        }
    }
}

/// The state as it is on the disk.
public struct BootStateStore: Sendable {
    /// Bytes that the partition must have at least.
    public static let partitionSize = 65536
    /// Far apart, so that they lie in different erase blocks of most media.
    public static let copyOffsets = [0, 32768]

    public private(set) var state: BootState
    /// False if neither copy could be read and the state is `BootState.lost`.
    public let wasFound: Bool
    private var sequence: UInt64
    private var newest: Int
    /// Whether `state` stands in the newest copy.
    private var isOnDisk: Bool

    /// Reads both copies and takes the newer good one. A copy that cannot be read counts as torn;
    /// throws only when neither could even be read from the medium.
    public init<S: Store & ~Copyable>(loading partition: inout S) throws(BootStateError) {
        var found: (copy: Int, record: BootRecord)?
        var failure: StoreError?
        var failures = 0
        for copy in 0..<2 {
            var bytes = [UInt8](repeating: 0, count: BootRecord.size)
            do throws(StoreError) {
                try partition.read(at: Self.copyOffsets[copy], into: &bytes)
            } catch {
                failure = error
                failures += 1
                continue
            }
            guard let record = Self.record(bytes) else { continue }
            if let best = found, best.record.sequence >= record.sequence { continue }
            found = (copy, record)
        }
        if failures == 2, let failure { throw .store(failure) }
        state = found?.record.state ?? .lost
        sequence = found?.record.sequence ?? 0
        newest = found?.copy ?? 1
        wasFound = found != nil
        isOnDisk = wasFound
    }

    private static func record(_ bytes: [UInt8]) -> BootRecord? {
        do throws(BootRecordError) { return try BootRecord(decoding: bytes.span.bytes) } catch { return nil }
    }

    /// Replaces the older copy, syncs, reads it back and compares. After an error the state is as
    /// before, and the next write goes to the same copy. A state that is on the disk is not written again.
    public mutating func write<S: Store & ~Copyable>(_ next: BootState, to partition: inout S) throws(BootStateError) {
        guard next != state || !isOnDisk else { return }
        let copy = 1 - newest
        let record = BootRecord(sequence: sequence + 1, state: next)
        let bytes = record.encoded()
        var back = [UInt8](repeating: 0, count: BootRecord.size)
        do throws(StoreError) {
            try partition.write(bytes.span.bytes, at: Self.copyOffsets[copy])
            try partition.sync()
            try partition.read(at: Self.copyOffsets[copy], into: &back)
        } catch { throw .store(error) }
        guard back == bytes else { throw .readBack(copy: copy) }
        state = next
        sequence = record.sequence
        newest = copy
        isOnDisk = true
    }

    /// The partition of a board fresh from flashing: both copies alike but for the sequence.
    public static func image(of state: BootState) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: partitionSize)
        for copy in 0..<2 {
            let record = BootRecord(sequence: UInt64(1 + copy), state: state).encoded()
            out.replaceSubrange(copyOffsets[copy]..<copyOffsets[copy] + BootRecord.size, with: record)
        }
        return out
    }
}
