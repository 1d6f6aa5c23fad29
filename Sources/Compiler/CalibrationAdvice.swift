// What is allowed in a calibration and still worth a thought.
import Calibration

public struct CalibrationAdvice {
    private let calibration: Calibration
    private var notes: [String] = []

    public static func notes(_ calibration: Calibration) -> [String] {
        var advice = CalibrationAdvice(calibration: calibration)
        for index in calibration.actuators.indices { advice.look(at: calibration.actuators[index], index) }
        for index in calibration.sensors.indices { advice.look(at: calibration.sensors[index], index) }
        for trip in calibration.trips { advice.look(at: trip) }
        for named in calibration.interlocks { advice.look(at: named) }
        advice.lookForUnused()
        return advice.notes
    }

    private init(calibration: Calibration) { self.calibration = calibration }

    private mutating func note(_ subject: String, _ text: String) { notes.append("\(subject): \(text)") }

    private mutating func look(at actuator: Actuator, _ index: Int) {
        let subject = "actuator '\(actuator.name)'"
        let envelope = actuator.envelope
        if actuator.safeState != .last, !calibration.trips.contains(where: { $0.actuators.contains(index) }) {
            note(subject, "no trip protects it; only its own limits do")
        }
        if envelope.maximumAwayMilliseconds == 0, actuator.safeState != .open {
            note(subject, "it may stay away from its safe state for ever; 'maximum-away' would bound what a lost sensor can cost")
        }
        let governance = actuator.governance
        if governance.selector != nil, governance.openButton.isEmpty, governance.closeButton.isEmpty {
            note(subject, "it has a selector and no buttons: in Hand it stays where it is")
        } else if governance.openButton.isEmpty != governance.closeButton.isEmpty {
            note(subject, "it has one button of two: the other way is left to Off and Auto")
        }
        switch actuator.drive {
        case .motorValve(let valve): look(at: valve, envelope, subject)
        case .timeProportional:
            let running = envelope.maximumPermille * 60 / 1000
            if envelope.runningMinutesPerHour > running {
                note(subject, "its share of at most \(Words.percent(envelope.maximumPermille)) is \(running) minutes an hour already; 'running-minutes-per-hour' never acts")
            }
        case .latchingRelay(let relay) where relay.feedbackLine.isEmpty:
            note(subject, "no contact says whether the relay has moved; a 'feedback-line' would")
        default: break
        }
    }

    private mutating func look(at valve: MotorValve, _ envelope: Envelope, _ subject: String) {
        let reach = valve.stroke.reachPermille(maximumPermille: envelope.maximumPermille)
        if reach < envelope.maximumPermille {
            note(subject, "a setpoint of \(Words.percent(envelope.maximumPermille)) ends at \(Words.percent(reach)), where the fastest valve of the window is still inside; a narrower stroke window brings them closer")
        }
        if envelope.slewPermillePerSecond > 0, envelope.slewPermillePerSecond * valve.strokeSlowestMilliseconds >= 1_000_000 {
            note(subject, "it is slower than its slew limit allows, even at its fastest; the limit never acts")
        }
        if envelope.minimumPermille > 0, envelope.minimumPermille <= valve.endSwitchTolerancePermille {
            note(subject, "at its least opening the closed end switch may still be on; a 'position-minimum' above the tolerance tells them apart")
        }
    }

    private mutating func look(at sensor: Sensor, _ index: Int) {
        let subject = "sensor '\(sensor.name)'"
        let trips = calibration.trips.filter { $0.sensor == index }
        switch sensor.source {
        case .switch(let value) where value.antivalentLine.isEmpty:
            for trip in trips where (trip.condition == .active) == value.activeWhenHigh {
                note("trip '\(trip.name)'", "a cut wire to '\(sensor.name)' reads low, as if all were well; a switch that is high while all is well, or an antivalent pair, would trip")
            }
        case .analogue:
            if sensor.plausibility.stuckMilliseconds == 0 { note(subject, "a frozen value is not noticed; 'stuck' would see it") }
        case .flowMeter(let meter):
            for trip in trips {
                if case .below(let value) = trip.condition {
                    note("trip '\(trip.name)'", "it stands whenever nothing flows, so also while everything is closed; a [[response]] says that flow must come once something is open")
                    if value <= meter.microlitresPerPulse { note("trip '\(trip.name)'", "its limit is less than one pulse a second, and the flow is told once a second: it will come and go") }
                }
            }
        default: break
        }
    }

    private mutating func look(at trip: Trip) {
        let subject = "trip '\(trip.name)'"
        if trip.processSafetyMilliseconds == 0 { note(subject, "no 'process-safety' time is stated, so nothing says whether it is in time") }
        if trip.isEssential, !trip.latched { note(subject, "it is essential and not latched: it lets go by itself") }
        if !trip.latched, trip.hysteresis == 0, !calibration.isSwitch(trip.sensor) {
            note(subject, "it clears by itself and has no 'hysteresis': it will come and go at its limit")
        }
        for other in calibration.trips.prefix(while: { $0.name != trip.name })
        where other.sensor == trip.sensor && other.condition == trip.condition && other.actuators == trip.actuators && other.phases == trip.phases {
            note(subject, "it says what trip '\(other.name)' says")
        }
    }

    private mutating func look(at named: NamedInterlock) {
        guard case .sequence(let actuator, let after, let permille, _) = named.interlock else { return }
        for limit in calibration.actuators[after].envelope.phases where limit.maximumPermille < permille {
            note("sequence '\(named.name)'", "in phase '\(calibration.phases[limit.phase])' '\(calibration.actuators[after].name)' opens no further than \(Words.percent(limit.maximumPermille)): '\(calibration.actuators[actuator].name)' stays safe there")
        }
    }

    private mutating func lookForUnused() {
        for (index, selector) in calibration.selectors.enumerated() where !calibration.actuators.contains(where: { $0.governance.selector == index }) {
            note("selector '\(selector.name)'", "no actuator obeys it")
        }
        for (index, reset) in calibration.resets.enumerated()
        where !calibration.actuators.contains(where: { $0.reset == index }) && !calibration.trips.contains(where: { $0.reset == index }) {
            note("reset '\(reset.name)'", "it resets nothing")
        }
        for (index, phase) in calibration.phases.enumerated()
        where !calibration.actuators.contains(where: { $0.envelope.phases.contains { $0.phase == index } }) && !calibration.trips.contains(where: { $0.phases.contains(index) }) {
            note("phase '\(phase)'", "no limit and no trip is any different in it")
        }
    }
}
