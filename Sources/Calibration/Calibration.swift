// Duty: the envelope as a value: actuators, sensors, trips and their limits, signed and versioned.
// Trust: a Calibration that exists is consistent; that it is authentic says only Verified<Calibration>.
// Must never hold a limit that contradicts another, or a reference to something that is not there.

import Bytes

/// What a board may do with its actuators. Made by the compiler from the human-written file, or by
/// decoding signed bytes; both pass the same checks.
public struct Calibration: Equatable, Sendable {
    public static let formatVersion = 1
    public static let actuatorsMaximum = 16
    public static let sensorsMaximum = 32
    public static let tripsMaximum = 32
    public static let resetsMaximum = 4
    /// Bytes of the encoded calibration.
    public static let encodedMaximum = 12 * 1024
    public static let nameMaximum = 32

    /// Counts up; an older one is refused once a newer one was in force.
    public let version: UInt64
    /// The board it was made for, as in the board file.
    public let board: String
    /// The time between two steps.
    public let tickMilliseconds: Int
    /// Without a heartbeat of the keeper for this long, everything goes to its safe state.
    public let supervisionTimeoutMilliseconds: Int
    public let resets: [Reset]
    public let sensors: [Sensor]
    public let actuators: [Actuator]
    public let trips: [Trip]
    /// Every output line once: for each actuator in order, open before close.
    public let outputLines: [String]
    /// Every input line once: resets, sensors, then for each motor valve open end before closed end.
    public let inputLines: [String]

    public init(
        version: UInt64, board: String, tickMilliseconds: Int, supervisionTimeoutMilliseconds: Int,
        resets: [Reset], sensors: [Sensor], actuators: [Actuator], trips: [Trip]
    ) throws(CalibrationError) {
        self.version = version
        self.board = board
        self.tickMilliseconds = tickMilliseconds
        self.supervisionTimeoutMilliseconds = supervisionTimeoutMilliseconds
        self.resets = resets
        self.sensors = sensors
        self.actuators = actuators
        self.trips = trips
        var outputs: [String] = []
        var inputs: [String] = []
        for reset in resets { inputs.append(reset.line) }
        for sensor in sensors { inputs.append(sensor.line) }
        for actuator in actuators {
            switch actuator {
            case .motorValve(let valve):
                outputs.append(valve.openLine)
                outputs.append(valve.closeLine)
                inputs.append(valve.openEndLine)
                inputs.append(valve.closedEndLine)
            case .solenoid(let solenoid):
                outputs.append(solenoid.line)
            }
        }
        outputLines = outputs
        inputLines = inputs
        try checkAll()
        guard encoded().count <= Self.encodedMaximum else {
            throw CalibrationError(.bounds, .calibration, "", "the calibration is longer than \(Self.encodedMaximum) bytes: shorten names or split the board")
        }
    }
}
