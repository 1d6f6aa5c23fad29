// The [[actuator]] sections: how each is driven, its envelope, who may ask.
import Calibration

extension CalibrationFile {
    private enum Kind { case motorValve, solenoid, timeProportional, latchingRelay }

    func actuator(_ section: TOMLSection) throws(Failure) -> Actuator {
        let name = try section.text("name")
        let drive: Actuator.Drive = switch try section.choice("kind", [
            "motor-valve": Kind.motorValve, "solenoid": .solenoid, "time-proportional": .timeProportional, "latching-relay": .latchingRelay,
        ]) {
        case .motorValve: .motorValve(try motorValve(section))
        case .solenoid: .solenoid(Solenoid(
            line: try section.text("line"), energiseToOpen: try section.choice("energise-to", ["open": true, "close": false]),
            minimumOnMilliseconds: try section.duration("minimum-on"), minimumOffMilliseconds: try section.duration("minimum-off"),
            travelMilliseconds: try section.duration("travel")))
        case .timeProportional: .timeProportional(TimeProportional(
            line: try section.text("line"), periodMilliseconds: try section.duration("period"),
            minimumOnMilliseconds: try section.duration("minimum-on"), minimumOffMilliseconds: try section.duration("minimum-off")))
        case .latchingRelay: .latchingRelay(try Self.latchingRelay(section))
        }
        var actuator = Actuator(
            name: name, drive: drive,
            safeState: try section.choice("safe-state", ["closed": SafeState.closed, "open": .open, "last": .last]),
            reset: try place("reset", section, "reset", content.resets.map(\.name)))
        actuator.envelope = try envelope(section, isContinuous: actuator.isContinuous)
        actuator.governance = try governance(section)
        return actuator
    }

    private func envelope(_ section: TOMLSection, isContinuous: Bool) throws(Failure) -> Envelope {
        var envelope = Envelope(
            minimumPermille: try section.share("position-minimum", or: 0),
            maximumPermille: try section.share("position-maximum", or: isContinuous ? nil : 1000),
            deadBandPermille: try section.share("dead-band", or: 0), slewPermillePerSecond: try section.rate("slew", or: 0),
            maximumAwayMilliseconds: try section.duration("maximum-away"),
            startsPerHour: try section.count("starts-per-hour", or: 0),
            runningMinutesPerHour: try section.count("running-minutes-per-hour", or: 0),
            lifetimeCycles: try section.count("lifetime-cycles", or: 0))
        guard let phases = try section.optionalSection("phase") else { return envelope }
        for name in phases.keys { _ = try place(of: name, name, phases, "phase", content.phases) }
        for (index, name) in content.phases.enumerated() {
            guard let phase = try phases.optionalSection(name) else { continue }
            let maximum = try phase.share("position-maximum")
            let limit = PhaseLimit(
                phase: index, minimumPermille: try phase.share("position-minimum", or: min(envelope.minimumPermille, maximum)), maximumPermille: maximum)
            try phase.end()
            envelope.phases.append(limit)
        }
        return envelope
    }

    private func governance(_ section: TOMLSection) throws(Failure) -> Governance {
        guard let inner = try section.optionalSection("governance") else { return Governance() }
        let governance = Governance(
            selector: inner.has("selector") ? try place("selector", inner, "selector", content.selectors.map(\.name)) : nil,
            openButton: try inner.text("open-button", or: ""), closeButton: try inner.text("close-button", or: ""),
            selectMilliseconds: try inner.duration("select-before-operate", or: 0), approvals: try inner.count("approvals", or: 1),
            leaseMilliseconds: try inner.duration("lease", or: 0))
        try inner.end()
        return governance
    }

    private func motorValve(_ section: TOMLSection) throws(Failure) -> MotorValve {
        MotorValve(
            openLine: try section.text("open-line"), closeLine: try section.text("close-line"),
            openEndLine: try section.text("open-end-line"), closedEndLine: try section.text("closed-end-line"),
            endSwitchDebounceMilliseconds: try section.duration("end-switch-debounce", or: 50),
            endSwitchTolerancePermille: try section.share("end-switch-tolerance"),
            strokeMilliseconds: try section.duration("stroke"), strokeFastestMilliseconds: try section.duration("stroke-fastest"),
            strokeSlowestMilliseconds: try section.duration("stroke-slowest"), coastMilliseconds: try section.duration("coast"),
            restMilliseconds: try section.duration("rest"), feedback: try feedback(section), proofTest: try Self.proofTest(section))
    }

    private func feedback(_ section: TOMLSection) throws(Failure) -> PositionFeedback? {
        guard let inner = try section.optionalSection("feedback") else { return nil }
        let feedback = PositionFeedback(
            sensor: try place("sensor", inner, "sensor", content.sensors.map(\.name)), deviationPermille: try inner.share("deviation"),
            deviationMilliseconds: try inner.duration("deviation-persistence"))
        try inner.end()
        return feedback
    }

    private static func proofTest(_ section: TOMLSection) throws(Failure) -> ProofTest? {
        guard let inner = try section.optionalSection("proof-test") else { return nil }
        let test = ProofTest(strokePermille: try inner.share("stroke"), intervalHours: try inner.count("interval-hours"))
        try inner.end()
        return test
    }

    private static func latchingRelay(_ section: TOMLSection) throws(Failure) -> LatchingRelay {
        let feedback = try section.text("feedback-line", or: "")
        return LatchingRelay(
            setLine: try section.text("set-line"), resetLine: try section.text("reset-line"), pulseMilliseconds: try section.duration("pulse"),
            restMilliseconds: try section.duration("rest"), feedbackLine: feedback,
            feedbackMilliseconds: try section.duration("feedback", or: feedback.isEmpty ? 0 : nil))
    }
}
