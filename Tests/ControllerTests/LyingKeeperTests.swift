// A keeper that was taken over: it says all that it can to the controller, as fast as the channel takes it. The
// controller's own loop, its threads, real sockets and real time; the plant judges.

import Authority
import Board
import Bytes
import Calibration
import Compiler
import Control
@testable import Controller
import ControlSimulation
import Foundation
import GPIO
import IIO
import Plant
import enum Plant.Line
import SeededRandom
import SimulatedRelease
import Signed
import System
import Testing

private let folder = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Boards/qemu-x86_64"

/// The rig's plant beside the wall clock.
private final class World: @unchecked Sendable {
    private let lock = NSLock()
    private var tank = Tank()
    private var outputs: [Line: Signal] = [:]
    private var movedAt = monotonicMilliseconds()
    /// From the high level until nothing opened any more, milliseconds.
    private(set) var reaction: UInt64?
    private var highAt: UInt64?

    private func locked<T>(_ body: () -> T) -> T {
        lock.lock()
        defer { lock.unlock() }
        let now = monotonicMilliseconds()
        for _ in 0..<(now - movedAt) { tank.step(outputs: outputs, microseconds: 1000) }
        movedAt = now
        return body()
    }

    func level(_ line: Line) -> Level {
        locked {
            let isHigh = line.isOutput ? outputs[line] == .high : tank.input(line)
            return isHigh ? .high : .low
        }
    }

    func drive(_ line: Line, _ level: Bool) {
        locked {
            outputs[line] = Signal(level)
            if line == .inletOpen, !level, let highAt, reaction == nil { reaction = movedAt - highAt }
        }
    }

    func counts(_ transmitter: Transmitter) -> Int32 { locked { Int32(tank.microvolts(transmitter) / 1000) } }

    /// The water rises to the high mark.
    func rise() {
        locked {
            tank.fill(toMicrolitres: 18_050_000)
            highAt = movedAt
        }
    }

    func shutSupply() { locked { tank.supplyShut = true } }
    var now: Tank { locked { tank } }
    var isOpening: Bool { locked { outputs[.inletOpen] == .high } }
}

private struct WorldPins: Pins {
    let world: World
    let lines: [Line]

    func level(at place: Int) -> Level { world.level(lines[place]) }

    func drive(_ place: Int, _ level: Bool) -> Bool {
        world.drive(lines[place], level)
        return true
    }
}

private struct WorldChannels: Channels {
    let world: World
    let transmitters: [Transmitter]

    func counts(at place: Int) -> Int32? { world.counts(transmitters[place]) }
}

/// What came out of the controller meanwhile.
private struct Heard {
    var checkIns = 0, longestMilliseconds: UInt64 = 0, lateTicks = 0, latestMilliseconds: Int64 = 0
    var accepted = 0, refused = 0, trips = 0
    var failure = ""
}

/// The controller in a thread of its own, with both of its peers in the test's hands.
private final class Running: @unchecked Sendable {
    let keeper: Int32
    private(set) var supervisor: Int32
    private let ended = DispatchSemaphore(value: 0)
    private var buffer = [UInt8](repeating: 0, count: Channel.packetMaximum)
    private var checkedInAt = monotonicMilliseconds()
    private(set) var heard = Heard()

    init(_ world: World) throws {
        let board = try BoardCompiler.compile(folder)
        let compiled = try CalibrationCompiler.compile(folder)
        let signer = try SimulatedSigner()
        let object = try signer.sign(compiled.encoded(), purpose: .calibration)
        let inForce = CalibrationInForce(try verify(object.span.bytes, as: Calibration.self, with: signer.keys), signer.keys)
        var map = ChipMap()
        for line in board.lines { map.append(chip: Line(rawValue: line.name)!.chip.rawValue) }
        let whole = try LinePlan(compiled, board, map, first: 0)
        // Levels alone: where edges would come, no descriptor is.
        let plan = LinePlan(inputs: whole.inputs, inputDescriptors: [], outputs: whole.outputs, descriptors: whole.descriptors)
        let linesOfChip = map.names.indices.map { chip in
            board.lines.indices.filter { map.chipOfLine[$0] == chip }.map { Line(rawValue: board.lines[$0].name)! }
        }
        var chips: [GPIO.Chip<WorldPins>] = []
        for _ in map.names {
            chips.append(GPIO.Chip())
            try chips[chips.count - 1].start()
        }
        let sampler = Sampler<WorldChannels>()
        try sampler.start()
        let (ours, theirs) = try Channel.raw()
        let (above, below) = try Channel.raw()
        keeper = ours
        supervisor = above
        let words = ChipWords(map, board)
        let started = chips
        let thread = Thread { [ended] in
            do {
                var lines = LineBank(plan, started) { WorldPins(world: world, lines: linesOfChip[$0]) }
                try lines.begin(tickMilliseconds: compiled.tickMilliseconds)
                let analogues = try AnalogueBank(compiled.analogueChannels, board, [sampler]) { places in
                    WorldChannels(world: world, transmitters: places.map { Transmitter(rawValue: board.analogues[$0].name)! })
                }
                var controller = Controller(
                    inForce, lines, [], analogues, words, try Ticker(periodMilliseconds: UInt64(compiled.tickMilliseconds)),
                    supervisor: below, keeper: theirs)
                _ = controller.run()
            } catch { Issue.record("the controller did not start: \(error)") }
            close(below)
            close(theirs)
            ended.signal()
        }
        thread.start()
    }

    /// Takes what the supervisor is told.
    func hearForSupervisor() {
        while let count = try? receivePacket(into: &buffer, on: supervisor), count > 0 {
            guard let message = try? decode(RoleMessage.self, buffer.span.bytes.extracting(0..<count)) else { continue }
            if case .checkIn = message {
                let now = monotonicMilliseconds()
                heard.longestMilliseconds = max(heard.longestMilliseconds, now - checkedInAt)
                heard.checkIns += 1
                checkedInAt = now
            }
        }
    }

    /// Takes what the keeper is told.
    func hearForKeeper() {
        while let count = try? receivePacket(into: &buffer, on: keeper), count > 0 {
            guard let message = try? decode(ControllerToKeeper.self, buffer.span.bytes.extracting(0..<count)) else { continue }
            switch message {
            case .outcome(_, let code): if code == 0 { heard.accepted += 1 } else { heard.refused += 1 }
            case .event(let number, _, let value):
                switch Control.eventNames(number)?.code {
                case "tick-late":
                    heard.lateTicks += 1
                    heard.latestMilliseconds = max(heard.latestMilliseconds, value)
                case "tripped": heard.trips += 1
                default: break
                }
            default: break
            }
        }
    }

    func say(_ message: KeeperToController) -> Bool {
        var writer = CBORWriter()
        message.encode(into: &writer)
        return say(writer.bytes)
    }

    /// False if the channel is full.
    func say(_ bytes: [UInt8]) -> Bool { (try? sendPacket(bytes.span.bytes, on: keeper)) ?? false }

    /// Goes away, as a supervisor that ended: the controller ends as well.
    func end() -> Bool {
        close(supervisor)
        supervisor = -1
        let isOver = ended.wait(timeout: .now() + 5) == .success
        close(keeper)
        return isOver
    }
}

/// The next thing that a lying keeper says.
private func lie(_ random: inout Seeded) -> [UInt8] {
    func number(_ bound: Int) -> Int { random.below(bound) }
    let actuator = number(10) == 0 ? number(256) : number(4)
    let extremes = [0, 1, 49, 50, 499, 500, 501, 999, 1000, 1001, 32_767, 65_535]
    let permille = number(3) == 0 ? number(65_536) : extremes[number(extremes.count)]
    let orders: [Order] = [
        .setpoint(actuator: actuator, permille: permille), .select(actuator: actuator, permille: permille), .renew(actuator: actuator),
        .release(actuator: actuator), .phase(number(256)), .bypass(trip: actuator, minutes: number(65_536)), .partialStroke(actuator: actuator),
    ]
    var writer = CBORWriter()
    let message: KeeperToController =
        number(12) == 0 ? .heartbeat : .request(id: random.next(), orders[number(orders.count)], issuers: UInt32(truncatingIfNeeded: random.next()))
    message.encode(into: &writer)
    var bytes = writer.bytes
    switch number(8) {
    case 0: for _ in 0...number(3) { bytes[number(bytes.count)] ^= UInt8(1 << number(8)) }
    case 1: bytes = Array(bytes.prefix(number(bytes.count) + 1))
    case 2: bytes += (0..<number(64) + 1).map { _ in UInt8(number(256)) }
    case 3: bytes = (0..<number(Channel.packetMaximum) + 1).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    default: break
    }
    return bytes
}

@Suite(.serialized) struct LyingKeeperTests {
    @Test("P-E1 P-E2 a keeper that lies at line rate: outputs stay inside, the tick holds, the trip comes in time", .timeLimit(.minutes(2)))
    func lies() throws {
        let world = World()
        let running = try Running(world)
        func wait(_ seconds: Double, until holds: () -> Bool) -> Bool {
            let end = monotonicMilliseconds() + UInt64(seconds * 1000)
            while monotonicMilliseconds() < end {
                _ = running.say(.heartbeat)
                running.hearForSupervisor()
                running.hearForKeeper()
                if holds() { return true }
                usleep(20_000)
            }
            return false
        }
        // Honest, until the inlet has found its end and opens as it is asked to.
        #expect(wait(15) { running.say(.request(id: 1, .setpoint(actuator: 0, permille: 300), issuers: 1)) && world.isOpening })
        var random = Seeded(7), sent = 0, full = 0
        let start = monotonicMilliseconds()
        var hasRisen = false, wasOpening = false
        while monotonicMilliseconds() - start < 20_000 {
            for _ in 0..<64 { if running.say(lie(&random)) { sent += 1 } else { full += 1 } }
            // In the second half, once it has heard of the trip, it does not even read what it is told.
            if monotonicMilliseconds() - start < 10_000 || running.heard.trips == 0 { running.hearForKeeper() }
            running.hearForSupervisor()
            wasOpening = wasOpening || world.isOpening
            if !hasRisen, monotonicMilliseconds() - start > 5000, world.isOpening {
                hasRisen = true
                world.rise()
            }
        }
        running.hearForKeeper()
        let tank = world.now
        let heard = running.heard
        print("""
            a lying keeper: \(sent) messages in 20 s, \(full) times the channel was full; \(heard.accepted) taken, \(heard.refused) refused; \
            \(heard.lateTicks) ticks late, \(heard.latestMilliseconds) ms at most; the supervisor waited \(heard.longestMilliseconds) ms at most; \
            the inlet at most \(tank.inletHighestPermille) permille, stopped \(world.reaction.map(String.init) ?? "never,") ms after the high level
            """)
        #expect(tank.inletHighestPermille <= 500 && tank.bothDrivenMicroseconds == 0 && tank.spiltMicrolitres == 0 && tank.pump.bothDrivenMicroseconds == 0)
        #expect(sent > 20_000, "it was no flood")
        #expect(wasOpening && hasRisen && heard.trips > 0, "nothing moved: nothing was shown")
        // Two ticks, and what a machine with other work adds.
        let reaction = try #require(world.reaction)
        #expect(reaction < 100 + 400)
        #expect(heard.checkIns > 100 && heard.longestMilliseconds < 1000 && heard.latestMilliseconds < 1000)
        #expect(running.end())
    }
}
