// A calibration that takes over while the board runs: signed, newer, ordered for this one device; bumplessly
// where only limits differ, else when everything is at rest; and no older one after it.

import Calibration
import Command
import Compiler
import Cryptography
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkCalibration(_ scene: Scene) {
        check("a newer calibration takes over without a bump, its digest in all that is reported; an older one is refused", threat: "P-T4 P-E1", timeoutSeconds: 300) {
            let stand = try scene.drive(toPermille: 300)
            let before = try require(scene.reports.birth, "no birth")
            let old = try scene.variant(version: scene.version + 1, [])
            let faster = ("dead-band-permille = 10", "slew-percent-per-second = 8")
            let new = try scene.variant(version: scene.version + 2, [faster])
            let stranger = try scene.variant(version: scene.version + 3, [], key: .stranger)
            try require(try scene.send(stranger.object).code == "key-unknown", "the stranger's was not refused")
            try scene.refused(.calibration(digest: new.digest), "calibration-unknown")
            let mark = scene.mark()
            try scene.offer(new)
            try require(scene.reports.birth?.calibrationDigest == before.calibrationDigest, "it took over before it was ordered")
            try scene.command(.calibration(digest: new.digest))
            try scene.birth(since: mark, of: new)
            try scene.event("calibration-changed", since: mark)
            try require(scene.outputs(since: mark).isEmpty, "an output moved")
            try require(scene.tank.inletMicroseconds == stand.tank.inletMicroseconds, "the inlet moved")
            _ = try scene.report("data that carries its digest") { reports in
                reports.data.dropFirst(mark.data).contains { $0.calibration == Array(new.digest.prefix(8)) } ? true : nil
            }
            try require(try scene.send(old.object).code == "calibration-rollback", "the older one was not refused")
            let slew = try slew(scene)
            // A shorter time away is not held against what is away already: it takes over at rest.
            try scene.drive(toPermille: 0)
            let shorter = try scene.variant(version: scene.version + 1, [faster, ("maximum-away-seconds = 120", "maximum-away-seconds = 20")])
            let later = scene.mark()
            try scene.offer(shorter)
            try scene.command(.calibration(digest: shorter.digest))
            try scene.birth(since: later, of: shorter)
            let away = try away(scene)
            return "in force with the inlet at \(stand.tank.inletPermille) permille, no output moved; slew \(slew) of 80 permille a second; away for \(away) of 20000 ms; older: refused"
        }
        check("a calibration that changes more waits until everything is at rest; it outlives a power cut", threat: "P-T4 P-D2", timeoutSeconds: 300) {
            let new = try scene.variant(version: scene.version + 1, [("changes-maximum = 6", "changes-maximum = 7")])
            try scene.drive(toPermille: 300)
            let before = try require(scene.reports.birth, "no birth")
            let mark = scene.mark()
            try scene.offer(new)
            try scene.command(.calibration(digest: new.digest))
            let pending = try scene.event("calibration-pending", since: mark)
            usleep(1_000_000)
            try require(scene.outputs(since: mark).isEmpty, "an output moved")
            try require(scene.reports.birth?.calibrationDigest == before.calibrationDigest, "it took over with the inlet open")
            try scene.command(.setpoint(actuator: "inlet", permille: 0))
            try scene.birth(since: mark, of: new)
            let birth = try scene.powerOn()
            try require(birth.calibrationDigest == new.digest, "another calibration is in force after the cut")
            try scene.drive(toPermille: 200)
            return "\(pending.text.prefix(90)); in force at rest, and after a power cut"
        }
    }
}

/// What the inlet opens by in a second at the most, permille.
private func slew(_ scene: Scene) throws -> Int {
    try scene.drive(toPermille: 0)
    let mark = scene.mark()
    try scene.command(.setpoint(actuator: "inlet", permille: 450))
    try scene.seen(.output(.inletOpen, true), since: mark)
    var fastest: Int64 = 0, before = scene.tank.inletPermille
    for _ in 0..<3 {
        usleep(1_000_000)
        let now = scene.tank.inletPermille
        fastest = max(fastest, now - before)
        before = now
    }
    // The tick, and what the plant does in it at its own speed.
    try require(fastest <= 80 + 15 && before >= 150, "\(fastest) permille in a second, at \(before) after three")
    return Int(fastest)
}

/// How long the inlet stays open without another order.
private func away(_ scene: Scene) throws -> Int {
    let mark = scene.mark()
    try scene.drive(toPermille: 300)
    try scene.event("maximum-away", "inlet", since: mark, timeoutSeconds: 40)
    // It takes orders again once it is surely back: it is driven closed for longer than it takes.
    _ = try scene.plant("a closed inlet at rest") { $0.tank.inletPermille == 0 && $0.outputs[.inletClose] != .high }
    usleep(500_000)
    let left = try require(scene.wiring.events(since: 0).last { $0.change == .input(.inletClosedEnd, false) }, "it was never open")
    let closing = try require(scene.last(.output(.inletClose, true), since: mark), "it was never closed")
    let took = milliseconds(from: left.nanoseconds, to: closing)
    try require(took <= 20_000 + 150 + Reaction.allowanceMilliseconds, "it was away for \(took) ms")
    return took
}

extension Scene {
    /// A signed calibration, and the digest of its payload.
    struct Signed {
        let object: [UInt8]
        let digest: [UInt8]
        let version: Int
    }

    /// The board's calibration with some of its text changed, signed.
    func variant(version: Int, _ changes: [(String, String)], key: Workshop.Key = .calibrator) throws -> Signed {
        var text = try String(contentsOfFile: workshop.boardFolder + "/calibration.toml", encoding: .utf8)
        for (old, new) in [("version = 1 ", "version = \(version) ")] + changes {
            try require(text.contains(old), "the board's calibration has no '\(old)'")
            text = text.replacing(old, with: new, maxReplacements: 1)
        }
        let name = "calibration-\(version)", path = "\(workshop.folder)/\(name).toml"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let object = [UInt8](try Data(contentsOf: URL(fileURLWithPath: workshop.calibration(path, name: name, key: key))))
        let payload = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(workshop.folder)/\(name).cbor")))
        return Signed(object: object, digest: SHA256.hash(payload.span.bytes).bytes, version: version)
    }

    /// Sends a calibration: it is held, and changes nothing yet.
    fileprivate func offer(_ calibration: Signed) throws {
        let receipt = try send(calibration.object)
        try require(receipt.outcome == .accepted && receipt.code == "calibration-held", "\(receipt.outcome), \(receipt.code)")
    }

    /// The birth that says that it is in force.
    @discardableResult
    fileprivate func birth(since mark: Mark, of calibration: Signed) throws -> Birth {
        let birth = try report("a birth of version \(calibration.version)") { reports in
            reports.births > mark.births && reports.birth?.calibrationDigest == calibration.digest ? reports.birth : nil
        }
        version = calibration.version
        return birth
    }
}
