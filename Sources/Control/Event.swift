// What happened, as numbers with stable names: they go into the journal and out by telemetry.

/// Why something was refused, tripped, faulted or stopped. Numbers and codes never change.
public enum Reason: UInt8, Sendable {
    case none = 0
    // Commands.
    case limitPosition = 1
    case tripped = 2
    case faulted = 3
    case notReferenced = 4
    case unknownActuator = 5
    case supervisionLost = 6
    case maximumOpen = 7
    case notAPosition = 8
    case tooMany = 9
    // Trips and sensors.
    case condition = 20
    case sensorStale = 21
    case sensorFault = 22
    // Faults of an actuator.
    case endSwitchesContradict = 40
    case travelDeviation = 41
    case travelLate = 42
    case beyondEnvelope = 43
    case readBack = 44
    case gate = 45
    case closedLost = 46
    // The output gate.
    case bothLines = 60
    case openBeyondLimit = 61
    case restTime = 62
    case openTooLong = 63
    case safeDemanded = 64
    case minimumOff = 65
    case onTooLong = 66

    public var code: String {
        switch self {
        case .none: "none"
        case .limitPosition: "limit-position"
        case .tripped: "tripped"
        case .faulted: "faulted"
        case .notReferenced: "not-referenced"
        case .unknownActuator: "unknown-actuator"
        case .supervisionLost: "supervision-lost"
        case .maximumOpen: "maximum-open"
        case .notAPosition: "not-a-position"
        case .tooMany: "too-many"
        case .condition: "condition"
        case .sensorStale: "sensor-stale"
        case .sensorFault: "sensor-fault"
        case .endSwitchesContradict: "end-switches-contradict"
        case .travelDeviation: "travel-deviation"
        case .travelLate: "travel-late"
        case .beyondEnvelope: "beyond-envelope"
        case .readBack: "read-back"
        case .gate: "gate"
        case .closedLost: "closed-lost"
        case .bothLines: "both-lines"
        case .openBeyondLimit: "open-beyond-limit"
        case .restTime: "rest-time"
        case .openTooLong: "open-too-long"
        case .safeDemanded: "safe-demanded"
        case .minimumOff: "minimum-off"
        case .onTooLong: "on-too-long"
        }
    }
}

/// Numbers and codes never change.
public enum EventCode: UInt8, Sendable {
    case referenced = 1
    case reReferencing = 2
    case positionReached = 3
    /// The maximum open (or energised) time is over: the actuator returns.
    case maximumOpen = 4
    /// Value: the trip's place in the calibration.
    case tripped = 5
    case tripReset = 6
    /// The button was pressed, but the condition still stands or the press began before the trip.
    case resetRefused = 7
    case fault = 8
    case faultReset = 9
    case supervisionLost = 10
    case supervisionRegained = 11
    /// Value: the new quality.
    case sensorQuality = 12
    /// Value: 1 active, 0 not.
    case sensorChanged = 13
    /// The output gate stopped what the logic asked for: a fault of our own.
    case gateIntervened = 14
    /// Value: milliseconds since the last step.
    case tickLate = 15
    case clockBackwards = 16

    public var code: String {
        switch self {
        case .referenced: "referenced"
        case .reReferencing: "re-referencing"
        case .positionReached: "position-reached"
        case .maximumOpen: "maximum-open"
        case .tripped: "tripped"
        case .tripReset: "trip-reset"
        case .resetRefused: "reset-refused"
        case .fault: "fault"
        case .faultReset: "fault-reset"
        case .supervisionLost: "supervision-lost"
        case .supervisionRegained: "supervision-regained"
        case .sensorQuality: "sensor-quality"
        case .sensorChanged: "sensor-changed"
        case .gateIntervened: "gate-intervened"
        case .tickLate: "tick-late"
        case .clockBackwards: "clock-backwards"
        }
    }
}

public struct Event: Equatable, Sendable {
    public var code: EventCode
    public var reason: Reason
    /// The point it is about: actuators first, then sensors, in the calibration's order.
    public var index: UInt8
    public var value: Int64

    /// Code and reason in one number, as it travels: the code in the upper byte.
    public var number: UInt16 { UInt16(code.rawValue) << 8 | UInt16(reason.rawValue) }
}

extension Control {
    /// The names for an event's number that came from elsewhere; nil if it is none of ours.
    public static func eventNames(_ number: UInt16) -> (code: String, reason: String)? {
        guard let code = EventCode(rawValue: UInt8(number >> 8)), let reason = Reason(rawValue: UInt8(number & 0xFF)) else { return nil }
        return (code.code, reason.code)
    }
}

/// The events of one step. Full, it keeps the first ones, which name the cause, and counts the rest.
public struct EventBuffer {
    public static let capacity = 64
    private var events: [Event]
    public private(set) var count = 0
    public private(set) var lost = 0

    init() {
        events = [Event](repeating: Event(code: .tickLate, reason: .none, index: 0, value: 0), count: Self.capacity)
    }

    public subscript(_ i: Int) -> Event { events[i] }

    mutating func removeAll() {
        count = 0
        lost = 0
    }

    mutating func append(_ code: EventCode, _ reason: Reason = .none, index: UInt8, value: Int64) {
        guard count < Self.capacity else {
            lost += 1
            return
        }
        events[count] = Event(code: code, reason: reason, index: index, value: value)
        count += 1
    }
}
