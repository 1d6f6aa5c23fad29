// The keys of an encrypted bundle: vectors of the standards, and every way in which they are refused.
import Bytes
import Cryptography
import Release
import SeededRandom
import Signed
import SimulatedDisk
import Testing

private func hex(_ text: String) -> [UInt8] { Bytes.bytes(hexadecimal: text)! }

@Suite struct KeyWrapTests {
    @Test("RFC 3394, 4.6: 256 bits of key under 256 bits")
    func vector() throws {
        let wrapping = hex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F")
        let key = hex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")
        let wrapped = hex("28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21")
        #expect(try wrapKey(key, under: wrapping) == wrapped)
        #expect(unwrapKey(wrapped, under: wrapping) == key)
        for at in wrapped.indices {
            var altered = wrapped
            altered[at] ^= 0x80
            #expect(unwrapKey(altered, under: wrapping) == nil)
        }
        #expect(unwrapKey(wrapped, under: key) == nil && unwrapKey([], under: wrapping) == nil)
    }

    @Test("RFC 5869, A.3 (no salt, no information): the first 32 bytes")
    func derivation() {
        let secret = [UInt8](repeating: 0x0B, count: 22), none: [UInt8] = []
        #expect(hexadecimal(deriveKey(secret: secret.span.bytes, information: none.span.bytes)) == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")
    }

    @Test func bothSidesAgree() throws {
        let one = try PrivateKey.generate(.es256), other = try PrivateKey.generate(.es256), edwards = try PrivateKey.generate(.ed25519)
        let secret = try one.agree(with: other.publicKey)
        #expect(try other.agree(with: one.publicKey) == secret && secret.count == 32)
        #expect(throws: CryptographyError.notAKey) { _ = try one.agree(with: edwards.publicKey) }
        #expect(throws: CryptographyError.notAKey) { _ = try one.agree(with: .es256([UInt8](repeating: 1, count: 64))) }
    }
}

@Suite struct BundleKeysTests {
    private let contentKey = randomBytes(32), fleet = randomBytes(32)

    private func keys(_ device: borrowing PrivateKey) throws -> BundleKeys {
        BundleKeys(recipients: [
            try .fleet(key: fleet, contentKey: contentKey),
            try .device(device.publicKey, keyIdentifier: device.publicKey.keyIdentifier, contentKey: contentKey),
        ])!
    }

    @Test func eachRecipientFindsTheKey() throws {
        let device = try PrivateKey.generate(.es256)
        let made = try keys(device), encoded = made.encoded()
        let read = try BundleKeys(decoding: encoded.span.bytes)
        #expect(read == made && read.encoded() == encoded)
        #expect(try read.contentKey(fleet: fleet) == contentKey)
        #expect(throws: BundleKeysError.noRecipient) { _ = try read.contentKey(fleet: contentKey) }
        let found = try read.contentKey(device: device.publicKey.keyIdentifier) { point in try device.agree(with: .es256(point)) }
        #expect(try found.get() == contentKey)
        let wrong = read.contentKey(device: device.publicKey.keyIdentifier) { _ in [UInt8](repeating: 0, count: 32) }
        #expect(throws: BundleKeysError.unwrap) { _ = try wrong.get() }
        #expect(BundleKeys(recipients: []) == nil)
    }

    @Test("C-T1 keys cut anywhere are refused; mutated ones never trap, and what is read encodes to the same bytes")
    func hostile() throws {
        let device = try PrivateKey.generate(.es256)
        let encoded = try keys(device).encoded()
        for length in encoded.indices { #expect(throws: BundleKeysError.self) { _ = try BundleKeys(decoding: encoded.span.bytes.extracting(0..<length)) } }
        var random = Seeded(5)
        for _ in 0..<20_000 {
            var altered = encoded
            for _ in 0...random.next() % 3 { altered[Int(random.next() % UInt64(altered.count))] = UInt8(truncatingIfNeeded: random.next()) }
            if let read = try? BundleKeys(decoding: altered.span.bytes) { #expect(read.encoded() == altered) }
        }
    }
}
