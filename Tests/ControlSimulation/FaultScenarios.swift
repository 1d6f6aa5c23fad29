// Scenarios of sensors, trips, faults, the panel, and the output gate alone.

import Bytes
import Calibration
@testable import Control

extension Scenario {
    // MARK: sensors

    static let sensing: [Scenario] = [
        Scenario("sensors: a switch's change counts once it has lasted") { () throws(Objection) in
            let bench = try Bench([level("level", debounce: 300)], [solenoid()])
            bench.run(1000)
            bench.level(0, true)
            bench.run(200)
            bench.level(0, false)
            bench.run(500)
            try need(!bench.saw(.sensorChanged), "a short one counted")
            bench.level(0, true)
            bench.run(400)
            try need(bench.saw(.sensorChanged), "a long one did not")
        },
        Scenario("sensors: a switch that never stands still for its debounce chatters, however slowly") { () throws(Objection) in
            let bench = try Bench([level("level", debounce: 500)], [solenoid()])
            bench.run(1000)
            for i in 0..<24 {
                bench.level(0, i % 2 == 0)
                bench.run(200)
            }
            try need(!bench.saw(.sensorQuality, .sensorChatter), "told within ten times its debounce")
            for i in 0..<4 {
                bench.level(0, i % 2 == 0)
                bench.run(200)
            }
            try need(bench.saw(.sensorQuality, .sensorChatter), "not told")
            bench.level(0, true)
            bench.run(2600)
            try need(bench.control.quality(sensor: 0) == .good && bench.control.value(sensor: 0) == 1, "not good again after quiet")
        },
        Scenario("sensors: chatter, N consecutive bad samples, and good again after quiet") { () throws(Objection) in
            let bench = try Bench([level("level")], [solenoid()])
            bench.run(1000)
            for i in 0..<30 {
                bench.level(0, i % 2 == 0)
                bench.step()
            }
            try need(bench.saw(.sensorQuality, .sensorChatter), "not told")
            bench.run(2500)
            try need(bench.control.quality(sensor: 0) == .good, "not good again")
        },
        Scenario("sensors: two antivalent contacts show a cut wire") { () throws(Objection) in
            let pair = Sensor(name: "door", source: .switch(Switch(line: "door", antivalentLine: "door-not", discrepancyMilliseconds: 200, debounceMilliseconds: 0, activeWhenHigh: true)))
            let bench = try Bench([pair], [solenoid()], trips: [trip("trip", .active, latched: false)])
            bench.run(1000)
            bench.plant.probes[0].lie = .other(.low)
            bench.run(300)
            try need(bench.saw(.sensorQuality, .sensorDiscrepancy) && bench.control.isTripped, "not seen")
        },
        Scenario("sensors: a meter with more pulses than it can give lies; flow, total and stale") { () throws(Objection) in
            let meter = Sensor(name: "flow", source: .flowMeter(FlowMeter(line: "flow", microlitresPerPulse: 1000, maximumPulsesPerSecond: 100)))
            let turns = Sensor(name: "speed", source: .frequency(FrequencyInput(line: "speed", pulsesPerTurn: 2, maximumPulsesPerSecond: 200)))
            let bench = try Bench([meter, turns], [solenoid()])
            bench.plant.probes[0].rate = 50
            bench.plant.probes[1].rate = 50
            bench.run(5000)
            try need(abs(bench.control.value(sensor: 0) - 50_000) < 3000 && bench.control.total(meter: 0) > 200_000, "flow \(bench.control.value(sensor: 0))")
            let total = bench.control.total(meter: 0)
            bench.restart()
            try need(bench.control.total(meter: 0) == total, "the total is lost")
            bench.run(5000)
            try need(bench.control.total(meter: 0) > total + 200_000, "it does not count on")
            try need(abs(bench.control.value(sensor: 1) - 25_000) < 1500, "speed \(bench.control.value(sensor: 1))")
            bench.plant.probes[0].lie = .pulses(50)
            bench.run(1000)
            try need(bench.saw(.sensorQuality, .sensorFault), "believed")
            bench.plant.probes[0].lie = .line(.unreadable)
            bench.run(200)
            try need(bench.saw(.sensorQuality, .sensorStale), "not stale")
        },
        Scenario("sensors: NAMUR NE 43: value, saturation, fault with persistence, stale") { () throws(Objection) in
            let bench = try Bench([loop("pressure")], [solenoid()])
            bench.current(0, 12_000)
            bench.run(500)
            try need(abs(bench.control.value(sensor: 0) - 8000) < 20 && bench.control.quality(sensor: 0) == .good, "value")
            bench.current(0, 20_700)
            bench.run(200)
            try need(bench.saw(.sensorQuality, .sensorSaturated) && bench.control.quality(sensor: 0) == .outOfSpecification, "saturated")
            bench.forget()
            bench.current(0, 22_000)
            bench.run(150)
            try need(!bench.saw(.sensorQuality, .sensorCurrent), "no persistence")
            bench.run(300)
            try need(bench.saw(.sensorQuality, .sensorCurrent), "no fault")
            bench.plant.probes[0].lie = .silence
            bench.run(700)
            try need(bench.saw(.sensorQuality, .sensorStale), "not stale")
        },
        Scenario("sensors: stuck, and rate of change by N consecutive bad samples") { () throws(Objection) in
            let plausible = Plausibility(staleMilliseconds: 500, stuckMilliseconds: 2000, maximumRatePerSecond: 1000, badSamples: 3)
            let bench = try Bench([loop("pressure", plausible)], [solenoid()])
            for i in 0..<20 {
                bench.current(0, 12_000 + i % 2 * 10)
                bench.step()
            }
            bench.current(0, 16_000)
            bench.step()
            try need(bench.control.quality(sensor: 0) == .good, "one bad sample is no fault")
            bench.current(0, 12_000)
            bench.step()
            try need(abs(bench.control.value(sensor: 0) - 8000) < 50, "the leap was believed")
            bench.current(0, 16_000)
            for i in 0..<3 {
                bench.current(0, 16_000 + i * 5)
                bench.step()
            }
            try need(bench.saw(.sensorQuality, .sensorRate), "no fault after three")
            let still = try Bench([loop("pressure", plausible)], [solenoid()])
            still.current(0, 12_000)
            still.run(2500)
            try need(still.saw(.sensorQuality, .sensorStuck), "not stuck")
        },
        Scenario("sensors: voting 1oo2, 2oo2, 2oo3, with deviation alarm and lost members") { () throws(Objection) in
            func vote(_ name: String, _ scheme: VotingScheme, _ members: [Int]) -> Sensor {
                Sensor(name: name, source: .voting(Voting(scheme: scheme, members: members, deviation: 500, deviationMilliseconds: 300)))
            }
            let bench = try Bench(
                [loop("a"), loop("b"), loop("c"), vote("any", .oneOutOfTwo, [0, 1]), vote("both", .twoOutOfTwo, [0, 1]), vote("most", .twoOutOfThree, [0, 1, 2])],
                [solenoid("one"), solenoid("two"), solenoid("three")],
                trips: [
                    trip("any", .above(10_000), sensor: 3, [0], latched: false), trip("both", .above(10_000), sensor: 4, [1], latched: false),
                    trip("most", .above(10_000), sensor: 5, [2], latched: false),
                ])
            func tripped(_ a: Int) -> Bool { bench.status(a).isTripped }
            for i in 0..<3 { bench.current(i, 8000) }
            bench.run(500)
            try need(!tripped(0) && !tripped(1) && !tripped(2), "tripped by nothing")
            bench.current(0, 18_000)
            bench.run(500)
            try need(tripped(0) && !tripped(1) && !tripped(2) && bench.saw(.deviation), "one says so")
            bench.current(1, 18_000)
            bench.run(500)
            try need(tripped(0) && tripped(1) && tripped(2) && bench.saw(.deviationCleared), "two say so")
            bench.current(0, 8000)
            bench.current(1, 8000)
            bench.run(500)
            bench.plant.probes[0].lie = .silence
            bench.run(800)
            try need(bench.saw(.sensorQuality, .memberLost), "not told of the lost member")
            try need(tripped(0) && !tripped(1) && !tripped(2), "1oo2 stays safe with one, the others go on")
            bench.current(2, 18_000)
            bench.run(500)
            try need(tripped(2), "of two that are left one is enough")
            bench.plant.probes[1].lie = .silence
            bench.run(800)
            try need(tripped(1) && tripped(2) && bench.saw(.sensorQuality, .sensorFault), "nothing is left to vote")
        },
        Scenario("interlocks: a trip goes only once its value is back by the hysteresis") { () throws(Objection) in
            let bench = try Bench([loop("pressure")], [solenoid()], trips: [trip("trip", .above(10_000), latched: false, hysteresis: 2000)])
            bench.current(0, 15_000)
            bench.run(300)
            bench.current(0, 13_000)
            bench.run(300)
            try need(bench.control.isTripped, "gone at 9000, of 10000 less 2000")
            bench.current(0, 11_500)
            bench.run(300)
            try need(!bench.control.isTripped, "still there at 7500")
        },
    ]

    // MARK: trips

    static let tripping: [Scenario] = [
        Scenario("interlocks: a latched trip names its first-out cause, and resets by a press after it with the cause gone") { () throws(Objection) in
            let bench = try Bench([level("first"), level("second")], [solenoid()], trips: [trip("first", .active), trip("second", .active, sensor: 1)])
            bench.run(1000)
            bench.level(0, true)
            bench.run(200)
            bench.level(1, true)
            bench.run(200)
            try need(bench.saw(.tripped, .condition) && bench.status().firstOut == 0, "first out: \(bench.status().firstOut ?? 255)")
            try need(bench.set(0, 1000) == .tripped, "it took an order")
            bench.press()
            try need(bench.saw(.resetRefused) && bench.control.isTripped, "it was reset with the cause there")
            bench.level(0, false)
            bench.level(1, false)
            bench.run(200)
            bench.press(300)
            try need(bench.control.isTripped, "too short a press")
            bench.press()
            try need(!bench.control.isTripped && bench.saw(.tripReset) && !bench.control.outputs[0], "not reset, or started by it")
        },
        Scenario("interlocks: a press that began before the trip is none, nor one before its cause came again") { () throws(Objection) in
            let bench = try Bench([level("level")], [solenoid()], trips: [trip("trip", .active)])
            bench.run(1000)
            bench.plant.resetPressed[0] = true
            bench.run(200)
            bench.level(0, true)
            bench.run(100)
            bench.level(0, false)
            bench.run(1000)
            try need(bench.control.isTripped, "a press before the trip reset it")
            bench.plant.resetPressed[0] = false
            bench.run(200)
            bench.plant.resetPressed[0] = true
            bench.run(200)
            bench.level(0, true)
            bench.run(100)
            bench.level(0, false)
            bench.run(1000)
            try need(bench.control.isTripped, "a press before the cause came again reset it")
        },
        Scenario("interlocks: a press before a trip stays before it when the clock goes back") { () throws(Objection) in
            let bench = try Bench([level("level")], [solenoid()], trips: [trip("trip", .active)])
            bench.run(10_000)
            bench.plant.resetPressed[0] = true
            bench.run(200)
            bench.step(50, told: -9000)
            bench.level(0, true)
            bench.run(100)
            bench.level(0, false)
            bench.run(1000)
            try need(bench.control.isTripped && bench.saw(.clockBackwards), "the clock made it a press after the trip")
        },
        Scenario("interlocks: a trip's delay, and an essential one's none; a late tick is told") { () throws(Objection) in
            let bench = try Bench([level("level")], [solenoid()], trips: [trip("trip", .active, delay: 500, latched: false)])
            bench.run(1000)
            try need(bench.set(0, 1000) == .none, "refused")
            bench.level(0, true)
            bench.run(400)
            try need(bench.control.outputs[0], "too early")
            bench.run(200)
            try need(!bench.control.outputs[0], "too late")
            bench.step(400)
            try need(bench.saw(.tickLate), "not told")
        },
        Scenario("interlocks: a trip is armed in its phases only") { () throws(Objection) in
            let bench = try Bench(phases: ["run", "clean"], [level("level")], [solenoid()], trips: [trip("trip", .active, latched: false, phases: [1])])
            bench.run(1000)
            bench.level(0, true)
            bench.run(200)
            try need(!bench.control.isTripped, "tripped in another phase")
            try need(bench.order(.phase(1)) == .none, "refused")
            bench.run(200)
            try need(bench.control.isTripped, "not armed")
        },
        Scenario("interlocks: trips, faults and counts outlive a restart; what cannot be read latches all") { () throws(Objection) in
            let bench = try Bench(phases: ["run", "clean"], [level("level")], [solenoid(), valve()], trips: [trip("trip", .active)])
            bench.run(8000)
            bench.level(0, true)
            bench.run(200)
            bench.level(0, false)
            bench.run(200)
            try need(bench.order(.phase(1)) == .none, "refused")
            var writer = CBORWriter()
            bench.control.encodeRetained(into: &writer)
            bench.restart()
            try need(bench.control.isLatched(trip: 0) && bench.control.phase == 1, "lost")
            bench.control = Control(bench.calibration, nowMilliseconds: bench.now)
            // All but the end of it: the phase stands in what is there.
            let cut = Array(writer.bytes.dropLast())
            bench.control.restore(cut.span.bytes)
            try need(bench.control.isLatched(trip: 0) && bench.control.phase == 0, "half a memory counted")
        },
        Scenario("watchdog: lost supervision is safe, and its return starts nothing") { () throws(Objection) in
            let bench = try Bench([], [solenoid(), solenoid("last", safe: .last)])
            bench.run(1000)
            try need(bench.set(0, 1000) == .none && bench.set(1, 1000) == .none, "refused")
            bench.beats = false
            bench.run(2200)
            try need(bench.saw(.supervisionLost) && !bench.control.outputs[0] && bench.control.outputs[1], "not safe")
            try need(bench.set(0, 1000) == .supervisionLost, "it took an order")
            bench.beats = true
            bench.run(1000)
            try need(bench.saw(.supervisionRegained) && !bench.control.outputs[0], "it started by itself")
        },
    ]

    // MARK: faults

    /// A valve's position, as a transmitter tells it.
    private static var position: Sensor {
        var sensor = loop("valve-position", Plausibility(staleMilliseconds: 500))
        sensor.source = .analogue(AnalogueInput(
            channel: "valve-position", countsAt4Milliamperes: 0, countsAt20Milliamperes: 16_000, coefficients: [0, 1_000_000], unit: "permille",
            faultMilliseconds: 200))
        return sensor
    }

    private static func opened(_ actuator: Actuator = valve(), _ sensors: [Sensor] = []) throws(Objection) -> Bench {
        let bench = try Bench(sensors, [actuator])
        bench.run(8000)
        try need(bench.set(0, 300) == .none, "refused")
        bench.run(3000)
        bench.forget()
        return bench
    }

    private static func expect(_ fault: Reason, _ bench: Bench, within milliseconds: Int) throws(Objection) {
        bench.run(milliseconds)
        try need(bench.saw(.fault, fault), "no fault \(fault.code)")
        try need(!bench.control.outputs[0] && bench.set(0, 300) == .faulted, "it goes on")
    }

    static let faulting: [Scenario] = [
        Scenario("fault: both end switches on") { () throws(Objection) in
            let bench = try opened()
            bench.plant.devices[0].openEnd = .high
            bench.plant.devices[0].closedEnd = .high
            try expect(.endSwitchesContradict, bench, within: 300)
        },
        Scenario("fault: travel deviation: closed where it cannot be") { () throws(Objection) in
            let bench = try opened()
            bench.plant.devices[0].closedEnd = .high
            try expect(.travelDeviation, bench, within: 400)
        },
        Scenario("fault: open where it cannot be, beyond the envelope") { () throws(Objection) in
            let bench = try opened()
            bench.plant.devices[0].openEnd = .high
            bench.plant.devices[0].closedEnd = .low
            try expect(.beyondEnvelope, bench, within: 400)
        },
        Scenario("fault: stroke-time window: it does not arrive; a reset homes it again") { () throws(Objection) in
            let bench = try opened()
            bench.plant.devices[0].closeIsCut = true
            try need(bench.set(0, 0) == .none, "refused")
            bench.run(4000)
            try need(bench.saw(.fault, .travelLate) && bench.control.outputs[1], "not noticed, or not tried any more")
            bench.plant.devices[0].mend()
            bench.press()
            try need(bench.saw(.faultReset), "not reset")
            bench.run(8000)
            try need(bench.position() == 0 && bench.saw(.referenced) && bench.control.isHealthy, "not home")
        },
        Scenario("fault: nothing opens in the moment between time and switch") { () throws(Objection) in
            let bench = try opened(valve("valve", Envelope(minimumPermille: 50, maximumPermille: 400)))
            bench.plant.devices[0].closeIsCut = true
            try need(bench.set(0, 0) == .none, "refused")
            for _ in 0..<100 {
                _ = bench.inputs.add(Request(identifier: 1, order: .setpoint(actuator: 0, permille: 300), issuers: 1))
                bench.step()
                _ = bench.inputs.add(Request(identifier: 1, order: .setpoint(actuator: 0, permille: 0), issuers: 1))
                bench.run(200)
                try need(bench.position() <= 0.401, "it stands at \(bench.position())")
            }
        },
        Scenario("fault: a closed valve that is moved by hand is referenced again") { () throws(Objection) in
            let bench = try Bench([], [valve()])
            bench.run(8000)
            bench.move(0, to: 0.5)
            bench.run(500)
            try need(bench.saw(.reReferencing, .closedLost) && bench.control.outputs[1], "not noticed")
            bench.run(8000)
            try need(bench.position() == 0 && bench.control.isHealthy, "not home")
        },
        Scenario("dynamic: a feedback that wavers within the dead band moves nothing at rest") { () throws(Objection) in
            let feedback = PositionFeedback(sensor: 0, deviationPermille: 150, deviationMilliseconds: 500)
            // Without a dead band it hunts.
            for deadBand in [0, 20] {
                let envelope = Envelope(minimumPermille: 50, maximumPermille: 600, deadBandPermille: deadBand)
                let bench = try opened(valve("valve", envelope, feedback: feedback), [position])
                let stands = bench.position()
                var moves = 0
                for turn in 0..<200 {
                    bench.current(0, 4000 + 16 * (300 + (turn % 2 == 0 ? 15 : -15)))
                    for _ in 0..<10 {
                        bench.step()
                        if bench.control.outputs[0] || bench.control.outputs[1] { moves += 1 }
                    }
                }
                try need(deadBand == 0 ? moves > 20 : moves == 0 && bench.position() == stands, "\(moves) ticks of driving with \(deadBand)")
                guard deadBand > 0 else { continue }
                bench.current(0, 4000 + 16 * 270)
                bench.run(1000)
                try need(bench.position() > stands, "it stays where it is beyond the dead band")
            }
        },
        Scenario("dynamic: a dead band is no reason to stay closed, or to stop short on the way back") { () throws(Objection) in
            let bench = try opened(valve("valve", Envelope(minimumPermille: 20, maximumPermille: 600, deadBandPermille: 80)))
            for permille in [40, 0, 40] {
                try need(bench.set(0, permille) == .none, "refused")
                bench.run(6000)
                try need(abs(bench.position() * 1000 - Double(permille)) < 20, "\(permille) permille: it stands at \(bench.position())")
            }
            try need(bench.set(0, 300) == .none, "refused")
            bench.run(3000)
            try need(bench.set(0, 500) == .none, "refused")
            bench.run(250)
            try need(bench.set(0, 300) == .none, "refused")
            bench.run(3000)
            try need(abs(bench.position() * 1000 - 300) < 20, "it stopped short at \(bench.position())")
        },
        Scenario("fault: travel deviation by feedback") { () throws(Objection) in
            let bench = try opened(valve("valve", feedback: PositionFeedback(sensor: 0, deviationPermille: 150, deviationMilliseconds: 500)), [position])
            bench.current(0, 4000 + 16 * 600)
            try expect(.travelDeviation, bench, within: 1000)
        },
        Scenario("sensors: a valve whose feedback is lost goes no further from safe") { () throws(Objection) in
            let bench = try Bench([position], [valve("valve", feedback: PositionFeedback(sensor: 0, deviationPermille: 150, deviationMilliseconds: 500))])
            bench.run(8000)
            try need(bench.set(0, 300) == .none, "refused")
            bench.run(3000)
            bench.current(0, 0)
            bench.run(500)
            try need(bench.set(0, 500) == .feedbackLost, "it opened further, unseen")
            try need(bench.order(.partialStroke(actuator: 0)) == .feedbackLost, "it was tested, unseen")
            try need(bench.set(0, 100) == .none, "towards safe it needs no eye")
            bench.run(6000)
            try need(bench.set(0, 0) == .none && bench.status().fault == .none, "a loss is no fault")
        },
        Scenario("fault: output read-back") { () throws(Objection) in
            let bench = try opened()
            bench.plant.devices[0].readBack = .high
            bench.plant.resetPressed[0] = true
            try expect(.readBack, bench, within: 400)
            bench.plant.devices[0].mend()
            bench.run(1000)
            try need(bench.status().fault == .readBack, "a press before the fault reset it")
            bench.plant.resetPressed[0] = false
            bench.press()
            try need(bench.status().fault == .none, "not reset")
        },
        Scenario("fault: a relay's contact does not follow it") { () throws(Objection) in
            let bench = try Bench([], [relay()])
            bench.run(2000)
            bench.plant.devices[0].isJammed = true
            try need(bench.set(0, 1000) == .none, "refused")
            bench.run(2000)
            try need(bench.saw(.fault, .contact), "not noticed")
        },
        Scenario("fault: plausible response to a command within a window") { () throws(Objection) in
            let bench = try Bench(
                [level("flow")], [solenoid()],
                interlocks: [.response(actuator: 0, atLeastPermille: 1000, withinMilliseconds: 1000, sensor: 0, condition: .active, isFault: true)])
            bench.run(1000)
            try need(bench.set(0, 1000) == .none, "refused")
            bench.run(1500)
            try need(bench.saw(.noResponse) && bench.saw(.fault, .noResponse), "not noticed")
        },
        Scenario("fault: what the output gate stops is a fault of our own") { () throws(Objection) in
            let bench = try Bench([], [valve()])
            bench.run(8000)
            bench.control.gate.loseReference(0)
            try need(bench.set(0, 300) == .none, "refused")
            try need(bench.saw(.gateIntervened, .openBeyondLimit) && bench.saw(.fault, .gate) && !bench.control.outputs[0], "it passed")
        },
        Scenario("re-referencing: driving back and forth does not drift") { () throws(Objection) in
            let bench = try Bench([], [valve()])
            bench.run(8000)
            for i in 0..<8 {
                try need(bench.set(0, i % 2 == 0 ? 500 : 200) == .none, "refused")
                bench.run(12_000)
                try need(abs(bench.position() - (i % 2 == 0 ? 0.5 : 0.2)) < 0.05, "it stands at \(bench.position())")
            }
            try need(bench.saw(.reReferencing) && bench.saw(.positionReached), "not referenced")
        },
    ]

    // MARK: panel

    static let selector = Selector(name: "place", handLine: "hand", autoLine: "auto", debounceMilliseconds: 100, changesMaximum: 4, buttonMaximumMilliseconds: 5000)
    static let hand = Governance(selector: 0, openButton: "button-open", closeButton: "button-close")

    static let panel: [Scenario] = [
        Scenario("panel: local beats remote (Hand-Off-Auto), with buttons in the same envelope") { () throws(Objection) in
            let bench = try Bench(selector: selector, [], [valve("valve", governance: hand)])
            bench.run(8000)
            bench.plant.selectors[0] = .hand
            bench.run(300)
            try need(bench.saw(.selectorChanged) && bench.set(0, 300) == .localAuthority, "a remote order in Hand")
            bench.plant.buttons[0].open = true
            bench.run(6000)
            try need(bench.position() > 0.5 && bench.position() <= 0.6, "by the button it stands at \(bench.position())")
            bench.plant.buttons[0].open = false
            bench.plant.selectors[0] = .off
            bench.run(300)
            try need(bench.set(0, 300) == .selectorOff && bench.control.outputs[1], "Off is not safe")
            bench.run(6000)
            bench.plant.selectors[0] = .auto
            bench.run(300)
            try need(bench.set(0, 300) == .none, "refused")
        },
        Scenario("panel: both lines at once are Off, and so is a selector that flaps") { () throws(Objection) in
            let bench = try Bench(selector: selector, [], [solenoid("solenoid", governance: Governance(selector: 0))])
            bench.run(1000)
            bench.plant.selectorLies[0] = (.high, .high)
            bench.run(300)
            try need(bench.saw(.selectorChanged, .contradiction) && bench.set(0, 1000) == .selectorOff, "believed")
            bench.plant.selectorLies[0] = (.unreadable, .high)
            bench.run(300)
            bench.plant.selectorLies[0] = nil
            bench.run(300)
            for i in 0..<8 {
                bench.plant.selectors[0] = i % 2 == 0 ? .hand : .auto
                bench.run(300)
            }
            try need(bench.saw(.selectorChanged, .flapping) && bench.set(0, 1000) == .selectorOff, "not flapping")
            bench.run(21_000)
            try need(bench.set(0, 1000) == .none, "quiet for long, and not Auto")
        },
        Scenario("panel: a button counts when seen released in Hand, is stuck when held too long, and both mean nothing") { () throws(Objection) in
            let bench = try Bench(selector: selector, [], [solenoid("solenoid", on: 0, off: 0, governance: hand)])
            bench.run(1000)
            bench.plant.buttons[0].open = true
            bench.run(300)
            bench.plant.selectors[0] = .hand
            bench.run(500)
            try need(!bench.control.outputs[0], "a button that was held before counted")
            bench.plant.buttons[0].open = false
            bench.run(200)
            bench.plant.buttons[0] = (true, true)
            bench.run(300)
            try need(!bench.control.outputs[0], "both at once opened it")
            bench.plant.buttons[0] = (false, false)
            bench.run(200)
            bench.plant.buttons[0].open = true
            bench.run(300)
            try need(bench.control.outputs[0], "it did not open")
            bench.run(6000)
            try need(bench.saw(.buttonStuck), "not stuck")
            bench.plant.selectors[0] = .auto
            bench.run(500)
            bench.plant.buttons[0] = (false, false)
            bench.run(500)
        },
        Scenario("panel: two buttons that are pressed at once move nothing, whichever closes first; a glitch moves nothing") { () throws(Objection) in
            let bench = try Bench(selector: selector, [], [valve("valve", governance: hand)])
            bench.run(8000)
            bench.plant.selectors[0] = .hand
            bench.run(500)
            bench.forget()
            for isOpenFirst in [true, false] {
                // Edges bring a step at once.
                bench.plant.buttons[0] = (isOpenFirst, !isOpenFirst)
                bench.step(1)
                try need(!bench.control.outputs[0] && !bench.control.outputs[1], "the first one moved it")
                bench.plant.buttons[0] = (true, true)
                for _ in 0..<10 {
                    bench.step()
                    try need(!bench.control.outputs[0] && !bench.control.outputs[1], "both moved it")
                }
                bench.plant.buttons[0] = (false, false)
                bench.run(300)
            }
            bench.plant.buttons[0].open = true
            bench.step(20)
            bench.plant.buttons[0].open = false
            for _ in 0..<10 {
                bench.step()
                try need(!bench.control.outputs[0], "a glitch moved it")
            }
            bench.plant.buttons[0].open = true
            bench.run(300)
            try need(bench.control.outputs[0], "a press does not count")
            bench.plant.buttons[0].open = false
            bench.step(2)
            try need(!bench.control.outputs[0], "a release waits")
        },
        Scenario("panel: back in Auto, somebody must take the lease within its time") { () throws(Objection) in
            var leased = hand
            leased.leaseMilliseconds = 2000
            let bench = try Bench(selector: selector, [], [solenoid("solenoid", on: 0, off: 0, governance: leased)])
            bench.run(1000)
            try need(bench.set(0, 1000) == .none && bench.saw(.leaseBegan), "refused")
            bench.plant.selectors[0] = .hand
            bench.run(5000)
            try need(bench.saw(.leaseEnded, .localAuthority) && bench.control.outputs[0], "not taken by the hand, bumplessly")
            for isTaken in [true, false] {
                bench.plant.selectors[0] = .auto
                bench.run(1000)
                try need(bench.control.outputs[0], "a bump")
                if isTaken { try need(bench.set(0, 1000, by: 2) == .none, "refused") }
                bench.run(1500)
                try need(bench.control.outputs[0] == isTaken, isTaken ? "it was taken" : "nobody has it, and it stays")
                if isTaken {
                    // Long enough that the turns are none of a selector that flaps.
                    bench.plant.selectors[0] = .hand
                    bench.run(10_000)
                }
            }
            try need(bench.saw(.leaseEnded, .leaseEnded), "not told")
        },
        Scenario("panel: what returns goes on returning when the selector turns") { () throws(Objection) in
            let bench = try Bench(selector: selector, [], [solenoid("solenoid", Envelope(maximumAwayMilliseconds: 3000), on: 2900, off: 0, governance: hand)])
            bench.run(1000)
            try need(bench.set(0, 1000) == .none, "refused")
            bench.run(2850)
            bench.plant.selectors[0] = .hand
            bench.run(600)
            try need(!bench.control.outputs[0] && !bench.saw(.gateIntervened), "it stayed")
        },
    ]

    // MARK: the gate alone

    /// The gate above lines that follow at once; what it says to a wish.
    private struct Gated {
        var gate: OutputGate
        var outputs: [Bool]

        init(_ bench: Bench) {
            gate = OutputGate(bench.calibration)
            outputs = bench.control.outputs
        }

        mutating func pass(_ wish: [Bool], safe: Bool = false, _ milliseconds: Int = 50) -> Reason {
            var reason = Reason.none
            var left = milliseconds
            while left > 0 {
                var readBacks: [LineReading] = []
                for level in outputs { readBacks.append(LineReading(level)) }
                gate.account(50, outputs, readBacks)
                reason = gate.pass(0, safeDemanded: safe, wish, &outputs)
                Seen.reasons.note(reason)
                if reason != .none { return reason }
                left -= 50
            }
            return reason
        }
    }

    static let gates: [Scenario] = [
        Scenario("gate: a motor's lines, rest, envelope, slew and time") { () throws(Objection) in
            var gated = Gated(try Bench([], [valve("valve", Envelope(maximumPermille: 600, maximumAwayMilliseconds: 9000))]))
            try need(gated.pass([false, true], 5000) == .none, "closing was refused")
            try need(gated.pass([true, false]) == .restTime, "no rest")
            try need(gated.pass([false, false], 200) == .none && gated.pass([true, true]) == .bothLines && gated.outputs == [false, true], "both lines")
            try need(gated.pass([false, false], 200) == .none && gated.pass([true, false], safe: true) == .safeDemanded, "safe")
            try need(gated.pass([true, false], 4000) == .openBeyondLimit, "beyond the envelope")
            try need(gated.pass([false, false], 12_000) == .awayTooLong && gated.outputs == [false, true], "open for too long")
            var slow = Gated(try Bench([], [valve("valve", Envelope(slewPermillePerSecond: 20))]))
            try need(slow.pass([true, false], 4000) == .slew, "too fast")
        },
        Scenario("gate: a solenoid's safe level, minimum off time and time away") { () throws(Objection) in
            var gated = Gated(try Bench([], [solenoid("solenoid", Envelope(maximumAwayMilliseconds: 2000))]))
            try need(gated.pass([true]) == .minimumOff, "no pause")
            try need(gated.pass([false], 600) == .none && gated.pass([true], safe: true) == .safeDemanded, "safe")
            try need(gated.pass([true], 4000) == .awayTooLong && gated.outputs == [false], "on for too long")
        },
        Scenario("gate: a share of the time, its pauses and its time away") { () throws(Objection) in
            var gated = Gated(try Bench([], [heater("heater", Envelope(maximumPermille: 300))]))
            try need(gated.pass([true]) == .minimumOff && gated.pass([false], 300) == .none, "no pause")
            try need(gated.pass([true], 4000) == .openBeyondLimit, "on for more than its share")
            try need(gated.pass([false], 4000) == .none && gated.pass([true], safe: true) == .safeDemanded, "safe")
            var long = Gated(try Bench([], [heater("heater", Envelope(maximumAwayMilliseconds: 5000))]))
            try need(long.pass([false], 300) == .none && long.pass([true], 9000) == .awayTooLong, "on for too long")
        },
        Scenario("gate: a relay's lines, pulse and rest") { () throws(Objection) in
            var gated = Gated(try Bench([], [relay()]))
            try need(gated.pass([true, true]) == .bothLines, "both lines")
            try need(gated.pass([true, false], safe: true) == .safeDemanded, "safe")
            try need(gated.pass([true, false], 1000) == .pulseTooLong, "too long a pulse")
            try need(gated.pass([true, false]) == .restTime, "no rest")
        },
    ]
}
