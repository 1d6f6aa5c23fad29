// The raw partition behind the journal, as the keeper's descriptor or a simulated disk.

/// A fixed number of bytes that are read and written in whole pages at page-aligned offsets.
/// A write is certain only after a later `sync`; until then a power cut may leave any of the writes
/// since the last one done, undone or done in part, in any order.
public protocol BlockStore: ~Copyable {
    var byteCount: Int { get }
    /// Fills `buffer`.
    mutating func read(at offset: Int, into buffer: inout [UInt8]) throws(StoreError)
    mutating func write(at offset: Int, _ bytes: [UInt8]) throws(StoreError)
    mutating func sync() throws(StoreError)
}

/// What the store could not do, and the errno.
public struct StoreError: Error, Equatable, Sendable {
    public enum Step: UInt8, Sendable { case read, write, sync }

    public let step: Step
    public let errno: Int32

    public init(_ step: Step, errno: Int32) {
        self.step = step
        self.errno = errno
    }
}
