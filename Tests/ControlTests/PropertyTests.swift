// Arbitrary commands, sensors, clocks and faults, from seeds: the envelope holds, trips are not
// missed and not forgotten, no two lines of a motor are ever on together.

import Calibration
import Control
import ControlSimulation
import Testing

/// What a run may do beside commands.
enum Conduct: Int, CaseIterable {
    /// A sound machine and a ragged clock: nothing may be called a fault.
    case sound
    /// Every sensor says what it likes.
    case lyingSensors
    /// Jams and cut close wires, with honest end switches.
    case brokenDrive
}

@Suite struct PropertyTests {
    /// Each seed is three runs of `steps`.
    static let seeds = 24
    static let steps = 4000

    @Test("P-E1 P-E2 P-T3 never beyond the envelope, no missed trip, no lost latch", arguments: Conduct.allCases, 0..<seeds)
    func holds(_ conduct: Conduct, _ seed: Int) throws {
        var run = try Run(conduct, seed: UInt64(seed) &* 7919 &+ UInt64(conduct.rawValue))
        for step in 0..<Self.steps {
            if let failure = run.step() {
                Issue.record("\(failure) in step \(step) of seed \(seed), \(conduct)")
                return
            }
        }
        #expect(conduct != .sound || run.accepted > 10, "a run in which nothing was accepted shows nothing")
    }
}

/// One seeded run.
struct Run: ~Copyable {
    private var random: Seeded
    private let conduct: Conduct
    private let machine: Machine
    private let tick: Int
    /// How late the latest step was: what the valve moves meanwhile, nobody can prevent.
    private var lateness = 0
    private var supervised = true
    private var latched = false
    private var highFor = 0
    private var pressing = 0
    private(set) var accepted = 0

    init(_ conduct: Conduct, seed: UInt64) throws {
        random = Seeded(seed)
        self.conduct = conduct
        tick = [20, 50, 100][random.below(3)]
        let stroke = random.within(40...200) * tick
        let fastest = stroke * random.within(800...1000) / 1000
        let slowest = stroke * random.within(1000...1300) / 1000
        let coast = random.below(tick)
        let calibration = try tank(
            tick: tick, stroke: stroke, fastest: fastest, slowest: slowest, coast: coast,
            minimum: random.below(100), maximum: random.within(200...900),
            maximumOpen: random.oneIn(3) ? 0 : slowest * random.within(1...5),
            rest: random.within(10...500), tolerance: 60, debounce: random.below(3) * tick / 2,
            supervision: max(100, random.within(4...40) * tick))
        let build = Build(
            strokeMilliseconds: Double(random.within(fastest...slowest)), coastMilliseconds: Double(random.below(coast + 1)),
            closedSwitchAt: Double(random.below(30)) / 1000, openSwitchAt: 1 - Double(random.below(30)) / 1000)
        machine = Machine(calibration, build: build, position: Double(random.below(1001)) / 1000)
        // The first run home starts from anywhere: it is not the envelope that it is judged by.
        machine.run(slowest + 20 * tick)
    }

    /// One step; what is wrong, if anything.
    mutating func step() -> String? {
        disturb()
        commands()
        let elapsed = pause()
        let openBefore = machine.outputs[0]
        machine.step(elapsed, clock: random.oneIn(3000) ? -5 : nil, heartbeat: supervised && random.oneIn(2))
        if openBefore { lateness = max(lateness, elapsed - tick) }
        for outcome in machine.control.outcomes where outcome.reason == .none { accepted += 1 }
        return violation(elapsed)
    }

    private mutating func pause() -> Int {
        if random.oneIn(20) { return random.below(5) }
        if random.oneIn(200) { return 3 * tick }
        if random.oneIn(2000) { return 100 * tick }
        return tick
    }

    private mutating func commands() {
        guard random.oneIn(60) || random.oneIn(500) else { return }
        for _ in 0..<random.within(1...10) {
            let permille = switch random.below(6) {
            case 0: random.within(-100...1200)
            case 1: Int(truncatingIfNeeded: random.next())
            default: random.within(0...machine.envelope.maximumPermille)
            }
            _ = machine.inputs.add(Request(identifier: random.next(), order: .setpoint(actuator: random.oneIn(8) ? random.within(-1...40) : random.below(2), permille: permille), issuers: 1))
        }
    }

    private mutating func disturb() {
        if random.oneIn(supervised ? 1500 : 150) { supervised.toggle() }
        if machine.isTripped || !machine.isHealthy, pressing == 0, random.oneIn(20) { pressing = 1 + 600 / tick }
        machine.resetPressed = pressing > 1
        pressing = max(0, pressing - 1)
        machine.level = random.oneIn(400) ? Double(random.below(101)) : min(machine.level, 89) + (machine.level > 89 && random.oneIn(2) ? 5 : 0)
        guard random.oneIn(100) else { return }
        machine.faults = Faults()
        switch conduct {
        case .sound: break
        case .lyingSensors:
            machine.faults.closedEnd = lie()
            machine.faults.openEnd = lie()
            machine.faults.levelHigh = lie()
            machine.faults.levelLow = lie()
            machine.faults.reset = lie()
            machine.faults.extraPulses = random.oneIn(4) ? UInt32(truncatingIfNeeded: random.next()) : 0
        case .brokenDrive:
            machine.faults.closeIsCut = random.oneIn(3)
            machine.faults.isJammed = random.oneIn(4)
        }
    }

    private mutating func lie() -> LineReading? {
        switch random.below(6) {
        case 0: .low
        case 1: .high
        case 2: .unreadable
        default: nil
        }
    }

    private mutating func violation(_ elapsed: Int) -> String? {
        let outputs = machine.outputs
        if outputs[0], outputs[1] { return "both lines of the motor are on" }
        let allowed = Double(machine.envelope.maximumPermille) / 1000
            + Double(lateness) / machine.build.strokeMilliseconds + 1e-6
        if machine.position > allowed { return "the valve stands at \(machine.position), allowed \(allowed)" }
        if let failure = tripViolation(elapsed) { return failure }
        for i in 0..<machine.control.events.count {
            let event = machine.control.events[i]
            if event.code == .gateIntervened { return "the gate had to intervene: \(event.reason)" }
            if conduct == .sound, event.code == .fault { return "a sound machine was called faulty: \(event.reason)" }
        }
        return nil
    }

    private mutating func tripViolation(_ elapsed: Int) -> String? {
        let reset = machine.saw(.tripReset)
        if machine.inputs.lines[1] != .low {
            if machine.outputs[0] { return "driven open although the level is high or unknown" }
            if machine.inputs.lines[1] == .high, !machine.isTripped { return "a trip was missed" }
            latched = latched || machine.inputs.lines[1] == .high
        }
        if latched, !reset, !machine.isTripped { return "a latched trip was lost" }
        if reset, pressing == 0, conduct != .lyingSensors { return "a trip was reset without the button" }
        if reset { latched = false }
        if latched {
            for outcome in machine.control.outcomes where outcome.reason == .none && outcome.identifier == 0 { return "a tripped valve took a command" }
        }
        return nil
    }
}
