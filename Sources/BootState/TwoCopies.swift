// One kind of record on the disk: two copies; each write replaces the older one, so a write that is cut
// anywhere leaves the newer one whole.

import Bytes

/// Why a record was not written.
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

public struct TwoCopies<Content: Recorded>: Sendable {
    /// The newest whole copy; nil if there is none.
    public private(set) var content: Content?
    private var sequence: UInt64
    private var newest: Int

    /// Reads both copies and takes the newer good one. A copy that cannot be read counts as torn;
    /// throws only when neither could even be read from the medium.
    public init<S: Store & ~Copyable>(loading partition: inout S) throws(BootStateError) {
        var found: (copy: Int, record: Record<Content>)?
        var failure: StoreError?
        var failures = 0
        for copy in 0..<2 {
            var bytes = [UInt8](repeating: 0, count: Content.place.size)
            do throws(StoreError) {
                try partition.read(at: Content.place.offsets[copy], into: &bytes)
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
        content = found?.record.content
        sequence = found?.record.sequence ?? 0
        newest = found?.copy ?? 1
    }

    private static func record(_ bytes: [UInt8]) -> Record<Content>? {
        do throws(RecordError) { return try Record(decoding: bytes.span.bytes) } catch { return nil }
    }

    /// Replaces the older copy, syncs, reads it back and compares. After an error the content is as
    /// before, and the next write goes to the same copy. What is on the disk is not written again.
    public mutating func write<S: Store & ~Copyable>(_ next: Content, to partition: inout S) throws(BootStateError) {
        guard next != content else { return }
        let copy = 1 - newest
        let offset = Content.place.offsets[copy]
        let record = Record(sequence: sequence + 1, content: next)
        let bytes = record.encoded()
        var back = [UInt8](repeating: 0, count: bytes.count)
        do throws(StoreError) {
            try partition.write(bytes.span.bytes, at: offset)
            try partition.sync()
            try partition.read(at: offset, into: &back)
        } catch { throw .store(error) }
        guard back == bytes else { throw .readBack(copy: copy) }
        content = next
        sequence = record.sequence
        newest = copy
    }

    /// What a board fresh from flashing has: both copies alike but for the sequence, with their offsets.
    public static func image(of content: Content) -> [(offset: Int, bytes: [UInt8])] {
        (0..<2).map { (Content.place.offsets[$0], Record(sequence: UInt64(1 + $0), content: content).encoded()) }
    }
}
