// An uplink on a thread of its own between real servers (mosquitto, nginx, the rig's names and cables)
// and the test, which plays supervisor, keeper and installer.
import Authority
import Backoff
import Board
import Bytes
import Cryptography
import Foundation
import Rig
import System
@testable import Uplink

/// The test's end of a channel: messages in the order of their arrival.
final class Peer<In: Authority.Message & Sendable, Out: Authority.Message>: @unchecked Sendable {
    let channel: Int32
    private let condition = NSCondition()
    private var messages: [In] = []
    private var ended = false
    private let answer: (@Sendable (In) -> Out?)?

    /// `answer` is asked first, on the reading thread; what it answers is not kept.
    init(_ channel: Int32, answer: (@Sendable (In) -> Out?)? = nil) {
        self.channel = channel
        self.answer = answer
        Thread { [self] in read() }.start()
    }

    private func read() {
        var buffer = [UInt8](repeating: 0, count: Channel.packetMaximum), wait = WaitSet()
        wait.add(channel)
        while true {
            condition.lock()
            let over = ended
            condition.unlock()
            if over { return }
            try? wait.wait(timeoutMilliseconds: 50)
            while let count = try? receivePacket(into: &buffer, on: channel), count > 0 {
                guard let message = try? decode(In.self, buffer.span.bytes.extracting(0..<count)) else { continue }
                if let answer, let reply = answer(message) {
                    send(reply)
                    continue
                }
                condition.lock()
                messages.append(message)
                condition.broadcast()
                condition.unlock()
            }
        }
    }

    func end() {
        condition.lock()
        ended = true
        condition.unlock()
    }

    func send(_ message: Out) {
        var writer = CBORWriter()
        message.encode(into: &writer)
        let packet = writer.bytes
        for _ in 0..<5000 {
            if (try? sendPacket(packet.span.bytes, on: channel)) == true { return }
            Thread.sleep(forTimeInterval: 0.002)
        }
    }

    /// Takes the first message for which `matches` is true out of those that came.
    func wait(seconds: Double = 10, _ matches: (In) -> Bool) -> In? {
        let deadline = Date(timeIntervalSinceNow: seconds)
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let index = messages.firstIndex(where: matches) { return messages.remove(at: index) }
            if !condition.wait(until: deadline) { return nil }
        }
    }

    var all: [In] {
        condition.lock()
        defer { condition.unlock() }
        return messages
    }
}

final class World: @unchecked Sendable {
    static let device = "board-1"

    let rig: Rig
    let supervisor: Peer<RoleMessage, SupervisorMessage>
    let keeper: Peer<UplinkToKeeper, KeeperToUplink>
    let installer: Peer<UplinkToInstaller, InstallerToUplink>
    private let lock = NSLock()
    private var stops = false
    private var stopped = false
    private var turns: UInt64 = 0
    private var failure: String?

    init(signs: Bool = true, nameServerPort: UInt16? = nil) throws {
        let rig = try Rig()
        self.rig = rig
        rig.names.set(Rig.brokerName, .init(v4: [[127, 0, 0, 1]]))
        rig.names.set(Rig.updateName, .init(v4: [[127, 0, 0, 1]]))
        try FileManager.default.createDirectory(atPath: rig.updates.filesFolder + "/bundles", withIntermediateDirectories: true)
        let key = try PrivateKey.generate(.es256)
        let pem = try key.pem()
        guard case .es256(let point) = key.publicKey else { fatalError() }
        let identity = try rig.authority.device(Self.device, publicKeyPEM: publicKeyPEM(es256: point), file: "device")
        let commissioning = try Commissioning(
            device: Self.device, board: "qemu-x86-64",
            broker: Endpoint(host: Rig.brokerName, port: rig.brokerCable.port, authority: rig.authority.certificate),
            clientCertificate: identity.certificate,
            updateServer: Endpoint(host: Rig.updateName, port: rig.updateCable.port, authority: rig.authority.certificate),
            updatePath: "/bundles/", nameServers: [NameServer(address: [127, 0, 0, 1], port: rig.names.port)!], network: nil, floorBaseline: 0)
        let ends = try (Channel.raw(), Channel.raw(), Channel.raw())
        supervisor = Peer(ends.0.0)
        keeper = Peer(ends.1.0) { message in
            guard case .sign(let digest) = message else { return nil }
            guard signs, let key = try? PrivateKey(pem: pem), let signature = try? key.sign(digest: Digest(digest)!) else { return .signature([]) }
            return .signature(signature)
        }
        installer = Peer(ends.2.0)
        let (first, second, third) = (ends.0.1, ends.1.1, ends.2.1)
        Thread { [self] in
            var loop = Loop(
                commissioning, supervisor: first, keeper: second, installer: third, packetSocket: nil, hardwareAddress: [],
                backoff: Backoff(firstMilliseconds: 500, lastMilliseconds: 1000))
            do { while !isOver(loop.wakeUps) { try loop.turn() } } catch { fail(error) }
            lock.withLock { stopped = true }
        }.start()
    }

    private func isOver(_ count: UInt64) -> Bool {
        lock.withLock {
            turns = count
            return stops
        }
    }

    private func fail(_ error: LinkFailure) { lock.withLock { failure = error.code + ": " + error.text } }

    var wakeUps: UInt64 { lock.withLock { turns } }
    /// Why the uplink ended, if it did.
    var ended: String? { lock.withLock { failure } }

    /// Network and will are there: the session comes up.
    func connect() -> Bool {
        keeper.send(.will([0xDE, 0xAD]))
        supervisor.send(.networkReady)
        return keeper.wait { $0 == .session(true) } != nil
    }

    func event(_ code: String, seconds: Double = 15) -> Bool {
        supervisor.wait(seconds: seconds) { if case .event(code, _) = $0 { true } else { false } } != nil
    }

    func end() {
        lock.withLock { stops = true }
        for _ in 0..<200 where !lock.withLock({ stopped }) { Thread.sleep(forTimeInterval: 0.02) }
        supervisor.end()
        keeper.end()
        installer.end()
        rig.end()
    }
}

func withWorld(signs: Bool = true, _ body: (World) throws -> Void) throws {
    let world = try World(signs: signs)
    defer { world.end() }
    try body(world)
}
