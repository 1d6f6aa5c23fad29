// A converter's thread: each sample is told once, one that can't be read is no sample, and a bus that hangs
// holds up nobody but its own thread. Real threads, bounded times.
import Foundation
@testable import IIO
import Testing

/// The channels of no converter.
private final class Bench: Channels, @unchecked Sendable {
    private let condition = NSCondition()
    private var values: [Int32?] = [10, 20, 30]
    private var isFrozen = false
    private var reads = 0

    private func locked<T>(_ body: () -> T) -> T {
        condition.lock()
        defer { condition.broadcast(); condition.unlock() }
        return body()
    }

    func counts(at place: Int) -> Int32? {
        locked {
            while isFrozen { condition.wait() }
            reads += 1
            return values[place]
        }
    }
    func freeze(_ on: Bool) { locked { isFrozen = on } }
    func set(_ place: Int, _ value: Int32?) { locked { values[place] = value } }
    var readCount: Int { locked { reads } }
}

private func waited(_ holds: () -> Bool) -> Bool {
    for _ in 0..<2000 {
        if holds() { return true }
        usleep(1000)
    }
    return false
}

@Suite(.serialized) struct SamplerTests {
    private let bench = Bench()
    private let sampler = Sampler<Bench>()

    init() throws {
        try sampler.start()
        sampler.serve(bench, count: 3)
    }

    @Test("Nothing is read before it is asked for, and each sample has the next number") func samples() {
        usleep(20_000)
        #expect(bench.readCount == 0 && sampler.sample(at: 0).number == 0)
        sampler.ask()
        #expect(waited { sampler.sample(at: 2).number == 1 })
        #expect((0..<3).map { sampler.sample(at: $0).value } == [10, 20, 30])
        bench.set(1, .min)
        bench.set(2, -1)
        sampler.ask()
        #expect(waited { sampler.sample(at: 2).number == 2 })
        #expect((0..<3).map { sampler.sample(at: $0).value } == [10, .min, -1])
    }

    @Test("What can't be read is no sample, and keeps the others from nothing") func unreadable() {
        bench.set(1, nil)
        sampler.ask()
        #expect(waited { sampler.sample(at: 2).number == 1 })
        #expect(sampler.sample(at: 1).number == 0)
        bench.set(1, 7)
        sampler.ask()
        #expect(waited { sampler.sample(at: 2).number == 2 })
        #expect(sampler.sample(at: 1).number == 1 && sampler.sample(at: 1).value == 7)
    }

    @Test("C-D1 a bus that hangs holds up nobody who asks; requests meanwhile make one round") func frozen() {
        bench.freeze(true)
        let start = Date()
        for _ in 0..<1000 { sampler.ask() }
        #expect(sampler.sample(at: 0).number == 0)
        #expect(Date().timeIntervalSince(start) < 1)
        bench.freeze(false)
        #expect(waited { sampler.sample(at: 2).number >= 1 })
        usleep(50_000)
        #expect(sampler.sample(at: 2).number <= 2)
    }
}
