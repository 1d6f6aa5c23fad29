import BootState
import Bytes
import Release
import SeededRandom
import Signed
import SimulatedDisk
import SimulatedRelease
import Testing
import Verity
@testable import Installer

/// A board on a simulated disk: boot state, slot A, slot B; boots and updates by the real code.
private struct SimulatedBoard {
    let disk: SimulatedDisk
    var bootState: SimulatedPartition
    var slots: [SimulatedPartition]
    let keys: KeySet

    init(_ disk: SimulatedDisk, keys: KeySet) {
        self.disk = disk
        self.keys = keys
        bootState = SimulatedPartition(disk, start: 0, size: BootStateStore.partitionSize)
        slots = [
            SimulatedPartition(disk, start: BootStateStore.partitionSize, size: slotSize),
            SimulatedPartition(disk, start: BootStateStore.partitionSize + slotSize, size: slotSize),
        ]
    }

    static func flashed(_ release: SimulatedRelease) -> SimulatedDisk {
        SimulatedDisk(contents: BootStateStore.image(of: .flashed(release: release.manifest.release))
            + release.slot(size: slotSize) + [UInt8](repeating: 0, count: slotSize))
    }

    /// What runs after power-on; nil if nothing does.
    mutating func boot() throws -> (slot: SlotName, release: String)? {
        var store = try BootStateStore(loading: &bootState)
        for _ in 0..<4 {
            guard let choice = store.state.chosen() else { return nil }
            if choice.mustWrite { try store.write(choice.state, to: &bootState) }
            do throws(SlotError) {
                let manifest = try verifySlot(&slots[Int(choice.slot.rawValue)], keys: keys)
                return (choice.slot, manifest.payload.release)
            } catch {
                try store.write(store.state.verificationFailed(choice.slot, code: error.code, text: error.text), to: &bootState)
            }
        }
        return nil
    }

    mutating func change(_ change: (BootState) throws -> BootState) throws {
        var store = try BootStateStore(loading: &bootState)
        try store.write(try change(store.state), to: &bootState)
    }

    /// Boots, marks good, installs the other release if it does not run yet, and boots that to good.
    mutating func update(to release: SimulatedRelease) throws -> String? {
        for _ in 0..<4 {
            guard let running = try boot() else { return nil }
            try change { try $0.markedGood(running.slot) }
            if running.release == release.manifest.release { return running.release }
            let target = running.slot.other
            var harness = Harness(release.bundle(), terms: InstallTerms(keys: keys, board: "test-board", hardwareRevision: 1, floor: 0))
            harness.piece = 65536
            var slot = slots[Int(target.rawValue)]
            _ = try harness.run(&slot) {
                try change { try $0.installBegins(target, running: running.slot, release: release.manifest.release) }
            }
            try change { try $0.installed(target) }
        }
        return try boot()?.release
    }
}

@Suite struct PowerCutTests {
    private let old: SimulatedRelease
    private let new: SimulatedRelease

    init() throws {
        old = try SimulatedRelease("1", dataBlocks: 8, seed: 1, signer: signer)
        new = try SimulatedRelease("2", dataBlocks: 130, seed: 2, signer: signer)
    }

    @Test("P-D2 cut at every write, sync and sector of a whole update: a complete release boots, the update can be finished")
    func wholeUpdate() throws {
        let disk = SimulatedBoard.flashed(old)
        var board = SimulatedBoard(disk, keys: signer.keys)
        #expect(try board.update(to: new) == "2")
        let operations = disk.log.count
        var finished = 0, number = 0, newer = 0
        let cuts = try disk.forEachCut(reorderings: 30) { cut, medium in
            number += 1
            var after = SimulatedBoard(SimulatedDisk(contents: medium), keys: signer.keys)
            guard let running = try after.boot() else {
                Issue.record("bricked by \(cut)")
                return
            }
            if running.release == "2" { newer += 1 } else { #expect(running.release == "1", "\(cut)") }
            guard number % 24 == 0 else { return }
            #expect(try after.update(to: new) == "2", "\(cut): the update can't be finished")
            finished += 1
        }
        print("power cuts: \(cuts) in \(operations) operations of a whole update, 0 bricked; \(newer) came up with the new release, \(finished) updates finished")
        #expect(cuts > 2000)
        #expect(newer > 0 && newer < cuts)
    }

    @Test("P-D2 a second cut while the first is being repaired")
    func cutTwice() throws {
        let disk = SimulatedBoard.flashed(old)
        var board = SimulatedBoard(disk, keys: signer.keys)
        _ = try board.update(to: new)
        var random = Seeded(11)
        var cuts = 0
        _ = try disk.forEachCut(reorderings: 1, tornStride: 64) { cut, medium in
            guard random.next() % 12 == 0 else { return }
            let second = SimulatedDisk(contents: medium)
            var after = SimulatedBoard(second, keys: signer.keys)
            #expect(try after.update(to: new) == "2")
            cuts += try second.forEachCut(reorderings: 1, tornStride: 64) { again, medium in
                var last = SimulatedBoard(SimulatedDisk(contents: medium), keys: signer.keys)
                let running = try last.boot()
                #expect(running != nil, "bricked by \(cut) and then \(again)")
            }
        }
        print("power cuts: \(cuts) pairs, 0 bricked")
        #expect(cuts > 200)
    }

    @Test("P-D2 power cuts in a row at every boot never brick the board, and stop writing")
    func cutsInARow() throws {
        let disk = SimulatedBoard.flashed(old)
        var board = SimulatedBoard(disk, keys: signer.keys)
        for _ in 0..<50 { #expect(try board.boot()?.release == "1") }
        let syncs = disk.log.filter { if case .sync = $0 { true } else { false } }.count
        #expect(syncs == Int(SlotState.attemptsMaximum))
    }

    @Test("P-T1 a release that never comes up healthy goes back by itself, with its reason")
    func unhealthy() throws {
        let disk = SimulatedBoard.flashed(old)
        var board = SimulatedBoard(disk, keys: signer.keys)
        _ = try board.boot()
        try board.change { try $0.markedGood(.a).installBegins(.b, running: .a, release: "2") }
        var harness = Harness(new.bundle())
        _ = try harness.run(&board.slots[1])
        try board.change { try $0.installed(.b) }
        for _ in 0..<3 { #expect(try board.boot()?.release == "2") }
        #expect(try board.boot()?.release == "1")
        let state = try BootStateStore(loading: &board.bootState).state
        #expect(state.b.condition == .bad && state.b.failure?.code == "attempts-used-up" && state.b.failure?.release == "2")
    }
}
