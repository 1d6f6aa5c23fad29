// Machines and wires that do not do what they are told: found in their time, held safe until the local reset.

import Command
import Foundation
import Glibc
import Plant
import Telemetry

/// A fault of the machine, the order that shows it, and what the board must make of it.
private struct Injection {
    let name: String
    let fault: Fault
    let actuator: String
    let reason: String
    /// Where the inlet stands before.
    var start: UInt16 = 0
    var order: Action?
    /// From the fault, or from the first output after the order, to the fault's event at the latest.
    let milliseconds: Int
}

extension Story {
    func checkFaults(_ scene: Scene) {
        check("a level switch that sticks on only makes it safer", threat: "P-T3 P-E2", timeoutSeconds: 240) {
            try scene.drive(toPermille: 300)
            let (closing, before) = try scene.with(.stuck(.levelHigh, true)) { mark in
                let closing = try scene.closes(
                    since: mark, outputMilliseconds: scene.reaction.toOutput(sensor: "level-high"),
                    safeMilliseconds: scene.reaction.toSafe(trip: "level-high", actuator: "inlet"))
                try scene.refused(inlet: 300, "tripped")
                return (closing, scene.mark())
            }
            try scene.event("sensor-changed", "level-high", since: before)
            try scene.press(until: "trip-reset")
            return "\(closing); refused until the local reset"
        }
        // Of the inlet's travel, at the slowest that the calibration allows, and what its switches wait for.
        let travel = { (permille: Int) in permille * 9600 / 1000 + 50 }
        for injection in [
            Injection(name: "end switches that contradict each other", fault: .stuck(.inletOpenEnd, true), actuator: "inlet",
                reason: "end-switches-contradict", milliseconds: 150),
            Injection(name: "a jammed valve", fault: .jammedValve, actuator: "inlet", reason: "travel-deviation",
                order: .setpoint(actuator: "inlet", permille: 300), milliseconds: travel(100) + 1000),
            Injection(name: "a cut wire to the closing motor", fault: .cut(.inletClose), actuator: "inlet", reason: "travel-deviation",
                start: 300, order: .setpoint(actuator: "inlet", permille: 0), milliseconds: travel(200) + 1000),
            Injection(name: "a valve that takes twice its time", fault: .slowValve, actuator: "inlet", reason: "travel-deviation",
                order: .setpoint(actuator: "inlet", permille: 450), milliseconds: travel(400) + 1000),
            Injection(name: "a position feedback that has drifted", fault: .offset(.inletPosition, microamperes: 3000), actuator: "inlet",
                reason: "travel-deviation", start: 300, milliseconds: 1000),
            Injection(name: "an opening output that lies on ground", fault: .shorted(.inletOpen, false), actuator: "inlet", reason: "read-back",
                order: .setpoint(actuator: "inlet", permille: 300), milliseconds: 150),
            Injection(name: "an outlet's output that lies on the supply", fault: .shorted(.outletEnergise, true), actuator: "outlet",
                reason: "read-back", milliseconds: 150),
            Injection(name: "water through a closed inlet", fault: .leakingValve, actuator: "inlet", reason: "no-response", milliseconds: 4000 + 2100),
            Injection(name: "a relay's contact that does not follow", fault: .stuck(.pumpRunning, true), actuator: "pump", reason: "contact",
                milliseconds: 300),
        ] { fault(scene, injection) }
    }

    private func fault(_ scene: Scene, _ injection: Injection) {
        check("\(injection.name): found, held safe until the local reset", threat: "P-T3", timeoutSeconds: 300) {
            try scene.drive(toPermille: injection.start)
            if injection.fault == .leakingValve { scene.wiring.change { $0.supplyShut = false } }
            let (took, reason) = try scene.with(injection.fault) { mark -> (String, String) in
                var from = mark.nanoseconds
                if let order = injection.order {
                    try scene.command(order)
                    from = try require(scene.outputs(since: mark).first, "nothing was driven").nanoseconds
                }
                let found = try scene.event("fault", injection.actuator, since: mark, timeoutSeconds: 40)
                let heard = monotonicNanoseconds()
                try require(found.text.contains(injection.reason), "another reason: \(found.text)")
                // The event travels by journal, broker and observer: what is told is late by that.
                let took = try Reaction.within(
                    scene.reaction.toFault(persistenceMilliseconds: injection.milliseconds) + Scene.newsMilliseconds, "found", from: from, to: heard)
                try scene.refused(injection.refused, "faulted")
                try require(scene.wiring.snapshot.outputs[.inletOpen] != .high, "it drives open")
                return (took, found.text)
            }
            scene.wiring.change { $0.supplyShut = true }
            let before = scene.mark()
            try scene.press(until: "fault-reset")
            if injection.actuator == "inlet" { try scene.event("referenced", "inlet", since: before) }
            try require(scene.tank.inletPermille == 0, "the inlet is at \(scene.tank.inletPermille) permille")
            return "\(reason), \(took); refused; after the reset it stays where it is safe"
        }
    }
}

extension Injection {
    /// An order away from safe.
    var refused: Action {
        switch actuator {
        case "outlet": .select(actuator: actuator, permille: 1000)
        default: .setpoint(actuator: actuator, permille: actuator == "pump" ? 1000 : 200)
        }
    }
}

extension Scene {
    /// What news takes from the board to the rig at the most: a record on the disk, the broker, the observer.
    static let newsMilliseconds = 1500
}
