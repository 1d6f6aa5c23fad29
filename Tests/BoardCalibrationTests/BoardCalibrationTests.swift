// The virtual board's calibration: compiled from its file, against the plant that the rig runs.

import Board
import BoardSimulation
import Calibration
import Compiler
import Control
import Foundation
import Plant
import Testing

private let folder = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Boards/qemu-x86_64"

private let inlet = 0

extension SimulatedBoard {
    fileprivate mutating func command(_ permille: Int) -> Reason { order(.setpoint(actuator: inlet, permille: permille)) }
    fileprivate var isTripped: Bool { control.isTripped }
    fileprivate var isHealthy: Bool { control.isHealthy }
}

@Suite struct BoardCalibrationTests {
    @Test("The board's calibration compiles, fits its board, and draws")
    func compiles() throws {
        let calibration = try CalibrationCompiler.compile(folder)
        try CalibrationCompiler.checkWiring(calibration, try BoardCompiler.compile(folder), path: folder)
        #expect(try Calibration(decoding: calibration.encoded().span.bytes) == calibration)
        let drawing = CalibrationPlot.svg(calibration)
        for actuator in calibration.actuators { #expect(drawing.contains(">\(actuator.name)<")) }
    }

    @Test("P-E1 the story: to 40 %, 80 % refused, the tank fills, the high level trips, nothing is spilt")
    func story() throws {
        var board = SimulatedBoard(try CalibrationCompiler.compile(folder), tank: Tank(inletPermille: 300, contentMicrolitres: 4_000_000))
        board.run(seconds: 12)
        #expect(board.isHealthy && board.tank.inletPermille == 0)
        #expect(board.command(400) == .none)
        board.run(seconds: 5)
        #expect((392...408).contains(board.tank.inletPermille))
        #expect(board.command(800) == .limitPosition)
        var seconds = 6
        while !board.isTripped, seconds < 100 {
            board.run(seconds: 1)
            seconds += 1
        }
        #expect((30...55).contains(seconds), "tripped after \(seconds) s")
        board.run(seconds: 10)
        #expect(board.tank.inletPermille == 0 && board.tank.spiltMicrolitres == 0 && board.tank.bothDrivenMicroseconds == 0)
        board.tank.fill(toMicrolitres: 9_000_000)
        board.run(seconds: 8)
        #expect(board.command(400) == .tripped)
        board.reset()
        #expect(!board.isTripped && board.tank.inletPermille == 0)
        #expect(board.command(400) == .none)
    }

    /// `PENSTOCK_HOURS` asks for more of it, `PENSTOCK_SEED` for another of it.
    @Test("P-E1 P-E2 P-T3 V-S1 days of orders, people and faults: nothing spilt, envelope, duty and safety times kept")
    func days() throws {
        let calibration = try CalibrationCompiler.compile(folder)
        let environment = ProcessInfo.processInfo.environment
        let seed = UInt64(environment["PENSTOCK_SEED"] ?? "") ?? 4
        let hours = Int(environment["PENSTOCK_HOURS"] ?? "") ?? 72
        let start = Date()
        var run = Hours(calibration, seed: seed)
        let verdict = run.run(hours: hours)
        let took = Date().timeIntervalSince(start)
        print(String(
            format: "seed %llu: %.0f hours of the plant in %.0f s: %d orders, %d taken; %d faults, %d trips, %d resets, %d bypasses, %d openings; inlet at most %lld permille, %.2f l of 20; closed within %lld of 8000 ms; %d pump starts and %.1f s of heating in an hour",
            seed, verdict.hours, took, verdict.orders, verdict.accepted, verdict.faults, verdict.trips, verdict.resets, verdict.bypasses,
            verdict.openings, verdict.highestPermille, verdict.highestLitres, verdict.slowestMilliseconds, verdict.pumpStartsInAnHour,
            verdict.heaterSecondsInAnHour))
        #expect(verdict.complaints.isEmpty, "seed \(seed): \(verdict.complaints)")
        // It must have lived: what never moves keeps every limit.
        #expect(verdict.openings > hours && verdict.trips > hours / 2 && verdict.faults > hours)
        #expect(verdict.highestPermille > 440 && verdict.highestLitres > 18 && verdict.pumpStartsInAnHour >= 4 && verdict.heaterSecondsInAnHour > 30)
    }

    @Test("A proof test that is not made is overdue after its interval, and not before")
    func overdue() throws {
        let calibration = try CalibrationCompiler.compile(folder)
        guard case .motorValve(let valve) = calibration.actuators[inlet].drive, let test = valve.proofTest else {
            Issue.record("the inlet has no proof test")
            return
        }
        var board = SimulatedBoard(calibration)
        var overdueAfter = 0.0
        // An hour at a step: the control takes no longer pauses.
        for hour in 1...test.intervalHours + 1 where overdueAfter == 0 {
            for code in board.pass(hours: 1) where code == .proofOverdue { overdueAfter = Double(hour) }
        }
        #expect(overdueAfter == Double(test.intervalHours))
    }

    @Test("A mistake is named with line, section, key and reason")
    func mistakes() throws {
        let lines = String(decoding: try readFile(folder + "/calibration.toml"), as: UTF8.self)
        func message(_ old: String, _ new: String) throws -> String {
            let path = "/tmp/calibration-\(UInt64.random(in: 0 ... .max)).toml"
            try writeFile(path, Array(lines.replacing(old, with: new, maxReplacements: 1).utf8))
            defer { try? FileManager.default.removeItem(atPath: path) }
            do throws(Failure) {
                _ = try CalibrationCompiler.compile(path)
                return "accepted"
            } catch { return error.text }
        }
        let line = 1 + lines.split(separator: "\n", omittingEmptySubsequences: false).firstIndex { $0.hasPrefix("position-maximum") }!
        let beyond = try message("position-maximum-percent = 50", "position-maximum-percent = 101")
        #expect(beyond.hasPrefix("line \(line): actuator 'inlet', 'position-maximum"), "\(beyond)")
        #expect(try message("stroke-milliseconds = 8000", "stroke = 8000").contains("stroke-milliseconds or stroke-seconds"))
        #expect(try message("stroke-milliseconds = 8000", "stroke-milliseconds = 8000\nstroke-seconds = 8").contains("two units"))
        #expect(try message("coast-milliseconds", "coasting-milliseconds").contains("coast"))
        #expect(try message("sensor = \"level-high\"", "sensor = \"level-higher\"").contains("there are level-high, level-low, flow"))
        #expect(try message("version = 1 ", "version = 1 \nversions = 2").contains("'versions'"))
    }
}
