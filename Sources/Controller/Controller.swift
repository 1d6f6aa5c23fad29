// Duty: the shell around Control: lines, tick, and the channels to keeper and supervisor.
// Trust: it verifies the calibration itself, so nobody between the signer and this process can widen
// the envelope. The keeper may be compromised: it can ask, and Control answers.
// Must never allocate after it began its loop, block on anything but a line's driver, or open anything.

import Authority
import Board
import Bytes
import Calibration
import Confine
import Control
import GPIO
import Signed
import System

/// Edges closer than this share one reaction.
private let reactionMilliseconds: UInt64 = 2
/// How often the supervisor hears that rounds are being completed.
private let checkInMilliseconds: UInt64 = 100
/// Messages taken from a channel in one round; the rest waits.
private let messagesMaximum = 16

/// Runs the role.
public func runController(descriptorCount: Int) -> Never {
    let start = RoleStart(.controller, descriptorCount: descriptorCount)
    let keySet = start.document(.keySet)
    let boardBytes = start.document(.board)
    let object = start.document(.calibration)
    let keys = step("key set") { () throws(PayloadError) in try KeySet(decoding: keySet.span.bytes) }
    let board = step("board") { () throws(BoardError) in try BoardDescription(decoding: boardBytes.span.bytes) }
    let calibration = step("calibration") { () throws(SignedError) in
        try verify(object.span.bytes, as: Calibration.self, with: keys)
    }
    let lines = step("wiring") { () throws(WiringError) in
        try LineBank(calibration.payload, board, first: start.descriptor(2))
    }
    let ticker = step("timer") { () throws(SystemError) in
        try Ticker(periodMilliseconds: UInt64(calibration.payload.tickMilliseconds))
    }
    var controller = Controller(calibration.payload, lines, ticker, supervisor: start.supervisor, keeper: start.descriptor(1))
    if !start.document(.standingTrip).isEmpty { controller.latchTrips() }
    let failure = controller.run()
    RoleStart.end(.controller, "\(failure.code): \(failure.text)")
}

/// Nothing moves before every step of the start has succeeded.
private func step<T: ~Copyable, E: Error & Coded>(_ name: String, _ body: () throws(E) -> T) -> T {
    do throws(E) { return try body() } catch { RoleStart.end(.controller, "\(name): \(error.code): \(error.text)") }
}

private func now() -> UInt64 { monotonicMilliseconds() }

struct Controller: ~Copyable {
    /// Entries of the wait beside the sensed lines: tick, supervisor, keeper.
    static let otherEntries = 3

    private let supervisor: Int32
    private let keeper: Int32
    private let lines: LineBank
    private let ticker: Ticker
    private let tickMilliseconds: UInt64
    private var round: Round<LineBank>
    private var wait = WaitSet()
    private let tickEntry: Int
    private let supervisorEntry: Int
    private let keeperEntry: Int
    private let firstLineEntry: Int
    private var report: Reporting
    private var sender = Sender()
    private var buffer = [UInt8](repeating: 0, count: Channel.packetMaximum)
    private var hasMalformed = false

    private var reactAt: UInt64?
    private var steppedAt: UInt64 = 0
    private var checkedInAt: UInt64 = 0

    init(_ calibration: Calibration, _ lines: LineBank, _ ticker: consuming Ticker, supervisor: Int32, keeper: Int32) {
        self.supervisor = supervisor
        self.keeper = keeper
        self.lines = lines
        tickMilliseconds = UInt64(calibration.tickMilliseconds)
        self.ticker = ticker
        round = Round(calibration, lines, nowMilliseconds: Int64(now()))
        report = Reporting(points: calibration.actuators.count + calibration.sensors.count)
        tickEntry = wait.add(self.ticker.descriptor.raw)
        supervisorEntry = wait.add(supervisor)
        keeperEntry = wait.add(keeper)
        firstLineEntry = wait.count
        for line in lines.inputs { wait.add(line) }
    }

    mutating func latchTrips() { round.latchTrips() }

    /// Returns only when it can't go on; the supervisor then drives the lines safe.
    mutating func run() -> SystemError {
        tick()
        while true {
            do throws(SystemError) { try wait.wait(timeoutMilliseconds: timeout()) } catch { return error }
            takeEdges()
            if wait.isReadable(keeperEntry) { hearKeeper() }
            if wait.isReadable(supervisorEntry), let failure = hearSupervisor() { return failure }
            if wait.isReadable(tickEntry), ticker.expirations() > 0 {
                tick()
            } else if let due = reactAt, now() >= due {
                react()
            }
        }
    }

    private func timeout() -> Int {
        guard let due = reactAt else { return Int(2 * tickMilliseconds) }
        let time = now()
        return due > time ? Int(due - time) : 0
    }

    // MARK: rounds

    private mutating func tick() {
        round.tick(nowMilliseconds: Int64(now()))
        finishStep()
        if now() - checkedInAt >= checkInMilliseconds { checkIn() }
    }

    private mutating func react() {
        round.react(nowMilliseconds: Int64(now()))
        finishStep()
    }

    private mutating func finishStep() {
        reactAt = nil
        steppedAt = now()
        report.tell(round.control, at: steppedAt, keeper, &sender)
    }

    /// One edge of each line a turn: a line that storms can't keep the others, or the tick, waiting.
    private mutating func takeEdges() {
        for i in lines.inputs.indices where wait.isReadable(firstLineEntry + i) {
            let rising: Bool
            do throws(SystemError) { rising = try readEdge(lines.inputs[i]).rising } catch { continue }
            guard round.edge(input: i, rising: rising), reactAt == nil else { continue }
            reactAt = max(now(), steppedAt + reactionMilliseconds)
        }
    }

    // MARK: channels

    private mutating func receive(_ channel: Int32) throws(SystemError) -> Int? {
        try receivePacket(into: &buffer, on: channel)
    }

    /// A word of the supervisor changes nothing here; that it is gone, everything.
    private mutating func hearSupervisor() -> SystemError? {
        for _ in 0..<messagesMaximum {
            do throws(SystemError) {
                guard let count = try receive(supervisor) else { return nil }
                if count == 0 { return SystemError("the supervisor has gone", 0) }
            } catch { return error }
        }
        return nil
    }

    private mutating func hearKeeper() {
        for _ in 0..<messagesMaximum {
            let count: Int
            do throws(SystemError) {
                guard let length = try receive(keeper), length > 0 else { return }
                count = length
            } catch { return }
            do throws(CBORError) {
                take(try decode(KeeperToController.self, buffer.span.bytes.extracting(0..<count)))
            } catch {
                complain()
                return
            }
        }
    }

    private mutating func take(_ message: KeeperToController) {
        switch message {
        case .heartbeat: round.heartbeat()
        case .setpoint(let id, let actuator, let permille):
            let request = Request(identifier: id, order: .setpoint(actuator: Int(actuator), permille: Int(permille)), issuers: 1)
            guard !round.add(request) else { return }
            report.answer(Outcome(identifier: id, reason: .tooMany), keeper, &sender)
        }
    }

    /// Once: whoever sends what its channel does not list is the supervisor's business.
    private mutating func complain() {
        guard !hasMalformed else { return }
        hasMalformed = true
        tell(.event(code: "keeper-malformed", text: "the keeper sent the controller a malformed message"))
    }

    private mutating func checkIn() {
        checkedInAt = now()
        tell(.checkIn)
        tell(.control(healthy: round.control.isHealthy, tripped: round.control.hasLatchedTrip))
    }

    private mutating func tell(_ message: RoleMessage) {
        // A full queue, or one that is gone, shows at the next reading.
        do throws(SystemError) { _ = try sender.send(message, on: supervisor) } catch {}
    }
}
