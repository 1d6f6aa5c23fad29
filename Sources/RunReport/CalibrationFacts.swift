// What the page knows of a calibration: names, units, limits, trips. The one place that looks into it.

import Calibration

enum CalibrationFacts {
    /// In the order of their numbers: actuators, then sensors, then the actuators' setpoints, then the flow meters' totals.
    static func points(_ calibration: Calibration) -> [PointFact] {
        calibration.actuators.map { PointFact(name: $0.name, unit: "permille") } + calibration.sensors.map { point($0, calibration) }
            + calibration.actuators.map { PointFact(name: $0.name + RunRecord.setpointSuffix, unit: "permille") }
            + calibration.flowMeters.map { PointFact(name: calibration.sensors[$0].name + RunRecord.totalSuffix, unit: "uL") }
    }

    private static func point(_ sensor: Sensor, _ calibration: Calibration) -> PointFact {
        switch sensor.source {
        case .switch: return PointFact(name: sensor.name, unit: "1")
        case .flowMeter: return PointFact(name: sensor.name, unit: "uL/s")
        case .frequency: return PointFact(name: sensor.name, unit: "Hz", divisor: 1000)
        case .analogue(let input): return PointFact(name: sensor.name, unit: input.unit, divisor: 1000)
        case .voting(let voting):
            let member = point(calibration.sensors[voting.members[0]], calibration)
            return PointFact(name: sensor.name, unit: member.unit, divisor: member.divisor)
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
        let limits = actuator.envelope
        var facts = drive(actuator)
        if limits.slewPermillePerSecond > 0 { facts.append("slew \(Quantity.text(Int64(limits.slewPermillePerSecond), "permille")) a second") }
        if limits.deadBandPermille > 0 { facts.append("dead band \(Quantity.text(Int64(limits.deadBandPermille), "permille"))") }
        facts.append(limits.maximumAwayMilliseconds == 0 ? "away from safe without limit of time" : "away from safe at most \(duration(limits.maximumAwayMilliseconds))")
        if limits.startsPerHour > 0 { facts.append("\(limits.startsPerHour) starts an hour") }
        if limits.runningMinutesPerHour > 0 { facts.append("\(limits.runningMinutesPerHour) minutes of running an hour") }
        if actuator.governance.approvals > 1 { facts.append("\(actuator.governance.approvals) signers") }
        if actuator.governance.selectMilliseconds > 0 { facts.append("select before operate") }
        if actuator.governance.leaseMilliseconds > 0 { facts.append("leases of \(duration(actuator.governance.leaseMilliseconds))") }
        facts.append("safe state \(actuator.safeState)")
        return Envelope(
            kind: kind(actuator), minimum: actuator.isContinuous ? limits.minimumPermille : nil, maximum: actuator.isContinuous ? limits.maximumPermille : nil,
            phases: limits.phases.map { (name: calibration.phases[$0.phase], maximum: $0.maximumPermille) }, facts: facts, outputs: actuator.outputLines)
    }

    private static func kind(_ actuator: Actuator) -> String {
        switch actuator.drive {
        case .motorValve(let valve): valve.feedback == nil ? "motor valve" : "motor valve with feedback"
        case .solenoid: "solenoid"
        case .timeProportional: "time-proportional output"
        case .latchingRelay: "latching relay"
        }
    }

    private static func drive(_ actuator: Actuator) -> [String] {
        switch actuator.drive {
        case .motorValve(let valve): ["stroke \(duration(valve.strokeMilliseconds))", "rest \(duration(valve.restMilliseconds))"]
        case .solenoid(let solenoid):
            ["energised to \(solenoid.energiseToOpen ? "open" : "close")", "on at least \(duration(solenoid.minimumOnMilliseconds))", "off at least \(duration(solenoid.minimumOffMilliseconds))"]
        case .timeProportional(let output): ["period \(duration(output.periodMilliseconds))"]
        case .latchingRelay(let relay): ["pulse \(duration(relay.pulseMilliseconds))"]
        }
    }

    /// What is sensed, and where.
    struct Sense {
        let kind: String
        /// Of the first line; nil where there is none.
        let line: String?
        /// True where it says only whether, not how much.
        let isSwitch: Bool
    }

    static func sense(of name: String, _ calibration: Calibration?) -> Sense? {
        guard let calibration, let index = calibration.sensors.firstIndex(where: { $0.name == name }) else { return nil }
        let sensor = calibration.sensors[index]
        let kind: String
        switch sensor.source {
        case .switch(let value):
            kind = "switch, active \(value.activeWhenHigh ? "high" : "low")" + (value.antivalentLine.isEmpty ? "" : ", two contacts")
            // The line of a switch says the same as the switch only where high is active.
            return Sense(kind: kind, line: value.activeWhenHigh ? value.line : nil, isSwitch: true)
        case .flowMeter: kind = "pulse flow meter"
        case .frequency: kind = "frequency"
        case .analogue(let input): kind = "4-20 mA on \(input.channel)"
        case .voting(let voting):
            let scheme = switch voting.scheme { case .oneOutOfTwo: "1oo2"; case .twoOutOfTwo: "2oo2"; case .twoOutOfThree: "2oo3" }
            kind = "\(scheme) of \(voting.members.map { calibration.sensors[$0].name }.joined(separator: ", "))"
        }
        return Sense(kind: kind, line: nil, isSwitch: calibration.isSwitch(index))
    }

    struct TripFact {
        let name: String
        let sensor: String
        let actuators: [String]
        /// In words.
        let when: String
        /// As the sensor's point has it: where the trip begins.
        let limit: Int64?
        let isLatched: Bool
        let reset: String?
    }

    /// In the order of the numbers that events name them by.
    static func trips(_ calibration: Calibration?) -> [TripFact] {
        guard let calibration else { return [] }
        return calibration.trips.map { trip in
            let point = point(calibration.sensors[trip.sensor], calibration)
            let (words, limit): (String, Int64?) = switch trip.condition {
            case .active: ("is active", nil)
            case .inactive: ("is not active", nil)
            case .above(let value): ("above \(Quantity.text(Int64(value), point.unit, divisor: point.divisor))", Int64(value))
            case .below(let value): ("below \(Quantity.text(Int64(value), point.unit, divisor: point.divisor))", Int64(value))
            }
            let delay = trip.delayMilliseconds == 0 ? "" : " for \(duration(trip.delayMilliseconds))"
            return TripFact(
                name: trip.name, sensor: point.name, actuators: trip.actuators.map { calibration.actuators[$0].name },
                when: "\(point.name) \(words)\(delay)\(trip.isEssential ? ", essential" : "")", limit: limit, isLatched: trip.latched,
                reset: trip.reset.map { calibration.resets[$0].name })
        }
    }

    /// The actuators under the same selector, and this one.
    static func sharingSelector(with name: String, _ calibration: Calibration?) -> [String] {
        guard let calibration, let selector = calibration.actuators.first(where: { $0.name == name })?.governance.selector else { return [] }
        return calibration.actuators.filter { $0.governance.selector == selector }.map(\.name)
    }

    /// Names of the operating phases, in the order of their numbers.
    static func phases(_ calibration: Calibration?) -> [String] { calibration?.phases ?? [] }

    private static func duration(_ milliseconds: Int) -> String { Quantity.span(Int64(milliseconds)) }
}
