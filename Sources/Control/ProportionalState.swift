// A time-proportional output: on for a share of each period.

import Calibration

struct ProportionalState {
    private(set) var setpoint: Int
    /// The share as it is ramped and given, permille.
    private(set) var share: Int
    private(set) var isOn: Bool

    private let period: Int
    private let minimumOn: Int
    private let minimumOff: Int
    private let safePermille: Int
    private var slew: Int
    /// Thousandths of a permille, on the way to the setpoint.
    private var ramped: Int
    private var intoPeriod: Int
    /// On from the start of the period until so far into it; never 0 again once something was on.
    private var onUntil = 0
    private var offFor: Int
    private var onFor = 0
    /// The share with which the period began.
    private var begun = 0
    /// Millisecond-permilles of being on that the share leaves now.
    private var budget: Int
    /// How long it has been as it is in its safe state.
    private var quiet: Int

    init(_ output: TimeProportional, _ envelope: Envelope, _ safeState: SafeState) {
        period = output.periodMilliseconds
        minimumOn = output.minimumOnMilliseconds
        minimumOff = output.minimumOffMilliseconds
        safePermille = safeState == .open ? 1000 : 0
        slew = envelope.slewPermillePerSecond
        setpoint = safePermille
        share = safePermille
        ramped = safePermille * 1000
        isOn = safeState == .open
        intoPeriod = period
        offFor = 0
        quiet = period
        budget = period * envelope.maximumPermille
    }

    mutating func adopt(_ envelope: Envelope) { slew = envelope.slewPermillePerSecond }

    mutating func accept(_ permille: Int) { setpoint = permille }

    @inline(__always) var isAway: Bool { share != safePermille || isOn != (safePermille == 1000) }

    /// The share it is held against: that of a pulse that still lasts as well.
    var furthest: Int { isOn ? max(share, begun) : share }

    /// It has been as in its safe state for a whole period.
    var isQuiet: Bool { quiet >= period }

    mutating func decide(safeDemanded: Bool, mayStart: Bool, maximum: Int, _ elapsed: Int, _ tick: Int) -> Bool {
        intoPeriod = min(intoPeriod + elapsed, period)
        account(elapsed, maximum)
        if safeDemanded { setpoint = safePermille }
        ramp(min(elapsed, 2 * tick), safeDemanded)
        if safeDemanded {
            if isOn { onUntil = min(onUntil, max(intoPeriod, 1)) }
            isOn = safePermille == 1000
            return isOn
        }
        if safePermille == 1000, share == 1000 {
            // Safe is nothing of a period: on for good.
            (intoPeriod, onUntil) = (period, 0)
            isOn = isOn || offFor >= minimumOff || !enforced(.minimumOff)
            return isOn
        }
        let wanted = onTime(min(share, enforced(.periodShare) ? maximum : 1000))
        // The next period may begin early where nothing was on in this one, and late after a pause that is
        // too short yet: two pulses never begin less than a period apart.
        let mayBegin = isOn || wanted == 0 || offFor >= minimumOff || !enforced(.minimumOff)
        if mayBegin, intoPeriod >= period || onUntil == 0 && wanted > 0 {
            (intoPeriod, begun) = (0, share)
            onUntil = mayStart || isOn ? affordable(wanted, maximum: maximum) : 0
        } else if isOn, wanted < onUntil {
            onUntil = max(wanted, min(minimumOn, onUntil), intoPeriod)
        }
        isOn = intoPeriod < onUntil || isOn && onFor < minimumOn && enforced(.minimumOn)
        return isOn
    }

    /// The time that has passed: what the share leaves, how long it has been off, on, and as it is when safe.
    private mutating func account(_ elapsed: Int, _ maximum: Int) {
        budget = min(period * maximum, budget + elapsed * maximum - (isOn ? elapsed * 1000 : 0))
        offFor = isOn ? 0 : min(offFor + elapsed, minimumOff)
        onFor = isOn ? min(onFor + elapsed, minimumOn) : 0
        quiet = isOn == (safePermille == 1000) ? min(quiet + elapsed, period) : 0
    }

    /// What one period may use is there again after a period; what a late tick or another phase has taken from
    /// it makes the next pulse shorter. One that would be too short is left out.
    private func affordable(_ wanted: Int, maximum: Int) -> Int {
        guard maximum < 1000, enforced(.periodShare) else { return wanted }
        let time = min(wanted, budget / (1000 - maximum))
        return time < max(minimumOn, 1) ? 0 : time
    }

    private mutating func ramp(_ elapsed: Int, _ safeDemanded: Bool) {
        let target = setpoint * 1000
        let isAwayFromSafe = safePermille == 0 ? target > ramped : target < ramped
        if slew > 0, isAwayFromSafe, !safeDemanded, enforced(.slew) {
            ramped = target > ramped ? min(target, ramped + slew * elapsed) : max(target, ramped - slew * elapsed)
        } else {
            ramped = target
        }
        share = ramped / 1000
    }

    /// Milliseconds on in a period; pulses and pauses that are too short are left out.
    private func onTime(_ permille: Int) -> Int {
        let time = period * permille / 1000
        if time < (enforced(.minimumOn) ? max(minimumOn, 1) : 1) { return 0 }
        let pause = period - time
        guard pause > 0, pause < minimumOff, enforced(.minimumOff) else { return time }
        // The longer pause is inside every limit.
        return max(period - minimumOff, 0)
    }
}
