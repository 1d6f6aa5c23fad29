// The [[sensor]] sections: switches, pulses, 4-20 mA, voting.
import Calibration

extension CalibrationFile {
    private enum Kind { case `switch`, flowMeter, frequency, analogue, voting }

    func sensor(_ section: TOMLSection) throws(Failure) -> Sensor {
        let name = try section.text("name")
        let source: Sensor.Source = switch try section.choice("kind", [
            "switch": Kind.switch, "flow-meter": .flowMeter, "frequency": .frequency, "analogue": .analogue, "voting": .voting,
        ]) {
        case .switch: .switch(try Self.switch(section))
        case .flowMeter: .flowMeter(FlowMeter(
            line: try section.text("line"), microlitresPerPulse: try section.count("microlitres-per-pulse"),
            maximumPulsesPerSecond: try section.count("maximum-pulses-per-second")))
        case .frequency: .frequency(FrequencyInput(
            line: try section.text("line"), pulsesPerTurn: try section.count("pulses-per-turn"),
            maximumPulsesPerSecond: try section.count("maximum-pulses-per-second")))
        case .analogue: .analogue(try Self.analogue(section))
        case .voting: .voting(try voting(section))
        }
        var sensor = Sensor(name: name, source: source)
        sensor.plausibility = try plausibility(section, of: sensor)
        return sensor
    }

    private static func `switch`(_ section: TOMLSection) throws(Failure) -> Switch {
        let antivalent = try section.text("antivalent-line", or: "")
        return Switch(
            line: try section.text("line"), antivalentLine: antivalent,
            discrepancyMilliseconds: try section.duration("discrepancy", or: antivalent.isEmpty ? 0 : nil),
            debounceMilliseconds: try section.duration("debounce"),
            activeWhenHigh: try section.choice("active-when", ["high": true, "low": false]))
    }

    private static func analogue(_ section: TOMLSection) throws(Failure) -> AnalogueInput {
        AnalogueInput(
            channel: try section.text("channel"),
            countsAt4Milliamperes: try section.integer("counts-at-4-milliamperes", KeyUnit.bounds),
            countsAt20Milliamperes: try section.integer("counts-at-20-milliamperes", KeyUnit.bounds),
            coefficients: try coefficients(section), unit: try section.text("unit"),
            faultMilliseconds: try section.duration("fault-persistence", or: 0))
    }

    /// Of the line through the values at 4 and at 20 mA, or as they are given.
    private static func coefficients(_ section: TOMLSection) throws(Failure) -> [Int] {
        if section.has("coefficients") {
            guard !section.has("value-at-4-milliamperes"), !section.has("value-at-20-milliamperes") else {
                throw section.refusal("coefficients", "stand beside a value at 4 or 20 mA: the polynomial says both")
            }
            var coefficients: [Int] = []
            for number in try section.decimals("coefficients") { coefficients.append(try section.thousandths("coefficients", number)) }
            return coefficients
        }
        let least = try section.thousandths("value-at-4-milliamperes")
        let greatest = try section.thousandths("value-at-20-milliamperes")
        guard least != greatest else { throw section.refusal("value-at-20-milliamperes", "is the value at 4 mA: the sensor would say nothing") }
        return [least, greatest - least]
    }

    private func voting(_ section: TOMLSection) throws(Failure) -> Voting {
        let scheme = try section.choice("scheme", ["1oo2": VotingScheme.oneOutOfTwo, "2oo2": .twoOutOfTwo, "2oo3": .twoOutOfThree])
        let members = try places("members", section, "sensor before this one", content.sensors.map(\.name))
        guard let first = members.first else { throw section.refusal("members", "are missing: the names of \(scheme.members) sensors that stand before this one") }
        let isSwitch = MeasuredUnit.all(of: content.sensors[first], content.sensors).isEmpty
        return Voting(
            scheme: scheme, members: members,
            deviation: try section.measured("deviation", of: content.sensors[first], content.sensors, or: isSwitch ? 0 : nil),
            deviationMilliseconds: try section.duration("deviation-persistence"))
    }

    private func plausibility(_ section: TOMLSection, of sensor: Sensor) throws(Failure) -> Plausibility {
        var stale = 0
        if case .analogue = sensor.source { stale = max(1000, 3 * content.tickMilliseconds) }
        return Plausibility(
            staleMilliseconds: try section.duration("stale", or: stale), stuckMilliseconds: try section.duration("stuck", or: 0),
            maximumRatePerSecond: try section.measured("maximum-rate-per-second", of: sensor, content.sensors, or: 0),
            badSamples: try section.count("bad-samples", or: 1))
    }
}
