// One seeded run: a calibration, its machine, what happens to it, and the judge that watches. The seed is
// all that is needed to see it again.

import Bytes
import Calibration
import Control
import SeededRandom

/// What may happen in a run beside orders, selectors and buttons.
public enum Conduct: Int, CaseIterable, Sendable {
    /// A sound machine and a ragged clock: nothing may be called a fault.
    case sound
    /// Every sensor, switch and button says what it likes.
    case lying
    /// Jams, cut wires, stuck contacts, outputs that read back wrong.
    case broken
    /// All of it, and restarts, changes of the calibration, and a clock that jumps.
    case hostile
    /// A sound machine for hours: duty, lifetimes, proof tests.
    case long
}

public struct Campaign: ~Copyable {
    public private(set) var control: Control
    public private(set) var plant: Plant
    public private(set) var judge: Judge
    public private(set) var calibration: Calibration
    private var inputs: Inputs
    private var random: Seeded
    private let conduct: Conduct
    private let tick: Int
    private var clock: Int64 = 1_000_000
    private var beats = true
    private var pressing: [Int]
    /// The same controller, to whom nobody brings what is refused.
    private var twin: Control
    private var hasTwin: Bool
    private var twinInputs: Inputs
    /// Bits of events and reasons that were seen.
    public private(set) var seenEvents: UInt64 = 0
    public private(set) var seenReasons: (UInt64, UInt64) = (0, 0)

    public init(_ conduct: Conduct, seed: UInt64) {
        self.init(conduct, Generator.calibration(seed: seed), seed: seed)
    }

    public init(_ conduct: Conduct, _ calibration: Calibration, seed: UInt64) {
        random = Seeded(seed &* 31 &+ UInt64(conduct.rawValue))
        self.conduct = conduct
        self.calibration = calibration
        tick = calibration.tickMilliseconds
        plant = Plant(calibration, &random)
        control = Control(calibration, nowMilliseconds: clock)
        twin = Control(calibration, nowMilliseconds: clock)
        hasTwin = random.oneIn(8)
        inputs = Inputs(calibration)
        twinInputs = inputs
        judge = Judge(calibration, plant, outputs: control.outputs)
        pressing = [Int](repeating: 0, count: calibration.resets.count)
    }

    /// One step; what is wrong, if anything.
    public mutating func step() -> String? {
        if conduct == .hostile, random.oneIn(2000) {
            if let wrong = restart() { return wrong }
        }
        if conduct == .hostile, random.oneIn(4000) { adopt() }
        disturb()
        operate()
        let elapsed = pause()
        let told = conduct == .hostile && random.oneIn(1500) ? [-5, -100_000, 0, elapsed * 20, 10_000_000][random.below(5)] : elapsed
        clock += Int64(told)
        plant.run(elapsed, control.outputs, &inputs, &random)
        inputs.heartbeat = beats && random.oneIn(2)
        order()
        control.step(inputs, nowMilliseconds: clock)
        note()
        let wrong = judge.look(elapsed, told: told, plant, inputs, control, sound: conduct == .sound || conduct == .long)
        let differs = hasTwin ? runTwin() : nil
        inputs.consumed()
        return wrong ?? differs
    }

    private mutating func note() {
        for i in 0..<control.events.count {
            seenEvents |= 1 << UInt64(control.events[i].code.rawValue)
            noteReason(control.events[i].reason)
        }
        for outcome in control.outcomes { noteReason(outcome.reason) }
    }

    private mutating func noteReason(_ reason: Reason) {
        if reason.rawValue < 64 { seenReasons.0 |= 1 << UInt64(reason.rawValue) } else { seenReasons.1 |= 1 << UInt64(reason.rawValue - 64) }
    }

    public func saw(_ reason: Reason) -> Bool {
        reason.rawValue < 64 ? seenReasons.0 & 1 << UInt64(reason.rawValue) != 0 : seenReasons.1 & 1 << UInt64(reason.rawValue - 64) != 0
    }

    public func saw(_ code: EventCode) -> Bool { seenEvents & 1 << UInt64(code.rawValue) != 0 }

    /// Refused requests change nothing: without them the outputs are the same.
    private mutating func runTwin() -> String? {
        twinInputs = inputs
        twinInputs.consumed()
        (twinInputs.heartbeat, twinInputs.pulses, twinInputs.analogues) = (inputs.heartbeat, inputs.pulses, inputs.analogues)
        for i in 0..<inputs.requestCount where control.outcomes[i].reason == .none { _ = twinInputs.add(inputs.request(i)) }
        twin.step(twinInputs, nowMilliseconds: clock)
        if twin.outputs != control.outputs { return "a refused request changed an output" }
        for outcome in twin.outcomes where outcome.reason != .none { return "an accepted request was refused where nobody brought the refused ones: \(outcome.reason.code)" }
        return nil
    }

    // MARK: time

    private mutating func pause() -> Int {
        if random.oneIn(40) { return random.below(tick) }
        if random.oneIn(conduct == .long ? 2000 : 60) { return tick * random.within(2...4) }
        return tick
    }

    // MARK: what happens

    private mutating func restart() -> String? {
        var writer = CBORWriter(capacity: Retained.encodedMaximum)
        control.encodeRetained(into: &writer)
        control = Control(calibration, nowMilliseconds: clock)
        control.restore(writer.bytes.span.bytes)
        hasTwin = false
        return judge.restarted(plant, control)
    }

    private mutating func adopt() {
        var content = calibration.content
        content.version += 1
        for a in content.actuators.indices {
            var envelope = content.actuators[a].envelope
            if envelope.phases.isEmpty, content.actuators[a].isContinuous, random.oneIn(3) { envelope.maximumPermille = random.within(200...1000) }
            if random.oneIn(3) { envelope.slewPermillePerSecond = content.actuators[a].isContinuous ? random.below(300) : 0 }
            if random.oneIn(3) { envelope.startsPerHour = random.below(60) }
            if random.oneIn(3) { envelope.maximumAwayMilliseconds = random.oneIn(2) ? 0 : random.within(5000...60_000) }
            content.actuators[a].envelope = envelope
            if random.oneIn(3) { content.actuators[a].governance.approvals = random.within(1...2) }
            if random.oneIn(3), content.actuators[a].safeState != .last { content.actuators[a].governance.leaseMilliseconds = random.below(2) * 50 * tick }
        }
        for t in content.trips.indices where random.oneIn(2) { content.trips[t].delayMilliseconds = random.below(20) * tick }
        guard let newer = try? Calibration(content), newer.bumplessObstacle(replacing: calibration) == nil else { return }
        guard control.adopt(newer).reason == .none else { return }
        calibration = newer
        hasTwin = false
        judge.adopted(newer)
    }

    private mutating func disturb() {
        if random.oneIn(beats ? 3000 : 150) { beats.toggle() }
        guard random.oneIn(conduct == .hostile ? 250 : 150) else { return }
        switch conduct {
        case .sound, .long: return
        case .lying: lie()
        case .broken: damage()
        case .hostile: if random.oneIn(2) { lie() } else { damage() }
        }
    }

    private mutating func lie() {
        for i in plant.probes.indices {
            plant.probes[i].lie = nil
            guard random.oneIn(3) else { continue }
            plant.probes[i].lie = switch random.below(5) {
            case 0: .line(reading())
            case 1: .other(reading())
            case 2: .pulses(UInt32(random.below(200)))
            case 3: .current(random.within(0...24_000))
            default: .silence
            }
        }
        for a in plant.devices.indices {
            plant.devices[a].openEnd = random.oneIn(4) ? reading() : nil
            plant.devices[a].closedEnd = random.oneIn(4) ? reading() : nil
        }
        for i in plant.resetLies.indices { plant.resetLies[i] = random.oneIn(5) ? reading() : nil }
        for i in plant.selectorLies.indices { plant.selectorLies[i] = random.oneIn(5) ? (reading(), reading()) : nil }
    }

    private mutating func reading() -> LineReading { [.low, .high, .unreadable][random.below(3)] }

    private mutating func damage() {
        for a in plant.devices.indices {
            plant.devices[a].mend()
            guard random.oneIn(3) else { continue }
            switch random.below(5) {
            case 0: plant.devices[a].isJammed = true
            case 1: plant.devices[a].openIsCut = true
            case 2: plant.devices[a].closeIsCut = true
            case 3: plant.devices[a].readBack = reading()
            default: (plant.devices[a].openIsCut, plant.devices[a].closeIsCut) = (true, true)
            }
        }
    }

    private mutating func operate() {
        for i in plant.selectors.indices {
            let mode = plant.selectors[i]
            guard random.oneIn(mode == .auto ? 1500 : 200) else { continue }
            plant.selectors[i] = random.oneIn(2) ? .auto : random.oneIn(2) ? .hand : .off
        }
        for a in plant.buttons.indices where plant.devices[a].openButton >= 0 || plant.devices[a].closeButton >= 0 {
            guard random.oneIn(40) else { continue }
            plant.buttons[a] = (random.oneIn(4), random.oneIn(4))
        }
        for i in pressing.indices {
            if pressing[i] == 0, random.oneIn(!control.isHealthy || control.hasLatchedTrip ? 60 : 2000) { pressing[i] = random.oneIn(4) ? random.within(1...20) : 3000 / tick }
            plant.resetPressed[i] = pressing[i] > 1
            pressing[i] = max(0, pressing[i] - 1)
        }
    }

    // MARK: orders

    private mutating func order() {
        guard random.oneIn(conduct == .long ? 60 : 12) else { return }
        let count = random.oneIn(20) ? Inputs.requestsMaximum : random.within(1...2)
        for _ in 0..<count {
            if random.oneIn(12) { add(wildOrder(), issuers()) } else { addSensibleOrder() }
        }
    }

    private mutating func issuers() -> UInt32 { UInt32(random.within(1...7)) }

    private mutating func add(_ order: Order, _ issuers: UInt32) {
        _ = inputs.add(Request(identifier: random.next(), order: order, issuers: issuers))
    }

    private mutating func addSensibleOrder() {
        let a = random.below(calibration.actuators.count)
        let governance = calibration.actuators[a].governance
        let limits = calibration.actuators[a].envelope.limits(inPhase: control.phase)
        let permille = calibration.actuators[a].isContinuous
            ? (random.oneIn(4) ? 0 : random.oneIn(4) ? limits.maximum : random.within(min(limits.minimum, limits.maximum)...limits.maximum))
            : random.below(2) * 1000
        let who: UInt32 = governance.approvals > 1 ? [3, 5, 6, 7][random.below(4)] : issuers()
        switch random.below(20) {
        case 0: add(.renew(actuator: a), who)
        case 1: add(.release(actuator: a), who)
        case 2: add(.partialStroke(actuator: a), who)
        case 3: if !calibration.phases.isEmpty { add(.phase(random.below(calibration.phases.count)), who) }
        case 4:
            if !calibration.trips.isEmpty, random.oneIn(4) {
                let t = random.below(calibration.trips.count)
                add(.bypass(trip: t, minutes: random.oneIn(3) ? 0 : random.within(1...max(1, calibration.trips[t].bypassMaximumMinutes))), who | 3)
            }
        default:
            if governance.selectMilliseconds > 0, !random.oneIn(6) { add(.select(actuator: a, permille: permille), who) }
            add(.setpoint(actuator: a, permille: permille), who)
        }
    }

    /// What nobody in his right mind would ask for.
    private mutating func wildOrder() -> Order {
        let a = [-1, 0, 1, 2, 3, 15, 16, Int.max, Int.min][random.below(9)]
        let permille = [0, 1, 500, 999, 1000, 1001, -1, Int.max, Int.min][random.below(9)]
        return switch random.below(7) {
        case 0: .setpoint(actuator: a, permille: permille)
        case 1: .select(actuator: a, permille: permille)
        case 2: .renew(actuator: a)
        case 3: .release(actuator: a)
        case 4: .phase(a)
        case 5: .bypass(trip: a, minutes: [-1, 0, 1, 6, 1440, 1_000_000][random.below(6)])
        default: .partialStroke(actuator: a)
        }
    }
}

extension Campaign {
    /// A whole run: the steps that were made, and what was wrong in the last of them.
    public static func run(_ conduct: Conduct, seed: UInt64, steps: Int) -> (steps: Int, wrong: String?) {
        var campaign = Campaign(conduct, seed: seed)
        for step in 1...steps {
            if let wrong = campaign.step() { return (step, wrong) }
        }
        return (steps, nil)
    }
}

extension Campaign {
    /// What there was to see in the last step.
    public var line: String {
        var line = "out "
        for output in control.outputs { line += output ? "1" : "0" }
        for a in calibration.actuators.indices {
            let status = control.status(actuator: a)
            line += " [\(a): \(status.permille) to \(status.setpointPermille), truly \(Int(plant.devices[a].position * 1000)), \(status.mode)"
            if status.fault != .none { line += ", " + status.fault.code }
            line += status.isTripped ? ", tripped]" : "]"
        }
        for outcome in control.outcomes { line += " " + outcome.reason.code }
        for i in 0..<control.events.count {
            let event = control.events[i]
            line += " (\(event.code.code) \(event.reason.code) \(event.index) \(event.value))"
        }
        return line
    }
}
