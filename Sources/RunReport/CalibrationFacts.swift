// What the page knows of a calibration: names, units, limits, trips. The one place that looks into it.

import Calibration
import Compiler

enum CalibrationFacts {
    /// In the order of their numbers: actuators, then sensors.
    static func points(_ calibration: Calibration) -> [PointFact] {
        calibration.actuators.map { PointFact(name: $0.name, unit: unit($0)) } + calibration.sensors.map { PointFact(name: $0.name, unit: unit($0)) }
    }

    private static func unit(_ actuator: Actuator) -> String {
        switch actuator {
        case .motorValve, .solenoid: "permille"
        }
    }

    private static func unit(_ sensor: Sensor) -> String {
        switch sensor {
        case .switch: "1"
        case .flowMeter: "uL/s"
        }
    }

    /// What holds for one actuator.
    struct Envelope {
        let kind: String
        /// Permille; nil where it knows only closed and open.
        var minimum: Int?
        var maximum: Int?
        /// The narrower limits of operating phases, by the phases' names.
        var phases: [(name: String, maximum: Int)] = []
        var facts: [String]
        let outputs: [String]
    }

    static func envelope(of name: String, _ calibration: Calibration?) -> Envelope? {
        guard let calibration, let actuator = calibration.actuators.first(where: { $0.name == name }) else { return nil }
        switch actuator {
        case .motorValve(let valve):
            return Envelope(
                kind: "motor valve", minimum: valve.positionMinimumPermille, maximum: valve.positionMaximumPermille,
                facts: [
                    "stroke \(duration(valve.strokeMilliseconds))", "rest \(duration(valve.restMilliseconds))",
                    valve.maximumOpenMilliseconds == 0 ? "open without limit of time" : "open at most \(duration(valve.maximumOpenMilliseconds))",
                    "safe state \(valve.safeState)",
                ],
                outputs: [valve.openLine, valve.closeLine])
        case .solenoid(let solenoid):
            return Envelope(
                kind: "solenoid", minimum: nil, maximum: nil,
                facts: [
                    "energised to \(solenoid.energiseToOpen ? "open" : "close")",
                    solenoid.maximumOnMilliseconds == 0 ? "on without limit of time" : "on at most \(duration(solenoid.maximumOnMilliseconds))",
                    "on at least \(duration(solenoid.minimumOnMilliseconds))", "off at least \(duration(solenoid.minimumOffMilliseconds))",
                    "safe state \(solenoid.safeState)",
                ],
                outputs: [solenoid.line])
        }
    }

    /// What is sensed, and where.
    struct Sense {
        let kind: String
        let line: String?
        /// True where it says only whether, not how much.
        let isSwitch: Bool
    }

    static func sense(of name: String, _ calibration: Calibration?) -> Sense? {
        guard let sensor = calibration?.sensors.first(where: { $0.name == name }) else { return nil }
        switch sensor {
        case .switch(let value): return Sense(kind: "switch, active \(value.activeWhenHigh ? "high" : "low")", line: value.line, isSwitch: true)
        case .flowMeter(let meter): return Sense(kind: "pulse flow meter", line: meter.line, isSwitch: false)
        }
    }

    struct TripFact {
        let name: String
        let sensor: String
        let actuators: [String]
        /// In words.
        let when: String
        /// In the sensor's unit: where the trip begins.
        let limit: Int64?
        let isLatched: Bool
        let reset: String?
    }

    /// In the order of the numbers that events name them by.
    static func trips(_ calibration: Calibration?) -> [TripFact] {
        guard let calibration else { return [] }
        return calibration.trips.map { trip in
            let (words, limit): (String, Int64?) = switch trip.condition {
            case .active: ("is active", nil)
            case .inactive: ("is not active", nil)
            case .above(let flow): ("above \(Quantity.text(Int64(flow), "uL/s"))", Int64(flow))
            case .below(let flow): ("below \(Quantity.text(Int64(flow), "uL/s"))", Int64(flow))
            }
            let sensor = calibration.sensors[trip.sensor].name
            let delay = trip.delayMilliseconds == 0 ? "" : " for \(duration(trip.delayMilliseconds))"
            return TripFact(
                name: trip.name, sensor: sensor, actuators: [calibration.actuators[trip.actuator].name], when: "\(sensor) \(words)\(delay)",
                limit: limit, isLatched: trip.latched, reset: trip.reset.map { calibration.resets[$0].name })
        }
    }

    /// The actuators under the same selector, and this one.
    static func sharingSelector(with name: String, _ calibration: Calibration?) -> [String] { [name] }

    /// Names of the operating phases, in the order of their numbers.
    static func phases(_ calibration: Calibration?) -> [String] { [] }

    static func duration(_ milliseconds: Int) -> String { CalibrationCompiler.duration(milliseconds) }
}
