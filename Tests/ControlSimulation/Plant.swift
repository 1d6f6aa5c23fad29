// The machine of any calibration, as physics has it: every actuator a device of its own build inside the
// tolerances of its catalogue, every sensor a value of its own. What is broken or lies is set from outside.

import Calibration
import Control
import SeededRandom

/// One actuator as it was built.
public struct Device {
    public enum Kind: Equatable, Sendable { case motorValve, solenoid, timeProportional, latchingRelay }
    public let kind: Kind
    public let output: Int
    /// The first of its input lines, before its buttons.
    public let input: Int
    public let openButton: Int
    public let closeButton: Int
    public let safe: SafeState
    // The build.
    var stroke = 1.0
    var coast = 0.0
    var closedSwitchAt = 0.0
    var openSwitchAt = 1.0
    var energiseToOpen = true
    var operateMilliseconds = 0
    var contactMilliseconds = 0
    var hasContact = false
    // What is broken.
    public var isJammed = false
    public var openIsCut = false
    public var closeIsCut = false
    public var openEnd: LineReading?
    /// Or the contact of a relay.
    public var closedEnd: LineReading?
    public var readBack: LineReading?
    // Where it is.
    /// Of travel: 0 closed, 1 open.
    public internal(set) var position: Double
    private var coasting = 0.0
    private var direction = 0.0
    private var pulsedFor = 0
    private var contact = 0.0
    private var contactIn = 0

    init(_ actuator: Actuator, output: Int, input: Int, _ random: inout Seeded) {
        self.output = output
        self.input = input
        safe = actuator.safeState
        var used = 0
        switch actuator.drive {
        case .motorValve(let valve):
            kind = .motorValve
            used = 2
            stroke = Double(random.within(valve.strokeFastestMilliseconds...valve.strokeSlowestMilliseconds))
            coast = Double(random.within(0...valve.coastMilliseconds))
            closedSwitchAt = Double(random.below(valve.endSwitchTolerancePermille / 2)) / 1000
            openSwitchAt = 1 - Double(random.below(valve.endSwitchTolerancePermille / 2)) / 1000
        case .solenoid(let solenoid):
            kind = .solenoid
            energiseToOpen = solenoid.energiseToOpen
        case .timeProportional: kind = .timeProportional
        case .latchingRelay(let relay):
            kind = .latchingRelay
            hasContact = !relay.feedbackLine.utf8.isEmpty
            used = hasContact ? 1 : 0
            operateMilliseconds = random.within(1...relay.pulseMilliseconds)
            contactMilliseconds = random.within(0...relay.feedbackMilliseconds)
        }
        openButton = actuator.governance.openButton.utf8.isEmpty ? -1 : input + used
        closeButton = actuator.governance.closeButton.utf8.isEmpty ? -1 : input + used + (openButton < 0 ? 0 : 1)
        position = kind == .motorValve ? Double(random.below(1001)) / 1000 : Double(random.below(2))
        contact = position
    }

    mutating func move(_ elapsed: Int, _ outputs: [Bool]) {
        switch kind {
        case .motorValve: travel(Double(elapsed), outputs[output] && !openIsCut, outputs[output + 1] && !closeIsCut)
        case .solenoid: if !isJammed { position = outputs[output] == energiseToOpen ? 1 : 0 }
        case .timeProportional: position = outputs[output] ? 1 : 0
        case .latchingRelay: flip(elapsed, outputs[output] && !openIsCut, outputs[output + 1] && !closeIsCut)
        }
    }

    private mutating func travel(_ elapsed: Double, _ opens: Bool, _ closes: Bool) {
        let drive: Double = opens == closes ? 0 : opens ? 1 : -1
        var travelled = drive * elapsed
        if drive != 0 {
            (coasting, direction) = (coast, drive)
        } else if coasting > 0 {
            let part = min(coasting, elapsed)
            travelled = part * direction
            coasting -= part
        }
        if !isJammed { position = min(1, max(0, position + travelled / stroke)) }
    }

    private mutating func flip(_ elapsed: Int, _ sets: Bool, _ resets: Bool) {
        pulsedFor = sets || resets ? pulsedFor + elapsed : 0
        let before = position
        if pulsedFor >= operateMilliseconds, sets != resets, !isJammed { position = sets ? 1 : 0 }
        contactIn = position != before ? contactMilliseconds : max(0, contactIn - elapsed)
        if contactIn == 0 { contact = position }
    }

    func write(_ inputs: inout Inputs) {
        switch kind {
        case .motorValve:
            inputs.lines[input] = openEnd ?? LineReading(position >= openSwitchAt)
            inputs.lines[input + 1] = closedEnd ?? LineReading(position <= closedSwitchAt)
        case .latchingRelay where hasContact: inputs.lines[input] = closedEnd ?? LineReading(contact == 1)
        default: break
        }
    }

    public var isSound: Bool { !isJammed && !openIsCut && !closeIsCut && openEnd == nil && closedEnd == nil && readBack == nil }
    public mutating func mend() { (isJammed, openIsCut, closeIsCut, openEnd, closedEnd, readBack) = (false, false, false, nil, nil, nil) }
}

extension LineReading {
    init(_ level: Bool) { self = level ? .high : .low }
}

/// One sensor, and the value in the process that it is to tell.
public struct Probe {
    public enum Kind: Equatable, Sendable { case level, meter, loop, position(of: Int), voting }
    public enum Lie: Equatable, Sendable { case line(LineReading), other(LineReading), pulses(UInt32), current(Int), silence }

    public let kind: Kind
    public let line: Int
    public let channel: Int
    /// It shares the process value of this one (members of a voting); itself, if of none.
    public let source: Int
    public var lie: Lie?
    /// How long it has told the truth.
    public internal(set) var truthfulFor = 0
    /// How long anybody can see that it is broken.
    public internal(set) var plainlyBrokenFor = 0

    let activeWhenHigh: Bool
    let isPair: Bool
    let changeover: Int
    let maximumPulses: Int
    let countsAt4: Int
    let countsSpan: Int
    // The process.
    public internal(set) var isActive = false
    /// Pulses a second.
    public internal(set) var rate = 0.0
    /// Microamperes of a sound transmitter.
    public internal(set) var current = 8000.0
    var target = 8000.0
    var dwell = 0
    var changedFor = 100_000
    private var pulses = 0.0

    init(_ sensor: Sensor, line: Int, channel: Int, source: Int, position: Int?, tick: Int, _ random: inout Seeded) {
        self.line = line
        self.source = source
        var (activeWhenHigh, isPair, changeover, maximumPulses, countsAt4, countsSpan) = (true, false, 0, 0, 0, 1)
        switch sensor.source {
        case .switch(let value):
            (kind, self.channel) = (.level, -1)
            activeWhenHigh = value.activeWhenHigh
            isPair = !value.antivalentLine.utf8.isEmpty
            changeover = isPair ? random.within(0...max(0, value.discrepancyMilliseconds - 2 * tick)) : 0
        case .flowMeter(let meter): (kind, self.channel, maximumPulses) = (.meter, -1, meter.maximumPulsesPerSecond)
        case .frequency(let input): (kind, self.channel, maximumPulses) = (.meter, -1, input.maximumPulsesPerSecond)
        case .analogue(let input):
            kind = position.map { .position(of: $0) } ?? .loop
            self.channel = channel
            (countsAt4, countsSpan) = (input.countsAt4Milliamperes, input.countsAt20Milliamperes - input.countsAt4Milliamperes)
        case .voting: (kind, self.channel) = (.voting, -1)
        }
        self.activeWhenHigh = activeWhenHigh
        self.isPair = isPair
        self.changeover = changeover
        self.maximumPulses = maximumPulses
        self.countsAt4 = countsAt4
        self.countsSpan = countsSpan
    }

    /// The process goes on: what it measures changes now and then, no faster than a process does.
    mutating func run(_ elapsed: Int, tick: Int, _ random: inout Seeded) {
        dwell -= elapsed
        changedFor = min(changedFor + elapsed, 100_000)
        switch kind {
        case .level:
            guard dwell <= 0 else { return }
            isActive.toggle()
            changedFor = 0
            dwell = random.within(6...200) * max(tick, 50)
        case .meter:
            pulses += rate * Double(elapsed) / 1000
            guard dwell <= 0 else { return }
            rate = random.oneIn(3) ? 0 : Double(random.below(max(1, maximumPulses * 9 / 10)))
            dwell = random.within(10...400) * tick
        case .loop:
            let step = 4.0 * Double(elapsed)
            current += min(max(target - current, -step), step)
            guard dwell <= 0 else { return }
            target = Double(random.within(4200...19_800))
            dwell = random.within(10...400) * tick
        case .position, .voting: break
        }
    }

    mutating func follow(_ other: Probe) { (isActive, rate, current, changedFor) = (other.isActive, other.rate, other.current, other.changedFor) }
    mutating func follow(position: Double) { current = 4000 + position * 16_000 }

    mutating func write(_ inputs: inout Inputs, _ elapsed: Int, _ random: inout Seeded) {
        truthfulFor = lie == nil ? min(truthfulFor + elapsed, 1_000_000) : 0
        var isPlain = false
        switch kind {
        case .level:
            let isBetween = changedFor < changeover
            let level = LineReading(isActive == activeWhenHigh)
            var other = isBetween ? level : LineReading(isActive != activeWhenHigh)
            var one = level
            if case .line(let reading) = lie { one = reading }
            if case .other(let reading) = lie { other = reading }
            inputs.lines[line] = one
            if isPair { inputs.lines[line + 1] = other }
            isPlain = one == .unreadable || isPair && (other == .unreadable || one == other && !isBetween)
        case .meter:
            inputs.lines[line] = .low
            inputs.pulses[line] = UInt32(max(0, pulses))
            pulses -= Double(Int(max(0, pulses)))
            if case .line(let reading) = lie { inputs.lines[line] = reading }
            if case .pulses(let more) = lie { inputs.pulses[line] &+= more }
            isPlain = inputs.lines[line] == .unreadable
        case .loop, .position:
            var microamperes = current + Double(random.within(-3...3))
            if case .current(let lied) = lie { microamperes = Double(lied) }
            if lie == .silence { inputs.analogues[channel].isFresh = false } else {
                inputs.analogues[channel] = AnalogueReading(
                    counts: Int32(Double(countsAt4) + (microamperes - 4000) / 16_000 * Double(countsSpan)), isFresh: true)
            }
            isPlain = lie == .silence || microamperes < 3500 || microamperes > 21_100
        case .voting: break
        }
        plainlyBrokenFor = isPlain ? min(plainlyBrokenFor + elapsed, 1_000_000) : 0
    }
}

/// The whole machine.
public struct Plant {
    public var devices: [Device] = []
    public var probes: [Probe] = []
    /// One position a selector; what its lines say if they lie.
    public var selectors: [Mode] = []
    public var selectorLies: [(hand: LineReading, auto: LineReading)?] = []
    public var resetPressed: [Bool] = []
    public var resetLies: [LineReading?] = []
    /// Open and close button of each actuator.
    public var buttons: [(open: Bool, close: Bool)] = []
    let firstSelector: Int
    private let tick: Int

    public init(_ calibration: Calibration, _ random: inout Seeded) {
        tick = calibration.tickMilliseconds
        firstSelector = calibration.resets.count
        resetPressed = [Bool](repeating: false, count: calibration.resets.count)
        resetLies = [LineReading?](repeating: nil, count: calibration.resets.count)
        selectors = [Mode](repeating: .auto, count: calibration.selectors.count)
        selectorLies = [(hand: LineReading, auto: LineReading)?](repeating: nil, count: calibration.selectors.count)
        buttons = [(open: Bool, close: Bool)](repeating: (false, false), count: calibration.actuators.count)
        var line = calibration.resets.count + 2 * calibration.selectors.count
        var channel = 0
        var sources = Array(calibration.sensors.indices)
        for sensor in calibration.sensors {
            if case .voting(let voting) = sensor.source { for member in voting.members { sources[member] = voting.members[0] } }
        }
        for (i, sensor) in calibration.sensors.enumerated() {
            var position: Int?
            for (a, actuator) in calibration.actuators.enumerated() {
                if case .motorValve(let valve) = actuator.drive, valve.feedback?.sensor == i { position = a }
            }
            probes.append(Probe(sensor, line: line, channel: channel, source: sources[i], position: position, tick: tick, &random))
            line += sensor.inputLines.count
            if case .analogue = sensor.source { channel += 1 }
        }
        var output = 0
        for actuator in calibration.actuators {
            devices.append(Device(actuator, output: output, input: line, &random))
            line += actuator.inputLines.count
            output += actuator.outputLines.count
        }
    }

    public mutating func run(_ elapsed: Int, _ outputs: [Bool], _ inputs: inout Inputs, _ random: inout Seeded) {
        for i in devices.indices {
            devices[i].move(elapsed, outputs)
            devices[i].write(&inputs)
            let (output, device) = (devices[i].output, devices[i])
            let last = device.kind == .motorValve || device.kind == .latchingRelay ? output + 1 : output
            for o in output...last { inputs.readBacks[o] = device.readBack ?? LineReading(outputs[o]) }
            if device.openButton >= 0 { inputs.lines[device.openButton] = LineReading(buttons[i].open) }
            if device.closeButton >= 0 { inputs.lines[device.closeButton] = LineReading(buttons[i].close) }
        }
        for i in probes.indices {
            if probes[i].source == i { probes[i].run(elapsed, tick: tick, &random) } else { probes[i].follow(probes[probes[i].source]) }
            if case .position(let a) = probes[i].kind { probes[i].follow(position: devices[a].position) }
            probes[i].write(&inputs, elapsed, &random)
        }
        for i in resetPressed.indices { inputs.lines[i] = resetLies[i] ?? LineReading(resetPressed[i]) }
        for i in selectors.indices {
            let lie = selectorLies[i]
            inputs.lines[firstSelector + 2 * i] = lie?.hand ?? LineReading(selectors[i] == .hand)
            inputs.lines[firstSelector + 2 * i + 1] = lie?.auto ?? LineReading(selectors[i] == .auto)
        }
    }
}
