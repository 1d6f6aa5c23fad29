// Trips at work: demanded by a condition or by a sensor that is not good; a latched one stands until the
// local button is pressed after it, with the cause gone.

import Calibration

struct TripState {
    let sensor: Int
    let reset: Int
    let isEssential: Bool
    /// One bit for each actuator.
    let actuators: UInt32
    /// One bit for each phase in which it is armed; all of them if the calibration names none.
    private let phases: UInt32
    private let latches: Bool
    // What a calibration may change bumplessly.
    var condition: Condition
    var hysteresis: Int
    var delayMilliseconds: Int
    private(set) var bypassMaximumMinutes: Int

    private(set) var isLatched = false
    /// The condition stands, or cannot be told.
    private(set) var isDemanded = true
    private(set) var bypassMilliseconds = 0
    /// How long it must act before the next bypass: as long as it has been bypassed.
    private(set) var restMilliseconds = 0
    var sinceReminder = 0
    var latchedAt: Int64 = 0
    var delayed = 0
    var badMilliseconds = 0
    var wasDemanded = false
    var was = false

    /// A sensor holds the actuator at once when it is not good, and latches the trip after this time.
    static let badSensorMilliseconds = 2000
    static let reminderMilliseconds = 60_000

    init(_ trip: Trip) {
        sensor = trip.sensor
        reset = trip.reset ?? -1
        isEssential = trip.isEssential
        var bits: UInt32 = 0
        for actuator in trip.actuators { bits |= 1 << UInt32(actuator) }
        actuators = bits
        bits = trip.phases.isEmpty ? .max : 0
        for phase in trip.phases { bits |= 1 << UInt32(phase) }
        phases = bits
        latches = trip.latched
        condition = trip.condition
        hysteresis = trip.hysteresis
        delayMilliseconds = trip.delayMilliseconds
        bypassMaximumMinutes = trip.bypassMaximumMinutes
    }

    mutating func adopt(_ trip: Trip) {
        condition = trip.condition
        hysteresis = trip.hysteresis
        delayMilliseconds = trip.delayMilliseconds
        // What stands goes on standing under a longer delay.
        if isDemanded { delayed = delayMilliseconds }
        bypassMaximumMinutes = trip.bypassMaximumMinutes
        // A bypass that is too long now ends with its event.
        if isBypassed { bypassMilliseconds = max(1, min(bypassMilliseconds, bypassMaximumMinutes * 60_000)) }
    }

    var isHeld: Bool { isLatched || isDemanded }
    var isBypassed: Bool { bypassMilliseconds > 0 }

    func isArmed(inPhase phase: Int) -> Bool { phases & 1 << UInt32(phase) != 0 || !enforced(.tripPhase) }

    /// The cause, if the trip has come in this step.
    /// - Parameters:
    ///   - holds: whether the sensor says what the condition asks, with its hysteresis.
    ///   - badness: why the sensor is not good, where it is not.
    mutating func evaluate(holds: Bool, isGood: Bool, badness: Reason, phase: Int, now: Int64, _ elapsed: Int) -> Reason? {
        was = holds
        guard isArmed(inPhase: phase), !isBypassed else {
            (isDemanded, wasDemanded, delayed, badMilliseconds) = (false, false, 0, 0)
            return nil
        }
        let stands = isGood && was && enforced(.tripCondition)
        // Of a sensor that is not good for a while it is taken that the condition went on standing.
        delayed = stands || !isGood ? min(delayed + elapsed, delayMilliseconds) : 0
        badMilliseconds = isGood ? 0 : min(badMilliseconds + elapsed, Self.badSensorMilliseconds)
        let byCondition = stands && (delayed >= delayMilliseconds || !enforced(.tripDelay))
        let bySensor = badMilliseconds >= Self.badSensorMilliseconds && enforced(.tripBadSensor)
        isDemanded = byCondition || !isGood && enforced(.tripBadSensor)
        let demanded = byCondition || bySensor
        defer { wasDemanded = demanded }
        guard demanded, !wasDemanded else { return nil }
        // A cause that comes again while it stands latched is one more that a press must come after.
        if !isLatched || enforced(.latchAgain) { latchedAt = now }
        guard !isLatched else { return nil }
        isLatched = latches && enforced(.tripLatch)
        return byCondition ? .condition : badness
    }

    // MARK: bypass

    mutating func bypass(milliseconds: Int) {
        bypassMilliseconds = milliseconds
        sinceReminder = 0
    }

    /// The event that is due, if any: it is over, or still stands.
    mutating func passBypass(_ elapsed: Int) -> EventCode? {
        guard bypassMilliseconds > 0 else {
            restMilliseconds = max(0, restMilliseconds - elapsed)
            return nil
        }
        restMilliseconds += min(elapsed, bypassMilliseconds)
        if enforced(.bypassEnds) { bypassMilliseconds = max(0, bypassMilliseconds - elapsed) }
        if bypassMilliseconds == 0 { return .bypassEnded }
        sinceReminder += elapsed
        guard sinceReminder >= Self.reminderMilliseconds else { return nil }
        sinceReminder = 0
        return .bypassStands
    }

    // MARK: latch

    /// Latches without a cause seen: one stood before this controller started. False if it latches never.
    mutating func latch(now: Int64) -> Bool {
        guard latches else { return false }
        isLatched = true
        latchedAt = now
        return true
    }

    /// True if the trip is gone now. It is refused while the cause stands, and for a press that began before it.
    mutating func reset(pressedAt: Int64) -> Bool {
        if isDemanded, enforced(.resetRechecks) { return false }
        if pressedAt <= latchedAt, enforced(.resetAfterTrip) { return false }
        isLatched = false
        return true
    }
}

extension Control {
    mutating func evaluateTrips(_ elapsed: Int) {
        for i in trips.indices {
            if let due = trips[i].passBypass(elapsed) { events.append(due, index: firstActuator(of: i), value: Int64(i)) }
            let sensor = trips[i].sensor
            let holds = holds(trips[i].condition, hysteresis: trips[i].hysteresis, was: trips[i].was, sensor: sensor)
            let cause = trips[i].evaluate(
                holds: holds, isGood: sensors[sensor].isUsable, badness: sensors[sensor].badness, phase: phase, now: now, elapsed)
            guard let cause else { continue }
            retainedRevision &+= 1
            note(trip: i, cause)
        }
    }

    /// First-out: the trip that came first names the cause until its actuator is free again.
    mutating func note(trip i: Int, _ cause: Reason) {
        for a in actuators.indices where trips[i].actuators & 1 << UInt32(a) != 0 {
            if actuators[a].firstOut == nil || !enforced(.firstOut) { actuators[a].firstOut = UInt8(i) }
            events.append(.tripped, cause, index: UInt8(a), value: Int64(i))
        }
    }

    func firstActuator(of trip: Int) -> UInt8 { UInt8(trips[trip].actuators.trailingZeroBitCount) }
}

/// The local button: an edge seen, and then held.
struct ResetButton {
    let line: Int
    private let holdMilliseconds: Int
    var last: LineReading = .unreadable
    var held = 0
    var isArmed = false
    private(set) var pressedAt: Int64 = 0

    init(_ reset: Reset, line: Int) {
        self.line = line
        holdMilliseconds = reset.holdMilliseconds
    }

    /// True in the one step in which a press has been held long enough.
    mutating func sample(_ reading: LineReading, _ elapsed: Int, now: Int64) -> Bool {
        defer { last = reading }
        guard reading == .high else {
            isArmed = false
            return false
        }
        if last == .low {
            isArmed = true
            held = 0
            pressedAt = now
            return false
        }
        guard isArmed else { return false }
        held += elapsed
        guard held >= holdMilliseconds || !enforced(.resetHold) else { return false }
        isArmed = false
        return true
    }
}

extension Control {
    mutating func pressResets(_ inputs: Inputs, _ elapsed: Int) {
        for i in resets.indices where resets[i].sample(inputs.lines[resets[i].line], min(elapsed, 2 * tickMilliseconds), now: now) {
            let pressed = resets[i].pressedAt
            for t in trips.indices where trips[t].reset == i && trips[t].isLatched {
                let cleared = trips[t].reset(pressedAt: pressed)
                if cleared { retainedRevision &+= 1 }
                events.append(cleared ? .tripReset : .resetRefused, index: firstActuator(of: t), value: Int64(t))
            }
            for a in actuators.indices where actuators[a].reset == i && actuators[a].fault != .none && (pressed > actuators[a].faultAt || !enforced(.faultResetAfter)) {
                clearFault(a)
            }
        }
    }

    private mutating func clearFault(_ index: Int) {
        events.append(.faultReset, actuators[index].fault, index: UInt8(index), value: 0)
        actuators[index].fault = .none
        retainedRevision &+= 1
        switch actuators[index].kind {
        case .motorValve:
            valves[actuators[index].position].loseReference()
            gate.loseReference(actuators[index].position)
        case .latchingRelay: relays[actuators[index].position].forget()
        case .solenoid, .timeProportional: break
        }
    }
}
