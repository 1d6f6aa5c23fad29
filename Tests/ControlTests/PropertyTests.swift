// Any calibration, any machine, any orders, lies, faults, clocks and restarts, from seeds: the judge has
// nothing to object to, in ten million steps.

import Calibration
import ControlSimulation
import Foundation
import Synchronization
import Testing

/// The runs that are to be made, shared by the threads that make them.
private final class Runs: Sendable {
    let all: [(conduct: Conduct, seed: UInt64, steps: Int)]
    private let next = Mutex(0)
    private let made = Mutex(0)

    init(_ all: [(conduct: Conduct, seed: UInt64, steps: Int)]) { self.all = all }

    func take() -> (conduct: Conduct, seed: UInt64, steps: Int)? {
        next.withLock { i in
            defer { i += 1 }
            return i < all.count ? all[i] : nil
        }
    }

    func count(_ steps: Int) { made.withLock { $0 += steps } }
    var steps: Int { made.withLock { $0 } }
}

@Suite struct PropertyTests {
    /// Runs of each conduct, and the steps of each; the long ones are a share of them.
    static let runs = 510
    static let steps = 4000
    static let longRuns = 20
    static let longSteps = 100_000

    /// SEED_BASE=N begins elsewhere.
    static let seedBase = UInt64(ProcessInfo.processInfo.environment["SEED_BASE"] ?? "") ?? 0

    @Test("P-E1 P-E2 P-T3 ten million steps of arbitrary calibrations, machines, orders, lies, faults, clocks and restarts")
    func holds() async {
        var all: [(conduct: Conduct, seed: UInt64, steps: Int)] = []
        for i in 0..<Self.longRuns { all.append((.long, Self.seedBase + UInt64(i), Self.longSteps)) }
        for conduct in Conduct.allCases where conduct != .long {
            for i in 0..<Self.runs { all.append((conduct, Self.seedBase + UInt64(i), Self.steps)) }
        }
        let runs = Runs(all)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<ProcessInfo.processInfo.activeProcessorCount {
                group.addTask {
                    while let run = runs.take() {
                        let (made, wrong) = Campaign.run(run.conduct, seed: run.seed, steps: run.steps)
                        runs.count(made)
                        guard let wrong else { continue }
                        Issue.record("\(wrong) in step \(made) of \(run.conduct) \(run.seed): see it again with REPLAY='\(run.conduct) \(run.seed)' swift test --filter PropertyTests.replay")
                    }
                }
            }
        }
        print("\(runs.steps) steps, seed base \(Self.seedBase)")
        #expect(runs.steps >= 10_000_000)
    }

    /// What one run did up to where it went wrong.
    @Test("One run again", .enabled(if: ProcessInfo.processInfo.environment["REPLAY"] != nil))
    func replay() throws {
        let words = try #require(ProcessInfo.processInfo.environment["REPLAY"]).split(separator: " ")
        let conduct = try #require(Conduct.allCases.first { "\($0)" == words[0] })
        let seed = try #require(UInt64(words[1]))
        var campaign = Campaign(conduct, seed: seed)
        for (i, actuator) in campaign.calibration.actuators.enumerated() { print(i, actuator) }
        for trip in campaign.calibration.trips { print(trip) }
        for interlock in campaign.calibration.interlocks { print(interlock) }
        var latest: [String] = []
        for step in 1...Self.longSteps {
            let wrong = campaign.step()
            latest.append("\(step) \(campaign.line)")
            if latest.count > 40 { latest.removeFirst() }
            guard let wrong else { continue }
            for line in latest { print(line) }
            Issue.record("\(wrong) in step \(step)")
            return
        }
    }

    @Test("A run in which nothing is accepted, moves or trips would show nothing")
    func lives() {
        var (accepted, moved, tripped) = (0, 0, 0)
        for seed in 0..<20 {
            var campaign = Campaign(.sound, seed: UInt64(seed))
            for _ in 0..<2000 { #expect(campaign.step() == nil) }
            accepted += campaign.judge.accepted
            moved += campaign.judge.moved
            tripped += campaign.judge.tripped
        }
        #expect(accepted > 1000 && moved > 300 && tripped > 10, "\(accepted) accepted, \(moved) moves, \(tripped) trips")
    }
}
