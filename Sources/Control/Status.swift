// What a step leaves to be reported, read by the shell without allocating.

/// The state of an actuator as an operator wants to see it.
public struct ActuatorStatus: Sendable {
    /// Where it is, as far as is known: permille.
    public let permille: Int
    public let quality: Quality
    /// The bounds between which it surely is: permille.
    public let lowerPermille: Int
    public let upperPermille: Int
    public let setpointPermille: Int
    public let isMoving: Bool
    public let isTripped: Bool
    /// The trip that came first, as its place in the calibration.
    public let firstOut: UInt8?
    public let fault: Reason
}

extension Control {
    public var actuatorCount: Int { actuators.count }
    public var sensorCount: Int { sensors.count }

    public func status(actuator index: Int) -> ActuatorStatus {
        let actuator = actuators[index]
        switch actuator.kind {
        case .motorValve:
            let valve = valves[actuator.position]
            return ActuatorStatus(
                permille: valve.nominalPermille,
                quality: actuator.fault != .none ? .fault : valve.mode == .unreferenced ? .stale : .good,
                lowerPermille: valve.lowerPermille, upperPermille: valve.upperPermille,
                setpointPermille: valve.setpoint, isMoving: valve.isMoving, isTripped: actuator.isTripped,
                firstOut: actuator.firstOut, fault: actuator.fault)
        case .solenoid:
            let solenoid = solenoids[actuator.position]
            return ActuatorStatus(
                permille: solenoid.position, quality: actuator.fault != .none ? .fault : .good,
                lowerPermille: solenoid.position, upperPermille: solenoid.position,
                setpointPermille: solenoid.setpoint, isMoving: false, isTripped: actuator.isTripped,
                firstOut: actuator.firstOut, fault: actuator.fault)
        }
    }

    /// Switch: 1 active, 0 not. Flow meter: microlitres per second.
    public func value(sensor index: Int) -> Int64 { sensors[index].value }
    public func quality(sensor index: Int) -> Quality { sensors[index].quality }
    /// Flow meter: microlitres since the start.
    public func total(sensor index: Int) -> UInt64 { sensors[index].total }

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

    /// Latches every trip that latches: for a start after one whose trips stood, so that an end of the
    /// controller is no reset. Which one it was is not known any more; all must be cleared to be reset.
    public mutating func latchTrips() {
        for i in trips.indices { trips[i].latch(now: now) }
    }

    /// No fault stands, and every valve knows where it is.
    public var isHealthy: Bool {
        for actuator in actuators where actuator.fault != .none { return false }
        for valve in valves where valve.mode == .unreferenced { return false }
        return true
    }
}
