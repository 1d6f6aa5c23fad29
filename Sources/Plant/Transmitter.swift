// The 4-20 mA transmitters of the plant, by the names that the board file uses, in the order of the
// converter's inputs. Each drives a loop over a shunt: 4 mA is the lower end of its range, 20 mA the upper.

public enum Transmitter: String, CaseIterable, Sendable {
    /// Three of a kind, for voting: 4 mA empty, 20 mA full.
    case levelA = "level-a"
    case levelB = "level-b"
    case levelC = "level-c"
    /// How far the inlet is open: 4 mA closed, 20 mA open.
    case inletPosition = "inlet-position"

    /// By its place and not by its name: a run of days looks transmitters up a billion times.
    public func hash(into hasher: inout Hasher) { withUnsafeBytes(of: self) { hasher.combine(bytes: $0) } }

    /// In the order of the converter's inputs.
    var place: Int {
        switch self {
        case .levelA: 0
        case .levelB: 1
        case .levelC: 2
        case .inletPosition: 3
        }
    }

    public static let lowMicroamperes: Int64 = 4_000
    public static let spanMicroamperes: Int64 = 16_000
    /// What the supply of a loop gives at the most: a bridged one.
    public static let maximumMicroamperes: Int64 = 25_000
    /// What a sound one wavers by: a reading that never moves comes from one that is not.
    public static let rippleMicroamperes: Int64 = 20
    /// What a disturbed one wavers by.
    public static let noiseMicroamperes: Int64 = 320
    /// Between a loop and ground: 25 mA are 2.0 V, just within the converter's first range of 2.048 V.
    public static let shuntOhms: Int64 = 80
}

extension Tank {
    /// What the transmitter's loop carries, in microamperes. An open loop beats a bridged one, and both beat
    /// what the transmitter says.
    public func microamperes(_ transmitter: Transmitter) -> Int64 {
        if faults.isEmpty { return said(transmitter) }
        if faults.contains(.cutLoop(transmitter)) { return 0 }
        if faults.contains(.shortedLoop(transmitter)) { return Transmitter.maximumMicroamperes }
        var current = frozenMicroamperes[transmitter] ?? said(transmitter)
        for case .offset(transmitter, let microamperes) in faults { current += microamperes }
        return min(max(current, 0), Transmitter.maximumMicroamperes)
    }

    /// What the converter has on that input, in microvolts.
    public func microvolts(_ transmitter: Transmitter) -> Int64 { microamperes(transmitter) * Transmitter.shuntOhms }

    /// What a transmitter measures, and by how much it wavers at this moment.
    private func said(_ transmitter: Transmitter) -> Int64 {
        let part = transmitter == .inletPosition
            ? inletMicroseconds * Transmitter.spanMicroamperes / Self.travelMicroseconds
            : contentMicrolitres * Transmitter.spanMicroamperes / Self.capacityMicrolitres
        let isNoisy = !faults.isEmpty && faults.contains(.noise(transmitter))
        return Transmitter.lowMicroamperes + part
            + disturbance(transmitter, isNoisy ? Transmitter.noiseMicroamperes : Transmitter.rippleMicroamperes)
    }

    /// Another value for each transmitter and moment, the same in each run (the finalizer of SplitMix64).
    private func disturbance(_ transmitter: Transmitter, _ amplitude: Int64) -> Int64 {
        let seed = UInt64(bitPattern: elapsedMicroseconds) << 2 | UInt64(transmitter.place)
        var z = seed &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        z ^= z >> 31
        return Int64(z % UInt64(2 * amplitude + 1)) - amplitude
    }

    /// After the faults changed: what froze now, froze at what it said.
    mutating func freezeTransmitters() {
        for transmitter in Transmitter.allCases {
            if !faults.contains(.frozenLoop(transmitter)) {
                frozenMicroamperes[transmitter] = nil
            } else if frozenMicroamperes[transmitter] == nil {
                frozenMicroamperes[transmitter] = said(transmitter)
            }
        }
    }
}
