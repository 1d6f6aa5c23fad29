// The servers around the board must be what they claim, and faults must be faults.
import CRig
import Foundation
import Plant
import Testing

@testable import Rig

/// The whole world without a board, shared by the tests and ended with the test process.
private func withRig(_ body: (Rig) throws -> Void) throws {
    let rig = try Rig()
    defer {
        rig.end()
        #expect(!FileManager.default.fileExists(atPath: rig.folder))
    }
    try body(rig)
}

@Suite(.serialized) struct PeersTests {
    @Test func messagesPassTheBrokerAndDevicesKeepToTheirTopics() throws {
        try withRig { rig in
            let first = try rig.authority.client("board-1", file: "board-1")
            let start = rig.observer.nextMessage
            try rig.observer.send("penstock/board-1/data", [0xA1, 0x00, 0xFF], identity: first)
            let message = rig.observer.wait(since: start, timeoutSeconds: 5) { $0.kind == "data" }
            #expect(message?.payload == [0xA1, 0x00, 0xFF] && message?.topic == "penstock/board-1/data")
            // Another board's topic: MQTT 5 says not authorised, and nobody hears it.
            try? rig.observer.send("penstock/board-2/data", [1], identity: first)
            #expect(rig.observer.wait(since: start, timeoutSeconds: 0.5) { $0.topic.contains("board-2") } == nil)
        }
    }

    @Test func aClientOfAnotherAuthorityIsRefused() throws {
        try withRig { rig in
            let rogue = try rig.rogueAuthority.client("board-1", file: "rogue-board")
            #expect(throws: RigError.self) { try rig.observer.send("penstock/board-1/data", [1], identity: rogue) }
        }
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["PENSTOCK_PYTHON"] != nil))
    func anIndependentClientDecodesWhatIsSent() throws {
        try withRig { rig in
            let python = ProcessInfo.processInfo.environment["PENSTOCK_PYTHON"]!
            let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../tools/observe.py").path
            let log = rig.folder + "/observe.log"
            let child = try Child(
                [python, source, "--port", "\(rig.broker.port)", "--authority", rig.authority.certificatePath,
                 "--certificate", rig.operatorIdentity.certificatePath, "--key", rig.operatorIdentity.keyPath!,
                 "--topic", "penstock/board-1/#", "--count", "2", "--seconds", "20"],
                package: "python3", logPath: log)
            try waitUntil("observe.py subscribes", seconds: 15, child) { tail(of: log, lines: 5).contains("subscribed") }
            try rig.observer.publish("penstock/board-1/data", [0xA1, 0x01, 0x42, 0xAB, 0xCD])
            try rig.observer.publish("penstock/board-1/data", [0xA1, 0x01, 0x18, 0x01])
            #expect(child.wait(timeoutSeconds: 20) == 0)
            let text = tail(of: log, lines: 5)
            #expect(text.contains(#""value": {"1": "abcd"}, "deterministic": true"#))
            #expect(text.contains(#""value": {"1": 1}, "deterministic": false"#))
        }
    }

    @Test func brokerComesBackWithItsSessions() throws {
        try withRig { rig in
            rig.broker.stop()
            try rig.broker.start(rig.serverIdentity)
            let start = rig.observer.nextMessage
            try rig.observer.publish("penstock/rig/again", [7])
            #expect(rig.observer.wait(since: start, timeoutSeconds: 20) { $0.kind == "again" } != nil)
        }
    }

    @Test func bundlesAreServedByRangeOverTLS13() throws {
        try withRig { rig in
            try rig.updates.serve(Array("0123456789".utf8), as: "bundle")
            let script = rig.folder + "/get"
            try Data("GET /bundle HTTP/1.1\r\nHost: update.penstock.test\r\nRange: bytes=2-4\r\nConnection: close\r\n\r\n".utf8)
                .write(to: URL(fileURLWithPath: script))
            let text = try fetch(rig, port: rig.updateCable.port, request: script, options: ["-tls1_3"])
            #expect(text.contains("206 Partial Content") && text.hasSuffix("234"))
            #expect(throws: RigError.self) { try fetch(rig, port: rig.updateCable.port, request: script, options: ["-tls1_2"]) }
            #expect(rig.updates.requests.map(\.range) == ["bytes=2-4"])
            #expect(rig.updateCable.bytes(.toBoard) > 500)
        }
    }

    @discardableResult
    private func fetch(_ rig: Rig, port: UInt16, request: String, options: [String]) throws(RigError) -> String {
        try run(
            ["sh", "-c", "exec openssl s_client -quiet -verify_return_error -verify_hostname update.penstock.test "
                + "-CAfile '\(rig.authority.certificatePath)' -connect 127.0.0.1:\(port) \(options.joined(separator: " ")) <'\(request)'"],
            package: "openssl", timeoutSeconds: 10)
    }

    @Test func cableCutsStallsSlowsAndTampers() throws {
        var bound: UInt16 = 0
        let listener = rig_listen_tcp(0, 0, &bound)
        let cable = try Cable(to: bound)
        defer {
            cable.end()
            close(listener)
        }
        let board = rig_connect_tcp(cable.port)
        var server: Int32 = -1
        try waitUntil("the cable leads on", seconds: 2) {
            server = rig_accept(listener, 1)
            return server >= 0
        }
        transmit(board, [1, 2, 3])
        #expect(receive(server, 3) == [1, 2, 3])
        transmit(server, [9])
        #expect(receive(board, 1) == [9])
        #expect(cable.capture(.fromBoard) == [1, 2, 3] && cable.bytes(.toBoard) == 1)

        cable.alter(.fromBoard, after: 1)
        transmit(board, [4, 4, 4])
        #expect(receive(server, 3) == [4, 5, 4])

        cable.condition = .stalled
        usleep(20_000)
        transmit(board, [5])
        #expect(receive(server, 1, seconds: 0.2) == [])
        cable.condition = .whole
        #expect(receive(server, 1) == [5])

        cable.condition = .slow(bytesPerSecond: 1000)
        usleep(20_000)
        let start = Date()
        transmit(board, [UInt8](repeating: 6, count: 500))
        #expect(receive(server, 500).count == 500)
        #expect((0.2...3).contains(Date().timeIntervalSince(start)))

        cable.condition = .cut
        #expect(receive(board, 1) == [])
        try waitUntil("the connection is broken", seconds: 2) { cable.connections.open == 0 }
        #expect(cable.connections.made == 1)
        close(board)
        close(server)
    }

    private func transmit(_ fd: Int32, _ bytes: [UInt8]) { _ = write(fd, bytes, bytes.count) }

    private func receive(_ fd: Int32, _ count: Int, seconds: Double = 3) -> [UInt8] {
        var got: [UInt8] = [], buffer = [UInt8](repeating: 0, count: 4096)
        let deadline = Date(timeIntervalSinceNow: seconds)
        while got.count < count, Date() < deadline {
            let n = recv(fd, &buffer, min(buffer.count, count - got.count), Int32(MSG_DONTWAIT))
            if n > 0 { got += buffer[..<n] } else if n == 0 || errno != EAGAIN { break } else { usleep(1000) }
        }
        return got
    }

    @Test func certificatesOfDevicesNeedOnlyThePublicKey() throws {
        try withRig { rig in
            let provisioned = try rig.provisionTPM()
            guard case .es256(let point) = provisioned.deviceKey else { throw RigError.refused("not ES256") }
            let pem = publicKeyPEM(es256: point)
            let identity = try rig.authority.device("board-1", publicKeyPEM: pem, file: "device")
            let text = try run(["openssl", "x509", "-in", identity.certificatePath, "-noout", "-pubkey"], package: "openssl")
            #expect(text == pem)
            #expect(identity.keyPath == nil && identity.certificate.first == 0x30)
            // The TPM keeps what manufacturing did.
            let again = try rig.provisionTPM()
            #expect(again.floorBaseline == provisioned.floorBaseline)
            guard case .es256(let same) = again.deviceKey else { throw RigError.refused("not ES256") }
            #expect(same == point)
        }
    }

    @Test func aChildCannotOutliveItsEnd() throws {
        let child = try Child(["sleep", "600"], package: "coreutils", logPath: nil)
        #expect(child.isRunning)
        child.kill()
        #expect(child.status == 256 + SIGKILL)
        #expect(throws: RigError.self) { try Child(["no-such-program"], package: "none", logPath: nil) }
    }
}

@Suite struct NameServerTests {
    private let table = ["broker.penstock.test": NameServer.Addresses.host(ipv6: true)]

    private func question(_ name: String, _ kind: UInt8) -> [UInt8] {
        var bytes: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        for label in name.split(separator: ".") { bytes += [UInt8(label.utf8.count)] + Array(label.utf8) }
        return bytes + [0, 0, kind, 0, 1]
    }

    @Test func answersWhatItKnows() {
        let v4 = NameServer.reply(to: question("Broker.penstock.test", 1), from: table)!
        #expect(Array(v4[..<4]) == [0x12, 0x34, 0x85, 0x80] && v4[7] == 1 && v4.suffix(4) == [10, 0, 2, 2])
        let v6 = NameServer.reply(to: question("broker.penstock.test", 28), from: table)!
        #expect(v6[7] == 1 && v6.suffix(2) == [0, 2] && v6.count == v4.count + 12)
        let other = NameServer.reply(to: question("broker.penstock.test", 16), from: table)!
        #expect(other[3] == 0x80 && other[7] == 0)
        #expect(NameServer.reply(to: question("elsewhere.test", 1), from: table)![3] == 0x83)
    }

    @Test func truncatedQuestionsAreIgnored() {
        let whole = question("broker.penstock.test", 1)
        for length in 0..<whole.count { #expect(NameServer.reply(to: Array(whole[..<length]), from: table) == nil) }
    }
}
