// Arbitrary legal calibrations, from a seed: every kind of actuator, sensor and interlock with all of its
// options, at times and sizes that a run of some minutes of plant time can exhaust.

import Calibration
import SeededRandom

/// What a calibration is made of; each draw is one choice of its author.
public struct Generator {
    private var random: Seeded
    private var tick = 50
    private var phases: [String] = []
    private var resets: [Reset] = []
    private var selectors: [Selector] = []
    private var sensors: [Sensor] = []
    private var actuators: [Actuator] = []
    private var trips: [Trip] = []
    private var interlocks: [NamedInterlock] = []

    private init(_ random: Seeded) { self.random = random }

    /// The first legal one from this seed; most are at the first attempt.
    public static func calibration(seed: UInt64) -> Calibration {
        var random = Seeded(seed)
        for _ in 0..<1000 {
            var generator = Generator(Seeded(random.next()))
            if let calibration = try? generator.draw() { return calibration }
        }
        fatalError("no legal calibration from seed \(seed)")
    }

    private mutating func draw() throws(CalibrationError) -> Calibration {
        tick = [10, 20, 50, 100][random.below(4)]
        for i in 0..<[0, 0, 2, 3][random.below(4)] { phases.append("phase-\(i)") }
        for i in 0..<random.within(1...2) {
            resets.append(Reset(name: "reset-\(i)", line: "reset-\(i)", holdMilliseconds: random.within(50...1500)))
        }
        for i in 0..<[0, 0, 1, 2][random.below(4)] {
            selectors.append(Selector(
                name: "selector-\(i)", handLine: "selector-\(i)-hand", autoLine: "selector-\(i)-auto", debounceMilliseconds: random.below(4) * tick,
                changesMaximum: random.within(2...8), buttonMaximumMilliseconds: random.within(1000...10_000)))
        }
        for _ in 0..<random.within(1...4) { addSensor() }
        if random.oneIn(3) { addVoting() }
        for _ in 0..<random.within(1...4) { addActuator() }
        for _ in 0..<random.below(4) { addTrip() }
        for _ in 0..<random.below(4) { addInterlock() }
        return try Calibration(Calibration.Content(
            version: 1, board: "bench", tickMilliseconds: tick, supervisionTimeoutMilliseconds: max(100, random.within(4...40) * tick),
            phases: phases, resets: resets, selectors: selectors, sensors: sensors, actuators: actuators, trips: trips, interlocks: interlocks))
    }

    private mutating func some(_ range: ClosedRange<Int>) -> Int { random.oneIn(2) ? 0 : random.within(range) }

    // MARK: sensors

    private mutating func addSensor() {
        switch random.below(5) {
        case 0, 1: addSwitch()
        case 2: addMeter()
        default: addAnalogue()
        }
    }

    private mutating func addSwitch() {
        let name = "sensor-\(sensors.count)"
        let isPair = random.oneIn(3)
        sensors.append(Sensor(name: name, source: .switch(Switch(
            line: name, antivalentLine: isPair ? name + "-not" : "", discrepancyMilliseconds: isPair ? random.within(2...6) * tick : 0,
            debounceMilliseconds: random.below(4) * tick * 2 / 3, activeWhenHigh: random.oneIn(2)))))
    }

    private mutating func addMeter() {
        let name = "sensor-\(sensors.count)"
        let maximum = random.within(20...500)
        let hasRoom = sensors.count { if case .flowMeter = $0.source { true } else { false } } < Calibration.flowMetersMaximum
        let isFlow = random.oneIn(2) && hasRoom
        let perPulse = random.within(1...50_000)
        let turns = random.within(1...20)
        let top = isFlow ? perPulse * maximum : maximum * 1000 / turns
        let plausibility = Plausibility(maximumRatePerSecond: random.oneIn(3) ? max(1, top / 3) : 0, badSamples: random.within(1...2))
        sensors.append(Sensor(
            name: name,
            source: isFlow
                ? .flowMeter(FlowMeter(line: name, microlitresPerPulse: perPulse, maximumPulsesPerSecond: maximum))
                : .frequency(FrequencyInput(line: name, pulsesPerTurn: turns, maximumPulsesPerSecond: maximum)),
            plausibility: plausibility))
    }

    private mutating func addAnalogue() {
        let name = "sensor-\(sensors.count)"
        let low = random.within(-30_000...30_000)
        let span = random.within(2000...30_000) * (random.oneIn(4) ? -1 : 1)
        let slope = random.within(2000...200_000) * (random.oneIn(4) ? -1 : 1)
        var coefficients = [random.within(-100_000...100_000), slope]
        if random.oneIn(3) { coefficients.append(slope / 10) }
        sensors.append(Sensor(
            name: name,
            source: .analogue(AnalogueInput(
                channel: name, countsAt4Milliamperes: low, countsAt20Milliamperes: low + span, coefficients: coefficients, unit: "bar",
                faultMilliseconds: random.below(5) * tick)),
            plausibility: Plausibility(
                staleMilliseconds: random.within(3...20) * tick, stuckMilliseconds: random.oneIn(4) ? random.within(100...400) * tick : 0,
                maximumRatePerSecond: random.oneIn(3) ? abs(slope) : 0, badSamples: random.within(1...4))))
    }

    /// Two or three sensors of a kind, and what votes over them.
    private mutating func addVoting() {
        let scheme: VotingScheme = [.oneOutOfTwo, .twoOutOfTwo, .twoOutOfThree][random.below(3)]
        let first = sensors.count
        if random.oneIn(2) { addSwitch() } else { addAnalogue() }
        for i in 1..<scheme.members {
            var member = sensors[first]
            member.name = "sensor-\(first + i)"
            switch member.source {
            case .switch(var value):
                value.line = member.name
                if !value.antivalentLine.isEmpty { value.antivalentLine = member.name + "-not" }
                member.source = .switch(value)
            case .analogue(var input):
                input.channel = member.name
                member.source = .analogue(input)
            default: break
            }
            sensors.append(member)
        }
        var deviation = 0
        if case .analogue(let input) = sensors[first].source { deviation = max(1, abs(input.coefficients[1]) / 20) }
        sensors.append(Sensor(name: "sensor-\(sensors.count)", source: .voting(Voting(
            scheme: scheme, members: Array(first..<first + scheme.members), deviation: deviation, deviationMilliseconds: random.below(20) * tick))))
    }

    // MARK: actuators

    private mutating func addActuator() {
        switch random.below(5) {
        case 0, 1: addMotorValve()
        case 2: addSolenoid()
        case 3: addProportional()
        default: addRelay()
        }
    }

    private mutating func governance(_ name: String) -> Governance {
        let selector = selectors.isEmpty || random.oneIn(3) ? nil : random.below(selectors.count)
        return Governance(
            selector: selector, openButton: selector != nil && !random.oneIn(4) ? name + "-button-open" : "",
            closeButton: selector != nil && !random.oneIn(4) ? name + "-button-close" : "",
            selectMilliseconds: random.oneIn(3) ? random.within(5...60) * tick : 0, approvals: random.oneIn(4) ? 2 : 1,
            leaseMilliseconds: random.oneIn(3) ? random.within(20...200) * tick : 0)
    }

    private mutating func phaseLimits(_ envelope: inout Envelope, continuous: Bool, safe: SafeState) {
        for phase in phases.indices where random.oneIn(2) {
            var maximum = continuous ? random.within(envelope.maximumPermille / 2...envelope.maximumPermille) : random.below(2) * 1000
            if random.oneIn(5) { maximum = 0 }
            if safe == .open { maximum = 1000 }
            envelope.phases.append(PhaseLimit(phase: phase, minimumPermille: maximum > 0 ? min(envelope.minimumPermille, maximum) : 0, maximumPermille: maximum))
        }
    }

    private mutating func addMotorValve() {
        let name = "actuator-\(actuators.count)"
        let safe: SafeState = [.closed, .closed, .open, .last][random.below(4)]
        let stroke = random.within(30...150) * tick
        let fastest = stroke * random.within(800...1000) / 1000
        let slowest = stroke * random.within(1000...1300) / 1000
        let maximum = safe == .open || random.oneIn(3) ? 1000 : random.within(300...1000)
        let isShort = random.oneIn(2)
        var envelope = Envelope(
            minimumPermille: random.below(150), maximumPermille: maximum, deadBandPermille: some(1...30),
            slewPermillePerSecond: random.oneIn(3) ? 1000_000 / stroke * random.within(10...80) / 100 : 0,
            maximumAwayMilliseconds: safe == .open || random.oneIn(2) ? 0 : slowest * random.within(isShort ? 2...4 : 5...20),
            startsPerHour: random.oneIn(4) ? random.within(3...40) : 0, runningMinutesPerHour: random.oneIn(5) ? random.within(1...3) : 0,
            lifetimeCycles: some(1...50))
        phaseLimits(&envelope, continuous: true, safe: safe)
        var feedback: PositionFeedback?
        if random.oneIn(3) {
            sensors.append(Sensor(
                name: name + "-position",
                source: .analogue(AnalogueInput(
                    channel: name + "-position", countsAt4Milliamperes: 4000, countsAt20Milliamperes: 20_000, coefficients: [0, 1_000_000],
                    unit: "permille", faultMilliseconds: 5 * tick)),
                plausibility: Plausibility(staleMilliseconds: 10 * tick)))
            // The window of strokes, an end switch's band and the coasting may lie between shown and true.
            feedback = PositionFeedback(sensor: sensors.count - 1, deviationPermille: random.within(350...500), deviationMilliseconds: random.within(3...20) * tick)
        }
        let proof = random.oneIn(2) ? ProofTest(strokePermille: random.within(100...250), intervalHours: some(1...2)) : nil
        actuators.append(Actuator(
            name: name,
            drive: .motorValve(MotorValve(
                openLine: name + "-open", closeLine: name + "-close", openEndLine: name + "-open-end", closedEndLine: name + "-closed-end",
                endSwitchDebounceMilliseconds: random.below(3) * tick / 2, endSwitchTolerancePermille: 60, strokeMilliseconds: stroke,
                strokeFastestMilliseconds: fastest, strokeSlowestMilliseconds: slowest, coastMilliseconds: random.below(tick),
                restMilliseconds: random.within(10...500), feedback: feedback, proofTest: proof)),
            envelope: envelope, governance: governance(name), safeState: safe, reset: random.below(resets.count)))
    }

    private mutating func addSolenoid() {
        let name = "actuator-\(actuators.count)"
        let safe: SafeState = [.closed, .closed, .open, .last][random.below(4)]
        let (on, off) = (some(1...40) * tick / 2, some(1...40) * tick / 2)
        var envelope = Envelope(
            maximumAwayMilliseconds: random.oneIn(2) ? 0 : max(on, off) + random.within(1...200) * tick,
            startsPerHour: random.oneIn(3) ? random.within(2...40) : 0, runningMinutesPerHour: random.oneIn(4) ? random.within(1...3) : 0,
            lifetimeCycles: some(1...50))
        phaseLimits(&envelope, continuous: false, safe: safe)
        actuators.append(Actuator(
            name: name,
            drive: .solenoid(Solenoid(
                line: name, energiseToOpen: !random.oneIn(3), minimumOnMilliseconds: on, minimumOffMilliseconds: off,
                travelMilliseconds: random.below(3) * tick)),
            envelope: envelope, governance: governance(name), safeState: safe, reset: random.below(resets.count)))
    }

    private mutating func addProportional() {
        let name = "actuator-\(actuators.count)"
        let safe: SafeState = random.oneIn(4) ? .open : .closed
        let period = max(500, random.within(20...100) * tick + random.below(tick))
        let maximum = safe == .open || random.oneIn(3) ? 1000 : random.within(100...1000)
        var envelope = Envelope(
            minimumPermille: random.below(100), maximumPermille: maximum, deadBandPermille: some(1...30),
            slewPermillePerSecond: random.oneIn(3) ? random.within(20...500) : 0,
            maximumAwayMilliseconds: random.oneIn(2) ? 0 : period * random.within(2...20),
            startsPerHour: random.oneIn(3) ? min(3600, 3_660_000 / period + 2 + random.below(20)) : 0,
            runningMinutesPerHour: safe == .closed && random.oneIn(3) ? random.within(1...3) : 0, lifetimeCycles: some(1...50))
        phaseLimits(&envelope, continuous: true, safe: safe)
        actuators.append(Actuator(
            name: name,
            drive: .timeProportional(TimeProportional(
                line: name, periodMilliseconds: period, minimumOnMilliseconds: some(1...period / 4), minimumOffMilliseconds: some(1...period / 4))),
            envelope: envelope, governance: governance(name), safeState: safe, reset: random.below(resets.count)))
    }

    private mutating func addRelay() {
        let name = "actuator-\(actuators.count)"
        let safe: SafeState = [.closed, .closed, .open, .last][random.below(4)]
        let pulse = random.within(2...6) * tick
        let rest = some(1...20) * tick / 2
        var envelope = Envelope(
            maximumAwayMilliseconds: random.oneIn(2) ? 0 : pulse + rest + random.within(5...200) * tick,
            startsPerHour: random.oneIn(3) ? random.within(2...40) : 0,
            runningMinutesPerHour: safe != .open && random.oneIn(4) ? random.within(1...3) : 0, lifetimeCycles: some(1...50))
        phaseLimits(&envelope, continuous: false, safe: safe)
        actuators.append(Actuator(
            name: name,
            drive: .latchingRelay(LatchingRelay(
                setLine: name + "-set", resetLine: name + "-reset", pulseMilliseconds: pulse, restMilliseconds: rest,
                feedbackLine: random.oneIn(2) ? name + "-contact" : "", feedbackMilliseconds: random.below(5) * tick)),
            envelope: envelope, governance: governance(name), safeState: safe, reset: random.below(resets.count)))
    }

    // MARK: interlocks

    private mutating func condition(_ sensor: Int) -> (Condition, hysteresis: Int) {
        switch sensors[sensor].source {
        case .switch: return (random.oneIn(2) ? .active : .inactive, 0)
        case .voting(let voting): return condition(voting.members[0])
        case .flowMeter(let meter):
            let top = meter.microlitresPerPulse * meter.maximumPulsesPerSecond
            return random.oneIn(2) ? (.above(top * 3 / 4), top / 20) : (.below(top / 4), top / 20)
        case .frequency(let input):
            let top = input.maximumPulsesPerSecond * 1000 / input.pulsesPerTurn
            return random.oneIn(2) ? (.above(top * 3 / 4), top / 20) : (.below(top / 4), top / 20)
        case .analogue(let input):
            let (one, other) = (input.value(microamperes: 7000), input.value(microamperes: 17_000))
            let band = abs(other - one) / 20
            return random.oneIn(2) ? (.above(max(one, other)), band) : (.below(min(one, other)), band)
        }
    }

    private mutating func addTrip() {
        let sensor = random.below(sensors.count)
        var guarded: [Int] = []
        for a in actuators.indices where actuators[a].safeState != .last && random.oneIn(2) { guarded.append(a) }
        guard !guarded.isEmpty else { return }
        let (condition, hysteresis) = condition(sensor)
        let isLatched = !random.oneIn(3)
        let isEssential = random.oneIn(4)
        trips.append(Trip(
            name: "trip-\(trips.count)", sensor: sensor, condition: condition, hysteresis: random.oneIn(2) ? hysteresis : 0,
            delayMilliseconds: some(1...40) * tick / 2, actuators: guarded, latched: isLatched,
            reset: isLatched ? random.below(resets.count) : nil, isEssential: isEssential,
            bypassMaximumMinutes: isEssential || random.oneIn(2) ? 0 : random.within(1...5),
            phases: isEssential || phases.isEmpty || random.oneIn(2) ? [] : [random.below(phases.count)]))
    }

    private mutating func addInterlock() {
        let actuator = random.below(actuators.count)
        let other = random.below(actuators.count)
        let sensor = random.below(sensors.count)
        let (condition, _) = condition(sensor)
        let interlock: Interlock = switch random.below(4) {
        case 0: .permissive(actuator: actuator, sensor: sensor, condition: condition)
        case 1: .exclusion(first: actuator, second: other)
        case 2: .sequence(actuator: actuator, after: other, atLeastPermille: random.within(1...300), forMilliseconds: some(1...40) * tick)
        default: .response(
            actuator: actuator, atLeastPermille: some(1...300), withinMilliseconds: random.within(10...100) * tick, sensor: sensor,
            condition: condition, isFault: random.oneIn(2))
        }
        if (actuator == other || actuators[actuator].safeState == .last) && random.oneIn(3) { return }
        interlocks.append(NamedInterlock(name: "interlock-\(interlocks.count)", interlock: interlock))
    }
}
