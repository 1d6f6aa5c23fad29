// Duty: the wire of one GPIO chip between the plant and the board: the device (vhost-user, device 41) and the
// lines behind it. Must never block on the guest. Used by the thread of `Wiring` alone, under its lock.

import Plant

/// What a wire asks of the plant that it ends in.
protocol WiredPlant: AnyObject {
    /// As it is at present.
    var tank: Tank { get }
    /// Moves the plant to the present.
    func advance()
    func note(_ change: LineEvent.Change)
    /// A chip has been reset or lost its board: told once for all chips of it.
    func noteDown(_ reason: LineEvent.Change)
    /// QEMU is about to stop the guest's processors, which looks like a reset on this wire.
    var isPaused: Bool { get }
}

/// A device that the plant's thread serves.
protocol DeviceWire: AnyObject {
    /// What to wait for.
    var sources: [(VhostConnection.Source, Int32)] { get }
    func serve(_ source: VhostConnection.Source, descriptor: Int32, _ plant: some WiredPlant)
    /// Answers what the guest asked, as far as the device answers at all.
    func process(_ plant: some WiredPlant)
    func end(_ plant: some WiredPlant)
}

final class ChipWire: DeviceWire {
    /// VIRTIO_GPIO_F_IRQ; the queues are those of requests and of edges.
    private static let features: UInt64 = 1 << 0, requests = 0, edges = 1

    let chip: Chip
    let socketPath: String
    private var device: VhostConnection
    private(set) var bank: GPIOBank
    /// It does not answer; whoever asks waits.
    var isFrozen = false
    /// Whether the guest's driver has started.
    private(set) var isUp = false

    init(_ chip: Chip, folder: String) throws(RigError) {
        self.chip = chip
        socketPath = "\(folder)/lines-\(chip.rawValue).sock"
        bank = GPIOBank(lines: chip.lines)
        device = try VhostConnection(socketPath: socketPath, features: Self.features, configuration: bank.configuration, queueCount: 2)
    }

    var isConnected: Bool { device.isConnected }
    var sources: [(VhostConnection.Source, Int32)] { device.sources(withQueues: !isFrozen) }

    func serve(_ source: VhostConnection.Source, descriptor: Int32, _ plant: some WiredPlant) {
        switch device.serve(source, descriptor: descriptor) {
        case .nothing, .kicked, .connected: break
        case .queueStarted(let queue): if queue == Self.requests { isUp = true }
        case .queueStopped(let queue):
            if plant.isPaused { break }
            if queue == Self.requests { float(.reset, plant) } else { bank.forgetBuffers() }
        case .ended: disconnect(plant)
        }
    }

    func end(_ plant: some WiredPlant) {
        disconnect(plant)
        device.end()
    }

    private func disconnect(_ plant: some WiredPlant) {
        guard device.isConnected else { return }
        device.disconnect()
        float(.powerLost, plant)
    }

    func driveInputs(_ plant: some WiredPlant) {
        for line in bank.lines {
            if line.isOutput { bank.short(line, to: plant.tank.short(of: line)) } else { bank.drive(line, plant.tank.input(line)) }
        }
        noteChanges(plant)
    }

    private func noteChanges(_ plant: some WiredPlant) {
        for change in bank.takeChanges() { plant.note(change) }
    }

    private func float(_ reason: LineEvent.Change, _ plant: some WiredPlant) {
        plant.advance()
        isUp = false
        bank.float()
        noteChanges(plant)
        plant.noteDown(reason)
    }

    func process(_ plant: some WiredPlant) {
        guard !isFrozen else { return }
        answerRequests(plant)
        lendBuffers(plant)
        giveEdges()
    }

    private func answerRequests(_ plant: some WiredPlant) {
        for _ in 0..<VhostConnection.chainsMaximum {
            switch device.take(queue: Self.requests) {
            case .nothing: return
            case .malformed: plant.note(.malformed)
            case .chain(let chain):
                plant.advance()
                let answer = bank.answer(chain.request)
                noteChanges(plant)
                device.give(answer, head: chain.head, into: chain.room, queue: Self.requests)
            }
        }
    }

    private func lendBuffers(_ plant: some WiredPlant) {
        for _ in 0..<VhostConnection.chainsMaximum {
            switch device.take(queue: Self.edges) {
            case .nothing: return
            case .malformed: plant.note(.malformed)
            case .chain(let chain): if !lend(chain) { plant.note(.malformed) }
            }
        }
    }

    private func lend(_ chain: Virtqueue.Chain) -> Bool {
        guard chain.request.count >= 2, let room = chain.room.first else { return false }
        let line = Int(chain.request[0]) | Int(chain.request[1]) << 8
        return bank.lend(EventBuffer(head: chain.head, address: room.address, length: room.length), line: line)
    }

    /// Returns buffers with edges. A queue that is stopped or frozen gets them when it runs again.
    private func giveEdges() {
        guard device.isRunning(queue: Self.edges) else { return }
        for (buffer, status) in bank.takeCompletions() {
            let room = Virtqueue.Room(address: buffer.address, length: buffer.length)
            device.give([status], head: buffer.head, into: [room], queue: Self.edges)
        }
    }
}
