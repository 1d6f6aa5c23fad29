// Vectors from the standards for every primitive, and the attacks on each.
import Bytes
import Cryptography
import Testing

// `#expect` can't take spans apart: these take arrays.
extension PublicKey {
    func verify(_ signature: [UInt8], _ message: [UInt8]) -> Bool { verify(signature: signature, message: message.span.bytes) }
}

private func equal(_ a: [UInt8], _ b: [UInt8]) -> Bool { constantTimeEqual(a.span.bytes, b.span.bytes) }

private func open(_ key: borrowing SealingKey, _ sealed: [UInt8], _ nonce: [UInt8], _ associated: [UInt8]) -> [UInt8]? {
    key.open(sealed.span.bytes, nonce: nonce, associated: associated.span.bytes)
}

private func unhex(_ text: String) -> [UInt8] { Bytes.bytes(hexadecimal: text)! }

@Suite struct PrimitivesTests {
    @Test("SHA-256: FIPS 180-4 vectors")
    func digest() {
        #expect(SHA256.hash(Array("abc".utf8)).hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(SHA256.hash([]).hexadecimal == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        var hash = SHA256()
        for _ in 0..<1000 { hash.update([UInt8](repeating: 97, count: 1000).span.bytes) }
        #expect(hash.finalize().hexadecimal == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
        let salt = [UInt8](repeating: 7, count: 32), block = [UInt8](repeating: 9, count: 4096)
        let salted = SHA256.hash(salt.span.bytes, block.span.bytes)
        #expect(salted == SHA256.hash(salt + block))
    }

    @Test func digestBytesRoundTrip() {
        let digest = SHA256.hash(Array("abc".utf8))
        #expect(Digest(digest.bytes) == digest)
        #expect(Digest(Array(digest.bytes.dropLast())) == nil)
        #expect(Digest(digest.bytes + [0]) == nil)
        #expect(Digest.zero.bytes == [UInt8](repeating: 0, count: 32))
        #expect(Digest.zero != digest)
    }

    @Test("HMAC-SHA256: RFC 4231 cases 1, 2 and 6")
    func hmac() {
        func mac(_ key: [UInt8], _ message: String) -> String {
            hmacSHA256(key: key.span.bytes, Array(message.utf8).span.bytes).hexadecimal
        }
        #expect(mac([UInt8](repeating: 0x0b, count: 20), "Hi There") == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        #expect(mac(Array("Jefe".utf8), "what do ya want for nothing?") == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(mac([UInt8](repeating: 0xaa, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First")
            == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test func constantTime() {
        #expect(equal([1, 2, 3], [1, 2, 3]))
        #expect(!equal([1, 2, 3], [1, 2, 4]))
        #expect(!equal([1, 2, 3], [1, 2]))
        #expect(equal([], []))
    }

    @Test func randomBytesDiffer() {
        #expect(randomBytes(32).count == 32)
        #expect(randomBytes(32) != randomBytes(32))
        #expect(randomBytes(0) == [])
    }

    @Test("S-TRID1 sealed data: AES-256-GCM vector 15 of the GCM specification; any flipped bit is refused")
    func sealing() throws {
        let key = try SealingKey(unhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"))
        let plain = unhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255")
        let nonce = unhex("cafebabefacedbaddecaf888")
        let none: [UInt8] = []
        let sealed = try key.seal(plain.span.bytes, nonce: nonce, associated: none.span.bytes)
        #expect(hexadecimal(sealed) == "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad" + "b094dac5d93471bdec1a502270e3cc6c")
        #expect(open(key, sealed, nonce, none) == plain)
        let associated: [UInt8] = [1, 2, 3]
        let bound = try key.seal(plain.span.bytes, nonce: nonce, associated: associated.span.bytes)
        #expect(open(key, bound, nonce, associated) == plain)
        #expect(open(key, bound, nonce, none) == nil)
        for i in 0..<bound.count * 8 {
            var altered = bound
            altered[i / 8] ^= 1 << (i % 8)
            #expect(open(key, altered, nonce, associated) == nil)
        }
        for count in 0..<bound.count {
            #expect(open(key, Array(bound[..<count]), nonce, associated) == nil)
        }
        let empty = try key.seal(none.span.bytes, nonce: nonce, associated: associated.span.bytes)
        #expect(open(key, empty, nonce, associated) == [])
        #expect(throws: CryptographyError.notAKey) { _ = try SealingKey([1, 2, 3]) }
    }
}

@Suite struct KeyTests {
    @Test("Ed25519: RFC 8032, 7.1, test 2")
    func ed25519Vector() throws {
        let key = try PublicKey(.ed25519, unhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"))
        let signature = unhex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
        #expect(key.verify(signature, [0x72]))
        #expect(!key.verify(signature, [0x73]))
    }

    @Test("ES256: RFC 6979, A.2.5, message 'sample'")
    func es256Vector() throws {
        let key = try PublicKey(.es256, unhex("60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6" + "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"))
        let signature = unhex("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716" + "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8")
        #expect(key.verify(signature, Array("sample".utf8)))
        #expect(!key.verify(signature, Array("Sample".utf8)))
    }

    @Test("C-T1 a signature with any bit flipped, cut or lengthened is refused", arguments: [SignatureAlgorithm.es256, .ed25519])
    func signatures(algorithm: SignatureAlgorithm) throws {
        let key = try PrivateKey.generate(algorithm)
        let publicKey = key.publicKey
        let message = Array("open the inlet to 40 %".utf8)
        let signature = try key.sign(message.span.bytes)
        #expect(signature.count == 64)
        #expect(publicKey.verify(signature, message))
        for bit in 0..<512 {
            var altered = signature
            altered[bit / 8] ^= 1 << (bit % 8)
            #expect(!publicKey.verify(altered, message))
        }
        #expect(!publicKey.verify(Array(signature.dropLast()), message))
        #expect(!publicKey.verify(signature + [0], message))
        #expect(!publicKey.verify([UInt8](repeating: 0, count: 64), message))
        let otherPublicKey = try PrivateKey.generate(algorithm).publicKey
        #expect(!otherPublicKey.verify(signature, message))
        let none: [UInt8] = []
        let overNothing = try key.sign(none.span.bytes)
        #expect(publicKey.verify(overNothing, none))
    }

    @Test(arguments: [SignatureAlgorithm.es256, .ed25519])
    func pemRoundTrip(algorithm: SignatureAlgorithm) throws {
        let key = try PrivateKey.generate(algorithm)
        let pem = try key.pem()
        #expect(String(decoding: pem, as: UTF8.self).hasPrefix("-----BEGIN PRIVATE KEY-----"))
        let again = try PrivateKey(pem: pem)
        #expect(again.publicKey == key.publicKey)
        let message: [UInt8] = [1, 2, 3]
        #expect(key.publicKey.verify(try again.sign(message.span.bytes), message))
        #expect(try PublicKey(pem: key.publicKey.pem()) == key.publicKey)
        #expect(throws: CryptographyError.notPEM) { _ = try PrivateKey(pem: Array(pem[..<60])) }
        #expect(throws: CryptographyError.notPEM) { _ = try PrivateKey(pem: []) }
    }

    @Test func badKeysAreRefused() throws {
        #expect(throws: CryptographyError.notAKey) { _ = try PublicKey(.es256, [UInt8](repeating: 1, count: 64)) }
        #expect(throws: CryptographyError.notAKey) { _ = try PublicKey(.es256, [UInt8](repeating: 0, count: 63)) }
        #expect(throws: CryptographyError.notAKey) { _ = try PublicKey(.ed25519, [UInt8](repeating: 1, count: 31)) }
        #expect(!PublicKey.es256([1]).verify([UInt8](repeating: 1, count: 64), [1]))
    }

    @Test func derConversion() {
        var raw = [UInt8](repeating: 0xFF, count: 64)
        #expect(ecdsaRaw(der: ecdsaDER(raw)!) == raw)
        raw = [UInt8](repeating: 0, count: 31) + [1] + [UInt8](repeating: 0, count: 31) + [0x80]
        let der = ecdsaDER(raw)!
        #expect(der == [0x30, 7, 2, 1, 1, 2, 2, 0, 0x80])
        #expect(ecdsaRaw(der: der) == raw)
        #expect(ecdsaRaw(der: der + [0]) == nil)
        for count in 0..<der.count { #expect(ecdsaRaw(der: Array(der[..<count])) == nil) }
        #expect(ecdsaDER([1, 2]) == nil)
    }
}
