// What the images are, as foreign tools see them: sfdisk, veritysetup, fsck.erofs, cpio; and that the
// same input gives the same bytes.
import Board
import Bytes
import Cryptography
import Foundation
import Release
import Signed
import Testing

@testable import Compiler

/// A small product and the key that signs its releases.
struct Product {
    let workplace = Workplace()
    let board = try! BoardCompiler.compile(boardFolder)
    let tree: String

    /// - reversed: the same files, made in another order and at another time.
    init(reversed: Bool = false) throws {
        tree = workplace.file("product")
        let names = ["etc/b.conf", "etc/a.conf", "share/data/1", "share/data/2", "lib/thing"]
        for name in reversed ? names.reversed() : names {
            let path = tree + "/" + name
            try FileManager.default.createDirectory(atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path, withIntermediateDirectories: true)
            try Data(String(repeating: name, count: 900).utf8).write(to: URL(fileURLWithPath: path))
            if reversed { try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 1000)], ofItemAtPath: path) }
        }
        try FileManager.default.createSymbolicLink(atPath: tree + "/current", withDestinationPath: "share/data/1")
    }

    static let files = [
        RootFile(path: "penstock", content: [UInt8](repeating: 0x7F, count: 70000), isProgram: true),
        RootFile(path: "trust/keyset.cbor", content: [1, 2, 3]),
    ]

    func image() throws -> [UInt8] { try RootImage.make(boardName: board.name, tree: tree, files: Self.files) }

    func release(_ name: String = "1.0", index: UInt64 = 1) throws -> ReleaseBundle {
        try ReleaseBundle(
            boardName: board.name, image: image(),
            terms: .init(release: name, rollbackIndex: index, hardwareRevisions: 1...1, healthGate: HealthGate(aliveMilliseconds: 1, uplinkDemanded: false, timeoutMilliseconds: 2)!)
        ).signed(with: Self.key())
    }

    /// Ed25519: its signatures are the same every time.
    static func key() throws -> PrivateKey {
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n"
        return try PrivateKey(pem: Array(pem.utf8))
    }
}

/// Runs a foreign tool; its exit status and what it said.
func tool(_ program: String, _ arguments: String...) throws -> (status: Int32, said: String) {
    let process = Process(), pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["PATH=/usr/sbin:/sbin:/usr/bin:/bin", "LC_ALL=C", program] + arguments
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, said)
}

@Suite struct RootImageTests {
    @Test func sameTreeSameBytes() throws {
        let first = try Product().image()
        let second = try Product(reversed: true).image()
        let isSame = first == second
        #expect(isSame)
        #expect(first.count % 4096 == 0)
    }

    @Test func foreignToolsAcceptIt() throws {
        let product = try Product()
        let path = product.workplace.file("root.erofs")
        try writeFile(path, product.image())
        let check = try tool("fsck.erofs", "--extract=" + product.workplace.file("out"), path)
        #expect(check.status == 0, "\(check.said)")
        let program = try readFile(product.workplace.file("out/penstock"))
        let isSame = program == Product.files[0].content
        #expect(isSame)
        #expect(FileManager.default.isExecutableFile(atPath: product.workplace.file("out/penstock")))
        #expect(try FileManager.default.contentsOfDirectory(atPath: product.workplace.file("out")).sorted() == ["current", "dev", "empty", "etc", "lib", "penstock", "proc", "run", "share", "sys", "tmp", "trust"])
    }

    @Test func aTreeMustNotBringWhatTheReleaseBrings() throws {
        let product = try Product()
        try Data([0]).write(to: URL(fileURLWithPath: product.tree + "/penstock"))
        #expect { _ = try product.image() } throws: { ($0 as? Failure)?.code == "root-file-taken" }
    }
}

@Suite struct DiskImageTests {
    @Test func sameInputSameDisk() throws {
        let product = try Product(), again = try Product(reversed: true)
        let paths = [product.workplace.file("one.img"), product.workplace.file("two.img")]
        for (path, one) in zip(paths, [product, again]) {
            try DiskImage(one.board).write(to: path, contents: [.slotA: one.release().slotContent(size: one.board.size(of: .slotA))])
        }
        #expect(try tool("cmp", paths[0], paths[1]).status == 0)
    }

    @Test func partitionTablesAreAccepted() throws {
        let product = try Product(), path = product.workplace.file("disk.img")
        let disk = DiskImage(product.board)
        try disk.write(to: path, contents: [:])
        let check = try tool("sfdisk", "--verify", path)
        #expect(check.status == 0 && check.said.contains("No errors detected"), "\(check.said)")
        let dump = try tool("sfdisk", "--dump", path).said
        for place in disk.places {
            let line = try #require(dump.split(separator: "\n").first { $0.contains("name=\"\(place.label.text)\"") })
            #expect(line.split(whereSeparator: { " ,=".contains($0) }).compactMap { Int($0) }.prefix(2) == [place.offset / 512, place.size / 512], "\(line)")
        }
    }

    @Test("Either copy of the partition table is enough", arguments: [true, false]) func oneCopyLost(primary: Bool) throws {
        let product = try Product(), path = product.workplace.file("disk.img")
        let disk = DiskImage(product.board)
        try disk.write(to: path, contents: [:])
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.seek(toOffset: UInt64(primary ? 512 : disk.size - 512))
        try handle.write(contentsOf: Data(repeating: 0xA5, count: 512))
        try handle.close()
        let dump = try tool("sfdisk", "--dump", path).said
        for label in PartitionLabel.allCases where !label.isOptional { #expect(dump.contains("name=\"\(label.text)\""), "\(dump)") }
    }

    @Test func contentBeyondItsPartitionIsRefused() throws {
        let product = try Product()
        #expect { try DiskImage(product.board).write(to: product.workplace.file("disk.img"), contents: [.journal: PartitionContent([(4 << 20, [0])])]) } throws: {
            ($0 as? Failure)?.code == "partition-full"
        }
        #expect(!FileManager.default.fileExists(atPath: product.workplace.file("disk.img")))
    }

    @Test func checksum() { #expect(crc32(Array("123456789".utf8).span.bytes) == 0xCBF4_3926) }
}

@Suite struct ReleaseBundleTests {
    /// The slot as a file of its own.
    func slot(_ product: Product, _ release: ReleaseBundle) throws -> String {
        let path = product.workplace.file("slot.img"), size = product.board.size(of: .slotA)
        try writeSparseFile(path, size: size, pieces: release.slotContent(size: size).pieces)
        return path
    }

    func verity(_ path: String, _ release: ReleaseBundle) throws -> (status: Int32, said: String) {
        try tool("veritysetup", "verify", path, path, release.manifest.root.root.hexadecimal, "--hash-offset=\(release.data.count)")
    }

    @Test func veritysetupAcceptsTheSlot() throws {
        let product = try Product(), release = try product.release()
        let check = try verity(slot(product, release), release)
        #expect(check.status == 0, "\(check.said)")
    }

    @Test("P-T1 veritysetup refuses the slot after one flipped bit") func veritysetupRefuses() throws {
        let product = try Product(), release = try product.release(), path = try slot(product, release)
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.seek(toOffset: 5000)
        let byte = try #require(try handle.read(upToCount: 1))[0]
        try handle.seek(toOffset: 5000)
        try handle.write(contentsOf: Data([byte ^ 4]))
        try handle.close()
        #expect(try verity(path, release).status != 0)
    }

    @Test func bundleRoundTrip() throws {
        let release = try Product().release()
        let bytes = try release.encoded()
        let read = try ReleaseBundle(decoding: bytes, path: "x.bundle")
        #expect(read.manifest == release.manifest)
        let isSame = try read.encoded() == bytes
        #expect(isSame)
        #expect(bytes.count == BundleLayout(release.manifest.components).size)
    }

    @Test("P-T1 a bundle with any altered, missing or added byte is refused") func alteredBundle() throws {
        let bytes = try Product().release().encoded()
        for offset in [0, 9, 100, 65535, 65536, 65600, 70000, bytes.count - 4097, bytes.count - 1] {
            var altered = bytes
            altered[offset] ^= 1
            if let read = try? ReleaseBundle(decoding: altered, path: "") {
                // A flipped bit of a signature is for the verifier to refuse.
                #expect(offset < 65536 && (try? read.object.signers(.manifest, KeySet(version: 1, entries: [.init(name: "k", key: Product.key().publicKey, purposes: [.manifest])], thresholds: [(.manifest, 1)]))) == nil)
            }
        }
        #expect(throws: Failure.self) { try ReleaseBundle(decoding: Array(bytes.dropLast()), path: "") }
        #expect(throws: Failure.self) { try ReleaseBundle(decoding: bytes + [0], path: "") }
        #expect(throws: Failure.self) { try ReleaseBundle(decoding: [], path: "") }
    }

    @Test("several components, encrypted for a device and a fleet: what either opens is what was signed")
    func encryptedRoundTrip() throws {
        let product = try Product(), workplace = Workplace()
        let made = try ReleaseBundle(
            boardName: product.board.name, image: product.image(), others: [(.calibration, [1, 2, 3]), (.kernel, [UInt8](repeating: 9, count: 9000))],
            terms: .init(release: "1.0", rollbackIndex: 1, hardwareRevisions: 1...1, healthGate: HealthGate(aliveMilliseconds: 1, uplinkDemanded: false, timeoutMilliseconds: 2)!)
        ).signed(with: Product.key())
        #expect(made.manifest.components.map(\.kind) == [.root, .kernel, .calibration])
        let clear = try made.encoded(), fleet = [UInt8](repeating: 7, count: 32)
        let device = try KeyFiles.generate(.es256, name: workplace.file("device")), other = try KeyFiles.generate(.es256, name: workplace.file("other"))
        #expect(other != device)
        let sealed = try made.encrypted(for: [.device(device), .fleet(fleet)]).encoded()
        #expect(sealed.count == BundleLayout(made.manifest.components, isEncrypted: true).size)
        #expect(sealed[..<12] != clear[..<12] && Array(sealed[12..<65536]) == Array(clear[12..<65536]), "the same signed manifest")
        for opening in [.keyFile(workplace.file("device.key")), .fleet(fleet)] as [ReleaseBundle.Opening] {
            let isSame = try ReleaseBundle(decoding: sealed, path: "", opening: opening).encoded() == clear
            #expect(isSame)
        }
        func code(_ opening: ReleaseBundle.Opening?, _ bytes: [UInt8]) -> String? {
            do throws(Failure) {
                _ = try ReleaseBundle(decoding: bytes, path: "", opening: opening)
                return nil
            } catch { return error.code }
        }
        #expect(code(nil, sealed) == "bundle-encrypted")
        #expect(code(.keyFile(workplace.file("other.key")), sealed) == "bundle-not-for-us")
        #expect(code(.fleet([UInt8](repeating: 8, count: 32)), sealed) == "bundle-not-for-us")
        for at in [131_072, 140_000, sealed.count - 1] {
            var altered = sealed
            altered[at] ^= 1
            #expect(code(.fleet(fleet), altered) == "bundle-block-altered")
        }
        let again = try made.encrypted(for: [.fleet(fleet)]).encoded()
        #expect(Array(again[131_072..<135_000]) != Array(sealed[131_072..<135_000]), "each has a content key of its own")
        #expect(throws: Failure.self) { try made.encrypted(for: []) }
        let places = try made.slotContents(size: 1 << 20, bootSize: 1 << 20)
        #expect(places.boot.pieces.map(\.offset) == [0] && places.slot.pieces.count == 3)
        #expect { _ = try made.slotContent(size: 1 << 20) } throws: { ($0 as? Failure)?.code == "component-unsupported" }
    }

    @Test func equalBlocksKeepEqualLeavesAcrossReleases() throws {
        let product = try Product()
        let old = try product.release("1.0"), new = try product.release("1.1", index: 2)
        #expect(old.manifest.root.salt == new.manifest.root.salt)
        #expect(old.manifest.root.root == new.manifest.root.root)
        #expect(old.manifest.root.uuid != new.manifest.root.uuid)
    }

    @Test func aReleaseLargerThanItsSlotIsRefused() throws {
        let release = try Product().release()
        #expect { _ = try release.slotContent(size: 65536 + 8192) } throws: { ($0 as? Failure)?.code == "slot-too-small" }
    }

    @Test func unsignedReleaseIsNotWritten() throws {
        let product = try Product()
        let unsigned = try ReleaseBundle(
            boardName: product.board.name, image: product.image(),
            terms: .init(release: "1", rollbackIndex: 1, hardwareRevisions: 1...1, healthGate: HealthGate(aliveMilliseconds: 0, uplinkDemanded: false, timeoutMilliseconds: 0)!))
        #expect { _ = try unsigned.encoded() } throws: { ($0 as? Failure)?.code == "not-signed" }
    }
}

@Suite struct InitramfsTests {
    let made = { try Initramfs.make(program: [UInt8]("program".utf8), keySet: [1, 2], board: [3, 4, 5]) }

    @Test func holdsTheProgramAndTheAnchorsAndNothingElse() throws {
        let isSame = try made() == made()
        #expect(isSame)
        let workplace = Workplace()
        try writeFile(workplace.file("i.gz"), made())
        let listing = try tool("sh", "-c", "gzip -dc \(workplace.file("i.gz")) | cpio -tv --quiet").said
        let names = listing.split(separator: "\n").map { $0.split(separator: " ").last! }
        #expect(names == ["dev", "newroot", "proc", "run", "sys", "trust", "dev/console", "trust/board.cbor", "trust/keyset.cbor", "init"])
        #expect(listing.contains("crw-------   1 root     root       5,   1"))
        #expect(listing.contains("-r-xr-xr-x"))
        let extracted = try tool("sh", "-c", "gzip -dc \(workplace.file("i.gz")) | cpio -i --quiet --to-stdout init").said
        #expect(extracted == "program")
    }
}

@Suite struct CommissioningCompilerTests {
    let workplace = Workplace()

    func write(_ extra: String = "", certificate: String = "c.der") throws -> String {
        try Data([0x30, 0x03, 1, 2, 3]).write(to: URL(fileURLWithPath: workplace.file("c.der")))
        let pem = "-----BEGIN CERTIFICATE-----\nMAMBAgM=\n-----END CERTIFICATE-----\n"
        try pem.write(toFile: workplace.file("c.pem"), atomically: true, encoding: .utf8)
        try (pem + pem).write(toFile: workplace.file("two.pem"), atomically: true, encoding: .utf8)
        let text = """
            device = "tank-7"
            board = "qemu-x86_64"
            certificate = "\(certificate)"
            floor-baseline = 4
            \(extra)
            [broker]
            host = "broker.example"
            port = 8883
            authority = "c.pem"
            [update]
            host = "bundles.example"
            port = 443
            path = "/bundles/"
            authority = "c.der"
            """
        try text.write(toFile: workplace.file("d.toml"), atomically: true, encoding: .utf8)
        return workplace.file("d.toml")
    }

    @Test func compiles() throws {
        let made = try CommissioningCompiler.compile(write("name-servers = [\"10.0.2.3\", \"10.0.2.3:5353\", \"[2001:db8::1]:53\"]"))
        #expect(made.device == "tank-7" && made.floorBaseline == 4 && made.network == nil)
        #expect(made.broker.authority == [0x30, 3, 1, 2, 3] && made.updateServer.authority == made.broker.authority)
        #expect(made.nameServers.map(\.port) == [53, 5353, 53])
    }

    @Test("Refusals", arguments: [
        ("name-servers = [\"resolver.example\"]", "c.der", "is no numeric address"), ("colour = 1", "c.der", "'colour': is unknown"), ("", "two.pem", "or more than one"),
        ("", "none.pem", "could not be opened"),
    ]) func refusals(extra: String, certificate: String, message: String) throws {
        let path = try write(extra, certificate: certificate)
        #expect { try CommissioningCompiler.compile(path) } throws: { ($0 as? Failure)?.text.contains(message) == true }
    }
}
