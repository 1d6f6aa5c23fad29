// The partial-stroke test: passed by a valve that moves, failed by one that is jammed.

import Command
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkProof(_ scene: Scene) {
        check("partial-stroke test: a sound valve leaves its end and comes back; a jammed one fails, and is held safe", threat: "P-T3", timeoutSeconds: 300) {
            try scene.drive(toPermille: 0)
            var mark = scene.mark()
            try scene.command(.partialStroke(actuator: "inlet"))
            try scene.refused(inlet: 300, "proof-running")
            let passed = try scene.event("proof-passed", "inlet", since: mark)
            let left = try require(scene.last(.input(.inletClosedEnd, false), since: mark), "it never left its end")
            let back = try require(scene.last(.input(.inletClosedEnd, true), since: mark), "it never came back")
            try require(back > left && scene.tank.inletPermille == 0, "it stands at \(scene.tank.inletPermille) permille")
            let stroke = milliseconds(from: left, to: back)
            try scene.drive(toPermille: 300)
            try scene.refused(.partialStroke(actuator: "inlet"), "proof-impossible")
            try scene.drive(toPermille: 0)
            let reason = try scene.with(.jammedValve) { _ in
                mark = scene.mark()
                try scene.command(.partialStroke(actuator: "inlet"))
                let fault = try scene.event("fault", "inlet", since: mark)
                let failed = try scene.event("proof-failed", "inlet", since: mark)
                try scene.refused(inlet: 300, "faulted")
                return "\(failed.code), \(fault.text)"
            }
            try scene.press(until: "fault-reset")
            return "passed, \(passed.value ?? -1) ms to leave the end, away for \(stroke) ms; refused away from an end; jammed: \(reason)"
        }
    }
}
