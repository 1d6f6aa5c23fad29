// What the first stage hands over in a file in memory, and that nothing malformed is taken for it.
@testable import Boot
import Bytes
import Foundation
import SeededRandom
import SimulatedDisk
import System
import Testing

private func number() -> Int32 { open("/dev/null", O_RDWR | O_CLOEXEC) }
private func lives(overExec descriptor: Int32) -> Bool { fcntl(descriptor, F_GETFD) & FD_CLOEXEC == 0 }

private func handover(lines: [Int32] = [], analogues: [Int32] = [], watchdog: Int32 = -1) -> Handover {
    Handover(
        lines: lines, analogues: analogues, watchdog: watchdog, slot: 1, keySet: [1], board: [2, 2], commissioning: [],
        manifest: [UInt8](repeating: 4, count: 65536), calibration: [6], report: [5])
}

private func encoded(_ handover: Handover) throws -> [UInt8] {
    let file = Descriptor(owning: try handover.keep())
    return try file.read(count: Int(file.size()), at: 0)
}

private func taken(_ bytes: [UInt8]) throws -> Handover? { Handover(from: try memoryFile("handover", bytes).release()) }

@Suite(.serialized) struct HandoverTests {
    @Test("everything comes over; lines, analogue inputs and watchdog stay open over that exec, and close over the next")
    func roundTrip() throws {
        let lines = [number(), number()], analogues = [number(), -1, number()], watchdog = number()
        let open = lines + [analogues[0], analogues[2], watchdog]
        defer { for descriptor in open { close(descriptor) } }
        let file = try handover(lines: lines, analogues: analogues, watchdog: watchdog).keep()
        for descriptor in open + [file] { #expect(lives(overExec: descriptor)) }
        let over = try #require(Handover(from: file))
        #expect(over.lines == lines)
        #expect(over.analogues == analogues)
        #expect(over.watchdog == watchdog)
        #expect(over.slot == 1)
        #expect(over.keySet == [1])
        #expect(over.board == [2, 2])
        #expect(over.commissioning == [])
        #expect(over.manifest == [UInt8](repeating: 4, count: 65536))
        #expect(over.calibration == [6])
        #expect(over.report == [5])
        for descriptor in open { #expect(!lives(overExec: descriptor)) }
        // The file itself is closed: it is read once.
        #expect(fcntl(file, F_GETFD) < 0 || Handover(from: dup(file)) == nil)
    }

    @Test("a board without lines or watchdog hands over too")
    func without() throws {
        let over = try #require(try taken(try encoded(handover())))
        #expect(over.lines.isEmpty && over.analogues.isEmpty)
        #expect(over.watchdog < 0)
    }

    @Test("P-E2 every truncation is refused, and so is what follows the end")
    func truncated() throws {
        let bytes = try encoded(handover())
        for length in Array(0..<40) + [1000, 65535, bytes.count - 1] { #expect(try taken(Array(bytes.prefix(length))) == nil, "\(length) bytes") }
        #expect(try taken(bytes + [0]) == nil)
    }

    @Test("P-E2 a file beyond the maximum, too many lines and numbers that are none are refused")
    func bounds() throws {
        let most = [UInt8](repeating: 4, count: 65536)
        let large = Handover(lines: [], analogues: [], watchdog: -1, slot: 1, keySet: [], board: [], commissioning: most, manifest: most, calibration: [], report: [])
        #expect(try taken(try encoded(large)) == nil)
        func written(lines: Int, line: UInt64 = 3, analogues: Int = 0, analogue: Int64 = -1) -> [UInt8] {
            var writer = CBORWriter()
            writer.array(10)
            writer.array(lines)
            for _ in 0..<lines { writer.unsigned(line) }
            writer.array(analogues)
            for _ in 0..<analogues { writer.integer(analogue) }
            writer.integer(-1)
            writer.unsigned(0 as UInt64)
            for _ in 0..<6 { writer.bytes([]) }
            return writer.bytes
        }
        #expect(try taken(written(lines: 0)) != nil)
        #expect(try taken(written(lines: 65)) == nil)
        #expect(try taken(written(lines: 1, line: 1025)) == nil)
        #expect(try taken(written(lines: 1, line: .max)) == nil)
        #expect(try taken(written(lines: 0, analogues: 16)) != nil)
        #expect(try taken(written(lines: 0, analogues: 17)) == nil)
        for number in [-2, 1025, Int64.min, .max] { #expect(try taken(written(lines: 0, analogues: 1, analogue: number)) == nil) }
    }

    @Test("a number that is no file, or a file that can't be sought, is refused")
    func noFile() {
        #expect(Handover(from: 1023) == nil)
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        #expect(Handover(from: ends[0]) == nil)
        close(ends[1])
    }

    @Test("P-E2 no mutation traps the second stage")
    func mutated() throws {
        let small = Handover(lines: [], analogues: [], watchdog: -1, slot: 0, keySet: [1, 2], board: [3], commissioning: [4], manifest: [5], calibration: [7], report: [6])
        let bytes = try encoded(small)
        var random = Seeded(4), refused = 0
        for _ in 0..<3000 {
            var altered = bytes
            let at = Int.random(in: 0..<altered.count, using: &random)
            altered[at] = UInt8.random(in: 0...255, using: &random)
            // Lines stay none: a number that is somebody else's must not have its flags changed here.
            guard altered[1] == bytes[1], altered[2] == bytes[2] else { continue }
            if try taken(altered) == nil { refused += 1 }
        }
        #expect(refused > 500)
    }
}
