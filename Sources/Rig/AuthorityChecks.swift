// Who may ask for what: announced, alone, agreed by two, and for a time; and who it was stands in the records.

import Command
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkAuthority(_ scene: Scene) {
        let open = Action.setpoint(actuator: "outlet", permille: 1000)
        let announce = Action.select(actuator: "outlet", permille: 1000)
        check("select before operate: by the same person, for the same position, in its time", threat: "P-S2 P-E1", timeoutSeconds: 180) {
            try free(scene)
            let mark = scene.mark()
            try scene.refused(open, "not-selected")
            try scene.command(announce)
            try scene.refused(open, "not-selected", by: scene.shiftLead)
            usleep(4_500_000)
            try scene.refused(open, "not-selected")
            try require(!scene.wiring.events(since: mark.lines).contains { $0.change == .output(.outletEnergise, true) }, "it opened")
            try scene.command(announce)
            try scene.command(open)
            _ = try scene.plant("an open outlet") { $0.tank.outletOpen }
            return "unannounced, announced by another, 4.5 s late: refused; then opened"
        }
        check("a lease: nobody else meanwhile; unrenewed it ends, and the outlet closes", threat: "P-S2 P-D1", timeoutSeconds: 180) {
            try free(scene)
            let mark = scene.mark()
            try scene.command(announce)
            try scene.command(open)
            try scene.event("lease-began", "outlet operator", since: mark)
            try scene.command(announce, by: scene.shiftLead)
            try scene.refused(open, "lease-held", by: scene.shiftLead)
            try scene.refused(.renew(actuator: "outlet"), "no-lease", by: scene.shiftLead)
            usleep(1_500_000)
            try scene.command(.renew(actuator: "outlet"))
            let renewed = monotonicNanoseconds()
            let holder = try scene.report("who holds it") { $0.states["outlet"]?.holder }
            try require(holder == "operator", "held by \(holder)")
            let closed = try scene.seen(.output(.outletEnergise, false), since: mark, timeoutSeconds: 20)
            // The board took the renewal before its receipt came.
            let kept = seconds(renewed, closed.nanoseconds)
            try require(kept > 4, "closed \(kept) s after the renewal")
            let time = try Reaction.within(6000 + 100 + Reaction.allowanceMilliseconds, "closed", from: renewed, to: closed.nanoseconds)
            try scene.event("lease-ended", "outlet: lease-ended", since: mark)
            // Given back, it closes at once, and is free for the other.
            try scene.command(announce, by: scene.shiftLead)
            try scene.command(open, by: scene.shiftLead)
            _ = try scene.plant("an open outlet") { $0.tank.outletOpen }
            try scene.command(.release(actuator: "outlet"), by: scene.shiftLead)
            _ = try scene.plant("a closed outlet") { !$0.tank.outletOpen }
            return "\(time) of the last renewal; given back, closed"
        }
        check("dual approval: the pump starts for two who signed the same order, not for one twice", threat: "P-S2 P-E2", timeoutSeconds: 180) {
            try free(scene)
            let start = Action.setpoint(actuator: "pump", permille: 1000)
            try scene.refused(start, "approvals")
            try scene.refused(start, "approvals", by: scene.shiftLead)
            let wrong = try scene.send(try scene.order(start, with: [Issuer(keyPath: scene.workshop.keyPath(.release))]))
            try require(wrong.outcome == .refused, "taken with a signer who may not command")
            try require(!scene.tank.pump.isRunning, "it started")
            try scene.command(start, with: [scene.shiftLead])
            _ = try scene.plant("the pump on") { $0.tank.pump.isRunning }
            try scene.command(.setpoint(actuator: "pump", permille: 0))
            _ = try scene.plant("the pump off") { !$0.tank.pump.isRunning }
            return "one, the other, and one with a foreign key: refused (\(wrong.code)); both: on; off by one"
        }
        check("a bypass: never of an essential trip, never longer than allowed, told, and ended", threat: "P-E2", timeoutSeconds: 240) {
            try free(scene)
            try scene.refused(.bypass(trip: "level-high", minutes: 1), "bypass-forbidden")
            try scene.refused(.bypass(trip: "level-high-high", minutes: 3), "bypass-too-long")
            try scene.drive(toPermille: 200)
            let mark = scene.mark()
            try scene.command(.bypass(trip: "level-high-high", minutes: 1))
            try scene.event("bypass-began", "level-high-high", since: mark)
            _ = try scene.report("the bypass in the state") { $0.bypasses == ["level-high-high"] ? true : nil }
            let closed = try scene.with(.offset(.levelA, microamperes: 12_000)) { _ in
                try scene.with(.offset(.levelB, microamperes: 12_000)) { _ in
                    _ = try scene.report("two that say too much") { ($0.values["level"]?.value ?? 0) > 19_000 ? true : nil }
                    let before = scene.mark()
                    usleep(1_000_000)
                    try require(scene.outputs(since: before).isEmpty, "the bypassed trip moved it")
                    let end = scene.mark()
                    try scene.command(.bypass(trip: "level-high-high", minutes: 0))
                    try scene.event("bypass-ended", "level-high-high", since: end)
                    return try scene.closes(
                        since: end, outputMilliseconds: Scene.newsMilliseconds + Reaction.allowanceMilliseconds,
                        safeMilliseconds: Scene.newsMilliseconds + scene.reaction.toSafe(trip: "level-high-high", actuator: "inlet"))
                }
            }
            try scene.event("tripped", "inlet level-high-high: condition", since: mark)
            return "essential, and 3 of 2 minutes: refused; bypassed, two that say 19 l moved nothing; ended, \(closed)"
        }
    }

    /// What a minute's bypass comes to by itself; begun before other checks, ended after them.
    func checkBypassBegins(_ scene: Scene) {
        check("a bypass is begun for a minute", threat: "P-E2", timeoutSeconds: 180) {
            try bypass(scene)
            return "level-high-high"
        }
    }

    func checkBypassEnds(_ scene: Scene) {
        check("a bypass ends by itself", threat: "P-E2", timeoutSeconds: 240) {
            if scene.bypassed == nil { try bypass(scene) }
            let mark = try require(scene.bypassed, "it was never begun")
            let ended = try scene.event("bypass-ended", "level-high-high", since: mark, timeoutSeconds: 90)
            let began = try scene.event("bypass-began", "level-high-high", since: mark)
            scene.bypassed = nil
            let milliseconds = ended.stamp.monotonicMilliseconds - began.stamp.monotonicMilliseconds
            try require((59_000...62_000).contains(milliseconds), "after \(milliseconds) ms")
            try scene.refused(.bypass(trip: "level-high-high", minutes: 1), "bypass-rest")
            return "after \(milliseconds) ms of 60000, by the board's clock; the next one must wait"
        }
    }

    /// Looks back at all that was ordered: nobody did anything without a name.
    func checkAudit(_ scene: Scene) {
        check("the whole story: who, and what, in every answer", threat: "P-S2") {
            scene.refreshed()
            let taken = scene.reports.receipts.filter { $0.outcome != .refused }
            try require(!taken.isEmpty, "nothing was ordered")
            for receipt in taken { try require(receipt.issuer != nil, "\(receipt.code): \(receipt.text) has no issuer") }
            let named = scene.reports.receipts.filter { $0.issuer != nil }.count
            let events = scene.reports.events.filter { $0.point != nil }
            for event in events { try require(!event.text.isEmpty, "\(event.code) says nothing") }
            let causes = events.filter { ["tripped", "fault"].contains($0.code) }
            for event in causes { try require(event.text.contains(": "), "\(event.code) names no cause: \(event.text)") }
            return "\(taken.count) taken, each by name; \(named) of \(scene.reports.receipts.count) answers name their issuer; \(causes.count) trips and faults name their cause"
        }
    }
}

private func bypass(_ scene: Scene) throws {
    try scene.ready()
    let mark = scene.mark()
    try scene.command(.bypass(trip: "level-high-high", minutes: 1))
    try scene.event("bypass-began", "level-high-high", since: mark)
    scene.bypassed = mark
}

/// Outlet and pump are nobody's.
private func free(_ scene: Scene) throws {
    try scene.ready()
    try scene.command(.setpoint(actuator: "pump", permille: 0))
    if scene.reports.states["outlet"]?.holder != nil {
        _ = try scene.report("a lease that ends", timeoutSeconds: 20) { $0.states["outlet"]?.holder == nil ? true : nil }
    }
    _ = try scene.plant("pump and outlet at rest") { !$0.tank.pump.isRunning && !$0.tank.outletOpen }
}
