// Orders: the one that holds moves the valve; all others are refused, each by its own reason, and move nothing.

import Bytes
import Command
import Compiler
import Cryptography
import Foundation
import Glibc
import Plant
import Signed
import Telemetry

extension Story {
    func checkCommands(_ scene: Scene) {
        check("a signed command drives the inlet to 40 %", timeoutSeconds: 180) {
            try scene.ready()
            scene.fill(toLitres: 6)
            let mark = scene.mark()
            let stand = try scene.drive(toPermille: 400)
            let position = stand.tank.inletPermille
            scene.wiring.change { $0.supplyShut = false }
            defer { scene.wiring.change { $0.supplyShut = true } }
            try require((300...450).contains(position), "it stands at \(position) permille")
            let moved = try scene.seen(.output(.inletOpen, true), since: mark)
            let stopped = try require(
                scene.outputs(since: mark).first { $0.number > moved.number && $0.change == .output(.inletOpen, false) }, "it was never stopped")
            let shown = try scene.report("the new position", timeoutSeconds: 20) { reports in
                reports.values["inlet"].flatMap { abs($0.value - position) <= 60 ? $0.value : nil }
            }
            let flow = try scene.report("the flow", timeoutSeconds: 20) { reports in
                reports.values["flow"].flatMap { abs($0.value - 400_000) < 100_000 ? $0.value : nil }
            }
            return "at \(position) permille after \(milliseconds(from: moved.nanoseconds, to: stopped.nanoseconds)) ms, reported as \(shown), flow \(flow / 1000) of \(stand.tank.inletPermille) mL/s"
        }
        checkRefusals(scene)
        check("a flood of objects costs a counter, not the board", threat: "G-D", timeoutSeconds: 240) {
            try scene.ready()
            let mark = scene.mark()
            for quality in [0, 1] { try scene.rig.observer.flood(Scene.commandTopic, count: 200, qualityOfService: quality) }
            try require(!scene.opened(since: mark), "the inlet moved")
            // What the flood left behind is worked off before an honest order gets through.
            let start = monotonicNanoseconds()
            var honest = 0
            repeat {
                try require(seconds(start, monotonicNanoseconds()) < 120, "an honest order is still not taken")
                honest += 1
            } while (try? scene.command(.setpoint(actuator: "inlet", permille: 400), timeoutSeconds: 10)) == nil
            let after = seconds(start, monotonicNanoseconds())
            let looked = scene.reports.receipts.dropFirst(mark.receipts).count { $0.code == "malformed" }
            try require(looked < 200, "each of the objects was looked at")
            try require(!scene.reports.events.dropFirst(mark.events).contains { $0.code == "role-ended" }, "a role ended")
            return String(format: "400 objects, %d looked at, an honest order taken %.1f s later", looked, after)
        }
    }

    /// Each of these, and nothing moved.
    private func checkRefusals(_ scene: Scene) {
        let inlet = Action.setpoint(actuator: "inlet", permille: 300)
        func refusal(_ name: String, _ threat: String, _ code: String, _ make: @escaping () throws -> [UInt8]) {
            check("refused: \(name)", threat: threat, timeoutSeconds: 150) {
                try scene.ready()
                let object = try make()
                let mark = scene.mark()
                let position = scene.tank.inletMicroseconds
                let receipt = try scene.send(object)
                try require(receipt.outcome == .refused, "it was \(receipt.outcome)")
                try require(receipt.code == code, "the code is \(receipt.code), not \(code)")
                try require(scene.outputs(since: mark).isEmpty, "outputs moved: \(scene.outputs(since: mark)[0])")
                try require(scene.tank.inletMicroseconds == position, "the inlet moved")
                return "\(receipt.code)\(receipt.issuer.map { ", by \($0)" } ?? ""), nothing moved"
            }
        }
        func by(_ key: Workshop.Key) throws -> [UInt8] {
            try Issuer(keyPath: scene.workshop.keyPath(key)).order(inlet, scene.reports)
        }
        refusal("80 % where the envelope ends at 50 %", "P-E1", "limit-position") {
            try scene.order(.setpoint(actuator: "inlet", permille: 800))
        }
        refusal("an actuator that does not exist", "P-E1", "unknown-actuator") {
            try scene.order(.setpoint(actuator: "sluice", permille: 100))
        }
        refusal("unsigned", "P-S2 G-S", "signature-missing") {
            SignedObject(payload: try object(of: try scene.order(inlet)).unverifiedPayload, purpose: .command).encoded()
        }
        refusal("signed by a key that is in no key set", "P-S2", "key-unknown") { try by(.stranger) }
        refusal("signed by a known key that may not command", "P-S2 P-E2", "key-purpose") { try by(.release) }
        refusal("altered after it was signed", "C-T1 G-T", "signature-invalid") {
            var bytes = try scene.order(inlet)
            bytes[bytes.count - 1] ^= 1
            return bytes
        }
        refusal("signed as something else", "P-E2", "purpose-wrong") {
            let payload = try object(of: try scene.order(inlet)).unverifiedPayload
            return try sign(payload, purpose: .manifest, with: KeyFiles.privateKey(scene.workshop.keyPath(.release)))
        }
        refusal("replayed", "P-S2 C-S2", "command-replayed") {
            let object = try scene.order(.setpoint(actuator: "inlet", permille: 400))
            let first = try scene.send(object)
            try require(first.outcome == .accepted, "the first time it was refused already: \(first.code)")
            _ = try scene.plant("the inlet at rest") { $0.outputs[.inletOpen] != .high && $0.outputs[.inletClose] != .high }
            return object
        }
        refusal("older than one that was taken", "P-S2", "command-replayed") {
            let older = try scene.order(inlet)
            let later = try scene.send(try scene.order(.setpoint(actuator: "inlet", permille: 400)))
            try require(later.outcome == .accepted, "the later one was refused: \(later.code)")
            _ = try scene.plant("the inlet at rest") { $0.outputs[.inletOpen] != .high && $0.outputs[.inletClose] != .high }
            return older
        }
        refusal("for another device", "P-S2 C-S1", "command-device-wrong") {
            try scene.issuer.order(inlet, scene.reports, device: "tank-8")
        }
        refusal("answering another challenge", "P-S2", "command-challenge-stale") {
            try scene.issuer.order(inlet, scene.reports, challenge: [UInt8](repeating: 7, count: 16))
        }
        refusal("after its deadline", "P-S2", "command-deadline-passed") {
            try scene.issuer.order(inlet, scene.reports, validMilliseconds: -2000)
        }
        refusal("no signed object at all", "G-E", "malformed") { (0..<200).map { UInt8(truncatingIfNeeded: $0 * 37) } }
    }
}

private func object(of bytes: [UInt8]) throws -> SignedObject { try SignedObject(bytes.span.bytes) }
