import Bytes
import Cryptography
import Release
import SeededRandom
import Signed
import SimulatedDisk
import SimulatedRelease
import Testing
import Verity

private let signer = try! SimulatedSigner()
private let release = try! SimulatedRelease("1.2.3", dataBlocks: 130, seed: 1, signer: signer)

@Suite struct ManifestTests {
    @Test func roundTrip() throws {
        let bytes = release.manifest.encoded()
        #expect(try Manifest(decoding: bytes.span.bytes) == release.manifest)
        let object = release.object
        let verified = try verify(object.span.bytes, as: Manifest.self, with: signer.keys)
        #expect(verified.payload == release.manifest)
        #expect(verified.signers == ["release-1"])
    }

    /// The encoded manifest as a map whose fields can be replaced.
    private func altered(_ change: (inout [(UInt64, [UInt8])]) -> Void) throws -> [UInt8] {
        var fields: [(UInt64, [UInt8])] = []
        let bytes = release.manifest.encoded()
        var reader = CBORReader(bytes.span.bytes)
        let count = try reader.map(maximum: 64)
        for _ in 0..<count {
            let key = try reader.unsigned()
            fields.append((key, reader.copied(try reader.skip())))
        }
        change(&fields)
        var writer = CBORWriter()
        writer.map(fields.count)
        for (key, item) in fields {
            writer.unsigned(key)
            writer.raw(item)
        }
        return writer.bytes
    }

    private func refusal(_ change: (inout [(UInt64, [UInt8])]) -> Void) throws -> String? {
        let bytes = try altered(change)
        do {
            _ = try Manifest(decoding: bytes.span.bytes)
            return nil
        } catch { return error.code }
    }

    @Test func unknownOptionalFieldsAreKept() throws {
        let bytes = try altered { $0.append((64, [0x83, 1, 2, 3])); $0.append((1000, [0x61, 0x61])) }
        let manifest = try Manifest(decoding: bytes.span.bytes)
        #expect(manifest.optionalFields.map(\.key) == [64, 1000])
        #expect(manifest.encoded() == bytes)
    }

    @Test func unknownCriticalFieldsAreUnsupported() throws {
        #expect(try refusal { $0.append((10, [1])) } == "unsupported")
        #expect(try refusal { $0.append((63, [1])) } == "unsupported")
        #expect(try refusal { $0[0].1 = [2] } == "unsupported", "another format")
    }

    @Test func everyFieldIsRequired() throws {
        for key in 0..<9 { #expect(try refusal { $0.remove(at: key) } == "payload-malformed") }
    }

    @Test func boundsAreHeld() throws {
        func text(_ value: String) -> [UInt8] {
            var writer = CBORWriter()
            writer.text(value)
            return writer.bytes
        }
        #expect(try refusal { $0[1].1 = text("") } != nil)
        #expect(try refusal { $0[1].1 = text("a/b") } != nil)
        #expect(try refusal { $0[1].1 = text("a b") } != nil)
        #expect(try refusal { $0[3].1 = text(String(repeating: "r", count: 65)) } != nil)
        #expect(try refusal { $0[3].1 = text(String(repeating: "r", count: 64)) } == nil)
        #expect(try refusal { $0[7].1 = text(String(repeating: "n", count: 4097)) } != nil)
        #expect(try refusal { $0[2].1 = [0x82, 2, 1] } != nil, "revisions that contradict themselves")
        #expect(try refusal { $0[6].1 = [0x80] } != nil, "no component")
        #expect(try refusal { $0[8].1 = [0xA3, 1, 5, 2, 0xF5, 3, 4] } != nil, "a gate that can't be passed")
        #expect(try refusal { fields in for key in 0..<17 { fields.append((UInt64(64 + key), [1])) } } != nil)
        #expect(try refusal { $0.append((64, text(String(repeating: "x", count: 1100)))) } != nil)
    }

    @Test func everyTruncationIsRefused() {
        let bytes = release.manifest.encoded()
        for length in 0..<bytes.count {
            #expect(throws: PayloadError.self) { _ = try Manifest(decoding: bytes.span.bytes.extracting(0..<length)) }
        }
    }

    @Test("P-T1 mutated manifests never trap, and what is read encodes to the same bytes")
    func mutated() {
        var random = Seeded(6)
        let good = release.manifest.encoded()
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0...random.next() % 3 { bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next()) }
            if let manifest = try? Manifest(decoding: bytes.span.bytes) { #expect(manifest.encoded() == bytes) }
        }
    }
}

@Suite struct LayoutTests {
    @Test func bundlePlaces() {
        let bundle = release.bundle(), layout = release.layout
        #expect(bundle.count == layout.end && layout.end == BundleLayout(release.manifest.components).size)
        #expect(layout.block(at: 0) == .superblock)
        #expect(layout.block(at: 1) == .tree(level: 2, index: 0))
        #expect(layout.block(at: 2) == .tree(level: 1, index: 0))
        #expect(layout.block(at: 4) == .data(index: 0))
        #expect(layout.block(at: layout.blocks) == nil)
        for position in 0..<layout.blocks {
            let at = layout.offset(ofPosition: position)
            let place = release.manifest.root.geometry.offset(of: layout.block(at: position)!)
            let image = release.data + release.hashArea
            #expect(bundle[at..<at + blockSize] == image[place..<place + blockSize])
        }
    }

    @Test func slotHoldsExactlyWhatFits() throws {
        let geometry = release.manifest.root.geometry
        let least = geometry.imageSize + ObjectArea.size
        #expect(try #require(SlotLayout(size: least)).offsets(of: release.manifest.components) == [0])
        #expect(throws: LayoutRefusal.slotTooSmall(neededBytes: geometry.imageSize, presentBytes: geometry.imageSize - blockSize)) {
            try SlotLayout(size: least - blockSize)!.offsets(of: release.manifest.components)
        }
        #expect(SlotLayout(size: least + 1) == nil)
        #expect(SlotLayout(size: 0) == nil)
    }
}

@Suite struct ObjectAreaTests {
    private let area = ObjectArea(magic: "PENSLOT1")

    @Test func roundTrip() throws {
        for count in [1, 1000, ObjectArea.objectMaximum] {
            let object = [UInt8](repeating: 7, count: count)
            let bytes = try #require(area.encoded(object))
            #expect(bytes.count == ObjectArea.size)
            #expect(try area.object(in: bytes.span.bytes) == object)
        }
        #expect(area.encoded([]) == nil)
        #expect(area.encoded([UInt8](repeating: 7, count: ObjectArea.objectMaximum + 1)) == nil)
    }

    private func refusal(_ bytes: [UInt8]) -> ObjectAreaError? {
        do throws(ObjectAreaError) {
            _ = try area.object(in: bytes.span.bytes)
            return nil
        } catch { return error }
    }

    @Test func refusals() throws {
        let good = try #require(area.encoded([1, 2, 3]))
        #expect(refusal([UInt8](good[1...])) == .size)
        #expect(refusal([UInt8](repeating: 0, count: ObjectArea.size)) == .erased)
        #expect(refusal(ObjectArea(magic: "PENBNDL1").encoded([1])!) == .magic)
        var bytes = good
        bytes[8] = 0xFF
        #expect(refusal(bytes) == .length)
        bytes = good
        bytes[11] = 0
        #expect(refusal(bytes) == .length)
        bytes = good
        bytes[ObjectArea.size - 1] = 1
        #expect(refusal(bytes) == .padding)
    }
}

@Suite struct SlotVerificationTests {
    private func verdict(_ disk: SimulatedDisk, _ keys: KeySet = signer.keys) -> String? {
        var store = SimulatedPartition(disk)
        do throws(SlotError) {
            _ = try verifySlot(&store, keys: keys)
            return nil
        } catch { return error.code }
    }

    private func disk() -> SimulatedDisk { SimulatedDisk(contents: release.slot(size: 1 << 20)) }

    @Test func soundSlot() { #expect(verdict(disk()) == nil) }

    @Test("P-T1 an altered image, manifest or foreign signature is refused")
    func attacks() throws {
        let image = disk()
        image.corrupt(at: 100 * blockSize)
        #expect(verdict(image) == "slot-data-block-altered")
        let manifest = disk()
        manifest.corrupt(at: (1 << 20) - ObjectArea.size + 100)
        #expect(verdict(manifest)?.hasPrefix("slot-manifest-") == true)
        let erased = disk()
        erased.place([UInt8](repeating: 0, count: ObjectArea.size), at: (1 << 20) - ObjectArea.size)
        #expect(verdict(erased) == "slot-empty")
        #expect(verdict(disk(), try SimulatedSigner().keys) == "slot-manifest-key-unknown")
    }

    @Test("P-T1 a manifest that names an image reaching into the manifest area is refused")
    func tooLarge() throws {
        let small = SimulatedDisk(contents: [UInt8](disk().contents[(512 << 10)...]))
        #expect(verdict(small) == "slot-too-small")
    }
}
