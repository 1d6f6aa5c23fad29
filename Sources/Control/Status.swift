// What a step leaves to be reported, read by the shell without allocating.

import Calibration

/// The state of an actuator as an operator wants to see it.
public struct ActuatorStatus: Sendable {
    /// Where it is, as far as is known: permille.
    public let permille: Int
    public let quality: Quality
    /// The bounds between which it surely is: permille.
    public let lowerPermille: Int
    public let upperPermille: Int
    public let setpointPermille: Int
    /// The limit that holds now: permille.
    public let maximumPermille: Int
    public let isMoving: Bool
    public let isTripped: Bool
    /// The trip that came first, as its place in the calibration.
    public let firstOut: UInt8?
    public let fault: Reason
    public let mode: Mode
    /// The bits of the issuers that have its lease; 0 = nobody.
    public let leaseHolder: UInt32
}

extension Control {
    public var actuatorCount: Int { actuators.count }
    public var sensorCount: Int { sensors.count }

    public func status(actuator index: Int) -> ActuatorStatus {
        let actuator = actuators[index]
        let position = permille(of: index)
        var (lower, upper, isMoving, isKnown) = (position, position, false, true)
        switch actuator.kind {
        case .motorValve:
            let valve = valves[actuator.position]
            (lower, upper, isMoving, isKnown) = (valve.lowerPermille, valve.upperPermille, valve.isMoving, valve.mode != .unreferenced)
        case .latchingRelay: isKnown = relays[actuator.position].isKnown
        case .solenoid, .timeProportional: break
        }
        return ActuatorStatus(
            permille: position, quality: actuator.fault != .none ? .fault : !isKnown ? .stale : isUnderTest(index) ? .functionCheck : .good,
            lowerPermille: lower, upperPermille: upper, setpointPermille: setpoint(of: index), maximumPermille: actuator.maximum,
            isMoving: isMoving, isTripped: actuator.isTripped, firstOut: actuator.firstOut, fault: actuator.fault,
            mode: mode(of: index), leaseHolder: actuator.lease.holder)
    }

    /// A proof test runs, or one of its trips is bypassed.
    private func isUnderTest(_ a: Int) -> Bool {
        if actuators[a].kind == .motorValve, valves[actuators[a].position].isProving { return true }
        for trip in trips where trip.isBypassed && trip.actuators & 1 << UInt32(a) != 0 { return true }
        return false
    }

    /// In the unit of the sensor: see `Calibration.Sensor`.
    public func value(sensor index: Int) -> Int64 { Int64(sensors[index].value) }
    public func quality(sensor index: Int) -> Quality { sensors[index].quality }
    public var meterCount: Int { meters.count }
    /// Of the flow meter at that place among the flow meters: microlitres since it was first read, over restarts.
    public func total(meter place: Int) -> UInt64 { sensors[meters[place]].total }
    public func quality(meter place: Int) -> Quality { sensors[meters[place]].quality }

    public func isBypassed(trip index: Int) -> Bool { trips[index].isBypassed }
    public func isLatched(trip index: Int) -> Bool { trips[index].isLatched }

    /// Some actuator is held by a trip.
    public var isTripped: Bool {
        for actuator in actuators where actuator.isTripped { return true }
        return false
    }

    /// A latched trip stands: only the local reset takes it away.
    public var hasLatchedTrip: Bool {
        for trip in trips where trip.isLatched { return true }
        return false
    }

    /// A fault stands: only the local reset takes it away.
    public var hasFault: Bool {
        for actuator in actuators where actuator.fault != .none { return true }
        return false
    }

    /// No fault stands, and it is known where everything is.
    public var isHealthy: Bool {
        for actuator in actuators where actuator.fault != .none { return false }
        for valve in valves where valve.mode == .unreferenced { return false }
        for relay in relays where !relay.isKnown { return false }
        return true
    }
}
