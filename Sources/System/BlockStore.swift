// A partition or image file as a `Store`: whole-range reads and writes, sync to the device, and reads
// after a sync that come from the device. Trust: passes bytes on unread.

import Bytes

/// Owns its descriptor. The size is fixed when it is made.
public struct BlockStore: ~Copyable, Store {
    public let descriptor: Descriptor
    /// Bytes.
    public let size: Int

    public init(_ descriptor: consuming Descriptor) throws(SystemError) {
        size = Int(try descriptor.size())
        self.descriptor = descriptor
    }

    public init(opening path: String, _ access: Access) throws(SystemError) {
        try self.init(Descriptor(opening: path, access))
    }

    public mutating func read(at offset: Int, into buffer: inout [UInt8]) throws(StoreError) {
        try check(offset, buffer.count)
        do throws(SystemError) {
            try descriptor.read(into: &buffer, at: UInt64(offset))
        } catch { throw StoreError(.read, offset: offset, errno: error.errno) }
    }

    public mutating func write(_ bytes: RawSpan, at offset: Int) throws(StoreError) {
        try check(offset, bytes.byteCount)
        do throws(SystemError) {
            try descriptor.write(bytes, at: UInt64(offset))
        } catch { throw StoreError(.write, offset: offset, errno: error.errno) }
    }

    public mutating func sync() throws(StoreError) {
        do throws(SystemError) {
            try descriptor.synchronize()
        } catch { throw StoreError(.sync, offset: 0, errno: error.errno) }
        descriptor.dropCache()
    }

    private func check(_ offset: Int, _ count: Int) throws(StoreError) {
        guard offset >= 0, offset <= size, count <= size - offset else { throw StoreError(.bounds, offset: offset, errno: 0) }
    }
}
