// Sensors: levels debounced, pulses made into flow, currents into values, and how good each of them is.

import Calibration

struct SensorState {
    enum Kind: UInt8 { case level, pulses, loop, voting }

    let kind: Kind
    /// Places among the inputs; -1 where there is none.
    private let line: Int
    private let antivalentLine: Int
    private let channel: Int
    private let activeReading: LineReading
    private let discrepancyMilliseconds: Int
    /// Value of a meter = pulses x scale / (milliseconds x divisor).
    private let scale: Int
    private let divisor: Int
    private let maximumPulsesPerSecond: Int
    private let loop: LoopScale
    private let plausibility: Plausibility
    private let faultMilliseconds: Int

    var debounce: Debounce
    var lastReading: LineReading = .unreadable
    /// Changes of a switch, or pulses of a meter, in the window.
    var windowCount = 0
    var windowMilliseconds = 0
    var agreeing = 0
    /// How long a switch has not stood still for its debounce.
    var unsettledFor = 0
    var lastCounts: Int32 = 0
    var sinceFresh = Int.max / 2
    var sinceMoved = 0
    var sinceAccepted = 0
    var hasAccepted = false
    var outsideFor = 0
    var badCount = 0

    private(set) var quality: Quality = .stale
    /// Why it is not good.
    private(set) var badness: Reason = .sensorStale
    /// Switch: 1 active, 0 not. The others in their unit.
    private(set) var value = 0
    /// Flow meter: microlitres since it was first read, over restarts.
    private(set) var total: UInt64 = 0

    /// Flow and chatter are counted over this window.
    static let windowLength = 1000
    /// A switch that changes more often than this in a window is at fault.
    static let changesMaximum = 12
    /// So is one that in so many times its debounce does not stand still for one of them.
    static let debouncesMaximum = 10

    init(_ sensor: Sensor, line: Int, channel: Int) {
        plausibility = sensor.plausibility
        switch sensor.source {
        case .switch(let value):
            kind = .level
            self.line = line
            antivalentLine = value.antivalentLine.utf8.isEmpty ? -1 : line + 1
            activeReading = value.activeWhenHigh ? .high : .low
            discrepancyMilliseconds = value.discrepancyMilliseconds
            debounce = Debounce(milliseconds: enforced(.debounce) ? value.debounceMilliseconds : 0)
            (self.channel, scale, divisor, maximumPulsesPerSecond, faultMilliseconds) = (-1, 0, 1, 0, 0)
            loop = LoopScale()
        case .flowMeter(let meter):
            kind = .pulses
            self.line = line
            (scale, divisor, maximumPulsesPerSecond) = (meter.microlitresPerPulse * 1000, 1, meter.maximumPulsesPerSecond)
            (antivalentLine, self.channel, activeReading, discrepancyMilliseconds, faultMilliseconds) = (-1, -1, .high, 0, 0)
            debounce = Debounce(milliseconds: 0)
            loop = LoopScale()
        case .frequency(let input):
            kind = .pulses
            self.line = line
            (scale, divisor, maximumPulsesPerSecond) = (1_000_000, input.pulsesPerTurn, input.maximumPulsesPerSecond)
            (antivalentLine, self.channel, activeReading, discrepancyMilliseconds, faultMilliseconds) = (-1, -1, .high, 0, 0)
            debounce = Debounce(milliseconds: 0)
            loop = LoopScale()
        case .analogue(let input):
            kind = .loop
            (self.line, self.channel) = (-1, channel)
            loop = LoopScale(input)
            faultMilliseconds = input.faultMilliseconds
            (antivalentLine, activeReading, discrepancyMilliseconds, scale, divisor, maximumPulsesPerSecond) = (-1, .high, 0, 0, 1, 0)
            debounce = Debounce(milliseconds: 0)
        case .voting:
            kind = .voting
            (self.line, self.channel, antivalentLine, activeReading) = (-1, -1, -1, .high)
            (discrepancyMilliseconds, scale, divisor, maximumPulsesPerSecond, faultMilliseconds) = (0, 0, 1, 0, 0)
            debounce = Debounce(milliseconds: 0)
            loop = LoopScale()
        }
    }

    var isUsable: Bool { quality.isUsable }

    /// - Parameter was: whether it held in the step before, for the hysteresis.
    func holds(_ condition: Condition, hysteresis: Int, was: Bool) -> Bool {
        let back = was && enforced(.hysteresis) ? hysteresis : 0
        return switch condition {
        case .active: value == 1
        case .inactive: value == 0
        case .above(let limit): value > limit - back
        case .below(let limit): value < limit + back
        }
    }

    mutating func sample(_ inputs: Inputs, _ elapsed: Int, _ tick: Int) {
        switch kind {
        case .level: sampleSwitch(inputs, elapsed, tick)
        case .pulses: sampleMeter(inputs.lines[line], Int(inputs.pulses[line]), elapsed)
        case .loop: sampleLoop(inputs.analogues[channel], elapsed)
        case .voting: break
        }
    }

    /// What the members of a voting gave.
    mutating func vote(_ value: Int, _ quality: Quality, _ badness: Reason) {
        self.value = value
        self.quality = quality
        self.badness = badness
    }

    private mutating func judge(_ quality: Quality, _ reason: Reason) {
        self.quality = quality
        badness = reason
    }

    // MARK: switches

    private mutating func sampleSwitch(_ inputs: Inputs, _ elapsed: Int, _ tick: Int) {
        var reading = inputs.lines[line]
        windowMilliseconds += elapsed
        defer {
            if windowMilliseconds >= Self.windowLength {
                windowCount = 0
                windowMilliseconds = 0
            }
        }
        if antivalentLine >= 0 { reading = resolved(reading, inputs.lines[antivalentLine], min(elapsed, 2 * tick)) }
        if reading != lastReading, lastReading != .unreadable { windowCount = min(windowCount + 1, Self.changesMaximum + 1) }
        lastReading = reading
        debounce.sample(reading, elapsed, bound: 2 * tick)
        unsettledFor = debounce.isSettled ? 0 : min(unsettledFor + min(elapsed, 2 * tick), Self.debouncesMaximum * debounce.milliseconds)
        let isRestless = !debounce.isSettled && unsettledFor >= Self.debouncesMaximum * debounce.milliseconds && enforced(.unsettled)
        let chatters = windowCount > Self.changesMaximum && enforced(.chatter) || isRestless
        if debounce.value == .unreadable {
            judge(.stale, .sensorStale)
        } else if agreeing >= discrepancyMilliseconds, antivalentLine >= 0, enforced(.discrepancy), agreeing > 0 {
            judge(.fault, .sensorDiscrepancy)
        } else if chatters {
            judge(.fault, .sensorChatter)
        } else if quality != .fault || badness != .sensorChatter || windowMilliseconds >= Self.windowLength {
            // Out of chatter only after a whole quiet window.
            judge(.good, .none)
        }
        if debounce.value != .unreadable { value = debounce.value == activeReading ? 1 : 0 }
    }

    /// The level that two contacts agree to differ on; while they do not, the one before, if there was one.
    private mutating func resolved(_ one: LineReading, _ other: LineReading, _ elapsed: Int) -> LineReading {
        if one == .unreadable || other == .unreadable { return .unreadable }
        guard one == other else {
            agreeing = 0
            return one
        }
        agreeing = min(agreeing + elapsed, discrepancyMilliseconds)
        return lastReading
    }

    // MARK: meters

    private mutating func sampleMeter(_ reading: LineReading, _ pulses: Int, _ elapsed: Int) {
        windowMilliseconds += elapsed
        windowCount = min(windowCount + pulses, Int(UInt32.max))
        let isWhole = windowMilliseconds >= Self.windowLength
        defer {
            if isWhole {
                windowCount = 0
                windowMilliseconds = 0
            }
        }
        guard reading != .unreadable else { return judge(.stale, .sensorStale) }
        let allowed = maximumPulsesPerSecond * (windowMilliseconds + 1000) / 1000 + 1
        if windowCount > allowed, enforced(.meterLimit) { return judge(.fault, .sensorFault) }
        let (sum, overflow) = total.addingReportingOverflow(UInt64(pulses) * UInt64(scale / 1000))
        total = overflow ? .max : sum
        guard isWhole else { return }
        accept(windowCount * scale / (windowMilliseconds * divisor), windowMilliseconds, .good, .none)
    }

    /// What was kept; a start counts on from there.
    mutating func restore(total kept: UInt64) { total = kept }

    // MARK: loops

    private mutating func sampleLoop(_ reading: AnalogueReading, _ elapsed: Int) {
        // The time that a fresh reading speaks for: steps come oftener than samples.
        let gap = min(sinceFresh + elapsed, Int(Int32.max))
        sinceFresh = reading.isFresh ? 0 : min(sinceFresh + elapsed, Int(Int32.max))
        sinceMoved = reading.isFresh && reading.counts != lastCounts ? 0 : min(sinceMoved + elapsed, Int(Int32.max))
        if sinceFresh >= plausibility.staleMilliseconds, enforced(.stale) { return judge(.stale, .sensorStale) }
        guard reading.isFresh else { return waited(elapsed) }
        lastCounts = reading.counts
        let microamperes = loop.microamperes(Int(reading.counts))
        let isFault = microamperes < 3600 || microamperes > 21_000
        outsideFor = isFault ? min(outsideFor + max(gap, 1), Int(Int32.max)) : 0
        if isFault, enforced(.loopCurrent) {
            // Until it has lasted, the last value stands.
            if outsideFor > faultMilliseconds { judge(.fault, .sensorCurrent) }
            return waited(elapsed)
        }
        if plausibility.stuckMilliseconds > 0, sinceMoved >= plausibility.stuckMilliseconds, enforced(.stuck) {
            return judge(.fault, .sensorStuck)
        }
        let isSaturated = (microamperes < 3800 || microamperes > 20_500) && enforced(.loopSaturation)
        accept(loop.value(microamperes), elapsed, isSaturated ? .outOfSpecification : .good, isSaturated ? .sensorSaturated : .none)
    }

    private mutating func waited(_ elapsed: Int) { sinceAccepted = min(sinceAccepted + elapsed, Int(Int32.max)) }

    /// Takes a sample over, unless it has moved faster than anything can; some of those on end are a fault.
    private mutating func accept(_ sample: Int, _ elapsed: Int, _ quality: Quality, _ reason: Reason) {
        waited(elapsed)
        let allowed = plausibility.maximumRatePerSecond * max(sinceAccepted, 1)
        if hasAccepted, plausibility.maximumRatePerSecond > 0, abs(sample - value) * 1000 > allowed, enforced(.rate) {
            badCount = min(badCount + 1, plausibility.badSamples)
            if badCount >= plausibility.badSamples || !enforced(.badSamples) { judge(.fault, .sensorRate) }
            return
        }
        badCount = 0
        sinceAccepted = 0
        hasAccepted = true
        value = sample
        judge(quality, reason)
    }
}

/// A 4-20 mA input's scaling, taken apart once.
struct LoopScale {
    var countsAt4 = 0
    var span = 1
    var c0 = 0
    var c1 = 0
    var c2 = 0
    var c3 = 0

    init() {}

    init(_ input: AnalogueInput) {
        countsAt4 = input.countsAt4Milliamperes
        span = input.countsAt20Milliamperes - countsAt4
        let c = input.coefficients
        c0 = c[0]
        c1 = c.count > 1 ? c[1] : 0
        c2 = c.count > 2 ? c[2] : 0
        c3 = c.count > 3 ? c[3] : 0
    }

    func microamperes(_ counts: Int) -> Int { 4000 + (counts - countsAt4) * 16000 / span }

    /// As `AnalogueInput.value`, without its array. A current far outside is brought to where NE 43 ends first.
    func value(_ microamperes: Int) -> Int {
        let x = (min(max(microamperes, 0), 25_000) - 4000) * 125 / 2
        return c0 + (c1 + (c2 + c3 * x / 1_000_000) * x / 1_000_000) * x / 1_000_000
    }
}

/// K out of N.
struct VotingState {
    let sensor: Int
    let first: Int
    let second: Int
    /// -1 where two vote.
    let third: Int
    private let scheme: VotingScheme
    private let deviation: Int
    private let deviationMilliseconds: Int
    private let areSwitches: Bool
    var deviatingFor = 0
    private(set) var isDeviating = false

    init(_ voting: Voting, sensor: Int, areSwitches: Bool) {
        self.sensor = sensor
        scheme = voting.scheme
        first = voting.members[0]
        second = voting.members[1]
        third = voting.members.count > 2 ? voting.members[2] : -1
        deviation = voting.deviation
        deviationMilliseconds = voting.deviationMilliseconds
        self.areSwitches = areSwitches
    }

    /// How many members must say so, of those that are usable; nil if too few are.
    func needed(usable: Int) -> Int? {
        guard enforced(.votingLost) else { return max(1, min(usable, scheme == .oneOutOfTwo ? 1 : 2)) }
        switch scheme {
        case .oneOutOfTwo: return usable == 2 ? 1 : nil
        case .twoOutOfTwo: return usable == 0 ? nil : usable
        case .twoOutOfThree: return usable == 3 ? 2 : usable == 2 ? 1 : nil
        }
    }

    var members: Int { third >= 0 ? 3 : 2 }

    /// True in the step in which the alarm comes or goes.
    mutating func watch(lowest: Int, highest: Int, usable: Int, _ elapsed: Int) -> Bool {
        let apart = usable > 1 && highest - lowest > deviation && enforced(.votingDeviation)
        deviatingFor = apart ? min(deviatingFor + elapsed, deviationMilliseconds) : 0
        let stands = apart && deviatingFor >= deviationMilliseconds
        guard stands != isDeviating else { return false }
        isDeviating = stands
        return true
    }

    /// The value that is shown: the middle one of three, the mean of two; of switches what the vote says.
    func shown(_ lowest: Int, _ highest: Int, _ sum: Int, usable: Int, active: Int) -> Int {
        if areSwitches { return active >= (needed(usable: usable) ?? 1) ? 1 : 0 }
        return usable == 3 ? sum - lowest - highest : usable > 0 ? sum / usable : 0
    }
}

extension Control {
    mutating func sense(_ inputs: Inputs, _ elapsed: Int) {
        for i in sensors.indices where sensors[i].kind != .voting {
            let (quality, value) = (sensors[i].quality, sensors[i].value)
            sensors[i].sample(inputs, elapsed, tickMilliseconds)
            tellSensor(i, quality, value)
        }
        for v in votings.indices {
            let i = votings[v].sensor
            let (quality, value) = (sensors[i].quality, sensors[i].value)
            vote(v, elapsed)
            tellSensor(i, quality, value)
        }
    }

    private mutating func tellSensor(_ i: Int, _ quality: Quality, _ value: Int) {
        if sensors[i].quality != quality {
            events.append(.sensorQuality, sensors[i].badness, index: pointIndex(sensor: i), value: Int64(sensors[i].quality.rawValue))
        }
        if isSwitch[i], sensors[i].value != value {
            events.append(.sensorChanged, index: pointIndex(sensor: i), value: Int64(sensors[i].value))
        }
    }

    private mutating func vote(_ v: Int, _ elapsed: Int) {
        var (lowest, highest, sum, usable, active) = (Int.max, Int.min, 0, 0, 0)
        func count(_ member: Int) {
            guard member >= 0, sensors[member].isUsable else { return }
            let value = sensors[member].value
            lowest = min(lowest, value)
            highest = max(highest, value)
            sum += value
            usable += 1
            if value == 1 { active += 1 }
        }
        count(votings[v].first)
        count(votings[v].second)
        count(votings[v].third)
        let shown = votings[v].shown(lowest, highest, sum, usable: usable, active: active)
        let i = votings[v].sensor
        if votings[v].needed(usable: usable) == nil {
            sensors[i].vote(sensors[i].value, .fault, .sensorFault)
        } else {
            let isWhole = usable == votings[v].members
            sensors[i].vote(shown, isWhole ? .good : .maintenance, isWhole ? .none : .memberLost)
        }
        if votings[v].watch(lowest: lowest, highest: highest, usable: usable, elapsed) {
            events.append(votings[v].isDeviating ? .deviation : .deviationCleared, index: pointIndex(sensor: i), value: Int64(usable > 1 ? highest - lowest : 0))
        }
    }

    /// Whether a condition holds for a sensor, or for enough of those that vote in it.
    func holds(_ condition: Condition, hysteresis: Int = 0, was: Bool = false, sensor i: Int) -> Bool {
        guard sensors[i].kind == .voting else { return sensors[i].holds(condition, hysteresis: hysteresis, was: was) }
        let voting = votings[votingOf[i]]
        var (usable, yes) = (0, 0)
        func ask(_ member: Int) {
            guard member >= 0, sensors[member].isUsable else { return }
            usable += 1
            if sensors[member].holds(condition, hysteresis: hysteresis, was: was) { yes += 1 }
        }
        ask(voting.first)
        ask(voting.second)
        ask(voting.third)
        guard let needed = voting.needed(usable: usable) else { return false }
        return yes >= (enforced(.votingCount) ? needed : needed + 1)
    }
}
