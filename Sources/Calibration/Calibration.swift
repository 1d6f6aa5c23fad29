// Duty: the envelope as a value: actuators, sensors, interlocks and their limits, signed and versioned.
// Trust: a Calibration that exists is consistent; that it is authentic says only Verified<Calibration>.
// Must never hold a limit that contradicts another, or a reference to something that is not there.

import Bytes

/// What a board may do with its actuators. Made by the compiler from the human-written file, or by
/// decoding signed bytes; both pass the same checks.
public struct Calibration: Equatable, Sendable {
    public static let formatVersion = 2
    public static let actuatorsMaximum = 16
    public static let sensorsMaximum = 32
    /// Flow meters among them (`flowMeters`).
    public static let flowMetersMaximum = 8
    public static let tripsMaximum = 32
    public static let interlocksMaximum = 32
    public static let resetsMaximum = 4
    public static let selectorsMaximum = 4
    public static let phasesMaximum = 8
    /// Bytes of the encoded calibration.
    public static let encodedMaximum = 13 * 1024
    public static let nameMaximum = 32
    /// How often the keeper sends its heartbeat.
    public static let heartbeatMilliseconds = 500

    /// What is told in the file; the rest follows from it.
    public struct Content: Equatable, Sendable {
        /// Counts up; an older one is refused once a newer one was in force.
        public var version: Int
        /// The board it was made for, as in the board file.
        public var board: String
        /// The time between two steps.
        public var tickMilliseconds: Int
        /// Without a heartbeat of the keeper for this long, everything goes to its safe state.
        public var supervisionTimeoutMilliseconds: Int
        /// Names of the operating phases; the first is the one where none is retained. None = one without a name.
        public var phases: [String]
        public var resets: [Reset]
        public var selectors: [Selector]
        public var sensors: [Sensor]
        public var actuators: [Actuator]
        public var trips: [Trip]
        public var interlocks: [NamedInterlock]

        public init(
            version: Int, board: String, tickMilliseconds: Int, supervisionTimeoutMilliseconds: Int, phases: [String] = [],
            resets: [Reset], selectors: [Selector] = [], sensors: [Sensor], actuators: [Actuator], trips: [Trip],
            interlocks: [NamedInterlock] = []
        ) {
            self.version = version
            self.board = board
            self.tickMilliseconds = tickMilliseconds
            self.supervisionTimeoutMilliseconds = supervisionTimeoutMilliseconds
            self.phases = phases
            self.resets = resets
            self.selectors = selectors
            self.sensors = sensors
            self.actuators = actuators
            self.trips = trips
            self.interlocks = interlocks
        }
    }

    public let content: Content
    /// Every output line once, for each actuator in order.
    public let outputLines: [String]
    /// Every input line once: resets; selectors, hand before auto; sensors; actuators.
    public let inputLines: [String]
    /// Every analogue channel once, in the order of the sensors.
    public let analogueChannels: [String]
    /// Positions of the flow meters in `sensors`: each has a total besides.
    public let flowMeters: [Int]

    public init(_ content: Content) throws(CalibrationError) {
        self.content = content
        var outputs: [String] = []
        var inputs: [String] = []
        var channels: [String] = []
        var meters: [Int] = []
        for reset in content.resets { inputs.append(reset.line) }
        for selector in content.selectors {
            inputs.append(selector.handLine)
            inputs.append(selector.autoLine)
        }
        for (i, sensor) in content.sensors.enumerated() {
            inputs += sensor.inputLines
            if case .analogue(let input) = sensor.source { channels.append(input.channel) }
            if case .flowMeter = sensor.source { meters.append(i) }
        }
        for actuator in content.actuators {
            outputs += actuator.outputLines
            inputs += actuator.inputLines
        }
        outputLines = outputs
        inputLines = inputs
        analogueChannels = channels
        flowMeters = meters
        try checkAll()
        guard encoded().count <= Self.encodedMaximum else {
            throw CalibrationError(.bounds, .calibration, "", "the calibration is longer than \(Self.encodedMaximum) bytes: shorten names or split the board")
        }
    }

    public var version: UInt64 { UInt64(content.version) }
    public var board: String { content.board }
    public var tickMilliseconds: Int { content.tickMilliseconds }
    public var supervisionTimeoutMilliseconds: Int { content.supervisionTimeoutMilliseconds }
    public var phases: [String] { content.phases }
    public var resets: [Reset] { content.resets }
    public var selectors: [Selector] { content.selectors }
    public var sensors: [Sensor] { content.sensors }
    public var actuators: [Actuator] { content.actuators }
    public var trips: [Trip] { content.trips }
    public var interlocks: [NamedInterlock] { content.interlocks }
}
