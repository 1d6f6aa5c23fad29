// The analogue inputs of two converters, one of which hangs: what a round is told of each.

import Board
@testable import Controller
import Foundation
import IIO
import Testing

/// The channels of one converter of no board: each gives its place in the board file, and a count of rounds.
private final class CountingChannels: Channels, @unchecked Sendable {
    private let indices: [Int]
    private let condition = NSCondition()
    private var round: Int32 = 0
    private var isFrozen = false
    init(_ indices: [Int]) { self.indices = indices }

    func counts(at place: Int) -> Int32? {
        condition.lock()
        defer { condition.unlock() }
        while isFrozen { condition.wait() }
        if place == 0 { round += 1 }
        return Int32(indices[place]) * 1000 + round
    }

    func freeze(_ on: Bool) {
        condition.lock()
        isFrozen = on
        condition.broadcast()
        condition.unlock()
    }
}

private func board() throws -> BoardDescription {
    let sizes = [65536, 65536, 1 << 20, 1 << 20, 1 << 20, 65536, 0, 0]
    return try BoardDescription(
        name: "bench", hardwareRevision: 1, machine: "x86_64", console: "/dev/ttyS0", memoryMegabytes: 64, kernelCommandLine: "",
        disk: "/dev/vda", partitions: zip(PartitionLabel.allCases, sizes).map { Partition(label: $0, size: $1) }, lines: [], watchdog: nil,
        tpm: .absent, network: NetworkInterface(name: "eth0", mode: .dhcp), testAccess: false,
        converters: ["one", "two", "unused"].map { Converter(name: $0, device: $0, place: nil) },
        analogues: [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0)].enumerated().map { Analogue(name: "a\($0)", converter: $1.0, channel: UInt8($1.1)) })
}

@Suite(.serialized) struct AnalogueBankTests {
    private func bank(_ names: [String], made: (CountingChannels) -> Void = { _ in }) throws -> AnalogueBank<CountingChannels> {
        let samplers = try (0..<3).map { _ in
            let sampler = Sampler<CountingChannels>()
            try sampler.start()
            return sampler
        }
        return try AnalogueBank(names, try board(), samplers) { indices in
            let channels = CountingChannels(indices)
            made(channels)
            return channels
        }
    }

    /// What comes within two seconds.
    private func next(_ bank: inout AnalogueBank<CountingChannels>, _ index: Int) -> Int32? {
        for _ in 0..<2000 {
            if let counts = bank.take(index) { return counts }
            usleep(1000)
        }
        return nil
    }

    @Test("Each input comes from its own channel, in the calibration's order, and each sample counts once")
    func order() throws {
        var bank = try bank(["a3", "a0", "a2"])
        #expect(bank.count == 3)
        for index in 0..<3 {
            let early = bank.take(index)
            #expect(early == nil)
        }
        for round in 1...3 as ClosedRange<Int32> {
            bank.ask()
            let taken = (0..<3).map { next(&bank, $0) }
            #expect(taken == [3000 + round, 0 + round, 2000 + round])
            let again = (0..<3).map { bank.take($0) }
            #expect(again == [nil, nil, nil])
        }
    }

    @Test("Of a bus that hangs nothing new comes; the other converter's inputs go on")
    func frozen() throws {
        var made: [CountingChannels] = []
        var bank = try bank(["a0", "a1"]) { made.append($0) }
        try #require(made.count == 2)
        made[0].freeze(true)
        for round in 1...5 as ClosedRange<Int32> {
            bank.ask()
            let other = next(&bank, 1)
            #expect(other == 1000 + round)
        }
        let stale = bank.take(0)
        #expect(stale == nil)
        made[0].freeze(false)
        let back = next(&bank, 0)
        // The read that hung, or already the round that was asked for meanwhile.
        #expect(back == 1 || back == 2)
    }

    @Test("An input that the board does not have is refused by its name")
    func unknown() throws {
        do {
            _ = try bank(["a0", "level"])
            Issue.record("it was taken")
        } catch let error as WiringError {
            #expect(error.code == "calibration-analogue-unknown" && error.text.contains("'level'"))
        }
    }
}
