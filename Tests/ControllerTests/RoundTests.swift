// A round against lines that fail: what is driven, in which order, and what a lost line brings.

import Board
import Calibration
import Control
@testable import Controller
import Testing

/// Lines of no board, that do as the test says.
final class Bench {
    var inputs = [Bool](repeating: false, count: 6)
    var outputs = [Bool](repeating: false, count: 3)
    var isDead = false
    var refusesOutput: Int?
    var log: [String] = []
}

/// Answers at once; the chips and their threads have tests of their own.
struct BenchLines: Lines {
    let bench: Bench
    private var driven: [Bool?] = [nil, nil, nil]

    init(bench: Bench) { self.bench = bench }

    private func reading(_ level: Bool) -> LineReading { bench.isDead ? .unreadable : level ? .high : .low }

    func watch(nowMilliseconds: Int64) {}
    func takeNews(ofChip: Int) -> ChipNews? { nil }
    func settle(into known: inout Inputs) -> Settling { .settled }

    func collect(into known: inout Inputs) {
        for i in bench.inputs.indices { known.lines[i] = reading(bench.inputs[i]) }
        for i in bench.outputs.indices { known.readBacks[i] = reading(bench.outputs[i]) }
    }

    func take(edge rising: Bool, input: Int, into known: inout Inputs) -> Bool {
        bench.log.append("edge \(input) \(rising)")
        known.lines[input] = reading(rising)
        return true
    }

    mutating func drive(_ levels: [Bool], ofEveryChip: Bool, into known: inout Inputs) {
        for level in [false, true] {
            for i in levels.indices where levels[i] == level && driven[i] != level {
                bench.log.append("drive \(i) \(level)")
                driven[i] = nil
                guard !bench.isDead, bench.refusesOutput != i else { continue }
                bench.outputs[i] = level
                driven[i] = level
            }
        }
    }
}

private func calibration(board: String = "bench", closeLine: String = "inlet-close", maximumOpen: Int = 60_000) throws -> Calibration {
    try Calibration(Calibration.Content(
        version: 1, board: board, tickMilliseconds: 50, supervisionTimeoutMilliseconds: 2000,
        resets: [Reset(name: "local", line: "reset-button", holdMilliseconds: 500)],
        sensors: [
            Sensor(name: "level-high", source: .switch(Switch(line: "level-high", debounceMilliseconds: 0, activeWhenHigh: true))),
            Sensor(name: "level-low", source: .switch(Switch(line: "level-low", debounceMilliseconds: 0, activeWhenHigh: true))),
            Sensor(name: "flow", source: .flowMeter(FlowMeter(line: "flow-pulse", microlitresPerPulse: 1000, maximumPulsesPerSecond: 500))),
        ],
        actuators: [
            Actuator(
                name: "inlet",
                drive: .motorValve(MotorValve(
                    openLine: "inlet-open", closeLine: closeLine, openEndLine: "inlet-open-end",
                    closedEndLine: "inlet-closed-end", endSwitchDebounceMilliseconds: 0, endSwitchTolerancePermille: 50,
                    strokeMilliseconds: 2000, strokeFastestMilliseconds: 1900, strokeSlowestMilliseconds: 2200,
                    coastMilliseconds: 0, restMilliseconds: 100)),
                envelope: Envelope(maximumPermille: 500, maximumAwayMilliseconds: maximumOpen), safeState: .closed, reset: 0),
            Actuator(
                name: "outlet",
                drive: .solenoid(Solenoid(
                    line: "outlet-energise", energiseToOpen: true, minimumOnMilliseconds: 0, minimumOffMilliseconds: 0, travelMilliseconds: 0)),
                safeState: .closed, reset: 0),
        ],
        trips: [Trip(name: "level-high", sensor: 0, condition: .active, delayMilliseconds: 0, actuators: [0], latched: true, reset: 0)]))
}

private let readyAt: Int64 = 4000

/// A round whose valve stands closed and referenced.
private func ready(_ bench: Bench) throws -> Round<BenchLines> {
    var round = Round(try calibration(), BenchLines(bench: bench), nowMilliseconds: 0)
    bench.inputs[5] = true
    var now: Int64 = 0
    for _ in 0..<80 {
        now += 50
        round.heartbeat()
        round.tick(nowMilliseconds: now)
    }
    let (isHealthy, isSupervised) = (round.isHealthy, round.isSupervised)
    #expect(isHealthy && isSupervised)
    bench.log = []
    #expect(now == readyAt)
    return round
}

extension Round {
    fileprivate var isHealthy: Bool { control.isHealthy }
    fileprivate var isSupervised: Bool { control.isSupervised }
    fileprivate var isTripped: Bool { control.isTripped }
}

@Suite struct RoundTests {
    @Test("The first round drives every line, off before on")
    func first() throws {
        let bench = Bench()
        bench.outputs = [true, false, true]
        var round = Round(try calibration(), BenchLines(bench: bench), nowMilliseconds: 0)
        round.tick(nowMilliseconds: 0)
        #expect(bench.log.filter { $0.hasPrefix("drive") } == ["drive 0 false", "drive 2 false", "drive 1 true"])
    }

    @Test("P-E1 an edge on the level switch closes the valve without waiting for the tick")
    func reaction() throws {
        let bench = Bench()
        var round = try ready(bench)
        var now = readyAt
        let isTaken = round.add(Request(identifier: 1, order: .setpoint(actuator: 0, permille: 400), issuers: 1))
        #expect(isTaken)
        round.tick(nowMilliseconds: now + 50)
        #expect(bench.outputs == [true, false, false])
        bench.log = []
        bench.inputs[1] = true
        let asks = round.edge(input: 1, rising: true)
        round.react(nowMilliseconds: now + 60)
        #expect(asks)
        #expect(bench.log == ["edge 1 true", "drive 0 false"])
        let isTripped = round.isTripped
        #expect(isTripped)
        now += 60
        for _ in 0..<2 { now += 50; round.tick(nowMilliseconds: now) }
        #expect(bench.outputs == [false, true, false])
    }

    @Test("Pulses of a meter are counted and ask for nothing")
    func pulses() throws {
        let bench = Bench()
        var round = try ready(bench)
        var now = readyAt
        for _ in 0..<25 {
            now += 50
            for _ in 0..<5 {
                let asks = round.edge(input: 3, rising: true)
                #expect(!asks)
                _ = round.edge(input: 3, rising: false)
            }
            round.tick(nowMilliseconds: now)
        }
        let flow = round.control.value(sensor: 2)
        #expect((95_000...105_000).contains(flow))
    }

    @Test("P-E1 a line that refuses to be driven is tried again and becomes a fault")
    func refusing() throws {
        let bench = Bench()
        var round = try ready(bench)
        var now = readyAt
        bench.refusesOutput = 0
        let isTaken = round.add(Request(identifier: 1, order: .setpoint(actuator: 0, permille: 400), issuers: 1))
        #expect(isTaken)
        for _ in 0..<10 { now += 50; round.heartbeat(); round.tick(nowMilliseconds: now) }
        #expect(bench.log.filter { $0 == "drive 0 true" }.count > 1)
        let fault = round.control.status(actuator: 0).fault
        #expect(fault == .readBack)
    }

    @Test("P-T3 dead lines: nothing opens, and the fault is named")
    func dead() throws {
        let bench = Bench()
        var round = try ready(bench)
        var now = readyAt
        bench.isDead = true
        for _ in 0..<100 {
            now += 50
            round.heartbeat()
            _ = round.add(Request(identifier: 1, order: .setpoint(actuator: 0, permille: 400), issuers: 1))
            round.tick(nowMilliseconds: now)
            let outcome = round.control.outcomes[0].reason
            #expect(outcome != .none)
        }
        let isHealthy = round.isHealthy
        #expect(!isHealthy)
        #expect(!bench.log.contains("drive 0 true"))
    }

    @Test("More requests than a round takes are turned away")
    func flood() throws {
        let bench = Bench()
        var round = try ready(bench)
        var taken = 0
        for i in 0..<1000 where round.add(Request(identifier: UInt64(i), order: .setpoint(actuator: 0, permille: 400), issuers: 1)) { taken += 1 }
        #expect(taken == Inputs.requestsMaximum)
    }
}

@Suite struct WiringTests {
    private func board() throws -> BoardDescription {
        let outputs = ["inlet-open", "inlet-close", "outlet-energise"]
        let inputs = ["inlet-open-end", "inlet-closed-end", "level-high", "level-low", "flow-pulse", "reset-button"]
        return try BoardDescription(
            name: "bench", hardwareRevision: 1, machine: "x86_64", console: "/dev/ttyS0", memoryMegabytes: 64,
            kernelCommandLine: "", disk: "/dev/vda",
            partitions: PartitionLabel.allCases.map { Partition(label: $0, size: $0.isOptional ? 0 : $0 == .slotA || $0 == .slotB ? 8 << 20 : $0 == .journal ? 1 << 20 : 65536) },
            lines: outputs.map { Line(name: $0, kernelName: $0, direction: .output(drive: .pushPull, safe: false)) }
                + inputs.map { Line(name: $0, kernelName: $0, direction: .input(edges: .both)) },
            watchdog: nil, tpm: .absent, network: NetworkInterface(name: "eth0", mode: .dhcp), testAccess: false)
    }

    /// The outputs are on the first chip; of the others every other one.
    private func chips() throws -> ChipMap {
        var map = ChipMap()
        for line in try board().lines.indices { map.append(chip: "gpiochip\(line < 3 ? 0 : line % 2)") }
        return map
    }

    @Test("P-E1 an actuator whose output lines are on two chips is refused: they could not be kept from contradicting each other")
    func twoChips() throws {
        var map = ChipMap()
        for line in try board().lines.indices { map.append(chip: "gpiochip\(line == 1 ? 1 : 0)") }
        #expect(throws: WiringError.twoChips(actuator: "inlet")) { try LinePlan(try calibration(), try board(), map, first: 5) }
    }

    @Test("Lines are found by name, whatever their order on the board")
    func order() throws {
        let plan = try LinePlan(try calibration(), try board(), try chips(), first: 5)
        #expect(plan.inputDescriptors == [13, 10, 11, 12, 8, 9])
        #expect(plan.descriptors == [[5, 6, 7, 9, 11, 13], [8, 10, 12]])
        #expect(plan.outputs == (0..<3).map { LinePlace(chip: 0, place: $0) })
        #expect(plan.inputs.map(\.chip) == [0, 1, 0, 1, 1, 0])
        #expect(plan.inputs.map(\.place) == [5, 1, 4, 2, 0, 3])
    }

    @Test("P-T4 a calibration of another board, or with lines that this one has not, is refused")
    func refusals() throws {
        let board = try board()
        func code(_ calibration: Calibration) -> String? {
            do throws(WiringError) {
                _ = try LinePlan(calibration, board, try! chips(), first: 5)
                return nil
            } catch { return error.code }
        }
        #expect(code(try calibration(board: "other")) == "calibration-other-board")
        #expect(code(try calibration(closeLine: "missing")) == "calibration-line-unknown")
        #expect(code(try calibration()) == nil)
    }
}
