// Roles that end or freeze, one by one: what the plant saw meanwhile, and that they came back.

import Command
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkRoles(_ scene: Scene) {
        check("kill -9 of the uplink: control does not notice, it comes back", threat: "P-E1 P-D1", timeoutSeconds: 240) {
            let stand = try scene.drive(toPermille: 300)
            let mark = scene.mark()
            try scene.command(.kill(.uplink))
            let birth = try scene.birth(since: mark)
            try scene.event("role-ended", "uplink ended by signal 9", since: mark)
            try require(scene.outputs(since: mark).isEmpty, "an output moved")
            try require(scene.tank.inletMicroseconds == stand.tank.inletMicroseconds, "the inlet moved")
            return "inlet unmoved at \(stand.tank.inletPermille) permille, session \(birth.session)"
        }
        check("kill -9 of the keeper: nothing opens, it comes back with another challenge", threat: "P-E1 P-S2", timeoutSeconds: 240) {
            scene.fill(toLitres: 6)
            let stand = try scene.drive(toPermille: 300)
            let first = try require(scene.reports.birth, "no birth")
            let old = try scene.order(.setpoint(actuator: "inlet", permille: 450))
            let mark = scene.mark()
            try scene.command(.kill(.keeper))
            let birth = try scene.birth(since: mark)
            try scene.event("role-ended", "keeper ended by signal 9", since: mark)
            try require(birth.challenge != first.challenge, "the challenge is the same")
            try require(!scene.opened(since: mark), "the inlet was opened")
            try require(scene.tank.inletPermille <= stand.tank.inletPermille, "the inlet went up")
            let stale = try scene.send(old)
            try require(stale.outcome == .refused && stale.code == "command-challenge-stale", "the old order: \(stale.outcome), \(stale.code)")
            try scene.command(.setpoint(actuator: "inlet", permille: 0))
            return "inlet at \(scene.tank.inletPermille) permille; an order of before refused, a new one taken"
        }
        check("kill -9 of the controller as it opens the inlet: stopped, closed, it comes back", threat: "P-E1", timeoutSeconds: 300) {
            scene.fill(toLitres: 6)
            try scene.drive(toPermille: 0)
            let mark = scene.mark()
            try scene.command(.setpoint(actuator: "inlet", permille: 450))
            try scene.seen(.output(.inletOpen, true), since: mark)
            let order = try scene.order(.kill(.controller))
            let sent = scene.mark()
            try scene.rig.observer.publish(Scene.commandTopic, order)
            let closing = try scene.seen(.output(.inletClose, true), since: sent)
            let at = scene.tank.inletPermille
            _ = try scene.plant("a closed inlet") { $0.tank.inletPermille == 0 && $0.isSafe }
            try scene.event("role-ended", "controller ended by signal 9", since: mark)
            try scene.event("referenced", "inlet", since: sent)
            try require(try scene.receipt(order, since: mark).outcome == .accepted, "the order was refused")
            try require(!scene.opened(since: sent), "it was opened again by itself")
            let back = try scene.drive(toPermille: 200)
            return "closing \(milliseconds(from: sent.nanoseconds, to: closing.nanoseconds)) ms after the order, at about \(at) permille; back, at \(back.tank.inletPermille)"
        }
        check("a frozen keeper: outputs safe without its heartbeat, then the watchdog resets the board", threat: "P-D1 P-E1", timeoutSeconds: 300) {
            scene.fill(toLitres: 6)
            let machine = try scene.ready()
            try scene.drive(toPermille: 400)
            let mark = scene.mark()
            try scene.rig.observer.publish(Scene.commandTopic, try scene.order(.freeze(.keeper)))
            let closing = try scene.seen(.output(.inletClose, true), since: mark)
            let ends = try bitten(scene, machine, mark)
            let early = ends.bite - seconds(mark.nanoseconds, closing.nanoseconds)
            try require(early > 1, "the outputs were driven safe only \(early) s before the reset")
            return String(format: "closing %.1f s, reset %.1f s after the order", seconds(mark.nanoseconds, closing.nanoseconds), ends.bite)
        }
        check("a frozen controller as it opens the inlet: stopped within the envelope, then the watchdog resets the board", threat: "P-E1", timeoutSeconds: 300) {
            scene.fill(toLitres: 6)
            let machine = try scene.ready()
            try scene.drive(toPermille: 0)
            try scene.command(.setpoint(actuator: "inlet", permille: 450))
            let mark = scene.mark()
            _ = try scene.plant("an inlet that opens") { $0.outputs[.inletOpen] == .high }
            try scene.rig.observer.publish(Scene.commandTopic, try scene.order(.freeze(.controller)))
            let ends = try bitten(scene, machine, mark)
            let stop = try require(
                scene.outputs(since: mark).first { $0.change == .output(.inletClose, true) }, "nobody closed the inlet")
            let stopped = seconds(mark.nanoseconds, stop.nanoseconds)
            try require(stopped < ends.bite - 1, "nobody closed the inlet before the reset")
            try require(scene.tank.inletHighestPermille <= 500, "it came to \(scene.tank.inletHighestPermille) permille")
            return String(format: "closing %.1f s, reset %.1f s after the order, never above %d permille", stopped, ends.bite, scene.tank.inletHighestPermille)
        }
    }
}

/// Waits for the watchdog's reset and the boot after it; when it bit, in seconds after the mark.
func bitten(_ scene: Scene, _ machine: Machine, _ mark: Scene.Mark) throws -> (bite: Double, bootCount: UInt64) {
    let count = try require(scene.reports.birth, "no birth").stamp.bootCount
    let bite = try require(
        machine.monitor?.wait(for: "WATCHDOG", after: mark.nanoseconds, timeoutSeconds: 90), "the watchdog did not bite")
    try scene.seen(.reset, since: mark)
    let reset = scene.mark()
    let birth = try scene.report("a birth after the reset", timeoutSeconds: 120) { reports in
        reports.birth.flatMap { $0.stamp.bootCount > count ? $0 : nil }
    }
    _ = try scene.plant("a closed inlet") { $0.tank.inletPermille == 0 && $0.isSafe }
    try require(!scene.opened(since: reset), "it was opened")
    return (seconds(mark.nanoseconds, bite.nanoseconds), birth.stamp.bootCount)
}
