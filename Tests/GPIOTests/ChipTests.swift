// A chip's thread against lines that answer, refuse, and do not return: real threads, bounded times.
import Foundation
@testable import GPIO
import Testing

/// Lines of no board. A place that is stuck holds its caller until it is freed.
final class Bench: Pins, @unchecked Sendable {
    private let condition = NSCondition()
    private var levels = [Bool](repeating: false, count: 64)
    private var stuck = false
    private var refused: Set<Int> = []
    private var calls: [String] = []

    private func locked<T>(_ body: () -> T) -> T {
        condition.lock()
        defer { condition.broadcast(); condition.unlock() }
        return body()
    }

    func level(at place: Int) -> Level { locked { pass("read \(place)"); return levels[place] ? .high : .low } }

    func drive(_ place: Int, _ level: Bool) -> Bool {
        locked {
            pass("\(place) \(level ? "on" : "off")")
            guard !refused.contains(place) else { return false }
            levels[place] = level
            return true
        }
    }

    private func pass(_ call: String) {
        calls.append(call)
        while stuck { condition.wait() }
    }

    func set(_ place: Int, _ level: Bool) { locked { levels[place] = level } }
    func refuse(_ places: Set<Int>) { locked { refused = places } }
    func freeze(_ on: Bool) { locked { stuck = on } }
    /// What was called since the last look; readings left out unless they are asked for.
    func takeCalls(readings: Bool = false) -> [String] {
        locked { defer { calls = [] }; return calls.filter { readings || !$0.hasPrefix("read") } }
    }
    var callCount: Int { locked { calls.count } }
    func level(_ place: Int) -> Bool { locked { levels[place] } }
}

/// Waits for what another thread does; false if it does not within two seconds.
func soon(_ holds: () -> Bool) -> Bool {
    let end = Date(timeIntervalSinceNow: 2)
    while !holds() {
        guard Date() < end else { return false }
        usleep(500)
    }
    return true
}

@Suite struct ChipTests {
    private let bench = Bench()

    private func chip(sensed: UInt64) throws -> Chip<Bench> {
        let chip = Chip<Bench>()
        try chip.start()
        chip.serve(bench, sensed: sensed)
        return chip
    }

    @Test("off goes before on, what stands is left alone, and readings follow")
    func order() throws {
        let chip = try chip(sensed: 0b11_0111)
        bench.set(4, true)
        var number = chip.ask(outputs: 0b111, 0b001)
        #expect(soon { chip.answered == number })
        #expect(bench.takeCalls(readings: true) == ["1 off", "2 off", "0 on", "read 0", "read 1", "read 2", "read 4", "read 5"])
        #expect([0, 1, 2, 4, 5].map { chip.level(at: $0) } == [.high, .low, .low, .high, .low])
        #expect(chip.level(at: 3) == .unreadable)
        number = chip.ask(outputs: 0b111, 0b010)
        #expect(soon { chip.answered == number })
        #expect(bench.takeCalls() == ["0 off", "1 on"])
        number = chip.ask(outputs: 0b111, 0b010)
        #expect(soon { chip.answered == number })
        #expect(bench.takeCalls() == [])
        number = chip.ask(outputs: 0b111, 0b010, again: true)
        #expect(soon { chip.answered == number })
        #expect(bench.takeCalls() == ["0 off", "2 off", "1 on"])
    }

    @Test("before any output is named nothing is driven")
    func looksOnly() throws {
        let chip = try chip(sensed: 0b1)
        bench.set(0, true)
        let number = chip.ask(outputs: 0, 0b1)
        #expect(soon { chip.answered == number })
        #expect(bench.takeCalls(readings: true) == ["read 0"])
        #expect(chip.level(at: 0) == .high)
    }

    @Test("P-E1 a line that refuses keeps no other from being driven, and is tried again; until it is driven, the chip has not answered")
    func refusing() throws {
        let chip = try chip(sensed: 0)
        bench.refuse([0])
        let first = chip.ask(outputs: 0b11, 0b11)
        #expect(soon { bench.callCount == 2 })
        #expect(bench.takeCalls() == ["0 on", "1 on"])
        let second = chip.ask(outputs: 0b11, 0b11)
        #expect(soon { bench.callCount == 1 })
        #expect(bench.takeCalls() == ["0 on"])
        #expect(chip.answered != first && chip.answered != second)
        bench.refuse([])
        let third = chip.ask(outputs: 0b11, 0b11)
        #expect(soon { chip.answered == third })
        #expect(bench.level(0))
    }

    @Test("P-E1 a driver that does not return holds up nobody who asks; then only what is wanted by then is driven")
    func frozen() throws {
        let chip = try chip(sensed: 0b11)
        var number = chip.ask(outputs: 0b11, 0b00)
        #expect(soon { chip.answered == number })
        bench.freeze(true)
        _ = bench.takeCalls()
        number = chip.ask(outputs: 0b11, 0b01)
        #expect(soon { bench.takeCalls() == ["0 on"] })
        let start = Date()
        for _ in 0..<1000 { number = chip.ask(outputs: 0b11, 0b11) }
        number = chip.ask(outputs: 0b11, 0b00)
        #expect(Date().timeIntervalSince(start) < 1)
        #expect(chip.answered != number)
        bench.freeze(false)
        #expect(soon { chip.answered == number })
        // The call that hung is carried out, and taken back before anything else; 1 was never driven on.
        #expect(bench.takeCalls() == ["0 off"])
        #expect(!bench.level(0) && !bench.level(1))
    }

    @Test("P-E1 one frozen chip keeps no other waiting")
    func other() throws {
        let frozen = try chip(sensed: 0b1), bench = Bench(), sound = Chip<Bench>()
        try sound.start()
        sound.serve(bench, sensed: 0b1)
        self.bench.freeze(true)
        let stuck = frozen.ask(outputs: 0b1, 0b1)
        for turn in 0..<200 as Range<UInt64> {
            let number = sound.ask(outputs: 0b1, turn & 1)
            #expect(soon { sound.answered == number })
            #expect(bench.level(0) == (turn & 1 == 1))
        }
        #expect(frozen.answered != stuck)
        self.bench.freeze(false)
        #expect(soon { frozen.answered == stuck })
    }

    @Test("P-E1 an output that changes while lines are read does not wait for the rest of them")
    func readingYields() throws {
        let chip = try chip(sensed: UInt64.max << 1)
        var number = chip.ask(outputs: 0b1, 0b0)
        #expect(soon { chip.answered == number })
        bench.freeze(true)
        _ = bench.takeCalls(readings: true)
        _ = chip.ask(outputs: 0b1, 0b0)
        #expect(soon { bench.takeCalls(readings: true) == ["read 1"] })
        number = chip.ask(outputs: 0b1, 0b1)
        bench.freeze(false)
        #expect(soon { chip.answered == number })
        #expect(bench.takeCalls(readings: true).first == "0 on")
    }
}
