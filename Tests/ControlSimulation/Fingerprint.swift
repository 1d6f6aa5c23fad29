// The state of a controller as a value: to go on from, and to be recognised by. Test only: it reads what
// the modules keep to themselves.

import Calibration
@testable import Control

/// 128 bits of all that was added.
public struct Fingerprint: Hashable, Sendable {
    private var one: UInt64 = 0xCBF2_9CE4_8422_2325
    private var other: UInt64 = 0x9E37_79B9_7F4A_7C15

    public mutating func add(_ value: Int) {
        let bits = UInt64(bitPattern: Int64(value))
        one = (one ^ bits) &* 0x0000_0100_0000_01B3
        one ^= one >> 29
        other = (other &+ bits) &* 0xBF58_476D_1CE4_E5B9
        other ^= other >> 31
    }

    mutating func add(_ value: Bool) { add(value ? 1 : 0) }
    mutating func add(_ value: LineReading) { add(Int(value.rawValue)) }
    mutating func add(_ value: Debounce) {
        add(value.value)
        add(value.candidate)
        add(value.heldMilliseconds)
    }
    mutating func add(_ value: Persistence) {
        add(value.milliseconds)
        add(value.steps)
    }
}

extension Control {
    /// Goes on where `other` stands, which has the same calibration.
    public mutating func become(_ other: borrowing Control) {
        (outputs, isSupervised, phase, now) = (other.outputs, other.isSupervised, other.phase, other.now)
        (sinceHeartbeat, clock) = (other.sinceHeartbeat, other.clock)
        (resets, selectors, sensors, trips, interlocks) = (other.resets, other.selectors, other.sensors, other.trips, other.interlocks)
        (actuators, valves, solenoids, gate) = (other.actuators, other.valves, other.solenoids, other.gate)
    }

    /// Forgets what counts minutes and windows of seconds: flapping, chatter and duty have tests of their own.
    public mutating func forgetWindows() {
        for i in selectors.indices {
            (selectors[i].changes, selectors[i].windowMilliseconds, selectors[i].quietMilliseconds) = (0, 0, 0)
        }
        for i in sensors.indices { (sensors[i].windowCount, sensors[i].windowMilliseconds, sensors[i].unsettledFor) = (0, 0, 0) }
    }

    /// All that the next steps depend on, of solenoids and motor valves without limits of hours, leases,
    /// selections and votings. Times stand as what they are compared with.
    public var fingerprint: Fingerprint {
        var print = Fingerprint()
        for output in outputs { print.add(output) }
        print.add(isSupervised)
        print.add(sinceHeartbeat)
        for reset in resets {
            print.add(reset.last)
            print.add(reset.isArmed)
            print.add(reset.isArmed ? reset.held : 0)
            for trip in trips { print.add(trip.isLatched && reset.isArmed && reset.pressedAt > trip.latchedAt) }
            for actuator in actuators { print.add(actuator.fault != .none && reset.isArmed && reset.pressedAt > actuator.faultAt) }
        }
        for selector in selectors {
            print.add(selector.hand)
            print.add(selector.auto)
            print.add(Int(selector.last.rawValue))
            print.add(Int(selector.mode.rawValue))
        }
        for sensor in sensors {
            print.add(sensor.debounce)
            print.add(sensor.lastReading)
            print.add(Int(sensor.quality.rawValue))
            print.add(Int(sensor.badness.rawValue))
            print.add(sensor.value)
        }
        for trip in trips {
            print.add(trip.isLatched)
            print.add(trip.isDemanded)
            print.add(trip.delayed)
            print.add(trip.badMilliseconds)
            print.add(trip.wasDemanded)
            print.add(trip.was)
        }
        for a in actuators.indices { add(a, &print) }
        for valve in valves { print.add(valve) }
        for solenoid in solenoids {
            print.add(solenoid.energised)
            print.add(solenoid.setpoint)
            print.add(min(solenoid.since, max(solenoid.minimumOn, solenoid.minimumOff)))
        }
        print.add(gate)
        return print
    }

    private func add(_ a: Int, _ print: inout Fingerprint) {
        let actuator = actuators[a]
        print.add(Int(actuator.fault.rawValue))
        print.add(actuator.isTripped)
        print.add(actuator.isSafeDemanded)
        print.add(Int(actuator.obstacle.rawValue))
        print.add(actuator.readBackWrong)
        print.add(actuator.isReturning)
        print.add(actuator.awayFor)
        print.add(Int(actuator.jog.rawValue))
        for button in [actuator.openButton, actuator.closeButton] where button.line >= 0 {
            print.add(button.isFresh)
            print.add(button.isDown)
            print.add(min(button.heldMilliseconds, selectors.isEmpty ? 0 : selectors[0].buttonMaximumMilliseconds))
            print.add(button.isStuck)
        }
    }
}

extension Fingerprint {
    mutating func add(_ valve: ValveState) {
        for value in [valve.travel.lower, valve.travel.nominal, valve.travel.upper, valve.travel.spent, valve.travel.returned] { add(value) }
        for value in [Int(valve.mode.rawValue), valve.setpoint, valve.reached, valve.idle, valve.openFor, valve.pressed] { add(value) }
        for value in [Int(valve.drive.rawValue), Int(valve.lastDirection.rawValue)] { add(value) }
        for value in [valve.isReturning, valve.isBound, valve.isConfirmedClosed] { add(value) }
        for value in [valve.openEnd, valve.closedEnd] { add(value) }
        for value in [valve.contradicting, valve.deviatingClosed, valve.deviatingOpen, valve.late, valve.leavingClosed] { add(value) }
    }

    mutating func add(_ gate: OutputGate) {
        for valve in gate.valves {
            for value in [valve.mayBeOpen, valve.returned, valve.openOff, valve.closeOff] { add(value) }
            add(valve.openLimit == nil ? 0 : valve.openFor)
        }
        for solenoid in gate.solenoids {
            add(solenoid.awayLimit == nil ? 0 : solenoid.awayFor)
            add(min(solenoid.offFor, solenoid.minimumOff))
        }
    }
}
