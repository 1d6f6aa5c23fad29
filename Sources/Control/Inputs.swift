// What a step is given. Made once by the shell and filled again for every step.

/// The level of a line, or that it could not be read.
public enum LineReading: UInt8, Sendable {
    case low = 0
    case high = 1
    case unreadable = 2
}

/// A verified command: bring an actuator to a position.
public struct SetpointCommand: Sendable {
    public var identifier: UInt64
    /// Position in `Calibration.actuators`.
    public var actuator: Int
    public var permille: Int

    public init(identifier: UInt64, actuator: Int, permille: Int) {
        self.identifier = identifier
        self.actuator = actuator
        self.permille = permille
    }
}

/// The answer to a command: `Reason.none` if it was accepted.
public struct Outcome: Equatable, Sendable {
    public let identifier: UInt64
    public let reason: Reason

    public init(identifier: UInt64, reason: Reason) {
        self.identifier = identifier
        self.reason = reason
    }
}

public struct Inputs {
    /// Commands that one step takes; the rest is refused by the shell as `tooMany`.
    public static let commandsMaximum = 8

    /// In the order of `Calibration.inputLines`.
    public var lines: [LineReading]
    /// The outputs as read back, in the order of `Calibration.outputLines`.
    public var readBacks: [LineReading]
    /// Rising edges since the last step, in the order of `Calibration.sensors`; 0 for switches.
    public var pulses: [UInt32]
    /// A heartbeat of the keeper has come since the last step.
    public var heartbeat = false

    private var commands: [SetpointCommand]
    public private(set) var commandCount = 0

    public init(inputs: Int, outputs: Int, sensors: Int) {
        lines = [LineReading](repeating: .unreadable, count: inputs)
        readBacks = [LineReading](repeating: .low, count: outputs)
        pulses = [UInt32](repeating: 0, count: sensors)
        commands = [SetpointCommand](repeating: SetpointCommand(identifier: 0, actuator: 0, permille: 0), count: Self.commandsMaximum)
    }

    public func command(_ i: Int) -> SetpointCommand { commands[i] }

    /// False if there is no room in this step.
    public mutating func add(_ command: SetpointCommand) -> Bool {
        guard commandCount < Self.commandsMaximum else { return false }
        commands[commandCount] = command
        commandCount += 1
        return true
    }

    /// After a step: commands, pulses and the heartbeat count once.
    public mutating func consumed() {
        commandCount = 0
        heartbeat = false
        for i in pulses.indices { pulses[i] = 0 }
    }
}
