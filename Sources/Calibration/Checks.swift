// The checks every calibration passes, whether compiled or decoded: bounds, names, lines, references,
// contradictions. The first that fails is thrown. Here the frame; sensors, actuators and interlocks have
// files of their own.

extension Calibration {
    func checkAll() throws(CalibrationError) {
        try checkFrame()
        for i in resets.indices { try check(resets[i], .reset(i)) }
        for i in selectors.indices { try check(selectors[i], .selector(i)) }
        for i in sensors.indices { try check(sensors[i], at: i) }
        for i in actuators.indices { try check(actuators[i], at: i) }
        for i in trips.indices { try check(trips[i], .trip(i)) }
        for i in interlocks.indices { try check(interlocks[i], at: i) }
        try checkNamesDiffer()
        try checkLinesDiffer()
    }

    private func checkFrame() throws(CalibrationError) {
        try bounds(content.version > 0, .calibration, "version", "must be 1 or more")
        try name(board, .calibration, "board")
        try number(tickMilliseconds, 5...1000, .calibration, "tick", "milliseconds")
        try number(supervisionTimeoutMilliseconds, 100...600_000, .calibration, "supervision-timeout", "milliseconds")
        try contradiction(supervisionTimeoutMilliseconds < 3 * tickMilliseconds, .calibration, "supervision-timeout",
            "is shorter than three ticks: the heartbeat could never arrive in time")
        try contradiction(supervisionTimeoutMilliseconds < 2 * Self.heartbeatMilliseconds, .calibration, "supervision-timeout",
            "is shorter than two heartbeats of the keeper (\(Self.heartbeatMilliseconds) ms each): one late heartbeat would stop everything")
        try bounds(phases.count <= Self.phasesMaximum, .calibration, "phases", "may be at most \(Self.phasesMaximum)")
        try bounds(resets.count <= Self.resetsMaximum, .calibration, "reset", "may stand at most \(Self.resetsMaximum) times")
        try bounds(selectors.count <= Self.selectorsMaximum, .calibration, "selector", "may stand at most \(Self.selectorsMaximum) times")
        try bounds(sensors.count <= Self.sensorsMaximum, .calibration, "sensor", "may stand at most \(Self.sensorsMaximum) times")
        try bounds(flowMeters.count <= Self.flowMetersMaximum, .calibration, "sensor", "may stand at most \(Self.flowMetersMaximum) times as a flow meter")
        try bounds(actuators.count <= Self.actuatorsMaximum, .calibration, "actuator", "may stand at most \(Self.actuatorsMaximum) times")
        try bounds(trips.count <= Self.tripsMaximum, .calibration, "trip", "may stand at most \(Self.tripsMaximum) times")
        try bounds(interlocks.count <= Self.interlocksMaximum, .calibration, "interlock", "may stand at most \(Self.interlocksMaximum) times")
    }

    private func check(_ reset: Reset, _ place: CalibrationError.Place) throws(CalibrationError) {
        try name(reset.name, place, "name")
        try name(reset.line, place, "line")
        try number(reset.holdMilliseconds, 50...10_000, place, "hold", "milliseconds")
    }

    private func check(_ selector: Selector, _ place: CalibrationError.Place) throws(CalibrationError) {
        try name(selector.name, place, "name")
        try name(selector.handLine, place, "hand-line")
        try name(selector.autoLine, place, "auto-line")
        try number(selector.debounceMilliseconds, 0...2000, place, "debounce", "milliseconds")
        try number(selector.changesMaximum, 2...100, place, "changes-maximum", "changes in ten seconds")
        try number(selector.buttonMaximumMilliseconds, 1000...3_600_000, place, "button-maximum", "milliseconds")
    }

    private func checkNamesDiffer() throws(CalibrationError) {
        var seen: [String] = []
        for phase in phases {
            try name(phase, .calibration, "phases")
            try differ(phase, &seen, .calibration)
        }
        seen = []
        for i in sensors.indices { try differ(sensors[i].name, &seen, .sensor(i)) }
        for i in actuators.indices { try differ(actuators[i].name, &seen, .actuator(i)) }
        seen = []
        for i in trips.indices { try differ(trips[i].name, &seen, .trip(i)) }
        for i in interlocks.indices { try differ(interlocks[i].name, &seen, .interlock(i)) }
        seen = []
        for i in resets.indices { try differ(resets[i].name, &seen, .reset(i)) }
        for i in selectors.indices { try differ(selectors[i].name, &seen, .selector(i)) }
    }

    private func differ(_ name: String, _ seen: inout [String], _ place: CalibrationError.Place) throws(CalibrationError) {
        for other in seen where other == name {
            throw CalibrationError(.name, place, place == .calibration ? "phases" : "name", "'\(name)' stands twice: give each its own name")
        }
        seen.append(name)
    }

    private func checkLinesDiffer() throws(CalibrationError) {
        var seen: [String] = []
        func once(_ line: String, _ place: CalibrationError.Place, _ key: String) throws(CalibrationError) {
            if line.utf8.isEmpty { return }
            for other in seen where other == line {
                throw CalibrationError(.line, place, key, "'\(line)' serves another purpose already: one line, one purpose")
            }
            seen.append(line)
        }
        for i in resets.indices { try once(resets[i].line, .reset(i), "line") }
        for i in selectors.indices {
            try once(selectors[i].handLine, .selector(i), "hand-line")
            try once(selectors[i].autoLine, .selector(i), "auto-line")
        }
        for i in sensors.indices {
            switch sensors[i].source {
            case .switch(let value):
                try once(value.line, .sensor(i), "line")
                try once(value.antivalentLine, .sensor(i), "antivalent-line")
            case .flowMeter(let meter): try once(meter.line, .sensor(i), "line")
            case .frequency(let input): try once(input.line, .sensor(i), "line")
            case .analogue, .voting: break
            }
        }
        for i in actuators.indices {
            let place = CalibrationError.Place.actuator(i)
            switch actuators[i].drive {
            case .motorValve(let valve):
                try once(valve.openLine, place, "open-line")
                try once(valve.closeLine, place, "close-line")
                try once(valve.openEndLine, place, "open-end-line")
                try once(valve.closedEndLine, place, "closed-end-line")
            case .solenoid(let solenoid): try once(solenoid.line, place, "line")
            case .timeProportional(let output): try once(output.line, place, "line")
            case .latchingRelay(let relay):
                try once(relay.setLine, place, "set-line")
                try once(relay.resetLine, place, "reset-line")
                try once(relay.feedbackLine, place, "feedback-line")
            }
            try once(actuators[i].governance.openButton, place, "governance.open-button")
            try once(actuators[i].governance.closeButton, place, "governance.close-button")
        }
        seen = []
        for i in sensors.indices {
            if case .analogue(let input) = sensors[i].source { try once(input.channel, .sensor(i), "channel") }
        }
    }

    // MARK: the forms of a refusal

    func number(
        _ value: Int, _ range: ClosedRange<Int>, _ place: CalibrationError.Place, _ key: String, _ unit: String
    ) throws(CalibrationError) {
        guard !range.contains(value) else { return }
        throw CalibrationError(.bounds, place, key, "is \(value) \(unit), outside \(range.lowerBound) to \(range.upperBound)")
    }

    func bounds(_ holds: Bool, _ place: CalibrationError.Place, _ key: String, _ text: String) throws(CalibrationError) {
        guard holds else { throw CalibrationError(.bounds, place, key, text) }
    }

    func contradiction(_ found: Bool, _ place: CalibrationError.Place, _ key: String, _ text: String) throws(CalibrationError) {
        guard !found else { throw CalibrationError(.contradiction, place, key, text) }
    }

    func index(_ value: Int, _ count: Int, _ place: CalibrationError.Place, _ key: String) throws(CalibrationError) {
        guard value >= 0, value < count else {
            throw CalibrationError(.reference, place, key, "refers to number \(value), and there are \(count)")
        }
    }

    func name(_ text: String, _ place: CalibrationError.Place, _ key: String) throws(CalibrationError) {
        var count = 0
        for character in text.utf8 {
            count += 1
            let allowed = (97...122).contains(character) || (48...57).contains(character) || character == 45 || character == 95
            guard allowed else { throw CalibrationError(.name, place, key, "has a character other than a-z, 0-9, - and _") }
        }
        guard count > 0, count <= Self.nameMaximum else {
            throw CalibrationError(.name, place, key, "has \(count) characters: 1 to \(Self.nameMaximum) are allowed")
        }
    }

    func optionalName(_ text: String, _ place: CalibrationError.Place, _ key: String) throws(CalibrationError) {
        if !text.utf8.isEmpty { try name(text, place, key) }
    }
}
