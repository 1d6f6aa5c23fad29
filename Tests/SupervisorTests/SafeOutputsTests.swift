// The last resort against a chip that does not answer: nobody waits for it, the others are safe at once, it
// is told once by its name, and the watchdog is not fed for it for ever.
import Authority
import Board
import Foundation
import GPIO
@testable import Supervisor
import Testing

/// The outputs of one chip of no board.
private final class ChipBench: Pins, @unchecked Sendable {
    private let condition = NSCondition()
    private var levels: [Bool]
    private var isFrozen = false
    private var calls = 0

    /// The supervisor's outputs begin as somebody else left them.
    init(_ levels: [Bool]) { self.levels = levels }

    private func locked<T>(_ body: () -> T) -> T {
        condition.lock()
        defer { condition.broadcast(); condition.unlock() }
        return body()
    }

    func level(at place: Int) -> Level { .unreadable }
    func drive(_ place: Int, _ level: Bool) -> Bool {
        locked {
            calls += 1
            while isFrozen { condition.wait() }
            levels[place] = level
            return true
        }
    }

    func freeze(_ on: Bool) { locked { isFrozen = on } }
    func set(_ place: Int, _ level: Bool) { locked { levels[place] = level } }
    var state: [Bool] { locked { levels } }
    var callCount: Int { locked { calls } }
}

@Suite struct SafeOutputsTests {
    private let benches = [ChipBench([true, false]), ChipBench([true])]
    private let outputs: SafeOutputs<ChipBench>

    init() throws {
        func output(_ name: String, safe: Bool) -> Line { Line(name: name, kernelName: name, direction: .output(drive: .pushPull, safe: safe)) }
        let lines = [
            output("open", safe: false), output("heater", safe: false), output("close", safe: true),
            Line(name: "level", kernelName: "level", direction: .input(edges: .both)),
        ]
        let board = try BoardDescription(
            name: "bench", hardwareRevision: 1, machine: "x86_64", console: "/dev/ttyS0", memoryMegabytes: 64, kernelCommandLine: "",
            disk: "/dev/vda",
            partitions: PartitionLabel.allCases.map { Partition(label: $0, size: $0 == .slotA || $0 == .slotB ? 8 << 20 : $0 == .journal ? 1 << 20 : 65536) },
            lines: lines, watchdog: nil, tpm: .absent, network: NetworkInterface(name: "eth0", mode: .dhcp), testAccess: false)
        var chips = ChipMap()
        for chip in [0, 1, 0, 1] { chips.append(chip: "gpiochip\(chip)") }
        let benches = benches
        outputs = try SafeOutputs(board, chips) { lines in lines.count == 2 ? benches[0] : benches[1] }
    }

    private func soon(_ holds: () -> Bool) -> Bool {
        let end = Date(timeIntervalSinceNow: 2)
        while !holds() {
            guard Date() < end else { return false }
            usleep(500)
        }
        return true
    }

    @Test("P-E1 every output is driven to its value of last resort, and again when somebody else drove it since")
    func drives() {
        outputs.drive()
        #expect(soon { benches[0].state == [false, true] && benches[1].state == [false] })
        benches[0].set(0, true)
        outputs.drive()
        outputs.wait(milliseconds: 2000)
        #expect(benches[0].state == [false, true])
        for now in stride(from: UInt64(0), to: 10_000, by: 100) { outputs.watch(now: now) }
        #expect(outputs.takeNews() == nil && !outputs.isLost(now: 10_000))
    }

    @Test("P-E1 a chip that does not answer holds up neither the caller nor the other chip, has one call outstanding, and starves the watchdog")
    func frozen() {
        benches[0].freeze(true)
        let start = Date()
        // Once a tick, as for a controller that says nothing.
        for now in stride(from: UInt64(0), to: Authority.checkInMilliseconds, by: 100) {
            outputs.watch(now: now)
            outputs.drive()
            #expect(soon { benches[1].callCount > Int(now) / 100 })
            #expect(!outputs.isLost(now: now))
        }
        #expect(soon { benches[1].state == [false] })
        let last = Authority.checkInMilliseconds + 200
        outputs.watch(now: last)
        #expect(outputs.isLost(now: last))
        #expect(outputs.takeNews() == "a GPIO chip does not answer: gpiochip0: open close")
        #expect(outputs.takeNews() == nil)
        outputs.wait(milliseconds: 50)
        #expect(Date().timeIntervalSince(start) < 2)
        #expect(benches[0].callCount == 1 && benches[0].state == [true, false])
        benches[0].freeze(false)
        #expect(soon { benches[0].state == [false, true] })
        outputs.watch(now: last + 100)
        #expect(soon { outputs.watch(now: last + 100); return !outputs.isLost(now: last + 100) })
    }

    @Test("P-E1 outputs that are driven anew each tick, and answer, are never called lost")
    func busy() {
        for now in stride(from: UInt64(0), to: 6000, by: 100) {
            // Looked at before it can have answered, each time.
            outputs.drive()
            outputs.watch(now: now)
            #expect(!outputs.isLost(now: now))
            outputs.wait(milliseconds: 2000)
        }
        #expect(outputs.takeNews() == nil)
    }
}
