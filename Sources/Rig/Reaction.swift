// How long a reaction may take: what the calibration promises, and what the rig adds to it.

import Calibration
import Foundation
import Plant

/// Reckoned from the board's own calibration, so that a check and the board can't disagree about it.
struct Reaction {
    let calibration: Calibration

    /// What the rig may add to any reaction: the guest's processors are emulated (TCG), beside the plant, the
    /// broker and the TPM, on a machine that has other work as well.
    static let allowanceMilliseconds = 500

    /// From a change at a sensor to the first output that goes towards safe.
    func toOutput(sensor name: String) -> Int {
        calibration.detectionMilliseconds(sensor: sensor(name)) + calibration.tickMilliseconds + Self.allowanceMilliseconds
    }

    /// From the condition of a trip to the safe state of an actuator.
    func toSafe(trip name: String, actuator: String) -> Int {
        calibration.reactionMilliseconds(trip(name), actuator: self.actuator(actuator)) + Self.allowanceMilliseconds
    }

    /// From a demand to the safe state of an actuator.
    func toSafe(actuator name: String) -> Int {
        calibration.safeTravelMilliseconds(actuator: actuator(name)) + Self.allowanceMilliseconds
    }

    /// What a fault of a machine or a sensor may go on for before it is one, beside the steps that see it.
    func toFault(persistenceMilliseconds: Int) -> Int { persistenceMilliseconds + 3 * calibration.tickMilliseconds + Self.allowanceMilliseconds }

    func processSafety(trip name: String) -> Int { trip(name).processSafetyMilliseconds }

    private func sensor(_ name: String) -> Int { calibration.sensors.firstIndex { $0.name == name }! }
    private func actuator(_ name: String) -> Int { calibration.actuators.firstIndex { $0.name == name }! }
    private func trip(_ name: String) -> Trip { calibration.trips.first { $0.name == name }! }

    /// The time between two moments of the plant; the check fails if it is longer than the limit.
    static func within(_ limitMilliseconds: Int, _ what: String, from: UInt64, to: UInt64) throws -> String {
        let took = milliseconds(from: from, to: to)
        try require(took <= limitMilliseconds, "\(what) took \(took) ms, \(limitMilliseconds) at most")
        return "\(what) after \(took) of \(limitMilliseconds) ms"
    }
}

extension Scene {
    /// Puts a fault in; the mark from just before it.
    func inject(_ fault: Fault) throws -> Mark {
        let mark = mark()
        try rig.set(fault, true)
        return mark
    }

    /// Puts a fault in as long as `body` runs.
    func with<T>(_ fault: Fault, _ body: (Mark) throws -> T) throws -> T {
        let mark = try inject(fault)
        defer { try? rig.set(fault, false) }
        return try body(mark)
    }

    /// The inlet is driven closed, and has come there, within what the calibration promises from the mark on.
    func closes(since mark: Mark, outputMilliseconds: Int, safeMilliseconds: Int) throws -> String {
        let closing = try seen(.output(.inletClose, true), since: mark, timeoutSeconds: 15)
        let first = try Reaction.within(outputMilliseconds, "closing", from: mark.nanoseconds, to: closing.nanoseconds)
        _ = try plant("a closed inlet") { $0.tank.inletPermille == 0 }
        let closed = try require(lastMoved(since: mark), "it never moved")
        return "\(first), closed " + (try Reaction.within(safeMilliseconds, "it", from: mark.nanoseconds, to: closed)).dropFirst(3)
    }

    /// When the closed end was reached last.
    private func lastMoved(since mark: Mark) -> UInt64? {
        wiring.events(since: mark.lines).last { $0.change == .input(.inletClosedEnd, true) }?.nanoseconds
    }
}

// The person at the machine.
extension Scene {
    func turn(_ selector: Panel.Selector) { wiring.change { $0.panel.selector = selector } }
    func door(open: Bool) { wiring.change { $0.panel.doorIsOpen = open } }

    /// Holds the inlet's buttons; nothing holds none.
    func hold(open: Bool = false, close: Bool = false) {
        wiring.change {
            $0.panel.openPressed = open
            $0.panel.closePressed = close
        }
    }

    /// Nobody is at the machine: the selector stands on Auto, the door is closed, no button is held.
    func leaveMachine() {
        wiring.change {
            $0.panel = Panel()
            $0.resetPressed = false
        }
    }
}
