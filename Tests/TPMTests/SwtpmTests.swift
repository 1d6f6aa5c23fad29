// End to end with a real TPM (swtpm), with tpm2-tools as the oracle.
import Cryptography
import Foundation
import Testing
@testable import TPM
import TPMSocket

/// Starts a program with no signals blocked; its output goes to a file. (Foundation's Process hands
/// on this thread's blocked signals, so that the child could not be ended.)
private func spawn(_ arguments: [String], output: String, environment: [String] = []) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = (["PATH=/usr/bin:/bin"] + environment).map { strdup($0) } + [nil]
    defer { for text in argv + envp { free(text) } }
    var pid: pid_t = 0
    let failed = posix_spawnp(&pid, arguments[0], &actions, &attributes, &argv, &envp)
    try #require(failed == 0, "\(arguments[0]) could not be started")
    return pid
}

/// An swtpm of this test's own in a folder of its own; both end with it.
final class Swtpm {
    let folder: String
    private var pid: pid_t

    init(state: String? = nil) throws {
        folder = state ?? FileManager.default.temporaryDirectory.path + "/tpm-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = folder + "/tpm"
        for socket in [path, path + ".ctrl"] { try? FileManager.default.removeItem(atPath: socket) }
        pid = try spawn([
            "swtpm", "socket", "--tpm2", "--tpmstate", "dir=\(folder)", "--server", "type=unixio,path=\(path)",
            "--ctrl", "type=unixio,path=\(path).ctrl", "--flags", "not-need-init,startup-clear",
        ], output: folder + "/swtpm.log")
        _ = try TPMSocket(path: path, waitMilliseconds: 10_000)
    }

    var path: String { folder + "/tpm" }

    func stop() {
        guard pid > 0 else { return }
        kill(pid, SIGTERM)
        waitpid(pid, nil, 0)
        pid = 0
    }

    deinit {
        stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    func connect() throws -> TPM<TPMSocket> { TPM(try TPMSocket(path: path)) }

    /// Runs a tool of tpm2-tools; its output, and whether it ended well. Files are named in the folder.
    func tool(_ arguments: String...) throws -> (output: String, isGood: Bool) {
        let output = folder + "/output"
        let pid = try spawn(arguments, output: output, environment: ["TPM2TOOLS_TCTI=swtpm:path=\(path)"])
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        return (String(decoding: try Data(contentsOf: URL(fileURLWithPath: output)), as: UTF8.self), status == 0)
    }

    func file(_ name: String) -> String { folder + "/" + name }

    func write(_ name: String, _ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: file(name))) }
}

private func verifies(_ key: PublicKey, _ signature: [UInt8], _ message: [UInt8]) -> Bool {
    key.verify(signature: signature, message: message.span.bytes)
}

@Suite(.serialized) struct SwtpmTests {
    @Test func randomAndIdentity() throws {
        let swtpm = try Swtpm()
        var tpm = try swtpm.connect()
        try tpm.startup()
        let random = try tpm.getRandom(200)
        #expect(random.count == 200 && Set(random).count > 50)
        #expect(try tpm.getRandom(200) != random)
        let identity = try tpm.getIdentity()
        #expect(identity.manufacturer == "IBM")
        #expect(identity.model.hasPrefix("SW"))
        #expect(identity.firmwareVersion != 0)
    }

    @Test("PCRs and event log agree with tpm2_pcrread and tpm2_eventlog")
    func measuring() throws {
        let swtpm = try Swtpm()
        var log = EventLog()
        let values: [Digest]
        do {
            var tpm = try swtpm.connect()
            try tpm.measure(11, .release, SHA256.hash([1]), "release 1.0 manifest", into: &log)
            try tpm.measure(11, .release, SHA256.hash([2]), "root hash", into: &log)
            try tpm.measure(12, .tag, SHA256.hash([3]), "calibration", into: &log)
            values = try tpm.pcrRead(RegisterSelection(Array(0..<24))!)
            #expect(values.count == 24)
            #expect(values[0] == .zero && values[17].bytes == [UInt8](repeating: 0xFF, count: 32))
            #expect(log.replay([11, 12]) == [values[11], values[12]])
        }
        let read = try swtpm.tool("tpm2_pcrread", "sha256:11,12")
        #expect(read.isGood)
        #expect(read.output.lowercased().contains("11: 0x" + values[11].hexadecimal))
        #expect(read.output.lowercased().contains("12: 0x" + values[12].hexadecimal))

        try swtpm.write("log", log.encoded())
        let events = try swtpm.tool("tpm2_eventlog", swtpm.file("log"))
        #expect(events.isGood, "\(events.output)")
        #expect(events.output.contains("Spec ID Event03"))
        #expect(events.output.contains("EV_IPL") && events.output.contains("EV_EVENT_TAG"))
        #expect(events.output.contains("release 1.0 manifest"))
        // It replays the log itself.
        #expect(events.output.contains("11 : 0x" + values[11].hexadecimal) || events.output.contains("11: 0x" + values[11].hexadecimal), "\(events.output)")
        #expect(events.output.contains("12 : 0x" + values[12].hexadecimal) || events.output.contains("12: 0x" + values[12].hexadecimal))
    }

    @Test("P-T1 the floor counter only counts up, over deletion and restart too")
    func counter() throws {
        var swtpm = try Swtpm()
        var baseline: UInt64 = 0
        do {
            var tpm = try swtpm.connect()
            #expect(throws: TPMError.counterMissing(index: floorIndex)) { try tpm.nvReadCounter(floorIndex) }
            #expect(throws: TPMError.counterMissing(index: floorIndex)) { try tpm.nvIncrement(floorIndex) }
            try tpm.nvDefineCounter(floorIndex)
            #expect(throws: TPMError.counterUninitialised(index: floorIndex)) { try tpm.nvReadCounter(floorIndex) }
            #expect(throws: TPMError.self) { try tpm.nvDefineCounter(floorIndex) }
            try tpm.nvIncrement(floorIndex)
            baseline = try tpm.nvReadCounter(floorIndex)
            #expect(try tpm.readFloor(baseline: baseline) == 0)
            try tpm.raiseFloor(to: 5, baseline: baseline)
            try tpm.raiseFloor(to: 3, baseline: baseline)
            #expect(try tpm.readFloor(baseline: baseline) == 5)
            #expect(try tpm.nvReadPublic(floorIndex).isWritten)
        }
        let area = try swtpm.tool("tpm2_nvreadpublic", "0x1800A01")
        #expect(area.isGood)
        #expect(area.output.contains("friendly: ownerwrite|nt=0x1|ownerread|authread|no_da|written"), "\(area.output)")
        #expect(area.output.contains("size: 8"))
        let value = try swtpm.tool("tpm2_nvread", "-C", "o", "0x1800A01", "-o", swtpm.file("value"))
        #expect(value.isGood)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: swtpm.file("value")))
        #expect(bytes.reduce(0 as UInt64) { $0 << 8 | UInt64($1) } == baseline + 5)

        // The board is switched off and on.
        swtpm.stop()
        let restarted = try Swtpm(state: swtpm.folder)
        var tpm = try restarted.connect()
        #expect(try tpm.readFloor(baseline: baseline) == 5)
        // Deleting the counter doesn't take the floor back.
        try tpm.nvUndefine(floorIndex)
        #expect(throws: TPMError.counterMissing(index: floorIndex)) { try tpm.readFloor(baseline: baseline) }
        try tpm.nvDefineCounter(floorIndex)
        try tpm.nvIncrement(floorIndex)
        #expect(try tpm.readFloor(baseline: baseline) == 6)
        swtpm = restarted
    }

    @Test("P-T1 an ordinary index in the counter's place is refused")
    func foreignIndex() throws {
        let swtpm = try Swtpm()
        #expect(try swtpm.tool("tpm2_nvdefine", "-C", "o", "-s", "8", "-a", "ownerread|ownerwrite", "0x1800A01").isGood)
        var tpm = try swtpm.connect()
        #expect(throws: TPMError.counterForeign(index: floorIndex, attributes: 0x20002)) { try tpm.readFloor(baseline: 0) }
    }

    @Test("P-S2 the floor of key sets only counts up; a counter made by others is refused")
    func keySetFloor() throws {
        let swtpm = try Swtpm()
        do {
            var tpm = try swtpm.connect()
            #expect(throws: TPMError.counterMissing(index: keySetFloorIndex)) { try tpm.readKeySetFloor() }
            _ = try provision(&tpm)
            #expect(try tpm.readKeySetFloor() == 0)
        }
        let area = try swtpm.tool("tpm2_nvreadpublic", "0x1800A02")
        #expect(area.output.contains("friendly: ownerwrite|nt=0x1|ownerread|authread|no_da|written"), "\(area.output)")
        var tpm = try swtpm.connect()
        try tpm.raiseKeySetFloor(to: 3)
        try tpm.raiseKeySetFloor(to: 2)
        #expect(try tpm.readKeySetFloor() == 3)
        try tpm.raiseKeySetFloor(to: 3 + floorStepMaximum + 9)
        #expect(try tpm.readKeySetFloor() == 3 + floorStepMaximum)
        // Provisioned again, restarted, and with the other floor counted in between: it stays.
        let baseline = try provision(&tpm).floorBaseline
        try tpm.raiseFloor(to: 9, baseline: baseline)
        #expect(try tpm.readKeySetFloor() == 3 + floorStepMaximum)
        // Without the pinned baseline it is not ours.
        try tpm.nvUndefine(keySetFloorIndex)
        #expect(throws: TPMError.counterMissing(index: keySetFloorIndex)) { try tpm.readKeySetFloor() }
        try tpm.nvDefineCounter(keySetFloorIndex)
        try tpm.nvIncrement(keySetFloorIndex)
        #expect { try tpm.readKeySetFloor() } throws: { if case TPMError.counterForeign? = $0 as? TPMError { true } else { false } }
        try tpm.nvUndefine(keySetFloorIndex)
        _ = try provision(&tpm)
        #expect(try tpm.readKeySetFloor() == 0)
    }

    @Test("the decryption key agrees on the secret that a key in software does; it signs nothing")
    func agreement() throws {
        let swtpm = try Swtpm()
        var tpm = try swtpm.connect()
        let own = try tpm.createPrimaryKey(.decryption)
        let other = try PrivateKey.generate(.es256)
        #expect(try tpm.agree(own.handle, other.publicKey.bytes) == other.agree(with: own.publicKey))
        #expect(throws: TPMError.self) { try tpm.agree(own.handle, [UInt8](repeating: 1, count: 64)) }
        #expect(throws: TPMError.self) { try tpm.sign(own.handle, SHA256.hash([1])) }
        #expect(try tpm.createPrimaryKey(.decryption).publicKey == own.publicKey)
        let device = try tpm.createPrimaryKey(.device)
        #expect(throws: TPMError.self) { try tpm.agree(device.handle, other.publicKey.bytes) }
    }

    @Test func keysAreTheSameAtEachBootAndOtherInAnotherTPM() throws {
        let swtpm = try Swtpm()
        let message: [UInt8] = Array("to be signed".utf8)
        let first: PublicKey
        do {
            var tpm = try swtpm.connect()
            let key = try tpm.createPrimaryKey()
            first = key.publicKey
            let signature = try tpm.sign(key.handle, SHA256.hash(message))
            #expect(signature.count == 64)
            #expect(verifies(first, signature, message))
            #expect(!verifies(first, signature, [0]))
            let again = try tpm.createPrimaryKey()
            #expect(again.publicKey == first && again.name == key.name)
            try tpm.flush(key.handle)
            try tpm.flush(again.handle)
            #expect(throws: TPMError.refused(.flushContext, TPMResponseCode(0x1CB))) { try tpm.flush(key.handle) }
            // No slot leaks: a TPM has three of them.
            for _ in 0..<8 { try tpm.flush(try tpm.createPrimaryKey().handle) }
        }
        swtpm.stop()
        let restarted = try Swtpm(state: swtpm.folder)
        var tpm = try restarted.connect()
        let second = try tpm.createPrimaryKey()
        #expect(second.publicKey == first)
        let attestation = try tpm.createPrimaryKey(.attestation)
        #expect(attestation.publicKey != first)
        // A restricted key signs no digest from outside.
        #expect(throws: TPMError.self) { try tpm.sign(attestation.handle, SHA256.hash(message)) }
        let other = try Swtpm()
        var stranger = try other.connect()
        #expect(try stranger.createPrimaryKey().publicKey != first)
    }

    @Test("Quotes are taken by tpm2_checkquote and by our own check; P-T2 altered ones by neither")
    func quoting() throws {
        let swtpm = try Swtpm()
        var tpm = try swtpm.connect()
        try tpm.pcrExtend(11, SHA256.hash([1]))
        let key = try tpm.createPrimaryKey(.attestation)
        let nonce = try tpm.getRandom(20)
        let selection: RegisterSelection = [0, 7, 11, 12]
        let (quote, values) = try tpm.quoteWithValues(key.handle, selection, nonce: nonce)
        let stated = try quote.verify(key: key.publicKey, nonce: nonce, selection: selection, values: values)
        #expect(stated.firmwareVersion == (try tpm.getIdentity().firmwareVersion))

        var wrongValues = values
        wrongValues[2] = .zero
        var wrongQuote = quote
        wrongQuote.attested[40] ^= 1
        #expect(throws: TPMError.quoteForeign) { try quote.verify(key: key.publicKey, nonce: [1], selection: selection, values: values) }
        #expect(throws: TPMError.quoteForeign) { try quote.verify(key: key.publicKey, nonce: nonce, selection: [0], values: values) }
        #expect(throws: TPMError.quoteForeign) { try quote.verify(key: key.publicKey, nonce: nonce, selection: selection, values: wrongValues) }
        #expect(throws: TPMError.quoteForeign) { try wrongQuote.verify(key: key.publicKey, nonce: nonce, selection: selection, values: values) }

        try swtpm.write("key.pem", key.publicKey.pem())
        try swtpm.write("attested", quote.attested)
        try swtpm.write("signature", [0, 0x18, 0, 0x0B, 0, 32] + quote.signature[..<32] + [0, 32] + quote.signature[32...])
        func check(_ nonce: [UInt8]) throws -> Bool {
            try swtpm.tool("tpm2_checkquote", "-u", swtpm.file("key.pem"), "-m", swtpm.file("attested"), "-s", swtpm.file("signature"), "-g", "sha256",
                           "-q", nonce.map { String(format: "%02x", $0) }.joined()).isGood
        }
        #expect(try check(nonce))
        #expect(try !check(nonce.reversed()))
    }

    @Test func provisioningTwiceChangesNothing() throws {
        let swtpm = try Swtpm()
        var tpm = try swtpm.connect()
        let first = try provision(&tpm)
        let second = try provision(&tpm)
        #expect(first.floorBaseline == second.floorBaseline && first.floorBaseline > 0)
        #expect(first.deviceKey == second.deviceKey && first.attestationKey == second.attestationKey)
        #expect(try tpm.readFloor(baseline: first.floorBaseline) == 0)
    }
}
