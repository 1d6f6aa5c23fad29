// The trip, its latch and its local reset; and sensors and wires that lie.

import Command
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkControl(_ scene: Scene) {
        check("high level trips: the inlet closes at once, whatever is ordered", threat: "P-E2", timeoutSeconds: 240) {
            scene.fill(toLitres: 6)
            try scene.drive(toPermille: 400)
            // The motor rests between two directions: that is no part of the reaction.
            usleep(500_000)
            let mark = scene.mark()
            scene.wiring.change { $0.fill(toMicrolitres: 18_100_000) }
            let edge = try scene.seen(.input(.levelHigh, true), since: mark)
            let closing = try scene.seen(.output(.inletClose, true), since: mark, timeoutSeconds: 10)
            _ = try scene.plant("a closed inlet") { $0.tank.inletPermille == 0 }
            try scene.event("tripped", since: mark)
            try scene.refused(inlet: 300, "tripped")
            try require(!scene.opened(since: mark), "it was opened again")
            return "closing \(microseconds(edge, closing)) us after the level's edge; 300 permille refused"
        }
        check("the trip is latched: with the level gone, orders are still refused", threat: "P-E2", timeoutSeconds: 120) {
            try tripped(scene)
            let mark = scene.mark()
            scene.fill(toLitres: 6)
            _ = try scene.report("a level below the mark") { $0.values["level-high"]?.value == 0 ? true : nil }
            try scene.refused(inlet: 300, "tripped")
            try require(!scene.opened(since: mark), "it opened")
            return "300 permille refused at \(scene.tank.levelPermille) permille of level"
        }
        check("a restart from afar does not reset the trip", threat: "P-E2", timeoutSeconds: 240) {
            try tripped(scene)
            scene.fill(toLitres: 6)
            let mark = scene.mark()
            try scene.command(.reboot)
            try scene.event("reboot-refused", since: mark)
            try scene.command(.kill(.controller))
            try scene.event("role-ended", since: mark)
            try scene.event("referenced", since: mark)
            try scene.refused(inlet: 300, "tripped")
            try require(!scene.opened(since: mark), "it opened")
            return "reboot refused; 300 permille refused by the controller that came after"
        }
        check("a latched trip outlives a power cut and the watchdog's reset", threat: "P-E2 P-D2", timeoutSeconds: 300) {
            try tripped(scene)
            scene.fill(toLitres: 6)
            let mark = scene.mark()
            try scene.powerOn()
            try scene.event("tripped", "inlet level-high: restored", since: mark)
            let restored = try scene.report("the first-out after the cut") { $0.states["inlet"]?.firstOut }
            try require(restored == "level-high", "the first was \(restored)")
            try scene.refused(inlet: 300, "tripped")
            let cut = scene.mark()
            try scene.rig.observer.publish(Scene.commandTopic, try scene.order(.freeze(.keeper)))
            let ends = try bitten(scene, try scene.machine(), cut)
            try scene.refused(inlet: 300, "tripped")
            let first = try scene.report("the first-out") { $0.states["inlet"]?.firstOut }
            try require(first == "level-high", "the first was \(first)")
            try require(!scene.opened(since: mark), "it opened")
            return String(format: "restored after the cut, and after the reset that came %.1f s after the keeper froze; refused each time", ends.bite)
        }
        check("the local button resets the trip, and starts nothing", threat: "V-S1 P-E2", timeoutSeconds: 180) {
            try tripped(scene)
            scene.wiring.change { $0.fill(toMicrolitres: 18_100_000) }
            try scene.press(until: "reset-refused")
            scene.fill(toLitres: 6)
            let mark = scene.mark()
            try scene.press(until: "trip-reset")
            usleep(2_000_000)
            try require(!scene.opened(since: mark), "it opened by itself")
            let still = scene.tank.inletPermille
            try require(still == 0, "the inlet is at \(still) permille")
            let stand = try scene.drive(toPermille: 200)
            return "refused while the level stood; then at 0 for 2 s, and at \(stand.tank.inletPermille) permille by a new order"
        }
    }
}

/// A board whose trip is latched, as the check before may have left it.
func tripped(_ scene: Scene) throws {
    try scene.running()
    if scene.reports.states["inlet"]?.firstOut == "level-high" { return }
    try scene.ready()
    let mark = scene.mark()
    scene.wiring.change { $0.fill(toMicrolitres: 18_100_000) }
    try scene.event("tripped", since: mark)
    _ = try scene.plant("a closed inlet") { $0.tank.inletPermille == 0 }
}

private func microseconds(_ from: LineEvent, _ to: LineEvent) -> Int { Int((to.nanoseconds - min(from.nanoseconds, to.nanoseconds)) / 1000) }
