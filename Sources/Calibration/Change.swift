// From one calibration to the next: what is proved to change nothing at the moment of the change.

extension Calibration {
    /// Why this calibration may not take over from `old` while actuators are away from their safe states;
    /// nil if it may, bumplessly: then the same lines are driven and sensed by the same kinds of things, no
    /// protection is taken away or loosened in its wiring, and only limits differ. Whether every actuator
    /// stands inside the new limits at that moment is looked at when it takes over.
    public func bumplessObstacle(replacing old: Calibration) -> String? {
        if board != old.board { return "the board differs" }
        if tickMilliseconds != old.tickMilliseconds { return "the tick differs" }
        if phases != old.phases { return "the phases differ" }
        if resets != old.resets || selectors != old.selectors { return "resets or selectors differ" }
        if sensors != old.sensors { return "the sensors differ" }
        if actuators.count != old.actuators.count { return "there are other actuators" }
        for (new, before) in zip(actuators, old.actuators) {
            if new.name != before.name || new.drive != before.drive || new.safeState != before.safeState || new.reset != before.reset {
                return "actuator '\(new.name)' is another, or driven otherwise"
            }
            if new.governance.selector != before.governance.selector || new.governance.openButton != before.governance.openButton
                || new.governance.closeButton != before.governance.closeButton || new.inputLines != before.inputLines {
                return "actuator '\(new.name)' has another selector or other buttons"
            }
            if new.envelope.phases != before.envelope.phases { return "the phase limits of '\(new.name)' differ" }
        }
        if trips.count != old.trips.count { return "there are other trips" }
        for (new, before) in zip(trips, old.trips) {
            var same = new
            (same.condition, same.hysteresis, same.delayMilliseconds) = (before.condition, before.hysteresis, before.delayMilliseconds)
            (same.processSafetyMilliseconds, same.bypassMaximumMinutes) = (before.processSafetyMilliseconds, before.bypassMaximumMinutes)
            if same != before { return "trip '\(new.name)' guards something else" }
        }
        if interlocks != old.interlocks { return "the interlocks differ" }
        return nil
    }
}
