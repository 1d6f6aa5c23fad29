// The TLS client against a real server: what it accepts, and everything on the path that it must refuse.
import Cryptography
import Foundation
import SeededRandom
import Testing

@Suite(.serialized) struct TLSTests {
    let lab = Laboratory.shared

    /// The refusal of a whole connection: handshake and one exchange; nil if it was made.
    private func refusal(_ configuration: TLSClient.Configuration, _ server: Server, signer: ((Digest) -> [UInt8]?)? = nil) throws -> TLSError? {
        let wire = try Wire(server)
        do {
            var client = try TLSClient(configuration, descriptor: wire.client, signer: signer ?? lab.sign)
            try client.complete(wire)
            _ = try client.exchange("hello\n", wire)
            client.shutdown()
            return nil
        } catch let error as TLSError {
            #expect(!error.text.isEmpty && error.code.hasPrefix("tls-"))
            return error
        }
    }

    @Test("P-S1 C-I1 mutual TLS 1.3 with a key that is elsewhere; nothing of it crosses in plain")
    func mutual() throws {
        let server = try Server()
        let wire = try Wire(server)
        let asked = Mutable(0)
        var client = try TLSClient(lab.configuration(), descriptor: wire.client) { [lab] digest in
            asked.value += 1
            return lab.sign(digest)
        }
        try client.complete(wire)
        #expect(asked.value == 1)
        #expect(try client.exchange("open the inlet\n", wire) == "telni eht nepo\n")
        let long = String(repeating: "0123456789", count: 1000)
        #expect(try client.exchange(long + "\n", wire) == String(long.reversed()) + "\n")
        client.shutdown()
        let captured = String(decoding: wire.crossed, as: UTF8.self)
        #expect(captured.contains("broker.test"), "the name goes out in plain (SNI): the capture works")
        #expect(!captured.contains("open the inlet") && !captured.contains("0123456789") && !captured.contains("telni"))
        #expect(!captured.contains("device"), "the device's certificate is encrypted")
        print("mutual handshake and exchange: \(wire.crossed.count) bytes crossed")
    }

    @Test("P-I2 another authority, a mimic of ours by name, a device posing as the server")
    func authority() throws {
        let server = try Server()
        #expect(try refusal(lab.configuration(), server) == nil)
        #expect(try refusal(lab.configuration(authority: "other-ca.pem"), server) == .authorityUnknown)
        #expect(try refusal(lab.configuration(), Server(certificate: "mimic")) == .authorityUnknown)
        guard case .certificateRefused = try refusal(lab.configuration(), Server(certificate: "posing")) else {
            Issue.record("a client's certificate served as a server's")
            return
        }
    }

    @Test("P-I2 an expired certificate, one of tomorrow: by the caller's clock, not the system's")
    func time() throws {
        let server = try Server()
        let year: Int64 = 365 * 86_400
        #expect(try refusal(lab.configuration(time: lab.now + 2 * year), server) == .certificateExpired)
        #expect(try refusal(lab.configuration(time: lab.now - year), server) == .certificateNotYetValid)
        #expect(try refusal(lab.configuration(time: lab.now + year / 2), server) == nil)
    }

    @Test("P-I2 a certificate for another name or address")
    func name() throws {
        let server = try Server()
        #expect(try refusal(lab.configuration(name: "other.test"), server) == .certificateNameWrong)
        #expect(try refusal(lab.configuration(name: "server"), server) == .certificateNameWrong, "the subject's common name is no name")
        #expect(try refusal(lab.configuration(name: "127.0.0.2"), server) == .certificateNameWrong)
        #expect(try refusal(lab.configuration(name: "127.0.0.1"), server) == nil)
    }

    @Test("P-I2 a downgrade: a server of TLS 1.2 and none other")
    func version() throws {
        #expect(try refusal(lab.configuration(), Server("-tls1_2")) == .protocolVersion)
    }

    @Test("P-S1 the server refuses a device without a certificate, with a foreign one, or without its key")
    func identity() throws {
        let server = try Server()
        #expect(try refusal(lab.configuration(chain: []), server) == .identityRefused(alert: 116))
        guard case .identityRefused = try refusal(lab.configuration(chain: ["foreign.der"]), server) else {
            Issue.record("a foreign certificate was taken")
            return
        }
        let other = try PrivateKey.generate(.es256).pem()
        #expect(try refusal(lab.configuration(), server, signer: { try? PrivateKey(pem: other).sign(digest: $0) }) == .alert(51))
        #expect(try refusal(lab.configuration(), server, signer: { _ in nil }) == .signatureRefused)
        #expect(try refusal(lab.configuration(), server, signer: { _ in [1, 2, 3] }) == .signatureRefused)
    }

    @Test("C-T1 C-S2 a byte altered in the session, or put into it, ends it", arguments: [0, 1, 5, 20])
    func altered(offset: Int) throws {
        let server = try Server()
        let wire = try Wire(server)
        var client = try TLSClient(lab.configuration(), descriptor: wire.client, signer: lab.sign)
        try client.complete(wire)
        #expect(try client.exchange("one\n", wire) == "eno\n")
        wire.fromServer = { bytes, _ in
            var altered = bytes
            altered[min(offset, bytes.count - 1)] ^= 1
            return altered
        }
        #expect(throws: (any Error).self) { try client.exchange("two\n", wire) }
        wire.fromServer = { bytes, _ in bytes }
        #expect(throws: (any Error).self, "and stays ended") { try client.exchange("three\n", wire) }
    }

    @Test("C-D1 a server that is silent, hangs up, or talks nonsense")
    func nonsense() throws {
        let wire = try Wire(nil)
        var client = try TLSClient(lab.configuration(), descriptor: wire.client, signer: lab.sign)
        for _ in 0..<100 { #expect(try client.handshake() == .wantRead) }
        wire.inject(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
        #expect(throws: TLSError.notTLS) { try client.handshake() }

        let hungUp = try Wire(nil)
        var left = try TLSClient(lab.configuration(), descriptor: hungUp.client, signer: lab.sign)
        #expect(try left.handshake() == .wantRead)
        hungUp.cut()
        #expect(throws: TLSError.connectionCut) { try left.handshake() }

        let gone = try Wire(nil)
        gone.cut()
        var never = try TLSClient(lab.configuration(), descriptor: gone.client, signer: lab.sign)
        #expect(throws: TLSError.transport(errno: EPIPE)) { try never.handshake() }
    }

    @Test("C-D1 seeded nonsense in records: refused, never a trap, never taken for a server", arguments: 1...8)
    func fuzz(seed: Int) throws {
        var random = Seeded(UInt64(seed))
        for _ in 0..<60 {
            let wire = try Wire(nil)
            var client = try TLSClient(lab.configuration(), descriptor: wire.client, signer: lab.sign)
            _ = try client.handshake()
            for _ in 0..<4 {
                let content = (0..<Int.random(in: 1..<300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
                wire.inject([[20, 21, 22, 23].randomElement(using: &random)!, 3, 3, UInt8(content.count >> 8), UInt8(content.count & 0xFF)] + content)
            }
            wire.cut()
            #expect(throws: TLSError.self) { while try client.handshake() != .done {} }
        }
    }

    @Test("C-T1 a genuine handshake with one byte altered on the way is not completed", arguments: 1...6)
    func alteredHandshake(seed: Int) throws {
        let server = try Server()
        var random = Seeded(UInt64(seed))
        for _ in 0..<5 {
            let at = Int.random(in: 0..<900, using: &random), bit = UInt8(1) << UInt8.random(in: 0..<8, using: &random)
            let wire = try Wire(server)
            let done = Mutable(false)
            wire.fromServer = { bytes, before in
                var altered = bytes
                if !done.value, at >= before, at - before < bytes.count {
                    altered[at - before] ^= bit
                    done.value = true
                }
                return altered
            }
            var client = try TLSClient(lab.configuration(), descriptor: wire.client, signer: lab.sign)
            #expect(throws: (any Error).self, "byte \(at), bit \(bit)") {
                let end = Date() + 1
                while try client.handshake() != .done {
                    guard Date() < end else { throw LaboratoryError(description: "stalled, as the caller's deadline sees") }
                    wire.carry()
                }
            }
        }
    }

    @Test func configurationsThatCannotBeAreRefused() throws {
        let wire = try Wire(nil)
        func refusal(_ change: (inout TLSClient.Configuration) -> Void) -> TLSError? {
            var configuration = lab.configuration()
            change(&configuration)
            do throws(TLSError) {
                let client = try TLSClient(configuration, descriptor: wire.client, signer: { _ in nil })
                _ = consume client
                return nil
            } catch { return error }
        }
        let lab = self.lab
        #expect(refusal { _ in } == nil)
        #expect(refusal { $0.authorities = [] } == .authorityMalformed)
        #expect(refusal { $0.authorities = [0x30, 1, 2] } == .authorityMalformed)
        #expect(refusal { $0.authorities = Array(lab.file("ca.pem").dropLast(40)) } == .authorityMalformed)
        #expect(refusal { $0.authorities = lab.file("ca.pem") + lab.file("other-ca.pem") } == nil)
        #expect(refusal { $0.serverName = "" } == .serverNameMalformed)
        #expect(refusal { $0.serverName = "broker.test\0.evil" } == .serverNameMalformed)
        #expect(refusal { $0.certificateChain = [[1, 2, 3]] } == .certificateMalformed(index: 0))
        #expect(refusal { $0.certificateChain[0].append(0) } == .certificateMalformed(index: 0))
        #expect(refusal { $0.certificateChain.append([]) } == .certificateMalformed(index: 1))
    }
}

/// A value that a closure may change; the tests run on one thread.
private final class Mutable<Value>: @unchecked Sendable {
    var value: Value
    init(_ value: Value) { self.value = value }
}
