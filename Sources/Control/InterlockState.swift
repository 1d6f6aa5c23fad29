// Interlocks that are no trips: permissives, exclusions, sequences, and the plausible response.

import Calibration

struct InterlockState {
    let interlock: Interlock
    /// How long what is timed has stood.
    var stoodFor = 0
    /// Sequence: what it waits for stands long enough. Response: it was said that none came.
    var isUp = false

    init(_ interlock: Interlock) { self.interlock = interlock }
}

struct Interlocks {
    fileprivate(set) var all: [InterlockState] = []
    /// One bit for each actuator that a sequence takes to safe.
    fileprivate(set) var held: UInt32 = 0
    /// For each actuator one bit for each interlock that may stand in its way: the others are not looked at.
    private var before: [UInt32]

    init(_ calibration: Calibration) {
        before = [UInt32](repeating: 0, count: calibration.actuators.count)
        for named in calibration.interlocks {
            let bit: UInt32 = 1 << UInt32(all.count)
            all.append(InterlockState(named.interlock))
            switch named.interlock {
            case .permissive(let actuator, _, _), .sequence(let actuator, _, _, _): before[actuator] |= bit
            case .exclusion(let first, let second):
                before[first] |= bit
                before[second] |= bit
            case .response: break
            }
        }
    }

    func hold(_ a: Int) -> Bool { held & 1 << UInt32(a) != 0 }

    /// Why an actuator may not go further from its safe state.
    func obstacle(_ a: Int, _ control: borrowing Control) -> Reason {
        var left = before[a]
        while left != 0 {
            let i = left.trailingZeroBitCount
            left &= left - 1
            switch all[i].interlock {
            case .permissive(let actuator, let sensor, let condition) where actuator == a && enforced(.permissive):
                if !control.sensors[sensor].isUsable || !control.holds(condition, sensor: sensor) { return .permissive }
            case .exclusion(let first, let second) where (first == a || second == a) && enforced(.exclusion):
                // Of one at fault it is not known where it is.
                let other = first == a ? second : first
                if control.isAway(other) || control.actuators[other].fault != .none && enforced(.exclusionFault) { return .exclusion }
            case .sequence(let actuator, _, _, _) where actuator == a && enforced(.sequence):
                if !all[i].isUp { return .sequence }
            default: break
            }
        }
        return .none
    }
}

extension Control {
    mutating func evaluateInterlocks(_ elapsed: Int) {
        let heldBefore = interlocks.held
        interlocks.held = 0
        for i in interlocks.all.indices {
            switch interlocks.all[i].interlock {
            case .permissive, .exclusion: break
            case .sequence(let actuator, let after, let permille, let milliseconds):
                follow(i, actuator, after, permille, milliseconds, elapsed, heldBefore)
            case .response(let actuator, let permille, let within, let sensor, let condition, let isFault):
                let stands = isKnown(actuator) && (permille == 0 ? !isAway(actuator) : self.permille(of: actuator) >= permille)
                // A sensor that says nothing gives no answer: a protection is not switched off by cutting it.
                let fails = stands && !(sensors[sensor].isUsable && holds(condition, sensor: sensor))
                expect(i, actuator, within, fails: fails, isFault, elapsed)
            }
        }
    }

    private mutating func follow(
        _ i: Int, _ actuator: Int, _ after: Int, _ permille: Int, _ milliseconds: Int, _ elapsed: Int, _ heldBefore: UInt32
    ) {
        let stands = isKnown(after) && actuators[after].fault == .none && self.permille(of: after) >= permille
        interlocks.all[i].stoodFor = stands ? min(interlocks.all[i].stoodFor + elapsed, milliseconds) : 0
        interlocks.all[i].isUp = stands && interlocks.all[i].stoodFor >= milliseconds
        guard !interlocks.all[i].isUp, isAway(actuator), enforced(.sequenceEnds) else { return }
        let bit: UInt32 = 1 << UInt32(actuator)
        interlocks.held |= bit
        guard heldBefore & bit == 0 else { return }
        events.append(.sequenceEnded, .sequence, index: UInt8(actuator), value: Int64(i))
    }

    /// - fails: the actuator stands where an answer is due, and the sensor does not give it.
    private mutating func expect(_ i: Int, _ actuator: Int, _ within: Int, fails: Bool, _ isFault: Bool, _ elapsed: Int) {
        interlocks.all[i].stoodFor = fails ? min(interlocks.all[i].stoodFor + elapsed, within) : 0
        guard interlocks.all[i].stoodFor >= within, enforced(.response) else {
            interlocks.all[i].isUp = false
            return
        }
        guard !interlocks.all[i].isUp else { return }
        interlocks.all[i].isUp = true
        events.append(.noResponse, .noResponse, index: UInt8(actuator), value: Int64(i))
        if isFault { raise(.noResponse, actuator) }
    }

    /// Whether it is known where the actuator stands.
    private func isKnown(_ a: Int) -> Bool {
        switch actuators[a].kind {
        case .motorValve: valves[actuators[a].position].mode == .ready
        case .latchingRelay: relays[actuators[a].position].isKnown
        case .solenoid, .timeProportional: true
        }
    }
}
