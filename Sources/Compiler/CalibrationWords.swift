// What a calibration says, in the words of people: durations, shares, conditions, kinds, states.
import Calibration

extension Calibration {
    func words(_ condition: Condition, sensor: Int) -> String {
        let name = sensors[sensor].name
        return switch condition {
        case .active: "\(name) is active"
        case .inactive: "\(name) is not active"
        case .above(let value): "\(name) above \(words(value, sensor: sensor))"
        case .below(let value): "\(name) below \(words(value, sensor: sensor))"
        }
    }

    func words(_ value: Int, sensor: Int) -> String { MeasuredUnit.text(value, of: sensors[sensor], sensors) }
}

enum Words {
    static func percent(_ permille: Int) -> String {
        permille % 10 == 0 ? "\(permille / 10) %" : "\(permille / 10).\(permille % 10) %"
    }

    /// In the largest unit that needs no decimals: "200 ms", "8 s", "90 s", "2 min", "36 h".
    static func duration(_ milliseconds: Int) -> String {
        switch milliseconds {
        case 0: "0 s"
        case _ where milliseconds % 3_600_000 == 0: "\(milliseconds / 3_600_000) h"
        case _ where milliseconds % 60_000 == 0: "\(milliseconds / 60_000) min"
        case _ where milliseconds % 1000 == 0: "\(milliseconds / 1000) s"
        case ..<10_000: "\(milliseconds) ms"
        default: MeasuredUnit.decimal(milliseconds) + " s"
        }
    }

    static func state(_ state: SafeState) -> String {
        switch state {
        case .closed: "closed"
        case .open: "open"
        case .last: "last"
        }
    }

    static func kind(_ drive: Actuator.Drive) -> String {
        switch drive {
        case .motorValve: "motor-valve"
        case .solenoid: "solenoid"
        case .timeProportional: "time-proportional"
        case .latchingRelay: "latching-relay"
        }
    }

    static func kind(_ source: Sensor.Source) -> String {
        switch source {
        case .switch: "switch"
        case .flowMeter: "flow-meter"
        case .frequency: "frequency"
        case .analogue: "analogue"
        case .voting: "voting"
        }
    }

    static func kind(_ interlock: Interlock) -> String {
        switch interlock {
        case .permissive: InterlockKind.permissive.rawValue
        case .exclusion: InterlockKind.exclusion.rawValue
        case .sequence: InterlockKind.sequence.rawValue
        case .response: InterlockKind.response.rawValue
        }
    }

    static func scheme(_ scheme: VotingScheme) -> String {
        switch scheme {
        case .oneOutOfTwo: "1oo2"
        case .twoOutOfTwo: "2oo2"
        case .twoOutOfThree: "2oo3"
        }
    }
}
