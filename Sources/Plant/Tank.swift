// Duty: the physics of the virtual plant. Must never know of clocks, sockets or the board.
//
// The plant: a tank with a motor valve before it, a solenoid valve behind it, two level switches, a flow
// meter in the inlet, transmitters of level and position (Transmitter.swift), a heater and a pump in it, and
// a panel for whoever stands there. Pure: `step` turns a state, what the wires carry and the time that went
// by into the next state. Integers throughout, so that a run repeats to the last bit.

/// Every figure of the plant, and its state.
public struct Tank: Sendable, Equatable {
    /// What the tank holds; more runs over the edge.
    public static let capacityMicrolitres: Int64 = 20_000_000
    public static let highMarkMicrolitres: Int64 = 18_000_000
    public static let lowMarkMicrolitres: Int64 = 3_000_000
    /// Through the inlet when it is wide open: 1 l/s, so that 40 % fills to the high mark in 45 s.
    public static let inflowMaximumMicrolitresPerSecond: Int64 = 1_000_000
    public static let outflowMicrolitresPerSecond: Int64 = 500_000
    /// Through a closed inlet that does not seal.
    public static let leakMicrolitresPerSecond: Int64 = 100_000
    /// The motor's way from one end to the other.
    public static let travelMicroseconds: Int64 = 8_000_000
    /// An end switch closes this far before the end.
    public static let endSwitchMicroseconds: Int64 = 40_000
    /// The flow meter: 25 pulses a litre, so 25 a second at the most.
    public static let pulseMicrolitres: Int64 = 40_000
    /// A pulse is held for so long, and is followed by a pause at least as long.
    public static let pulseMicroseconds: Int64 = 10_000
    /// The longest step that `step` takes in one go; longer ones are cut up.
    public static let stepMaximumMicroseconds: Int64 = 5_000

    /// How far the inlet is open, as motor time from the closed end: 0 to `travelMicroseconds`.
    public private(set) var inletMicroseconds: Int64
    /// The furthest that it ever was open: an envelope is kept by this, or not at all.
    public private(set) var inletHighestMicroseconds: Int64
    public private(set) var outletOpen = false
    /// What is in the tank, in nanolitres so that a short step loses nothing.
    private var contentNanolitres: Int64
    /// Came in since the last pulse.
    private var meteredNanolitres: Int64 = 0
    /// Since the flow line last changed.
    private var sincePulseEdgeMicroseconds: Int64 = 0
    private var pulse = false
    public private(set) var pulses: Int64 = 0
    /// Ran over the edge since the start: a spill is what the board must prevent.
    public private(set) var spiltMicrolitres: Int64 = 0
    /// Time for which both drives of the motor were on at once.
    public private(set) var bothDrivenMicroseconds: Int64 = 0
    public var resetPressed = false
    public var heating = Heating()
    public private(set) var pump = LatchingPump()
    public var panel = Panel()
    /// The hand valve before the inlet: while it is shut no water comes, however far the inlet is open.
    public var supplyShut = false
    public var faults: Set<Fault> = [] { didSet { freezeTransmitters() } }
    /// What each frozen transmitter goes on saying.
    var frozenMicroamperes: [Transmitter: Int64] = [:]
    /// Since the start.
    var elapsedMicroseconds: Int64 = 0

    public init(inletPermille: Int64 = 0, contentMicrolitres: Int64 = 6_000_000) {
        inletMicroseconds = inletPermille * Self.travelMicroseconds / 1000
        inletHighestMicroseconds = inletMicroseconds
        contentNanolitres = contentMicrolitres * 1000
    }

    public var contentMicrolitres: Int64 { contentNanolitres / 1000 }
    public var levelPermille: Int64 { contentMicrolitres * 1000 / Self.capacityMicrolitres }
    public var inletPermille: Int64 { inletMicroseconds * 1000 / Self.travelMicroseconds }
    public var inletHighestPermille: Int64 { inletHighestMicroseconds * 1000 / Self.travelMicroseconds }
    public var inflowMicrolitresPerSecond: Int64 {
        if supplyShut { return 0 }
        let leak = faults.contains(.leakingValve) ? Self.leakMicrolitresPerSecond : 0
        return max(Self.inflowMaximumMicrolitresPerSecond * inletMicroseconds / Self.travelMicroseconds, leak)
    }
    public var outflowMicrolitresPerSecond: Int64 {
        outletOpen && contentNanolitres > 0 ? Self.outflowMicrolitresPerSecond : 0
    }

    /// Puts water in or takes it out, as somebody with a bucket would.
    public mutating func fill(toMicrolitres content: Int64) {
        contentNanolitres = min(max(content, 0), Self.capacityMicrolitres) * 1000
    }

    /// What the sensors say, before any fault of a sensor or its wire.
    private func sensed(_ line: Line) -> Bool {
        switch line {
        case .inletOpenEnd: inletMicroseconds >= Self.travelMicroseconds - Self.endSwitchMicroseconds
        case .inletClosedEnd: inletMicroseconds <= Self.endSwitchMicroseconds
        case .levelHigh: contentMicrolitres >= Self.highMarkMicrolitres
        case .levelLow: contentMicrolitres <= Self.lowMarkMicrolitres
        case .flowPulse: pulse
        case .resetButton: resetPressed
        case .pumpRunning: pump.isRunning
        case .inletHand: panel.selector == .hand
        case .inletAuto: panel.selector == .automatic
        case .inletOpenButton: panel.openPressed
        case .inletCloseButton: panel.closePressed
        case .doorClosed: !panel.doorIsOpen
        case .doorOpen: panel.doorIsOpen
        case .inletOpen, .inletClose, .outletEnergise, .heater, .pumpSet, .pumpReset: false
        }
    }

    /// What arrives at the board on an input line. A cut wire beats a stuck sensor.
    public func input(_ line: Line) -> Bool {
        if faults.isEmpty { return sensed(line) }
        if faults.contains(.cut(line)) { return false }
        if faults.contains(.stuck(line, true)) { return true }
        if faults.contains(.stuck(line, false)) { return false }
        return sensed(line)
    }

    /// Lets `microseconds` go by while the board's outputs carry `outputs` (a line not in it floats).
    public mutating func step(outputs: [Line: Signal], microseconds: Int64) {
        elapsedMicroseconds += microseconds
        let open = reaches(.inletOpen, outputs), close = reaches(.inletClose, outputs)
        let energised = reaches(.outletEnergise, outputs), heats = reaches(.heater, outputs)
        let sets = reaches(.pumpSet, outputs), resets = reaches(.pumpReset, outputs)
        var left = microseconds
        var came: Int64 = 0
        while left > 0 {
            let part = min(left, Self.stepMaximumMicroseconds)
            if open && close { bothDrivenMicroseconds += part }
            moveInlet(open: open, close: close, microseconds: part)
            if !faults.contains(.jammedOutlet) { outletOpen = energised }
            came += runWater(microseconds: part)
            heating.step(isOn: heats, microseconds: part)
            pump.step(set: sets, reset: resets, microseconds: part)
            left -= part
        }
        meter(came, microseconds: microseconds)
    }

    /// What a short keeps an output's wire at; nil without one.
    public func short(of line: Line) -> Bool? {
        faults.isEmpty ? nil : faults.contains(.shorted(line, true)) ? true : faults.contains(.shorted(line, false)) ? false : nil
    }

    /// Whether the plant sees the output on: a floating or cut line drives nothing.
    private func reaches(_ line: Line, _ outputs: [Line: Signal]) -> Bool {
        if faults.isEmpty { return outputs[line] == .high }
        return (short(of: line) ?? (outputs[line] == .high)) && !faults.contains(.cut(line))
    }

    private mutating func moveInlet(open: Bool, close: Bool, microseconds: Int64) {
        guard open != close, !faults.contains(.jammedValve) else { return }
        let way = faults.contains(.slowValve) ? microseconds / 2 : microseconds
        inletMicroseconds = min(max(inletMicroseconds + (open ? way : -way), 0), Self.travelMicroseconds)
        inletHighestMicroseconds = max(inletHighestMicroseconds, inletMicroseconds)
    }

    /// Returns what came in, in nanolitres.
    private mutating func runWater(microseconds: Int64) -> Int64 {
        let came = inflowMicrolitresPerSecond * microseconds / 1000
        let went = outflowMicrolitresPerSecond * microseconds / 1000
        let content = max(contentNanolitres + came - went, 0)
        let held = min(content, Self.capacityMicrolitres * 1000)
        spiltMicrolitres += (content - held) / 1000
        contentNanolitres = held
        return came
    }

    /// One edge a call at the most, so that a caller that came late gives each edge its time.
    private mutating func meter(_ nanolitres: Int64, microseconds: Int64) {
        meteredNanolitres += nanolitres
        sincePulseEdgeMicroseconds += microseconds
        guard sincePulseEdgeMicroseconds >= Self.pulseMicroseconds else { return }
        if pulse {
            pulse = false
            sincePulseEdgeMicroseconds = 0
        } else if meteredNanolitres >= Self.pulseMicrolitres * 1000 {
            meteredNanolitres -= Self.pulseMicrolitres * 1000
            pulse = true
            pulses += 1
            sincePulseEdgeMicroseconds = 0
        }
    }
}
