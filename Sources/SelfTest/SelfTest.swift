// Duty: known answers for what this binary must never get wrong, run on the machine it will run on:
// hashes, signatures, sealing, CBOR, the tree, the envelope.
// Trust: none needed. Must never pass by comparing a thing with itself: each answer has its source.
import Bytes
import Calibration
import Control
import Cryptography
import Verity

/// Runs every check and tells `report` its name and whether it held. True if all did.
public func selfTest(_ report: (String, Bool) -> Void) -> Bool {
    var all = true
    func check(_ name: String, _ holds: Bool) {
        report(name, holds)
        all = all && holds
    }
    // FIPS 180-4, the example "abc".
    check("sha-256", SHA256.hash(Array("abc".utf8)).hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    check("es256", signatureHolds(.es256, sampleP256))
    check("es256 refuses an altered signature", !signatureHolds(.es256, sampleP256.altered))
    check("ed25519", signatureHolds(.ed25519, sampleEd25519))
    check("ed25519 refuses an altered signature", !signatureHolds(.ed25519, sampleEd25519.altered))
    check("aes-256-gcm", sealingHolds())
    check("cbor", cborHolds())
    check("cbor refuses what is not deterministic", cborRefuses())
    check("merkle tree", treeHolds())
    envelope(check)
    return all
}

// MARK: signatures

private struct Sample {
    let key: String
    let message: [UInt8]
    let signature: String

    var altered: Sample { Sample(key: key, message: message + [0], signature: signature) }
}

/// RFC 6979, A.2.5, SHA-256, "sample".
private let sampleP256 = Sample(
    key: "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
    message: Array("sample".utf8),
    signature: "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8")

/// RFC 8032, 7.1, test 2.
private let sampleEd25519 = Sample(
    key: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", message: [0x72],
    signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")

private func signatureHolds(_ algorithm: SignatureAlgorithm, _ sample: Sample) -> Bool {
    guard let key = bytes(hexadecimal: sample.key), let signature = bytes(hexadecimal: sample.signature) else { return false }
    do throws(CryptographyError) {
        return try PublicKey(algorithm, key).verify(signature: signature, message: sample.message.span.bytes)
    } catch { return false }
}

/// McGrew and Viega, "The Galois/Counter Mode of Operation", test case 14: zero key, nonce and block.
private func sealingHolds() -> Bool {
    let zeros = [UInt8](repeating: 0, count: 16)
    let none: [UInt8] = []
    do throws(CryptographyError) {
        let key = try SealingKey([UInt8](repeating: 0, count: 32))
        let sealed = try key.seal(zeros.span.bytes, nonce: [UInt8](repeating: 0, count: 12), associated: none.span.bytes)
        return hexadecimal(sealed) == "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
    } catch { return false }
}

// MARK: CBOR

/// RFC 8949, appendix A: 1000000000000, "IETF", h'01020304', [1, 2], {1: 2}.
private func cborHolds() -> Bool {
    var writer = CBORWriter()
    writer.unsigned(1_000_000_000_000)
    writer.text("IETF")
    writer.bytes([1, 2, 3, 4])
    writer.array(2); writer.unsigned(1); writer.unsigned(2)
    writer.map(1); writer.unsigned(1); writer.unsigned(2)
    return hexadecimal(writer.bytes) == "1b000000e8d4a51000644945544644010203048201" + "02a10102"
}

/// 23 in two bytes (RFC 8949, 4.2.1: the shortest form is the one).
private func cborRefuses() -> Bool {
    let long: [UInt8] = [0x18, 23]
    var reader = CBORReader(long.span.bytes)
    do throws(CBORError) {
        _ = try reader.unsigned()
        return false
    } catch { return error == .notDeterministic(at: 0) }
}

// MARK: the tree

/// 129 blocks, each filled with its number, salt of zeros: the root that veritysetup 2.6.1 gives.
private func treeHolds() -> Bool {
    var builder = VerityBuilder(salt: [UInt8](repeating: 0, count: 32))
    for number in 0..<129 {
        let block = [UInt8](repeating: UInt8(number), count: 4096)
        builder.append(block.span.bytes)
    }
    guard let tree = builder.finish(uuid: [UInt8](repeating: 0, count: 16)) else { return false }
    return tree.identity.root.hexadecimal == "1f80296d52e9502d1ec420acbe5c1c4f170ae9d262e899e57991ed8346ebc1a8"
}
