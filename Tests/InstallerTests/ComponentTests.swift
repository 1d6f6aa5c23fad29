// Releases of several components, and encrypted bundles: written block by block like any other.
import Bytes
import Cryptography
import Release
import Signed
import SimulatedDisk
import SimulatedRelease
import Testing
import Verity
@testable import Installer

private let bootSize = 256 << 10
private let kinds: [(ComponentKind, Int)] = [
    (.root, 40 * 4096), (.kernel, 130 * 256 + 7), (.initramfs, 5000), (.calibration, 900), (.other(64), 30_000),
]

private func several(_ seed: UInt64 = 3) throws -> SeveralComponents { try SeveralComponents("2", kinds, seed: seed, signer: signer) }

private struct Recipient {
    let device: PrivateKeyBox
    let contentKey: [UInt8]
    let keys: BundleKeys

    final class PrivateKeyBox: Sendable {
        nonisolated(unsafe) let key: PrivateKey
        init() throws { key = try PrivateKey.generate(.es256) }
    }

    init() throws {
        device = try PrivateKeyBox()
        contentKey = randomBytes(32)
        let other = try PrivateKey.generate(.es256).publicKey
        keys = BundleKeys(recipients: [
            try .device(other, keyIdentifier: other.keyIdentifier, contentKey: contentKey),
            try .device(device.key.publicKey, keyIdentifier: device.key.publicKey.keyIdentifier, contentKey: contentKey),
        ])!
    }

    /// What the keeper does, with a key in memory for the TPM's.
    func find(_ encoded: [UInt8]) throws -> [UInt8] {
        try BundleKeys(decoding: encoded.span.bytes).contentKey(device: device.key.publicKey.keyIdentifier) { point in
            try device.key.agree(with: .es256(point))
        }.get()
    }
}

/// A server, a supervisor and a keeper around an installation.
private struct World {
    var bundle: [UInt8]
    var recipient: Recipient?
    var interruptAfter = Int.max
    var fetched: [Range<Int>] = []
    var bytes = 0

    mutating func run(_ store: inout SimulatedPartition) throws -> String {
        var installation = Installation(terms: terms(), slot: SlotLayout(size: slotSize, bootSize: store.size - slotSize)!)
        var request = try installation.handle(.begin, on: &store)
        for _ in 0..<10_000 {
            switch request {
            case .fetch(let offset, let length): request = try serve(offset, length, &installation, &store)
            case .receive: Issue.record("asked for more than the range"); return ""
            case .findContentKey(let keys): request = try installation.handle(.contentKey(try recipient?.find(keys) ?? []), on: &store)
            case .allowWriting: request = try installation.handle(.writingAllowed, on: &store)
            case .proceed: request = try installation.handle(.proceed, on: &store)
            case .installed(let release): return release
            }
        }
        Issue.record("does not end")
        return ""
    }

    private mutating func serve(_ offset: Int, _ length: Int, _ installation: inout Installation, _ store: inout SimulatedPartition) throws -> InstallRequest {
        fetched.append(offset..<offset + length)
        var at = offset
        while true {
            if at >= bundle.count { return try installation.handle(.ended, on: &store) }
            if at - offset >= interruptAfter { return try installation.handle(.interrupted, on: &store) }
            let next = min(at + 12288, offset + length, bundle.count)
            bytes += next - at
            let request = try installation.handle(.received([UInt8](bundle[at..<next])), on: &store)
            at = next
            if request != .receive { return request }
        }
    }
}

private func empty() -> SimulatedPartition { SimulatedPartition(SimulatedDisk(size: slotSize + bootSize)) }

private func code(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch let error as InstallError {
        #expect(!error.text.isEmpty)
        return error.code
    } catch { return "\(error)" }
}

@Suite struct ComponentTests {
    @Test("root, boot components and a calibration each go to their place; an unknown optional one is neither fetched nor written")
    func installs() throws {
        let release = try several()
        var store = empty(), world = World(bundle: release.bundle())
        #expect(try world.run(&store) == "2")
        #expect(try store.disk.contents == release.slot(size: slotSize, bootSize: bootSize))
        let layout = SlotLayout(size: slotSize, bootSize: bootSize)
        #expect(try verifySlot(&store, layout: layout, keys: signer.keys).payload == release.manifest)
        let last = BundleLayout(release.manifest.components).parts[4]
        #expect(world.bytes == last.offset && !world.fetched.contains { $0.upperBound > last.offset })
    }

    @Test("P-T1 an altered block of any component is refused, and found by the boot as well")
    func altered() throws {
        let release = try several(), bundle = release.bundle()
        let layout = BundleLayout(release.manifest.components)
        for part in layout.parts.dropLast() {
            for position in [0, part.blocks / 2, part.blocks - 1] {
                var store = empty(), world = World(bundle: bundle)
                world.bundle[part.offset(ofPosition: position) + 11] ^= 1
                #expect(code { _ = try world.run(&store) } == "bundle-block-altered")
                #expect(throws: SlotError.manifestArea(.erased)) { _ = try verifySlot(&store, keys: signer.keys) }
            }
        }
        let places = try SlotLayout(size: slotSize, bootSize: bootSize)!.offsets(of: release.manifest.components)
        for place in places.compactMap(\.self) {
            let disk = SimulatedDisk(contents: try release.slot(size: slotSize, bootSize: bootSize))
            disk.corrupt(at: place + 5)
            var store = SimulatedPartition(disk)
            #expect(throws: SlotError.image(.altered(.data(index: 0)))) {
                _ = try verifySlot(&store, layout: SlotLayout(size: slotSize, bootSize: bootSize), keys: signer.keys)
            }
        }
    }

    @Test("P-T1 a board without boot partitions, or with ones that are too small, refuses before it writes")
    func noPlace() throws {
        let release = try several()
        for (size, expected) in [(0, "component-unsupported"), (40960, "boot-partition-too-small")] {
            var store = SimulatedPartition(SimulatedDisk(size: slotSize + size)), world = World(bundle: release.bundle())
            #expect(code { _ = try world.run(&store) } == expected)
            #expect(store.disk.log.isEmpty)
        }
    }

    @Test("what is there already, in any of the components, is not fetched again")
    func resumes() throws {
        let release = try several(), layout = BundleLayout(release.manifest.components)
        let disk = SimulatedDisk(contents: try release.slot(size: slotSize, bootSize: bootSize))
        let places = try SlotLayout(size: slotSize, bootSize: bootSize)!.offsets(of: release.manifest.components)
        disk.corrupt(at: 7 * blockSize)
        disk.corrupt(at: places[1]! + 3 * blockSize)
        disk.place([UInt8](repeating: 0, count: ObjectArea.size), at: slotSize - ObjectArea.size)
        var store = SimulatedPartition(disk), world = World(bundle: release.bundle())
        #expect(try world.run(&store) == "2")
        #expect(try disk.contents == release.slot(size: slotSize, bootSize: bootSize))
        let wanted = [(0, 7), (1, 3)].map { number, block in
            let part = layout.parts[number]
            return part.offset(ofPosition: part.geometry.hashAreaBlocks + block)..<part.offset(ofPosition: part.geometry.hashAreaBlocks + block + 1)
        }
        #expect(Array(world.fetched.dropFirst()) == wanted)
    }

    @Test func contentIsReadBackToItsLastByte() throws {
        let release = try several()
        var store = SimulatedPartition(SimulatedDisk(contents: try release.slot(size: slotSize, bootSize: bootSize)))
        let places = try SlotLayout(size: slotSize, bootSize: bootSize)!.offsets(of: release.manifest.components)
        let calibration = release.manifest.components[3]
        #expect(try content(of: calibration, at: places[3]!, in: &store) == [UInt8](release.images[3].data[..<900]))
        store.disk.corrupt(at: places[3]! + 1)
        #expect(throws: VerityError.altered(.data(index: 0))) { _ = try content(of: calibration, at: places[3]!, in: &store) }
    }
}

@Suite struct ComponentPowerCuts {
    @Test("P-D2 P-T1 at every cut of an installation of several components the slot is whole or unbootable, and can be finished")
    func cuts() throws {
        let small: [(ComponentKind, Int)] = [(.root, 20 * 4096), (.kernel, 9000), (.calibration, 700)]
        let old = try SeveralComponents("1", small, seed: 11, signer: signer), new = try SeveralComponents("2", small, seed: 12, signer: signer)
        let layout = SlotLayout(size: slotSize, bootSize: bootSize)!
        let disk = SimulatedDisk(contents: try old.slot(size: slotSize, bootSize: bootSize))
        var store = SimulatedPartition(disk), world = World(bundle: new.bundle())
        #expect(try world.run(&store) == "2")
        var whole = 0, count = 0
        let cuts = try disk.forEachCut(reorderings: 1, tornStride: 24) { (cut, medium) throws in
            count += 1
            var after = SimulatedPartition(SimulatedDisk(contents: medium))
            if let found = try? verifySlot(&after, layout: layout, keys: signer.keys) {
                // The old one before its manifest went, the new one once its manifest is there.
                #expect(found.payload == old.manifest || found.payload == new.manifest, "\(cut)")
                whole += 1
            }
            guard count % 40 == 0 else { return }
            var again = World(bundle: new.bundle())
            #expect(try again.run(&after) == "2", "\(cut)")
            #expect(try after.disk.contents == new.slot(size: slotSize, bootSize: bootSize), "\(cut)")
        }
        print("several components: \(cuts) power cuts, \(whole) with a whole release")
        #expect(cuts > 60 && whole > 2 && whole < cuts)
    }
}

@Suite struct EncryptedBundleTests {
    @Test("an encrypted bundle becomes the same slot; a broken connection is taken up by range")
    func installs() throws {
        let release = try several(), recipient = try Recipient()
        let bundle = try release.encryptedBundle(recipient.contentKey, recipient.keys)
        #expect(bundle.count == BundleLayout(release.manifest.components, isEncrypted: true).size)
        for interruptAfter in [Int.max, 70_000, 98_304] {
            var store = empty(), world = World(bundle: bundle, recipient: recipient, interruptAfter: interruptAfter)
            #expect(try world.run(&store) == "2")
            #expect(try store.disk.contents == release.slot(size: slotSize, bootSize: bootSize))
        }
    }

    @Test("P-T1 no block of an encrypted bundle that was altered, or put in another's place, is written")
    func altered() throws {
        let release = try several(), recipient = try Recipient()
        let bundle = try release.encryptedBundle(recipient.contentKey, recipient.keys)
        let layout = BundleLayout(release.manifest.components, isEncrypted: true)
        for part in layout.parts.dropLast() {
            for position in [0, part.blocks - 1] {
                var store = empty(), world = World(bundle: bundle, recipient: recipient)
                world.bundle[part.offset(ofPosition: position) + part.stride - 1] ^= 1
                #expect(code { _ = try world.run(&store) } == "bundle-block-altered")
                #expect(throws: SlotError.manifestArea(.erased)) { _ = try verifySlot(&store, keys: signer.keys) }
            }
        }
        var store = empty(), world = World(bundle: try release.encryptedBundle(recipient.contentKey, recipient.keys, altered: 3), recipient: recipient)
        #expect(code { _ = try world.run(&store) } == "bundle-block-altered")
        // The blocks of another release under the same key.
        let other = try several(4)
        let foreign = try other.encryptedBundle(recipient.contentKey, recipient.keys)
        store = empty()
        world = World(bundle: [UInt8](bundle[..<131_072] + foreign[131_072...]), recipient: recipient)
        #expect(code { _ = try world.run(&store) } == "bundle-block-altered")
    }

    @Test("P-T1 without the device's key, or with altered keys, nothing is written")
    func keys() throws {
        let release = try several(), recipient = try Recipient()
        let bundle = try release.encryptedBundle(recipient.contentKey, recipient.keys)
        var store = empty(), world = World(bundle: bundle, recipient: nil)
        #expect(code { _ = try world.run(&store) } == "bundle-not-for-us")
        #expect(store.disk.log.isEmpty)
        world.bundle[65536 + 30] ^= 1
        #expect(code { _ = try world.run(&store) } == "bundle-keys-malformed")
        world.bundle[65536] ^= 1
        #expect(code { _ = try world.run(&store) } == "bundle-malformed")
        let encoded = recipient.keys.encoded()
        var altered = encoded
        altered[encoded.count - 1] ^= 1
        #expect("\(code { _ = try recipient.find(altered) } ?? "")".contains("unwrap"))
        #expect("\(code { _ = try Recipient().find(encoded) } ?? "")".contains("noRecipient"))
    }

    @Test("what is there already is found by the tree, in an encrypted bundle too")
    func resumes() throws {
        let release = try several(), recipient = try Recipient()
        let disk = SimulatedDisk(contents: try release.slot(size: slotSize, bootSize: bootSize))
        disk.corrupt(at: 7 * blockSize)
        disk.place([UInt8](repeating: 0, count: ObjectArea.size), at: slotSize - ObjectArea.size)
        var store = SimulatedPartition(disk)
        var world = World(bundle: try release.encryptedBundle(recipient.contentKey, recipient.keys), recipient: recipient)
        #expect(try world.run(&store) == "2")
        #expect(world.bytes == 2 * 65536 + BlockCipher.stride)
    }

    @Test("the overhead: 16 bytes a block and the keys, 0.4 % of an image of 4 MB and more")
    func overhead() throws {
        let kinds: [(ComponentKind, Int)] = [(.root, 1024 * 4096)]
        let release = try SeveralComponents("2", kinds, seed: 1, signer: signer)
        let plain = BundleLayout(release.manifest.components).size, sealed = BundleLayout(release.manifest.components, isEncrypted: true).size
        #expect(sealed - plain == 65536 + 16 * (1024 + 10))
        #expect(Double(sealed - plain - 65536) / Double(plain) < 0.004)
    }
}
