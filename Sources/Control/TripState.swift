// Interlocks at work: a trip is demanded by its condition or by a sensor that is not good; a latched
// one stands until the local button is pressed after it, with the cause gone.

import Calibration

struct TripState {
    let sensor: Int
    let actuator: Int
    let reset: Int
    private let condition: Condition
    private let delayMilliseconds: Int
    private let latches: Bool

    private(set) var isLatched = false
    /// The condition stands, or cannot be told.
    private(set) var isDemanded = true
    private var latchedAt: Int64 = 0
    private var delayed = 0
    private var badMilliseconds = 0
    private var wasDemanded = false

    /// A sensor holds the actuator at once when it is not good, and latches the trip after this time.
    static let badSensorMilliseconds = 2000

    init(_ trip: Trip) {
        sensor = trip.sensor
        actuator = trip.actuator
        reset = trip.reset ?? -1
        condition = trip.condition
        delayMilliseconds = trip.delayMilliseconds
        latches = trip.latched
    }

    var isHeld: Bool { isLatched || isDemanded }

    /// The cause, if the trip has come in this step.
    mutating func evaluate(_ sensor: SensorState, _ elapsed: Int, now: Int64) -> Reason? {
        let isGood = sensor.quality == .good
        let stands = isGood && isTrue(sensor)
        delayed = stands ? min(delayed + elapsed, delayMilliseconds) : 0
        badMilliseconds = isGood ? 0 : min(badMilliseconds + elapsed, Self.badSensorMilliseconds)
        let byCondition = stands && delayed >= delayMilliseconds
        let bySensor = badMilliseconds >= Self.badSensorMilliseconds
        isDemanded = byCondition || !isGood
        let demanded = byCondition || bySensor
        defer { wasDemanded = demanded }
        guard demanded, !wasDemanded, !isLatched else { return nil }
        if latches {
            isLatched = true
            latchedAt = now
        }
        return byCondition ? .condition : sensor.badness
    }

    private func isTrue(_ sensor: SensorState) -> Bool {
        switch condition {
        case .active: sensor.isActive
        case .inactive: !sensor.isActive
        case .above(let flow): sensor.flow > flow
        case .below(let flow): sensor.flow < flow
        }
    }

    /// Latches without a cause seen: one stood before this controller started.
    mutating func latch(now: Int64) {
        guard latches else { return }
        isLatched = true
        latchedAt = now
    }

    /// True if the trip is gone now. It is refused while the cause stands, and for a press that began before it.
    mutating func reset(pressedAt: Int64) -> Bool {
        guard !isDemanded, pressedAt > latchedAt else { return false }
        isLatched = false
        return true
    }
}

/// The local button: an edge seen, and then held.
struct ResetButton {
    let line: Int
    private let holdMilliseconds: Int
    private var last: LineReading = .unreadable
    private var held = 0
    private var isArmed = false
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
        guard held >= holdMilliseconds else { return false }
        isArmed = false
        return true
    }
}
