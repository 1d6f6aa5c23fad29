// The virtual board's calibration: compiled from its file, against the plant that the rig runs.

import Board
import Calibration
import Compiler
import Control
import Plant
import Testing

private let folder = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Boards/qemu-x86_64"

/// The control of the board's file and the plant of the rig, in simulated time.
private final class Bench {
    let calibration: Calibration
    var control: Control
    var tank = Tank()
    private var inputs: Inputs
    private var now: Int64 = 0
    private var pulses: Int64 = 0

    init() throws {
        calibration = try CalibrationCompiler.compile(folder)
        control = Control(calibration, nowMilliseconds: 0)
        inputs = Inputs(inputs: calibration.inputLines.count, outputs: calibration.outputLines.count, sensors: calibration.sensors.count)
    }

    func tick() {
        var outputs: [Plant.Line: Signal] = [:]
        for (name, level) in zip(calibration.outputLines, control.outputs) {
            outputs[Plant.Line(rawValue: name)!] = level ? .high : .low
        }
        for _ in 0..<calibration.tickMilliseconds { tank.step(outputs: outputs, microseconds: 1000) }
        now += Int64(calibration.tickMilliseconds)
        for (index, name) in calibration.inputLines.enumerated() { inputs.lines[index] = tank.input(Plant.Line(rawValue: name)!) ? .high : .low }
        for index in control.outputs.indices { inputs.readBacks[index] = control.outputs[index] ? .high : .low }
        inputs.pulses[2] = UInt32(tank.pulses - pulses)
        pulses = tank.pulses
        inputs.heartbeat = true
        control.step(inputs, nowMilliseconds: now)
        inputs.consumed()
    }

    func run(seconds: Int) { for _ in 0..<seconds * 1000 / calibration.tickMilliseconds { tick() } }

    func command(_ permille: Int) -> Reason {
        _ = inputs.add(SetpointCommand(identifier: 1, actuator: 0, permille: permille))
        tick()
        return control.outcomes[0].reason
    }

    var isTripped: Bool { control.isTripped }
    var isHealthy: Bool { control.isHealthy }
}

@Suite struct BoardCalibrationTests {
    @Test("The board's calibration compiles, fits its board, and draws")
    func compiles() throws {
        let calibration = try CalibrationCompiler.compile(folder)
        try CalibrationCompiler.checkWiring(calibration, try BoardCompiler.compile(folder), path: folder)
        #expect(try Calibration(decoding: calibration.encoded().span.bytes) == calibration)
        #expect(CalibrationPlot.svg(calibration).contains("envelope 50 %"))
    }

    @Test("P-E1 the story: to 40 %, 80 % refused, the tank fills, the high level trips, nothing is spilt")
    func story() throws {
        let bench = try Bench()
        bench.tank = Tank(inletPermille: 300, contentMicrolitres: 2_000_000)
        bench.run(seconds: 12)
        #expect(bench.isHealthy && bench.tank.inletPermille == 0)
        #expect(bench.command(400) == .none)
        bench.run(seconds: 5)
        #expect((392...408).contains(bench.tank.inletPermille))
        #expect(bench.command(800) == .limitPosition)
        var seconds = 6
        while !bench.isTripped, seconds < 100 { bench.run(seconds: 1); seconds += 1 }
        #expect((35...60).contains(seconds), "tripped after \(seconds) s")
        bench.run(seconds: 10)
        #expect(bench.tank.inletPermille == 0 && bench.tank.spiltMicrolitres == 0 && bench.tank.bothDrivenMicroseconds == 0)
        bench.tank.fill(toMicrolitres: 9_000_000)
        bench.run(seconds: 1)
        #expect(bench.command(400) == .tripped)
        bench.tank.resetPressed = true
        bench.run(seconds: 1)
        bench.tank.resetPressed = false
        bench.run(seconds: 1)
        #expect(!bench.isTripped && bench.tank.inletPermille == 0)
        #expect(bench.command(400) == .none)
    }

    @Test("A mistake is named with line, section, key and reason")
    func mistakes() throws {
        let lines = String(decoding: try readFile(folder + "/calibration.toml"), as: UTF8.self)
        func message(_ old: String, _ new: String) throws -> String {
            let path = "/tmp/calibration-\(UInt64.random(in: 0 ... .max)).toml"
            try writeFile(path, Array(lines.replacing(old, with: new, maxReplacements: 1).utf8))
            do throws(Failure) {
                _ = try CalibrationCompiler.compile(path)
                return "accepted"
            } catch { return error.text }
        }
        let line = 1 + lines.split(separator: "\n", omittingEmptySubsequences: false).firstIndex { $0.hasPrefix("position-maximum") }!
        #expect(try message("position-maximum-percent = 50", "position-maximum-percent = 101").hasPrefix("line \(line): actuator 1 (inlet): 'position-maximum' is 1010 permille"))
        #expect(try message("stroke-milliseconds = 8000", "stroke = 8000").contains("stroke-milliseconds or stroke-seconds"))
        #expect(try message("stroke-milliseconds = 8000", "stroke-milliseconds = 8000\nstroke-seconds = 8").contains("two units"))
        #expect(try message("coast-milliseconds", "coasting-milliseconds").contains("coast"))
        #expect(try message("sensor = \"level-high\"", "sensor = \"level\"").contains("there are level-high, level-low, flow"))
        #expect(try message("version = 1 ", "version = 1 \nversions = 2").contains("'versions': is unknown"))
    }
}
