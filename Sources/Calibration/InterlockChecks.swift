// What a calibration may say of its interlocks: each must be able to act, to clear, and to be in time.

extension Calibration {
    func check(_ trip: Trip, _ place: CalibrationError.Place) throws(CalibrationError) {
        try name(trip.name, place, "name")
        try index(trip.sensor, sensors.count, place, "sensor")
        try bounds(!trip.actuators.isEmpty, place, "actuators", "are missing: the trip would change nothing")
        for (k, actuator) in trip.actuators.enumerated() {
            try index(actuator, actuators.count, place, "actuators")
            for other in trip.actuators[..<k] where other == actuator {
                throw CalibrationError(.contradiction, place, "actuators", "'\(actuators[actuator].name)' stands twice")
            }
            try contradiction(actuators[actuator].safeState == .last, place, "actuators",
                "'\(actuators[actuator].name)' has the safe state 'last': the trip would change nothing")
        }
        try number(trip.delayMilliseconds, 0...600_000, place, "delay", "milliseconds")
        try number(trip.hysteresis, 0...1_000_000_000, place, "hysteresis", "")
        try check(trip.condition, hysteresis: trip.hysteresis, of: trip.sensor, place)
        if let reset = trip.reset { try index(reset, resets.count, place, "reset") }
        try contradiction(trip.latched && trip.reset == nil, place, "reset", "is missing: nobody could reset this latched trip")
        try contradiction(!trip.latched && trip.reset != nil, place, "reset", "belongs to latched trips only")
        try number(trip.processSafetyMilliseconds, 0...86_400_000, place, "process-safety", "milliseconds")
        try number(trip.bypassMaximumMinutes, 0...1440, place, "bypass-maximum", "minutes")
        try contradiction(trip.isEssential && trip.bypassMaximumMinutes > 0, place, "bypass-maximum", "stands on an essential trip: it can never be bypassed")
        try contradiction(trip.isEssential && !trip.phases.isEmpty, place, "phases", "stand on an essential trip: it is armed in all of them")
        for (k, phase) in trip.phases.enumerated() {
            try index(phase, phases.count, place, "phases")
            for other in trip.phases[..<k] where other == phase { throw CalibrationError(.contradiction, place, "phases", "name '\(phases[phase])' twice") }
        }
        try checkClears(trip, place)
        for actuator in trip.actuators where trip.processSafetyMilliseconds > 0 {
            let reaction = reactionMilliseconds(trip, actuator: actuator)
            try contradiction(reaction > trip.processSafetyMilliseconds, place, "process-safety",
                "is \(trip.processSafetyMilliseconds) ms, and '\(actuators[actuator].name)' may take \(reaction) ms to its safe state")
        }
    }

    func check(_ named: NamedInterlock, at i: Int) throws(CalibrationError) {
        let place = CalibrationError.Place.interlock(i)
        try name(named.name, place, "name")
        switch named.interlock {
        case .permissive(let actuator, let sensor, let condition):
            try index(actuator, actuators.count, place, "actuator")
            try index(sensor, sensors.count, place, "sensor")
            try check(condition, of: sensor, place)
            try checkPermissive(actuator, sensor, condition, before: i, place)
        case .exclusion(let first, let second):
            try index(first, actuators.count, place, "actuators")
            try index(second, actuators.count, place, "actuators")
            try contradiction(first == second, place, "actuators", "name one and the same: it could never leave its safe state")
            for actuator in [first, second] {
                try contradiction(actuators[actuator].safeState == .last, place, "actuators",
                    "'\(actuators[actuator].name)' has the safe state 'last': it is never away from it")
            }
        case .sequence(let actuator, let after, let permille, let milliseconds):
            try index(actuator, actuators.count, place, "actuator")
            try index(after, actuators.count, place, "after")
            try contradiction(actuator == after, place, "after", "is the actuator itself: it could never leave its safe state")
            try contradiction(actuators[actuator].safeState == .last, place, "actuator", "has the safe state 'last': the sequence would change nothing")
            try number(permille, 1...1000, place, "at-least", "permille of travel")
            try number(milliseconds, 0...3_600_000, place, "for", "milliseconds")
            try checkReachable(permille, of: after, place)
            try checkSequence(actuator, place)
            let away = actuators[after].envelope.maximumAwayMilliseconds
            try contradiction(away > 0 && actuators[after].safeState != .open && milliseconds >= away, place, "for",
                "is never over: after \(away) ms '\(actuators[after].name)' goes back to its safe state")
        case .response(let actuator, let permille, let within, let sensor, let condition, _):
            try index(actuator, actuators.count, place, "actuator")
            try index(sensor, sensors.count, place, "sensor")
            try number(permille, 0...1000, place, "at-least", "permille of travel")
            try number(within, tickMilliseconds...3_600_000, place, "within", "milliseconds")
            try check(condition, of: sensor, place)
            try checkReachable(permille, of: actuator, place)
            try checkResponse(actuator, within: within, sensor, condition, atLeast: permille, place)
        }
    }

    /// Two trips of one sensor may not leave it nothing to say.
    private func checkClears(_ trip: Trip, _ place: CalibrationError.Place) throws(CalibrationError) {
        for other in trips where other.sensor == trip.sensor && other.phases == trip.phases && coversAll(trip.condition, other.condition) {
            for actuator in trip.actuators where other.actuators.contains(actuator) {
                throw CalibrationError(.contradiction, place, key(of: trip.condition),
                    "and trip '\(other.name)' leave no value at which '\(actuators[actuator].name)' could move")
            }
        }
    }

    private func coversAll(_ one: Condition, _ other: Condition) -> Bool {
        switch (one, other) {
        case (.active, .inactive), (.inactive, .active): true
        case (.above(let least), .below(let greatest)), (.below(let greatest), .above(let least)): greatest > least
        default: false
        }
    }

    /// An actuator that waits, over any number of others, for itself, or for one that may not be open with
    /// it, never moves.
    private func checkSequence(_ actuator: Int, _ place: CalibrationError.Place) throws(CalibrationError) {
        // One pass over the interlocks for each link of the longest chain.
        var awaited = [Bool](repeating: false, count: actuators.count)
        awaited[actuator] = true
        for _ in actuators {
            for other in interlocks {
                guard case .sequence(let waiting, let after, _, _) = other.interlock, waiting < actuators.count, after >= 0, after < actuators.count,
                    waiting >= 0, awaited[waiting] else { continue }
                try contradiction(after == actuator, place, "after", "waits in the end for this one itself, says '\(other.name)'")
                awaited[after] = true
            }
        }
        for other in interlocks {
            guard case .exclusion(let first, let second) = other.interlock, min(first, second) >= 0, max(first, second) < actuators.count else { continue }
            try contradiction(awaited[first] && awaited[second], place, "after",
                "can never be: '\(actuators[first].name)' and '\(actuators[second].name)' must both be open for it, and exclude each other, says '\(other.name)'")
        }
    }

    /// What must hold for an actuator to move may not be what trips it, or what another permissive forbids.
    private func checkPermissive(_ actuator: Int, _ sensor: Int, _ condition: Condition, before i: Int, _ place: CalibrationError.Place) throws(CalibrationError) {
        for trip in trips where trip.sensor == sensor && trip.actuators.contains(actuator) && trip.phases.isEmpty {
            try contradiction(implies(condition, trip.condition), place, key(of: condition), "asks for what trip '\(trip.name)' trips at: it could never move")
        }
        for other in interlocks[..<i] {
            guard case .permissive(actuator, sensor, let asked) = other.interlock else { continue }
            try contradiction(excludes(condition, asked), place, key(of: condition), "and permissive '\(other.name)' can never hold together: it could never move")
        }
    }

    private func checkResponse(
        _ actuator: Int, within milliseconds: Int, _ sensor: Int, _ condition: Condition, atLeast permille: Int, _ place: CalibrationError.Place
    ) throws(CalibrationError) {
        let detection = detectionMilliseconds(sensor: sensor)
        try contradiction(milliseconds < detection, place, "within", "is shorter than the \(detection) ms that '\(sensors[sensor].name)' itself needs")
        let away = actuators[actuator].envelope.maximumAwayMilliseconds
        try contradiction(away > 0 && permille > 0 && actuators[actuator].safeState != .open && milliseconds >= away, place, "within",
            "is never over: after \(away) ms '\(actuators[actuator].name)' goes back to its safe state")
        for trip in trips where trip.sensor == sensor && trip.actuators.contains(actuator) && trip.phases.isEmpty && permille > 0 {
            try contradiction(implies(condition, trip.condition), place, key(of: condition), "asks for what trip '\(trip.name)' trips at")
        }
    }

    /// Whether the second holds wherever the first does, of one sensor.
    private func implies(_ one: Condition, _ other: Condition) -> Bool {
        switch (one, other) {
        case (.active, .active), (.inactive, .inactive): true
        case (.above(let one), .above(let other)): one >= other
        case (.below(let one), .below(let other)): one <= other
        default: false
        }
    }

    private func excludes(_ one: Condition, _ other: Condition) -> Bool {
        switch (one, other) {
        case (.active, .inactive), (.inactive, .active): true
        case (.above(let least), .below(let greatest)), (.below(let greatest), .above(let least)): least >= greatest - 1
        default: false
        }
    }

    private func key(of condition: Condition) -> String {
        switch condition {
        case .active, .inactive: "when"
        case .above: "above"
        case .below: "below"
        }
    }

    private func checkReachable(_ permille: Int, of actuator: Int, _ place: CalibrationError.Place) throws(CalibrationError) {
        let maximum = actuators[actuator].envelope.maximumPermille
        var reach = maximum
        if case .motorValve(let valve) = actuators[actuator].drive { reach = valve.stroke.reachPermille(maximumPermille: maximum) }
        try contradiction(permille > reach, place, "at-least", "is further than '\(actuators[actuator].name)' can go (\(reach) permille)")
    }
}
