import Bytes
import Cryptography
import Foundation
import SeededRandom
import SimulatedDisk
import Testing
@testable import Verity

private let salt = seededBytes(7, 32)
private let uuid = seededBytes(8, 16)

private func seededBytes(_ seed: UInt64, _ count: Int) -> [UInt8] {
    var random = Seeded(seed)
    return random.bytes(count)
}

private func image(blocks: Int) -> (VerityIdentity, SimulatedDisk) {
    let data = seededBytes(UInt64(blocks), blocks * 4096)
    let disk = SimulatedDisk(contents: data)
    var store = SimulatedPartition(disk)
    let (identity, area) = try! buildTree(over: &store, dataBlocks: blocks, salt: salt, uuid: uuid)!
    return (identity, SimulatedDisk(contents: data + area))
}

@Suite struct VerityGeometryTests {
    @Test(arguments: [(1, 0), (2, 1), (128, 1), (129, 2), (16384, 2), (16385, 3), (1 << 21, 3), (1 << 28, 4)])
    func levels(blocks: Int, levels: Int) {
        #expect(VerityGeometry(dataBlocks: blocks)?.levels == levels)
    }

    @Test func impossibleSizesAreRefused() {
        #expect(VerityGeometry(dataBlocks: 0) == nil)
        #expect(VerityGeometry(dataBlocks: -1) == nil)
        #expect(VerityGeometry(dataBlocks: VerityGeometry.dataBlocksMaximum + 1) == nil)
    }

    @Test(arguments: [1, 2, 128, 129, 16385, 300_000])
    func everyBlockOfTheHashAreaHasOnePlace(blocks: Int) throws {
        let geometry = try #require(VerityGeometry(dataBlocks: blocks))
        #expect(geometry.hashAreaBlock(at: 0) == .superblock)
        for position in 1..<max(1, geometry.hashAreaBlocks) {
            guard case .tree(let level, let index) = geometry.hashAreaBlock(at: position) else {
                Issue.record("nothing at \(position)")
                return
            }
            #expect(geometry.hashAreaBlock(level: level, index: index) == position)
        }
        #expect(geometry.hashAreaBlock(at: geometry.hashAreaBlocks) == nil)
        #expect(geometry.hashAreaBlock(at: -1) == nil)
    }
}

@Suite struct VeritysetupOracle {
    private func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/sbin/veritysetup")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }

    @Test("veritysetup makes the same bytes and root, and verifies ours", arguments: [1, 2, 127, 128, 129, 1000, 16385])
    func same(blocks: Int) throws {
        let (identity, disk) = image(blocks: blocks)
        let geometry = identity.geometry
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("verity-\(blocks)-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("image").path
        try Data(disk.contents[..<geometry.dataSize]).write(to: URL(fileURLWithPath: path))
        let text = hexadecimal(uuid)
        func part(_ from: Int, _ to: Int) -> String {
            String(text[text.index(text.startIndex, offsetBy: from)..<text.index(text.startIndex, offsetBy: to)])
        }
        let dashed = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].joined(separator: "-")
        let format = try run([
            "format", path, path, "--hash-offset=\(geometry.dataSize)", "--data-blocks=\(blocks)",
            "--salt=\(hexadecimal(salt))", "--uuid=\(dashed)", "--hash=sha256", "--format=1",
            "--data-block-size=4096", "--hash-block-size=4096",
        ])
        #expect(format.status == 0, "\(format.output)")
        #expect(format.output.contains(hexadecimal(identity.root.bytes)))
        var theirs = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        theirs += [UInt8](repeating: 0, count: max(0, geometry.imageSize - theirs.count))
        #expect(theirs.count == geometry.imageSize)
        #expect(theirs == disk.contents)

        try Data(disk.contents).write(to: URL(fileURLWithPath: path))
        let verify = ["verify", path, path, hexadecimal(identity.root.bytes), "--hash-offset=\(geometry.dataSize)"]
        let good = try run(verify)
        #expect(good.status == 0, "\(good.output)")
        disk.corrupt(at: geometry.dataSize - 1)
        try Data(disk.contents).write(to: URL(fileURLWithPath: path))
        #expect(try run(verify).status != 0)
    }
}

@Suite struct VerityTreeTests {
    @Test(arguments: [1, 2, 128, 129, 300, 16385])
    func soundImagePasses(blocks: Int) throws {
        let (identity, disk) = image(blocks: blocks)
        var store = SimulatedPartition(disk)
        try verifyAll(identity, in: &store)
        try verifyHashArea(identity, in: &store)
    }

    @Test("P-T1 a flipped bit anywhere is refused, and the block that holds it is named")
    func flippedBit() throws {
        let (identity, disk) = image(blocks: 300)
        let geometry = identity.geometry
        var store = SimulatedPartition(disk)
        var random = Seeded(3)
        for position in 0..<geometry.hashAreaBlocks + geometry.dataBlocks {
            let block = position < geometry.hashAreaBlocks
                ? geometry.hashAreaBlock(at: position)! : .data(index: position - geometry.hashAreaBlocks)
            let at = geometry.offset(of: block) + Int(random.next() % 4096)
            let bit = UInt8(1) << UInt8(random.next() % 8)
            disk.corrupt(at: at, xor: bit)
            #expect(throws: VerityError.altered(block)) { try verifyAll(identity, in: &store) }
            if case .data = block {
                try verifyHashArea(identity, in: &store)
            } else {
                #expect(throws: VerityError.altered(block)) { try verifyHashArea(identity, in: &store) }
            }
            disk.corrupt(at: at, xor: bit)
        }
        try verifyAll(identity, in: &store)
    }

    @Test("P-T1 blocks exchanged for each other are refused")
    func exchanged() throws {
        let (identity, disk) = image(blocks: 130)
        var store = SimulatedPartition(disk)
        let first = [UInt8](disk.contents[0..<4096])
        disk.place([UInt8](disk.contents[4096..<8192]), at: 0)
        disk.place(first, at: 4096)
        #expect(throws: VerityError.altered(.data(index: 0))) { try verifyAll(identity, in: &store) }
    }

    @Test("P-T1 an image with another root, salt or uuid is refused")
    func otherIdentity() throws {
        let (identity, disk) = image(blocks: 2)
        var store = SimulatedPartition(disk)
        var other = identity.root.bytes
        other[0] ^= 1
        let root = VerityIdentity(geometry: identity.geometry, root: Digest(other)!, salt: salt, uuid: uuid)
        #expect(throws: VerityError.altered(.tree(level: 1, index: 0))) { try verifyAll(root, in: &store) }
        let salted = VerityIdentity(geometry: identity.geometry, root: identity.root, salt: seededBytes(9, 32), uuid: uuid)
        #expect(throws: VerityError.altered(.superblock)) { try verifyAll(salted, in: &store) }
    }

    @Test func blocksBeyondTheEndAreOurFault() throws {
        let (identity, disk) = image(blocks: 2)
        var store = SimulatedPartition(disk)
        var tree = VerityTree(identity)
        for block: VerityBlock in [.data(index: 2), .data(index: -1), .tree(level: 1, index: 1), .tree(level: 2, index: 0),
            .tree(level: 0, index: 0), .superblock]
        {
            #expect(throws: VerityError.noSuchBlock(block)) { _ = try tree.digest(of: block, in: &store) }
        }
    }

    @Test func shortBlockIsRefused() throws {
        let (identity, disk) = image(blocks: 1)
        var store = SimulatedPartition(disk)
        var tree = VerityTree(identity)
        let short = [UInt8](disk.contents[..<4095])
        #expect(throws: VerityError.altered(.data(index: 0))) { try tree.verify(short.span.bytes, as: .data(index: 0), in: &store) }
        let whole = [UInt8](disk.contents[..<4096])
        try tree.verify(whole.span.bytes, as: .data(index: 0), in: &store)
    }

    @Test func storeErrorsAreReported() throws {
        let (identity, disk) = image(blocks: 2)
        var short = SimulatedPartition(disk, start: 0, size: 4096)
        #expect(throws: VerityError.store(StoreError(.bounds, offset: 8192, errno: 0))) { try verifyAll(identity, in: &short) }
    }

    @Test("the tree is read once: a scan reads little more than the image")
    func readsAreBounded() throws {
        let (identity, disk) = image(blocks: 1000)
        var store = SimulatedPartition(disk)
        let before = disk.bytesRead
        try verifyAll(identity, in: &store)
        #expect(disk.bytesRead - before == identity.geometry.imageSize)
    }
}

@Suite struct SuperblockTests {
    private let good = Superblock(geometry: VerityGeometry(dataBlocks: 12345)!, uuid: uuid, salt: salt)

    @Test func roundTrip() throws {
        let bytes = good.encoded()
        #expect(bytes.count == 4096)
        #expect(try Superblock(decoding: bytes.span.bytes) == good)
        #expect(try Superblock(decoding: bytes.span.bytes.extracting(0..<512)) == good)
    }

    @Test func everyTruncationIsRefused() {
        let bytes = good.encoded()
        for length in 0..<512 {
            #expect(throws: SuperblockError.length) { _ = try Superblock(decoding: bytes.span.bytes.extracting(0..<length)) }
        }
    }

    @Test("S-TRID2 a mutated superblock is refused or read as exactly what it says")
    func mutated() {
        var random = Seeded(4)
        for _ in 0..<20_000 {
            var bytes = [UInt8](good.encoded()[..<512])
            for _ in 0...random.next() % 4 { bytes[Int(random.next() % 512)] = UInt8(truncatingIfNeeded: random.next()) }
            if let read = try? Superblock(decoding: bytes.span.bytes) {
                #expect([UInt8](read.encoded()[..<512]) == bytes)
            }
        }
    }
}

@Suite struct VerityTableTests {
    @Test func line() {
        let identity = VerityIdentity(
            geometry: VerityGeometry(dataBlocks: 5)!, root: Digest([UInt8](repeating: 0xAB, count: 32))!,
            salt: [UInt8](repeating: 1, count: 32), uuid: uuid)
        let root = String(repeating: "ab", count: 32), salt = String(repeating: "01", count: 32)
        #expect(identity.table(device: "254:2").line == "0 40 verity 1 254:2 254:2 4096 4096 5 6 sha256 \(root) \(salt)")
        #expect(identity.table(device: "d", options: ["panic_on_corruption", "check_at_most_once"]).parameters
            == "1 d d 4096 4096 5 6 sha256 \(root) \(salt) 2 panic_on_corruption check_at_most_once")
    }
}
