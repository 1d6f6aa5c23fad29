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

    /// As far as the calibration covers them.
    func checkSensors(_ scene: Scene) {
        check("a level switch that sticks on only makes it safer", threat: "P-T3 P-E2", timeoutSeconds: 240) {
            try scene.drive(toPermille: 300)
            let mark = scene.mark()
            try scene.rig.set(.stuck(.levelHigh, true), true)
            let closing = try scene.seen(.output(.inletClose, true), since: mark, timeoutSeconds: 10)
            _ = try scene.plant("a closed inlet") { $0.tank.inletPermille == 0 }
            try scene.refused(inlet: 300, "tripped")
            let before = scene.mark()
            try scene.rig.set(.stuck(.levelHigh, true), false)
            try scene.event("sensor-changed", "level-high", since: before)
            try scene.press(until: "trip-reset")
            return "closing \(milliseconds(from: mark.nanoseconds, to: closing.nanoseconds)) ms after it stuck, refused until the local reset"
        }
        fault(scene, "end switches that contradict each other", .stuck(.inletOpenEnd, true), "end-switches-contradict", start: 0, order: nil)
        fault(scene, "a jammed valve", .jammedValve, "travel-deviation", start: 0, order: 300)
        fault(scene, "a cut wire to the closing motor", .cut(.inletClose), "travel-late", start: 300, order: 0)
    }

    /// Puts the fault in, gives the order that shows it, and expects the actuator held safe until the local reset.
    private func fault(_ scene: Scene, _ name: String, _ fault: Fault, _ reason: String, start: UInt16, order: UInt16?) {
        check("\(name): found, held safe until the local reset", threat: "P-T3", timeoutSeconds: 300) {
            try scene.drive(toPermille: start)
            let mark = scene.mark()
            try scene.rig.set(fault, true)
            defer { try? scene.rig.set(fault, false) }
            if let order { try scene.command(.setpoint(actuator: "inlet", permille: order)) }
            let found = try scene.event("fault", reason, since: mark, timeoutSeconds: 40)
            try scene.refused(inlet: 200, "faulted")
            try require(scene.wiring.snapshot.outputs[.inletOpen] != .high, "it drives open")
            try scene.rig.set(fault, false)
            let before = scene.mark()
            try scene.press(until: "fault-reset")
            try scene.event("referenced", "inlet", since: before)
            try require(scene.tank.inletPermille == 0, "the inlet is at \(scene.tank.inletPermille) permille")
            return "\(found.text), refused; referenced again after the reset"
        }
    }
}

/// A board whose trip is latched.
private func tripped(_ scene: Scene) throws {
    try scene.ready()
    let receipt = try scene.send(try scene.order(.setpoint(actuator: "inlet", permille: 100)))
    if receipt.code == "tripped" { return }
    let mark = scene.mark()
    scene.wiring.change { $0.fill(toMicrolitres: 18_100_000) }
    try scene.event("tripped", since: mark)
    _ = try scene.plant("a closed inlet") { $0.tank.inletPermille == 0 }
}

private func microseconds(_ from: LineEvent, _ to: LineEvent) -> Int { Int((to.nanoseconds - min(from.nanoseconds, to.nanoseconds)) / 1000) }
