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
    /// Heats the water while 1.
    case heater
    /// A pulse latches the circulation pump's relay on.
    case pumpSet = "pump-set"
    /// A pulse latches it off.
    case pumpReset = "pump-reset"
    /// 1 while the pump runs: its relay's second contact.
    case pumpRunning = "pump-running"
    /// 1 while the inlet's selector stands on hand.
    case inletHand = "inlet-hand"
    /// 1 while it stands on automatic. On off, between the two, both are 0.
    case inletAuto = "inlet-auto"
    /// 1 while somebody holds the inlet's button for opening.
    case inletOpenButton = "inlet-open-button"
    case inletCloseButton = "inlet-close-button"
    /// 1 while the door of the motor's housing is closed.
    case doorClosed = "door-closed"
    /// The other contact of the same switch: 1 while it is open. Both alike: a wire is broken or shorted.
    case doorOpen = "door-open"

    /// In the order in which the board's GPIO chips number them.
    public static let outputs: [Line] = [.inletOpen, .inletClose, .outletEnergise, .heater, .pumpSet, .pumpReset]
    public static let inputs: [Line] = [
        .inletOpenEnd, .inletClosedEnd, .levelHigh, .levelLow, .flowPulse, .resetButton, .pumpRunning, .inletHand, .inletAuto,
        .inletOpenButton, .inletCloseButton, .doorClosed, .doorOpen,
    ]

    public var isOutput: Bool { Self.outputs.contains(self) }

    /// By its place and not by its name: a run of days looks lines up a billion times.
    public func hash(into hasher: inout Hasher) { withUnsafeBytes(of: self) { hasher.combine(bytes: $0) } }

    /// The chip of the board that has it.
    public var chip: Chip {
        switch self {
        case .inletOpen, .inletClose, .outletEnergise, .inletOpenEnd, .inletClosedEnd, .levelHigh, .levelLow, .flowPulse, .resetButton:
            .main
        case .heater, .pumpSet, .pumpReset, .pumpRunning, .inletHand, .inletAuto, .inletOpenButton, .inletCloseButton, .doorClosed, .doorOpen:
            .auxiliary
        }
    }
}

/// The board's GPIO chips: each can stop answering by itself.
public enum Chip: String, CaseIterable, Sendable {
    /// The valves, the level and the flow.
    case main
    /// Heater, pump, selector, buttons and door.
    case auxiliary

    /// Its lines in the order in which it numbers them.
    public var lines: [Line] { (Line.outputs + Line.inputs).filter { $0.chip == self } }
}

/// What a wire carries: nobody drives a floating one.
public enum Signal: Sendable, Equatable {
    case low, high, floating

    public init(_ value: Bool) { self = value ? .high : .low }
}
