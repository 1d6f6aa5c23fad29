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
    }

    mutating func adopt(_ envelope: Envelope) { slew = envelope.slewPermillePerSecond }

    mutating func accept(_ permille: Int) { setpoint = permille }

    var isAway: Bool { share != safePermille || isOn != (safePermille == 1000) }

    mutating func decide(safeDemanded: Bool, mayStart: Bool, maximum: Int, _ elapsed: Int, _ tick: Int) -> Bool {
        intoPeriod = min(intoPeriod + elapsed, Int(Int32.max))
        if safeDemanded { setpoint = safePermille }
        ramp(min(elapsed, 2 * tick), safeDemanded)
        if safeDemanded {
            if isOn { onUntil = min(onUntil, max(intoPeriod, 1)) }
            isOn = safePermille == 1000
            return isOn
        }
        let wanted = onTime(min(share, enforced(.periodShare) ? maximum : 1000))
        // The next period may begin early where nothing was on in this one: two pulses never begin less
        // than a period apart.
        if intoPeriod >= period || onUntil == 0 && wanted > 0 {
            intoPeriod = 0
            onUntil = mayStart || isOn ? wanted : 0
        } else if isOn, wanted < onUntil {
            onUntil = max(wanted, min(minimumOn, onUntil), intoPeriod)
        }
        isOn = intoPeriod < onUntil
        return isOn
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
