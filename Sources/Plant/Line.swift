// The lines between the board and the plant, by the names that the board file uses.
// Direction is the board's: an output of the board drives something in the plant.

public enum Line: String, CaseIterable, Sendable {
    /// Drives the inlet's motor toward open.
    case inletOpen = "inlet-open"
    /// Drives the inlet's motor toward closed.
    case inletClose = "inlet-close"
    /// Holds the outlet's solenoid open; a spring closes it.
    case outletEnergise = "outlet-energise"
    /// 1 while the inlet stands on its open end switch.
    case inletOpenEnd = "inlet-open-end"
    /// 1 while the inlet stands on its closed end switch.
    case inletClosedEnd = "inlet-closed-end"
    /// 1 while the water stands at or above the high mark.
    case levelHigh = "level-high"
    /// 1 while the water stands at or below the low mark.
    case levelLow = "level-low"
    /// One pulse for each `Tank.pulseMicrolitres` that came in.
    case flowPulse = "flow-pulse"
    /// 1 while somebody holds the local reset button.
    case resetButton = "reset-button"

    /// In the order in which the board's GPIO chip numbers them.
    public static let outputs: [Line] = [.inletOpen, .inletClose, .outletEnergise]
    public static let inputs: [Line] = [.inletOpenEnd, .inletClosedEnd, .levelHigh, .levelLow, .flowPulse, .resetButton]

    public var isOutput: Bool { Self.outputs.contains(self) }
}

/// What a wire carries: nobody drives a floating one.
public enum Signal: Sendable, Equatable {
    case low, high, floating

    public init(_ value: Bool) { self = value ? .high : .low }
}
