// A calibration as a list of things with their fields, under the names of the file: what inspect prints
// and diff compares. A field that is not here would be in neither.
import Calibration

/// What a field says.
public enum OutlineValue: Equatable, Sendable {
    case number(Int)
    case flag(Bool)
    case text(String)
    case list([String])
}

/// Which way a field makes the envelope tighter, with the words for looser and for tighter.
enum Sense: Equatable {
    case moreIsLooser(String, String)
    case lessIsLooser(String, String)
    /// A limit that is 0 where there is none.
    case limit(String, String)
    /// A list of what is protected; the more, the tighter.
    case protects
    /// A wire, or what says what a wire means.
    case wiring
    case other
}

public struct OutlineField: Equatable, Sendable {
    public let key: String
    /// For people.
    public let text: String
    /// For scripts: milliseconds, permille, the model's own units.
    public let value: OutlineValue
    let sense: Sense
}

public struct OutlineItem: Equatable, Sendable {
    /// The section of the file: reset, sensor, trip ...; "calibration" for the file itself.
    public let section: String
    public let name: String
    public private(set) var fields: [OutlineField] = []

    init(_ section: String, _ name: String) {
        self.section = section
        self.name = name
    }

    fileprivate mutating func add(_ key: String, _ text: String, _ value: OutlineValue, _ sense: Sense) {
        fields.append(OutlineField(key: key, text: text, value: value, sense: sense))
    }

    fileprivate mutating func word(_ key: String, _ word: String, _ sense: Sense = .other) { add(key, word.isEmpty ? "none" : word, .text(word), sense) }
    fileprivate mutating func line(_ key: String, _ line: String) { if !line.isEmpty { add(key, line, .text(line), .wiring) } }
    fileprivate mutating func flag(_ key: String, _ flag: Bool, _ sense: Sense) { add(key, flag ? "yes" : "no", .flag(flag), sense) }
    fileprivate mutating func names(_ key: String, _ names: [String], empty: String = "none", _ sense: Sense) {
        add(key, names.isEmpty ? empty : names.joined(separator: ", "), .list(names), sense)
    }

    fileprivate mutating func count(_ key: String, _ count: Int, _ unit: String, none: String? = nil, _ sense: Sense) {
        add(key, count == 0 && none != nil ? none! : unit.isEmpty ? "\(count)" : "\(count) \(unit)", .number(count), sense)
    }

    fileprivate mutating func duration(_ key: String, _ milliseconds: Int, none: String? = nil, _ sense: Sense) {
        add(key, milliseconds == 0 && none != nil ? none! : Words.duration(milliseconds), .number(milliseconds), sense)
    }

    fileprivate mutating func share(_ key: String, _ permille: Int, none: String? = nil, _ sense: Sense) {
        add(key, permille == 0 && none != nil ? none! : Words.percent(permille), .number(permille), sense)
    }
}

public enum CalibrationOutline {
    /// Everything, in the order of the file.
    public static func items(_ calibration: Calibration) -> [OutlineItem] {
        var frame = OutlineItem("calibration", calibration.board)
        frame.count("version", calibration.content.version, "", .other)
        frame.duration("tick", calibration.tickMilliseconds, .moreIsLooser("slower", "faster"))
        frame.duration("supervision-timeout", calibration.supervisionTimeoutMilliseconds, .moreIsLooser("later", "sooner"))
        frame.names("phases", calibration.phases, .other)
        return [frame] + calibration.resets.map(reset) + calibration.selectors.map(selector)
            + calibration.sensors.indices.map { sensor($0, calibration) } + calibration.actuators.map { actuator($0, calibration) }
            + calibration.trips.map { trip($0, calibration) } + calibration.interlocks.map { interlock($0, calibration) }
    }

    private static func reset(_ reset: Reset) -> OutlineItem {
        var item = OutlineItem("reset", reset.name)
        item.line("line", reset.line)
        item.duration("hold", reset.holdMilliseconds, .lessIsLooser("shorter", "longer"))
        return item
    }

    private static func selector(_ selector: Selector) -> OutlineItem {
        var item = OutlineItem("selector", selector.name)
        item.line("hand-line", selector.handLine)
        item.line("auto-line", selector.autoLine)
        item.duration("debounce", selector.debounceMilliseconds, .other)
        item.count("changes-maximum", selector.changesMaximum, "in 10 s", .moreIsLooser("more", "fewer"))
        item.duration("button-maximum", selector.buttonMaximumMilliseconds, .moreIsLooser("later", "sooner"))
        return item
    }

    // MARK: sensors

    private static func sensor(_ index: Int, _ calibration: Calibration) -> OutlineItem {
        let sensor = calibration.sensors[index]
        var item = OutlineItem("sensor", sensor.name)
        item.word("kind", Words.kind(sensor.source), .wiring)
        switch sensor.source {
        case .switch(let value):
            item.line("line", value.line)
            item.line("antivalent-line", value.antivalentLine)
            if !value.antivalentLine.isEmpty { item.duration("discrepancy", value.discrepancyMilliseconds, .moreIsLooser("later", "sooner")) }
            item.duration("debounce", value.debounceMilliseconds, none: "none", .moreIsLooser("later", "sooner"))
            item.word("active-when", value.activeWhenHigh ? "high" : "low", .wiring)
        case .flowMeter(let meter):
            item.line("line", meter.line)
            item.count("microlitres-per-pulse", meter.microlitresPerPulse, "µl", .other)
            item.count("maximum-pulses-per-second", meter.maximumPulsesPerSecond, "a second", .moreIsLooser("more", "fewer"))
        case .frequency(let input):
            item.line("line", input.line)
            item.count("pulses-per-turn", input.pulsesPerTurn, "", .other)
            item.count("maximum-pulses-per-second", input.maximumPulsesPerSecond, "a second", .moreIsLooser("more", "fewer"))
        case .analogue(let input):
            item.line("channel", input.channel)
            item.count("counts-at-4-milliamperes", input.countsAt4Milliamperes, "", .other)
            item.count("counts-at-20-milliamperes", input.countsAt20Milliamperes, "", .other)
            item.add("coefficients", input.coefficients.map(MeasuredUnit.decimal).joined(separator: ", ") + (input.unit.isEmpty ? "" : " " + input.unit),
                     .list(input.coefficients.map(String.init)), .other)
            item.word("unit", input.unit)
            item.duration("fault-persistence", input.faultMilliseconds, none: "at once", .moreIsLooser("later", "sooner"))
        case .voting(let voting):
            item.word("scheme", Words.scheme(voting.scheme))
            item.names("members", voting.members.map { calibration.sensors[$0].name }, .wiring)
            if voting.deviation != 0 {
                item.add("deviation", calibration.words(voting.deviation, sensor: index), .number(voting.deviation), .moreIsLooser("wider", "narrower"))
            }
            item.duration("deviation-persistence", voting.deviationMilliseconds, .moreIsLooser("later", "sooner"))
        }
        plausibility(sensor.plausibility, index, calibration, &item)
        return item
    }

    private static func plausibility(_ value: Plausibility, _ index: Int, _ calibration: Calibration, _ item: inout OutlineItem) {
        if case .switch = calibration.sensors[index].source { return }
        if case .voting = calibration.sensors[index].source { return }
        if case .analogue = calibration.sensors[index].source {
            item.duration("stale", value.staleMilliseconds, .moreIsLooser("later", "sooner"))
            item.duration("stuck", value.stuckMilliseconds, none: "not looked for", .limit("later", "sooner"))
        }
        item.add("maximum-rate-per-second", value.maximumRatePerSecond == 0 ? "no limit" : calibration.words(value.maximumRatePerSecond, sensor: index),
                 .number(value.maximumRatePerSecond), .limit("faster", "slower"))
        item.count("bad-samples", value.badSamples, "", .moreIsLooser("later", "sooner"))
    }

    // MARK: actuators

    private static func actuator(_ actuator: Actuator, _ calibration: Calibration) -> OutlineItem {
        var item = OutlineItem("actuator", actuator.name)
        item.word("kind", Words.kind(actuator.drive), .wiring)
        switch actuator.drive {
        case .motorValve(let valve): motorValve(valve, calibration, &item)
        case .solenoid(let solenoid):
            item.line("line", solenoid.line)
            item.word("energise-to", solenoid.energiseToOpen ? "open" : "close", .wiring)
            item.duration("minimum-on", solenoid.minimumOnMilliseconds, none: "none", .lessIsLooser("shorter", "longer"))
            item.duration("minimum-off", solenoid.minimumOffMilliseconds, none: "none", .lessIsLooser("shorter", "longer"))
            item.duration("travel", solenoid.travelMilliseconds, .other)
        case .timeProportional(let output):
            item.line("line", output.line)
            item.duration("period", output.periodMilliseconds, .other)
            item.duration("minimum-on", output.minimumOnMilliseconds, none: "none", .lessIsLooser("shorter", "longer"))
            item.duration("minimum-off", output.minimumOffMilliseconds, none: "none", .lessIsLooser("shorter", "longer"))
        case .latchingRelay(let relay):
            item.line("set-line", relay.setLine)
            item.line("reset-line", relay.resetLine)
            item.duration("pulse", relay.pulseMilliseconds, .other)
            item.duration("rest", relay.restMilliseconds, .lessIsLooser("shorter", "longer"))
            item.line("feedback-line", relay.feedbackLine)
            if !relay.feedbackLine.isEmpty { item.duration("feedback", relay.feedbackMilliseconds, .moreIsLooser("later", "sooner")) }
        }
        envelope(actuator, calibration, &item)
        governance(actuator.governance, calibration, &item)
        item.word("safe-state", Words.state(actuator.safeState), .wiring)
        item.word("reset", calibration.resets[actuator.reset].name)
        return item
    }

    private static func motorValve(_ valve: MotorValve, _ calibration: Calibration, _ item: inout OutlineItem) {
        item.line("open-line", valve.openLine)
        item.line("close-line", valve.closeLine)
        item.line("open-end-line", valve.openEndLine)
        item.line("closed-end-line", valve.closedEndLine)
        item.duration("end-switch-debounce", valve.endSwitchDebounceMilliseconds, none: "none", .other)
        item.share("end-switch-tolerance", valve.endSwitchTolerancePermille, .moreIsLooser("wider", "narrower"))
        item.duration("stroke", valve.strokeMilliseconds, .other)
        item.duration("stroke-fastest", valve.strokeFastestMilliseconds, .lessIsLooser("wider window", "narrower window"))
        item.duration("stroke-slowest", valve.strokeSlowestMilliseconds, .moreIsLooser("wider window", "narrower window"))
        item.duration("coast", valve.coastMilliseconds, .other)
        item.duration("rest", valve.restMilliseconds, .lessIsLooser("shorter", "longer"))
        if let feedback = valve.feedback {
            item.word("feedback.sensor", calibration.sensors[feedback.sensor].name, .wiring)
            item.share("feedback.deviation", feedback.deviationPermille, .moreIsLooser("wider", "narrower"))
            item.duration("feedback.deviation-persistence", feedback.deviationMilliseconds, .moreIsLooser("later", "sooner"))
        }
        if let test = valve.proofTest {
            item.share("proof-test.stroke", test.strokePermille, .other)
            item.count("proof-test.interval", test.intervalHours, "h", none: "never due", .limit("seldomer", "oftener"))
        }
    }

    private static func envelope(_ actuator: Actuator, _ calibration: Calibration, _ item: inout OutlineItem) {
        let envelope = actuator.envelope
        if actuator.isContinuous {
            item.share("position-minimum", envelope.minimumPermille, .lessIsLooser("wider", "narrower"))
            item.share("position-maximum", envelope.maximumPermille, .moreIsLooser("wider", "narrower"))
            item.share("dead-band", envelope.deadBandPermille, none: "none", .other)
            item.add("slew", envelope.slewPermillePerSecond == 0 ? "no limit" : "\(Words.percent(envelope.slewPermillePerSecond)) a second",
                     .number(envelope.slewPermillePerSecond), .limit("faster", "slower"))
        }
        for limit in envelope.phases {
            if actuator.isContinuous { item.share("phase.\(calibration.phases[limit.phase]).position-minimum", limit.minimumPermille, .lessIsLooser("wider", "narrower")) }
            item.share("phase.\(calibration.phases[limit.phase]).position-maximum", limit.maximumPermille, .moreIsLooser("wider", "narrower"))
        }
        item.duration("maximum-away", envelope.maximumAwayMilliseconds, none: "no limit", .limit("longer", "shorter"))
        item.count("starts-per-hour", envelope.startsPerHour, "", none: "no limit", .limit("more", "fewer"))
        item.count("running-minutes-per-hour", envelope.runningMinutesPerHour, "min", none: "no limit", .limit("more", "fewer"))
        item.count("lifetime-cycles", envelope.lifetimeCycles, "", none: "not counted down", .limit("later", "sooner"))
    }

    private static func governance(_ governance: Governance, _ calibration: Calibration, _ item: inout OutlineItem) {
        item.word("governance.selector", governance.selector.map { calibration.selectors[$0].name } ?? "", .wiring)
        item.line("governance.open-button", governance.openButton)
        item.line("governance.close-button", governance.closeButton)
        item.duration("governance.select-before-operate", governance.selectMilliseconds, none: "not asked", .limit("longer", "shorter"))
        item.count("governance.approvals", governance.approvals, governance.approvals == 1 ? "signer" : "signers", .lessIsLooser("fewer", "more"))
        item.duration("governance.lease", governance.leaseMilliseconds, none: "none", .limit("longer", "shorter"))
    }

    // MARK: interlocks

    private static func condition(_ condition: Condition, _ sensor: Int, _ calibration: Calibration, _ item: inout OutlineItem) {
        item.word("sensor", calibration.sensors[sensor].name, .wiring)
        switch condition {
        case .active: item.word("when", "active", .wiring)
        case .inactive: item.word("when", "inactive", .wiring)
        case .above(let value): item.add("above", calibration.words(value, sensor: sensor), .number(value), .moreIsLooser("higher", "lower"))
        case .below(let value): item.add("below", calibration.words(value, sensor: sensor), .number(value), .lessIsLooser("lower", "higher"))
        }
    }

    private static func trip(_ trip: Trip, _ calibration: Calibration) -> OutlineItem {
        var item = OutlineItem("trip", trip.name)
        condition(trip.condition, trip.sensor, calibration, &item)
        if trip.hysteresis != 0 { item.add("hysteresis", calibration.words(trip.hysteresis, sensor: trip.sensor), .number(trip.hysteresis), .lessIsLooser("clears sooner", "clears later")) }
        item.duration("delay", trip.delayMilliseconds, .moreIsLooser("later", "sooner"))
        item.names("actuators", trip.actuators.map { calibration.actuators[$0].name }, .protects)
        item.flag("latched", trip.latched, .lessIsLooser("clears by itself", "stays until the reset"))
        if let reset = trip.reset { item.word("reset", calibration.resets[reset].name) }
        item.duration("process-safety", trip.processSafetyMilliseconds, none: "not stated", .limit("longer", "shorter"))
        item.flag("essential", trip.isEssential, .lessIsLooser("no longer essential", "now essential"))
        item.count("bypass-maximum", trip.bypassMaximumMinutes, "min", none: "no bypass", .moreIsLooser("longer", "shorter"))
        item.names("phases", trip.phases.map { calibration.phases[$0] }, empty: "all", .protects)
        return item
    }

    private static func interlock(_ named: NamedInterlock, _ calibration: Calibration) -> OutlineItem {
        var item = OutlineItem(Words.kind(named.interlock), named.name)
        switch named.interlock {
        case .permissive(let actuator, let sensor, let asked):
            item.word("actuator", calibration.actuators[actuator].name, .wiring)
            item.word("sensor", calibration.sensors[sensor].name, .wiring)
            demanded(asked, sensor, calibration, &item)
        case .exclusion(let first, let second):
            item.names("actuators", [calibration.actuators[first].name, calibration.actuators[second].name], .wiring)
        case .sequence(let actuator, let after, let permille, let milliseconds):
            item.word("actuator", calibration.actuators[actuator].name, .wiring)
            item.word("after", calibration.actuators[after].name, .wiring)
            item.share("at-least", permille, .lessIsLooser("less", "more"))
            item.duration("for", milliseconds, .lessIsLooser("shorter", "longer"))
        case .response(let actuator, let permille, let within, let sensor, let asked, let isFault):
            item.word("actuator", calibration.actuators[actuator].name, .wiring)
            item.share("at-least", permille, none: "closed", .other)
            item.duration("within", within, .moreIsLooser("later", "sooner"))
            item.word("sensor", calibration.sensors[sensor].name, .wiring)
            demanded(asked, sensor, calibration, &item)
            item.add("otherwise", isFault ? "fault" : "alarm", .flag(isFault), .lessIsLooser("only an alarm", "a fault"))
        }
        return item
    }

    /// A condition that must hold: asking for more is tighter, the other way round than of a trip.
    private static func demanded(_ condition: Condition, _ sensor: Int, _ calibration: Calibration, _ item: inout OutlineItem) {
        switch condition {
        case .active: item.word("when", "active", .wiring)
        case .inactive: item.word("when", "inactive", .wiring)
        case .above(let value): item.add("above", calibration.words(value, sensor: sensor), .number(value), .lessIsLooser("lower", "higher"))
        case .below(let value): item.add("below", calibration.words(value, sensor: sensor), .number(value), .moreIsLooser("higher", "lower"))
        }
    }
}
