// Numbers with their units, as people write them: the unit stands in the key's name ("stroke-seconds"), or,
// of what a sensor measures, behind the number ("1.8 m"). What does not come out even is refused, but for
// flows a minute or an hour and speeds a minute: those are held to the nearest µl/s or mHz, which is less
// than any meter tells.
import Calibration

/// Units that end the names of keys, with what one of them is in the model's unit.
enum KeyUnit {
    static let durations: KeyValuePairs = ["-milliseconds": 1, "-seconds": 1000, "-minutes": 60_000, "-hours": 3_600_000]
    static let shares: KeyValuePairs = ["-permille": 1, "-percent": 10]
    static let rates: KeyValuePairs = ["-permille-per-second": 1, "-percent-per-second": 10]
    static let suffixes = durations.map(\.key) + shares.map(\.key) + rates.map(\.key)
    /// Every number of a calibration has 32 bits; so no arithmetic with two of them overflows.
    static let bounds = Int(Int32.min)...Int(UInt32.max)
}

/// A decimal number, kept as it was written: `digits` divided by 10 to the power of `decimals`.
struct WrittenNumber: Equatable {
    let digits: Int
    let decimals: Int

    /// "12", "-0.75"; nil for anything else, and for more than fifteen digits.
    init?(_ text: String) {
        let isNegative = text.hasPrefix("-")
        let parts = (isNegative ? text.dropFirst() : text[...]).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 1 || parts.count == 2, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }) else { return nil }
        var fraction = parts.count == 2 ? parts[1] : ""
        while fraction.hasSuffix("0") { fraction.removeLast() }
        guard parts[0].utf8.count + fraction.utf8.count <= 15, let digits = Int(String(parts[0] + fraction)) else { return nil }
        self.digits = isNegative ? -digits : digits
        decimals = fraction.utf8.count
    }

    /// This number times `numerator` / `denominator`: the whole number that it is, or the two that it lies between.
    func scaled(_ numerator: Int, _ denominator: Int = 1) -> (below: Int, above: Int)? {
        var divisor = denominator
        for _ in 0..<decimals {
            guard !divisor.overflows(multipliedBy: 10) else { return nil }
        }
        var product = digits
        guard !product.overflows(multipliedBy: numerator) else { return nil }
        let below = product >= 0 || product % divisor == 0 ? product / divisor : product / divisor - 1
        return (below, product % divisor == 0 ? below : below + 1)
    }

    /// The nearest whole number.
    func rounded(_ numerator: Int, _ denominator: Int) -> Int? { scaled(2 * numerator, denominator).map { ($0.below + 1) >> 1 } }
}

/// The unit of what a sensor says, and how many of the model's units are in it.
struct MeasuredUnit {
    let name: String
    let numerator: Int
    let denominator: Int

    private static let flows: [MeasuredUnit] = [
        .init(name: "l/min", numerator: 1_000_000, denominator: 60), .init(name: "l/s", numerator: 1_000_000, denominator: 1),
        .init(name: "ml/s", numerator: 1000, denominator: 1), .init(name: "µl/s", numerator: 1, denominator: 1),
        .init(name: "l/h", numerator: 1_000_000, denominator: 3600), .init(name: "m3/h", numerator: 1_000_000_000, denominator: 3600),
    ]
    private static let frequencies: [MeasuredUnit] = [
        .init(name: "Hz", numerator: 1000, denominator: 1), .init(name: "1/min", numerator: 1000, denominator: 60),
    ]

    /// The units in which a sensor's values may be written, the usual one first; none for a switch.
    static func all(of sensor: Sensor, _ sensors: [Sensor]) -> [MeasuredUnit] {
        switch sensor.source {
        case .switch: []
        case .flowMeter: flows
        case .frequency: frequencies
        case .analogue(let input): [.init(name: input.unit, numerator: 1000, denominator: 1)]
        case .voting(let voting): voting.members.first.map { all(of: sensors[$0], sensors) } ?? []
        }
    }

    /// "1.8 m": in the first unit that needs no more than three decimals.
    static func text(_ value: Int, of sensor: Sensor, _ sensors: [Sensor]) -> String {
        for unit in all(of: sensor, sensors) {
            let thousandths = (value * unit.denominator * 2000 / unit.numerator + 1) >> 1
            guard let number = WrittenNumber(decimal(thousandths)), unit.value(number) == value else { continue }
            return decimal(thousandths) + (unit.name.isEmpty ? "" : " " + unit.name)
        }
        return String(value)
    }

    /// A number of this unit in the model's; nil where it is too large, or not held exactly and must be.
    func value(_ number: WrittenNumber) -> Int? {
        if denominator > 1 { return number.rounded(numerator, denominator) }
        return number.scaled(numerator).flatMap { $0.below == $0.above ? $0.below : nil }
    }

    /// Thousandths as a decimal number.
    static func decimal(_ thousandths: Int) -> String {
        let (whole, rest) = (thousandths.magnitude / 1000, thousandths.magnitude % 1000)
        var text = String(whole)
        if rest != 0 {
            var fraction = String(rest + 1000).dropFirst()
            while fraction.hasSuffix("0") { fraction.removeLast() }
            text += "." + fraction
        }
        return thousandths < 0 ? "-" + text : text
    }
}

extension Int {
    /// Multiplies in place; true, and left as it was, where that would overflow.
    fileprivate mutating func overflows(multipliedBy factor: Int) -> Bool {
        let (product, overflow) = multipliedReportingOverflow(by: factor)
        if !overflow { self = product }
        return overflow
    }
}

extension TOMLSection {
    /// Milliseconds, from the one key of stroke-milliseconds, stroke-seconds ... that is there.
    func duration(_ base: String, or fallback: Int? = nil) throws(Failure) -> Int { try quantity(base, KeyUnit.durations, or: fallback) }

    /// Permille of travel, from the one key of coast-permille, coast-percent that is there.
    func share(_ base: String, or fallback: Int? = nil) throws(Failure) -> Int { try quantity(base, KeyUnit.shares, or: fallback) }

    /// Permille of travel a second.
    func rate(_ base: String, or fallback: Int? = nil) throws(Failure) -> Int { try quantity(base, KeyUnit.rates, or: fallback) }

    /// A count of something; its bounds are the model's to say.
    func count(_ key: String, or fallback: Int? = nil) throws(Failure) -> Int { try integer(key, 0...KeyUnit.bounds.upperBound, or: fallback) }

    private func quantity(_ base: String, _ units: KeyValuePairs<String, Int>, or fallback: Int?) throws(Failure) -> Int {
        let present = units.filter { has(base + $0.key) }
        guard present.count <= 1 else { throw refusal(base, "stands in two units: \(present.map { base + $0.key }.joined(separator: " and ")); keep one") }
        guard let unit = present.first else {
            guard let fallback else { throw refusal(base, "is missing: a whole number as \(units.map { base + $0.key }.joined(separator: " or "))") }
            return fallback
        }
        return try integer(base + unit.key, 0...KeyUnit.bounds.upperBound / unit.value) * unit.value
    }

    /// A value that a sensor says, in the model's unit of it, from a text such as "1.8 m".
    func measured(_ key: String, of sensor: Sensor, _ sensors: [Sensor], or fallback: Int? = nil) throws(Failure) -> Int {
        if let fallback, !has(key) { return fallback }
        let units = MeasuredUnit.all(of: sensor, sensors)
        guard let usual = units.first else {
            throw refusal(key, "compares a value, but '\(sensor.name)' is a switch: use when = \"active\" or \"inactive\"", code: "calibration-contradiction")
        }
        let example = "\"1.5\(usual.name.isEmpty ? "" : " " + usual.name)\""
        guard has(key) else { throw refusal(key, "is missing: a number with the unit of '\(sensor.name)', such as \(example)") }
        let words = try text(key).split(separator: " ", omittingEmptySubsequences: true)
        guard let first = words.first, let number = WrittenNumber(String(first)) else { throw refusal(key, "must be a number with its unit, such as \(example)") }
        let name = words.dropFirst().joined(separator: " ")
        guard let unit = units.first(where: { $0.name == name || $0.name == "µl/s" && name == "ul/s" || $0.name == "1/min" && name == "rpm" }) else {
            let names = units.map { $0.name.isEmpty ? "no unit" : $0.name }.joined(separator: ", ")
            throw refusal(key, (name.isEmpty ? "has no unit" : "is in '\(name)'") + ", and '\(sensor.name)' measures in \(names)")
        }
        guard let ends = number.scaled(unit.numerator, unit.denominator), KeyUnit.bounds.contains(ends.below) else { throw refusal(key, "is larger than any sensor's value") }
        guard let value = unit.value(number) else {
            let neighbours = [ends.below, ends.above].map { MeasuredUnit.text($0, of: sensor, sensors) }
            throw refusal(key, "cannot be held exactly: write \(neighbours.joined(separator: " or "))")
        }
        return value
    }

    /// A decimal number as thousandths, refused if there are more than three decimals.
    func thousandths(_ key: String) throws(Failure) -> Int { try thousandths(key, decimal(key)) }

    func thousandths(_ key: String, _ number: WrittenNumber) throws(Failure) -> Int {
        guard let value = number.scaled(1000), KeyUnit.bounds.contains(value.below) else { throw refusal(key, "is too large a number") }
        guard value.below == value.above else { throw refusal(key, "has more than three decimals: thousandths are held exactly, and nothing less") }
        return value.below
    }
}
