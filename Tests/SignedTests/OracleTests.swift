// An independent implementation agrees, in both directions. Needs pycose: PENSTOCK_PYTHON names a
// Python that has it (else python3); tools/test prepares one.
import Bytes
import Cryptography
import Foundation
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
    @Test func pycoseVerifiesOurs() throws {
        let payload = try Sample.keySet(version: 7).encoded()
        var object = SignedObject(payload: payload, purpose: .keySet)
        try object.sign(with: Sample.release)
        try object.sign(with: Sample.second)
        let keys = [Sample.release.publicKey, Sample.second.publicKey]
        let request = ["object": hexadecimal(object.encoded()), "keys": keys.map { hexadecimal($0.coseKey) }] as [String: Any]
        let answer = try oracle("verify", request)
        #expect(answer["valid"] as? [Bool] == [true, true])
        #expect(answer["contentType"] as? String == "application/vnd.penstock.key-set+cbor")
        #expect(answer["thumbprints"] as? [String] == keys.map(\.thumbprint.hexadecimal))
    }

    @Test("C-T1 pycose refuses what we altered: the oracle can say no")
    func pycoseRefusesAltered() throws {
        var object = SignedObject(payload: [1], purpose: .command)
        try object.sign(with: Sample.release)
        var other = SignedObject(payload: [2], purpose: .command)
        other.add(signature: object.signatures[0].bytes, by: Sample.release.publicKey)
        let request = ["object": hexadecimal(other.encoded()), "keys": [hexadecimal(Sample.release.publicKey.coseKey)]] as [String: Any]
        #expect(try oracle("verify", request)["valid"] as? [Bool] == [false])
    }

    @Test func weVerifyPycose() throws {
        let payload = try Sample.keySet(version: 9).encoded()
        let answer = try oracle("sign", ["payload": hexadecimal(payload), "contentType": Purpose.keySet.contentType])
        let object = try unhexadecimal(answer["object"])
        var entries: [KeySet.Entry] = []
        for key in try #require(answer["keys"] as? [[String: String]]) {
            let name = try #require(key["algorithm"]), bytes = try unhexadecimal(key["bytes"])
            entries.append(.init(name: name, key: try PublicKey(name == "es256" ? .es256 : .ed25519, bytes), purposes: [.keySet]))
        }
        let keys = try KeySet(version: 1, entries: entries, thresholds: [(.keySet, 2)])
        let verified = try verify(object.span.bytes, as: KeySet.self, with: keys)
        #expect(verified.signers == ["es256", "ed25519"])
        #expect(verified.payload.version == 9)
    }
}
