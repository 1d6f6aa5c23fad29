// Many hours of the board's plant: people, orders, the weather of faults; and the judge, who knows the plant
// alone. From a seed, so that what is found comes again.

import Calibration
import Control
import ControlSimulation
import Plant
import SeededRandom

/// What the judge saw in the whole of the run.
public struct Verdict: Sendable {
    public var hours = 0.0
    public var orders = 0, accepted = 0
    public var faults = 0, trips = 0, resets = 0, bypasses = 0, openings = 0
    public var highestPermille: Int64 = 0
    public var highestLitres = 0.0
    /// The longest from the water at the high mark to a closed inlet, where the inlet was sound.
    public var slowestMilliseconds: Int64 = 0
    public var pumpStartsInAnHour = 0
    public var heaterSecondsInAnHour = 0.0
    /// What must not be, with the time.
    public var complaints: [String] = []
}

/// One operator, one at the machine, and a plant that breaks now and then.
public struct Hours: ~Copyable {
    private var board: SimulatedBoard
    private var random: Seeded
    private var verdict = Verdict()
    private var judge = Judge()
    private let heaterLine: Int
    private var fault: Fault?
    private var faultUntil: Int64 = 0
    private var isBypassed: Bool { board.control.isBypassed(trip: 1) }

    public init(_ calibration: Calibration, seed: UInt64) {
        board = SimulatedBoard(calibration)
        random = Seeded(seed)
        heaterLine = calibration.outputLines.firstIndex(of: "heater")!
    }

    public mutating func run(hours: Int) -> Verdict {
        let end = Int64(hours) * 3_600_000
        var next: Int64 = 10_000
        while board.milliseconds < end, verdict.complaints.isEmpty {
            if board.milliseconds >= next {
                next = board.milliseconds + Int64(random.below(12_000)) + 200
                happen()
            }
            tick()
        }
        verdict.hours = Double(board.milliseconds) / 3_600_000
        return verdict
    }

    private mutating func tick() {
        board.tick()
        let tank = board.tank
        for i in 0..<board.control.events.count where board.control.events[i].code == .tripped { verdict.trips += 1 }
        judge.look(tank, heats: board.control.outputs[heaterLine], at: board.milliseconds, isInletSound: isInletSound, &verdict)
    }

    /// What can move the inlet, or keep it from moving, beside the board. Only hardware holds against it.
    private var isInletSound: Bool {
        switch fault {
        case .jammedValve, .slowValve, .cut(.inletClose), .cut(.inletOpen), .shorted, .leakingValve: false
        default: true
        }
    }

    // MARK: what happens

    private mutating func happen() {
        if let present = fault, board.milliseconds >= faultUntil {
            board.tank.faults.remove(present)
            fault = nil
        }
        if fault == nil, board.tank.contentMicrolitres < 15_000_000 { board.tank.supplyShut = false }
        switch random.below(20) {
        case 0..<9: order()
        case 9..<12: atTheMachine()
        case 12..<14: breakSomething()
        case 14..<17:
            verdict.resets += 1
            board.tank.resetPressed = true
            for _ in 0..<20 { tick() }
            board.tank.resetPressed = false
        case 17: board.tank.fill(toMicrolitres: Int64(random.below(15)) * 1_000_000)
        default: break
        }
        board.hasKeeper = random.below(60) != 0
    }

    private mutating func order() {
        let actuator = random.below(4), issuers: UInt32 = [1, 2, 3][random.below(3)]
        let permille = actuator == 0 ? random.below(700) : actuator == 3 ? random.below(1001) : random.below(2) * 1000
        let orders: [Order] = [
            .setpoint(actuator: actuator, permille: permille), .setpoint(actuator: actuator, permille: permille),
            .select(actuator: 1, permille: 1000), .setpoint(actuator: 1, permille: 1000), .renew(actuator: 1), .release(actuator: 1),
            .phase(random.below(3)), .partialStroke(actuator: 0), .bypass(trip: random.below(4), minutes: random.below(4)),
        ]
        var order = orders[random.below(orders.count)]
        // A bypass beside a fault is one protection less than there are.
        if case .bypass(_, let minutes) = order, minutes > 0, fault != nil { order = .renew(actuator: 1) }
        verdict.orders += 1
        guard board.inputs.add(Request(identifier: UInt64(verdict.orders), order: order, issuers: issuers)) else { return }
        tick()
        guard board.control.outcomes.first?.reason == Reason.none else { return }
        verdict.accepted += 1
        if case .bypass(_, let minutes) = order, minutes > 0 { verdict.bypasses += 1 }
    }

    private mutating func atTheMachine() {
        switch random.below(8) {
        case 0: board.tank.panel.selector = .hand
        case 1: board.tank.panel.selector = .off
        case 2, 3, 4: board.tank.panel.selector = .automatic
        case 5: board.tank.panel.openPressed.toggle()
        case 6: board.tank.panel.closePressed.toggle()
        default: board.tank.panel.doorIsOpen.toggle()
        }
    }

    /// Without those by which a short runs a machine past the board: only hardware holds against them.
    private static let faults = Fault.all.filter { $0.isPlant && ![.shorted(.inletOpen, true), .shorted(.pumpSet, true), .shorted(.heater, true)].contains($0) }

    private mutating func breakSomething() {
        guard fault == nil, !isBypassed else { return }
        let new = Self.faults[random.below(Self.faults.count)]
        fault = new
        verdict.faults += 1
        faultUntil = board.milliseconds + Int64(random.below(60_000)) + 1000
        board.tank.faults.insert(new)
        // Where the inlet itself fails somebody shuts the hand valve before it: software holds no water back.
        if !isInletSound { board.tank.supplyShut = true }
    }
}

/// Looks at the plant alone, every tick.
private struct Judge {
    private var bothWays: (motor: Int64, relay: Int64) = (0, 0)
    private var wasHigh = false
    private var highAt: Int64 = 0
    private var wasOpen = false
    private var ranBefore = false
    /// In the last hour.
    private var starts: [Int64] = []
    private var heated: [(at: Int64, milliseconds: Int64)] = []
    private var heatedMilliseconds: Int64 = 0
    private var lastAt: Int64 = 0

    mutating func look(
        _ tank: Tank, heats: Bool, at now: Int64, isInletSound: Bool, _ verdict: inout Verdict
    ) {
        verdict.highestPermille = max(verdict.highestPermille, tank.inletPermille)
        verdict.highestLitres = max(verdict.highestLitres, Double(tank.contentMicrolitres) / 1e6)
        if tank.inletPermille > 500 { complain("the inlet is open \(tank.inletPermille) permille", now, &verdict) }
        if tank.spiltMicrolitres > 0 { complain("\(tank.spiltMicrolitres) ul spilt", now, &verdict) }
        // A short may drive the other way beside the board.
        if tank.bothDrivenMicroseconds > bothWays.motor, isInletSound { complain("the motor was driven both ways", now, &verdict) }
        if tank.pump.bothDrivenMicroseconds > bothWays.relay, isInletSound { complain("the pump's relay was driven both ways", now, &verdict) }
        bothWays = (tank.bothDrivenMicroseconds, tank.pump.bothDrivenMicroseconds)
        lookAtTrip(tank, now, isInletSound, &verdict)
        lookAtDuty(tank, heats, now, &verdict)
        let isOpen = tank.inletPermille > 0
        if isOpen, !wasOpen { verdict.openings += 1 }
        wasOpen = isOpen
        lastAt = now
    }

    private mutating func lookAtTrip(_ tank: Tank, _ now: Int64, _ isInletSound: Bool, _ verdict: inout Verdict) {
        // Where the level switch is sound, and the inlet as well, the process safety time must hold.
        let isHigh = tank.input(.levelHigh) && tank.contentMicrolitres >= Tank.highMarkMicrolitres && isInletSound
        if isHigh, !wasHigh { highAt = now }
        wasHigh = isHigh
        guard isHigh, tank.inletMicroseconds > Tank.endSwitchMicroseconds else { return }
        verdict.slowestMilliseconds = max(verdict.slowestMilliseconds, now - highAt)
        if now - highAt > 8000 { complain("open \(now - highAt) ms after the high mark", now, &verdict) }
    }

    private mutating func lookAtDuty(_ tank: Tank, _ heats: Bool, _ now: Int64, _ verdict: inout Verdict) {
        if tank.pump.isRunning, !ranBefore { starts.append(now) }
        ranBefore = tank.pump.isRunning
        while let first = starts.first, first <= now - 3_600_000 { starts.removeFirst() }
        verdict.pumpStartsInAnHour = max(verdict.pumpStartsInAnHour, starts.count)
        if starts.count > 6 { complain("\(starts.count) starts of the pump in an hour", now, &verdict) }
        if heats {
            heated.append((now, now - lastAt))
            heatedMilliseconds += now - lastAt
        }
        while let first = heated.first, first.at <= now - 3_600_000 {
            heatedMilliseconds -= first.milliseconds
            heated.removeFirst()
        }
        verdict.heaterSecondsInAnHour = max(verdict.heaterSecondsInAnHour, Double(heatedMilliseconds) / 1000)
        // The period that has begun may go on to its end.
        if heatedMilliseconds > 62_100 { complain("the heater was on for \(heatedMilliseconds) ms in an hour", now, &verdict) }
    }

    private func complain(_ text: String, _ now: Int64, _ verdict: inout Verdict) {
        if verdict.complaints.count < 5 { verdict.complaints.append("\(text), \(now) ms after the start") }
    }
}
