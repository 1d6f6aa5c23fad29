// A newer calibration takes over without a bump: only limits change, and only while everything stands
// inside the new ones.

import Calibration

extension Control {
    /// Takes over from the calibration in force, of which `Calibration.bumplessObstacle` has found nothing
    /// against it; `limitPosition` or `maximumAway` and no change if an actuator stands outside its new limits.
    /// - Returns: the refusal, and the actuator it is about.
    public mutating func adopt(_ calibration: Calibration) -> (reason: Reason, actuator: Int) {
        precondition(calibration.actuators.count == actuators.count && calibration.trips.count == trips.count)
        for a in actuators.indices where !isInside(a, calibration.actuators[a].envelope.limits(inPhase: phase)) && enforced(.adoptInside) { return (.limitPosition, a) }
        // How long it has been away was held against another limit, or against none.
        for a in actuators.indices where mayBeAway(a) && enforced(.adoptAway) && isShorter(calibration.actuators[a].envelope.maximumAwayMilliseconds, actuators[a].envelope.maximumAwayMilliseconds) {
            return (.maximumAway, a)
        }
        for a in actuators.indices {
            let new = calibration.actuators[a]
            actuators[a].envelope = new.envelope
            actuators[a].governance = new.governance
            let position = actuators[a].position
            if actuators[a].kind == .motorValve { valves[position].adopt(new.envelope) }
            if actuators[a].kind == .timeProportional { proportionals[position].adopt(new.envelope) }
        }
        for i in trips.indices { trips[i].adopt(calibration.trips[i]) }
        supervisionTimeoutMilliseconds = calibration.supervisionTimeoutMilliseconds
        names.calibrationVersion = calibration.version
        enter(phase: phase)
        retainedRevision &+= 1
        events.append(.calibrationChanged, index: 0, value: Int64(calibration.version))
        return (.none, 0)
    }

    private func isShorter(_ new: Int, _ old: Int) -> Bool { new > 0 && (old == 0 || new < old) }

    /// Every actuator is in its safe state and asked to be there: another calibration may begin from here.
    public var isAtRest: Bool {
        for a in actuators.indices where isAway(a) { return false }
        return true
    }
}
