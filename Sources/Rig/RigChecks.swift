// The rig checks itself, with a bare kernel as the board: nothing that it says about a board is worth
// anything unless these pass. Needs no part of Penstock.

import Foundation
import Glibc
import Plant

extension Story {
    /// Boots the kernel without an init: it finds the GPIO chip, panics, and resets the board.
    public func checkRig(_ rig: Rig, kernelPath: String) {
        check("rig: a bare kernel finds the plant's lines", timeoutSeconds: 60) {
            let start = Date()
            var settings = MachineSettings(kernelPath: kernelPath)
            settings.commandLine = "console=ttyS0 quiet panic=3 gpio_virtio.force_irq=1"
            try rig.attach(settings).start()
            // One request to each chip for the names, then the direction of each line.
            let enough = Chip.allCases.count + Line.allCases.count
            _ = try require(rig.wiring.wait(timeoutSeconds: 50) { $0.requests >= enough }, "its driver asked for nothing")
            return since(start)
        }
        check("rig: a stopped board is not a reset one", timeoutSeconds: 30) {
            let machine = try require(rig.machine, "no board")
            let number = rig.wiring.snapshot.nextEvent
            try machine.stop()
            usleep(200_000)
            try machine.resume()
            let reset = rig.wiring.waitForEvent(since: number, timeoutSeconds: 0.5) { $0 == .reset }
            try require(reset == nil, "the plant saw a reset")
            return "lines kept over 0.2 s"
        }
        check("rig: a panic resets the board, as the plant sees it", timeoutSeconds: 60) {
            let start = Date()
            let event = rig.wiring.waitForEvent(since: 0, timeoutSeconds: 50) { $0 == .reset }
            try require(event != nil, "no reset came")
            try require(rig.wiring.snapshot.outputs.values.allSatisfy { $0 == .floating }, "a line is still driven")
            return since(start)
        }
        check("rig: a power cut floats the lines, and the board comes back", timeoutSeconds: 60) {
            let machine = try require(rig.machine, "no board")
            let number = rig.wiring.snapshot.nextEvent, requests = rig.wiring.snapshot.requests
            machine.cutPower()
            let lost = rig.wiring.waitForEvent(since: number, timeoutSeconds: 5) { $0 == .powerLost }
            try require(lost != nil, "the plant saw no power cut")
            try machine.start()
            let start = Date()
            let back = rig.wiring.wait(timeoutSeconds: 40) { $0.requests > requests }
            try require(back != nil, "its driver did not come back")
            machine.cutPower()
            return since(start)
        }
        // Also when only some of these were asked for: the TPM is one board's at a time.
        if let machine = rig.machine, machine.isOn { machine.cutPower() }
        check("rig: the broker takes TLS 1.3 and certificates of its authority, nothing else") {
            let own = try rig.authority.client("rig-probe", file: "probe")
            let rogue = try rig.rogueAuthority.client("rig-probe", file: "rogue-probe")
            try rig.observer.send("penstock/rig-probe/data", [1], identity: own)
            try require(!succeeds { try rig.observer.send("penstock/rig-probe/data", [1], identity: rogue) }, "a rogue client got in")
            func handshake(_ version: String) throws(RigError) -> String {
                try run(
                    ["openssl", "s_client", "-connect", "127.0.0.1:\(rig.broker.port)", "-CAfile", rig.authority.certificatePath,
                     "-cert", own.certificatePath, "-key", own.keyPath ?? "", version],
                    package: "openssl", input: "", timeoutSeconds: 5)
            }
            try require(succeeds { try handshake("-tls1_3") }, "TLS 1.3 did not get in")
            try require(!succeeds { try handshake("-tls1_2") }, "TLS 1.2 got in")
            return "2 refused"
        }
        check("rig: manufacturing finds the same keys in the TPM each time") {
            let first = try rig.provisionTPM(), second = try rig.provisionTPM()
            try require(first.deviceKey == second.deviceKey, "the device key changed")
            try require(first.floorBaseline == second.floorBaseline, "the floor counter moved")
            return "floor baseline \(first.floorBaseline)"
        }
    }
}

private func since(_ start: Date) -> String { String(format: "%.1f s", Date().timeIntervalSince(start)) }
private func succeeds(_ body: () throws -> some Any) -> Bool { (try? body()) != nil }
