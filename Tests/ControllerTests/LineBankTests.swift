// The lines of two chips, one of which stops answering: what a step is told meanwhile, what the other chip
// does, and what is told of it. Real threads, bounded times.

import Authority
import Board
import Calibration
import Control
@testable import Controller
import ControlSimulation
import Foundation
import GPIO
import Testing

/// The lines of one chip of no board.
private final class ChipBench: Pins, @unchecked Sendable {
    private let condition = NSCondition()
    private var levels = [Bool](repeating: false, count: 8)
    private var isFrozen = false
    private var callMicroseconds: UInt32 = 0

    private func locked<T>(_ body: () -> T) -> T {
        condition.lock()
        defer { condition.broadcast(); condition.unlock() }
        return body()
    }

    private func pass() { while isFrozen { condition.wait() } }

    /// Each call takes so long.
    func slow(microseconds: UInt32) { locked { callMicroseconds = microseconds } }

    func level(at place: Int) -> Level {
        usleep(locked { callMicroseconds })
        return locked { pass(); return levels[place % 8] ? .high : .low }
    }
    func drive(_ place: Int, _ level: Bool) -> Bool { locked { pass(); levels[place] = level; return true } }
    func freeze(_ on: Bool) { locked { isFrozen = on } }
    func set(_ place: Int, _ level: Bool) { locked { levels[place] = level } }
    func level(_ place: Int) -> Bool { locked { levels[place] } }
}

/// Two chips: outputs 0 and inputs 0, 1 on the first, outputs 1, 2 and input 2 on the second.
private final class Board {
    let benches = [ChipBench(), ChipBench()]
    var bank: LineBank<ChipBench>
    var known: Inputs
    var now: Int64 = 1000
    var levels = [false, false, true]

    init() throws {
        let plan = LinePlan(
            inputs: [LinePlace(chip: 0, place: 0), LinePlace(chip: 0, place: 1), LinePlace(chip: 1, place: 0)], inputDescriptors: [],
            outputs: [LinePlace(chip: 0, place: 2), LinePlace(chip: 1, place: 1), LinePlace(chip: 1, place: 2)], descriptors: [[], []])
        let benches = benches
        // Of any calibration: the lines are the plan's.
        known = Inputs(try tank())
        known.lines = [.unreadable, .unreadable, .unreadable]
        known.readBacks = [.low, .low, .low]
        bank = LineBank(plan, try (0..<2).map { _ in try Chip.started() }) { benches[$0] }
    }

    /// One tick: 50 ms by the clock that it is told, a few by the wall.
    func tick() {
        now += 50
        bank.watch(nowMilliseconds: now)
        bank.collect(into: &known)
        bank.drive(levels, ofEveryChip: true, into: &known)
        usleep(20_000)
    }

    func ticks(_ count: Int) { for _ in 0..<count { tick() } }

    var hasLostOutputs: Bool { bank.hasLostOutputs }
    func begin(tickMilliseconds: Int = 50) throws { try bank.begin(tickMilliseconds: tickMilliseconds) }
    func news(ofChip chip: Int) -> ChipNews? { bank.takeNews(ofChip: chip) }
    func take(edge: Bool, input: Int) -> Bool { bank.take(edge: edge, input: input, into: &known) }
    func settle() -> Settling { bank.settle(into: &known) }
    func drive() { bank.drive(levels, ofEveryChip: false, into: &known) }
}

extension Chip {
    fileprivate static func started() throws -> Chip {
        let chip = Chip()
        try chip.start()
        return chip
    }
}

@Suite(.serialized) struct LineBankTests {
    @Test("Before the first step every line is read and none is driven")
    func beginning() throws {
        let board = try Board()
        board.benches[0].set(1, true)
        board.benches[1].set(2, true)
        board.benches[0].set(2, true)
        try board.begin()
        board.bank.watch(nowMilliseconds: 1000)
        board.bank.collect(into: &board.known)
        #expect(board.known.lines == [.low, .high, .low])
        #expect(board.known.readBacks == [.high, .low, .high])
        #expect(board.benches[0].level(2))
    }

    @Test("P-E1 a chip that does not answer: unreadable after the bound, told once by its place, the other goes on each tick, and it comes back")
    func frozen() throws {
        let board = try Board()
        try board.begin()
        board.ticks(2)
        #expect(board.known.lines == [.low, .low, .low])
        board.benches[1].freeze(true)
        board.levels = [true, true, false]
        var unreadableAfter: Int?
        for turn in 1...12 {
            board.levels[0].toggle()
            board.tick()
            #expect(board.benches[0].level(2) == board.levels[0], "the sound chip is driven in tick \(turn)")
            #expect(board.known.lines[0] == .low && board.known.readBacks[0] != .unreadable)
            if board.known.lines[2] == .unreadable, unreadableAfter == nil { unreadableAfter = turn }
            let news = board.news(ofChip: 1)
            #expect(news == (unreadableAfter == turn ? .silent : nil))
        }
        // One tick in which it was asked and could still answer, then as many as it may be silent.
        #expect(unreadableAfter == LineBank<ChipBench>.silentTicksMaximum + 2)
        #expect(board.known.readBacks[1] == .unreadable && board.known.readBacks[2] == .unreadable)
        #expect(!board.hasLostOutputs)
        board.benches[1].set(0, true)
        board.benches[1].freeze(false)
        board.ticks(3)
        #expect(board.news(ofChip: 1) == .answers)
        #expect(board.known.lines[2] == .high)
        #expect(board.known.readBacks == [board.levels[0] ? .high : .low, .high, .low])
        #expect(board.benches[1].level(1) && !board.benches[1].level(2))
        #expect(board.news(ofChip: 0) == nil)
    }

    @Test("P-E1 a chip that is slow, and answers, is believed; one that can't read all its lines in time is not")
    func slow() throws {
        let board = try Board()
        try board.begin()
        board.benches[0].slow(microseconds: 30_000)
        board.benches[0].set(1, true)
        for _ in 0..<20 {
            board.tick()
            #expect(!board.known.lines.contains(.unreadable))
            #expect(board.news(ofChip: 0) == nil)
        }
        #expect(board.known.lines[1] == .high)

        // Sixty lines, of which one is read in half a tick or so.
        let bench = ChipBench(), places = (0..<60).map { LinePlace(chip: 0, place: $0) }
        var bank = LineBank(LinePlan(inputs: places, inputDescriptors: [], outputs: [], descriptors: [[]]), [try Chip.started()]) { _ in bench }
        var known = board.known, now: Int64 = 0, unreadableAfter: Int?
        known.lines = [LineReading](repeating: .unreadable, count: 60)
        known.readBacks = []
        try bank.begin(tickMilliseconds: 50)
        bench.slow(microseconds: 10_000)
        for turn in 1...40 where unreadableAfter == nil {
            now += 50
            bank.watch(nowMilliseconds: now)
            bank.collect(into: &known)
            bank.drive([], ofEveryChip: true, into: &known)
            usleep(20_000)
            if known.lines.contains(.unreadable) { unreadableAfter = turn }
        }
        let turns = try #require(unreadableAfter)
        #expect((LineBank<ChipBench>.readingTicksMaximum...LineBank<ChipBench>.readingTicksMaximum + 3).contains(turns))
        let (news, isLost) = (bank.takeNews(ofChip: 0), bank.hasLostOutputs)
        #expect(news == .silent && !isLost)
        bench.slow(microseconds: 0)
    }

    @Test("P-E1 outputs that can't be driven for as long as a role may be silent are lost until the chip answers")
    func lost() throws {
        let board = try Board()
        try board.begin()
        board.ticks(2)
        board.benches[1].freeze(true)
        let start = board.now
        var lostAt: Int64?
        for _ in 0..<100 where lostAt == nil {
            board.tick()
            if board.hasLostOutputs { lostAt = board.now }
        }
        let silence = try #require(lostAt) - start
        #expect((Int64(Authority.checkInMilliseconds)...Int64(Authority.checkInMilliseconds) + 100).contains(silence))
        #expect(board.news(ofChip: 1) == .lost)
        board.benches[1].freeze(false)
        board.ticks(2)
        #expect(!board.hasLostOutputs)
    }

    @Test("P-E1 a chip that does not answer from the first is silent from the first, and keeps the start from nothing")
    func silentFromTheFirst() throws {
        let board = try Board()
        board.benches[0].freeze(true)
        let start = Date()
        try board.begin(tickMilliseconds: 20)
        #expect(Date().timeIntervalSince(start) < 1)
        board.tick()
        #expect(board.known.lines == [.unreadable, .unreadable, .low])
        #expect(board.news(ofChip: 0) == .silent)
        board.benches[0].freeze(false)
    }

    @Test("P-E1 an edge counts at once; a reading of before it does not undo it, the reading after it wins")
    func edges() throws {
        let board = try Board()
        try board.begin()
        board.ticks(2)
        // The line rose, and the edge says so.
        board.benches[0].set(0, true)
        #expect(board.take(edge: true, input: 0))
        #expect(board.known.lines[0] == .high)
        board.bank.collect(into: &board.known)
        #expect(board.known.lines[0] == .high)
        #expect(board.settle() == .waiting)
        board.drive()
        #expect(soon { board.settle() == .settled })
        #expect(board.known.lines[0] == .high)
        // It fell, and the edge, too close to another, says that it rose: the reading is asked for and says so.
        board.benches[0].set(0, false)
        #expect(board.take(edge: true, input: 0))
        board.drive()
        var outcome = Settling.waiting
        #expect(soon { outcome = board.settle(); return outcome != .waiting })
        #expect(outcome == .contradicted && board.known.lines[0] == .low)
    }

    @Test("P-T3 a level that was driven stands until it is read back; a wrong one is seen then")
    func readBack() throws {
        let board = try Board()
        try board.begin()
        board.ticks(2)
        board.levels[0] = true
        board.drive()
        #expect(board.known.readBacks[0] == .high)
        usleep(20_000)
        board.benches[0].set(2, false)
        board.ticks(2)
        #expect(board.known.readBacks[0] == .low)
    }

    @Test("a clock that jumps makes no chip silent, and none lost that answers")
    func clock() throws {
        let board = try Board()
        try board.begin()
        for jump in [3_600_000, -7_200_000, Int64.max / 4, -Int64.max / 4] {
            board.now += jump
            board.ticks(2)
            #expect(board.known.lines == [.low, .low, .low] && !board.hasLostOutputs)
            #expect(board.news(ofChip: 0) == nil && board.news(ofChip: 1) == nil)
        }
    }
}

private func soon(_ holds: () -> Bool) -> Bool {
    let end = Date(timeIntervalSinceNow: 2)
    while !holds() {
        guard Date() < end else { return false }
        usleep(500)
    }
    return true
}
