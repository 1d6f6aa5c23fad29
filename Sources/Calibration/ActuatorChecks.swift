// What a calibration may say of its actuators: each limit must leave room for the others.

extension Calibration {
    func check(_ actuator: Actuator, at i: Int) throws(CalibrationError) {
        let place = CalibrationError.Place.actuator(i)
        try name(actuator.name, place, "name")
        try index(actuator.reset, resets.count, place, "reset")
        try check(actuator.envelope, of: actuator, place)
        try check(actuator.governance, of: actuator, place)
        switch actuator.drive {
        case .motorValve(let valve): try check(valve, actuator, place)
        case .solenoid(let solenoid): try check(solenoid, actuator, place)
        case .timeProportional(let output): try check(output, actuator, place)
        case .latchingRelay(let relay): try check(relay, actuator, place)
        }
        try checkSafeState(actuator, place)
    }

    // MARK: what holds for all

    private func check(_ envelope: Envelope, of actuator: Actuator, _ place: CalibrationError.Place) throws(CalibrationError) {
        try number(envelope.maximumPermille, 1...1000, place, "position-maximum", "permille of travel")
        try number(envelope.minimumPermille, 0...1000, place, "position-minimum", "permille of travel")
        try number(envelope.deadBandPermille, 0...200, place, "dead-band", "permille of travel")
        try number(envelope.slewPermillePerSecond, 0...100_000, place, "slew", "permille a second")
        try number(envelope.maximumAwayMilliseconds, 0...604_800_000, place, "maximum-away", "milliseconds")
        try number(envelope.startsPerHour, 0...3600, place, "starts-per-hour", "starts")
        try number(envelope.runningMinutesPerHour, 0...59, place, "running-minutes-per-hour", "minutes")
        try number(envelope.lifetimeCycles, 0...1_000_000_000, place, "lifetime-cycles", "cycles")
        try contradiction(envelope.minimumPermille > envelope.maximumPermille, place, "position-minimum", "lies above the position maximum")
        if !actuator.isContinuous {
            try contradiction(envelope.maximumPermille != 1000 || envelope.minimumPermille != 0, place, "position-maximum",
                "belongs to actuators that take positions between closed and open")
            try contradiction(envelope.deadBandPermille != 0, place, "dead-band", "belongs to actuators that take positions between closed and open")
            try contradiction(envelope.slewPermillePerSecond != 0, place, "slew", "belongs to actuators that take positions between closed and open")
        }
        try contradiction(envelope.deadBandPermille > 0 && envelope.deadBandPermille >= envelope.maximumPermille, place, "dead-band",
            "is as wide as the envelope: no setpoint would change anything")
        try checkSlew(envelope, place)
        for (k, limit) in envelope.phases.enumerated() {
            try index(limit.phase, phases.count, place, "phase")
            for other in envelope.phases[..<k] where other.phase == limit.phase {
                throw CalibrationError(.contradiction, place, "phase." + phases[limit.phase], "stands twice")
            }
            try check(limit, of: actuator, place)
        }
    }

    private func checkSlew(_ envelope: Envelope, _ place: CalibrationError.Place) throws(CalibrationError) {
        guard envelope.slewPermillePerSecond > 0 else { return }
        let milliseconds = envelope.maximumPermille * 1000 / envelope.slewPermillePerSecond
        try contradiction(envelope.maximumAwayMilliseconds > 0 && envelope.maximumAwayMilliseconds <= milliseconds, place, "maximum-away",
            "is over before the slew limit lets it come to its furthest position (\(milliseconds) ms)")
    }

    private func check(_ limit: PhaseLimit, of actuator: Actuator, _ place: CalibrationError.Place) throws(CalibrationError) {
        let key = "phase." + phases[limit.phase]
        let envelope = actuator.envelope
        try contradiction(limit.maximumPermille < 0 || limit.maximumPermille > envelope.maximumPermille, place, key + ".position-maximum",
            "lies outside the envelope, which ends at \(envelope.maximumPermille) permille: a phase can only narrow it")
        // Where it may be nothing but closed, closed is also the least.
        let least = limit.maximumPermille == 0 ? 0 : envelope.minimumPermille
        try contradiction(limit.minimumPermille < least || limit.minimumPermille > limit.maximumPermille, place, key + ".position-minimum",
            "lies outside \(least) to \(limit.maximumPermille) permille: a phase can only narrow the envelope")
        let isPosition = actuator.isContinuous || limit.minimumPermille == 0 && (limit.maximumPermille == 0 || limit.maximumPermille == 1000)
        try contradiction(!isPosition, place, key + ".position-maximum", "is a position that this actuator does not have: 0 or 1000 permille")
        try contradiction(actuator.safeState == .open && limit.maximumPermille < 1000, place, key + ".position-maximum", "excludes the safe state, open")
    }

    private func check(_ governance: Governance, of actuator: Actuator, _ place: CalibrationError.Place) throws(CalibrationError) {
        if let selector = governance.selector { try index(selector, selectors.count, place, "governance.selector") }
        try optionalName(governance.openButton, place, "governance.open-button")
        try optionalName(governance.closeButton, place, "governance.close-button")
        let hasButtons = !governance.openButton.utf8.isEmpty || !governance.closeButton.utf8.isEmpty
        try contradiction(hasButtons && governance.selector == nil, place, "governance.open-button", "is never at work: buttons count while a selector says Hand")
        try number(governance.selectMilliseconds, 0...120_000, place, "governance.select-before-operate", "milliseconds")
        try contradiction(governance.selectMilliseconds > 0 && governance.selectMilliseconds < 10 * tickMilliseconds, place,
            "governance.select-before-operate", "is shorter than ten ticks: no order could follow in time")
        try number(governance.approvals, 1...2, place, "governance.approvals", "signers")
        try number(governance.leaseMilliseconds, 0...86_400_000, place, "governance.lease", "milliseconds")
        try contradiction(governance.leaseMilliseconds > 0 && governance.leaseMilliseconds < 10 * tickMilliseconds, place, "governance.lease",
            "is shorter than ten ticks: no renewal could arrive in time")
    }

    private func checkSafeState(_ actuator: Actuator, _ place: CalibrationError.Place) throws(CalibrationError) {
        let envelope = actuator.envelope
        if actuator.safeState == .open {
            try contradiction(envelope.maximumPermille < 1000, place, "safe-state",
                "is open, outside the envelope, which ends at \(envelope.maximumPermille) permille")
        }
        if actuator.safeState == .last {
            try contradiction(actuator.governance.leaseMilliseconds > 0, place, "governance.lease", "ends in the safe state 'last': nothing would happen")
        }
        if envelope.runningMinutesPerHour > 0, runsWhenSafe(actuator) {
            throw CalibrationError(.contradiction, place, "running-minutes-per-hour",
                "cannot hold: it runs in its safe state, or where it returns to; set it to 0")
        }
    }

    /// Whether the safe state needs power for as long as it lasts.
    public func energisedWhenSafe(_ actuator: Actuator) -> Bool {
        switch actuator.drive {
        case .motorValve, .latchingRelay: false
        case .solenoid(let solenoid): actuator.safeState == (solenoid.energiseToOpen ? .open : .closed)
        case .timeProportional: actuator.safeState == .open
        }
    }

    /// Whether it counts as running where it goes when its hour is used up; `last` goes closed.
    private func runsWhenSafe(_ actuator: Actuator) -> Bool {
        switch actuator.drive {
        case .motorValve: false
        case .solenoid(let solenoid): solenoid.energiseToOpen == (actuator.safeState == .open)
        case .timeProportional, .latchingRelay: actuator.safeState == .open
        }
    }

    // MARK: each kind

    private func check(_ valve: MotorValve, _ actuator: Actuator, _ place: CalibrationError.Place) throws(CalibrationError) {
        try name(valve.openLine, place, "open-line")
        try name(valve.closeLine, place, "close-line")
        try name(valve.openEndLine, place, "open-end-line")
        try name(valve.closedEndLine, place, "closed-end-line")
        try number(valve.endSwitchDebounceMilliseconds, 0...2000, place, "end-switch-debounce", "milliseconds")
        try number(valve.endSwitchTolerancePermille, 1...200, place, "end-switch-tolerance", "permille")
        try number(valve.strokeMilliseconds, 200...3_600_000, place, "stroke", "milliseconds")
        try number(valve.strokeFastestMilliseconds, 100...3_600_000, place, "stroke-fastest", "milliseconds")
        try number(valve.strokeSlowestMilliseconds, 200...7_200_000, place, "stroke-slowest", "milliseconds")
        try number(valve.coastMilliseconds, 0...1000, place, "coast", "milliseconds")
        try number(valve.restMilliseconds, 10...60_000, place, "rest", "milliseconds")
        try contradiction(valve.endSwitchTolerancePermille >= actuator.envelope.maximumPermille, place, "end-switch-tolerance",
            "reaches over the whole envelope: an end switch that hangs could never be seen")
        try checkTravel(valve, actuator.envelope, place)
        try contradiction(actuator.safeState == .open && actuator.envelope.maximumAwayMilliseconds > 0, place, "maximum-away",
            "is reckoned from closed, and the safe state is open: set it to 0")
        if let feedback = valve.feedback {
            try index(feedback.sensor, sensors.count, place, "feedback.sensor")
            try contradiction(isSwitch(feedback.sensor), place, "feedback.sensor", "is a switch: it must measure permille of travel")
            let range = range(of: feedback.sensor)
            try contradiction(range.lowerBound < -250_000 || range.lowerBound > 0 || range.upperBound < 1_000_000 || range.upperBound > 1_250_000, place,
                "feedback.sensor", "does not measure 0 (closed) to 1000 (open) permille of travel: it says \(range.lowerBound / 1000) to \(range.upperBound / 1000)")
            try number(feedback.deviationPermille, 1...500, place, "feedback.deviation", "permille of travel")
            try number(feedback.deviationMilliseconds, tickMilliseconds...60_000, place, "feedback.deviation-persistence", "milliseconds")
        }
        if let test = valve.proofTest {
            try number(test.strokePermille, 10...500, place, "proof-test.stroke", "permille of travel")
            try number(test.intervalHours, 0...87_600, place, "proof-test.interval", "hours")
            try contradiction(test.strokePermille <= valve.endSwitchTolerancePermille, place, "proof-test.stroke",
                "does not leave the end switch's tolerance: the test could never be seen to pass")
            try contradiction(test.strokePermille > valve.stroke.reachPermille(maximumPermille: actuator.envelope.maximumPermille), place, "proof-test.stroke",
                "leaves the envelope: the test would be stopped before it passed")
        }
    }

    private func checkTravel(_ valve: MotorValve, _ envelope: Envelope, _ place: CalibrationError.Place) throws(CalibrationError) {
        let (fastest, stroke, slowest) = (valve.strokeFastestMilliseconds, valve.strokeMilliseconds, valve.strokeSlowestMilliseconds)
        try contradiction(fastest > stroke, place, "stroke-fastest", "is longer than the stroke itself")
        try contradiction(slowest < stroke, place, "stroke-slowest", "is shorter than the stroke itself")
        try contradiction(fastest * 2 < stroke, place, "stroke-fastest", "is less than half the stroke: measure the valve again")
        try contradiction(slowest > stroke * 2, place, "stroke-slowest", "is more than twice the stroke: measure the valve again")
        try contradiction(fastest < 10 * tickMilliseconds, place, "stroke-fastest",
            "is less than ten ticks: the position could not be told; choose a shorter tick")
        try checkReach(valve, envelope.minimumPermille, envelope.maximumPermille, "position-maximum", place)
        // A phase that lets it be nothing but closed needs no room.
        for limit in envelope.phases where limit.maximumPermille > 0 {
            try checkReach(valve, limit.minimumPermille, limit.maximumPermille, "phase." + phases[limit.phase] + ".position-maximum", place)
        }
        let openMilliseconds = envelope.maximumPermille * slowest / 1000
        try contradiction(envelope.maximumAwayMilliseconds > 0 && envelope.maximumAwayMilliseconds <= openMilliseconds, place, "maximum-away",
            "is over before the valve has opened (\(openMilliseconds) ms)")
    }

    private func checkReach(
        _ valve: MotorValve, _ minimum: Int, _ maximum: Int, _ key: String, _ place: CalibrationError.Place
    ) throws(CalibrationError) {
        let reach = valve.stroke.reachPermille(maximumPermille: maximum) - tickMilliseconds * 1000 / valve.strokeMilliseconds
        try contradiction(maximum < 1000 && reach < max(minimum, 1), place, key,
            "leaves no room: with the fastest stroke and the coasting, no allowed position can be reached inside it")
    }

    private func check(_ solenoid: Solenoid, _ actuator: Actuator, _ place: CalibrationError.Place) throws(CalibrationError) {
        try name(solenoid.line, place, "line")
        try number(solenoid.minimumOnMilliseconds, 0...600_000, place, "minimum-on", "milliseconds")
        try number(solenoid.minimumOffMilliseconds, 0...600_000, place, "minimum-off", "milliseconds")
        try number(solenoid.travelMilliseconds, 0...60_000, place, "travel", "milliseconds")
        let away = actuator.envelope.maximumAwayMilliseconds
        let shortest = energisedWhenSafe(actuator) ? solenoid.minimumOffMilliseconds : solenoid.minimumOnMilliseconds
        try contradiction(away > 0 && away <= shortest, place, "maximum-away",
            "is not longer than the least time that it must stay so (\(shortest) ms)")
    }

    private func check(_ output: TimeProportional, _ actuator: Actuator, _ place: CalibrationError.Place) throws(CalibrationError) {
        try name(output.line, place, "line")
        try number(output.periodMilliseconds, 500...3_600_000, place, "period", "milliseconds")
        try number(output.minimumOnMilliseconds, 0...600_000, place, "minimum-on", "milliseconds")
        try number(output.minimumOffMilliseconds, 0...600_000, place, "minimum-off", "milliseconds")
        try contradiction(output.periodMilliseconds < 20 * tickMilliseconds, place, "period",
            "is less than twenty ticks: a share of it could not be told; choose a shorter tick or a longer period")
        try contradiction(output.minimumOnMilliseconds + output.minimumOffMilliseconds > output.periodMilliseconds, place, "minimum-on",
            "and minimum-off together are longer than the period: no share could ever be given")
        try contradiction(actuator.envelope.maximumPermille * output.periodMilliseconds / 1000 < output.minimumOnMilliseconds, place, "position-maximum",
            "is a shorter time of the period than minimum-on: it could never be on")
        let starts = actuator.envelope.startsPerHour
        // Starts are counted in minutes: the hour, and the minute that has begun.
        let least = 3_660_000 / output.periodMilliseconds + 2
        try contradiction(starts > 0 && starts < least, place, "starts-per-hour",
            "is less than the \(least) starts of its period: choose a longer period")
        try contradiction(actuator.safeState == .last, place, "safe-state", "is 'last': an output that is switched all the time has none; use closed or open")
    }

    private func check(_ relay: LatchingRelay, _ actuator: Actuator, _ place: CalibrationError.Place) throws(CalibrationError) {
        try name(relay.setLine, place, "set-line")
        try name(relay.resetLine, place, "reset-line")
        try optionalName(relay.feedbackLine, place, "feedback-line")
        try number(relay.pulseMilliseconds, 1...5000, place, "pulse", "milliseconds")
        try contradiction(relay.pulseMilliseconds < 2 * tickMilliseconds, place, "pulse", "is shorter than two ticks: choose a shorter tick")
        try number(relay.restMilliseconds, 0...60_000, place, "rest", "milliseconds")
        try number(relay.feedbackMilliseconds, 0...10_000, place, "feedback", "milliseconds")
        let hasFeedback = !relay.feedbackLine.utf8.isEmpty
        try contradiction(hasFeedback && relay.feedbackMilliseconds < 2 * tickMilliseconds, place, "feedback",
            "is shorter than two ticks: the contact could not be seen to follow in time")
        try contradiction(!hasFeedback && relay.feedbackMilliseconds != 0, place, "feedback", "belongs to a relay with a feedback line")
        let away = actuator.envelope.maximumAwayMilliseconds
        try contradiction(away > 0 && away <= relay.pulseMilliseconds + relay.restMilliseconds, place, "maximum-away", "is over before the relay could be pulsed back")
    }
}
