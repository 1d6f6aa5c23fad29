// A solenoid: on or off, neither too long nor too often.

import Calibration

struct SolenoidState {
    let index: UInt8
    private(set) var energised: Bool
    private(set) var setpoint: Int

    private let energiseToOpen: Bool
    private let maximumOn: Int
    private let minimumOn: Int
    private let minimumOff: Int
    private let safeState: SafeState
    private var since = 0

    init(_ solenoid: Solenoid, index: Int) {
        self.index = UInt8(index)
        energiseToOpen = solenoid.energiseToOpen
        maximumOn = solenoid.maximumOnMilliseconds
        minimumOn = solenoid.minimumOnMilliseconds
        minimumOff = solenoid.minimumOffMilliseconds
        safeState = solenoid.safeState
        energised = Self.safeLevel(solenoid) ?? false
        setpoint = energised == solenoid.energiseToOpen ? 1000 : 0
    }

    /// The level of the line in the safe state; nil for `last`.
    static func safeLevel(_ solenoid: Solenoid) -> Bool? {
        switch solenoid.safeState {
        case .closed: !solenoid.energiseToOpen
        case .open: solenoid.energiseToOpen
        case .last: nil
        }
    }

    func refusal(of permille: Int) -> Reason { permille == 0 || permille == 1000 ? .none : .notAPosition }

    mutating func accept(_ permille: Int) { setpoint = permille }

    var position: Int { energised == energiseToOpen ? 1000 : 0 }

    mutating func decide(safeDemanded: Bool, _ elapsed: Int, _ events: inout EventBuffer) -> Bool {
        since = min(since + elapsed, Int(Int32.max))
        if energised, maximumOn > 0, since >= maximumOn {
            setpoint = energiseToOpen ? 0 : 1000
            switchLine(to: false)
            events.append(.maximumOpen, index: index, value: Int64(maximumOn))
        }
        if safeDemanded {
            switch safeState {
            case .closed: setpoint = 0
            case .open: setpoint = 1000
            case .last: setpoint = position
            }
        }
        let wanted = (setpoint == 1000) == energiseToOpen
        if wanted != energised, safeDemanded || since >= (energised ? minimumOn : minimumOff) {
            switchLine(to: wanted)
            events.append(.positionReached, index: index, value: Int64(position))
        }
        return energised
    }

    private mutating func switchLine(to level: Bool) {
        energised = level
        since = 0
    }
}
