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
            do throws(LinkFailure) { while !isOver(loop.wakeUps) { try loop.turn() } } catch { fail(error) }
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
    func connect(seconds: Double = 10) -> Bool {
        keeper.send(.will([0xDE, 0xAD]))
        supervisor.send(.networkReady)
        return keeper.wait(seconds: seconds) { $0 == .session(true) } != nil
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
