// A disk in memory whose power can be cut: it has a volatile cache, forgets what was not synced,
// tears writes at sectors and lets them reach the medium in any order.

import Bytes

/// Records every write and sync, so that the medium can be shown as it was at any instant.
public final class SimulatedDisk {
    public static let sectorSize = 512

    public enum Operation {
        case write(offset: Int, bytes: [UInt8])
        case sync
        /// A cell beside the disk: a firmware variable, a counter of the TPM. Each change is whole and there to stay.
        case cell(String, [UInt8]?)
    }

    /// What the medium held when recording began.
    public let initial: [UInt8]
    /// What a read sees.
    public private(set) var contents: [UInt8]
    public private(set) var log: [Operation] = []
    public private(set) var bytesRead = 0
    public let initialCells: [String: [UInt8]]
    public private(set) var cells: [String: [UInt8]]
    /// The operation, counted from 0, that fails, and all that follow; so do reads from then on.
    public var failsAtOperation: Int?

    public init(contents: [UInt8], cells: [String: [UInt8]] = [:]) {
        initialCells = cells
        self.cells = cells
        initial = contents
        self.contents = contents
    }

    public convenience init(size: Int) { self.init(contents: [UInt8](repeating: 0, count: size)) }

    private var isDead: Bool { failsAtOperation.map { log.count >= $0 } ?? false }

    func read(at offset: Int, into buffer: inout [UInt8]) throws(StoreError) {
        guard !isDead else { throw StoreError(.read, offset: offset, errno: 5) }
        guard offset >= 0, offset + buffer.count <= contents.count else { throw StoreError(.bounds, offset: offset, errno: 0) }
        buffer.overwrite(at: 0, with: contents, from: offset, count: buffer.count)
        bytesRead += buffer.count
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(StoreError) {
        guard !isDead else { throw StoreError(.write, offset: offset, errno: 5) }
        guard offset >= 0, offset + bytes.count <= contents.count else { throw StoreError(.bounds, offset: offset, errno: 0) }
        precondition(offset % Self.sectorSize == 0 && bytes.count % Self.sectorSize == 0, "a block device takes whole sectors")
        contents.overwrite(at: offset, with: bytes, from: 0, count: bytes.count)
        log.append(.write(offset: offset, bytes: bytes))
    }

    func sync() throws(StoreError) {
        guard !isDead else { throw StoreError(.sync, offset: 0, errno: 5) }
        log.append(.sync)
    }

    /// Nil takes it away.
    public func setCell(_ name: String, _ bytes: [UInt8]?) {
        cells[name] = bytes
        log.append(.cell(name, bytes))
    }

    /// Changes bytes behind everybody's back.
    public func corrupt(at offset: Int, xor: UInt8 = 1) { contents[offset] ^= xor }

    /// Overwrites bytes without recording.
    public func place(_ bytes: [UInt8], at offset: Int) {
        contents.overwrite(at: offset, with: bytes, from: 0, count: bytes.count)
    }
}

extension [UInt8] {
    /// Copies as memory, because thousands of whole disks are copied in a build that isn't optimised.
    mutating func overwrite(at offset: Int, with other: [UInt8], from: Int, count: Int) {
        precondition(offset >= 0 && offset + count <= self.count && from >= 0 && from + count <= other.count)
        withUnsafeMutableBytes { mine in
            other.withUnsafeBytes { theirs in
                UnsafeMutableRawBufferPointer(rebasing: mine[offset..<offset + count])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: theirs[from..<from + count]))
            }
        }
    }
}

/// A range of a simulated disk.
public struct SimulatedPartition: Store {
    public let disk: SimulatedDisk
    public let start: Int
    public let size: Int

    public init(_ disk: SimulatedDisk, start: Int = 0, size: Int? = nil) {
        self.disk = disk
        self.start = start
        self.size = size ?? disk.contents.count - start
    }

    private func check(_ offset: Int, _ count: Int) throws(StoreError) {
        guard offset >= 0, count >= 0, offset + count <= size else { throw StoreError(.bounds, offset: offset, errno: 0) }
    }

    public mutating func read(at offset: Int, into buffer: inout [UInt8]) throws(StoreError) {
        try check(offset, buffer.count)
        try disk.read(at: start + offset, into: &buffer)
    }

    public mutating func write(_ bytes: RawSpan, at offset: Int) throws(StoreError) {
        try check(offset, bytes.byteCount)
        try disk.write(bytes.withUnsafeBytes { [UInt8]($0) }, at: start + offset)
    }

    public mutating func sync() throws(StoreError) { try disk.sync() }
}
