// A slot on a disk that anybody may have written: what runs, and by which code each other is refused.
import Board
import BootState
@testable import Boot
import Bytes
import Foundation
import Release
import SeededRandom
import SimulatedDisk
import SimulatedRelease
import Signed
import Testing

private let signer = try! SimulatedSigner()
private let slotSize = 256 << 10

/// The partitions of a board's disk as files in memory.
private final class Disk {
    let path = "/dev/shm/penstock-\(UUID().uuidString.prefix(8))x"
    let board: BoardDescription

    init(name: String = "test-board", revision: UInt16 = 1) throws {
        let sizes = [65536, 65536, slotSize, slotSize, 65536, 65536, 0, 0]
        board = try BoardDescription(
            name: name, hardwareRevision: revision, machine: "x86_64", console: "/dev/ttyS0", memoryMegabytes: 128,
            kernelCommandLine: "console=ttyS0", disk: path,
            partitions: zip(PartitionLabel.allCases, sizes).map { Partition(label: $0, size: $1) },
            lines: [], watchdog: nil, tpm: .absent, network: NetworkInterface(name: "eth0", mode: .dhcp), testAccess: false)
    }

    deinit { for label in PartitionLabel.allCases { try? FileManager.default.removeItem(atPath: board.devicePath(of: label)) } }

    func write(_ bytes: [UInt8], to slot: SlotName = .a) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: board.devicePath(of: slot.partition)))
    }

    /// Nil if it passed.
    func fault(_ slot: SlotName = .a, floor: UInt64 = 0, keys: KeySet = signer.keys) -> String? {
        do throws(SlotFault) {
            _ = try Boot.verifySlot(slot, SlotTerms(board: board, keys: keys, floor: floor), feed: -1)
            return nil
        } catch {
            #expect(!error.text.isEmpty)
            return error.code
        }
    }
}

private func release(blocks: Int = 20, board: String = "test-board", revisions: ClosedRange<UInt16> = 1...2, signer: SimulatedSigner = signer) throws -> SimulatedRelease {
    try SimulatedRelease("2", dataBlocks: blocks, seed: 3, signer: signer, board: board, revisions: revisions)
}

@Suite struct SlotVerificationTests {
    @Test("a sound slot passes, whichever it is, and says who signed it")
    func good() throws {
        let disk = try Disk(), release = try release()
        for slot in [SlotName.a, .b] {
            try disk.write(release.slot(size: slotSize), to: slot)
            let verified = try Boot.verifySlot(slot, SlotTerms(board: disk.board, keys: signer.keys, floor: 5), feed: -1)
            #expect(verified.name == slot)
            #expect(verified.path == disk.board.devicePath(of: slot.partition))
            #expect(verified.manifest.payload == release.manifest)
            #expect(verified.object == release.object)
            #expect(verified.signers == "release-1")
        }
    }

    @Test("P-T1 S-TRID2 a flipped bit in any block of the data is found")
    func data() throws {
        let disk = try Disk(), release = try release(), slot = release.slot(size: slotSize)
        for block in 0..<20 {
            for at in [0, 4095, block * 211 % 4096] {
                var altered = slot
                altered[block * 4096 + at] ^= 0x08
                try disk.write(altered)
                #expect(disk.fault() == "data-block-altered", "byte \(at) of block \(block)")
            }
        }
    }

    @Test("P-T1 S-TRID2 a flipped bit in the superblock or in a block of the tree is found")
    func tree() throws {
        // Two levels: a block of the tree holds 128 hashes.
        let disk = try Disk(), release = try release(blocks: 150), slot = release.slot(size: 768 << 10)
        let area = release.hashArea.count / 4096
        #expect(area == 4)
        for block in 0..<area {
            for at in [0, 31, 4095] {
                var altered = slot
                altered[(150 + block) * 4096 + at] ^= 0x80
                try disk.write(altered)
                let expected = block == 0 ? ["superblock-unreadable", "superblock-altered"] : ["tree-block-altered"]
                #expect(disk.fault().map(expected.contains) == true, "byte \(at) of block \(block): \(disk.fault() ?? "passed")")
            }
        }
    }

    @Test("P-T1 two blocks that changed places are found")
    func swapped() throws {
        let disk = try Disk()
        var slot = try release().slot(size: slotSize)
        let first = Array(slot[0..<4096])
        slot.replaceSubrange(0..<4096, with: slot[4096..<8192])
        slot.replaceSubrange(4096..<8192, with: first)
        try disk.write(slot)
        #expect(disk.fault() == "data-block-altered")
    }

    @Test("P-T1 an unsigned manifest, a stranger's, and one short of its threshold are refused")
    func unsigned() throws {
        let disk = try Disk(), release = try release()
        let image = release.slot(size: slotSize)
        func slot(_ object: [UInt8]) -> [UInt8] { image.dropLast(ObjectArea.size) + SlotLayout.manifestArea.encoded(object)! }
        try disk.write(slot(SignedObject(payload: release.manifest.encoded(), purpose: .manifest).encoded()))
        #expect(disk.fault() == "slot-manifest-signature-missing")
        let stranger = try SimulatedSigner()
        try disk.write(slot(try stranger.sign(release.manifest.encoded())))
        #expect(disk.fault() == "slot-manifest-key-unknown")
        // Signed as something else than a manifest, by a key that may sign that.
        try disk.write(slot(try signer.sign(release.manifest.encoded(), purpose: .calibration)))
        #expect(disk.fault() == "slot-manifest-purpose-wrong")
        let two = try SimulatedSigner(threshold: 2)
        try disk.write(slot(try two.sign(release.manifest.encoded())))
        #expect(disk.fault(keys: two.keys) == "slot-manifest-threshold-unmet")
        try disk.write(slot(try two.sign(release.manifest.encoded(), both: true)))
        #expect(disk.fault(keys: two.keys) == nil)
    }

    @Test("P-T1 S-TRID2 a flipped bit anywhere in the manifest's area is refused")
    func manifest() throws {
        let disk = try Disk(), release = try release(), slot = release.slot(size: slotSize)
        let start = slotSize - ObjectArea.size
        for at in Array(0..<12 + release.object.count) + [20_000, ObjectArea.size - 1] {
            var altered = slot
            altered[start + at] ^= 0x01
            try disk.write(altered)
            #expect(disk.fault()?.hasPrefix("slot-manifest-") == true, "byte \(at): \(disk.fault() ?? "passed")")
        }
    }

    @Test("P-T1 a release for another board or another revision of it is refused")
    func board() throws {
        let disk = try Disk()
        try disk.write(try release(board: "other-board").slot(size: slotSize))
        #expect(disk.fault() == "board-wrong")
        try disk.write(try release(revisions: 2...3).slot(size: slotSize))
        #expect(disk.fault() == "hardware-revision-wrong")
    }

    @Test("P-T1 a release below the floor is refused; at the floor it runs")
    func floor() throws {
        let disk = try Disk()
        try disk.write(try release().slot(size: slotSize))
        #expect(disk.fault(floor: 5) == nil)
        #expect(disk.fault(floor: 6) == "below-floor")
        #expect(disk.fault(floor: .max) == "below-floor")
    }

    @Test("P-D2 an empty slot, one that is too small and one that is not there each have their code")
    func absent() throws {
        let disk = try Disk()
        #expect(disk.fault() == "system-call")
        try disk.write([UInt8](repeating: 0, count: slotSize))
        #expect(disk.fault() == "slot-empty")
        try disk.write([UInt8](repeating: 0, count: 4096))
        #expect(disk.fault() == "slot-too-small")
        try disk.write([UInt8](repeating: 0xFF, count: slotSize))
        #expect(disk.fault() == "slot-manifest-malformed")
        // A manifest that names an image which would reach into its own area.
        let large = try release(blocks: 60)
        try disk.write([UInt8](repeating: 0, count: 128 << 10) + SlotLayout.manifestArea.encoded(large.object)!)
        #expect(disk.fault() == "slot-too-small")
    }

    @Test("P-T1 S-TRID2 noise all over a slot is refused without a trap")
    func noise() throws {
        let disk = try Disk(), slot = try release().slot(size: slotSize)
        var random = Seeded(21)
        for _ in 0..<60 {
            var altered = slot
            // Where it counts: in the image or in the signed object, not in the gap between them.
            let start = Bool.random(using: &random) ? Int.random(in: 0..<20 * 4096, using: &random) : slotSize - ObjectArea.size + Int.random(in: 0..<300, using: &random)
            let bytes = random.bytes(Int.random(in: 1...64, using: &random))
            altered.replaceSubrange(start..<start + bytes.count, with: bytes)
            guard altered != slot else { continue }
            try disk.write(altered)
            #expect(disk.fault() != nil)
        }
    }
}
