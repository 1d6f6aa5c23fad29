// Duty: the wires between the plant and the board. One thread simulates the plant and serves the
// board's GPIO chip (vhost-user, device 41), so what the board sees on its lines and what the plant
// does are one truth. Trust: what the guest writes is checked; QEMU, which the rig started, is believed.
// Must never block on the guest.

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

    public let socketPath: String
    private let listener: Int32
    private let wake: Int32
    /// Guards all below; broadcast after every change and every tick.
    private let condition = NSCondition()
    private var tank: Tank
    private var bank = GPIOBank(lines: Line.outputs + Line.inputs)
    private var log = LineLog()
    private var frozen = false
    private var paused = false
    private var ended = false
    private var stopped = false
    private var advancedNanoseconds = monotonicNanoseconds()
    // Of the connection; used by the thread alone, under the lock.
    private var connection: Int32 = -1
    private var memory: GuestMemory?
    private var queues = [Virtqueue(), Virtqueue()]
    private var features: UInt64 = 0
    private var protocolFeatures: UInt64 = 0
    private var thread: Thread?

    /// Listens on a Unix socket for QEMU and lets the plant run.
    public init(socketPath: String, tank: Tank = Tank()) throws(RigError) {
        self.socketPath = socketPath
        self.tank = tank
        listener = rig_listen_unix(socketPath)
        guard listener >= 0 else { throw .system("listen on \(socketPath)", errno) }
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
            connected: connection >= 0, frozen: frozen, nextEvent: log.count, requests: bank.requests)
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

    private enum Source { case wake, listener, connection, queue(Int) }

    private func run() {
        while true {
            condition.lock()
            if ended {
                disconnect()
                close(listener)
                unlink(socketPath)
                stopped = true
                condition.broadcast()
                condition.unlock()
                return
            }
            var sources: [(Source, Int32)] = [(.wake, wake)]
            if connection < 0 { sources.append((.listener, listener)) } else { sources.append((.connection, connection)) }
            if !frozen {
                for index in queues.indices where queues[index].kick >= 0 { sources.append((.queue(index), queues[index].kick)) }
            }
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
                if !wiring.frozen { for index in wiring.queues.indices { wiring.process(index) } }
                wiring.giveEvents()
            }
        }
    }

    private func serve(_ source: Source, descriptor: Int32) {
        var count: UInt64 = 0
        switch source {
        case .wake: _ = read(wake, &count, 8)
        case .listener:
            connection = rig_accept(listener, 0)
            if connection >= 0 { note(.connected) }
        case .connection:
            if !serveMessage() { disconnect() }
        case .queue(let index):
            // A message of the same round may have closed it: then the number means nothing any more.
            if queues[index].kick == descriptor { _ = read(descriptor, &count, 8) }
        }
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

    private func disconnect() {
        guard connection >= 0 else { return }
        close(connection)
        connection = -1
        for index in queues.indices { queues[index].closeAll() }
        queues = [Virtqueue(), Virtqueue()]
        memory = nil
        features = 0
        protocolFeatures = 0
        float(.powerLost)
    }

    // MARK: Queues

    private func process(_ index: Int) {
        guard queues[index].enabled, memory != nil else { return }
        for _ in 0..<1024 {
            switch queues[index].take(memory!) {
            case .nothing: return
            case .malformed:
                queues[index].enabled = false
                note(.malformed)
                return
            case .chain(let chain):
                if index == 0 {
                    advance()
                    let answer = bank.answer(chain.request)
                    noteChanges()
                    queues[0].give(answer, head: chain.head, address: chain.answerAddress, length: chain.answerLength, memory!)
                } else {
                    lend(chain)
                }
            }
        }
    }

    private func lend(_ chain: Virtqueue.Chain) {
        guard chain.request.count >= 2 else { return note(.malformed) }
        let line = Int(chain.request[0]) | Int(chain.request[1]) << 8
        let buffer = EventBuffer(head: chain.head, address: chain.answerAddress, length: chain.answerLength)
        if !bank.lend(buffer, line: line) { note(.malformed) }
    }

    /// Returns buffers with edges. A queue that is stopped or frozen gets them when it runs again.
    private func giveEvents() {
        guard queues[1].enabled, !frozen, memory != nil else { return }
        for (buffer, status) in bank.takeCompletions() {
            queues[1].give([status], head: buffer.head, address: buffer.address, length: buffer.length, memory!)
        }
    }

    // MARK: vhost-user (QEMU's docs/interop/vhost-user.rst)

    private enum Request: UInt32 {
        case getFeatures = 1, setFeatures, setOwner, resetOwner, setMemoryTable, setLogBase, setLogDescriptor
        case setQueueSize, setQueueAddress, setQueueBase, getQueueBase, setQueueKick, setQueueCall, setQueueError
        case getProtocolFeatures, setProtocolFeatures, getQueueCount, setQueueEnable
        case getConfiguration = 24, setConfiguration
    }

    private static let featureIRQ: UInt64 = 1 << 0, featureProtocol: UInt64 = 1 << 30, featureVersion1: UInt64 = 1 << 32
    private static let protocolReplyAcknowledge: UInt64 = 1 << 3, protocolConfiguration: UInt64 = 1 << 9
    private static let payloadMaximum = 4096

    /// Reads and answers one message; false when QEMU is gone or talks nonsense.
    private func serveMessage() -> Bool {
        var header = [UInt8](repeating: 0, count: 12)
        var descriptors = [Int32](repeating: -1, count: 8)
        var count: Int32 = 0
        guard rig_receive(connection, &header, 12, &descriptors, 8, &count) == 12 else { return false }
        let held = Array(descriptors[..<Int(count)])
        let flags = header.u32(4), size = Int(header.u32(8))
        var payload = [UInt8](repeating: 0, count: size)
        guard size <= Self.payloadMaximum, readAll(&payload) else {
            for fd in held { close(fd) }
            return false
        }
        guard let request = Request(rawValue: header.u32(0)) else {
            for fd in held { close(fd) }
            return true
        }
        var reply = handle(request, payload, held)
        if reply == nil, flags & 8 != 0, protocolFeatures & Self.protocolReplyAcknowledge != 0 { reply = [UInt8](u64: 0) }
        guard let reply else { return true }
        let message = [UInt8](u32: request.rawValue) + [UInt8](u32: 5) + [UInt8](u32: UInt32(reply.count)) + reply
        return message.withUnsafeBytes { write(connection, $0.baseAddress!, $0.count) } == message.count
    }

    private func readAll(_ bytes: inout [UInt8]) -> Bool {
        var at = 0
        while at < bytes.count {
            let left = bytes.count - at
            let got = bytes.withUnsafeMutableBytes { read(connection, $0.baseAddress! + at, left) }
            guard got > 0 else { return false }
            at += got
        }
        return true
    }

    /// Returns the payload of the reply, if the request has one. Closes descriptors that it does not keep.
    private func handle(_ request: Request, _ payload: [UInt8], _ descriptors: [Int32]) -> [UInt8]? {
        var unused = descriptors
        defer { for fd in unused { close(fd) } }
        switch request {
        case .getFeatures: return [UInt8](u64: Self.featureIRQ | Self.featureProtocol | Self.featureVersion1)
        case .setFeatures: features = payload.u64(0)
        case .getProtocolFeatures: return [UInt8](u64: Self.protocolReplyAcknowledge | Self.protocolConfiguration)
        case .setProtocolFeatures: protocolFeatures = payload.u64(0)
        case .getQueueCount: return [UInt8](u64: 2)
        case .setMemoryTable:
            unused = []
            let count = min(Int(payload.u32(0)), GuestMemory.regionsMaximum)
            memory = GuestMemory((0..<count).map { payload.region(8 + 32 * $0) }, descriptors: descriptors)
        case .getConfiguration:
            let offset = Int(payload.u32(0)), size = Int(payload.u32(4))
            guard offset + size <= 256 else { return payload }
            let configuration = bank.configuration + [UInt8](repeating: 0, count: 256)
            return Array(payload.prefix(12)) + configuration[offset..<offset + size]
        case .setQueueSize, .setQueueAddress, .setQueueBase, .getQueueBase, .setQueueKick, .setQueueCall, .setQueueError,
            .setQueueEnable:
            let index = Int(payload.u32(0) & 0xFF)
            guard index < queues.count else { return nil }
            return handleQueue(request, index, payload, &unused)
        case .setOwner, .resetOwner, .setLogBase, .setLogDescriptor, .setConfiguration: break
        }
        return nil
    }

    private func handleQueue(_ request: Request, _ index: Int, _ payload: [UInt8], _ unused: inout [Int32]) -> [UInt8]? {
        switch request {
        case .setQueueSize: queues[index].size = Int(payload.u32(4))
        case .setQueueAddress:
            queues[index].descriptors = payload.u64(8)
            queues[index].used = payload.u64(16)
            queues[index].available = payload.u64(24)
        case .setQueueBase: queues[index].nextAvailable = UInt16(truncatingIfNeeded: payload.u32(4))
        case .getQueueBase:
            queues[index].closeKick()
            if !paused { if index == 0 { float(.reset) } else { bank.forgetBuffers() } }
            return [UInt8](u32: UInt32(index)) + [UInt8](u32: UInt32(queues[index].nextAvailable))
        case .setQueueKick:
            queues[index].closeKick()
            if let fd = unused.first {
                unused.removeFirst()
                _ = fcntl(fd, F_SETFL, O_NONBLOCK)
                queues[index].kick = fd
                if memory != nil { queues[index].readUsedIndex(memory!) }
            }
            if features & Self.featureProtocol == 0 { queues[index].enabled = true }
        case .setQueueCall:
            if queues[index].call >= 0 { close(queues[index].call) }
            queues[index].call = unused.first ?? -1
            if !unused.isEmpty { unused.removeFirst() }
        case .setQueueEnable: queues[index].enabled = payload.u32(4) != 0
        default: break
        }
        return nil
    }
}

// Little-endian fields of the messages; a field beyond the end reads as zeros.
extension [UInt8] {
    fileprivate func u32(_ at: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(at + $1 < count ? self[at + $1] : 0) << UInt32(8 * $1) }
    }
    fileprivate func u64(_ at: Int) -> UInt64 { UInt64(u32(at)) | UInt64(u32(at + 4)) << 32 }
    fileprivate func region(_ at: Int) -> GuestMemory.Region {
        GuestMemory.Region(guest: u64(at), size: u64(at + 8), user: u64(at + 16), offset: u64(at + 24))
    }
    fileprivate init(u32 value: UInt32) { self = (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) } }
    fileprivate init(u64 value: UInt64) { self = (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) } }
}
