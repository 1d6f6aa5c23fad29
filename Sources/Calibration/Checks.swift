// The checks every calibration passes, whether compiled or decoded: bounds, names, lines,
// references, contradictions. The first that fails is thrown.

extension Calibration {
    func checkAll() throws(CalibrationError) {
        try checkFrame()
        for i in resets.indices { try check(resets[i], at: i) }
        for i in sensors.indices { try check(sensors[i], at: i) }
        for i in actuators.indices {
            switch actuators[i] {
            case .motorValve(let valve): try check(valve, .actuator(i))
            case .solenoid(let solenoid): try check(solenoid, .actuator(i))
            }
        }
        for i in trips.indices { try check(trips[i], .trip(i)) }
        try checkNamesDiffer()
        try checkLinesDiffer()
    }

    private func checkFrame() throws(CalibrationError) {
        try bounds(version > 0, .calibration, "version", "must be 1 or more")
        try name(board, .calibration, "board")
        try number(tickMilliseconds, 5...1000, .calibration, "tick", "milliseconds")
        try number(supervisionTimeoutMilliseconds, 100...600_000, .calibration, "supervision-timeout", "milliseconds")
        try contradiction(supervisionTimeoutMilliseconds < 3 * tickMilliseconds, .calibration, "supervision-timeout",
            "is shorter than three ticks: the heartbeat could never arrive in time")
        try bounds(resets.count <= Self.resetsMaximum, .calibration, "reset", "may stand at most \(Self.resetsMaximum) times")
        try bounds(sensors.count <= Self.sensorsMaximum, .calibration, "sensor", "may stand at most \(Self.sensorsMaximum) times")
        try bounds(actuators.count <= Self.actuatorsMaximum, .calibration, "actuator", "may stand at most \(Self.actuatorsMaximum) times")
        try bounds(trips.count <= Self.tripsMaximum, .calibration, "trip", "may stand at most \(Self.tripsMaximum) times")
    }

    private func check(_ reset: Reset, at i: Int) throws(CalibrationError) {
        try name(reset.name, .reset(i), "name")
        try name(reset.line, .reset(i), "line")
        try number(reset.holdMilliseconds, 50...10_000, .reset(i), "hold", "milliseconds")
    }

    private func check(_ sensor: Sensor, at i: Int) throws(CalibrationError) {
        let place = CalibrationError.Place.sensor(i)
        try name(sensor.name, place, "name")
        try name(sensor.line, place, "line")
        switch sensor {
        case .switch(let value):
            try number(value.debounceMilliseconds, 0...10_000, place, "debounce", "milliseconds")
        case .flowMeter(let meter):
            try number(meter.microlitresPerPulse, 1...100_000_000, place, "microlitres-per-pulse", "microlitres")
            try number(meter.maximumPulsesPerSecond, 1...10_000, place, "maximum-pulses-per-second", "pulses")
        }
    }

    private func check(_ valve: MotorValve, _ place: CalibrationError.Place) throws(CalibrationError) {
        try name(valve.name, place, "name")
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
        try number(valve.positionMaximumPermille, 1...1000, place, "position-maximum", "permille of travel")
        try number(valve.positionMinimumPermille, 0...1000, place, "position-minimum", "permille of travel")
        try number(valve.maximumOpenMilliseconds, 0...604_800_000, place, "maximum-open", "milliseconds")
        try number(valve.restMilliseconds, 10...60_000, place, "rest", "milliseconds")
        try index(valve.reset, resets.count, place, "reset")
        try checkTravel(valve, place)
        try checkSafeState(valve, place)
    }

    private func checkTravel(_ valve: MotorValve, _ place: CalibrationError.Place) throws(CalibrationError) {
        let (fastest, stroke, slowest) = (valve.strokeFastestMilliseconds, valve.strokeMilliseconds, valve.strokeSlowestMilliseconds)
        try contradiction(fastest > stroke, place, "stroke-fastest", "is longer than the stroke itself")
        try contradiction(slowest < stroke, place, "stroke-slowest", "is shorter than the stroke itself")
        try contradiction(fastest * 2 < stroke, place, "stroke-fastest", "is less than half the stroke: measure the valve again")
        try contradiction(slowest > stroke * 2, place, "stroke-slowest", "is more than twice the stroke: measure the valve again")
        try contradiction(fastest < 10 * tickMilliseconds, place, "stroke-fastest",
            "is less than ten ticks: the position could not be told; choose a shorter tick")
        try contradiction(valve.positionMinimumPermille > valve.positionMaximumPermille, place, "position-minimum",
            "lies above the position maximum")
        let reach = valve.reachPermille - tickMilliseconds * 1000 / stroke
        try contradiction(valve.positionMaximumPermille < 1000 && reach < max(valve.positionMinimumPermille, 1), place, "position-maximum",
            "leaves no room: with the fastest stroke and the coasting, no allowed position can be reached inside it")
        let openMilliseconds = valve.positionMaximumPermille * slowest / 1000
        try contradiction(valve.maximumOpenMilliseconds > 0 && valve.maximumOpenMilliseconds <= openMilliseconds, place, "maximum-open",
            "is over before the valve has opened (\(openMilliseconds) ms)")
    }

    private func checkSafeState(_ valve: MotorValve, _ place: CalibrationError.Place) throws(CalibrationError) {
        guard valve.safeState == .open else { return }
        try contradiction(valve.positionMaximumPermille < 1000, place, "safe-state",
            "is open, outside the envelope, which ends at \(valve.positionMaximumPermille) permille")
        try contradiction(valve.maximumOpenMilliseconds > 0, place, "safe-state",
            "is open, but the maximum open time forbids to stay there; set it to 0")
    }

    private func check(_ solenoid: Solenoid, _ place: CalibrationError.Place) throws(CalibrationError) {
        try name(solenoid.name, place, "name")
        try name(solenoid.line, place, "line")
        try number(solenoid.maximumOnMilliseconds, 0...604_800_000, place, "maximum-on", "milliseconds")
        try number(solenoid.minimumOnMilliseconds, 0...600_000, place, "minimum-on", "milliseconds")
        try number(solenoid.minimumOffMilliseconds, 0...600_000, place, "minimum-off", "milliseconds")
        try index(solenoid.reset, resets.count, place, "reset")
        try contradiction(solenoid.maximumOnMilliseconds > 0 && solenoid.maximumOnMilliseconds <= solenoid.minimumOnMilliseconds, place, "maximum-on",
            "is not longer than the minimum on time")
        let safeIsOn = solenoid.safeState == (solenoid.energiseToOpen ? .open : .closed)
        try contradiction(safeIsOn && solenoid.maximumOnMilliseconds > 0, place, "safe-state",
            "needs the line energised, but the maximum on time forbids to stay so; set it to 0")
    }

    private func check(_ trip: Trip, _ place: CalibrationError.Place) throws(CalibrationError) {
        try name(trip.name, place, "name")
        try index(trip.sensor, sensors.count, place, "sensor")
        try index(trip.actuator, actuators.count, place, "actuator")
        try number(trip.delayMilliseconds, 0...600_000, place, "delay", "milliseconds")
        if let reset = trip.reset { try index(reset, resets.count, place, "reset") }
        try contradiction(trip.latched && trip.reset == nil, place, "reset", "is missing: nobody could reset this latched trip")
        try contradiction(!trip.latched && trip.reset != nil, place, "reset", "belongs to latched trips only")
        try contradiction(actuators[trip.actuator].safeState == .last, place, "actuator",
            "has the safe state 'last': the trip would change nothing")
        try checkCondition(trip, place)
    }

    private func checkCondition(_ trip: Trip, _ place: CalibrationError.Place) throws(CalibrationError) {
        switch (sensors[trip.sensor], trip.condition) {
        case (.switch, .active), (.switch, .inactive): break
        case (.flowMeter(let meter), .above(let flow)):
            try number(flow, 0...Int(UInt32.max), place, "above", "microlitres per second")
            try contradiction(flow >= meter.maximumFlow, place, "above", "can never happen: the meter ends at \(meter.maximumFlow) microlitres per second")
        case (.flowMeter(let meter), .below(let flow)):
            try number(flow, 1...Int(UInt32.max), place, "below", "microlitres per second")
            try contradiction(flow > meter.maximumFlow, place, "below", "can never clear: the meter ends at \(meter.maximumFlow) microlitres per second")
        case (.switch, _):
            throw CalibrationError(.contradiction, place, "when", "compares a flow, but the sensor is a switch: use active or inactive")
        case (.flowMeter, _):
            throw CalibrationError(.contradiction, place, "when", "asks a flow meter for active or inactive: use above or below")
        }
    }

    private func checkNamesDiffer() throws(CalibrationError) {
        var seen: [String] = []
        for i in sensors.indices { try differ(sensors[i].name, &seen, .sensor(i)) }
        for i in actuators.indices { try differ(actuators[i].name, &seen, .actuator(i)) }
        seen = []
        for i in trips.indices { try differ(trips[i].name, &seen, .trip(i)) }
        seen = []
        for i in resets.indices { try differ(resets[i].name, &seen, .reset(i)) }
    }

    private func differ(_ name: String, _ seen: inout [String], _ place: CalibrationError.Place) throws(CalibrationError) {
        for other in seen where other == name {
            throw CalibrationError(.name, place, "name", "'\(name)' stands twice: give each its own name")
        }
        seen.append(name)
    }

    private func checkLinesDiffer() throws(CalibrationError) {
        var seen: [String] = []
        func once(_ line: String, _ place: CalibrationError.Place, _ key: String) throws(CalibrationError) {
            for other in seen where other == line {
                throw CalibrationError(.line, place, key, "'\(line)' serves another purpose already: one line, one purpose")
            }
            seen.append(line)
        }
        for i in resets.indices { try once(resets[i].line, .reset(i), "line") }
        for i in sensors.indices { try once(sensors[i].line, .sensor(i), "line") }
        for i in actuators.indices {
            switch actuators[i] {
            case .motorValve(let valve):
                try once(valve.openLine, .actuator(i), "open-line")
                try once(valve.closeLine, .actuator(i), "close-line")
                try once(valve.openEndLine, .actuator(i), "open-end-line")
                try once(valve.closedEndLine, .actuator(i), "closed-end-line")
            case .solenoid(let solenoid):
                try once(solenoid.line, .actuator(i), "line")
            }
        }
    }

    private func number(
        _ value: Int, _ range: ClosedRange<Int>, _ place: CalibrationError.Place, _ key: String, _ unit: String
    ) throws(CalibrationError) {
        guard !range.contains(value) else { return }
        throw CalibrationError(.bounds, place, key, "is \(value) \(unit), outside \(range.lowerBound) to \(range.upperBound)")
    }

    private func bounds(_ holds: Bool, _ place: CalibrationError.Place, _ key: String, _ text: String) throws(CalibrationError) {
        guard holds else { throw CalibrationError(.bounds, place, key, text) }
    }

    private func contradiction(_ found: Bool, _ place: CalibrationError.Place, _ key: String, _ text: String) throws(CalibrationError) {
        guard !found else { throw CalibrationError(.contradiction, place, key, text) }
    }

    private func index(_ value: Int, _ count: Int, _ place: CalibrationError.Place, _ key: String) throws(CalibrationError) {
        guard value >= 0, value < count else {
            throw CalibrationError(.reference, place, key, "refers to number \(value), and there are \(count)")
        }
    }

    private func name(_ text: String, _ place: CalibrationError.Place, _ key: String) throws(CalibrationError) {
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
}
