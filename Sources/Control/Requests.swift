// The one way in for a wish: a request is accepted whole or refused with a reason.

import Calibration

extension Control {
    mutating func take(_ request: Request) -> Outcome {
        Outcome(identifier: request.identifier, reason: carryOut(request))
    }

    private mutating func carryOut(_ request: Request) -> Reason {
        switch request.order {
        case .setpoint(let a, let permille): takeSetpoint(a, permille, request.issuers)
        case .select(let a, let permille): takeSelection(a, permille, request.issuers)
        case .renew(let a): takeRenewal(a, request.issuers)
        case .release(let a): takeRelease(a, request.issuers)
        case .phase(let phase): takePhase(phase, request.issuers)
        case .bypass(let trip, let minutes): takeBypass(trip, minutes, request.issuers)
        case .partialStroke(let a): takePartialStroke(a, request.issuers)
        }
    }

    private func isActuator(_ a: Int) -> Bool { a >= 0 && a < actuators.count }

    // MARK: positions

    private mutating func takeSetpoint(_ a: Int, _ permille: Int, _ issuers: UInt32) -> Reason {
        guard isActuator(a) else { return .unknownActuator }
        let reason = refusalOfRemote(a, permille, issuers)
        guard reason == .none else { return reason }
        actuators[a].selection.clear()
        lease(a, permille, issuers)
        let old = setpoint(of: a)
        let isSmall = actuators[a].isContinuous && permille != 0 && permille != 1000 && old != 0
            && abs(permille - old) < actuators[a].envelope.deadBandPermille
        if isSmall, enforced(.deadBand) { return .none }
        setpoint(a, permille)
        return .none
    }

    private func refusalOfRemote(_ a: Int, _ permille: Int, _ issuers: UInt32) -> Reason {
        let position = refusalOfPosition(a, permille, checksObstacle: false)
        guard position == .none else { return position }
        let local = refusalByMode(a)
        guard local == .none else { return local }
        // Towards safe nobody's leave is asked for.
        if permille == actuators[a].safePermille, actuators[a].safeState != .last { return .none }
        let authority = refusalByAuthority(a, permille, issuers)
        return authority == .none ? obstacleToward(a, permille) : authority
    }

    /// Who may move it at all: the holder of its lease, enough signers, and whoever announced just this.
    private func refusalByAuthority(_ a: Int, _ permille: Int, _ issuers: UInt32) -> Reason {
        let holder = actuators[a].lease.holder
        if holder != 0, holder & issuers == 0, enforced(.lease) { return .leaseHeld }
        if issuers.nonzeroBitCount < actuators[a].governance.approvals, enforced(.approvals) { return .approvals }
        let isAnnounced = actuators[a].governance.selectMilliseconds == 0 || actuators[a].selection.covers(issuers, permille)
        return isAnnounced || !enforced(.select) ? .none : .notSelected
    }

    private func refusalByMode(_ a: Int) -> Reason {
        switch mode(of: a) {
        case .hand where enforced(.localAuthority): .localAuthority
        case .off where enforced(.selectorOff): .selectorOff
        default: .none
        }
    }

    private mutating func lease(_ a: Int, _ permille: Int, _ issuers: UInt32) {
        let milliseconds = actuators[a].governance.leaseMilliseconds
        guard milliseconds > 0, permille != actuators[a].safePermille else { return }
        if actuators[a].lease.holder == 0 { events.append(.leaseBegan, index: UInt8(a), value: Int64(issuers)) }
        actuators[a].lease.give(issuers, milliseconds: milliseconds)
    }

    /// Why a position may not be asked for now, by whomever, local or remote.
    func refusalOfPosition(_ a: Int, _ permille: Int, checksObstacle: Bool = true) -> Reason {
        let actuator = actuators[a]
        if actuator.isContinuous {
            let limits = enforced(.phaseLimitPosition) ? (actuator.minimum, actuator.maximum) : (actuator.envelope.minimumPermille, actuator.envelope.maximumPermille)
            let isInside = permille == 0 || permille >= max(limits.0, 1) && permille <= limits.1
            if !isInside, enforced(.limitPosition) { return .limitPosition }
            if !(0...1000).contains(permille) { return .limitPosition }
        } else {
            if permille != 0, permille != 1000, enforced(.notAPosition) { return .notAPosition }
            if permille > actuator.maximum, enforced(.phaseLimitPosition) { return .limitPosition }
        }
        if !isSupervised, enforced(.supervised) { return .supervisionLost }
        if actuator.fault != .none, enforced(.faulted) { return .faulted }
        if actuator.isTripped, enforced(.tripped) { return .tripped }
        if actuator.kind == .motorValve {
            let valve = valves[actuator.position]
            if valve.mode == .unreferenced, enforced(.referenced) { return .notReferenced }
            if valve.isProving, permille != actuator.safePermille, enforced(.proofRunning) { return .proofRunning }
        }
        if actuator.isReturning, permille != actuator.safePermille, enforced(.returning) { return .maximumAway }
        return checksObstacle ? obstacleToward(a, permille) : .none
    }

    /// Why it may not go there now: towards safe only what wears it out stands against it.
    private func obstacleToward(_ a: Int, _ permille: Int) -> Reason {
        if permille == actuators[a].safePermille { return .none }
        if isFurther(a, permille) { return obstacle(a) }
        return actuators[a].startsExhausted ? .startsPerHour : .none
    }

    /// Further from safe than it is.
    private func isFurther(_ a: Int, _ permille: Int) -> Bool {
        // Of a relay of which it is not known where it is, the worst.
        let isUnknown = actuators[a].kind == .latchingRelay && !relays[actuators[a].position].isKnown
        let present = isUnknown ? actuators[a].safePermille : self.permille(of: a)
        return actuators[a].safeState == .open ? permille < present : permille > present
    }

    private mutating func takeSelection(_ a: Int, _ permille: Int, _ issuers: UInt32) -> Reason {
        guard isActuator(a) else { return .unknownActuator }
        let reason = refusalOfPosition(a, permille, checksObstacle: false)
        guard reason == .none else { return reason }
        let local = refusalByMode(a)
        guard local == .none else { return local }
        actuators[a].selection.announce(issuers, permille, milliseconds: actuators[a].governance.selectMilliseconds)
        events.append(.selected, index: UInt8(a), value: Int64(permille))
        return .none
    }

    // MARK: leases

    private mutating func takeRenewal(_ a: Int, _ issuers: UInt32) -> Reason {
        guard isActuator(a) else { return .unknownActuator }
        guard actuators[a].lease.holder & issuers != 0 || !enforced(.noLease) else { return .noLease }
        actuators[a].lease.give(issuers, milliseconds: actuators[a].governance.leaseMilliseconds)
        return .none
    }

    private mutating func takeRelease(_ a: Int, _ issuers: UInt32) -> Reason {
        guard isActuator(a) else { return .unknownActuator }
        guard actuators[a].lease.holder & issuers != 0 || !enforced(.noLease) else { return .noLease }
        actuators[a].lease.clear()
        events.append(.leaseEnded, .released, index: UInt8(a), value: 0)
        setpoint(a, actuators[a].safePermille)
        return .none
    }

    // MARK: phases and bypasses

    private mutating func takePhase(_ wanted: Int, _ issuers: UInt32) -> Reason {
        guard wanted >= 0, wanted < phaseCount else { return .unknownPhase }
        guard isSupervised || !enforced(.supervised) else { return .supervisionLost }
        for a in actuators.indices where !isInside(a, actuators[a].envelope.limits(inPhase: wanted)) && enforced(.phaseInside) { return .phaseLimits }
        guard wanted != phase else { return .none }
        for a in actuators.indices where issuers.nonzeroBitCount < actuators[a].governance.approvals && loosens(a, wanted) {
            if enforced(.approvals) { return .approvals }
        }
        enter(phase: wanted)
        retainedRevision &+= 1
        events.append(.phaseChanged, index: 0, value: Int64(wanted))
        return .none
    }

    /// Whether a phase gives an actuator wider limits than it has now, or disarms one of its trips.
    private func loosens(_ a: Int, _ wanted: Int) -> Bool {
        if actuators[a].envelope.limits(inPhase: wanted).maximum > actuators[a].maximum { return true }
        for trip in trips where trip.actuators & 1 << UInt32(a) != 0 {
            if trip.isArmed(inPhase: phase), !trip.isArmed(inPhase: wanted) { return true }
        }
        return false
    }

    /// Whether an actuator stands, and is asked to stand, inside limits: by the furthest that it can be open.
    func isInside(_ a: Int, _ limits: (minimum: Int, maximum: Int)) -> Bool {
        let asked = setpoint(of: a)
        guard asked == 0 || asked >= limits.minimum, asked <= limits.maximum else { return false }
        // Of one at fault it is not known where it is.
        if actuators[a].fault != .none { return limits.maximum == 1000 }
        if actuators[a].kind == .motorValve { return valves[actuators[a].position].furthestPermille <= limits.maximum }
        if actuators[a].kind == .timeProportional { return proportionals[actuators[a].position].furthest <= limits.maximum }
        return permille(of: a) <= limits.maximum
    }

    mutating func enter(phase new: Int) {
        phase = new
        for a in actuators.indices {
            actuators[a].enter(phase: new)
            setLimits(a)
        }
    }

    /// Hands the limits that hold now to whoever keeps them.
    mutating func setLimits(_ a: Int) {
        gate.limit(a, actuators[a].envelope, maximum: actuators[a].maximum)
        if actuators[a].kind == .motorValve { valves[actuators[a].position].limit(minimum: actuators[a].minimum, maximum: actuators[a].maximum) }
    }

    private mutating func takeBypass(_ trip: Int, _ minutes: Int, _ issuers: UInt32) -> Reason {
        guard trip >= 0, trip < trips.count else { return .unknownTrip }
        guard minutes > 0 else {
            if trips[trip].isBypassed { events.append(.bypassEnded, index: firstActuator(of: trip), value: Int64(trip)) }
            trips[trip].bypass(milliseconds: 0)
            return .none
        }
        if trips[trip].isEssential || trips[trip].bypassMaximumMinutes == 0, enforced(.bypassAllowed) { return .bypassForbidden }
        // One that stands is not made longer: it ends first, and is told.
        if minutes > trips[trip].bypassMaximumMinutes || trips[trip].isBypassed, enforced(.bypassLength) { return .bypassTooLong }
        if trips[trip].restMilliseconds > 0, enforced(.bypassRest) { return .bypassRest }
        for a in actuators.indices where trips[trip].actuators & 1 << UInt32(a) != 0 && enforced(.approvals) {
            if issuers.nonzeroBitCount < actuators[a].governance.approvals { return .approvals }
        }
        trips[trip].bypass(milliseconds: minutes * 60_000)
        events.append(.bypassBegan, index: firstActuator(of: trip), value: Int64(trip))
        return .none
    }

    // MARK: proof tests

    private mutating func takePartialStroke(_ a: Int, _ issuers: UInt32) -> Reason {
        guard isActuator(a) else { return .unknownActuator }
        guard actuators[a].kind == .motorValve else { return .proofImpossible }
        let local = refusalByMode(a)
        guard local == .none else { return local }
        let position = actuators[a].position
        let reason = refusalOfPosition(a, setpoint(of: a), checksObstacle: false)
        guard reason == .none else { return reason }
        // A test is announced by the position to which it comes back.
        let authority = refusalByAuthority(a, setpoint(of: a), issuers)
        guard authority == .none else { return authority }
        let obstacle = obstacle(a)
        guard obstacle == .none else { return obstacle }
        guard valves[position].beginProof(maximum: actuators[a].maximum) else { return .proofImpossible }
        actuators[a].selection.clear()
        return .none
    }
}

extension Control {
    /// Why an actuator may not leave its safe state, whoever asks, as it is now: requests of one step see what
    /// those before them did.
    func obstacle(_ a: Int) -> Reason {
        if actuators[a].isReturning, enforced(.returning) { return .maximumAway }
        // A motor that runs may finish its way: it has started already.
        if actuators[a].startsExhausted, actuators[a].kind != .motorValve || !actuators[a].wasDriven { return .startsPerHour }
        if actuators[a].runningExhausted { return .runningTime }
        if hasLostFeedback(a), enforced(.feedbackLost) { return .feedbackLost }
        return interlocks.obstacle(a, self)
    }
}
