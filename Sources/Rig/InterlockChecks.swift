// Interlocks: what must hold before something moves, what may not be at once, what sends it back, and in which
// order the causes came.

import Command
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkInterlocks(_ scene: Scene) {
        check("permissive: with the door open the inlet does not open further, and still closes", threat: "P-E1 V-S1", timeoutSeconds: 180) {
            try scene.drive(toPermille: 200)
            scene.door(open: true)
            defer { scene.door(open: false) }
            _ = try scene.report("an open door") { $0.values["door"]?.value == 0 ? true : nil }
            let mark = scene.mark()
            try scene.refused(inlet: 400, "permissive")
            try require(!scene.opened(since: mark), "it opened")
            try scene.command(.setpoint(actuator: "inlet", permille: 0))
            _ = try scene.plant("a closed inlet") { $0.tank.inletPermille == 0 }
            return "400 permille refused at 200, closing taken"
        }
        check("trip by the door: the heater is off in its process safety time; a cut wire of the door's two is as good", threat: "P-T3 P-E2", timeoutSeconds: 240) {
            try heated(scene)
            let mark = scene.mark()
            scene.door(open: true)
            defer { scene.door(open: false) }
            let opened = try scene.seen(.input(.doorClosed, false), since: mark)
            let off = try scene.seen(.output(.heater, false), since: mark)
            let time = try Reaction.within(
                min(scene.reaction.toSafe(trip: "door", actuator: "heater"), scene.reaction.processSafety(trip: "door")), "off",
                from: opened.nanoseconds, to: off.nanoseconds)
            try scene.event("tripped", "heater door: condition", since: mark)
            scene.door(open: false)
            try scene.refused(.setpoint(actuator: "heater", permille: 1000), "tripped")
            try heated(scene)
            let wire = try scene.with(.cut(.doorClosed)) { mark in
                try scene.event("sensor-quality", "door: sensor-discrepancy", since: mark)
                let off = try scene.seen(.output(.heater, false), since: mark)
                try scene.event("tripped", "heater door: sensor-discrepancy", since: mark)
                return try Reaction.within(
                    scene.reaction.toFault(persistenceMilliseconds: 300), "off", from: mark.nanoseconds, to: off.nanoseconds)
            }
            return "door \(time); wire cut, \(wire); refused until the local reset"
        }
        check("a trip that does not latch: dry, the heater is off; covered again, it waits for an order", threat: "P-E2", timeoutSeconds: 240) {
            try heated(scene)
            let mark = scene.mark()
            scene.fill(toLitres: 2)
            defer { scene.fill(toLitres: 6) }
            let low = try scene.seen(.input(.levelLow, true), since: mark)
            let off = try scene.seen(.output(.heater, false), since: mark)
            let time = try Reaction.within(
                scene.reaction.toSafe(trip: "dry", actuator: "heater"), "off", from: low.nanoseconds, to: off.nanoseconds)
            scene.fill(toLitres: 6)
            _ = try scene.report("a heater that is free") { $0.states["heater"].map { $0.firstOut == nil } == true ? true : nil }
            let free = scene.mark()
            usleep(2_500_000)
            try require(scene.onMilliseconds(.heater, since: free) == 0, "it went on by itself")
            try scene.command(.setpoint(actuator: "heater", permille: 1000))
            return "\(time); free without a reset, and off until it was ordered again"
        }
        check("sequence and exclusion: the pump off takes the heater with it; outlet and pump never both", threat: "P-E1", timeoutSeconds: 240) {
            try heated(scene)
            try scene.command(.select(actuator: "outlet", permille: 1000))
            try scene.refused(.setpoint(actuator: "outlet", permille: 1000), "exclusion")
            let mark = scene.mark()
            try scene.command(.setpoint(actuator: "pump", permille: 0))
            let stopped = try scene.seen(.input(.pumpRunning, false), since: mark)
            let off = try scene.seen(.output(.heater, false), since: mark)
            try scene.event("sequence-ended", "heater heater-after-pump", since: mark)
            let time = try Reaction.within(
                scene.reaction.toFault(persistenceMilliseconds: 100), "off", from: stopped.nanoseconds, to: off.nanoseconds)
            try scene.command(.select(actuator: "outlet", permille: 1000))
            try scene.command(.setpoint(actuator: "outlet", permille: 1000))
            _ = try scene.plant("an open outlet") { $0.tank.outletOpen }
            let receipt = try scene.send(try scene.order(.setpoint(actuator: "pump", permille: 1000), with: [scene.shiftLead]))
            try require(receipt.code == "exclusion", "the pump beside an open outlet: \(receipt.outcome), \(receipt.code)")
            try scene.command(.release(actuator: "outlet"))
            return "outlet refused while the pump ran; heater \(time); pump refused while the outlet was open"
        }
        check("first-out of two trips; the reset looks at each again, and starts nothing", threat: "P-E2 V-S1", timeoutSeconds: 240) {
            try scene.drive(toPermille: 300)
            let mark = scene.mark()
            scene.wiring.change { $0.fill(toMicrolitres: 19_600_000) }
            let edge = try scene.seen(.input(.levelHigh, true), since: mark)
            _ = try scene.plant("a closed inlet") { $0.tank.inletPermille == 0 }
            let closed = try require(scene.last(.input(.inletClosedEnd, true), since: mark), "it never closed")
            let time = try Reaction.within(
                min(scene.reaction.toSafe(trip: "level-high", actuator: "inlet"), scene.reaction.processSafety(trip: "level-high")),
                "closed", from: edge.nanoseconds, to: closed)
            try scene.event("tripped", "inlet level-high: condition", since: mark)
            try scene.event("tripped", "inlet level-high-high: condition", since: mark)
            let first = try scene.report("the first-out") { $0.states["inlet"]?.firstOut }
            try require(first == "level-high", "the first was \(first)")
            // Below 18.3 l the second may be reset, and the first may not.
            scene.wiring.change { $0.fill(toMicrolitres: 18_200_000) }
            _ = try scene.report("a level below 18.3 l", timeoutSeconds: 20) { ($0.values["level"]?.value ?? .max) < 18_260 ? true : nil }
            var before = scene.mark()
            try scene.press(until: "reset-refused")
            try scene.event("trip-reset", "level-high-high", since: before)
            try scene.refused(inlet: 300, "tripped")
            scene.fill(toLitres: 6)
            before = scene.mark()
            try scene.press(until: "trip-reset")
            usleep(1_000_000)
            try require(!scene.opened(since: mark), "it opened by itself")
            return "\(time); first-out level-high of 2; one reset, one refused at 18.2 l; then at 0 until a new order"
        }
    }
}

/// A heater that is on all the time, after its pump. Uses up what the hour leaves: restarted where nothing is left.
private func heated(_ scene: Scene) throws {
    try scene.ready()
    scene.heating = nil
    if !scene.tank.pump.isRunning { try scene.command(.setpoint(actuator: "pump", permille: 1000), with: [scene.shiftLead]) }
    _ = try scene.plant("the pump on") { $0.tank.pump.isRunning }
    usleep(2_000_000)
    let mark = scene.mark()
    try scene.command(.setpoint(actuator: "heater", permille: 1000))
    try scene.seen(.output(.heater, true), since: mark)
    try scene.until("the heater always on") {
        scene.onMilliseconds(.heater, since: mark, from: monotonicNanoseconds() - 2_200_000_000) >= 2150
    }
}
