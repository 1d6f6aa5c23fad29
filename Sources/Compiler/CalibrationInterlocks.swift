// The sections of interlocks: [[trip]], [[permissive]], [[exclusion]], [[sequence]], [[response]].
import Calibration

/// The kinds of interlock that are no trips, by the names of their sections, in the order in which a
/// calibration holds them.
enum InterlockKind: String, CaseIterable {
    case permissive, exclusion, sequence, response
}

extension CalibrationFile {
    private var actuatorNames: [String] { content.actuators.map(\.name) }
    private var sensorNames: [String] { content.sensors.map(\.name) }

    func trip(_ section: TOMLSection) throws(Failure) -> Trip {
        let sensor = try place("sensor", section, "sensor", sensorNames)
        let isLatched = try section.boolean("latched", or: true)
        return Trip(
            name: try section.text("name"), sensor: sensor, condition: try condition(section, sensor: sensor),
            hysteresis: try section.measured("hysteresis", of: content.sensors[sensor], content.sensors, or: 0),
            delayMilliseconds: try section.duration("delay", or: 0),
            actuators: try places("actuators", section, "actuator", actuatorNames), latched: isLatched,
            reset: section.has("reset") ? try place("reset", section, "reset", content.resets.map(\.name)) : nil,
            processSafetyMilliseconds: try section.duration("process-safety", or: 0),
            isEssential: try section.boolean("essential", or: false),
            bypassMaximumMinutes: try section.count("bypass-maximum-minutes", or: 0),
            phases: try places("phases", section, "phase", content.phases))
    }

    func interlock(_ kind: InterlockKind, _ section: TOMLSection) throws(Failure) -> NamedInterlock {
        let name = try section.text("name")
        let interlock: Interlock = switch kind {
        case .permissive: try permissive(section)
        case .exclusion: try exclusion(section)
        case .sequence: .sequence(
            actuator: try place("actuator", section, "actuator", actuatorNames), after: try place("after", section, "actuator", actuatorNames),
            atLeastPermille: try section.share("at-least"), forMilliseconds: try section.duration("for", or: 0))
        case .response: try response(section)
        }
        return NamedInterlock(name: name, interlock: interlock)
    }

    private func permissive(_ section: TOMLSection) throws(Failure) -> Interlock {
        let actuator = try place("actuator", section, "actuator", actuatorNames)
        let sensor = try place("sensor", section, "sensor", sensorNames)
        return .permissive(actuator: actuator, sensor: sensor, condition: try condition(section, sensor: sensor))
    }

    private func exclusion(_ section: TOMLSection) throws(Failure) -> Interlock {
        let pair = try places("actuators", section, "actuator", actuatorNames)
        guard pair.count == 2 else { throw section.refusal("actuators", "must name two; three that exclude each other are three exclusions") }
        return .exclusion(first: pair[0], second: pair[1])
    }

    private func response(_ section: TOMLSection) throws(Failure) -> Interlock {
        let actuator = try place("actuator", section, "actuator", actuatorNames)
        let sensor = try place("sensor", section, "sensor", sensorNames)
        return .response(
            actuator: actuator, atLeastPermille: try section.share("at-least"), withinMilliseconds: try section.duration("within"),
            sensor: sensor, condition: try condition(section, sensor: sensor),
            isFault: try section.choice("otherwise", ["fault": true, "alarm": false], or: true))
    }
}
