import SeededRandom
import Testing
@testable import BootState

/// What a slot really holds, which the machine can only learn by its events.
private enum Content: Hashable { case nothing, broken, sick, healthy }

/// The board around the machine: the state on disk, the truth about both slots, and what runs.
private struct World: Hashable {
    var state: Key
    var contents: [Content]
    var running: SlotName?

    /// The part of a state that decides anything.
    struct Key: Hashable {
        var conditions: [SlotCondition]
        var attempts: [UInt8]
        var active: SlotName

        init(_ state: BootState) {
            conditions = [state.a.condition, state.b.condition]
            attempts = [state.a.attemptsLeft, state.b.attemptsLeft]
            active = state.active
        }

        var state: BootState {
            BootState(
                a: SlotState(conditions[0], attemptsLeft: attempts[0]), b: SlotState(conditions[1], attemptsLeft: attempts[1]),
                active: active, bootCount: 0)
        }
    }

    func content(_ slot: SlotName) -> Content { contents[Int(slot.rawValue)] }
}

@Suite struct SlotMachineExploration {
    /// Everything that can happen next: boots with their verification, health verdicts, power cuts
    /// (which only end what runs), installations that end, break off or bring a sick release.
    private func successors(_ world: World) -> [World] {
        var out: [World] = []
        func add(_ state: BootState, _ contents: [Content], _ running: SlotName?) {
            out.append(World(state: World.Key(state), contents: contents, running: running))
        }
        let state = world.state.state
        guard let running = world.running else {
            guard let choice = state.chosen() else { return [] }
            let next = choice.mustWrite ? choice.state : state
            switch world.content(choice.slot) {
            case .healthy, .sick: add(next, world.contents, choice.slot)
            case .nothing, .broken: add(next.verificationFailed(choice.slot, code: "c", text: "t"), world.contents, nil)
            }
            add(next, world.contents, nil)  // power cut after the write
            return out
        }
        add(state, world.contents, nil)
        switch world.content(running) {
        case .healthy:
            if let next = try? state.markedGood(running) { add(next, world.contents, running) }
        default:
            if let next = try? state.healthFailed(running, code: "c", text: "t") { add(next, world.contents, nil) }
        }
        for slot in SlotName.allCases {
            if let next = try? state.installBegins(slot, running: running, release: "r") {
                var contents = world.contents
                contents[Int(slot.rawValue)] = .broken
                add(next, contents, running)
            }
            guard state[slot].condition == .writing, slot != running, let next = try? state.installed(slot) else { continue }
            for content: Content in [.healthy, .sick] {
                var contents = world.contents
                contents[Int(slot.rawValue)] = content
                add(next, contents, running)
            }
        }
        return out
    }

    private func explore(from start: World) -> Set<World> {
        var seen: Set<World> = [start]
        var frontier = [start]
        while let world = frontier.popLast() {
            for next in successors(world) where seen.insert(next).inserted { frontier.append(next) }
        }
        return seen
    }

    /// Boots without luck: no power cut, every verdict given. The slots that ran until one marked itself good.
    private func settles(_ world: World) -> Bool {
        var world = world
        for _ in 0..<40 {
            guard let running = world.running else {
                guard let choice = world.state.state.chosen() else { return false }
                var next = choice.mustWrite ? choice.state : world.state.state
                let sound = world.content(choice.slot) == .healthy || world.content(choice.slot) == .sick
                if !sound { next = next.verificationFailed(choice.slot, code: "c", text: "t") }
                world.state = World.Key(next)
                world.running = sound ? choice.slot : nil
                continue
            }
            if world.content(running) == .healthy { return (try? world.state.state.markedGood(running)) != nil }
            guard let next = try? world.state.state.healthFailed(running, code: "c", text: "t") else { return false }
            world.state = World.Key(next)
            world.running = nil
        }
        return false
    }

    @Test("P-D2 from every reachable state a healthy release comes up, whatever was installed and cut")
    func alwaysBootable() {
        let start = World(state: World.Key(.flashed(release: "1")), contents: [.healthy, .nothing], running: nil)
        let worlds = explore(from: start)
        print("slot machine: \(worlds.count) reachable worlds")
        #expect(worlds.count > 100)
        for world in worlds {
            #expect(world.contents.contains(.healthy), "the last healthy release was overwritten: \(world)")
            #expect(settles(world), "no healthy release comes up from \(world)")
            if let running = world.running { #expect(world.state.state[running].condition != .writing) }
        }
    }

    @Test("P-D2 even a lost record finds the healthy slot", arguments: [[Content.healthy, .broken], [.broken, .healthy], [.healthy, .nothing]])
    private func lostRecord(contents: [Content]) {
        let worlds = explore(from: World(state: World.Key(.lost), contents: contents, running: nil))
        for world in worlds { #expect(settles(world), "\(world)") }
    }

    @Test("P-D2 a boot loop stops writing: at most attempts + verdicts writes, then none")
    func wearIsBounded() {
        let starts: [BootState] = SlotCondition.allCases.flatMap { a in
            SlotCondition.allCases.flatMap { b in
                SlotName.allCases.map {
                    BootState(a: SlotState(a, attemptsLeft: 3), b: SlotState(b, attemptsLeft: 3), active: $0, bootCount: 0)
                }
            }
        }
        for start in starts {
            var state = start
            var writes = 0
            for _ in 0..<100 {
                guard let choice = state.chosen() else { break }
                guard choice.mustWrite else { continue }
                state = choice.state
                writes += 1
            }
            #expect(writes <= 6)
        }
    }
}

@Suite struct SlotMachineTests {
    private func good(_ attempts: UInt8 = 3) -> SlotState { SlotState(.good, attemptsLeft: attempts, release: "1") }

    @Test func trialGoesBeforeTheActiveSlot() throws {
        let state = BootState(a: good(), b: SlotState(.trial, attemptsLeft: 2, release: "2"), active: .a, bootCount: 7)
        let choice = try #require(state.chosen())
        #expect(choice.slot == .b && choice.mustWrite && choice.isTrial)
        #expect(choice.state.b.attemptsLeft == 1)
        #expect(choice.state.bootCount == 8)
        #expect(choice.state.a == state.a)
    }

    @Test func trialWithoutAttemptsIsBadWithItsReason() throws {
        let state = BootState(a: good(), b: SlotState(.trial, attemptsLeft: 0, release: "2"), active: .a, bootCount: 0)
        let choice = try #require(state.chosen())
        #expect(choice.slot == .a)
        #expect(choice.state.b.condition == .bad)
        #expect(choice.state.b.failure?.code == "attempts-used-up")
        #expect(choice.state.b.failure?.release == "2")
    }

    @Test func orderOfGoodSlots() throws {
        #expect(BootState(a: good(1), b: good(3), active: .a, bootCount: 0).chosen()?.slot == .a)
        #expect(BootState(a: good(0), b: good(3), active: .a, bootCount: 0).chosen()?.slot == .b)
        let worn = try #require(BootState(a: good(0), b: good(0), active: .b, bootCount: 0).chosen())
        #expect(worn.slot == .b && !worn.mustWrite)
        #expect(BootState(a: SlotState(.bad), b: SlotState(.writing), active: .a, bootCount: 0).chosen() == nil)
        #expect(BootState(a: SlotState(.empty), b: SlotState(.bad), active: .a, bootCount: 0).chosen() == nil)
    }

    @Test("P-D2 neither the running slot nor the only way back is overwritten")
    func installRefusals() {
        let both = BootState(a: good(), b: good(), active: .a, bootCount: 0)
        #expect(throws: SlotRefusal.running) { _ = try both.installBegins(.a, running: .a, release: "2") }
        let trial = BootState(a: good(), b: SlotState(.trial, attemptsLeft: 2), active: .a, bootCount: 0)
        #expect(throws: SlotRefusal.runningNotGood) { _ = try trial.installBegins(.a, running: .b, release: "2") }
        #expect(throws: SlotRefusal.notWriting) { _ = try both.installed(.b) }
        #expect(throws: SlotRefusal.notBootable) { _ = try BootState.flashed(release: "1").markedGood(.b) }
        #expect(throws: SlotRefusal.notBootable) { _ = try BootState.flashed(release: "1").healthFailed(.b, code: "", text: "") }
    }

    @Test func installedIsPreferredAndOtherSlotStaysGood() throws {
        let installed = try BootState.flashed(release: "1").installBegins(.b, running: .a, release: "2").installed(.b)
        #expect(installed.chosen()?.slot == .b)
        let marked = try installed.chosen()!.state.markedGood(.b)
        #expect(marked.active == .b && marked.b == SlotState(.good, attemptsLeft: 3, release: "2"))
        #expect(marked.a.condition == .good)
        #expect(marked.chosen()?.slot == .b)
    }

    @Test func healthFailureOfATrialGoesBackAndIsKept() throws {
        let trial = BootState(a: good(), b: SlotState(.trial, attemptsLeft: 2, release: "2"), active: .a, bootCount: 0)
        let failed = try trial.healthFailed(.b, code: "uplink-silent", text: "no broker in 60 s")
        #expect(failed.chosen()?.slot == .a)
        #expect(failed.b.failure == SlotFailure(release: "2", step: "health", code: "uplink-silent", text: "no broker in 60 s"))
        let again = try failed.installBegins(.b, running: .a, release: "3")
        #expect(again.b.failure?.release == "2", "kept until another release is good")
    }

    @Test func healthFailureOfTheOnlyGoodSlotKeepsItBootable() throws {
        let failed = try BootState.flashed(release: "1").healthFailed(.a, code: "c", text: "t")
        #expect(failed.chosen()?.slot == .a)
        #expect(failed.a.failure?.code == "c")
    }

    @Test("P-D2 a board whose only release is never healthy restarts for ever without writing for ever")
    func unhealthyForEver() throws {
        var state = BootState.flashed(release: "1")
        var writes = 0
        for boot in 0..<50 {
            let choice = try #require(state.chosen())
            let next = choice.mustWrite ? choice.state : state
            if next != state { writes += 1 }
            state = next
            let failed = try state.healthFailed(choice.slot, code: "c", text: "boot \(boot)")
            if failed != state { writes += 1 }
            state = failed
        }
        #expect(writes <= 2 * Int(SlotState.attemptsMaximum))
    }

    @Test func textsAreBounded() {
        let long = String(repeating: "ü\n", count: 1000)
        let failure = SlotFailure(release: long, step: long, code: long, text: long)
        #expect(failure.text.utf8.count <= SlotFailure.textMaximum && failure.text.utf8.count > SlotFailure.textMaximum - 3)
        #expect(failure.step.utf8.count <= SlotFailure.stepMaximum)
        #expect(!failure.text.utf8.contains(10))
    }
}

@Suite struct FloorTests {
    @Test("P-T1 the floor rises only when a release is marked good, and is lowered by nothing", arguments: 1...200 as ClosedRange<UInt64>)
    func onlyUpwards(seed: UInt64) {
        var random = Seeded(seed)
        var state = BootState.flashed(release: "1")
        for _ in 0..<200 {
            let slot: SlotName = random.next() % 2 == 0 ? .a : .b
            let before = state.floor
            var rose = false
            switch random.next() % 7 {
            case 0: state = (try? state.installBegins(slot, running: slot.other, release: "x")) ?? state
            case 1: state = (try? state.installed(slot)) ?? state
            case 2: state = state.chosen()?.state ?? state
            case 3: state = (try? state.healthFailed(slot, code: "c", text: "t")) ?? state
            case 4: state = state.verificationFailed(slot, code: "c", text: "t")
            case 5: state = state.selectorFailed(slot, code: "c", text: "t")
            default:
                let floor = random.next() % 1000
                guard let next = try? state.markedGood(slot, floor: floor) else { continue }
                #expect(next.floor == max(before, floor))
                (state, rose) = (next, true)
            }
            #expect(rose ? state.floor >= before : state.floor == before)
        }
    }
}
