// Duty: the shell around Control: lines, tick, and the channels to keeper and supervisor.
// Trust: it verifies the calibration itself, so nobody between the signer and this process can widen
// the envelope. The keeper may be compromised: it can ask, and Control answers.
// Must never allocate after it began its loop but to take over a newer calibration, call a line's driver, block on anything else, or open anything.

import Authority
import Board
import Bytes
import Calibration
import Confine
import Control
import GPIO
import IIO
import Signed
import System

/// Edges closer than this share one reaction; between two looks for the reading that an edge waits for.
private let reactionMilliseconds: UInt64 = 2
/// How often the supervisor hears that rounds are being completed.
private let checkInMilliseconds: UInt64 = 100
/// Messages taken from a channel in one round; the rest waits.
private let messagesMaximum = 16

/// Runs the role, on a board with so many GPIO chips and converters.
public func runController(descriptorCount: Int, chipCount: Int, converterCount: Int) -> Never {
    var chips: [Chip<DescriptorPins>] = []
    var samplers: [Sampler<DescriptorChannels>] = []
    let start = RoleStart(.controller, descriptorCount: descriptorCount) { () throws(SystemError) in
        chips = try Chip.started(chipCount)
        samplers = try Sampler.started(converterCount)
    }
    let keySet = start.document(.keySet)
    let boardBytes = start.document(.board)
    let object = start.document(.calibration)
    let keys = step("key set") { () throws(PayloadError) in try KeySet(decoding: keySet.span.bytes) }
    let board = step("board") { () throws(BoardError) in try BoardDescription(decoding: boardBytes.span.bytes) }
    let calibration = step("calibration") { () throws(SignedError) in
        try verify(object.span.bytes, as: Calibration.self, with: keys)
    }
    let chipBytes = start.document(.chips)
    let map: ChipMap
    do throws(CBORError) { map = try ChipMap(decoding: chipBytes.span.bytes) } catch { end("chips", "malformed", error.text) }
    let plan = step("wiring") { () throws(WiringError) in
        try LinePlan(calibration.payload, board, map, first: start.descriptor(2))
    }
    var lines = LineBank(plan, chips)
    step("lines") { () throws(SystemError) in
        try drainEdges(plan.inputDescriptors)
        try lines.begin(tickMilliseconds: calibration.payload.tickMilliseconds)
    }
    let analogues = step("analogue inputs") { () throws(WiringError) in
        try AnalogueBank(
            calibration.payload.analogueChannels, board, samplers, first: start.descriptor(2) + Int32(board.lines.count))
    }
    let ticker = step("timer") { () throws(SystemError) in
        try Ticker(periodMilliseconds: UInt64(calibration.payload.tickMilliseconds))
    }
    let words = ChipWords(map, board)
    var controller = Controller(
        CalibrationInForce(calibration, keys), lines, plan.inputDescriptors, analogues, words, ticker,
        supervisor: start.supervisor, keeper: start.descriptor(1))
    let retained = start.document(.retained)
    if !retained.isEmpty { controller.restore(retained.span.bytes) }
    let failure = controller.run()
    end("loop", failure.code, failure.text)
}

/// Nothing moves before every step of the start has succeeded.
private func step<T: ~Copyable, E: Error & Coded>(_ name: String, _ body: () throws(E) -> T) -> T {
    do throws(E) { return try body() } catch { end(name, error.code, error.text) }
}

/// One copy of it for all kinds of errors.
@inline(never)
private func end(_ name: String, _ code: String, _ text: String) -> Never { RoleStart.end(.controller, "\(name): \(code): \(text)") }

private func now() -> UInt64 { monotonicMilliseconds() }

struct Controller<P: Pins, C: Channels>: ~Copyable {
    private let supervisor: Int32
    private let keeper: Int32
    private let edges: [Int32]
    private let words: ChipWords
    private let ticker: Ticker
    private let tickMilliseconds: UInt64
    private var round: Round<LineBank<P>>
    private var analogues: AnalogueBank<C>
    private var wait = WaitSet()
    private let tickEntry: Int
    private let supervisorEntry: Int
    private let keeperEntry: Int
    private let firstLineEntry: Int
    private var report: Reporting
    private var sender = Sender()
    private var buffer = [UInt8](repeating: 0, count: Channel.packetMaximum)
    private var hasMalformed = false
    private var calibration: CalibrationInForce
    private var isCalibrationTold = false
    private var retained = CBORWriter(capacity: Retained.encodedMaximum)
    private var retainedRevision: UInt32?

    private var reactAt: UInt64?
    private var settleAt: UInt64?
    private var steppedAt: UInt64 = 0
    private var checkedInAt: UInt64 = 0
    private var allocations: Int?
    /// Something came that needs memory: a document of the supervisor.
    private var hasHeardDocument = false
    private var hasAllocated = false

    init(
        _ inForce: CalibrationInForce, _ lines: consuming LineBank<P>, _ edges: [Int32],
        _ analogues: consuming AnalogueBank<C>, _ words: ChipWords, _ ticker: consuming Ticker, supervisor: Int32, keeper: Int32
    ) {
        let calibration = inForce.verified.payload
        self.calibration = inForce
        self.supervisor = supervisor
        self.keeper = keeper
        self.edges = edges
        self.analogues = analogues
        self.words = words
        tickMilliseconds = UInt64(calibration.tickMilliseconds)
        self.ticker = ticker
        round = Round(calibration, lines, nowMilliseconds: Int64(now()))
        report = Reporting(
            actuators: calibration.actuators.count, sensors: calibration.sensors.count, meters: round.control.meterCount, trips: calibration.trips.count)
        tickEntry = wait.add(self.ticker.descriptor.raw)
        supervisorEntry = wait.add(supervisor)
        keeperEntry = wait.add(keeper)
        firstLineEntry = wait.count
        for line in edges { wait.add(line) }
    }

    /// What it brings back is told: the first step begins with no events.
    mutating func restore(_ retained: RawSpan) {
        round.restore(retained)
        for i in 0..<round.control.events.count { report.event(round.control.events[i], keeper, &sender) }
    }

    /// Returns only when it can't go on; the supervisor then drives the lines safe.
    mutating func run() -> SystemError {
        tick()
        allocations = allocationCount()
        while true {
            do throws(SystemError) { try wait.wait(timeoutMilliseconds: timeout()) } catch { return error }
            takeEdges()
            if wait.isReadable(keeperEntry) { hearKeeper() }
            if wait.isReadable(supervisorEntry), let failure = hearSupervisor() { return failure }
            if wait.isReadable(tickEntry), ticker.expirations() > 0 {
                tick()
            } else if let due = reactAt, now() >= due {
                react()
            } else if let due = settleAt, now() >= due {
                settle()
            }
        }
    }

    private func timeout() -> Int {
        guard let due = reactAt ?? settleAt else { return Int(2 * tickMilliseconds) }
        let time = now()
        return due > time ? Int(due - time) : 0
    }

    // MARK: rounds

    private mutating func tick() {
        let mayAllocate = hasHeardDocument || calibration.next != nil
        hasHeardDocument = false
        for i in 0..<analogues.count { if let counts = analogues.take(i) { round.take(counts: counts, analogue: i) } }
        round.tick(nowMilliseconds: Int64(now()))
        analogues.ask()
        finishStep()
        changeCalibration()
        tellChips()
        watchAllocations(mayAllocate)
        // An output that software can't make safe: the watchdog must see to it.
        if !round.port.hasLostOutputs, now() &- checkedInAt >= checkInMilliseconds { checkIn() }
    }

    /// What this process promises, it is held to while it runs: an allocation is told, once. Only a
    /// calibration that comes, and takes over, needs memory.
    private mutating func watchAllocations(_ mayAllocate: Bool) {
        let count = allocationCount()
        defer { allocations = count }
        guard count != allocations, allocations != nil, !mayAllocate, !hasAllocated else { return }
        hasAllocated = tell(.event(code: "controller-allocated", text: "memory was asked for after the start"))
    }

    private mutating func react() {
        round.react(nowMilliseconds: Int64(now()))
        finishStep()
        settleAt = steppedAt + reactionMilliseconds
    }

    /// The readings that were asked for with the reaction.
    private mutating func settle() {
        switch round.settle() {
        case .settled: settleAt = nil
        case .waiting: settleAt = now() + reactionMilliseconds
        case .contradicted: react()
        }
    }

    private mutating func finishStep() {
        reactAt = nil
        steppedAt = now()
        report.tell(round.control, at: steppedAt, keeper, &sender)
        if retainedRevision != round.control.retainedRevision { tellRetained() }
    }

    // MARK: what outlives this process, and the calibration that follows

    private mutating func tellRetained() {
        let revision = round.control.retainedRevision
        retained.reset()
        round.control.encodeRetained(into: &retained)
        // One that could not be sent is tried again with the next step.
        if tell(.retained(retained.bytes)) { retainedRevision = revision }
    }

    private mutating func changeCalibration() {
        guard let next = calibration.next else { return }
        if next.obstacle == nil {
            let (reason, actuator) = round.adopt(next.verified.payload)
            guard reason != .none else {
                report.event(round.control.events[round.control.events.count - 1], keeper, &sender)
                calibration.takeOver()
                isCalibrationTold = tell(.calibrationInForce(digest: calibration.digest))
                return
            }
            if let text = calibration.wait(forActuator: actuator, reason) { tell(.event(code: "calibration-pending", text: text)) }
        } else if let text = calibration.waitForRest() {
            tell(.event(code: "calibration-pending", text: text))
        }
        // A trip or a fault that stands is the local reset's to clear, not a calibration's.
        guard round.control.isAtRest, !round.control.hasLatchedTrip, !round.control.hasFault else { return }
        // Everything is in its safe state: the next start of this process begins with it.
        tellRetained()
        log("controller: ends for the calibration that takes over")
        exitProcess(0)
    }

    /// One edge of each line a turn: a line that storms can't keep the others, or the tick, waiting.
    private mutating func takeEdges() {
        for i in edges.indices where wait.isReadable(firstLineEntry + i) {
            let rising: Bool
            do throws(SystemError) { rising = try readEdge(edges[i]).rising } catch { continue }
            guard round.edge(input: i, rising: rising), reactAt == nil else { continue }
            reactAt = max(now(), steppedAt + reactionMilliseconds)
        }
    }

    // MARK: channels

    private mutating func receive(_ channel: Int32) throws(SystemError) -> Int? {
        try receivePacket(into: &buffer, on: channel)
    }

    /// A calibration may come, which is looked at here as at the start. That the supervisor is gone changes everything.
    private mutating func hearSupervisor() -> SystemError? {
        for _ in 0..<messagesMaximum {
            do throws(SystemError) {
                guard let count = try receive(supervisor) else { return nil }
                if count == 0 { return SystemError("the supervisor has gone", 0) }
                do throws(CBORError) {
                    let message = try decode(SupervisorMessage.self, buffer.span.bytes.extracting(0..<count))
                    guard case .document(let kind, let object) = message else { continue }
                    hasHeardDocument = true
                    guard kind == .calibration else { continue }
                    if let refusal = calibration.offer(object) { tell(.event(code: "calibration-refused", text: refusal)) }
                } catch {}
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
        case .request(let id, let order, let issuers):
            let request = Request(identifier: id, order: order, issuers: issuers)
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
        if !isCalibrationTold { isCalibrationTold = tell(.calibrationInForce(digest: calibration.digest)) }
    }

    private mutating func tellChips() {
        for chip in 0..<round.port.chipCount {
            guard let news = round.takeNews(ofChip: chip) else { continue }
            do throws(SystemError) { _ = try sendPacket(words.packet(news, ofChip: chip).span.bytes, on: supervisor) } catch {}
        }
    }

    /// False if it was not sent. A full queue, or one that is gone, shows at the next reading.
    @discardableResult
    private mutating func tell(_ message: RoleMessage) -> Bool {
        do throws(SystemError) { return try sender.send(message, on: supervisor) } catch { return false }
    }
}
