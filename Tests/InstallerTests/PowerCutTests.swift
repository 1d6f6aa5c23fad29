// Cuts of the power over a whole update: install, switch, trial, good, floor; raw with a TPM and without, efi with one, uboot without.
import BootState
import Bytes
import Foundation
import Release
import SeededRandom
import SimulatedDisk
import SimulatedRelease
import Testing
@testable import Installer

private let old = try! SimulatedRelease("1", dataBlocks: 4, seed: 1, signer: signer, rollbackIndex: 5)
private let new = try! SimulatedRelease("2", dataBlocks: 5, seed: 2, signer: signer, rollbackIndex: 7)

/// A whole update, recorded.
private func recorded(_ kind: BoardKind) throws -> SimulatedDisk {
    let disk = SimulatedBoard.flashed(old, kind)
    var board = try SimulatedBoard(disk, kind, keys: signer.keys)
    #expect(try board.update(to: new) == "2")
    #expect(board.floor == 7)
    return disk
}

/// Cuts it everywhere; returns how many cuts there were. Each is booted; each `finishStride`th update is finished.
private func cut(_ kind: BoardKind, reorderings: Int, seed: UInt64, finishStride: Int) throws -> Int {
    let disk = try recorded(kind)
    var number = 0, finished = 0, newer = 0, bricked = 0
    let cuts = try disk.forEachCut(reorderings: reorderings, subsetsMaximum: 1024, seed: seed) { cut, medium, cells in
        number += 1
        do {
            var after = try SimulatedBoard(SimulatedDisk(contents: medium, cells: cells), kind, keys: signer.keys)
            let running = try after.boot()
            if running.release == "2" { newer += 1 } else if running.release != "1" { Issue.record("\(kind.rawValue): \(cut) runs \(running.release)") }
            guard number % finishStride == 0 else { return }
            if try after.update(to: new) != "2" { Issue.record("\(kind.rawValue): \(cut): the update can't be finished") }
            if after.floor != 7 { Issue.record("\(kind.rawValue): \(cut): floor \(after.floor)") }
            finished += 1
        } catch {
            bricked += 1
            if bricked < 10 { Issue.record("\(kind.rawValue): bricked by \(cut): \(error)") }
        }
    }
    print("power cuts: \(kind.rawValue): \(cuts) in \(disk.log.count) operations of a whole update, \(bricked) bricked; \(newer) came up with the new release, \(finished) updates finished")
    #expect(newer > 0 && newer < cuts)
    return cuts
}

@Suite(.serialized) struct FuzzPowerCuts {
    @Test("P-D2 cut at every write, sync, NV operation and sector of a whole update: a complete release boots, the update can be finished")
    func wholeUpdate() throws {
        let environment = ProcessInfo.processInfo.environment
        let first = environment["PENSTOCK_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
        let end = environment["PENSTOCK_FUZZ_SECONDS"].flatMap { Double($0) }.map { Date(timeIntervalSinceNow: $0) }
        var cuts = 0, round: UInt64 = 0
        repeat {
            for kind in BoardKind.allCases { cuts += try cut(kind, reorderings: 1250, seed: first &+ round << 40, finishStride: 10) }
            round += 1
        } while end.map { $0 > Date() } ?? false
        print("power cuts: \(cuts) in all, from seed \(first)")
        #expect(cuts >= 100_000)
    }

    @Test("P-D2 a second cut while the first is being repaired", arguments: BoardKind.allCases)
    func cutTwice(kind: BoardKind) throws {
        let disk = try recorded(kind)
        var random = Seeded(11)
        var cuts = 0
        _ = try disk.forEachCut(reorderings: 1, tornStride: 64) { cut, medium, cells in
            guard random.next() % 12 == 0 else { return }
            let second = SimulatedDisk(contents: medium, cells: cells)
            var after = try SimulatedBoard(second, kind, keys: signer.keys)
            #expect(try after.update(to: new) == "2")
            cuts += try second.forEachCut(reorderings: 1, tornStride: 64) { again, medium, cells in
                var last = try SimulatedBoard(SimulatedDisk(contents: medium, cells: cells), kind, keys: signer.keys)
                do { _ = try last.boot() } catch { Issue.record("\(kind.rawValue): bricked by \(cut) and then \(again): \(error)") }
            }
        }
        print("power cuts: \(kind.rawValue): \(cuts) pairs")
        #expect(cuts > 100)
    }

    @Test("P-D2 power cuts in a row at every boot never brick the board, and stop writing", arguments: BoardKind.allCases)
    func cutsInARow(kind: BoardKind) throws {
        let disk = SimulatedBoard.flashed(old, kind)
        var board = try SimulatedBoard(disk, kind, keys: signer.keys)
        for _ in 0..<50 { #expect(try board.boot().release == "1") }
        let syncs = disk.log.filter { if case .sync = $0 { true } else { false } }.count
        #expect(syncs == Int(SlotState.attemptsMaximum))
    }

    @Test("P-T1 a release that never comes up healthy goes back by itself, with its reason", arguments: BoardKind.allCases)
    func unhealthy(kind: BoardKind) throws {
        let disk = SimulatedBoard.flashed(old, kind)
        var board = try SimulatedBoard(disk, kind, keys: signer.keys)
        try board.markGood(try board.boot())
        var harness = Harness(new.bundle())
        let selector = SimulatedSelector(kind: kind, disk: disk, commandLine: "")
        var slots = try SlotSwitch(loading: &board.partition, selector)
        try slots.installBegins(.b, running: .a, release: "2", on: &board.partition)
        _ = try harness.run(&board.slots[1])
        try slots.installed(.b, on: &board.partition)
        var came: [String] = []
        for _ in 0..<8 { came.append(try board.boot().release) }
        #expect(came.first == "2" && came.last == "1", "\(came)")
        let state = try BootStateStore(loading: &board.partition).state
        #expect(state.b.condition == .bad && state.b.failure?.code == "attempts-used-up" && state.b.failure?.release == "2")
        #expect(board.floor == 5 || !kind.hasTPM)
    }
}
