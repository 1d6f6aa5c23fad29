// The way out: a broker that goes away, and people in the middle who are not whom the board was commissioned with.

import Command
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkUplink(_ scene: Scene) {
        check("broker away and back: nothing is lost", threat: "P-D1 P-T2", timeoutSeconds: 300) {
            scene.fill(toLitres: 6)
            let stand = try scene.drive(toPermille: 0)
            let mark = scene.mark()
            let last = scene.reports.sequences.max() ?? 0
            scene.rig.broker.stop()
            // What happens meanwhile must be in the records.
            for litres in [2, 6, 2, 6] as [Int64] {
                scene.fill(toLitres: litres)
                usleep(1_500_000)
            }
            try scene.rig.broker.start(scene.rig.serverIdentity)
            let birth = try scene.birth(since: mark)
            _ = try scene.report("four changes of the low level") { reports in
                reports.events.dropFirst(mark.events).count { $0.code == "sensor-changed" && $0.text.contains("level-low") } >= 4 ? true : nil
            }
            let gap = try scene.report("every sequence number from \(last)") { reports -> UInt64? in
                let since = reports.sequences.filter { $0 > last }
                return Set(since).count == Int((since.max() ?? last) - last) ? UInt64(Set(since).count) : nil
            }
            try require(birth.oldestSequence <= last + 1, "the board says that it lost records before \(birth.oldestSequence)")
            try require(scene.tank.inletMicroseconds == stand.tank.inletMicroseconds, "the inlet moved")
            return "\(gap) records after sequence \(last), none missing; 4 of 4 changes in them"
        }
        check("a man in the middle: another authority, an expired certificate", threat: "P-I2 G-S", timeoutSeconds: 300) {
            let rig = scene.rig
            let rogue = try rig.rogueAuthority.server([Rig.brokerName], file: "rogue")
            let expired = try rig.authority.server([Rig.brokerName], file: "expired", days: -1)
            return try deceive(scene, [
                ("tls-authority-unknown", { try Impostor(rig, rogue, "rogue") }),
                ("tls-certificate-expired", { try Impostor(rig, expired, "expired") }),
            ])
        }
        check("a man in the middle: another name, TLS 1.2 only", threat: "P-I2 G-S", timeoutSeconds: 300) {
            let rig = scene.rig
            let other = try rig.authority.server(["other.penstock.test"], file: "other")
            return try deceive(scene, [
                ("tls-certificate-name-wrong", { try Impostor(rig, other, "other") }),
                ("tls-protocol-version", { try Impostor(rig, rig.serverIdentity, "old", oldTLS: true) }),
            ])
        }
    }
}

/// Somebody who answers in the broker's place with a certificate of his own: a whole broker, which
/// would let the board in; or a server that speaks TLS 1.2 and nothing newer.
private final class Impostor {
    let port: UInt16
    private var broker: Broker?
    private var child: Child?

    init(_ rig: Rig, _ identity: Identity, _ name: String, oldTLS: Bool = false) throws {
        guard oldTLS else {
            let broker = try Broker(authority: rig.authority, identity: identity, folder: "\(rig.folder)/\(name)-broker")
            self.broker = broker
            port = broker.port
            return
        }
        let port = try freePort()
        self.port = port
        let child = try Child(
            ["openssl", "s_server", "-accept", "127.0.0.1:\(port)", "-cert", identity.certificatePath, "-key", identity.keyPath ?? "",
             "-tls1_2", "-rev"],
            package: "openssl", logPath: "\(rig.folder)/\(name)-server.log")
        self.child = child
        try waitUntil("the impostor listens", seconds: 10, child) { answers(port) }
    }

    /// Whether the board has logged in there.
    var hasBoard: Bool { broker?.log.contains(" as \(Workshop.device)") ?? false }

    func end() {
        broker?.end()
        child?.end()
    }
}

/// Leads the board's cable to one impostor after the other, then to the broker again. The uplink is
/// ended first, so that it tries at once and not after the pause of a connection that broke.
private func deceive(_ scene: Scene, _ impostors: [(code: String, make: () throws -> Impostor)]) throws -> String {
    try scene.ready()
    let cable = scene.rig.brokerCable
    let first = scene.mark()
    defer { cable.lead(to: scene.rig.broker.port) }
    var ordered = false
    for (code, make) in impostors {
        let impostor = try make()
        defer { impostor.end() }
        let mark = scene.mark()
        cable.lead(to: impostor.port)
        if !ordered { try scene.rig.observer.publish(Scene.commandTopic, try scene.order(.kill(.uplink))) }
        ordered = true
        try scene.console(code, since: mark, timeoutSeconds: 60)
        try require(!impostor.hasBoard, "the board logged in with the impostor (\(code))")
    }
    cable.lead(to: scene.rig.broker.port)
    let birth = try scene.birth(since: first)
    for (code, _) in impostors { try scene.event(code, since: first) }
    return impostors.map(\.code).joined(separator: ", ") + "; then with the broker, session \(birth.session)"
}
