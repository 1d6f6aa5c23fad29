// What a step is given. Made once by the shell and filled again for every step.

import Calibration

/// The level of a line, or that it could not be read.
public enum LineReading: UInt8, Sendable {
    case low = 0
    case high = 1
    case unreadable = 2
}

/// What the converter of an analogue channel gave, in counts; nothing new if it is not fresh.
public struct AnalogueReading: Equatable, Sendable {
    public var counts: Int32
    /// It was read since the step before.
    public var isFresh: Bool

    public init(counts: Int32, isFresh: Bool) {
        self.counts = counts
        self.isFresh = isFresh
    }

    public static let none = AnalogueReading(counts: 0, isFresh: false)
}

/// What may be asked for. Actuators, trips and phases by their positions in the calibration.
public enum Order: Equatable, Sendable {
    /// Bring an actuator to a position, permille.
    case setpoint(actuator: Int, permille: Int)
    /// Announce such an order (select-before-operate).
    case select(actuator: Int, permille: Int)
    /// Keep the lease.
    case renew(actuator: Int)
    /// Give the lease back: the actuator goes to its safe state.
    case release(actuator: Int)
    /// Enter an operating phase.
    case phase(Int)
    /// Take a trip out for some minutes; 0 puts it back.
    case bypass(trip: Int, minutes: Int)
    /// A partial-stroke test.
    case partialStroke(actuator: Int)
}

/// A verified order, and who signed it.
public struct Request: Equatable, Sendable {
    public var identifier: UInt64
    public var order: Order
    /// One bit for each key of the key set, of those that signed.
    public var issuers: UInt32

    public init(identifier: UInt64, order: Order, issuers: UInt32) {
        self.identifier = identifier
        self.order = order
        self.issuers = issuers
    }
}

/// The answer to a request: `Reason.none` if it was accepted.
public struct Outcome: Equatable, Sendable {
    public let identifier: UInt64
    public let reason: Reason

    public init(identifier: UInt64, reason: Reason) {
        self.identifier = identifier
        self.reason = reason
    }
}

public struct Inputs {
    /// Requests that one step takes; the rest is refused by the shell as `tooMany`.
    public static let requestsMaximum = 8

    /// In the order of `Calibration.inputLines`.
    public var lines: [LineReading]
    /// The outputs as read back, in the order of `Calibration.outputLines`.
    public var readBacks: [LineReading]
    /// Rising edges since the last step, in the order of `Calibration.inputLines`.
    public var pulses: [UInt32]
    /// In the order of `Calibration.analogueChannels`.
    public var analogues: [AnalogueReading]
    /// A heartbeat of the keeper has come since the last step.
    public var heartbeat = false

    private var requests: [Request]
    public private(set) var requestCount = 0

    public init(_ calibration: Calibration) {
        lines = [LineReading](repeating: .unreadable, count: calibration.inputLines.count)
        readBacks = [LineReading](repeating: .low, count: calibration.outputLines.count)
        pulses = [UInt32](repeating: 0, count: calibration.inputLines.count)
        analogues = [AnalogueReading](repeating: .none, count: calibration.analogueChannels.count)
        requests = [Request](repeating: Request(identifier: 0, order: .phase(0), issuers: 0), count: Self.requestsMaximum)
    }

    public func request(_ i: Int) -> Request { requests[i] }

    /// False if there is no room in this step.
    public mutating func add(_ request: Request) -> Bool {
        guard requestCount < Self.requestsMaximum else { return false }
        requests[requestCount] = request
        requestCount += 1
        return true
    }

    /// After a step: requests, pulses, analogue readings and the heartbeat count once.
    public mutating func consumed() {
        requestCount = 0
        heartbeat = false
        for i in pulses.indices { pulses[i] = 0 }
        for i in analogues.indices { analogues[i].isFresh = false }
    }
}
