// What to do about a refusal, for the people who read a receipt.
import Control

extension Reason {
    /// One sentence for each reason for which a request is refused.
    var advice: String {
        switch self {
        case .limitPosition: "outside the limits that hold now: ask for a position inside them"
        case .tripped: "a trip holds it: clear its cause, and where it latched, reset it at the machine"
        case .faulted: "it has a fault: look at the machine and reset it there"
        case .notReferenced: "its position is not known yet: wait until it has found its end"
        case .unknownActuator: "the calibration has no such actuator"
        case .supervisionLost: "the keeper's heartbeat is missing: wait until it is back"
        case .maximumAway: "it has been away from its safe state as long as it may: wait until it is back there"
        case .notAPosition: "it knows open and closed, nothing between"
        case .tooMany: "too many orders at once: send it again later"
        case .localAuthority: "the selector at the machine says Hand: local comes before remote"
        case .selectorOff: "the selector at the machine says Off, cannot be told, or flaps"
        case .leaseHeld: "somebody else holds it: wait until the lease ends or is given back"
        case .noLease: "you hold no lease on it: a setpoint begins one where the calibration gives leases"
        case .notSelected: "select it first, with the same position and key, and operate within the time"
        case .approvals: "too few have signed: have another person add a signature to the same file"
        case .permissive: "a permissive is missing: see to its condition first"
        case .exclusion: "another actuator that excludes it is away from its safe state"
        case .sequence: "another actuator must be open first, and for long enough"
        case .startsPerHour: "its starts of this hour are used up: wait"
        case .runningTime: "its running minutes of this hour are used up: wait"
        case .unknownPhase: "the calibration has no such phase"
        case .phaseLimits: "an actuator stands outside the limits of that phase: bring it inside first"
        case .unknownTrip: "the calibration has no such trip"
        case .bypassForbidden: "this trip may never be bypassed"
        case .bypassTooLong: "longer than the calibration allows a bypass of this trip"
        case .bypassRest: "a trip must act as long as it was bypassed before the next bypass: wait"
        case .feedbackLost: "its position feedback is lost: see to the sensor first; closer to safe it may go"
        case .proofImpossible: "it has no partial-stroke test, or does not stand at an end"
        case .proofRunning: "its partial-stroke test runs: wait until it is over"
        default: "the controller refused it"
        }
    }
}
