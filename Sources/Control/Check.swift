// The checks, each by its name, and the one place where a test can take one out: a check that no test
// misses is not tested. On the device nothing can be taken out.

/// What the envelope is made of. A run of the tests with one of them removed must fail.
public enum Check: UInt8, Sendable, CaseIterable {
    // Requests.
    case limitPosition, phaseLimitPosition, notAPosition, supervised, faulted, tripped, referenced
    case localAuthority, selectorOff, lease, select, approvals, permissive, exclusion, sequence
    case phaseInside, bypassAllowed, bypassLength, bypassRest, proofAtEnd, proofRunning, noLease, selectTimeout, returning, exclusionFault
    case feedbackLost, leaseAwaited
    // Dynamics.
    case deadBand, slew, maximumAway, leaseEnd, minimumOn, minimumOff, startsPerHour, runningTime, restTime, reach
    case periodShare, pulseLength
    // Sensors.
    case debounce, discrepancy, chatter, unsettled, meterLimit, loopCurrent, loopSaturation, stale, stuck, rate, badSamples
    case votingCount, votingLost, votingDeviation, hysteresis
    // Trips.
    case tripCondition, tripDelay, tripBadSensor, tripLatch, tripPhase, resetRechecks, resetAfterTrip, resetHold, bypassEnds
    case firstOut, latchAgain, faultResetAfter
    // Faults.
    case endSwitchesContradict, deviationClosed, deviationOpen, travelLate, closedLost, closedBySwitch, feedback, readBack, contact, response, proof
    // Panel.
    case selectorContradiction, selectorFlapping, buttonStuck, buttonFresh, buttonSettles, buttonConflict, bumpless
    // Supervision and the ways to safe.
    case supervisionTimeout, sequenceEnds, safeOnFault, safeOnTrip, safeOnOff
    case lifetime, proofInterval, retainedTrips, retainedFaults, retainedDuty, retainedWhole, adoptInside, adoptAway
    // The output gate.
    case gateBothLines, gateEnvelope, gateRest, gateAway, gateSafe, gateMinimumOff, gateSlew, gateShare, gatePulse
}

#if MUTATION
/// Tests only: the check that is left out.
nonisolated(unsafe) public var removedCheck: Check?

@inline(__always) func enforced(_ check: Check) -> Bool { removedCheck != check }
#else
@inline(__always) func enforced(_ check: Check) -> Bool { true }
#endif
