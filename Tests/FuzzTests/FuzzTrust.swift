// Everything that is signed, or leads to something that is: whatever bytes come, nothing traps, nothing is
// granted that was not signed, and what is taken encodes to the same bytes again.
import Board
import BootState
import Bytes
import Cryptography
import Foundation
import Fuzzing
import Release
import Signed
import SimulatedDisk
import SimulatedRelease
import Testing
import Verity

private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Corpus")

/// The set that signed the corpus.
private func anchor() throws -> KeySet {
    let bytes = try corpus("key-set")[0]
    return try KeySet(decoding: bytes.span.bytes)
}

private func corpus(_ name: String) throws -> [[UInt8]] { try Fuzzer.corpus(in: folder.appendingPathComponent(name)) }

@Suite struct FuzzTrust {
    @Test("C-T1 P-T1 manifests")
    func manifest() throws {
        var taken = 0
        try Fuzzer.run("manifest", corpus: corpus("manifest")) { input, seed in
            guard let read = try? Manifest(decoding: input.span.bytes) else { return }
            taken += 1
            #expect(read.encoded() == input, "seed \(seed)")
            // What it names has a place of its own in a bundle, and none beyond a slot.
            let layout = BundleLayout(read.components, isEncrypted: true)
            #expect(layout.parts.count == read.components.count && layout.size > 2 * ObjectArea.size, "seed \(seed)")
            _ = try? SlotLayout(size: 1 << 24, bootSize: 1 << 20)!.offsets(of: read.components)
        }
        #expect(taken > 0)
    }

    @Test("C-T1 P-S2 key sets")
    func keySet() throws {
        var taken = 0
        try Fuzzer.run("key-set", corpus: corpus("key-set")) { input, seed in
            guard let read = try? KeySet(decoding: input.span.bytes) else { return }
            taken += 1
            #expect(read.encoded() == input, "seed \(seed)")
        }
        #expect(taken > 0)
    }

    @Test("C-T1 P-S2 signed objects: only those of the corpus hold")
    func signedObject() throws {
        let inputs = try corpus("signed"), keys = try anchor()
        var parsed = 0
        Fuzzer.run("signed", corpus: inputs, rounds: 5000) { input, seed in
            guard let object = try? SignedObject(input.span.bytes) else { return }
            parsed += 1
            #expect(object.encoded() == input, "seed \(seed)")
            guard (try? verify(input.span.bytes, as: Manifest.self, with: keys)) != nil else { return }
            // Signatures may be put in another order, doubled, or left out down to the threshold.
            #expect(inputs.contains { (try? SignedObject($0.span.bytes))?.unverifiedPayload == object.unverifiedPayload }, "seed \(seed)")
        }
        #expect(parsed > inputs.count)
    }

    @Test("P-S2 chains of key sets: no mutation leads to a set that was not signed into it")
    func keySetChain() throws {
        let links = try corpus("rotation"), first = try anchor()
        let reachable = [first] + (1...links.count).map { first.newest(of: Array(links[..<$0])).keys }
        #expect(reachable.last?.version == 3)
        // Signatures are verified in most rounds: fewer than where bytes are only read.
        Fuzzer.run("rotation", corpus: links, rounds: 2000) { input, seed in
            var chain = links
            let place = Int(seed) % (links.count + 1)
            if place < links.count { chain[place] = input } else { chain.append(input) }
            #expect(reachable.contains(first.newest(of: chain).keys), "seed \(seed)")
        }
    }

    @Test("P-T1 keys of encrypted bundles")
    func bundleKeys() throws {
        var taken = 0
        try Fuzzer.run("bundle-keys", corpus: corpus("bundle-keys")) { input, seed in
            guard let read = try? BundleKeys(decoding: input.span.bytes) else { return }
            taken += 1
            #expect(read.encoded() == input, "seed \(seed)")
            _ = try? read.contentKey(fleet: [UInt8](repeating: 0xF1, count: 32))
        }
        #expect(taken > 0)
    }

    @Test("P-T1 records of the disk: slot state, retained state, key sets; a checksum that holds grants nothing else")
    func records() throws {
        func check<Content: Recorded>(_: Content.Type, _ input: [UInt8], _ seed: UInt64) {
            if let read = try? Record<Content>(decoding: input.span.bytes) { #expect(read.encoded() == input, "seed \(seed)") }
            // With the checksum put right, as whoever has the disk can.
            guard input.count == Content.place.size else { return }
            let right = Array(input.dropLast(32)) + SHA256.hash(Array(input.dropLast(32))).bytes
            if let read = try? Record<Content>(decoding: right.span.bytes) { #expect(read.encoded() == right, "seed \(seed)") }
        }
        try Fuzzer.run("record", corpus: corpus("record")) { input, seed in
            check(BootState.self, input, seed)
            check(RetainedState.self, input, seed)
            check(StoredKeySets.self, input, seed)
        }
    }

    @Test("P-D2 U-Boot's environment, its checksum put right, and EFI load options")
    func bootLoader() throws {
        func sealed(_ data: [UInt8]) -> [UInt8] {
            let sum = crc32(data.span.bytes)
            return [UInt8(truncatingIfNeeded: sum), UInt8(truncatingIfNeeded: sum >> 8), UInt8(truncatingIfNeeded: sum >> 16), UInt8(truncatingIfNeeded: sum >> 24), 7] + data
        }
        let list = Array("bootcmd=run x\0penstock_slot=a\0bootcount=2\0odd\0\0".utf8) + [UInt8](repeating: 0, count: 40)
        let option = [1, 0, 0, 0, 4, 0] + "Penstock A".utf16.flatMap { [UInt8(truncatingIfNeeded: $0), 0] } + [0, 0, 0x7F, 0xFF, 4, 0] as [UInt8]
        var environments = 0, options = 0
        Fuzzer.run("boot-loader", corpus: [list, option]) { input, seed in
            _ = UBootEnvironment(decoding: input.span.bytes)
            let copy = sealed(input)
            if let read = UBootEnvironment(decoding: copy.span.bytes) {
                environments += 1
                // What is written again says the same.
                let again = read.encoded(size: copy.count)
                let second = again.flatMap { UBootEnvironment(decoding: $0.span.bytes) }
                #expect(second == read, "seed \(seed)")
                _ = read["penstock_slot"]
            }
            if let read = LoadOption(decoding: input.span.bytes) {
                options += 1
                #expect(2 * read.description.count + 8 <= input.count, "seed \(seed)")
            }
        }
        #expect(environments > 0 && options > 0)
    }

    @Test("P-T1 superblocks and object areas")
    func areas() throws {
        let area = BundleLayout.manifestArea
        Fuzzer.run("area", corpus: [area.encoded([1, 2, 3])!, SlotLayout.manifestArea.encoded([UInt8](repeating: 7, count: 900))!]) { input, seed in
            if let object = try? area.object(in: input.span.bytes) { #expect(area.encoded(object) == input, "seed \(seed)") }
            if let superblock = try? Superblock(decoding: input.span.bytes) { #expect(superblock.encoded() == input, "seed \(seed)") }
        }
    }

    /// Makes the corpus anew, with other keys: PENSTOCK_WRITE_CORPUS=1 swift test --filter FuzzTrust
    @Test(.enabled(if: ProcessInfo.processInfo.environment["PENSTOCK_WRITE_CORPUS"] != nil)) func writeCorpus() throws {
        func write(_ name: String, _ inputs: [[UInt8]]) throws {
            let place = folder.appendingPathComponent(name)
            try? FileManager.default.removeItem(at: place)
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            for (number, input) in inputs.enumerated() { try Data(input).write(to: place.appendingPathComponent("\(number).bin")) }
        }
        let one = try PrivateKey.generate(.es256), two = try PrivateKey.generate(.ed25519), three = try PrivateKey.generate(.es256)
        func set(_ version: UInt64, _ keys: [(String, PublicKey)], _ threshold: Int) throws -> KeySet {
            try KeySet(version: version, entries: keys.map { .init(name: $0, key: $1, purposes: [.manifest, .keySet]) }, thresholds: [(.manifest, 1), (.keySet, threshold)])
        }
        let first = try set(1, [("one", one.publicKey), ("two", two.publicKey)], 2)
        let second = try set(2, [("two", two.publicKey), ("three", three.publicKey)], 2), third = try set(3, [("three", three.publicKey)], 1)
        var link = SignedObject(payload: second.encoded(), purpose: .keySet)
        try link.sign(with: one); try link.sign(with: two); try link.sign(with: three)
        var last = SignedObject(payload: third.encoded(), purpose: .keySet)
        try last.sign(with: two); try last.sign(with: three)
        let signer = try SimulatedSigner()
        let kinds: [(ComponentKind, Int)] = [(.root, 8192), (.kernel, 5000), (.initramfs, 1), (.unifiedKernel, 4096), (.calibration, 700), (.other(64), 9)]
        let small = try SimulatedRelease("1.2.3", dataBlocks: 2, seed: 1, signer: signer).manifest, large = try SeveralComponents("2", kinds, seed: 2, signer: signer).manifest
        var objects: [[UInt8]] = []
        for manifest in [small, large] {
            var object = SignedObject(payload: manifest.encoded(), purpose: .manifest)
            try object.sign(with: one)
            objects.append(object.encoded())
            try object.sign(with: two)
            objects.append(object.encoded())
        }
        let key = randomBytes(32), fleet = [UInt8](repeating: 0xF1, count: 32)
        let recipients: [BundleRecipient] = [try .fleet(key: fleet, contentKey: key), try .device(one.publicKey, keyIdentifier: one.publicKey.keyIdentifier, contentKey: key)]
        let state = BootState(
            a: SlotState(.good, attemptsLeft: 3, release: "1"),
            b: SlotState(.bad, release: "2", failure: SlotFailure(release: "2", step: "verify", code: "slot-empty", text: "empty")), active: .a, bootCount: 9)
        try write("manifest", [small.encoded(), large.encoded()])
        try write("key-set", [first.encoded(), third.encoded()])
        try write("signed", objects)
        try write("rotation", [link.encoded(), last.encoded()])
        try write("bundle-keys", [BundleKeys(recipients: [recipients[0]])!.encoded(), BundleKeys(recipients: recipients)!.encoded()])
        try write("record", [
            Record(sequence: 4, content: state).encoded(), Record(sequence: 5, content: RetainedState(calibrationFloor: 3, keySetFloor: 2, controller: [1, 2])).encoded(),
            Record(sequence: 6, content: StoredKeySets(links: [link.encoded()])!).encoded(),
        ])
    }
}
