// The guest's memory, mapped from the descriptors that QEMU sends, and the queues in it (virtio 1.2,
// 2.7, split virtqueues). Every address and index comes from the guest, so every one is checked.

import CRig
import Glibc

/// The mapped regions; unmapped when it goes.
struct GuestMemory: ~Copyable {
    static let regionsMaximum = 8

    struct Region {
        let guest: UInt64, size: UInt64, user: UInt64, offset: UInt64
    }

    private struct Mapping {
        let region: Region
        let base: UnsafeMutableRawPointer
        let length: Int
    }

    private var mappings: [Mapping] = []

    /// Maps the regions; takes the descriptors over and closes them. Nil: one could not be mapped.
    init?(_ regions: [Region], descriptors: [Int32]) {
        defer { for fd in descriptors { close(fd) } }
        guard regions.count <= Self.regionsMaximum, regions.count == descriptors.count else { return nil }
        for (region, fd) in zip(regions, descriptors) {
            let (length, overflow) = region.size.addingReportingOverflow(region.offset)
            guard !overflow, length < 1 << 40,
                let base = mmap(nil, Int(length), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), base != MAP_FAILED
            else { return nil }
            mappings.append(Mapping(region: region, base: base, length: Int(length)))
        }
    }

    deinit {
        for mapping in mappings { munmap(mapping.base, mapping.length) }
    }

    /// `length` bytes at an address of the guest's, if all of them are inside one region.
    /// Unsafe because guest and rig share the memory; the caller stays within `length`.
    func pointer(guest address: UInt64, length: Int) -> UnsafeMutableRawPointer? {
        for mapping in mappings {
            let region = mapping.region
            if let offset = Self.offset(address, from: region.guest, size: region.size, length: length) {
                return mapping.base + Int(region.offset) + offset
            }
        }
        return nil
    }

    /// The same for an address of QEMU's, which is how it names the queues.
    func pointer(user address: UInt64, length: Int) -> UnsafeMutableRawPointer? {
        for mapping in mappings {
            let region = mapping.region
            if let offset = Self.offset(address, from: region.user, size: region.size, length: length) {
                return mapping.base + Int(region.offset) + offset
            }
        }
        return nil
    }

    private static func offset(_ address: UInt64, from start: UInt64, size: UInt64, length: Int) -> Int? {
        guard address >= start, address - start <= size, size - (address - start) >= UInt64(length) else { return nil }
        return Int(address - start)
    }
}

/// One queue as QEMU described it.
struct Virtqueue {
    var size = 0
    var descriptors: UInt64 = 0, available: UInt64 = 0, used: UInt64 = 0
    var nextAvailable: UInt16 = 0, nextUsed: UInt16 = 0
    var enabled = false
    var kick: Int32 = -1, call: Int32 = -1

    /// Memory that the guest lent for a part of an answer.
    struct Room {
        let address: UInt64
        let length: UInt32
    }

    /// What the guest put into the queue: what it wrote for us, and where it wants the answer, in order.
    struct Chain {
        let head: UInt16
        let request: [UInt8]
        let room: [Room]

        var answerLength: Int { room.reduce(0) { $0 + Int($1.length) } }
    }

    enum Taken {
        case nothing, malformed
        case chain(Chain)
    }

    static let requestMaximum = 4096

    /// Flags of a descriptor: another one follows; the device writes; it names a table of descriptors.
    private static let next: UInt16 = 1, write: UInt16 = 2, indirect: UInt16 = 4

    /// The next chain that the guest made available.
    mutating func take(_ memory: borrowing GuestMemory) -> Taken {
        guard size > 0, size <= 1024, let ring = memory.pointer(user: available, length: 4 + 2 * size),
            let table = memory.pointer(user: descriptors, length: 16 * size)
        else { return .malformed }
        guard rig_load_acquire_u16(ring + 2) != nextAvailable else { return .nothing }
        let head = ring.load(fromByteOffset: 4 + 2 * (Int(nextAvailable) % size), as: UInt16.self)
        nextAvailable &+= 1
        guard Int(head) < size else { return .malformed }
        // A chain may stand in a table of its own (2.7.5.3), which the head alone names; QEMU offers that to
        // the guest whether the backend does or not.
        let entry = table + 16 * Int(head)
        guard entry.load(fromByteOffset: 12, as: UInt16.self) & Self.indirect != 0 else {
            return Self.chain(head, from: head, in: table, count: size, memory)
        }
        let bytes = Int(entry.load(fromByteOffset: 8, as: UInt32.self))
        guard bytes > 0, bytes % 16 == 0, bytes <= 16 * 1024,
            let inner = memory.pointer(guest: entry.load(as: UInt64.self), length: bytes)
        else { return .malformed }
        return Self.chain(head, from: 0, in: inner, count: bytes / 16, memory)
    }

    private static func chain(
        _ head: UInt16, from first: UInt16, in table: UnsafeMutableRawPointer, count: Int, _ memory: borrowing GuestMemory
    ) -> Taken {
        var request: [UInt8] = [], room: [Room] = [], index = first
        for _ in 0..<count {
            guard Int(index) < count else { return .malformed }
            let entry = table + 16 * Int(index)
            let address = entry.load(as: UInt64.self), length = entry.load(fromByteOffset: 8, as: UInt32.self)
            let flags = entry.load(fromByteOffset: 12, as: UInt16.self)
            guard flags & indirect == 0, Int(length) <= requestMaximum,
                let bytes = memory.pointer(guest: address, length: Int(length))
            else { return .malformed }
            if flags & write != 0 {
                room.append(Room(address: address, length: length))
            } else {
                request += UnsafeRawBufferPointer(start: bytes, count: Int(length))
                guard request.count <= requestMaximum else { return .malformed }
            }
            guard flags & next != 0 else { return .chain(Chain(head: head, request: request, room: room)) }
            index = entry.load(fromByteOffset: 14, as: UInt16.self)
        }
        return .malformed
    }

    /// Writes the answer, hands the chain back and interrupts the guest if it wants that.
    mutating func give(_ answer: [UInt8], head: UInt16, into room: [Room], _ memory: borrowing GuestMemory) {
        guard size > 0, let ring = memory.pointer(user: used, length: 4 + 8 * size),
            let flags = memory.pointer(user: available, length: 2)
        else { return }
        var count = 0
        for part in room {
            let length = min(answer.count - count, Int(part.length))
            guard length > 0, let target = memory.pointer(guest: part.address, length: length) else { break }
            answer[count..<count + length].withUnsafeBytes { target.copyMemory(from: $0.baseAddress!, byteCount: length) }
            count += length
        }
        let entry = ring + 4 + 8 * (Int(nextUsed) % size)
        entry.storeBytes(of: UInt32(head), as: UInt32.self)
        entry.storeBytes(of: UInt32(count), toByteOffset: 4, as: UInt32.self)
        nextUsed &+= 1
        rig_store_release_u16(ring + 2, nextUsed)
        rig_fence()
        if rig_load_acquire_u16(flags) & 1 == 0, call >= 0 {
            var one: UInt64 = 1
            _ = Glibc.write(call, &one, 8)
        }
    }

    /// Where the used ring stands, read when the queue starts.
    mutating func readUsedIndex(_ memory: borrowing GuestMemory) {
        if let ring = memory.pointer(user: used, length: 4) { nextUsed = rig_load_acquire_u16(ring + 2) }
    }

    mutating func closeKick() {
        if kick >= 0 { close(kick) }
        kick = -1
        enabled = false
    }

    mutating func closeAll() {
        closeKick()
        if call >= 0 { close(call) }
        call = -1
    }
}
