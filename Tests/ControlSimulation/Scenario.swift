// A story with an end that must be so: told by the tests, and told again with a check taken out.

import Calibration
import Control

/// What an observer of a scenario objects to.
public struct Objection: Error {
    public let text: String
}

public struct Scenario: Sendable, CustomStringConvertible {
    public let name: String
    public let run: @Sendable () throws(Objection) -> Void
    public var description: String { name }

    init(_ name: String, _ run: @escaping @Sendable () throws(Objection) -> Void) {
        self.name = name
        self.run = run
    }

    public static let all: [Scenario] = orders + dynamics + sensing + tripping + faulting + panel + gates
}

extension Scenario {
    // MARK: requests

    static let orders: [Scenario] = [
        Scenario("static: travel limits, permitted states, unknown actuators, and no order before its reference") { () throws(Objection) in
            let bench = try Bench([], [valve(), solenoid()])
            bench.run(100)
            try need(bench.set(0, 300) == .notReferenced, "an order before the reference was accepted")
            bench.run(8000)
            for permille in [601, 1000, 49, -1, .max, .min] { try need(bench.set(0, permille) == .limitPosition, "\(permille) was accepted") }
            try need(bench.set(1, 500) == .notAPosition, "a solenoid went half way")
            try need(bench.set(2, 0) == .unknownActuator && bench.set(-1, 0) == .unknownActuator, "an actuator was made up")
            try need(bench.order(.phase(1)) == .unknownPhase && bench.order(.bypass(trip: 0, minutes: 1)) == .unknownTrip, "a phase or trip was made up")
            try need(bench.set(0, 300) == .none, "a good order was refused")
            bench.run(4000)
            try need(abs(bench.position() - 0.3) < 0.05, "it did not arrive")
        },
        Scenario("static: limits per operating phase") { () throws(Objection) in
            let envelope = Envelope(minimumPermille: 50, maximumPermille: 600, phases: [PhaseLimit(phase: 1, minimumPermille: 50, maximumPermille: 200)])
            let bench = try Bench(phases: ["fill", "rinse"], [], [valve("valve", envelope)])
            bench.run(8000)
            try need(bench.set(0, 500) == .none, "refused")
            bench.run(4000)
            try need(bench.order(.phase(1)) == .phaseLimits, "a phase began around a valve outside of it")
            try need(bench.set(0, 0) == .none, "refused")
            bench.run(6000)
            try need(bench.order(.phase(1)) == .none && bench.saw(.phaseChanged), "the phase was refused")
            try need(bench.set(0, 500) == .limitPosition, "an order outside the phase was accepted")
        },
        Scenario("commands: authority lease, its renewal, its end, and giving it back") { () throws(Objection) in
            let bench = try Bench([], [solenoid(governance: Governance(leaseMilliseconds: 2000))])
            bench.run(1000)
            try need(bench.order(.renew(actuator: 0)) == .noLease && bench.order(.release(actuator: 0)) == .noLease, "a lease out of nothing")
            try need(bench.set(0, 1000, by: 1) == .none && bench.saw(.leaseBegan), "refused")
            try need(bench.set(0, 1000, by: 2) == .leaseHeld, "two had it at once")
            bench.run(1500)
            try need(bench.order(.renew(actuator: 0), by: 1) == .none, "refused")
            bench.run(1500)
            try need(bench.control.outputs[0], "the renewal did not count")
            bench.run(700)
            try need(bench.saw(.leaseEnded, .leaseEnded) && !bench.control.outputs[0], "the lease did not end in the safe state")
            bench.run(600)
            try need(bench.set(0, 1000, by: 2) == .none && bench.order(.release(actuator: 0), by: 2) == .none, "refused")
            try need(bench.saw(.leaseEnded, .released), "not given back")
        },
        Scenario("commands: select-before-operate with a timeout") { () throws(Objection) in
            let bench = try Bench([], [solenoid(governance: Governance(selectMilliseconds: 1000))])
            bench.run(1000)
            try need(bench.set(0, 1000) == .notSelected, "not announced, and accepted")
            try need(bench.order(.select(actuator: 0, permille: 1000)) == .none && bench.saw(.selected), "refused")
            bench.run(1200)
            try need(bench.set(0, 1000) == .notSelected, "announced too long ago, and accepted")
            try need(bench.order(.select(actuator: 0, permille: 1000)) == .none && bench.set(0, 1000) == .none, "refused")
        },
        Scenario("commands: a proof test is announced as a setpoint is, once for each") { () throws(Objection) in
            let bench = try Bench([], [valve("valve", governance: Governance(selectMilliseconds: 10_000))])
            bench.run(8000)
            try need(bench.order(.partialStroke(actuator: 0)) == .notSelected, "not announced, and accepted")
            try need(bench.order(.select(actuator: 0, permille: 300)) == .none && bench.order(.partialStroke(actuator: 0)) == .notSelected, "another position was announced")
            try need(bench.order(.select(actuator: 0, permille: 0), by: 2) == .none && bench.order(.partialStroke(actuator: 0), by: 1) == .notSelected, "another announced it")
            try need(bench.order(.select(actuator: 0, permille: 0)) == .none && bench.order(.partialStroke(actuator: 0)) == .none, "refused")
            bench.run(4000)
            try need(bench.saw(.proofPassed), "it did not pass")
            try need(bench.order(.partialStroke(actuator: 0)) == .notSelected, "announced once, and taken twice")
        },
        Scenario("commands: dual approval") { () throws(Objection) in
            let bench = try Bench([level("level")], [solenoid(governance: Governance(approvals: 2))], trips: [trip("trip", .active, bypass: 5)])
            bench.run(1000)
            try need(bench.set(0, 1000, by: 1) == .approvals && bench.order(.bypass(trip: 0, minutes: 1), by: 1) == .approvals, "one signer was enough")
            try need(bench.set(0, 1000, by: 3) == .none, "two were not")
        },
        Scenario("interlocks: permissive; it may be lost, and its return starts nothing") { () throws(Objection) in
            let bench = try Bench([level("level")], [solenoid()], interlocks: [.permissive(actuator: 0, sensor: 0, condition: .active)])
            bench.run(1000)
            try need(bench.set(0, 1000) == .permissive, "opened without its permissive")
            bench.level(0, true)
            bench.run(200)
            try need(bench.set(0, 1000) == .none, "refused")
            bench.level(0, false)
            bench.run(200)
            try need(bench.control.outputs[0], "a permissive is no trip")
        },
        Scenario("interlocks: mutual exclusion") { () throws(Objection) in
            let bench = try Bench([], [solenoid("one"), solenoid("other")], interlocks: [.exclusion(first: 0, second: 1)])
            bench.run(1000)
            try need(bench.set(0, 1000) == .none && bench.set(1, 1000) == .exclusion, "both are open")
            bench.plant.devices[0].readBack = .high
            try need(bench.set(0, 0) == .none, "refused")
            bench.run(2000)
            try need(bench.status(0).fault == .readBack && bench.set(1, 1000) == .exclusion, "of one at fault nobody knows where it is")
        },
        Scenario("interlocks: sequence, and the end of it") { () throws(Objection) in
            let bench = try Bench([], [solenoid("pump"), solenoid("suction")], interlocks: [.sequence(actuator: 0, after: 1, atLeastPermille: 500, forMilliseconds: 1000)])
            bench.run(1000)
            try need(bench.set(0, 1000) == .sequence, "the pump ran against a closed suction")
            try need(bench.set(1, 1000) == .none, "refused")
            bench.run(500)
            try need(bench.set(0, 1000) == .sequence, "too early")
            bench.run(1000)
            try need(bench.set(0, 1000) == .none, "refused")
            bench.run(600)
            try need(bench.set(1, 0) == .none, "refused")
            bench.run(100)
            try need(!bench.control.outputs[0] && bench.saw(.sequenceEnded), "the pump ran on")
        },
        Scenario("commands: a bypass is timed and alarmed, and never covers what is essential") { () throws(Objection) in
            let bench = try Bench([level("level")], [solenoid()], trips: [trip("plain", .active, bypass: 2), trip("essential", .active, essential: true)])
            bench.run(1000)
            try need(bench.order(.bypass(trip: 1, minutes: 1)) == .bypassForbidden, "an essential trip was bypassed")
            try need(bench.order(.bypass(trip: 0, minutes: 3)) == .bypassTooLong, "a bypass without end")
            try need(bench.order(.bypass(trip: 0, minutes: 2)) == .none && bench.saw(.bypassBegan), "refused")
            try need(bench.status().quality == .functionCheck, "not shown")
            bench.run(61_000)
            try need(bench.saw(.bypassStands), "not alarmed")
            bench.run(60_000)
            try need(bench.saw(.bypassEnded) && !bench.control.isBypassed(trip: 0), "it goes on")
        },
        Scenario("commands: a trip acts for as long as it was bypassed before the next bypass") { () throws(Objection) in
            let bench = try Bench([level("level")], [solenoid()], trips: [trip("trip", .active, bypass: 2)])
            bench.run(1000)
            try need(bench.order(.bypass(trip: 0, minutes: 1)) == .none, "refused")
            bench.run(10_000)
            try need(bench.order(.bypass(trip: 0, minutes: 0)) == .none && bench.order(.bypass(trip: 0, minutes: 1)) == .bypassRest, "given back, and taken again at once")
            bench.run(9000)
            try need(bench.order(.bypass(trip: 0, minutes: 1)) == .bypassRest, "too early")
            bench.run(1100)
            try need(bench.order(.bypass(trip: 0, minutes: 2)) == .none, "refused")
            bench.run(120_200)
            try need(bench.saw(.bypassEnded) && bench.order(.bypass(trip: 0, minutes: 1)) == .bypassRest, "ended, and begun again at once")
        },
        Scenario("dynamic: dead band") { () throws(Objection) in
            let bench = try Bench([], [heater("heater", Envelope(maximumPermille: 500, deadBandPermille: 20))])
            bench.run(1000)
            try need(bench.set(0, 300) == .none && bench.set(0, 310) == .none, "refused")
            try need(bench.status().setpointPermille == 300, "it moved for nothing")
            try need(bench.set(0, 330) == .none && bench.status().setpointPermille == 330, "it did not move")
        },
    ]

    // MARK: dynamics

    static let dynamics: [Scenario] = [
        Scenario("dynamic: slew (rate-of-change) limit") { () throws(Objection) in
            let bench = try Bench([], [valve("valve", Envelope(minimumPermille: 50, maximumPermille: 600, slewPermillePerSecond: 50))])
            bench.run(8000)
            try need(bench.set(0, 500) == .none, "refused")
            bench.run(4000)
            try need(bench.position() > 0.12 && bench.position() < 0.3, "after 4 s at 50 permille a second it stands at \(bench.position())")
            bench.run(10_000)
            try need(abs(bench.position() - 0.5) < 0.06, "it did not arrive: \(bench.position())")
        },
        Scenario("dynamic: maximum time away, of every kind and of safe state last") { () throws(Objection) in
            let away = Envelope(maximumAwayMilliseconds: 6000)
            let bench = try Bench([], [valve("valve", Envelope(maximumAwayMilliseconds: 6000)), solenoid("last", away, safe: .last), heater("heater", away), relay("relay", away)])
            bench.run(9000)
            for a in 0..<4 { try need(bench.set(a, 1000) == .none, "refused") }
            bench.run(5000)
            try need(bench.control.outputs[2] && bench.position(3) == 1 && !bench.saw(.maximumAway), "too early")
            bench.run(950)
            try need(bench.saw(.maximumAway) && bench.set(3, 1000) == .maximumAway, "not told, or it may stay")
            bench.beats = false
            bench.run(1250)
            bench.run(6000)
            try need(bench.position(0) == 0 && !bench.control.outputs[2] && !bench.control.outputs[3] && bench.position(3) == 0, "still away")
        },
        Scenario("dynamic: minimum on and off time (anti-short-cycle), and safe before both") { () throws(Objection) in
            let bench = try Bench([level("level")], [solenoid()], trips: [trip("trip", .active, latched: false)])
            bench.run(1000)
            try need(bench.set(0, 1000) == .none && bench.set(0, 0) == .none && bench.control.outputs[0], "shorter than its minimum on time")
            bench.run(500)
            try need(!bench.control.outputs[0] && bench.set(0, 1000) == .none && !bench.control.outputs[0], "shorter than its minimum off time")
            bench.run(500)
            try need(bench.control.outputs[0], "still off")
            bench.level(0, true)
            bench.step()
            try need(!bench.control.outputs[0], "safe waited for the minimum on time")
        },
        Scenario("dynamic: duty: starts per hour") { () throws(Objection) in
            let bench = try Bench([], [solenoid("solenoid", Envelope(startsPerHour: 3), on: 0, off: 0)])
            bench.run(1000)
            for _ in 0..<3 { try need(bench.set(0, 1000) == .none && bench.set(0, 0) == .none, "refused") }
            try need(bench.set(0, 1000) == .startsPerHour && bench.saw(.dutyExhausted, .startsPerHour), "a fourth start")
            bench.restart()
            bench.run(3_500_000)
            try need(bench.set(0, 1000) == .startsPerHour, "a fourth start after a restart")
            bench.run(200_000)
            try need(bench.set(0, 1000) == .none && bench.set(0, 0) == .none, "the hour is over")
            for _ in 0..<2 { try need(bench.set(0, 1000) == .none && bench.set(0, 0) == .none, "refused") }
            bench.run(3_700_000)
            try need(!bench.control.outputs[0], "it started by itself when the hour was over")
            try need(bench.set(0, 1000) == .none, "the hour is over")
        },
        Scenario("dynamic: duty: running minutes per hour") { () throws(Objection) in
            let bench = try Bench([], [solenoid("solenoid", Envelope(runningMinutesPerHour: 1)), heater("heater", Envelope(runningMinutesPerHour: 1))])
            bench.run(1000)
            try need(bench.set(0, 1000) == .none && bench.set(1, 1000) == .none, "refused")
            bench.run(61_000)
            try need(!bench.control.outputs[0] && !bench.control.outputs[1] && bench.saw(.dutyExhausted, .runningTime), "it runs on")
            try need(bench.set(0, 1000) == .runningTime, "it may run again")
            bench.restart()
            bench.run(3_400_000)
            try need(bench.set(0, 1000) == .runningTime && bench.set(1, 500) == .runningTime, "it may run again after a restart")
        },
        Scenario("dynamic: a time-proportional output keeps its share, its pulses and its pauses") { () throws(Objection) in
            let bench = try Bench([], [heater("heater", Envelope(maximumPermille: 310))])
            bench.run(3000)
            try need(bench.set(0, 310) == .none, "refused")
            var (on, switches, was) = (0, 0, false)
            for step in 0..<4000 {
                bench.step(step % 7 == 0 ? 90 : 50)
                if bench.control.outputs[0] { on += step % 7 == 6 ? 90 : 50 }
                if bench.control.outputs[0] != was { switches += 1 }
                was = bench.control.outputs[0]
            }
            let share = on * 1000 / (4000 * 50 + 4000 / 7 * 40)
            try need(share > 250 && share <= 315, "its share was \(share)")
            try need(!bench.saw(.gateIntervened) && switches > 150 && switches < 230, "\(switches) switches")
        },
        Scenario("dynamic: a narrower phase, and no pulse of it outside") { () throws(Objection) in
            let envelope = Envelope(maximumPermille: 800, phases: [PhaseLimit(phase: 1, minimumPermille: 0, maximumPermille: 200)])
            let bench = try Bench(phases: ["run", "idle"], [], [heater("heater", envelope)])
            bench.run(3000)
            try need(bench.set(0, 800) == .none, "refused")
            bench.run(50)
            try need(bench.set(0, 150) == .none && bench.order(.phase(1)) == .phaseLimits, "the pulse that lasts is longer than the phase allows")
            bench.run(2500)
            try need(bench.order(.phase(1)) == .none, "refused")
        },
        Scenario("dynamic: bumpless transfer from remote to Hand and back") { () throws(Objection) in
            let bench = try Bench(selector: Scenario.selector, [], [valve("valve", governance: Scenario.hand)])
            bench.run(8000)
            try need(bench.set(0, 400) == .none, "refused")
            bench.run(800)
            let before = bench.position()
            bench.plant.selectors[0] = .hand
            bench.run(1000)
            try need(bench.position() > 0 && bench.position() < before + 0.06, "it went on to \(bench.position()) from \(before)")
            bench.plant.selectors[0] = .auto
            bench.run(3000)
            try need(abs(bench.position() - before) < 0.06, "it moved by itself")
        },
        Scenario("static: lifetime cycle counter") { () throws(Objection) in
            let bench = try Bench([], [solenoid("solenoid", Envelope(lifetimeCycles: 2), on: 0, off: 0)])
            bench.run(200)
            for _ in 0..<2 { try need(bench.set(0, 1000) == .none && bench.set(0, 0) == .none, "refused") }
            try need(bench.saw(.lifetime), "not told")
            try need(bench.set(0, 1000) == .none, "an alarm is no stop")
        },
        Scenario("proof tests: partial stroke, its end, its failure, its interval") { () throws(Objection) in
            let bench = try Bench([], [valve(), solenoid()])
            bench.run(8000)
            try need(bench.order(.partialStroke(actuator: 1)) == .proofImpossible, "a solenoid has no such test")
            try need(bench.order(.partialStroke(actuator: 0)) == .none, "refused")
            bench.run(300)
            try need(bench.set(0, 300) == .proofRunning && bench.status().quality == .functionCheck, "it took an order in the test")
            bench.run(4000)
            try need(bench.saw(.proofPassed) && bench.position() == 0, "it did not pass")
            _ = bench.inputs.add(Request(identifier: 1, order: .setpoint(actuator: 0, permille: 300), issuers: 1))
            bench.run(3000)
            _ = bench.inputs.add(Request(identifier: 1, order: .setpoint(actuator: 0, permille: 0), issuers: 1))
            try need(bench.order(.partialStroke(actuator: 0)) == .proofImpossible, "it began elsewhere than at an end")
            bench.run(6000)
            bench.run(3_700_000)
            try need(bench.saw(.proofOverdue), "not overdue")
            bench.plant.devices[0].closedEnd = .high
            bench.plant.devices[0].isJammed = true
            // Jammed where the switch does not leave within its tolerance: too short a stroke to deviate.
            try need(bench.order(.partialStroke(actuator: 0)) == .none, "refused")
            bench.run(3000)
            try need(bench.saw(.fault, .proofFailed) || bench.saw(.fault, .travelDeviation), "it did not fail")
        },
        Scenario("proof tests: one that does not leave its end fails") { () throws(Objection) in
            let bench = try Bench([], [valve("valve", proof: ProofTest(strokePermille: 62, intervalHours: 0))])
            bench.run(8000)
            bench.plant.devices[0].isJammed = true
            try need(bench.order(.partialStroke(actuator: 0)) == .none, "refused")
            bench.run(3000)
            try need(bench.saw(.proofFailed, .proofFailed) && bench.status().fault == .proofFailed, "it passed, jammed")
        },
        Scenario("bumpless change of calibration, and none outside the new limits") { () throws(Objection) in
            let bench = try Bench([], [valve("valve", Envelope(minimumPermille: 50, maximumPermille: 600))])
            bench.run(8000)
            try need(bench.set(0, 500) == .none, "refused")
            bench.run(4000)
            var content = bench.calibration.content
            content.version = 2
            content.actuators[0].envelope.maximumPermille = 400
            guard let narrow = try? Calibration(content) else { throw Objection(text: "no calibration") }
            try need(bench.control.adopt(narrow).reason == .limitPosition, "adopted around a valve outside of it")
            content.actuators[0].envelope.maximumPermille = 900
            content.actuators[0].envelope.maximumAwayMilliseconds = 10_000
            guard let short = try? Calibration(content) else { throw Objection(text: "no calibration") }
            try need(bench.control.adopt(short).reason == .maximumAway, "a shorter time away was adopted by what is away")
            content.actuators[0].envelope.maximumAwayMilliseconds = 0
            guard let wide = try? Calibration(content) else { throw Objection(text: "no calibration") }
            try need(bench.control.adopt(wide).reason == .none, "refused")
            for i in 0..<bench.control.events.count { Seen.reasons.note(bench.control.events[i]) }
            try need(bench.set(0, 850) == .none, "the new limit does not hold")
        },
    ]
}
