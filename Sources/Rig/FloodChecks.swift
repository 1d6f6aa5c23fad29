// A broker that sends all that it can, while the valve moves and the level rises: the tick holds, the trip
// is as quick as ever, and an honest order gets through in the end.

import Command
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkFlood(_ scene: Scene) {
        check("a flood of signed and of unsigned objects while the valve moves and the level rises", threat: "G-D P-E1 P-E2", timeoutSeconds: 300) {
            try scene.drive(toPermille: 0)
            usleep(500_000)
            let calm = try reaction(scene)
            try scene.press(until: "trip-reset")
            try scene.drive(toPermille: 0)
            let mark = scene.mark()
            try scene.command(.setpoint(actuator: "inlet", permille: 450))
            try scene.seen(.output(.inletOpen, true), since: mark)
            // One that holds, sent again and again: each has to be verified to be found a replay.
            let signed = try scene.order(.setpoint(actuator: "inlet", permille: 500))
            let flood = Flood(scene.rig.observer)
            flood.send(Scene.commandTopic, signed, count: 1500)
            let start = monotonicNanoseconds()
            _ = try scene.plant("an inlet that opens") { $0.tank.inletPermille > 100 }
            let loaded = try reaction(scene, isOpening: true)
            try flood.end()
            let took = seconds(start, monotonicNanoseconds())
            let highest = scene.tank.inletHighestPermille
            try require(highest <= 500, "it was open \(highest) permille")
            try require(loaded <= scene.reaction.toOutput(sensor: "level-high") * 1000, "the reaction took \(loaded) us")
            // What it left behind is worked off before an honest order gets through.
            scene.fill(toLitres: 6)
            var tries = 0
            while (try? scene.refused(inlet: 300, "tripped")) == nil {
                tries += 1
                try require(tries < 12, "an honest order still gets no answer")
            }
            scene.refreshed()
            let late = scene.reports.events.dropFirst(mark.events).filter { $0.code == "tick-late" }.compactMap(\.value)
            try require(late.allSatisfy { $0 < 3000 }, "a tick came after \(late.max() ?? 0) ms")
            try require(!scene.reports.events.dropFirst(mark.events).contains { $0.code == "role-ended" }, "a role ended")
            let looked = scene.reports.receipts.dropFirst(mark.receipts).count { $0.code == "command-replayed" }
            try scene.press(until: "trip-reset")
            return "\(flood.sent) objects in \(String(format: "%.1f", took)) s, \(looked) verified; closing \(loaded) us after the level's edge (\(calm) us in calm), \(late.count) ticks late (\(late.max() ?? 0) ms at most), at most \(highest) permille"
        }
    }
}

/// Lets the level rise, and sees the inlet turned: microseconds from the edge.
private func reaction(_ scene: Scene, isOpening: Bool = false) throws -> Int {
    if !isOpening {
        try scene.drive(toPermille: 300)
        usleep(500_000)
    }
    let mark = scene.mark()
    scene.wiring.change { $0.fill(toMicrolitres: 18_100_000) }
    let edge = try scene.seen(.input(.levelHigh, true), since: mark)
    // One that opens stops first, and rests before it closes.
    let answer = try scene.seen(isOpening ? .output(.inletOpen, false) : .output(.inletClose, true), since: mark, timeoutSeconds: 15)
    _ = try scene.plant("a closed inlet") { $0.tank.inletPermille == 0 }
    scene.fill(toLitres: 6)
    return Int((answer.nanoseconds - min(edge.nanoseconds, answer.nanoseconds)) / 1000)
}

/// Sends one object over and over beside whatever else goes on.
private final class Flood: @unchecked Sendable {
    private let observer: Observer
    private let condition = NSCondition()
    private var isDone = false
    private var failure: (any Error)?
    private(set) var sent = 0

    init(_ observer: Observer) { self.observer = observer }

    func send(_ topic: String, _ object: [UInt8], count: Int) {
        sent = count
        Thread { [self] in
            var failure: (any Error)?
            do { try observer.flood(topic, object, count: count) } catch let error { failure = error }
            condition.lock()
            (isDone, self.failure) = (true, failure)
            condition.broadcast()
            condition.unlock()
        }.start()
    }

    /// Waits until all is sent.
    func end() throws {
        condition.lock()
        defer { condition.unlock() }
        while !isDone { condition.wait() }
        if let failure { throw failure }
    }
}
