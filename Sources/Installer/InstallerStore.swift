// All that the installer sees of the disk as one store: the slot that it writes, and behind it, only to be
// read, the slot that runs. Must never pass on a write beyond the first.

import Bytes
import Release

struct InstallerStore<S: Store & ~Copyable>: ~Copyable, Store {
    private var inactive: SlotStore<S>
    private var running: SlotStore<S>

    init(_ inactive: consuming SlotStore<S>, running: consuming SlotStore<S>) {
        self.inactive = inactive
        self.running = running
    }

    var size: Int { inactive.size + running.size }
    /// Of the slot that is written; nil if its partition is too small to be one.
    var layout: SlotLayout? { inactive.layout }
    var runningSlot: RunningSlot? {
        guard let layout = running.layout else { return nil }
        return RunningSlot(base: inactive.size, layout: layout)
    }

    mutating func read(at offset: Int, into buffer: inout [UInt8]) throws(StoreError) {
        let start = inactive.size
        if offset >= start { try running.read(at: offset - start, into: &buffer) } else { try inactive.read(at: offset, into: &buffer) }
    }

    mutating func write(_ bytes: RawSpan, at offset: Int) throws(StoreError) {
        guard offset < inactive.size else { throw StoreError(.bounds, offset: offset, errno: 0) }
        try inactive.write(bytes, at: offset)
    }

    mutating func sync() throws(StoreError) { try inactive.sync() }
}
