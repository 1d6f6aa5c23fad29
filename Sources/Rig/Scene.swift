// One board through the whole story: what the checks share. Brings the board to where a check needs it,
// gives it orders, and waits for what it says and for what the plant saw. Every wait is bounded.

import Calibration
import Command
import Compiler
import Cryptography
import Foundation
import Glibc
import Plant
import Telemetry

final class Scene: @unchecked Sendable {
    let rig: Rig
    let workshop: Workshop
    private let kernelPath: String
    /// The file of another one than the board's own.
    private let calibrationFile: String?
    /// The operator, whom the key set lets command.
    let issuer: Issuer
    /// A second one, whose word is asked for where two must agree.
    let shiftLead: Issuer
    let reaction: Reaction
    private(set) var reports = BoardReports()
    private var nextMessage = 0
    private let lock = NSLock()
    private var made: Machine?
    private(set) var listener: Listener?
    /// Of the calibration in force; the board's own has 1.
    var version = 1
    /// A heater that a check has left on, for a later one to see the end of.
    var heating: Heating?
    /// The same of a bypass.
    var bypassed: Mark?

    init(rig: Rig, workshop: Workshop, kernelPath: String, calibration: String? = nil) throws {
        calibrationFile = calibration
        self.rig = rig
        self.workshop = workshop
        self.kernelPath = kernelPath
        issuer = Issuer(keyPath: workshop.keyPath(.operator_))
        shiftLead = Issuer(keyPath: workshop.keyPath(.shiftLead))
        reaction = Reaction(calibration: try CalibrationCompiler.compile(workshop.boardFolder))
    }

    var wiring: Wiring { rig.wiring }
    var tank: Tank { wiring.snapshot.tank }
    static let commandTopic = "penstock/\(Workshop.device)/command"

    // MARK: the board

    /// The board, made on first use, with or without power.
    func machine() throws -> Machine {
        if let made { return made }
        let machine = try workshop.makeBoard(kernelPath: kernelPath, calibration: calibrationFile)
        made = machine
        listener = try Listener(rig)
        return machine
    }

    /// The board with power, after a birth of this power-on.
    @discardableResult
    func running() throws -> Machine {
        let machine = try machine()
        if machine.isOn, reports.birth != nil { return machine }
        try powerOn()
        return machine
    }

    @discardableResult
    func powerOn() throws -> Birth {
        let machine = try machine()
        try rig.clearFaults()
        if machine.isOn { machine.cutPower() }
        heating = nil
        bypassed = nil
        let mark = mark()
        try machine.start()
        return try birth(since: mark)
    }

    /// After a failed check: the next one begins with a boot.
    func startOver() {
        made?.cutPower()
        heating = nil
        bypassed = nil
        try? rig.clearFaults()
        leaveMachine()
        fill(toLitres: 6)
    }

    /// The board runs, its valve knows where it is, and no trip or fault stands that an earlier check left.
    /// No water comes: a tank that fills meanwhile would trip, and rightly so.
    @discardableResult
    func ready() throws -> Machine {
        leaveMachine()
        wiring.change { $0.supplyShut = true }
        let machine = try running()
        try reset()
        _ = try report("the inlet in auto") { $0.states["inlet"]?.mode == .auto ? true : nil }
        try referenced()
        return machine
    }

    /// What every actuator is held by, once the board has told it.
    private func held() throws -> Bool {
        let count = reaction.calibration.actuators.count
        let states = try report("the states of \(count) actuators") { $0.states.count == count ? $0.states : nil }
        return states.values.contains { $0.firstOut != nil || $0.fault != nil }
    }

    /// Trips and faults are reset by the button at the machine, if there are any.
    private func reset() throws {
        _ = try? report("the states after the last trips", timeoutSeconds: 4) { $0.heldUntold.isEmpty ? true : nil }
        reports.heldUntold = []
        guard try held() else { return }
        if tank.levelPermille > 800 || tank.input(.levelLow) { fill(toLitres: 6) }
        for _ in 0..<5 {
            wiring.change { $0.resetPressed = true }
            usleep(1_500_000)
            wiring.change { $0.resetPressed = false }
            usleep(1_500_000)
            if try !held() { return }
        }
        throw Unmet("what holds the actuators could not be reset: \(reports.states.values.compactMap { $0.fault ?? $0.firstOut })")
    }

    func referenced() throws {
        // A bypass of one of its trips is shown as a function check.
        _ = try report("a referenced inlet") { reports in
            [.good, .functionCheck].contains(reports.values["inlet"]?.quality) ? true : nil
        }
    }

    // MARK: what it says

    /// Where the story stands: what comes later is looked at from here.
    struct Mark {
        let events: Int, receipts: Int, births: Int, deaths: Int, records: Int, data: Int
        let lines: Int, serial: Int, message: Int
        let nanoseconds: UInt64
    }

    func mark() -> Mark {
        refresh()
        return Mark(
            events: reports.events.count, receipts: reports.receipts.count, births: reports.births, deaths: reports.deaths,
            records: reports.sequences.count, data: reports.data.count, lines: wiring.snapshot.nextEvent, serial: made?.serialOffset ?? 0,
            message: nextMessage, nanoseconds: monotonicNanoseconds())
    }

    /// Takes what has come.
    func refreshed() { refresh() }

    @discardableResult
    private func refresh() -> Int {
        lock.lock()
        defer { lock.unlock() }
        for message in rig.observer.messages(since: nextMessage) {
            nextMessage = message.number + 1
            if message.topic.hasPrefix("penstock/\(Workshop.device)/") { reports.take(message) }
        }
        return nextMessage
    }

    /// What `find` makes of the board's reports, as soon as it makes something of them.
    func report<T>(_ what: String, timeoutSeconds: Double = 60, _ find: (BoardReports) -> T?) throws -> T {
        let deadline = Date(timeIntervalSinceNow: timeoutSeconds)
        while true {
            let next = refresh()
            if let found = find(reports) { return found }
            let left = deadline.timeIntervalSinceNow
            guard left > 0 else { throw Unmet("\(what) was not reported within \(Int(timeoutSeconds)) s") }
            _ = rig.observer.wait(since: next, timeoutSeconds: min(left, 1)) { _ in true }
        }
    }

    @discardableResult
    func birth(since mark: Mark, timeoutSeconds: Double = 120) throws -> Birth {
        try report("a birth", timeoutSeconds: timeoutSeconds) { $0.births > mark.births ? $0.birth : nil }
    }

    @discardableResult
    func event(_ code: String, _ text: String = "", since mark: Mark, timeoutSeconds: Double = 60) throws -> EventRecord {
        try report("event \(code) \(text)", timeoutSeconds: timeoutSeconds) {
            $0.events.dropFirst(mark.events).first { $0.code == code && (text.isEmpty || $0.text.contains(text)) }
        }
    }

    /// A line of the console.
    @discardableResult
    func console(_ text: String, since mark: Mark, timeoutSeconds: Double = 60) throws -> String {
        try require(
            try machine().waitForSerial(text, after: mark.serial, timeoutSeconds: timeoutSeconds),
            "'\(text)' did not come on the console within \(Int(timeoutSeconds)) s")
    }

    // MARK: what the plant saw

    /// The first such change; its figures are the plant's.
    @discardableResult
    func seen(_ change: LineEvent.Change, since mark: Mark, timeoutSeconds: Double = 40) throws -> LineEvent {
        try require(
            wiring.waitForEvent(since: mark.lines, timeoutSeconds: timeoutSeconds) { $0 == change },
            "the plant did not see '\(LineEvent(number: 0, nanoseconds: 0, change: change))' within \(Int(timeoutSeconds)) s")
    }

    /// What the board did to its outputs since then.
    func outputs(since mark: Mark) -> [LineEvent] {
        wiring.events(since: mark.lines).filter { event in
            if case .output = event.change { return true }
            return false
        }
    }

    func opened(since mark: Mark) -> Bool { outputs(since: mark).contains { $0.change == .output(.inletOpen, true) } }

    @discardableResult
    func plant(_ what: String, timeoutSeconds: Double = 40, _ holds: (Wiring.Snapshot) -> Bool) throws -> Wiring.Snapshot {
        try require(
            wiring.wait(timeoutSeconds: timeoutSeconds, until: holds),
            "\(what): not seen by the plant within \(Int(timeoutSeconds)) s; the inlet is at \(tank.inletPermille) permille")
    }

    func fill(toLitres litres: Int64) { wiring.change { $0.fill(toMicrolitres: litres * 1_000_000) } }

    // MARK: orders

    /// Sends whatever bytes as a command; returns what became of them.
    @discardableResult
    func send(_ object: [UInt8], timeoutSeconds: Double = 60) throws -> Receipt {
        let mark = mark()
        try rig.observer.publish(Self.commandTopic, object)
        return try receipt(object, since: mark, timeoutSeconds: timeoutSeconds)
    }

    func receipt(_ object: [UInt8], since mark: Mark, timeoutSeconds: Double = 60) throws -> Receipt {
        let digest = Array(SHA256.hash(object.span.bytes).bytes.prefix(Receipt.objectBytes))
        return try report("a receipt", timeoutSeconds: timeoutSeconds) {
            $0.receipts.dropFirst(mark.receipts).first { $0.object == digest }
        }
    }

    /// The next order of the operator, or of somebody else, signed for the latest birth.
    func order(_ action: Action, by person: Issuer? = nil, with others: [Issuer] = []) throws -> [UInt8] {
        refresh()
        return try (person ?? issuer).order(action, reports, with: others)
    }

    /// An order that must be taken.
    @discardableResult
    func command(_ action: Action, by person: Issuer? = nil, with others: [Issuer] = [], timeoutSeconds: Double = 60) throws -> Receipt {
        let receipt = try send(try order(action, by: person, with: others), timeoutSeconds: timeoutSeconds)
        try require(receipt.outcome == .accepted, "refused: \(receipt.code): \(receipt.text)")
        return receipt
    }

    /// An order that must be refused, for that reason.
    func refused(_ action: Action, _ code: String, by person: Issuer? = nil) throws {
        let receipt = try send(try order(action, by: person))
        try require(receipt.outcome == .refused && receipt.code == code, "\(receipt.outcome), \(receipt.code) instead of \(code)")
    }

    func refused(inlet permille: UInt16, _ code: String) throws { try refused(.setpoint(actuator: "inlet", permille: permille), code) }

    /// Brings the inlet there, as the plant saw it.
    @discardableResult
    func drive(toPermille permille: UInt16) throws -> Wiring.Snapshot {
        try ready()
        try command(.setpoint(actuator: "inlet", permille: permille))
        let wanted = Int64(permille)
        // Its feedback comes a little late: where it came to rest it may be moved once more.
        for _ in 0..<10 {
            let stand = try plant("the inlet at \(permille) permille") {
                $0.outputs[.inletOpen] != .high && $0.outputs[.inletClose] != .high && abs($0.tank.inletPermille - wanted) <= 50
            }
            let mark = mark()
            usleep(1_000_000)
            if outputs(since: mark).allSatisfy({ $0.change != .output(.inletOpen, true) && $0.change != .output(.inletClose, true) }) { return stand }
        }
        throw Unmet("the inlet does not come to rest at \(permille) permille")
    }

    /// Holds the local button until the board answers to it with an event of that code.
    @discardableResult
    func press(until code: String) throws -> EventRecord {
        let mark = mark()
        wiring.change { $0.resetPressed = true }
        defer { wiring.change { $0.resetPressed = false } }
        let event = try event(code, since: mark, timeoutSeconds: 20)
        // Nobody presses twice within half a second.
        wiring.change { $0.resetPressed = false }
        usleep(500_000)
        return event
    }

    /// The end of what the board said, for a check that failed.
    var lastWords: String {
        reports.lines.filter { !$0.contains(" data: ") && !$0.contains(" posture: ") }.suffix(12).joined(separator: "\n")
    }
}

/// What the plant sees of a board that is safe: nothing opens, the inlet closes or is closed.
extension Wiring.Snapshot {
    var isSafe: Bool {
        outputs[.inletOpen] != .high && outputs[.outletEnergise] != .high
            && (outputs[.inletClose] == .high || tank.inletMicroseconds <= Tank.endSwitchMicroseconds)
    }
}

func milliseconds(from: UInt64, to: UInt64) -> Int { Int((to - min(from, to)) / 1_000_000) }
