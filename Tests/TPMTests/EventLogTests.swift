import Bytes
import Cryptography
import SeededRandom
import Testing
@testable import TPM

@Suite struct EventLogTests {
    private func decoded(_ bytes: [UInt8]) throws -> EventLog { try EventLog(decoding: bytes.span.bytes) }

    private func sample() throws -> EventLog {
        var log = EventLog()
        try log.append(11, .release, SHA256.hash([1]), "manifest")
        try log.append(11, .release, SHA256.hash([2]), "root")
        try log.append(12, .tag, SHA256.hash([3]), "board")
        return log
    }

    @Test func roundTrip() throws {
        let log = try sample()
        let bytes = log.encoded()
        #expect(try decoded(bytes) == log)
        #expect(bytes.count == 65 + 3 * 50 + 8 + 4 + 8 + 5)
    }

    @Test func replay() throws {
        let log = try sample()
        let zero = [UInt8](repeating: 0, count: 32)
        let once = SHA256.hash(zero + SHA256.hash([1]).bytes)
        #expect(log.replay(11) == SHA256.hash(once.bytes + SHA256.hash([2]).bytes))
        #expect(log.replay(13) == Digest(zero))
        #expect(log.replay([11, 12]) == [log.replay(11), log.replay(12)])
    }

    @Test("A full log refuses, and then the PCR is not extended")
    func full() throws {
        var log = EventLog()
        let long = String(repeating: "x", count: 1000)
        for _ in 0..<EventLog.eventMaximum { try log.append(11, .tag, SHA256.hash([1]), long) }
        #expect(log.encoded().count <= EventLog.byteMaximum)
        #expect(try decoded(log.encoded()) == log)
        var tpm = TPM(Recorder())
        #expect(throws: TPMError.logFull) { try tpm.measure(11, .release, SHA256.hash([1]), "", into: &log) }
        #expect(tpm.transport.sent.isEmpty)
        var empty = EventLog()
        #expect(throws: TPMError.closed) { try tpm.measure(11, .release, SHA256.hash([1]), "", into: &empty) }
        #expect(empty.events.isEmpty)
    }

    @Test("C-T1 a cut log loses whole events or is refused; an altered one never traps")
    func hostile() throws {
        let log = try sample()
        let bytes = log.encoded()
        for cut in 0..<bytes.count {
            if let part = try? EventLog(decoding: Array(bytes[..<cut]).span.bytes) {
                #expect(part.events.count < 3 && part.events[...] == log.events.prefix(part.events.count))
            }
        }
        var random = Seeded(2)
        for _ in 0..<5000 {
            var altered = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                altered[Int.random(in: 65..<altered.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let read = try? EventLog(decoding: altered.span.bytes) { #expect(read.encoded() == altered) }
        }
    }
}
