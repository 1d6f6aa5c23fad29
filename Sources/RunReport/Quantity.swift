// Values as an engineer reads them.

import Foundation

enum Quantity {
    /// What a value of that unit is multiplied by to be shown, and in which unit that is.
    static func scale(_ unit: String, divisor: Int64 = 1) -> (factor: Double, unit: String) {
        let scale = scale(whole: unit)
        return (scale.factor / Double(divisor), scale.unit)
    }

    private static func scale(whole unit: String) -> (factor: Double, unit: String) {
        switch unit {
        case "permille": (0.1, "%")
        case "uL/s": (0.001, "mL/s")
        case "uL": (1e-6, "L")
        case "1", "": (1, "")
        default: (1, unit)
        }
    }

    /// "40.5 %".
    static func text(_ value: Int64, _ unit: String, divisor: Int64 = 1) -> String {
        let scale = scale(unit, divisor: divisor)
        return number(Double(value) * scale.factor) + (scale.unit.isEmpty ? "" : " \(scale.unit)")
    }

    /// At most three decimals, none that says nothing.
    static func number(_ value: Double) -> String {
        var text = String(format: "%.3f", value)
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text == "-0" ? "0" : text
    }

    /// "1:02:03.4"; hours are left out where there are none.
    static func time(_ milliseconds: Int64, tenths: Bool = true) -> String {
        let sign = milliseconds < 0 ? "-" : ""
        let all = milliseconds.magnitude
        let (hours, minutes, seconds) = (all / 3_600_000, all / 60_000 % 60, all / 1000 % 60)
        let head = hours > 0 ? "\(hours):\(two(minutes))" : "\(minutes)"
        return "\(sign)\(head):\(two(seconds))" + (tenths ? ".\(all / 100 % 10)" : "")
    }

    /// "3 min 20 s".
    static func span(_ milliseconds: Int64) -> String {
        if milliseconds != 0, milliseconds < 1000 { return "\(milliseconds) ms" }
        if milliseconds < 60_000 { return number(Double(milliseconds / 100) / 10) + " s" }
        let (hours, minutes, seconds) = (milliseconds / 3_600_000, milliseconds / 60_000 % 60, milliseconds / 1000 % 60)
        let parts = hours > 0 ? [(hours, "h"), (minutes, "min")] : [(minutes, "min"), (seconds, "s")]
        return parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: " ")
    }

    private static func two(_ value: UInt64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
