// Duty: the wires between the plant and the board. One thread simulates the plant and serves the
// board's GPIO chips and its I2C bus, so what the board sees on its wires and what the plant does are one truth.
// Trust: none in the board. Must never block on the guest.

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
        /// Whether a board with power is connected; its drivers may not have started yet.
        public let connected: Bool
        public let frozen: Set<Chip>
        /// The number that the next event will get.
        public let nextEvent: Int
        /// Requests that the board's drivers made so far.
        public let requests: Int
    }

    private let wake: Int32
    /// Guards all below; broadcast after every change and every tick.
    private let condition = NSCondition()
    private(set) var tank: Tank
    /// One for each chip, in their order.
    private let wires: [ChipWire]
    private let bus: BusWire
    private var log = LineLog()
    private var paused = false
    private var ended = false
    private var stopped = false
    private var wasConnected = false
    private var advancedNanoseconds = monotonicNanoseconds()
    private var thread: Thread?

    /// Listens for QEMU on a Unix socket for each device, in this folder, and lets the plant run.
    public init(folder: String, tank: Tank = Tank()) throws(RigError) {
        self.tank = tank
        var wires: [ChipWire] = []
        for chip in Chip.allCases { wires.append(try ChipWire(chip, folder: folder)) }
        self.wires = wires
        bus = try BusWire(folder: folder)
        wake = rig_event_counter()
        guard wake >= 0 else { throw .system("make an event counter", errno) }
        let thread = Thread { [self] in run() }
        thread.name = "plant"
        thread.start()
        self.thread = thread
    }

    public func socketPath(of chip: Chip) -> String { wire(chip).socketPath }

    public var busPath: String { bus.socketPath }

    private var devices: [any DeviceWire] { wires + [bus] }
    private func wire(_ chip: Chip) -> ChipWire { wires.first { $0.chip == chip }! }
    private func signal(_ line: Line) -> Signal { wire(line.chip).bank.signal(line) }

    // MARK: What the checks use

    public var snapshot: Snapshot { locked { $0.look() } }

    private func look() -> Snapshot {
        Snapshot(
            tank: tank, outputs: Dictionary(uniqueKeysWithValues: Line.outputs.map { ($0, signal($0)) }),
            inputs: Dictionary(uniqueKeysWithValues: Line.inputs.map { ($0, tank.input($0)) }),
            connected: isConnected, frozen: Set(wires.filter(\.isFrozen).map(\.chip)), nextEvent: log.count,
            requests: wires.reduce(0) { $0 + $1.bank.requests })
    }

    private var isConnected: Bool { wires.allSatisfy(\.isConnected) }

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

    /// Stops answering the board's driver of that chip; whoever calls it in the guest waits.
    public func freeze(_ chip: Chip) { set(chip, frozen: true) }
    public func thaw(_ chip: Chip) { set(chip, frozen: false) }

    private func set(_ chip: Chip, frozen: Bool) {
        locked {
            if $0.wire(chip).isFrozen != frozen { $0.note(frozen ? .frozen(chip) : .thawed(chip)) }
            $0.wire(chip).isFrozen = frozen
        }
        kick()
    }

    /// Stops or resumes answering the driver of the I2C bus; whoever reads the converter meanwhile waits.
    public func setBus(frozen: Bool) {
        locked { $0.bus.isFrozen = frozen }
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

    // MARK: The thread

    private func run() {
        while true {
            condition.lock()
            if ended {
                for device in devices { device.end(self) }
                stopped = true
                condition.broadcast()
                condition.unlock()
                return
            }
            let sources = devices.flatMap { device in device.sources.map { (device, $0.0, $0.1) } }
            let due = advancedNanoseconds + Self.tickNanoseconds
            condition.unlock()

            var descriptors = ([wake] + sources.map { $0.2 }).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            let now = monotonicNanoseconds()
            let milliseconds = due > now ? Int32((due - now + 999_999) / 1_000_000) : 0
            _ = poll(&descriptors, nfds_t(descriptors.count), milliseconds)

            locked { wiring in
                var count: UInt64 = 0
                if descriptors[0].revents != 0 { _ = read(wake, &count, 8) }
                for ((device, source, number), descriptor) in zip(sources, descriptors.dropFirst()) where descriptor.revents != 0 {
                    device.serve(source, descriptor: number, wiring)
                }
                wiring.noteConnection()
                wiring.advance()
                wiring.driveInputs()
                for device in wiring.devices { device.process(wiring) }
            }
        }
    }

    private func driveInputs() { for wire in wires { wire.driveInputs(self) } }

    private func noteConnection() {
        if isConnected, !wasConnected { note(.connected) }
        wasConnected = isConnected
    }
}

// What the wires ask, all under the lock.
extension Wiring: WiredPlant {
    func advance() {
        let now = monotonicNanoseconds()
        let microseconds = (now - advancedNanoseconds) / 1000
        guard microseconds > 0 else { return }
        advancedNanoseconds += microseconds * 1000
        var outputs: [Line: Signal] = [:]
        for line in Line.outputs { outputs[line] = signal(line) }
        tank.step(outputs: outputs, microseconds: Int64(microseconds))
    }

    func note(_ change: LineEvent.Change) { log.append(change) }

    /// Once, when the last of them is down.
    func noteDown(_ reason: LineEvent.Change) {
        let down = reason == .powerLost ? !wires.contains(where: \.isConnected) : !wires.contains { $0.isUp }
        if down { note(reason) }
    }

    var isPaused: Bool { paused }
}
