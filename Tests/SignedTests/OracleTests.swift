// An independent implementation agrees, in both directions. Needs pycose: PENSTOCK_PYTHON names a
// Python that has it (else python3); tools/test prepares one.
import Bytes
import Cryptography
import Foundation
import Release
import Testing
@testable import Signed

private let python = ProcessInfo.processInfo.environment["PENSTOCK_PYTHON"] ?? "python3"

private struct OracleMissing: Error, CustomStringConvertible {
    let description: String
}

private func oracle(_ verb: String, _ request: [String: Any]) throws -> [String: Any] {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("pycose-oracle.py").path
    let process = Process(), input = Pipe(), output = Pipe(), errors = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [python, script, verb]
    (process.standardInput, process.standardOutput, process.standardError) = (input, output, errors)
    try process.run()
    input.fileHandleForWriting.write(try JSONSerialization.data(withJSONObject: request))
    try input.fileHandleForWriting.close()
    let answer = output.fileHandleForReading.readDataToEndOfFile()
    let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        let hint = complaint.contains("No module named")
            ? "'\(python)' lacks pycose: make a venv with 'pip install pycose' and give its interpreter in PENSTOCK_PYTHON\n" : ""
        throw OracleMissing(description: hint + complaint)
    }
    return try #require(try JSONSerialization.jsonObject(with: answer) as? [String: Any])
}

private func unhexadecimal(_ text: Any?) throws -> [UInt8] {
    let bytes = Bytes.bytes(hexadecimal: text as? String ?? "-")
    return try #require(bytes)
}

@Suite struct OracleTests {
    @Test("pycose verifies ours: every purpose, each algorithm alone and eight signers together")
    func pycoseVerifiesOurs() throws {
        let es256 = (0..<4).map { _ in Key(.es256) }, ed25519 = (0..<4).map { _ in Key(.ed25519) }
        for (number, signers) in [[es256[0]], [ed25519[0]], es256 + ed25519].enumerated() {
            for purpose in Purpose.allCases where number == 2 || purpose == .command {
                let object = try Sample.object([UInt8](repeating: 7, count: 900), purpose, signers)
                let keys = signers.map(\.publicKey)
                let request = ["object": hexadecimal(object.encoded()), "keys": keys.map { hexadecimal($0.coseKey) }] as [String: Any]
                let answer = try oracle("verify", request)
                #expect(answer["valid"] as? [Bool] == signers.map { _ in true })
                #expect(answer["contentType"] as? String == purpose.contentType)
                #expect(answer["thumbprints"] as? [String] == keys.map(\.thumbprint.hexadecimal))
            }
        }
    }

    @Test("C-T1 pycose refuses what we altered, and we what pycose signed and was altered")
    func alteredIsRefused() throws {
        for signer in [Sample.release, Sample.second] {
            let object = try Sample.object([1], .command, [signer])
            var other = SignedObject(payload: [2], purpose: .command)
            other.add(signature: object.signatures[0].bytes, by: signer.publicKey)
            let request = ["object": hexadecimal(other.encoded()), "keys": [hexadecimal(signer.publicKey.coseKey)]] as [String: Any]
            #expect(try oracle("verify", request)["valid"] as? [Bool] == [false])
        }
        let (object, keys) = try signedByPycose(["es256", "ed25519"], Order(5).encoded(), .command, threshold: 2)
        for at in object.indices {
            var altered = object
            altered[at] ^= 4
            #expect((try? verify(altered.span.bytes, as: Order.self, with: keys)) == nil, "byte \(at)")
        }
    }

    /// What pycose signed, and a key set of its signers.
    private func signedByPycose(_ algorithms: [String], _ payload: [UInt8], _ purpose: Purpose, threshold: Int) throws -> (object: [UInt8], keys: KeySet) {
        let answer = try oracle("sign", ["payload": hexadecimal(payload), "contentType": purpose.contentType, "algorithms": algorithms])
        var entries: [KeySet.Entry] = []
        for (number, key) in try #require(answer["keys"] as? [[String: String]]).enumerated() {
            let bytes = try unhexadecimal(key["bytes"])
            let algorithm: SignatureAlgorithm = key["algorithm"] == "es256" ? .es256 : .ed25519
            entries.append(.init(name: "key-\(number)", key: try PublicKey(algorithm, bytes), purposes: [purpose]))
        }
        return (try unhexadecimal(answer["object"]), try KeySet(version: 1, entries: entries, thresholds: [(purpose, threshold)]))
    }

    @Test("we verify pycose's: each algorithm alone and eight signers together")
    func weVerifyPycose() throws {
        let payload = try Sample.keySet(version: 9).encoded()
        for algorithms in [["es256"], ["ed25519"], (0..<8).map { $0 % 2 == 0 ? "es256" : "ed25519" }] {
            let (object, keys) = try signedByPycose(algorithms, payload, .keySet, threshold: algorithms.count)
            let verified = try verify(object.span.bytes, as: KeySet.self, with: keys)
            #expect(verified.signers.count == algorithms.count)
            #expect(verified.payload.version == 9)
        }
    }

    @Test("pycose opens the keys of our encrypted bundles, and we open pycose's: A256KW, ECDH-ES + A256KW")
    func bundleKeys() throws {
        let device = try PrivateKey.generate(.es256), fleet = randomBytes(32), contentKey = randomBytes(32)
        let point = device.publicKey.bytes
        let coordinates = ["x": hexadecimal(Array(point[..<32])), "y": hexadecimal(Array(point[32...]))]
        let ours = BundleKeys(recipients: [
            try .fleet(key: fleet, contentKey: contentKey),
            try .device(device.publicKey, keyIdentifier: device.publicKey.keyIdentifier, contentKey: contentKey),
        ])!
        let request = ["object": hexadecimal(ours.encoded()), "fleet": hexadecimal(fleet), "device": coordinates.merging(["d": try scalar(device)]) { $1 }] as [String: Any]
        let opened = try oracle("unwrap", request)
        #expect(opened["fleet"] as? String == hexadecimal(contentKey) && opened["device"] as? String == hexadecimal(contentKey))

        let theirs = try oracle("wrap", ["contentKey": hexadecimal(contentKey), "fleet": hexadecimal(fleet), "device": coordinates])
        let identifier = device.publicKey.keyIdentifier
        let read = BundleKeys(recipients: [
            .fleet(keyIdentifier: BundleKeys.identifier(ofFleetKey: fleet), wrapped: try unhexadecimal(theirs["fleet"])),
            .device(keyIdentifier: identifier, ephemeral: try unhexadecimal(theirs["ephemeral"]), wrapped: try unhexadecimal(theirs["device"])),
        ])!
        #expect(theirs["protected"] as? String == "a101381e")
        #expect(try read.contentKey(fleet: fleet) == contentKey)
        let found = try read.contentKey(device: identifier) { point in try device.agree(with: .es256(point)) }
        #expect(try found.get() == contentKey)
    }

    /// The private number of a key, out of its PKCS#8 by OpenSSL's tool.
    private func scalar(_ key: borrowing PrivateKey) throws -> String {
        let process = Process(), input = Pipe(), output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl", "pkey", "-noout", "-text"]
        (process.standardInput, process.standardOutput) = (input, output)
        try process.run()
        input.fileHandleForWriting.write(Data(try key.pem()))
        try input.fileHandleForWriting.close()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let lines = text.split(separator: "\n")
        let start = try #require(lines.firstIndex { $0.hasPrefix("priv:") })
        let digits = lines[(start + 1)...].prefix { $0.hasPrefix(" ") }.joined().filter(\.isHexDigit)
        return String(repeating: "0", count: max(0, 64 - digits.count)) + digits.suffix(64)
    }
}
