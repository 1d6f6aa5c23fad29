// Keys in a PKCS#11 token, SoftHSM here: what they sign is verified by our verifier and by OpenSSL's tool.
import Cryptography
import Foundation
import Signed
import Testing
@testable import Token

private let module = "/usr/lib/softhsm/libsofthsm2.so"

/// Runs a program; its status and what it said.
@discardableResult
private func tool(_ arguments: [String]) throws -> (status: Int32, said: String) {
    // To a file: the end of a pipe that another test's child has inherited would not come before that child's.
    let path = FileManager.default.temporaryDirectory.path + "/tool-" + UUID().uuidString
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let process = Process(), output = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.standardOutput = output
    process.standardError = output
    try process.run()
    process.waitUntilExit()
    return (process.terminationStatus, try String(contentsOfFile: path, encoding: .utf8))
}

/// A token with a key of each algorithm. The module reads its place from this process's environment, once.
private final class SoftToken: Sendable {
    static let shared = Result { try SoftToken() }
    let folder: String, pinFile: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/token-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: folder + "/tokens", withIntermediateDirectories: true)
        try "directories.tokendir = \(folder)/tokens\nobjectstore.backend = file\nlog.level = ERROR\n".write(toFile: folder + "/softhsm2.conf", atomically: true, encoding: .utf8)
        setenv("SOFTHSM2_CONF", folder + "/softhsm2.conf", 1)
        pinFile = folder + "/pin"
        try "4711\n".write(toFile: pinFile, atomically: true, encoding: .utf8)
        try made(["softhsm2-util", "--init-token", "--free", "--label", "releases", "--pin", "4711", "--so-pin", "0815"])
        for (type, label, id) in [("EC:prime256v1", "release-1", "01"), ("EC:edwards25519", "release-2", "02"), ("EC:secp384r1", "foreign", "03"), ("EC:prime256v1", "twin", "04"), ("EC:prime256v1", "twin", "05")] {
            try made(["pkcs11-tool", "--module", module, "--token-label", "releases", "--login", "--pin", "4711", "--keypairgen", "--key-type", type, "--label", label, "--id", id])
        }
    }

    private func made(_ arguments: [String]) throws {
        let result = try tool(arguments)
        try #require(result.status == 0, "\(arguments[0]) (apt install softhsm2 opensc): \(result.said)")
    }

    func uri(_ object: String, token: String = "releases", extra: String? = nil) -> String {
        "pkcs11:token=\(token);object=\(object)?module-path=\(module)&pin-source=file:" + (extra ?? pinFile)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }
}

private func code(_ body: () throws -> Void) -> String? {
    do {
        try body()
        return nil
    } catch let error as TokenError {
        #expect(!error.text.isEmpty && !error.text.contains("4711"))
        return error.code
    } catch { return "\(error)" }
}

@Suite(.serialized) struct TokenTests {
    @Test("a key set's threshold is met by two keys of a token, ES256 and EdDSA")
    func signs() throws {
        let token = try SoftToken.shared.get()
        let keys = [try TokenKey(uri: token.uri("release-1")), try TokenKey(uri: token.uri("release-2"))]
        #expect(keys.map(\.publicKey.algorithm) == [.es256, .ed25519])
        let set = try KeySet(
            version: 1, entries: keys.enumerated().map { .init(name: "key-\($0)", key: $1.publicKey, purposes: [.keySet]) }, thresholds: [(.keySet, 2)])
        var object = SignedObject(payload: set.encoded(), purpose: .keySet)
        for key in keys { object.add(signature: try key.sign(object.toBeSigned(by: key.publicKey)), by: key.publicKey) }
        let encoded = object.encoded()
        #expect(try verify(encoded.span.bytes, as: KeySet.self, with: set).signers == ["key-0", "key-1"])
    }

    @Test("OpenSSL's own tool verifies what the token signed")
    func openssl() throws {
        let token = try SoftToken.shared.get()
        let message = Array("a release".utf8)
        for (object, rest) in [("release-1", ["dgst", "-sha256"]), ("release-2", [])] {
            let key = try TokenKey(uri: token.uri(object))
            let raw = try key.sign(message)
            let files = ["\(token.folder)/key", "\(token.folder)/signature", "\(token.folder)/message"]
            try Data(key.publicKey.pem()).write(to: URL(fileURLWithPath: files[0]))
            try Data(rest.isEmpty ? raw : try #require(ecdsaDER(raw))).write(to: URL(fileURLWithPath: files[1]))
            try Data(message).write(to: URL(fileURLWithPath: files[2]))
            let arguments = rest.isEmpty
                ? ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", files[0], "-sigfile", files[1], "-in", files[2]]
                : ["openssl", "dgst", "-sha256", "-verify", files[0], "-signature", files[1], files[2]]
            #expect(try tool(arguments).status == 0)
            try Data(message + [0]).write(to: URL(fileURLWithPath: files[2]))
            #expect(try tool(arguments).status != 0, "the tool can say no")
        }
    }

    @Test("what is wrong with a token, a key or a PIN has its code; no text has the PIN in it")
    func refusals() throws {
        let token = try SoftToken.shared.get()
        #expect(code { _ = try TokenKey(uri: token.uri("release-9")) } == "token-key-missing")
        #expect(code { _ = try TokenKey(uri: token.uri("twin")) } == "token-key-missing")
        #expect(code { _ = try TokenKey(uri: token.uri("foreign")) } == "token-key-algorithm")
        #expect(code { _ = try TokenKey(uri: token.uri("release-1", token: "other")) } == "token-missing")
        #expect(code { _ = try TokenKey(uri: token.uri("release-1", extra: token.folder + "/none")) } == "token-pin-missing")
        try "1234".write(toFile: token.folder + "/wrong", atomically: true, encoding: .utf8)
        #expect(code { _ = try TokenKey(uri: token.uri("release-1", extra: token.folder + "/wrong")) } == "token-login")
        #expect(code { _ = try TokenKey(uri: "pkcs11:token=releases;object=release-1?module-path=/nowhere.so&pin-source=file:\(token.pinFile)") } == "token-module")
        #expect(code { _ = try TokenKey(uri: "pkcs11:token=releases;object=release-1?module-path=\(module)&pin-value=4711") } == "token-uri-unfit")
        for uri in ["pkcs11:object=a", "pkcs11:token=a", "pkcs11:token=a;token=b;object=c", "pkcs11:token=a;object=b;colour=red", "file:x"] {
            #expect(code { _ = try TokenKey(uri: uri) } == "token-uri-unfit", "\(uri)")
        }
    }
}
