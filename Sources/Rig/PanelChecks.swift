// Hand-Off-Auto at the machine: local beats remote, in the same envelope; what contradicts itself counts as Off.

import Command
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkPanel(_ scene: Scene) {
        check("from Auto to Hand without a bump: remote is refused, the buttons move it, inside the envelope", threat: "V-S1 C-TID-ext P-E1", timeoutSeconds: 240) {
            let stand = try scene.drive(toPermille: 300)
            defer { scene.leaveMachine() }
            var mark = scene.mark()
            scene.turn(.hand)
            try scene.event("selector-changed", "inlet hand", since: mark)
            scene.hold(open: true, close: true)
            usleep(1_000_000)
            scene.hold()
            let moved = scene.outputs(since: mark)
            try require(moved.isEmpty, "the change, or both buttons at once, moved it: \(moved.map { "\($0)" }.joined(separator: ", ")), \(scene.tank.inletPermille) permille, was \(stand.tank.inletPermille)")
            try scene.refused(inlet: 200, "local-authority")
            mark = scene.mark()
            scene.hold(open: true)
            let pressed = try scene.seen(.input(.inletOpenButton, true), since: mark)
            let opening = try scene.seen(.output(.inletOpen, true), since: mark)
            let answer = try Reaction.within(
                scene.reaction.toFault(persistenceMilliseconds: 0), "opening", from: pressed.nanoseconds, to: opening.nanoseconds)
            try scene.event("button-stuck", "inlet", since: mark)
            let highest = scene.tank.inletPermille
            try require(highest > 400 && highest <= 500, "the button brought it to \(highest) permille")
            scene.hold()
            mark = scene.mark()
            scene.hold(close: true)
            try scene.seen(.output(.inletClose, true), since: mark)
            usleep(600_000)
            scene.hold()
            let free = scene.mark()
            _ = try scene.plant("an inlet that stays") { $0.outputs[.inletClose] == .low }
            usleep(700_000)
            let stays = scene.tank.inletPermille
            try require(stays > 200 && !scene.opened(since: free), "it stands at \(stays) permille")
            mark = scene.mark()
            scene.turn(.automatic)
            try scene.event("selector-changed", "inlet auto", since: mark)
            try require(scene.outputs(since: mark).isEmpty, "the change back moved it")
            return "at \(stand.tank.inletPermille) permille through both changes; \(answer), to \(highest) of 500; a button held for 5 s is stuck; let go, it stays at \(stays)"
        }
        check("Off, a selector that says both, and one that flaps: the inlet closes, remote is refused", threat: "V-S1 C-TID-ext", timeoutSeconds: 300) {
            defer { scene.leaveMachine() }
            // Its debounce, and the way back.
            let closing = { (mark: Scene.Mark) in
                try scene.closes(
                    since: mark, outputMilliseconds: scene.reaction.toFault(persistenceMilliseconds: 100),
                    safeMilliseconds: 250 + scene.reaction.toSafe(actuator: "inlet"))
            }
            try scene.drive(toPermille: 300)
            var mark = scene.mark()
            scene.turn(.off)
            let off = try closing(mark)
            try scene.refused(inlet: 200, "selector-off")
            scene.turn(.automatic)
            try scene.drive(toPermille: 200)
            let both = try scene.with(.stuck(.inletHand, true)) { mark in
                let both = try closing(mark)
                try scene.event("selector-changed", "inlet off: contradiction", since: mark)
                return both
            }
            try scene.drive(toPermille: 200)
            mark = scene.mark()
            // So many that one window of ten seconds surely has more than six of them.
            for turn in 0..<16 {
                scene.turn(turn % 2 == 0 ? .hand : .automatic)
                usleep(250_000)
            }
            let flapping = try scene.event("selector-changed", "inlet off: flapping", since: mark)
            _ = try scene.plant("a closed inlet") { $0.tank.inletPermille == 0 }
            try scene.refused(inlet: 200, "selector-off")
            let closed = scene.mark()
            let quiet = try scene.report("the inlet in auto again", timeoutSeconds: 25) { reports in
                reports.events.first { $0.code == "selector-changed" && $0.text == "inlet auto" && $0.stamp.sequence > flapping.stamp.sequence }
            }
            try require(!scene.opened(since: closed), "it opened by itself")
            let seconds = Double(quiet.stamp.monotonicMilliseconds - flapping.stamp.monotonicMilliseconds) / 1000
            try require(seconds >= 9.5, "it was off for \(seconds) s only")
            return String(format: "off: %@; both: %@; flapping: off for %.1f s, until ten of quiet", off, both, seconds)
        }
    }
}
