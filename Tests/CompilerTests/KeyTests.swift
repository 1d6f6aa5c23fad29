// Key files, key sets, words and notation: what the maker writes, and what is said of their mistakes.
import Bytes
import Command
import Cryptography
import Foundation
import Signed
import Testing
@testable import Compiler

/// A folder of its own, gone with the test.
private final class Folder {
    let path = NSTemporaryDirectory() + "penstock-compiler-" + UUID().uuidString

    init() { try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) -> String {
        _ = FileManager.default.createFile(atPath: path + "/" + name, contents: Data(text.utf8))
        return path + "/" + name
    }
}

private func mode(_ path: String) throws -> Int { try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int) }

@Suite struct KeyTests {
    private let folder = Folder()

    @Test("a private key is its owner's alone, and is never replaced", arguments: [SignatureAlgorithm.es256, .ed25519])
    func keyFiles(algorithm: SignatureAlgorithm) throws {
        let name = folder.path + "/release-1"
        let key = try KeyFiles.generate(algorithm, name: name)
        #expect(try mode(name + ".key") == 0o600)
        #expect(try KeyFiles.publicKey(name + ".pub") == key)
        #expect(try KeyFiles.publicKey(name + ".key") == key)
        #expect(try KeyFiles.privateKey(name + ".key").publicKey == key)
        let before = try readFile(name + ".key")
        let failure = #expect(throws: Failure.self) { _ = try KeyFiles.generate(algorithm, name: name) }
        #expect(failure?.code == "file-exists")
        #expect(try readFile(name + ".key") == before)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["release-1.key", "release-1.pub"], "nothing half-written")
        #expect(throws: Failure.self) { _ = try KeyFiles.privateKey(name + ".pub") }
    }

    @Test func keySet() throws {
        _ = try KeyFiles.generate(.es256, name: folder.path + "/a")
        _ = try KeyFiles.generate(.ed25519, name: folder.path + "/b")
        let good = """
            version = 3
            [[key]]
            name = "a"
            public = "a.pub"
            purposes = ["manifest", "key-set"]
            [[key]]
            name = "b"
            public = "b.pub"
            purposes = ["key-set"]
            [threshold]
            manifest = 1
            key-set = 2
            """
        let set = try KeySetCompiler.compile(folder.write("keyset.toml", good))
        #expect(set.version == 3)
        #expect(set.entries.map(\.name) == ["a", "b"])
        #expect(set.threshold(.keySet) == 2 && set.threshold(.command) == nil)
        try writeFile(folder.path + "/set.cbor", set.encoded())
        #expect(try KeySetCompiler.read(folder.path + "/set.cbor") == set)

        // Each mistake is named, with its place.
        for (wrong, right, hint) in [
            ("version = 3", "", "'version'"), ("version = 3", "version = 0", "'version'"),
            ("\"a.pub\"", "\"c.pub\"", "could not be opened"), ("[\"manifest\", \"key-set\"]", "[\"manifests\"]", "'manifests'"),
            ("name = \"b\"", "name = \"a\"", "twice"), ("b.pub", "a.pub", "the same key"), ("key-set = 2", "key-set = 3", "2 keys may sign"),
            ("purposes = [\"key-set\"]", "purpose = [\"key-set\"]", "'purpose'"), ("[threshold]", "[treshold]", "'treshold'"), ("version = 3", "version =", "line 1"),
        ] {
            let failure = #expect(throws: Failure.self) { _ = try KeySetCompiler.compile(folder.write("wrong.toml", good.replacingOccurrences(of: wrong, with: right))) }
            #expect(failure?.text.contains(hint) == true, "\(failure?.text ?? "-") lacks \(hint)")
            #expect(failure?.path != nil)
        }
    }

    @Test func actions() throws {
        for (words, action) in [
            ("setpoint inlet 40%", Action.setpoint(actuator: "inlet", permille: 400)), ("setpoint inlet 40.5%", .setpoint(actuator: "inlet", permille: 405)),
            ("setpoint inlet 405", .setpoint(actuator: "inlet", permille: 405)), ("setpoint inlet 100%", .setpoint(actuator: "inlet", permille: 1000)),
            ("select inlet 40.5%", .select(actuator: "inlet", permille: 405)), ("renew inlet", .renew(actuator: "inlet")),
            ("release inlet", .release(actuator: "inlet")), ("phase filling", .phase("filling")), ("bypass level-high 30", .bypass(trip: "level-high", minutes: 30)),
            ("partial-stroke inlet", .partialStroke(actuator: "inlet")),
            ("calibration \(String(repeating: "ca", count: 32))", .calibration(digest: [UInt8](repeating: 0xCA, count: 32))),
            ("update two.bundle", .update(bundle: "two.bundle")), ("update two.bundle 30", .update(bundle: "two.bundle", downloadMaximumBytes: 30)), ("reboot", .reboot), ("kill uplink", .kill(.uplink)), ("freeze keeper", .freeze(.keeper)),
        ] {
            #expect(try CommandWords.action(words.split(separator: " ").map(String.init)) == action)
            #expect(try CommandWords.action(CommandWords.text(action).split(separator: " ").map(String.init)) == action)
        }
        for words in ["", "open inlet", "setpoint inlet", "setpoint inlet 100.1%", "setpoint inlet 1001", "setpoint inlet -1", "setpoint inlet 40.55%", "setpoint inlet %",
                      "setpoint inlet 40.%", "reboot now", "kill init", "select inlet", "renew", "phase", "bypass level-high", "bypass level-high -1", "bypass level-high 65536", "calibration no-such-file", "update \(String(repeating: "x", count: 65))"] {
            #expect(throws: Failure.self, "\(words)") { _ = try CommandWords.action(words.split(separator: " ").map(String.init)) }
        }
    }

    @Test("P-S2 the tool refuses what the device refuses: another kind, an older key set")
    func anyPayload() throws {
        let key = try PrivateKey.generate(.es256)
        func set(_ version: UInt64) throws -> KeySet {
            try KeySet(version: version, entries: [.init(name: "a", key: key.publicKey, purposes: [.keySet, .command, .manifest])],
                       thresholds: [(.keySet, 1), (.command, 1), (.manifest, 1)])
        }
        func code(_ object: [UInt8], _ purpose: Purpose? = nil) throws -> String? {
            let keys = try set(2)
            do throws(SignedError) {
                _ = try verifyAny(object, as: purpose, with: keys)
                return nil
            } catch { return error.code }
        }
        let order = Command(device: "tank-7", challenge: [UInt8](repeating: 1, count: 16), counter: 1, deadlineMilliseconds: 1, action: .reboot).encoded()
        #expect(try code(sign(order, purpose: .command, with: key)) == nil)
        #expect(try code(sign(order, purpose: .command, with: key), .manifest) == "purpose-wrong")
        #expect(try code(sign(order, purpose: .manifest, with: key)) != nil)
        #expect(try code(sign(set(3).encoded(), purpose: .keySet, with: key)) == nil)
        #expect(try code(sign(set(2).encoded(), purpose: .keySet, with: key)) == "version-old")
    }

    @Test func notation() {
        var writer = CBORWriter()
        writer.map(2)
        writer.unsigned(1); writer.text("a \"b\"")
        writer.unsigned(2); writer.array(4)
        writer.integer(-5); writer.bytes([1, 255]); writer.boolean(true); writer.null()
        #expect(diagnosticNotation(writer.bytes) == #"{1: "a \"b\"", 2: [-5, h'01ff', true, null]}"#)
        #expect(diagnosticNotation(writer.bytes + [0]) == nil)
        for count in 0..<writer.bytes.count { #expect(diagnosticNotation(Array(writer.bytes[..<count])) == nil) }
    }
}

@Suite struct KeySetChangeTests {
    @Test func whatANewSetChangesIsSaid() throws {
        let one = try PrivateKey.generate(.es256).publicKey, two = try PrivateKey.generate(.ed25519).publicKey, three = try PrivateKey.generate(.es256).publicKey
        let old = try KeySet(
            version: 1, entries: [.init(name: "one", key: one, purposes: [.keySet]), .init(name: "two", key: two, purposes: [.command])],
            thresholds: [(.keySet, 1), (.command, 1)])
        let new = try KeySet(
            version: 2, entries: [.init(name: "two", key: two, purposes: [.command, .keySet]), .init(name: "three", key: three, purposes: [.keySet])],
            thresholds: [(.keySet, 2)])
        let changes = KeySetChange.between(old, new)
        #expect(changes.map(\.kind) == [.revoked, .changed, .added, .threshold, .threshold])
        #expect(changes[0].text.hasPrefix("one (") && changes[2].text.hasPrefix("three ("))
        #expect(changes[1].text == "two, for command, is now two, for command, key-set")
        #expect(changes[3].text == "command: 1, now nobody" && changes[4].text == "key-set: 1, now 2")
        #expect(KeySetChange.between(old, old).isEmpty)
    }
}
