// Duty: the wires between the plant and the board. One thread simulates the plant and serves the
// board's GPIO chip (vhost-user, device 41) and its I2C bus with the converter of the analogue inputs
// (device 34), so what the board sees on its wires and what the plant does are one truth.
// Trust: what the guest writes is checked. Must never block on the guest.

import CRig
import Foundation
import Glibc
import Plant

public final class Wiring: @unchecked Sendable {
    /// How often the plant moves.
    static let tickNanoseconds: UInt64 = 5_000_000

    /// What a check looks at, taken at one instant.
    public struct Snapshot: Sendable {
        public let tank: Tank
        public let outputs: [Line: Signal]
        public let inputs: [Line: Bool]
        /// Whether a board with power is connected; its driver may not have started yet.
        public let connected: Bool
        public let frozen: Bool
        /// The number that the next event will get.
        public let nextEvent: Int
        /// Requests that the board's driver made so far.
        public let requests: Int
    }

    /// Where QEMU finds the GPIO chip, and the I2C bus.
    public let linesPath: String
    public let busPath: String
    private let wake: Int32
    /// Guards all below; broadcast after every change and every tick.
    private let condition = NSCondition()
    private var tank: Tank
    private var bank = GPIOBank(lines: Line.outputs + Line.inputs)
    private var log = LineLog()
    private var frozen = false
    private var busFrozen = false
    private var paused = false
    private var ended = false
    private var stopped = false
    private var advancedNanoseconds = monotonicNanoseconds()
    // The devices; used by the thread alone, under the lock.
    private var lines: VhostConnection
    private var bus: VhostConnection
    private var converter = ADS1015()
    private var i2c = I2CBus()
    private var thread: Thread?

    /// VIRTIO_GPIO_F_IRQ; its queues are those of requests and of edges.
    private static let linesFeatures: UInt64 = 1 << 0, requestQueue = 0, edgeQueue = 1
    /// VIRTIO_I2C_F_ZERO_LENGTH_REQUEST; it has one queue.
    private static let busFeatures: UInt64 = 1 << 0, transferQueue = 0

    /// Listens in a folder for QEMU and lets the plant run.
    public init(folder: String, tank: Tank = Tank()) throws(RigError) {
        self.tank = tank
        linesPath = folder + "/lines.sock"
        busPath = folder + "/bus.sock"
        lines = try VhostConnection(
            socketPath: linesPath, features: Self.linesFeatures, configuration: bank.configuration, queueCount: 2)
        bus = try VhostConnection(socketPath: busPath, features: Self.busFeatures, configuration: [], queueCount: 1)
        wake = rig_event_counter()
        guard wake >= 0 else { throw .system("make an event counter", errno) }
        let thread = Thread { [self] in run() }
        thread.name = "plant"
        thread.start()
        self.thread = thread
    }

    // MARK: What the checks use

    public var snapshot: Snapshot { locked { $0.look() } }

    private func look() -> Snapshot {
        Snapshot(
            tank: tank, outputs: Dictionary(uniqueKeysWithValues: Line.outputs.map { ($0, bank.signal($0)) }),
            inputs: Dictionary(uniqueKeysWithValues: Line.inputs.map { ($0, tank.input($0)) }),
            connected: lines.isConnected, frozen: frozen, nextEvent: log.count, requests: bank.requests)
    }

    /// The events from that number on.
    public func events(since number: Int) -> [LineEvent] { locked { Array($0.log.since(number)) } }

    /// Changes the plant: its faults, its water, the button.
    public func change(_ body: (inout Tank) -> Void) {
        locked {
            $0.advance()
            body(&$0.tank)
            $0.driveInputs()
        }
        kick()
    }

    /// Waits until the condition holds; looks at every change and every tick. Returns the snapshot
    /// that satisfied it, or nil when the time was over.
    public func wait(timeoutSeconds: Double, until holds: (Snapshot) -> Bool) -> Snapshot? {
        let deadline = Date(timeIntervalSinceNow: timeoutSeconds)
        condition.lock()
        defer { condition.unlock() }
        while true {
            let now = look()
            if holds(now) { return now }
            if !condition.wait(until: deadline) { return nil }
        }
    }

    /// Waits for an event numbered `number` or later for which `matches` is true.
    public func waitForEvent(
        since number: Int, timeoutSeconds: Double, where matches: (LineEvent.Change) -> Bool
    ) -> LineEvent? {
        let deadline = Date(timeIntervalSinceNow: timeoutSeconds)
        condition.lock()
        defer { condition.unlock() }
        var next = number
        while true {
            for event in log.since(next) where matches(event.change) { return event }
            next = log.count
            if !condition.wait(until: deadline) { return nil }
        }
    }

    /// Stops answering the board's GPIO driver; whoever calls it in the guest waits.
    public func freeze() {
        locked {
            if !$0.frozen { $0.note(.frozen) }
            $0.frozen = true
        }
        kick()
    }

    public func thaw() {
        locked {
            if $0.frozen { $0.note(.thawed) }
            $0.frozen = false
        }
        kick()
    }

    /// Stops or resumes answering the driver of the I2C bus; whoever reads the converter meanwhile waits.
    public func setBus(frozen: Bool) {
        locked { $0.busFrozen = frozen }
        kick()
    }

    /// Says that QEMU is about to stop the guest's processors, which looks like a reset on this wire.
    public func pause() { locked { $0.paused = true } }
    public func resume() { locked { $0.paused = false } }

    /// Ends the thread and waits for that.
    public func end() {
        locked { $0.ended = true }
        kick()
        condition.lock()
        while !stopped { condition.wait() }
        condition.unlock()
    }

    private func locked<T>(_ body: (Wiring) -> T) -> T {
        condition.lock()
        defer {
            condition.broadcast()
            condition.unlock()
        }
        return body(self)
    }

    private func kick() {
        var one: UInt64 = 1
        _ = write(wake, &one, 8)
    }

    private func note(_ change: LineEvent.Change) { log.append(change) }

    private func noteChanges() {
        for change in bank.takeChanges() { log.append(change) }
    }

    // MARK: The thread

    private enum Source { case wake, lines(VhostConnection.Source), bus(VhostConnection.Source) }

    private func run() {
        while true {
            condition.lock()
            if ended {
                linesEnded()
                bus.disconnect()
                stopped = true
                condition.broadcast()
                condition.unlock()
                return
            }
            var sources: [(Source, Int32)] = [(.wake, wake)]
            sources += lines.sources(withQueues: !frozen).map { (.lines($0), $1) }
            sources += bus.sources(withQueues: !busFrozen).map { (.bus($0), $1) }
            let due = advancedNanoseconds + Self.tickNanoseconds
            condition.unlock()

            var descriptors = sources.map { pollfd(fd: $0.1, events: Int16(POLLIN), revents: 0) }
            let now = monotonicNanoseconds()
            let milliseconds = due > now ? Int32((due - now + 999_999) / 1_000_000) : 0
            _ = poll(&descriptors, nfds_t(descriptors.count), milliseconds)

            locked { wiring in
                for (source, descriptor) in zip(sources, descriptors) where descriptor.revents != 0 {
                    wiring.serve(source.0, descriptor: source.1)
                }
                wiring.advance()
                wiring.driveInputs()
                if !wiring.frozen {
                    wiring.answerRequests()
                    wiring.lendBuffers()
                    wiring.giveEdges()
                }
                if !wiring.busFrozen { wiring.answerTransfers() }
            }
        }
    }

    private func serve(_ source: Source, descriptor: Int32) {
        switch source {
        case .wake:
            var count: UInt64 = 0
            _ = read(wake, &count, 8)
        case .lines(let source):
            switch lines.serve(source, descriptor: descriptor) {
            case .nothing: break
            case .connected: note(.connected)
            case .queueStopped(Self.requestQueue): if !paused { float(.reset) }
            case .queueStopped: if !paused { bank.forgetBuffers() }
            case .ended: linesEnded()
            }
        case .bus(let source):
            switch bus.serve(source, descriptor: descriptor) {
            case .nothing, .connected: break
            // The converter has the board's power and no reset line: a reset of the board leaves it as it is.
            case .queueStopped: if !paused { i2c.forget() }
            case .ended:
                bus.disconnect()
                i2c.forget()
                converter = ADS1015()
            }
        }
    }

    private func linesEnded() {
        guard lines.isConnected else { return }
        lines.disconnect()
        float(.powerLost)
    }

    /// Moves the plant to the present.
    private func advance() {
        let now = monotonicNanoseconds()
        let microseconds = (now - advancedNanoseconds) / 1000
        guard microseconds > 0 else { return }
        advancedNanoseconds += microseconds * 1000
        var outputs: [Line: Signal] = [:]
        for line in Line.outputs { outputs[line] = bank.signal(line) }
        tank.step(outputs: outputs, microseconds: Int64(microseconds))
    }

    private func driveInputs() {
        for line in Line.inputs { bank.drive(line, tank.input(line)) }
        noteChanges()
    }

    private func float(_ reason: LineEvent.Change) {
        advance()
        note(reason)
        bank.float()
        noteChanges()
    }

    // MARK: The devices

    /// Chains that one round takes from a queue.
    private static let chainsMaximum = 1024

    private func answerRequests() {
        for _ in 0..<Self.chainsMaximum {
            switch lines.take(queue: Self.requestQueue) {
            case .nothing: return
            case .malformed: note(.malformed)
            case .chain(let chain):
                advance()
                let answer = bank.answer(chain.request)
                noteChanges()
                lines.give(answer, head: chain.head, into: chain.room, queue: Self.requestQueue)
            }
        }
    }

    private func lendBuffers() {
        for _ in 0..<Self.chainsMaximum {
            switch lines.take(queue: Self.edgeQueue) {
            case .nothing: return
            case .malformed: note(.malformed)
            case .chain(let chain):
                guard chain.request.count >= 2, let room = chain.room.first else {
                    note(.malformed)
                    continue
                }
                let line = Int(chain.request[0]) | Int(chain.request[1]) << 8
                let buffer = EventBuffer(head: chain.head, address: room.address, length: room.length)
                if !bank.lend(buffer, line: line) { note(.malformed) }
            }
        }
    }

    /// Returns buffers with edges. A queue that is stopped or frozen gets them when it runs again.
    private func giveEdges() {
        guard lines.isRunning(queue: Self.edgeQueue) else { return }
        for (buffer, status) in bank.takeCompletions() {
            let room = Virtqueue.Room(address: buffer.address, length: buffer.length)
            lines.give([status], head: buffer.head, into: [room], queue: Self.edgeQueue)
        }
    }

    private func answerTransfers() {
        for _ in 0..<Self.chainsMaximum {
            switch bus.take(queue: Self.transferQueue) {
            case .nothing: return
            case .malformed: note(.malformed)
            case .chain(let chain):
                advance()
                converter.inputMicrovolts = Transmitter.allCases.map { tank.microvolts($0) }
                let answer = i2c.answer(chain.request, answerLength: chain.answerLength, &converter)
                bus.give(answer, head: chain.head, into: chain.room, queue: Self.transferQueue)
            }
        }
    }
}
