// Power that goes away, and a disk that was in somebody else's hands meanwhile.

import Command
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkPower(_ scene: Scene) {
        check("power cuts at random moments: it comes back, the same release, safe", threat: "P-D2", timeoutSeconds: 400) {
            scene.fill(toLitres: 6)
            let machine = try scene.ready()
            let before = try require(scene.reports.birth, "no birth")
            try scene.command(.setpoint(actuator: "inlet", permille: 400))
            var delays: [Double] = []
            for range in [0.2...3.0, 0.5...6.0, 2.0...10.0] {
                let delay = Double.random(in: range)
                delays.append(delay)
                usleep(UInt32(delay * 1e6))
                machine.cutPower()
                try machine.start()
            }
            machine.cutPower()
            let mark = scene.mark()
            let last = scene.reports.sequences.max() ?? 0
            let birth = try scene.powerOn()
            try require(birth.boot.release == before.boot.release && birth.boot.slot == before.boot.slot, "it runs \(birth.boot.release)")
            try require(birth.stamp.bootCount > before.stamp.bootCount, "the boot count did not move")
            _ = try scene.plant("a closed inlet") { $0.tank.inletPermille == 0 && $0.isSafe }
            let next = try scene.report("a record of this boot") { reports in
                reports.events.dropFirst(mark.events).first { $0.stamp.bootCount == birth.stamp.bootCount }?.stamp.sequence
            }
            try require(next > last, "sequence \(next) was used before the cut, which came up to \(last)")
            let moments = delays.map { String(format: "%.2f", $0) }.joined(separator: ", ")
            return "cuts \(moments) s after the start; boot \(birth.stamp.bootCount), sequence goes on at \(next)"
        }
    }

    /// The board's own way is DHCP; here are the others, each by itself.
    func checkAddresses(_ scene: Scene) {
        let ways = [
            ("IPv4", "[network]\nmode = \"fixed\"\n[network.v4]\naddress = \"10.0.2.77/24\"\nrouter = \"10.0.2.2\"\n"),
            ("IPv6", "[network]\nmode = \"fixed\"\n[network.v6]\naddress = \"fec0::77/64\"\n"),
        ]
        for (name, network) in ways {
            check("a fixed address of \(name): names, broker, telemetry", timeoutSeconds: 200) {
                let machine = try scene.machine()
                if name == "IPv6" { try require(scene.rig.names.ipv6, "this host has no IPv6 on its loopback") }
                machine.cutPower()
                let disk = try ColdDisk(machine, scene.workshop)
                try disk.put(commissioning: scene.workshop.commissioning(network: network, floorBaseline: 1))
                let made = scene.rig.brokerCable.connections.made
                let birth = try scene.powerOn()
                return "release \(birth.boot.release), session after \(scene.rig.brokerCable.connections.made - made) connections"
            }
        }
    }

    func checkDisk(_ scene: Scene) {
        check("a bit flipped in the active root while it was off: not booted, the other slot taken", threat: "S-TRID2 P-T1", timeoutSeconds: 300) {
            let machine = try scene.machine()
            let bundle = try newest(scene)
            machine.cutPower()
            let disk = try ColdDisk(machine, scene.workshop)
            for slot in [ColdDisk.Slot.a, .b] { try disk.put(bundle, in: slot) }
            try disk.eraseBootState()
            let byte = Int.random(in: 0..<1_000_000), bit = Int.random(in: 0..<8)
            try disk.flip(.a, byte: byte, bit: bit)
            let mark = scene.mark()
            let birth = try scene.powerOn()
            try require(birth.boot.slot.lowercased() == "b", "slot \(birth.boot.slot) runs")
            let line = try scene.console("slot A refused: data-block-altered", since: mark)
            try require(birth.boot.failure != nil, "the reason was not reported")
            return "bit \(bit) of byte \(byte): \(line.suffix(60))"
        }
        check("an older signed release on the disk: refused by the TPM's floor", threat: "P-T1 S-TRID2", timeoutSeconds: 300) {
            let serial = try strandedBoot(scene)
            let line = try require(serial.first { $0.contains("slot A refused: below-floor") }, "slot A was not refused for the floor")
            return String(line.suffix(100))
        }
        check("an unsigned release on the disk: not booted; with no slot left it stands still, safe", threat: "P-T1 S-TRID2", timeoutSeconds: 300) {
            let serial = try strandedBoot(scene)
            try require(serial.contains { $0.contains("slot B refused: slot-manifest-signature-missing") }, "slot B was not refused for its signature")
            let line = try require(serial.first { $0.contains("STOPPED") }, "it did not stop")
            let mark = scene.mark()
            usleep(12_000_000)
            try require(scene.outputs(since: mark).isEmpty, "an output moved")
            try require(scene.wiring.snapshot.isSafe && scene.wiring.snapshot.outputs[.inletClose] == .high, "the outputs are not driven safe")
            try require(!scene.wiring.events(since: mark.lines).contains { $0.change == .reset }, "it restarted")
            return "safe and still for 12 s: \(line.suffix(80))"
        }
        check("a release signed by a stranger on the disk: not booted", threat: "P-T1 S-TRID2", timeoutSeconds: 300) {
            let machine = try scene.machine()
            let bundle = try newest(scene)
            machine.cutPower()
            let disk = try ColdDisk(machine, scene.workshop)
            try disk.put(bundle, in: .a, signatures: .key(scene.workshop.keyPath(.stranger)))
            try disk.put(bundle, in: .b)
            try disk.eraseBootState()
            let mark = scene.mark()
            let birth = try scene.powerOn()
            try scene.console("slot A refused: slot-manifest-key-unknown", since: mark)
            try require(birth.boot.slot.lowercased() == "b", "slot \(birth.boot.slot) runs")
            return "slot-manifest-key-unknown; slot B runs"
        }
        check("the disk in a second board with another TPM: no connection", threat: "P-S1", timeoutSeconds: 300) {
            let machine = try scene.running()
            machine.cutPower()
            let own = scene.rig.tpmStateFolder, kept = own + "-own", other = own + "-other"
            try FileManager.default.moveItem(atPath: own, toPath: kept)
            defer {
                machine.cutPower()
                try? FileManager.default.moveItem(atPath: own, toPath: other)
                try? FileManager.default.moveItem(atPath: kept, toPath: own)
            }
            // A board of the same make, provisioned like ours: all that differs is the TPM.
            _ = try scene.rig.provisionTPM()
            let mark = scene.mark()
            let made = scene.rig.brokerCable.connections.made
            try machine.start()
            let end = try secondBoardEnd(scene, mark)
            usleep(5_000_000)
            try require(scene.mark().births == mark.births, "it was let in")
            try require(scene.mark().records == mark.records, "it sent records")
            return "\(end); \(scene.rig.brokerCable.connections.made - made) tries, 0 births"
        }
    }
}

/// The newest release that this board has taken; the oldest that its floor allows is 1.1.0.
private func newest(_ scene: Scene) throws -> String {
    let floor = scene.reports.birth?.boot.rollbackIndex ?? 1
    return floor >= 2 ? try scene.next() : scene.workshop.folder + "/1.0.0.bundle"
}

/// How the second board's try ended: the uplink's reason, or the boot's.
private func secondBoardEnd(_ scene: Scene, _ mark: Scene.Mark) throws -> String {
    let deadline = Date(timeIntervalSinceNow: 120)
    while Date() < deadline {
        for text in ["penstock: tls-", "STOPPED"] {
            if let line = try scene.machine().waitForSerial(text, after: mark.serial, timeoutSeconds: 0.5) { return String(line.prefix(110)) }
        }
    }
    throw Unmet("it neither stopped nor tried to connect within 120 s")
}

/// The console of a boot with an older release in slot A and an unsigned one in slot B; the board stays on.
private func strandedBoot(_ scene: Scene) throws -> [String] {
    let machine = try scene.machine()
    if machine.isOn, let lines = stranded(machine) { return lines }
    if (scene.reports.birth?.boot.rollbackIndex ?? 0) < 2 {
        throw Unmet("this needs a board whose floor was raised: run the update's check before")
    }
    let bundle = try scene.next()
    machine.cutPower()
    let disk = try ColdDisk(machine, scene.workshop)
    try disk.put(scene.workshop.folder + "/1.0.0.bundle", in: .a)
    try disk.put(bundle, in: .b, signatures: .none)
    try disk.eraseBootState()
    let mark = scene.mark()
    try machine.start()
    try scene.console("STOPPED", since: mark, timeoutSeconds: 120)
    usleep(200_000)
    return stranded(machine) ?? []
}

/// The console since the last power on, if that boot stopped.
private func stranded(_ machine: Machine) -> [String]? {
    let lines = machine.serial.split(whereSeparator: \.isNewline).map(String.init)
    guard let start = lines.lastIndex(where: { $0.hasSuffix("penstock: boot") }) else { return nil }
    let boot = Array(lines[start...])
    return boot.contains { $0.contains("STOPPED") } ? boot : nil
}
