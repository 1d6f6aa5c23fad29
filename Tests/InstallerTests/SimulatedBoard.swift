// A board on a simulated disk, with a boot loader of its kind and a TPM or none: boots and updates by the device's own code.
import BootState
import Bytes
import Release
import Signed
import SimulatedDisk
import SimulatedRelease
import TPM
@testable import Boot
@testable import Installer

enum BoardKind: String, CaseIterable {
    case rawWithTPM = "raw, TPM", rawWithout = "raw, weak floor", efi = "efi, TPM", uboot = "uboot, weak floor"

    var hasTPM: Bool { self == .rawWithTPM || self == .efi }
}

/// Small, so that every sector of it can be cut.
let smallSlotSize = 8 * blockSize + ObjectArea.size
private let copyBytes = 1024

/// The disk's variables as firmware keeps them.
private struct CellVariables: FirmwareVariables {
    let disk: SimulatedDisk
    mutating func read(_ name: String) throws(SelectorError) -> [UInt8]? { disk.cells[name] }
    mutating func write(_ name: String, _ content: [UInt8]) throws(SelectorError) { disk.setCell(name, content) }
    mutating func remove(_ name: String) throws(SelectorError) { disk.setCell(name, nil) }
}

/// The device's selectors over the simulated storage.
struct SimulatedSelector: BootSelector {
    let kind: BoardKind
    let disk: SimulatedDisk
    let commandLine: String

    private var efi: EFISelector<CellVariables> { EFISelector(CellVariables(disk: disk)) }
    private var uboot: UBootSelector<SimulatedPartition> {
        UBootSelector(
            SimulatedPartition(disk), copyBytes: copyBytes, offsets: SimulatedBoard.environmentOffsets, commandLine: Array(commandLine.utf8))
    }

    mutating func booted() throws(SelectorError) -> SlotName? {
        switch kind {
        case .rawWithTPM, .rawWithout: return nil
        case .efi: var selector = efi; return try selector.booted()
        case .uboot: var selector = uboot; return try selector.booted()
        }
    }
    mutating func tryNext(_ slot: SlotName) throws(SelectorError) {
        switch kind {
        case .rawWithTPM, .rawWithout: return
        case .efi: var selector = efi; try selector.tryNext(slot)
        case .uboot: var selector = uboot; try selector.tryNext(slot)
        }
    }
    mutating func commit(_ slot: SlotName) throws(SelectorError) {
        switch kind {
        case .rawWithTPM, .rawWithout: return
        case .efi: var selector = efi; try selector.commit(slot)
        case .uboot: var selector = uboot; try selector.commit(slot)
        }
    }
}

/// One NV counter, of which each increment is an operation of the disk's log. (TPM 2.0 Library, Part 3, 31)
struct SimulatedTPM: TPMTransport {
    let disk: SimulatedDisk

    mutating func pause(milliseconds: Int) {}

    mutating func exchange(_ command: [UInt8]) throws(TPMError) -> [UInt8] {
        let value = disk.cells["counter"] ?? [UInt8](repeating: 0, count: 8)
        var out = ByteWriter()
        switch Int(command[8]) << 8 | Int(command[9]) {
        case 0x169:  // NV_ReadPublic: a counter that was written, and a name of no interest
            out.u16(14)
            out.u32(floorIndex); out.u16(0x000B); out.u32(1 << 1 | 1 << 4 | 1 << 17 | 1 << 18 | 1 << 25 | 1 << 29); out.u16(0); out.u16(8)
            out.u16(34); out.zeros(34)
            return framed(0x8001, out.bytes)
        case 0x134:  // NV_Increment
            var next = value
            for place in (0..<8).reversed() {
                next[place] &+= 1
                if next[place] != 0 { break }
            }
            disk.setCell("counter", next)
            return framed(0x8002, [0, 0, 0, 0, 0, 0, 1, 0, 0])
        default:  // NV_Read
            return framed(0x8002, [0, 0, 0, 10, 0, 8] + value + [0, 0, 1, 0, 0])
        }
    }

    private func framed(_ tag: UInt16, _ body: [UInt8]) -> [UInt8] {
        var out = ByteWriter()
        out.u16(tag); out.u32(UInt32(10 + body.count)); out.u32(0)
        out.append(body)
        return out.bytes
    }
}

/// What came up.
struct Running {
    let slot: SlotName
    let release: String
    let index: UInt64
}

struct Bricked: Error { let why: String }

/// Boot state, slot A, slot B, two copies of an environment.
struct SimulatedBoard: SlotSurroundings {
    static let environmentOffsets = [BootStateStore.partitionSize + 2 * smallSlotSize, BootStateStore.partitionSize + 2 * smallSlotSize + copyBytes]

    let disk: SimulatedDisk
    let kind: BoardKind
    let keys: KeySet
    var partition: SimulatedPartition
    var slots: [SimulatedPartition]
    private(set) var booted: SlotName?
    private(set) var state = BootState.lost
    private var store: BootStateStore

    init(_ disk: SimulatedDisk, _ kind: BoardKind, keys: KeySet) throws {
        self.disk = disk
        self.kind = kind
        self.keys = keys
        partition = SimulatedPartition(disk, start: 0, size: BootStateStore.partitionSize)
        slots = (0..<2).map { SimulatedPartition(disk, start: BootStateStore.partitionSize + $0 * smallSlotSize, size: smallSlotSize) }
        store = try BootStateStore(loading: &partition)
    }

    /// From the flashing: the release in slot A, good, the loader at it.
    static func flashed(_ release: SimulatedRelease, _ kind: BoardKind) -> SimulatedDisk {
        let environment = UBootEnvironment(decoding: environmentImage.span.bytes)!
        let copies = (environment.encoded(size: copyBytes)!) + [UInt8](repeating: 0xFF, count: copyBytes)
        let attributes: [UInt8] = [7, 0, 0, 0]
        var cells = ["counter": [0, 0, 0, 0, 0, 0, 0, UInt8(release.manifest.rollbackIndex)]]
        if kind == .efi {
            cells["Boot0001"] = attributes + option("Penstock A")
            cells["Boot0002"] = attributes + option("Penstock B")
            cells["Boot0003"] = attributes + option("Shell")
            cells["BootOrder"] = attributes + [1, 0, 2, 0, 3, 0]
        }
        return SimulatedDisk(
            contents: BootStateStore.image(of: .flashed(release: release.manifest.release)) + release.slot(size: smallSlotSize)
                + [UInt8](repeating: 0, count: smallSlotSize) + copies,
            cells: cells)
    }

    private static func option(_ description: String) -> [UInt8] {
        [1, 0, 0, 0, 4, 0] + description.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), 0] } + [0, 0, 0x7F, 0xFF, 4, 0]
    }

    /// As saveenv writes it, by the format alone.
    private static var environmentImage: [UInt8] {
        var data = Array("bootcmd=run start\0penstock_slot=a\0upgrade_available=0\0bootcount=0\0".utf8)
        data += [UInt8](repeating: 0, count: copyBytes - 5 - data.count)
        let sum = crc32(data.span.bytes)
        var image: [UInt8] = []
        for shift: UInt32 in [0, 8, 16, 24] { image.append(UInt8(truncatingIfNeeded: sum >> shift)) }
        image.append(0)
        return image + data
    }

    // MARK: the boot loader

    /// The slot whose kernel it starts; nil where it knows none.
    private func startKernel() throws -> SlotName? {
        switch kind {
        case .rawWithTPM, .rawWithout: return nil
        case .efi:
            let order = Array(disk.cells["BootOrder"]!.dropFirst(4))
            var number = order[0]
            if let next = disk.cells["BootNext"] {
                disk.setCell("BootNext", nil)
                number = next[4]
            }
            disk.setCell("BootCurrent", [6, 0, 0, 0, number, 0])
            return number == 1 ? .a : .b
        case .uboot: return try startByEnvironment()
        }
    }

    /// U-Boot's side, by its documentation and not by the code under test: picks the copy, counts, saves, falls back.
    private func startByEnvironment() throws -> SlotName {
        var newest: (copy: Int, flags: UInt8, variables: [(name: String, value: String)])?
        for (copy, offset) in Self.environmentOffsets.enumerated() {
            let bytes = Array(disk.contents[offset..<offset + copyBytes])
            var sum: UInt32 = 0
            for place in (0..<4).reversed() { sum = sum << 8 | UInt32(bytes[place]) }
            guard crc32(Array(bytes[5...]).span.bytes) == sum else { continue }
            if let newest, Int8(bitPattern: bytes[4] &- newest.flags) <= 0 { continue }
            var variables: [(name: String, value: String)] = []
            for entry in bytes[5...].split(separator: 0) {
                let parts = String(decoding: entry, as: UTF8.self).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                variables.append((String(parts[0]), String(parts[1])))
            }
            newest = (copy, bytes[4], variables)
        }
        guard var found = newest else { throw Bricked(why: "U-Boot has no environment") }
        func value(_ name: String) -> String? { found.variables.first { $0.name == name }?.value }
        var slot: SlotName = value("penstock_slot") == "b" ? .b : .a
        guard value("upgrade_available") == "1" else { return slot }
        let count = Int(value("bootcount") ?? "0")! + 1, limit = Int(value("bootlimit") ?? "0")!
        for place in found.variables.indices where found.variables[place].name == "bootcount" { found.variables[place].value = "\(count)" }
        var data: [UInt8] = []
        for (name, value) in found.variables {
            data += Array("\(name)=\(value)".utf8)
            data.append(0)
        }
        data += [UInt8](repeating: 0, count: copyBytes - 5 - data.count)
        let sum = crc32(data.span.bytes)
        var image: [UInt8] = []
        for shift: UInt32 in [0, 8, 16, 24] { image.append(UInt8(truncatingIfNeeded: sum >> shift)) }
        image.append(found.flags &+ 1)
        image += data
        var device = SimulatedPartition(disk)
        try device.write(image.span.bytes, at: Self.environmentOffsets[1 - found.copy])
        try device.sync()
        if count > limit { slot = value("altbootcmd") == "setenv penstock_slot a; run bootcmd" ? .a : .b }
        return slot
    }

    // MARK: the first stage

    mutating func write(_ next: BootState) throws(BootStateError) {
        try store.write(next, to: &partition)
        state = next
    }

    mutating func verify(_ slot: SlotName) throws(SlotFault) -> Running {
        let manifest: Manifest
        do throws(SlotError) { manifest = try verifySlot(&slots[Int(slot.rawValue)], keys: keys).payload } catch { throw SlotFault(error) }
        do throws(ReleaseRefusal) { try manifest.admit(board: "test-board", hardwareRevision: 1, floor: floor) } catch { throw SlotFault(error, .floor) }
        return Running(slot: slot, release: manifest.release, index: manifest.rollbackIndex)
    }

    private var selector: SimulatedSelector { SimulatedSelector(kind: kind, disk: disk, commandLine: booted.map { "quiet penstock.slot=\($0.letter)" } ?? "") }
    mutating func tryNext(_ slot: SlotName) throws(SelectorError) { var selector = selector; try selector.tryNext(slot) }
    mutating func commit(_ slot: SlotName) throws(SelectorError) { var selector = selector; try selector.commit(slot) }
    mutating func note(_ text: String) {}

    /// What the TPM holds, or the disk.
    var floor: UInt64 {
        guard kind.hasTPM else { return state.floor }
        var tpm = TPM(SimulatedTPM(disk: disk))
        return try! tpm.readFloor(baseline: 0)
    }

    /// Power on to a verified release. Throws `Bricked` if nothing comes up, or the loader starts a kernel of a slot that
    /// is not complete, or it starts over without end.
    mutating func boot() throws -> Running {
        for _ in 0..<10 {
            booted = try startKernel()
            if let started = booted {
                var selector = selector
                guard try selector.booted() == started else { throw Bricked(why: "the running kernel's slot is not known") }
            }
            store = try BootStateStore(loading: &partition)
            state = store.state
            switch chooseSlot(&self) {
            case .run(let running, _, _):
                guard booted == nil || booted == running.slot else { throw Bricked(why: "the kernel of slot \(booted!.text) with the root of \(running.slot.text)") }
                return running
            case .startOver:
                let started = booted!
                do throws(SlotError) { _ = try verifySlot(&slots[Int(started.rawValue)], keys: keys) } catch {
                    throw Bricked(why: "the loader starts slot \(started.text), which is not complete: \(error.text)")
                }
            case .none: throw Bricked(why: "no slot verifies")
            }
        }
        throw Bricked(why: "it starts over without end")
    }

    // MARK: the supervisor

    mutating func markGood(_ running: Running) throws {
        var slots = try SlotSwitch(loading: &partition, selector)
        try slots.markedGood(running.slot, floor: kind.hasTPM ? 0 : running.index, on: &partition)
        state = slots.state
        guard kind.hasTPM else { return }
        var tpm = TPM(SimulatedTPM(disk: disk))
        try tpm.raiseFloor(to: running.index, baseline: 0)
    }

    /// Boots, marks good, installs the other release if it does not run yet, and boots that to good.
    mutating func update(to release: SimulatedRelease) throws -> String {
        for _ in 0..<4 {
            let running = try boot()
            try markGood(running)
            if running.release == release.manifest.release { return running.release }
            let target = running.slot.other
            var harness = Harness(release.bundle(), terms: InstallTerms(keys: keys, board: "test-board", hardwareRevision: 1, floor: floor))
            harness.piece = 65536
            var slot = slots[Int(target.rawValue)], partition = partition
            let selector = selector
            _ = try harness.run(&slot) {
                var slots = try SlotSwitch(loading: &partition, selector)
                try slots.installBegins(target, running: running.slot, release: release.manifest.release, on: &partition)
            }
            var switching = try SlotSwitch(loading: &partition, selector)
            try switching.installed(target, on: &partition)
        }
        return try boot().release
    }
}
