// How long the way to safety takes at most, reckoned from the calibration alone: from a condition in the
// process to the sensor's word, and from there to the safe state.

extension Calibration {
    /// Milliseconds from a change in the process until a step knows of it.
    public func detectionMilliseconds(sensor: Int) -> Int {
        let sensor = sensors[sensor]
        switch sensor.source {
        case .switch(let value):
            // The changes count from the first look at them; the last look may be a tick away.
            // Two contacts may agree while they change over.
            return value.debounceMilliseconds + value.discrepancyMilliseconds + (value.debounceMilliseconds > 0 ? 2 : 1) * tickMilliseconds
        case .flowMeter, .frequency:
            // A change in the midst of one window of a second shows whole in the next; what is faster than
            // it may be is a fault after so many windows.
            return (1 + sensor.plausibility.badSamples) * (1000 + tickMilliseconds) + tickMilliseconds
        case .analogue(let input):
            // Silence, or a current outside of NE 43, counts once it has lasted.
            let silent = max(sensor.plausibility.staleMilliseconds, input.faultMilliseconds)
            return silent + (1 + sensor.plausibility.badSamples) * tickMilliseconds
        case .voting(let voting):
            var slowest = 0
            for member in voting.members { slowest = max(slowest, detectionMilliseconds(sensor: member)) }
            return slowest
        }
    }

    /// Milliseconds from the demand until the actuator is in its safe state at the latest, its machine being sound.
    public func safeTravelMilliseconds(actuator: Int) -> Int {
        let actuator = actuators[actuator]
        guard actuator.safeState != .last else { return 0 }
        switch actuator.drive {
        case .motorValve(let valve):
            // It may just be driven away from safe: it coasts and rests first. Closing goes on until even
            // the slowest valve has made up for all opening, as the fastest would have done it.
            let furthest = actuator.safeState == .open ? 1000 : actuator.envelope.maximumPermille
            let travel = (furthest * valve.strokeSlowestMilliseconds + 999) / 1000
            let tolerance = valve.strokeSlowestMilliseconds * valve.endSwitchTolerancePermille / 1000
            return valve.restMilliseconds + valve.coastMilliseconds + travel + tolerance + 3 * tickMilliseconds
        case .solenoid(let solenoid): return solenoid.travelMilliseconds + tickMilliseconds
        case .timeProportional: return tickMilliseconds
        case .latchingRelay(let relay):
            // A pulse the other way may have just begun.
            return 2 * relay.pulseMilliseconds + relay.restMilliseconds + relay.feedbackMilliseconds + 3 * tickMilliseconds
        }
    }

    /// Milliseconds from the trip's condition in the process to the safe state of the actuator.
    public func reactionMilliseconds(_ trip: Trip, actuator: Int) -> Int {
        detectionMilliseconds(sensor: trip.sensor) + trip.delayMilliseconds + safeTravelMilliseconds(actuator: actuator)
    }
}
