// The one seam to storage: bytes at offsets. A partition, a file, a simulated disk stand behind it.
// Trust: what is read is anybody's and is verified by whoever reads it. Must never hide an error.

/// A storage call that failed. `errno` is the system's number; 0 where the call moved fewer bytes
/// than asked.
public struct StoreError: Error, Equatable, Sendable, Coded {
    public enum Step: UInt8, Sendable { case read, write, sync, bounds }

    public let step: Step
    public let offset: Int
    public let errno: Int32

    public init(_ step: Step, offset: Int, errno: Int32) {
        self.step = step
        self.offset = offset
        self.errno = errno
    }

    public var code: String {
        switch step {
        case .read: "storage-read-failed"
        case .write: "storage-write-failed"
        case .sync: "storage-sync-failed"
        case .bounds: "storage-out-of-bounds"
        }
    }

    public var text: String {
        step == .bounds
            ? "offset \(offset) lies outside the storage: check the partition's size"
            : "storage at offset \(offset), errno \(errno): check the medium"
    }
}

/// Random-access storage of a fixed size.
///
/// A write may reach the medium at any time, in any order and in part, until `sync` has returned;
/// then it is there to stay. `read` sees what was written, synced or not.
public protocol Store: ~Copyable {
    /// Bytes.
    var size: Int { get }

    /// Fills the whole of `buffer` from `offset`.
    mutating func read(at offset: Int, into buffer: inout [UInt8]) throws(StoreError)

    mutating func write(_ bytes: RawSpan, at offset: Int) throws(StoreError)

    /// Returns when everything written is on the medium. What is read afterwards should come from
    /// the medium and not from a cache, as far as the system can do that.
    mutating func sync() throws(StoreError)
}
