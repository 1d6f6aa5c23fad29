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

    /// Runs, and tells what happened: code and reason.
    fileprivate mutating func happenings(seconds: Int) -> [String] {
        var happenings: [String] = []
        for _ in 0..<seconds * 1000 / calibration.tickMilliseconds {
            tick()
            for i in 0..<control.events.count { happenings.append("\(control.events[i].code.code) \(control.events[i].reason.code)") }
        }
        return happenings
    }
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

    @Test("P-E2 the level is high by the two loops that are left: the inlet closes though the switch says nothing")
    func voting() throws {
        var board = SimulatedBoard(try CalibrationCompiler.compile(folder))
        board.tank.faults = [.stuck(.levelHigh, false), .cutLoop(.levelA)]
        board.run(seconds: 12)
        #expect(board.command(400) == .none)
        board.run(seconds: 3)
        board.tank.fill(toMicrolitres: 19_300_000)
        let happenings = board.happenings(seconds: 8)
        #expect(happenings.contains("tripped condition") && board.isTripped, "\(happenings)")
        #expect(board.tank.inletPermille == 0)
    }

    @Test("V-S1 local beats remote, in the same envelope")
    func hand() throws {
        var board = SimulatedBoard(try CalibrationCompiler.compile(folder))
        board.run(seconds: 12)
        board.tank.panel.selector = .hand
        board.run(seconds: 1)
        #expect(board.command(200) == .localAuthority)
        // Its button counts for five seconds on end, so it is let go between.
        for _ in 0..<4 {
            board.tank.panel.openPressed = true
            board.run(seconds: 3)
            board.tank.panel.openPressed = false
            board.run(seconds: 1)
        }
        #expect((400...500).contains(board.tank.inletHighestPermille), "\(board.tank.inletHighestPermille)")
        board.tank.panel.selector = .off
        board.run(seconds: 7)
        #expect(board.tank.inletPermille == 0)
        #expect(board.command(200) == .selectorOff)
    }

    @Test("P-E1 the open door, the missing flow and the jammed inlet are found, each by its own reason")
    func faults() throws {
        let calibration = try CalibrationCompiler.compile(folder)
        var door = SimulatedBoard(calibration)
        door.run(seconds: 12)
        door.tank.panel.doorIsOpen = true
        let opened = door.happenings(seconds: 1)
        #expect(door.command(200) == .permissive && opened.contains("tripped condition"), "\(opened)")
        var dry = SimulatedBoard(calibration)
        dry.run(seconds: 12)
        dry.tank.supplyShut = true
        #expect(dry.command(300) == .none)
        let waited = dry.happenings(seconds: 9)
        #expect(waited.contains { $0.hasPrefix("no-response") }, "\(waited)")
        var jammed = SimulatedBoard(calibration)
        jammed.run(seconds: 12)
        jammed.tank.faults = [.jammedValve]
        #expect(jammed.command(400) == .none)
        let stuck = jammed.happenings(seconds: 6)
        #expect(stuck.contains("fault travel-deviation") || stuck.contains("fault travel-late"), "\(stuck)")
    }

    @Test("The article tells every key of the file, and every code of what happens")
    func article() throws {
        let root = folder.replacing("/Boards/qemu-x86_64", with: "")
        let article = String(decoding: try readFile(root + "/Sources/penstock/penstock.docc/Calibration.md"), as: UTF8.self)
        for reason in Reason.allCases where reason != .none { #expect(article.contains("`\(reason.code)`"), "the reason \(reason.code)") }
        for event in EventCode.allCases { #expect(article.contains("`\(event.code)`"), "the event \(event.code)") }
        let units = ["-permille-per-second", "-percent-per-second", "-milliseconds", "-seconds", "-minutes", "-hours", "-permille", "-percent"]
        let everything = String(decoding: try readFile(root + "/Tests/CompilerTests/Calibrations/everything.toml"), as: UTF8.self)
        for line in everything.split(separator: "\n") {
            guard let key = line.split(separator: " = ").first, line.contains(" = "), key != "version" else { continue }
            let bare = units.first { key.hasSuffix($0) }.map { String(key.dropLast($0.count)) } ?? String(key)
            #expect(article.contains("`\(key)`") || article.contains("`\(bare)`"), "the key \(key)")
        }
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
