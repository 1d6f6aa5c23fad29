// The analogue inputs: what the plant's transmitters say arrives; one of three that lies is named and outvoted,
// two are a trip; and a bus that hangs holds up nothing else.

import Command
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkAnalogues(_ scene: Scene) {
        check("analogue inputs: a bus that hangs keeps no board from booting, and what is missing is said", timeoutSeconds: 180) {
            let machine = try scene.machine()
            if machine.isOn { machine.cutPower() }
            let mark = scene.mark()
            try scene.rig.set(.frozenBus, true)
            defer { try? scene.rig.set(.frozenBus, false) }
            let start = monotonicNanoseconds()
            try machine.start()
            let safe = try scene.seen(.output(.inletClose, true), since: mark, timeoutSeconds: 90)
            let found = try scene.console("analogue inputs after", since: mark)
            try require(found.contains("0 of 4"), found)
            let birth = try scene.birth(since: mark)
            for transmitter in Transmitter.allCases { try scene.event("analogue-missing", transmitter.rawValue, since: mark) }
            try require(birth.boot.failure == nil, "failed: \(birth.boot.failure ?? "")")
            // The next boot finds them.
            machine.cutPower()
            return String(
                format: "safe %.1f s, birth %.1f s after power on, 4 of 4 said to be missing", seconds(start, safe.nanoseconds),
                seconds(start, monotonicNanoseconds()))
        }
        check("analogue inputs: found at every boot", timeoutSeconds: 180) {
            let machine = try scene.machine()
            if machine.isOn { machine.cutPower() }
            let mark = scene.mark()
            try machine.start()
            let birth = try scene.birth(since: mark)
            let step = try require(birth.boot.steps.first { $0.contains("analogue inputs") }, "the boot says nothing of them")
            try require(step.hasPrefix("4 of 4"), step)
            return step
        }
        check("analogue inputs: what the plant's transmitters say is what the board reports, within 1 % of their span", timeoutSeconds: 240) {
            try scene.ready()
            var worst: Int64 = 0, slowest = 0
            // Steps that no water makes: the third transmitter's rate limit holds each back for seconds.
            for litres in [6, 1, 10, 16, 3] as [Int64] {
                let start = monotonicNanoseconds()
                scene.fill(toLitres: litres)
                for transmitter in [Transmitter.levelA, .levelB, .levelC] {
                    worst = max(worst, try arrives(scene, transmitter, litres * 1000, ofSpan: 20_000))
                }
                slowest = max(slowest, milliseconds(from: start, to: monotonicNanoseconds()))
            }
            try scene.drive(toPermille: 300)
            let position = try arrives(scene, .inletPosition, scene.tank.inletPermille * 1000, ofSpan: 1_000_000)
            return "15 levels within \(worst) ml of 20 l, the slowest three after \(slowest) ms; the position within \(position) of 1000000"
        }
        check("one of three transmitters lies: each way is named in its time, the vote goes on", threat: "P-T3", timeoutSeconds: 300) {
            try settled(scene)
            let stand = try scene.drive(toPermille: 300)
            let start = scene.mark()
            var figures: [String] = []
            // 0 and 25 mA, and a current between what NE 43 takes for a value and for a fault.
            let saturating = 3700 - scene.tank.soundLevelMicroamperes
            for (fault, event, milliseconds) in [
                (.cutLoop(.levelA), "level-a: sensor-current", 200), (.shortedLoop(.levelB), "level-b: sensor-current", 200),
                (.offset(.levelB, microamperes: saturating), "level-b: sensor-saturated", 0),
                (.noise(.levelC), "level-c: sensor-rate", 1000), (.frozenLoop(.levelA), "level-a: sensor-stuck", 5000),
            ] as [(Fault, String, Int)] {
                figures.append("\(fault.name) " + (try lie(scene, fault, "sensor-quality", event, milliseconds)))
                try settled(scene)
            }
            figures.append("2 mA off " + (try lie(scene, .offset(.levelB, microamperes: 2000), "deviation", "level", 2000)))
            let lost = scene.reports.events.dropFirst(start.events).filter { $0.code == "sensor-quality" && $0.text == "level: member-lost" }.count
            try require(lost >= 4, "the vote told of \(lost) lost members")
            try require(scene.outputs(since: start).isEmpty, "an output moved")
            try require(scene.tank.inletMicroseconds == stand.tank.inletMicroseconds, "the inlet moved")
            return figures.joined(separator: "; ") + "; \(lost) times one member less, inlet unmoved"
        }
        check("two of three transmitters lost: the inlet closes at once, and the trip stands until the local reset", threat: "P-T3 P-E2", timeoutSeconds: 240) {
            try settled(scene)
            try scene.drive(toPermille: 300)
            let closing = try scene.with(.cutLoop(.levelA)) { _ in
                _ = try scene.report("a vote without one") { $0.values["level"]?.quality == .maintenance ? true : nil }
                return try scene.with(.shortedLoop(.levelB)) { mark in
                    let closing = try scene.closes(
                        since: mark, outputMilliseconds: scene.reaction.toFault(persistenceMilliseconds: 200),
                        safeMilliseconds: scene.reaction.toSafe(trip: "level-high-high", actuator: "inlet"))
                    try scene.event("tripped", "inlet level-high-high: sensor-fault", since: mark)
                    return closing
                }
            }
            try settled(scene)
            try scene.refused(inlet: 300, "tripped")
            try scene.press(until: "trip-reset")
            return closing
        }
        check("a bus that freezes: its values are stale in their time, the inlet closes, the lines go on", threat: "P-T3 P-D1", timeoutSeconds: 240) {
            try settled(scene)
            try scene.drive(toPermille: 300)
            let (closing, stale) = try scene.with(.frozenBus) { mark in
                let closing = try scene.closes(
                    since: mark, outputMilliseconds: scene.reaction.toFault(persistenceMilliseconds: 1000),
                    safeMilliseconds: scene.reaction.toSafe(trip: "level-high-high", actuator: "inlet"))
                var stale = 0
                for name in ["level-a", "level-b", "level-c", "inlet-position"] {
                    try scene.event("sensor-quality", "\(name): sensor-stale", since: mark)
                    stale += 1
                }
                return (closing, stale)
            }
            try settled(scene)
            try scene.press(until: "trip-reset")
            try scene.drive(toPermille: 200)
            return "\(stale) values stale; \(closing); thawed, reset, and at 200 permille by a new order"
        }
    }
}

/// A board whose transmitters all say something good.
private func settled(_ scene: Scene) throws {
    try scene.running()
    _ = try scene.report("good transmitters") { reports in
        ["level-a", "level-b", "level-c", "inlet-position", "level"].allSatisfy { reports.values[$0]?.quality == .good } ? true : nil
    }
}

/// Waits until the board reports this, in thousandths of the unit, within 1 % of the span; by how much it is off.
private func arrives(_ scene: Scene, _ transmitter: Transmitter, _ wanted: Int64, ofSpan span: Int64) throws -> Int64 {
    try scene.report("\(transmitter.rawValue) at \(wanted)", timeoutSeconds: 20) { reports in
        guard let sample = reports.values[transmitter.rawValue], sample.quality == .good else { return nil }
        let off = abs(sample.value - wanted)
        return off * 100 <= span ? off : nil
    }
}

/// Puts the fault in and waits for what the board says of it, which must come in its time.
private func lie(_ scene: Scene, _ fault: Fault, _ code: String, _ text: String, _ milliseconds: Int) throws -> String {
    try scene.with(fault) { mark in
        try scene.event(code, text, since: mark)
        return try Reaction.within(
            scene.reaction.toFault(persistenceMilliseconds: milliseconds) + Scene.newsMilliseconds, "named", from: mark.nanoseconds,
            to: monotonicNanoseconds())
    }
}

extension Tank {
    /// What a sound transmitter of the level says.
    fileprivate var soundLevelMicroamperes: Int64 { Transmitter.lowMicroamperes + levelPermille * Transmitter.spanMicroamperes / 1000 }
}
