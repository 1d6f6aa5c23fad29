// The components of a manifest: which may stand there, and what becomes of kinds that are not known.
import Bytes
import Release
import Signed
import SimulatedDisk
import SimulatedRelease
import Testing
import Verity

private let signer = try! SimulatedSigner()

private func manifest(_ kinds: [(ComponentKind, Int)]) throws -> Manifest { try SeveralComponents("1", kinds, seed: 8, signer: signer).manifest }

private func code(_ kinds: [(ComponentKind, Int)]) -> String? {
    do {
        _ = try manifest(kinds)
        return nil
    } catch let error as PayloadError { return error.code } catch { return "\(error)" }
}

@Suite struct ManifestComponentTests {
    @Test func everyKindComesBack() throws {
        let kinds: [(ComponentKind, Int)] = [(.root, 8192), (.kernel, 5000), (.initramfs, 1), (.unifiedKernel, 4096), (.calibration, 700), (.other(64), 9), (.other(1 << 40), 9)]
        let made = try manifest(kinds)
        let bytes = made.encoded()
        let read = try Manifest(decoding: bytes.span.bytes)
        #expect(read == made && read.components.map(\.byteCount) == kinds.map(\.1))
        for number in 0..<70 as Range<UInt64> { #expect(ComponentKind(number: number)?.number ?? number == number) }
        #expect(ComponentKind(number: 5) == nil && ComponentKind(number: 63) == nil)
    }

    @Test func whatCannotBe() {
        #expect(code([(.kernel, 5000)]) == "payload-malformed", "no root")
        #expect(code([(.root, 5000)]) == "payload-malformed", "a root that ends within a block")
        #expect(code([(.root, 4096), (.root, 4096)]) == "payload-malformed")
        #expect(code([(.root, 4096), (.initramfs, 1), (.kernel, 1)]) == "payload-malformed", "out of order")
        #expect(code([(.root, 4096), (.calibration, Manifest.calibrationMaximum + 1)]) == "payload-malformed")
        #expect(code([(.root, 4096), (.calibration, Manifest.calibrationMaximum)]) == nil)
        #expect(code([(.root, 4096)] + (64..<72).map { (.other($0), 1) }) == "payload-malformed", "more than eight")
    }

    @Test("a critical kind that is not known refuses the manifest as unsupported")
    func critical() throws {
        var bytes = try manifest([(.root, 4096), (.calibration, 1)]).encoded()
        let known = Array([0xA5, 0x01, 0x04]) as [UInt8]
        let at = try #require((0..<bytes.count - 3).first { Array(bytes[$0..<$0 + 3]) == known })
        bytes[at + 2] = 5
        #expect { _ = try Manifest(decoding: bytes.span.bytes) } throws: { ($0 as? PayloadError)?.code == "unsupported" }
    }

    @Test func aContentAndItsTreeMustFit() throws {
        let component = try manifest([(.root, 8192)]).components[0]
        #expect(Component(kind: .kernel, byteCount: 4097, identity: component.identity) != nil)
        #expect(Component(kind: .kernel, byteCount: 4096, identity: component.identity) == nil)
        #expect(Component(kind: .kernel, byteCount: 8193, identity: component.identity) == nil)
        #expect(Component(kind: .kernel, byteCount: 0, identity: component.identity) == nil)
    }
}
