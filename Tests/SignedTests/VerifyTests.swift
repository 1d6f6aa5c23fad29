// The verifier: what it grants, and every way in which it must refuse.
import Bytes
import Cryptography
import SeededRandom
import Testing
@testable import Signed

private func check(_ object: [UInt8], _ keys: KeySet) throws(SignedError) -> Verified<Order> {
    try verify(object.span.bytes, as: Order.self, with: keys)
}

/// The code of the refusal; nil if it was granted.
private func refusal(_ object: [UInt8], _ keys: KeySet) -> String? {
    do throws(SignedError) {
        _ = try check(object, keys)
        return nil
    } catch {
        #expect(!error.text.isEmpty)
        return error.code
    }
}

private func refusal(_ object: SignedObject, _ keys: KeySet) -> String? { refusal(object.encoded(), keys) }

/// An object put together by hand: headers as given, signatures over whatever they say.
private func forged(_ purpose: Purpose = .command, body: [UInt8]? = nil, unprotected: [UInt8] = [0xA0], payload: [UInt8] = [7],
                    signer: [UInt8]? = nil, signerUnprotected: [UInt8] = [0xA0], by key: Key = Sample.operatorAnn, copies: Int = 1) throws -> [UInt8] {
    let model = try Sample.object(payload, purpose, [key])
    let body = body ?? model.protected, signer = signer ?? model.signatures[0].protected
    var structure = CBORWriter()
    structure.array(5)
    structure.text("Signature")
    structure.bytes(body); structure.bytes(signer); structure.bytes([]); structure.bytes(payload)
    let signature = try PrivateKey(pem: key.pem).sign(structure.bytes.span.bytes)
    var writer = CBORWriter()
    writer.tag(98); writer.array(4)
    writer.bytes(body); writer.raw(unprotected); writer.bytes(payload)
    writer.array(copies)
    for _ in 0..<copies { writer.array(3); writer.bytes(signer); writer.raw(signerUnprotected); writer.bytes(signature) }
    return writer.bytes
}

/// A header: pairs that are encoded already.
private func header(_ pairs: [([UInt8], [UInt8])]) -> [UInt8] {
    var writer = CBORWriter()
    writer.map(pairs.count)
    for (label, value) in pairs { writer.raw(label); writer.raw(value) }
    return writer.bytes
}

private func text(_ value: String) -> [UInt8] { var w = CBORWriter(); w.text(value); return w.bytes }
private func bytes(_ value: [UInt8]) -> [UInt8] { var w = CBORWriter(); w.bytes(value); return w.bytes }
private let ann = Sample.operatorAnn.publicKey.keyIdentifier
private let commandType = text(Purpose.command.contentType)

@Suite struct VerifyTests {
    @Test func granted() throws {
        let object = try Sample.object(Order(42).encoded(), .command, [Sample.operatorAnn])
        let verified = try check(object.encoded(), Sample.keySet())
        #expect(verified.payload == Order(42))
        #expect(verified.signers == ["ann"])
        #expect(verified.payloadDigest == SHA256.hash(Order(42).encoded()))
    }

    @Test("P-S2 unsigned, foreign-signed, and signed by a key without that right")
    func whoSigned() throws {
        let keys = try Sample.keySet()
        #expect(refusal(SignedObject(payload: [7], purpose: .command), keys) == "signature-missing")
        #expect(refusal(try Sample.object([7], .command, [Sample.stranger]), keys) == "key-unknown")
        #expect(refusal(try Sample.object([7], .command, [Sample.release]), keys) == "key-purpose")
        #expect(refusal(try Sample.object([7], .command, [Sample.operatorAnn, Sample.stranger]), keys) == "key-unknown")
        // A stranger who writes ann's name on it.
        let signer = header([([1], [0x27]), ([4], bytes(ann))])
        #expect(refusal(try forged(signer: signer, by: Key(.ed25519)), keys) == "signature-invalid")
    }

    @Test("P-S2 one kind is no other: a signature over a manifest is none over a command")
    func purpose() throws {
        let keys = try Sample.keySet()
        #expect(refusal(try Sample.object([7], .manifest, [Sample.release, Sample.second]), keys) == "purpose-wrong")
        // The content type swapped after signing.
        let object = try Sample.object([7], .calibration, [Sample.operatorAnn])
        var swapped = SignedObject(payload: [7], purpose: .command)
        swapped.add(signature: object.signatures[0].bytes, by: Sample.operatorAnn.publicKey)
        #expect(refusal(swapped, keys) == "signature-invalid")
        #expect(refusal(try forged(body: header([])), keys) == "purpose-wrong")
        #expect(refusal(try forged(body: header([([3], text("application/cbor"))])), keys) == "purpose-wrong")
    }

    @Test("P-S2 signatures put in another order name the same signers")
    func order() throws {
        let keys = try Sample.keySet(), next = try Sample.keySet(version: 2).encoded()
        for signers in [[Sample.release, Sample.second], [Sample.second, Sample.release]] {
            let object = try Sample.object(next, .keySet, signers).encoded()
            #expect(try verify(object.span.bytes, as: KeySet.self, with: keys).signers == ["release", "second"])
        }
    }

    @Test("P-S2 thresholds: too few, the same key twice, one bad among good")
    func thresholds() throws {
        let keys = try Sample.keySet()
        let next = try Sample.keySet(version: 2)
        func successor(_ object: SignedObject) -> String? {
            do throws(SignedError) {
                let bytes = object.encoded()
                _ = try verifySuccessor(bytes.span.bytes, of: keys)
                return nil
            } catch { return error.code }
        }
        #expect(successor(try Sample.object(next.encoded(), .keySet, [Sample.release])) == "threshold-unmet")
        #expect(successor(try Sample.object(next.encoded(), .keySet, [Sample.release, Sample.second])) == nil)
        #expect(successor(try Sample.object(try Sample.keySet(version: 1).encoded(), .keySet, [Sample.release, Sample.second])) == "version-old")
        #expect(refusal(try forged(copies: 2), keys) == nil, "a key twice is one signer, enough where one is")
        let doubled = try forged(.keySet, payload: next.encoded(), by: Sample.release, copies: 2)
        #expect(throws: SignedError.thresholdUnmet(.keySet, signers: 1, needed: 2)) {
            _ = try verify(doubled.span.bytes, as: KeySet.self, with: keys)
        }
        #expect(refusal(try forged(copies: 9), keys) == "signatures-too-many")
        #expect(refusal(try forged(copies: 8), keys) == nil)
        let nobody = try KeySet(version: 1, entries: [.init(name: "ann", key: Sample.operatorAnn.publicKey, purposes: [.command])], thresholds: [])
        #expect(refusal(try forged(), nobody) == "threshold-unmet")
    }

    @Test("C-T1 headers: critical, unprotected, out of order, of another algorithm")
    func headers() throws {
        let keys = try Sample.keySet()
        #expect(refusal(try forged(), keys) == nil)
        let critical: ([UInt8], [UInt8]) = ([2], [0x81, 0x18, 0x63])
        #expect(refusal(try forged(body: header([critical, ([3], commandType)])), keys) == "header-critical")
        #expect(refusal(try forged(signer: header([([1], [0x27]), critical, ([4], bytes(ann))])), keys) == "header-critical")
        #expect(refusal(try forged(body: header([([3], commandType), ([0x18, 0x63], [1])])), keys) == nil, "unknown, not critical, signed over")
        #expect(refusal(try forged(body: header([([0x18, 0x63], [1]), ([3], commandType)])), keys) == "malformed")
        #expect(refusal(try forged(body: header([([3], commandType), ([3], commandType)])), keys) == "malformed")
        #expect(refusal(try forged(body: header([([3], text("a\nb"))])), keys) == "malformed")
        #expect(refusal(try forged(unprotected: [0xA1, 0x03, 0x01]), keys) == "malformed")
        #expect(refusal(try forged(signerUnprotected: [0xA1, 0x03, 0x01]), keys) == "malformed")
        #expect(refusal(try forged(signer: header([([1], [0x26]), ([4], bytes(ann))])), keys) == "algorithm-wrong")
        #expect(refusal(try forged(signer: header([([4], bytes(ann))])), keys) == "malformed")
        #expect(refusal(try forged(signer: header([([1], [0x27])])), keys) == "malformed")
        #expect(refusal(try forged(payload: [0x61, 0x41]), keys) == "payload-malformed")
        #expect(refusal(try forged(payload: [UInt8](repeating: 0, count: SignedObject.byteMaximum)), keys) == "oversized")
        #expect(refusal(try forged() + [0], keys) == "malformed")
        #expect(refusal([], keys) == "malformed")
    }

    @Test("C-T1 P-S2 a signed object with any byte altered, cut or added is refused")
    func everyByte() throws {
        let keys = try Sample.keySet()
        let object = try Sample.object(try Sample.keySet(version: 2).encoded(), .keySet, [Sample.release, Sample.second]).encoded()
        func grants(_ bytes: [UInt8]) -> Bool { (try? verify(bytes.span.bytes, as: KeySet.self, with: keys)) != nil }
        #expect(grants(object))
        for at in object.indices {
            for bit in 0..<8 {
                var altered = object
                altered[at] ^= 1 << bit
                #expect(!grants(altered), "bit \(bit) of byte \(at)")
            }
            #expect(!grants(Array(object[..<at])), "cut at \(at)")
            #expect(!grants(Array(object[..<at] + [0] + object[at...])), "a byte added at \(at)")
        }
    }

    @Test("C-T1 seeded mutations, several at once: refused, never a trap", arguments: [1, 2, 3, 4] as [UInt64])
    func fuzz(seed: UInt64) throws {
        var random = Seeded(seed)
        let keys = try Sample.keySet()
        let object = try Sample.object(Order(42).encoded(), .command, [Sample.operatorAnn]).encoded()
        for round in 0..<4000 {
            var altered = object
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                let at = Int.random(in: 0..<altered.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: altered[at] = UInt8.random(in: 0...255, using: &random)
                case 1: altered.remove(at: at)
                case 2: altered.insert(UInt8.random(in: 0...255, using: &random), at: at)
                default: altered.replaceSubrange(at..<min(at + 9, altered.count), with: [0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
                }
            }
            if altered != object { #expect(refusal(altered, keys) != nil, "seed \(seed), round \(round)") }
        }
    }
}

@Suite struct KeySetTests {
    @Test func roundTrip() throws {
        let set = try Sample.keySet(version: 3)
        let bytes = set.encoded()
        #expect(try KeySet(decoding: bytes.span.bytes) == set)
        #expect(set.threshold(.manifest) == 2)
        #expect(set.threshold(.calibration) == nil)
    }

    @Test func invalidSetsAreRefused() throws {
        let release = KeySet.Entry(name: "release", key: Sample.release.publicKey, purposes: [.manifest])
        let twin = KeySet.Entry(name: "twin", key: Sample.release.publicKey, purposes: [.manifest])
        let namesake = KeySet.Entry(name: "release", key: Sample.second.publicKey, purposes: [.manifest])
        func code(_ entries: [KeySet.Entry], _ thresholds: [(Purpose, Int)] = []) -> String? {
            do throws(PayloadError) {
                _ = try KeySet(version: 1, entries: entries, thresholds: thresholds)
                return nil
            } catch { return error.code }
        }
        #expect(code([release], [(.manifest, 1)]) == nil)
        #expect(code([release], [(.manifest, 2)]) == "key-set-invalid")
        #expect(code([release], [(.manifest, 0)]) == "key-set-invalid")
        #expect(code([release], [(.command, 1)]) == "key-set-invalid")
        #expect(code([release, twin]) == "key-set-invalid")
        #expect(code([release, namesake]) == "key-set-invalid")
        #expect(code([]) == "key-set-invalid")
        #expect(code([.init(name: "Release 1", key: Sample.second.publicKey, purposes: [])]) == "key-set-invalid")
        #expect(code((0..<17).map { .init(name: "key-\($0)", key: Key(.ed25519).publicKey, purposes: []) }) == "key-set-invalid")
    }

    @Test("C-T1 a key set cut at any length or mutated never traps, and what it decodes to encodes back to it")
    func fuzz() throws {
        var random = Seeded(11)
        let bytes = try Sample.keySet().encoded()
        func decode(_ bytes: [UInt8]) -> KeySet? { try? KeySet(decoding: bytes.span.bytes) }
        for count in 0..<bytes.count { #expect(decode(Array(bytes[..<count])) == nil) }
        for _ in 0..<20_000 {
            var altered = bytes
            for _ in 0...Int.random(in: 0..<3, using: &random) { altered[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random) }
            if let set = decode(altered) { #expect(set.encoded() == altered) }
        }
    }

    @Test("RFC 9679, 6.1: the thumbprint of its example key")
    func thumbprint() throws {
        let x = Bytes.bytes(hexadecimal: "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d")!
        let y = Bytes.bytes(hexadecimal: "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c")!
        #expect(try PublicKey(.es256, x + y).thumbprint.hexadecimal == "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec")
    }
}
