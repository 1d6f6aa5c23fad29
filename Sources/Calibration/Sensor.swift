// What is sensed: switches, pulses, 4-20 mA, and several of them as one.
// Values are whole numbers: 0 or 1 of a switch, microlitres per second of a flow meter, millihertz of a
// frequency, thousandths of its unit of an analogue value.

/// A level, pressure or door switch on one line, or on two that always differ (antivalent): then a wire
/// that is cut or shorted shows as two that agree.
public struct Switch: Equatable, Sendable {
    public var line: String
    /// The line of the other contact; empty = none.
    public var antivalentLine: String
    /// How long the two may agree while it changes over.
    public var discrepancyMilliseconds: Int
    /// A change counts once it has lasted this long; 0 = at once.
    public var debounceMilliseconds: Int
    public var activeWhenHigh: Bool

    public init(
        line: String, antivalentLine: String = "", discrepancyMilliseconds: Int = 0, debounceMilliseconds: Int, activeWhenHigh: Bool
    ) {
        self.line = line
        self.antivalentLine = antivalentLine
        self.discrepancyMilliseconds = discrepancyMilliseconds
        self.debounceMilliseconds = debounceMilliseconds
        self.activeWhenHigh = activeWhenHigh
    }
}

/// A meter that gives one rising edge for a fixed volume; scaled and totalised.
public struct FlowMeter: Equatable, Sendable {
    public var line: String
    public var microlitresPerPulse: Int
    /// What the meter can give at most: more is noise or a lie.
    public var maximumPulsesPerSecond: Int

    public init(line: String, microlitresPerPulse: Int, maximumPulsesPerSecond: Int) {
        self.line = line
        self.microlitresPerPulse = microlitresPerPulse
        self.maximumPulsesPerSecond = maximumPulsesPerSecond
    }
}

/// Rising edges counted against time: a speed, a frequency.
public struct FrequencyInput: Equatable, Sendable {
    public var line: String
    /// Edges in one turn of what is measured.
    public var pulsesPerTurn: Int
    public var maximumPulsesPerSecond: Int

    public init(line: String, pulsesPerTurn: Int, maximumPulsesPerSecond: Int) {
        self.line = line
        self.pulsesPerTurn = pulsesPerTurn
        self.maximumPulsesPerSecond = maximumPulsesPerSecond
    }
}

/// A 4-20 mA loop on an analogue channel of the board. The current is held against NAMUR NE 43: 3.8 to
/// 20.5 mA is a value, below 3.6 or above 21 mA a fault; between them it is out of specification.
/// Value = c0 + c1 x + c2 x^2 + c3 x^3, in thousandths of the unit, x = 0 at 4 mA and 1 at 20 mA.
public struct AnalogueInput: Equatable, Sendable {
    /// The board's name of the channel.
    public var channel: String
    /// Counts of the converter at 4 mA and at 20 mA, as calibrated.
    public var countsAt4Milliamperes: Int
    public var countsAt20Milliamperes: Int
    /// One to four coefficients, c0 first, thousandths of the unit.
    public var coefficients: [Int]
    /// As people write it: m, bar, °C, permille.
    public var unit: String
    /// A current outside of NE 43 is a fault once it has lasted so long.
    public var faultMilliseconds: Int

    public init(
        channel: String, countsAt4Milliamperes: Int, countsAt20Milliamperes: Int, coefficients: [Int], unit: String, faultMilliseconds: Int
    ) {
        self.channel = channel
        self.countsAt4Milliamperes = countsAt4Milliamperes
        self.countsAt20Milliamperes = countsAt20Milliamperes
        self.coefficients = coefficients
        self.unit = unit
        self.faultMilliseconds = faultMilliseconds
    }

    /// The current for these counts, microamperes.
    public func microamperes(counts: Int) -> Int {
        4000 + (counts - countsAt4Milliamperes) * 16000 / (countsAt20Milliamperes - countsAt4Milliamperes)
    }

    /// Thousandths of the unit for a current.
    public func value(microamperes: Int) -> Int {
        // x in millionths of the span; a coefficient is below 2^31 and x below 2^22, so nothing overflows.
        let x = (microamperes - 4000) * 125 / 2
        var value = 0
        for coefficient in coefficients.reversed() { value = coefficient + value * x / 1_000_000 }
        return value
    }
}

/// How several sensors are taken as one (K out of N).
public enum VotingScheme: UInt8, Sendable {
    case oneOutOfTwo = 0
    case twoOutOfTwo = 1
    case twoOutOfThree = 2

    public var members: Int { self == .twoOutOfThree ? 3 : 2 }
}

/// Sensors of one kind that vote. A condition holds where K of the members say so; a member that is not
/// good is left out as far as the scheme bears it, and is a fault of the whole beyond that.
public struct Voting: Equatable, Sendable {
    public var scheme: VotingScheme
    /// Positions in `Calibration.sensors`, of sensors that stand before this one and are no voting themselves.
    public var members: [Int]
    /// An alarm once the good members differ by more than this for so long. For switches: 0.
    public var deviation: Int
    public var deviationMilliseconds: Int

    public init(scheme: VotingScheme, members: [Int], deviation: Int, deviationMilliseconds: Int) {
        self.scheme = scheme
        self.members = members
        self.deviation = deviation
        self.deviationMilliseconds = deviationMilliseconds
    }
}

/// What a value may do. A limit of 0 is none.
public struct Plausibility: Equatable, Sendable {
    /// Without a fresh reading for so long the value is stale (analogue).
    public var staleMilliseconds: Int
    /// A value that has not moved at all for so long is stuck (analogue: there is always noise).
    public var stuckMilliseconds: Int
    /// A change faster than this, in its unit a second, is a bad sample.
    public var maximumRatePerSecond: Int
    /// So many bad samples on end are a fault.
    public var badSamples: Int

    public init(staleMilliseconds: Int = 0, stuckMilliseconds: Int = 0, maximumRatePerSecond: Int = 0, badSamples: Int = 1) {
        self.staleMilliseconds = staleMilliseconds
        self.stuckMilliseconds = stuckMilliseconds
        self.maximumRatePerSecond = maximumRatePerSecond
        self.badSamples = badSamples
    }
}

public struct Sensor: Equatable, Sendable {
    public enum Source: Equatable, Sendable {
        case `switch`(Switch)
        case flowMeter(FlowMeter)
        case frequency(FrequencyInput)
        case analogue(AnalogueInput)
        case voting(Voting)
    }

    public var name: String
    public var source: Source
    public var plausibility: Plausibility

    public init(name: String, source: Source, plausibility: Plausibility = Plausibility()) {
        self.name = name
        self.source = source
        self.plausibility = plausibility
    }

    /// Its input lines; none of an analogue or voted one.
    public var inputLines: [String] {
        switch source {
        case .switch(let value): value.antivalentLine.utf8.isEmpty ? [value.line] : [value.line, value.antivalentLine]
        case .flowMeter(let meter): [meter.line]
        case .frequency(let input): [input.line]
        case .analogue, .voting: []
        }
    }
}
