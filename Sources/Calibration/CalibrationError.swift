// Why a calibration was refused: where, which key, what stands against it.

import Bytes

/// A refusal of a calibration. `place` and `key` name the field in the words of the human-written
/// file, so that the compiler can point at its line.
public struct CalibrationError: Error, Equatable, Coded {
    /// The part of the calibration the refusal is about; the numbers count from zero in file order.
    public enum Place: Equatable, Sendable {
        case calibration, reset(Int), selector(Int), sensor(Int), actuator(Int), trip(Int), interlock(Int)
    }

    public enum Problem: UInt8, Sendable {
        /// The bytes are no calibration in deterministic CBOR.
        case form
        /// A number lies outside its bounds.
        case bounds
        /// A name is empty, too long, has other characters than a-z 0-9 - or stands twice.
        case name
        /// A line serves two purposes.
        case line
        /// A reference to something that does not exist.
        case reference
        /// Two statements that cannot both hold.
        case contradiction
    }

    public let problem: Problem
    public let place: Place
    public let key: String
    public let text: String

    public init(_ problem: Problem, _ place: Place, _ key: String, _ text: String) {
        self.problem = problem
        self.place = place
        self.key = key
        self.text = text
    }

    public var code: String {
        switch problem {
        case .form: "calibration-form"
        case .bounds: "calibration-bounds"
        case .name: "calibration-name"
        case .line: "calibration-line"
        case .reference: "calibration-reference"
        case .contradiction: "calibration-contradiction"
        }
    }

    /// Place, key and text in one sentence, for where there is no file to point at.
    public var sentence: String {
        let subject = switch place {
        case .calibration: "calibration"
        case .reset(let i): "reset \(i + 1)"
        case .selector(let i): "selector \(i + 1)"
        case .sensor(let i): "sensor \(i + 1)"
        case .actuator(let i): "actuator \(i + 1)"
        case .trip(let i): "trip \(i + 1)"
        case .interlock(let i): "interlock \(i + 1)"
        }
        return key.utf8.isEmpty ? subject + " " + text : subject + ": " + key + " " + text
    }
}
