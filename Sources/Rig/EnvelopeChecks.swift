// The envelope itself, as the plant saw it: positions, times and wear, whoever asks in whatever order.

import Command
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkEnvelope(_ scene: Scene) {
        check("static limits: least opening, phases, positions that an actuator does not have", threat: "P-E1 P-T4", timeoutSeconds: 240) {
            try scene.drive(toPermille: 0)
            try scene.refused(inlet: 30, "limit-position")
            try scene.refused(.select(actuator: "outlet", permille: 500), "not-a-position")
            let mark = scene.mark()
            try scene.command(.phase("rinse"))
            try scene.event("phase-changed", "rinse", since: mark)
            try scene.refused(inlet: 300, "limit-position")
            let stand = try scene.drive(toPermille: 180)
            try scene.command(.phase("run"))
            try scene.drive(toPermille: 300)
            try scene.refused(.phase("rinse"), "phase-limits")
            try require(scene.tank.inletHighestPermille <= 500, "it was open \(scene.tank.inletHighestPermille) permille")
            return "30 permille, half an outlet, 300 in 'rinse', 'rinse' at 300 refused; at \(stand.tank.inletPermille) in 'rinse'"
        }
        check("dead band, rest between two directions, least time on and off", threat: "P-E1", timeoutSeconds: 240) {
            try scene.drive(toPermille: 300)
            var mark = scene.mark()
            try scene.command(.setpoint(actuator: "inlet", permille: 305))
            usleep(1_000_000)
            try require(scene.outputs(since: mark).isEmpty, "5 permille moved it: \(scene.outputs(since: mark)[0])")
            mark = scene.mark()
            try scene.command(.setpoint(actuator: "inlet", permille: 450))
            try scene.seen(.output(.inletOpen, true), since: mark)
            try scene.command(.setpoint(actuator: "inlet", permille: 0))
            let turned = try scene.seen(.output(.inletClose, true), since: mark)
            let opened = try require(scene.last(.output(.inletOpen, false), since: mark), "it went on opening")
            let rest = milliseconds(from: opened, to: turned.nanoseconds)
            // Between two writes to the lines, as the plant saw them: each may have been a tick under way.
            try require(rest >= 150, "it turned after \(rest) ms, 200 at least, but for a tick")
            let (on, off) = try pulse(scene)
            try require(on >= 950 && off >= 950, "the outlet was on for \(on) and off for \(off) ms, 1000 at least, but for a tick")
            return "5 permille moved nothing; turned after \(rest) of 200 ms; outlet on \(on), off \(off) of 1000 ms"
        }
        check("lifetime: so many cycles, and maintenance is called for", timeoutSeconds: 240) {
            try scene.ready()
            // The count outlives every boot: a check before this one may have made it full.
            var cycles = 0
            while !scene.reports.events.contains(where: { $0.code == "lifetime" && $0.text.hasPrefix("outlet") }) {
                try require(cycles < 6, "no alarm after \(cycles) cycles")
                _ = try pulse(scene)
                cycles += 1
                usleep(300_000)
                scene.refreshed()
            }
            return "an alarm at the fifth cycle of the outlet (\(cycles) of them now), and it goes on working"
        }
    }

    /// What takes a minute is begun before other checks and ended after them.
    func checkHeaterBegins(_ scene: Scene) {
        check("sequence and slew: the heater only after the pump, and its share rises at its rate", threat: "P-E1", timeoutSeconds: 240) {
            let began = try heat(scene)
            return "refused before the pump ran; on for \(began.onMilliseconds) ms of the first 4 s, 4000 without the rate; full after \(began.fullMilliseconds) ms"
        }
    }

    func checkHeaterEnds(_ scene: Scene) {
        check("running time: the heater's minute of this hour is used up, and it stays off", threat: "P-E1", timeoutSeconds: 240) {
            if scene.heating == nil { try heat(scene) }
            let began = try require(scene.heating, "it was never on")
            try scene.event("duty-exhausted", "heater: running-time", since: began.mark, timeoutSeconds: 90)
            _ = try scene.plant("the heater off") { $0.outputs[.heater] == .low }
            let on = scene.onMilliseconds(.heater, since: began.mark)
            try require(on <= 60_000 + 2000 + Reaction.allowanceMilliseconds, "it was on for \(on) ms")
            try require(on >= 55_000, "it was on for \(on) ms only")
            try scene.refused(.setpoint(actuator: "heater", permille: 500), "running-time")
            let mark = scene.mark()
            usleep(3_000_000)
            try require(scene.onMilliseconds(.heater, since: mark) == 0, "it went on again")
            scene.heating = nil
            return "off after \(on) ms of being on; 50 % refused, still off 3 s later"
        }
        check("starts: the pump's six of this hour, the seventh is refused", threat: "P-E1 V-S1", timeoutSeconds: 240) {
            try scene.ready()
            // A heater that is on would only make it longer.
            try scene.command(.setpoint(actuator: "heater", permille: 0))
            let mark = scene.mark()
            var starts = 0
            while true {
                try scene.command(.setpoint(actuator: "pump", permille: 0))
                _ = try scene.plant("the pump off") { !$0.tank.pump.isRunning }
                let receipt = try scene.send(try scene.order(.setpoint(actuator: "pump", permille: 1000), with: [scene.shiftLead]))
                if receipt.outcome == .refused {
                    try require(receipt.code == "starts-per-hour", "refused: \(receipt.code)")
                    break
                }
                _ = try scene.plant("the pump on") { $0.tank.pump.isRunning }
                starts += 1
                try require(starts <= 6, "it was started \(starts) times")
            }
            try scene.event("duty-exhausted", "pump: starts-per-hour", since: mark)
            let pulses = scene.outputs(since: mark).filter { $0.change == .output(.pumpSet, true) }.count
            try require(pulses == starts, "\(pulses) pulses for \(starts) starts")
            let before = scene.mark()
            try scene.command(.kill(.controller))
            try scene.event("referenced", "inlet", since: before)
            let receipt = try scene.send(try scene.order(.setpoint(actuator: "pump", permille: 1000), with: [scene.shiftLead]))
            try require(receipt.code == "starts-per-hour", "after the controller's restart: \(receipt.code)")
            // Nobody waits for the hour: the next checks begin with a board that remembers none.
            let machine = try scene.running()
            machine.cutPower()
            try ColdDisk(machine, scene.workshop).eraseControllerState()
            return "\(starts) more started it, as the plant saw it; then starts-per-hour, after the controller's restart too"
        }
    }
}

/// Opens the outlet and closes it at once, twice: how long it was on, and off, at the least.
private func pulse(_ scene: Scene) throws -> (on: Int, off: Int) {
    try scene.ready()
    let mark = scene.mark()
    for _ in 0..<2 {
        try scene.command(.select(actuator: "outlet", permille: 1000))
        try scene.command(.setpoint(actuator: "outlet", permille: 1000))
        _ = try scene.plant("an open outlet") { $0.outputs[.outletEnergise] == .high }
        try scene.command(.setpoint(actuator: "outlet", permille: 0))
        _ = try scene.plant("a closed outlet") { $0.outputs[.outletEnergise] == .low }
    }
    let edges = scene.edges(.outletEnergise, since: mark)
    return (
        min(milliseconds(from: edges[0], to: edges[1]), milliseconds(from: edges[2], to: edges[3])),
        milliseconds(from: edges[1], to: edges[2])
    )
}

/// Starts pump and heater; the heater is left running.
@discardableResult
private func heat(_ scene: Scene) throws -> Scene.Heating {
    try scene.ready()
    try scene.command(.setpoint(actuator: "pump", permille: 0))
    _ = try scene.plant("the pump off") { !$0.tank.pump.isRunning }
    try scene.refused(.setpoint(actuator: "heater", permille: 1000), "sequence")
    try scene.command(.setpoint(actuator: "pump", permille: 1000), with: [scene.shiftLead])
    _ = try scene.plant("the pump on") { $0.tank.pump.isRunning }
    usleep(2_000_000)
    let mark = scene.mark()
    try scene.command(.setpoint(actuator: "heater", permille: 1000))
    let first = try scene.seen(.output(.heater, true), since: mark)
    usleep(4_000_000)
    let on = scene.onMilliseconds(.heater, since: mark, until: first.nanoseconds + 4_000_000_000)
    // 20 % a second: the first two periods of two seconds have at most 40 and 80 percent.
    try require(on <= 2400 + Reaction.allowanceMilliseconds, "it was on for \(on) of the first 4000 ms")
    try scene.until("the heater always on") {
        scene.onMilliseconds(.heater, since: mark, from: monotonicNanoseconds() - 2_500_000_000) >= 2450
    }
    let full = milliseconds(from: first.nanoseconds, to: scene.edges(.heater, since: mark).last ?? 0)
    let heating = Scene.Heating(mark: mark, onMilliseconds: on, fullMilliseconds: full)
    scene.heating = heating
    return heating
}

extension Scene {
    /// A heater that was started and left on.
    struct Heating {
        let mark: Mark
        let onMilliseconds: Int
        let fullMilliseconds: Int
    }

    /// Waits for what has to be reckoned from the log.
    func until(_ what: String, timeoutSeconds: Double = 20, _ holds: () -> Bool) throws {
        let deadline = Date(timeIntervalSinceNow: timeoutSeconds)
        while !holds() {
            guard Date() < deadline else { throw Unmet("\(what): not seen by the plant within \(Int(timeoutSeconds)) s") }
            usleep(50_000)
        }
    }

    /// The last such change since then.
    func last(_ change: LineEvent.Change, since mark: Mark) -> UInt64? {
        wiring.events(since: mark.lines).last { $0.change == change }?.nanoseconds
    }

    /// When an output changed, on and off in turn, beginning with on.
    func edges(_ line: Line, since mark: Mark) -> [UInt64] {
        var expected = true, edges: [UInt64] = []
        for event in wiring.events(since: mark.lines) where event.change == .output(line, expected) {
            edges.append(event.nanoseconds)
            expected.toggle()
        }
        return edges
    }

    /// For how long an output was on, within a stretch of time after the mark.
    func onMilliseconds(_ line: Line, since mark: Mark, from: UInt64 = 0, until: UInt64 = monotonicNanoseconds()) -> Int {
        let edges = edges(line, since: mark)
        var nanoseconds: UInt64 = 0
        for index in stride(from: 0, to: edges.count, by: 2) {
            let on = max(edges[index], from), off = min(index + 1 < edges.count ? edges[index + 1] : until, until)
            if off > on { nanoseconds += off - on }
        }
        return Int(nanoseconds / 1_000_000)
    }
}
