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
    /// The codes and reasons of everything that happened, with what it happened to.
    private(set) var happened: [String] = []

    init() throws {
        calibration = try CalibrationCompiler.compile(folder)
        control = Control(calibration, nowMilliseconds: 0)
        inputs = Inputs(calibration)
    }

    func tick() {
        var outputs: [Plant.Line: Signal] = [:]
        for (name, level) in zip(calibration.outputLines, 0...) { outputs[Plant.Line(rawValue: name)!] = control.outputs[level] ? .high : .low }
        for _ in 0..<calibration.tickMilliseconds { tank.step(outputs: outputs, microseconds: 1000) }
        now += Int64(calibration.tickMilliseconds)
        sense()
        control.step(inputs, nowMilliseconds: now)
        for i in 0..<control.events.count {
            let event = control.events[i]
            happened.append("\(event.code.code) \(event.reason.code) \(calibration.point(Int(event.index)))")
        }
        inputs.consumed()
    }

    private func sense() {
        for (index, name) in calibration.inputLines.enumerated() {
            inputs.lines[index] = tank.input(Plant.Line(rawValue: name)!) ? .high : .low
            if name == "flow-pulse" { inputs.pulses[index] = UInt32(tank.pulses - pulses) }
        }
        pulses = tank.pulses
        for (index, name) in calibration.analogueChannels.enumerated() {
            // A millivolt a count, as the board's converter has it.
            inputs.analogues[index] = AnalogueReading(counts: Int32(tank.microvolts(Transmitter(rawValue: name)!) / 1000), isFresh: true)
        }
        for index in control.outputs.indices { inputs.readBacks[index] = control.outputs[index] ? .high : .low }
        inputs.heartbeat = true
    }

    func run(seconds: Double) { for _ in 0..<Int(seconds * 1000) / calibration.tickMilliseconds { tick() } }

    func ask(_ order: Order, issuers: UInt32 = 1) -> Reason {
        _ = inputs.add(Request(identifier: 1, order: order, issuers: issuers))
        tick()
        return control.outcomes[0].reason
    }

    func command(_ permille: Int) -> Reason { ask(.setpoint(actuator: 0, permille: permille)) }
    func actuator(_ name: String) -> Int { calibration.actuators.firstIndex { $0.name == name }! }
    func has(_ happening: String) -> Bool { happened.contains(happening) }

    /// The button at the machine, pressed for a second and let go.
    func press() {
        tank.resetPressed = true
        run(seconds: 1)
        tank.resetPressed = false
        run(seconds: 1)
    }

    var isTripped: Bool { control.isTripped }
    var isHealthy: Bool { control.isHealthy }
}

extension Calibration {
    /// The name of what an event is about: actuators first, then sensors.
    fileprivate func point(_ index: Int) -> String {
        index < actuators.count ? actuators[index].name : index - actuators.count < sensors.count ? sensors[index - actuators.count].name : "\(index)"
    }
}

@Suite struct BoardCalibrationTests {
    @Test("The board's calibration compiles, fits its board, and draws")
    func compiles() throws {
        let calibration = try CalibrationCompiler.compile(folder)
        try CalibrationCompiler.checkWiring(calibration, try BoardCompiler.compile(folder), path: folder)
        #expect(try Calibration(decoding: calibration.encoded().span.bytes) == calibration)
        #expect(CalibrationPlot.svg(calibration).contains("50 % at most"))
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

    @Test("P-E2 the level is high by two of three: the inlet closes though the switch says nothing")
    func voting() throws {
        let bench = try Bench()
        bench.tank.faults = [.stuck(.levelHigh, false), .cutLoop(.levelA)]
        bench.run(seconds: 12)
        #expect(bench.command(400) == .none)
        bench.run(seconds: 3)
        bench.tank.fill(toMicrolitres: 19_300_000)
        bench.run(seconds: 0.2)
        #expect(bench.isTripped && bench.has("tripped condition inlet"), "\(bench.happened)")
        bench.run(seconds: 8)
        #expect(bench.tank.inletPermille == 0)
    }

    @Test("V-S1 local beats remote, in the same envelope")
    func hand() throws {
        let bench = try Bench()
        bench.run(seconds: 12)
        bench.tank.panel.selector = .hand
        bench.run(seconds: 1)
        #expect(bench.command(200) == .localAuthority)
        // Its button counts for five seconds on end, so it is let go between.
        for _ in 0..<4 {
            bench.tank.panel.openPressed = true
            bench.run(seconds: 3)
            bench.tank.panel.openPressed = false
            bench.run(seconds: 0.5)
        }
        #expect((400...500).contains(bench.tank.inletHighestPermille), "\(bench.tank.inletHighestPermille)")
        bench.tank.panel.selector = .off
        bench.run(seconds: 7)
        #expect(bench.tank.inletPermille == 0)
        #expect(bench.command(200) == .selectorOff)
    }

    @Test("P-E1 the open door, the missing flow and the position that deviates are found, each by its own reason")
    func faults() throws {
        let door = try Bench()
        door.run(seconds: 12)
        door.tank.panel.doorIsOpen = true
        door.run(seconds: 1)
        #expect(door.command(200) == .permissive && door.has("tripped condition heater"), "\(door.happened)")
        let dry = try Bench()
        dry.run(seconds: 12)
        dry.tank.supplyShut = true
        #expect(dry.command(300) == .none)
        dry.run(seconds: 9)
        #expect(dry.happened.contains { $0.hasPrefix("no-response") }, "\(dry.happened)")
        let jammed = try Bench()
        jammed.run(seconds: 12)
        jammed.tank.faults = [.jammedValve]
        #expect(jammed.command(400) == .none)
        jammed.run(seconds: 6)
        #expect(jammed.has("fault travel-deviation inlet") || jammed.has("fault travel-late inlet"), "\(jammed.happened)")
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
            do throws(Failure) {
                _ = try CalibrationCompiler.compile(path)
                return "accepted"
            } catch { return error.text }
        }
        let line = 1 + lines.split(separator: "\n", omittingEmptySubsequences: false).firstIndex { $0.hasPrefix("position-maximum-percent = 50") }!
        #expect(try message("position-maximum-percent = 50", "position-maximum-percent = 101").hasPrefix("line \(line): actuator 'inlet', 'position-maximum': is 1010 permille"))
        #expect(try message("stroke-milliseconds = 8000", "stroke = 8000").contains("stroke-milliseconds or stroke-seconds"))
        #expect(try message("stroke-milliseconds = 8000", "stroke-milliseconds = 8000\nstroke-seconds = 8").contains("two units"))
        #expect(try message("coast-milliseconds", "coasting-milliseconds").contains("coast"))
        #expect(try message("sensor = \"level-high\"", "sensor = \"level-hi\"").contains("there is no sensor 'level-hi'; there are level-high, level-low, flow"))
        #expect(try message("version = 1 ", "version = 1 \nversions = 2").contains("'versions': is unknown"))
    }
}
