// What happened, as numbers with stable names: they go into the journal and out by telemetry.

/// Why something was refused, tripped, faulted or stopped. Numbers and codes never change.
public enum Reason: UInt8, Sendable, CaseIterable {
    case none = 0
    // Requests.
    /// Outside the envelope's positions.
    case limitPosition = 1
    case tripped = 2
    case faulted = 3
    case notReferenced = 4
    case unknownActuator = 5
    case supervisionLost = 6
    /// The longest time away from the safe state is over.
    case maximumAway = 7
    case notAPosition = 8
    case tooMany = 9
    /// The selector at the machine says Hand: local beats remote.
    case localAuthority = 10
    /// It says Off, cannot be told, or flaps.
    case selectorOff = 11
    /// Another issuer holds the actuator.
    case leaseHeld = 12
    /// There is no lease of this issuer to renew or give back.
    case noLease = 13
    /// Not announced by this issuer, or too long ago, or for another position.
    case notSelected = 14
    /// Fewer signers than the calibration asks for.
    case approvals = 15
    case permissive = 16
    case exclusion = 17
    case sequence = 18
    case startsPerHour = 19
    // Trips and sensors.
    case condition = 20
    case sensorStale = 21
    case sensorFault = 22
    case sensorStuck = 23
    case sensorRate = 24
    /// A loop current that NE 43 calls a fault.
    case sensorCurrent = 25
    /// Two antivalent contacts agree: a wire is cut or shorted.
    case sensorDiscrepancy = 26
    case sensorChatter = 27
    /// A loop current between a value and a fault.
    case sensorSaturated = 28
    /// A voting goes on without one of its members.
    case memberLost = 29
    /// The trip stood before this start.
    case restored = 30
    // More requests.
    case unknownPhase = 31
    /// An actuator stands outside the limits of the phase that was asked for.
    case phaseLimits = 32
    case unknownTrip = 33
    /// The trip is essential, or the calibration allows it no bypass.
    case bypassForbidden = 34
    case bypassTooLong = 35
    /// The actuator has no such test, or does not stand at an end.
    case proofImpossible = 36
    case proofRunning = 37
    /// The running minutes of this hour are used up.
    case runningTime = 38
    /// The trip has not acted again for as long as it was bypassed.
    case bypassRest = 39
    // Faults of an actuator.
    case endSwitchesContradict = 40
    case travelDeviation = 41
    case travelLate = 42
    case beyondEnvelope = 43
    case readBack = 44
    case gate = 45
    case closedLost = 46
    /// The process does not answer as it should to where the actuator stands.
    case noResponse = 47
    /// A relay's contact does not follow it.
    case contact = 48
    case proofFailed = 49
    /// Its position is to be measured, and is not.
    case feedbackLost = 50
    // The output gate.
    case bothLines = 60
    case openBeyondLimit = 61
    case restTime = 62
    case awayTooLong = 63
    case safeDemanded = 64
    case minimumOff = 65
    case slew = 67
    case pulseTooLong = 68
    // Selectors and leases.
    case flapping = 80
    /// Both lines of a selector at once.
    case contradiction = 81
    case leaseEnded = 82
    case released = 83

    public var code: String {
        switch self {
        case .none: "none"
        case .limitPosition: "limit-position"
        case .tripped: "tripped"
        case .faulted: "faulted"
        case .notReferenced: "not-referenced"
        case .unknownActuator: "unknown-actuator"
        case .supervisionLost: "supervision-lost"
        case .maximumAway: "maximum-away"
        case .notAPosition: "not-a-position"
        case .tooMany: "too-many"
        case .localAuthority: "local-authority"
        case .selectorOff: "selector-off"
        case .leaseHeld: "lease-held"
        case .noLease: "no-lease"
        case .notSelected: "not-selected"
        case .approvals: "approvals"
        case .permissive: "permissive"
        case .exclusion: "exclusion"
        case .sequence: "sequence"
        case .startsPerHour: "starts-per-hour"
        case .condition: "condition"
        case .sensorStale: "sensor-stale"
        case .sensorFault: "sensor-fault"
        case .sensorStuck: "sensor-stuck"
        case .sensorRate: "sensor-rate"
        case .sensorCurrent: "sensor-current"
        case .sensorDiscrepancy: "sensor-discrepancy"
        case .sensorChatter: "sensor-chatter"
        case .sensorSaturated: "sensor-saturated"
        case .memberLost: "member-lost"
        case .restored: "restored"
        case .unknownPhase: "unknown-phase"
        case .phaseLimits: "phase-limits"
        case .unknownTrip: "unknown-trip"
        case .bypassForbidden: "bypass-forbidden"
        case .bypassTooLong: "bypass-too-long"
        case .proofImpossible: "proof-impossible"
        case .proofRunning: "proof-running"
        case .runningTime: "running-time"
        case .bypassRest: "bypass-rest"
        case .endSwitchesContradict: "end-switches-contradict"
        case .travelDeviation: "travel-deviation"
        case .travelLate: "travel-late"
        case .beyondEnvelope: "beyond-envelope"
        case .readBack: "read-back"
        case .gate: "gate"
        case .closedLost: "closed-lost"
        case .noResponse: "no-response"
        case .contact: "contact"
        case .proofFailed: "proof-failed"
        case .feedbackLost: "feedback-lost"
        case .bothLines: "both-lines"
        case .openBeyondLimit: "open-beyond-limit"
        case .restTime: "rest-time"
        case .awayTooLong: "away-too-long"
        case .safeDemanded: "safe-demanded"
        case .minimumOff: "minimum-off"
        case .slew: "slew"
        case .pulseTooLong: "pulse-too-long"
        case .flapping: "flapping"
        case .contradiction: "contradiction"
        case .leaseEnded: "lease-ended"
        case .released: "released"
        }
    }
}

/// Numbers and codes never change.
public enum EventCode: UInt8, Sendable, CaseIterable {
    case referenced = 1
    case reReferencing = 2
    case positionReached = 3
    /// The longest time away from the safe state is over: the actuator returns.
    case maximumAway = 4
    /// Value: the trip's place in the calibration.
    case tripped = 5
    /// Value: the trip's place.
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
    /// Index: the first actuator under it. Value: the mode that holds now (0 off, 1 hand, 2 auto).
    case selectorChanged = 17
    case buttonStuck = 18
    /// Value: the phase's place.
    case phaseChanged = 19
    /// Value: the trip's place.
    case bypassBegan = 20
    /// Once a minute while it lasts. Value: the trip's place.
    case bypassStands = 21
    /// Value: the trip's place.
    case bypassEnded = 22
    /// Members of a voting differ. Value: by how much.
    case deviation = 23
    case deviationCleared = 24
    /// An alarm: the process does not answer as it should. Value: the interlock's place.
    case noResponse = 25
    /// Maintenance is due. Value: cycles.
    case lifetime = 26
    /// Value: milliseconds until the end switch was left.
    case proofPassed = 27
    case proofFailed = 28
    /// Value: hours since the last one.
    case proofOverdue = 29
    /// Value: the issuers' bits.
    case leaseBegan = 30
    case leaseEnded = 31
    /// What the actuator waited for is gone. Value: the interlock's place.
    case sequenceEnded = 32
    /// Value: the position announced.
    case selected = 33
    /// Value: the minutes or starts of the hour.
    case dutyExhausted = 34
    /// Value: the version that holds now.
    case calibrationChanged = 35

    public var code: String {
        switch self {
        case .referenced: "referenced"
        case .reReferencing: "re-referencing"
        case .positionReached: "position-reached"
        case .maximumAway: "maximum-away"
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
        case .selectorChanged: "selector-changed"
        case .buttonStuck: "button-stuck"
        case .phaseChanged: "phase-changed"
        case .bypassBegan: "bypass-began"
        case .bypassStands: "bypass-stands"
        case .bypassEnded: "bypass-ended"
        case .deviation: "deviation"
        case .deviationCleared: "deviation-cleared"
        case .noResponse: "no-response"
        case .lifetime: "lifetime"
        case .proofPassed: "proof-passed"
        case .proofFailed: "proof-failed"
        case .proofOverdue: "proof-overdue"
        case .leaseBegan: "lease-began"
        case .leaseEnded: "lease-ended"
        case .sequenceEnded: "sequence-ended"
        case .selected: "selected"
        case .dutyExhausted: "duty-exhausted"
        case .calibrationChanged: "calibration-changed"
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
    public static let capacity = 96
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
