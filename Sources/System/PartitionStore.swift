// Duty: a partition or file as the storage that formats are written over.
// Trust: what is read is anybody's; who decodes it verifies it.
import Bytes

/// A partition, opened; `sync` waits for the device and then drops the cache, so that what is read
/// back comes from the device.
public struct PartitionStore: Store, ~Copyable {
    public let descriptor: Descriptor
    public let size: Int

    public init(_ descriptor: consuming Descriptor) throws(SystemError) {
        size = Int(try descriptor.size())
        self.descriptor = descriptor
    }

    public init(opening path: String, _ access: Access) throws(SystemError) {
        try self.init(Descriptor(opening: path, access))
    }

    public mutating func read(at offset: Int, into buffer: inout [UInt8]) throws(StoreError) {
        guard offset >= 0, offset <= size, buffer.count <= size - offset else { throw StoreError(.bounds, offset: offset, errno: 0) }
        do throws(SystemError) { try descriptor.read(into: &buffer, at: UInt64(offset)) } catch {
            throw StoreError(.read, offset: offset, errno: error.errno)
        }
    }

    public mutating func write(_ bytes: RawSpan, at offset: Int) throws(StoreError) {
        guard offset >= 0, offset <= size, bytes.byteCount <= size - offset else { throw StoreError(.bounds, offset: offset, errno: 0) }
        do throws(SystemError) { try descriptor.write(bytes, at: UInt64(offset)) } catch {
            throw StoreError(.write, offset: offset, errno: error.errno)
        }
    }

    public mutating func sync() throws(StoreError) {
        do throws(SystemError) { try descriptor.synchronize() } catch {
            throw StoreError(.sync, offset: 0, errno: error.errno)
        }
        descriptor.dropCache()
    }
}
