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
        for actuator in trip.actuators where trip.processSafetyMilliseconds > 0 {
            let reaction = reactionMilliseconds(trip, actuator: actuator)
            try contradiction(reaction > trip.processSafetyMilliseconds, place, "process-safety",
                "is \(trip.processSafetyMilliseconds) ms, and '\(actuators[actuator].name)' may take \(reaction) ms to its safe state")
        }
    }

    func check(_ named: NamedInterlock, _ place: CalibrationError.Place) throws(CalibrationError) {
        try name(named.name, place, "name")
        switch named.interlock {
        case .permissive(let actuator, let sensor, let condition):
            try index(actuator, actuators.count, place, "actuator")
            try index(sensor, sensors.count, place, "sensor")
            try check(condition, of: sensor, place)
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
            try checkSequence(actuator, after, place)
        case .response(let actuator, let permille, let within, let sensor, let condition, _):
            try index(actuator, actuators.count, place, "actuator")
            try index(sensor, sensors.count, place, "sensor")
            try number(permille, 0...1000, place, "at-least", "permille of travel")
            try number(within, tickMilliseconds...3_600_000, place, "within", "milliseconds")
            try check(condition, of: sensor, place)
            try checkReachable(permille, of: actuator, place)
        }
    }

    /// An actuator that waits for one that waits for it, or that may not be open with it, never moves.
    private func checkSequence(_ actuator: Int, _ after: Int, _ place: CalibrationError.Place) throws(CalibrationError) {
        for other in interlocks {
            switch other.interlock {
            case .exclusion(let first, let second):
                let same = first == actuator && second == after || first == after && second == actuator
                try contradiction(same, place, "after", "may never be open together with it, says '\(other.name)'")
            case .sequence(let otherActuator, let otherAfter, _, _):
                try contradiction(otherActuator == after && otherAfter == actuator, place, "after", "waits for this one itself, says '\(other.name)'")
            default: break
            }
        }
    }

    private func checkReachable(_ permille: Int, of actuator: Int, _ place: CalibrationError.Place) throws(CalibrationError) {
        let maximum = actuators[actuator].envelope.maximumPermille
        var reach = maximum
        if case .motorValve(let valve) = actuators[actuator].drive { reach = valve.reachPermille(maximumPermille: maximum) }
        try contradiction(permille > reach, place, "at-least", "is further than '\(actuators[actuator].name)' can go (\(reach) permille)")
    }
}
