// A disk whose power can be cut at any operation, and which then has done of the writes since the
// last sync whatever it likes: none, all, some, or some of their sectors.
import Bytes
import Journal

final class Disk {
    static let sector = 512
    /// What is certain.
    var bytes: [UInt8]
    /// Writes since the last sync.
    var pending: [(offset: Int, bytes: [UInt8])] = []
    /// Writes and syncs done.
    var operations = 0
    /// The operation at which the power goes; a write of that number may still reach the disk.
    var cutAt = Int.max
    var isOff = false
    /// Called at each write, which is then pending, and at each sync, before it is done.
    var onOperation: (() -> Void)?

    init(_ bytes: [UInt8]) { self.bytes = bytes }
    convenience init(pages: Int) { self.init([UInt8](repeating: 0, count: pages * 4096)) }

    /// What a reader sees while the power is on.
    var visible: [UInt8] {
        var all = bytes
        for write in pending { all.replaceSubrange(write.offset..<write.offset + write.bytes.count, with: write.bytes) }
        return all
    }

    /// The disk as it is, for what might become of it.
    var copy: Disk {
        let copy = Disk(bytes)
        copy.pending = pending
        return copy
    }

    /// The disk after the cut, where `reaches` says which sectors of which pending write were done.
    func after(_ reaches: (_ write: Int, _ sector: Int) -> Bool) -> Disk {
        var all = bytes
        for (index, write) in pending.enumerated() {
            for sector in 0..<write.bytes.count / Disk.sector where reaches(index, sector) {
                let from = sector * Disk.sector
                all.replaceSubrange(write.offset + from..<write.offset + from + Disk.sector, with: write.bytes[from..<from + Disk.sector])
            }
        }
        return Disk(all)
    }
}

struct DiskStore: Store {
    let disk: Disk

    var size: Int { disk.bytes.count }

    private func step(_ step: StoreError.Step) throws(StoreError) {
        guard !disk.isOff else { throw StoreError(step, offset: 0, errno: 5) }
        disk.operations += 1
    }

    func read(at offset: Int, into buffer: inout [UInt8]) throws(StoreError) {
        guard !disk.isOff else { throw StoreError(.read, offset: 0, errno: 5) }
        precondition(offset % 4096 == 0 && offset + buffer.count <= size)
        buffer = Array(disk.bytes[offset..<offset + buffer.count])
        for write in disk.pending where write.offset == offset { buffer = write.bytes }
    }

    func write(_ span: RawSpan, at offset: Int) throws(StoreError) {
        let bytes = span.copied()
        try step(.write)
        precondition(offset % 4096 == 0 && bytes.count == 4096 && offset + bytes.count <= size)
        disk.pending.append((offset, bytes))
        disk.onOperation?()
        if disk.operations == disk.cutAt {
            disk.isOff = true
            throw StoreError(.write, offset: 0, errno: 5)
        }
    }

    func sync() throws(StoreError) {
        try step(.sync)
        disk.onOperation?()
        if disk.operations == disk.cutAt {
            disk.isOff = true
            throw StoreError(.sync, offset: 0, errno: 5)
        }
        disk.bytes = disk.visible
        disk.pending = []
    }
}
