// A solenoid: on or off, neither too long nor too often.

import Calibration

struct SolenoidState {
    let index: UInt8
    private(set) var energised: Bool
    private(set) var setpoint: Int

    private let energiseToOpen: Bool
    let minimumOn: Int
    let minimumOff: Int
    let travel: Int
    private let safeState: SafeState
    var since = 0

    init(_ solenoid: Solenoid, _ safeState: SafeState, index: Int) {
        self.index = UInt8(index)
        energiseToOpen = solenoid.energiseToOpen
        minimumOn = solenoid.minimumOnMilliseconds
        minimumOff = solenoid.minimumOffMilliseconds
        travel = solenoid.travelMilliseconds
        self.safeState = safeState
        energised = Self.safeLevel(solenoid, safeState) ?? false
        setpoint = energised == solenoid.energiseToOpen ? 1000 : 0
    }

    /// The level of the line in the safe state; nil for `last`.
    static func safeLevel(_ solenoid: Solenoid, _ safeState: SafeState) -> Bool? {
        switch safeState {
        case .closed: !solenoid.energiseToOpen
        case .open: solenoid.energiseToOpen
        case .last: nil
        }
    }

    mutating func accept(_ permille: Int) { setpoint = permille }

    /// It may still be on its way.
    var isTravelling: Bool { since < travel }

    var position: Int { energised == energiseToOpen ? 1000 : 0 }

    /// - Parameter mayLeave: whether it may go away from its safe state.
    mutating func decide(safeDemanded: Bool, isReturning: Bool, mayLeave: Bool, _ elapsed: Int, _ events: inout EventBuffer) -> Bool {
        since = min(since + elapsed, Int(Int32.max))
        let safePosition = safeState == .open ? 1000 : 0
        if safeDemanded, !isReturning { setpoint = safeState == .last ? position : safePosition }
        // What may not start now does not start by itself later.
        if !mayLeave, position == safePosition { setpoint = safePosition }
        let wanted = (setpoint == 1000) == energiseToOpen
        let least = energised ? enforced(.minimumOn) ? minimumOn : 0 : enforced(.minimumOff) ? minimumOff : 0
        if wanted != energised, safeDemanded || since >= least {
            energised = wanted
            since = 0
            events.append(.positionReached, index: index, value: Int64(position))
        }
        return energised
    }
}
