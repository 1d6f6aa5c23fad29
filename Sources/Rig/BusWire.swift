// Duty: the wire of the I2C bus between the plant and the board: the device (vhost-user, device 34) and the
// converter on it, whose inputs the plant's transmitters drive. Must never block on the guest. Used by the
// thread of `Wiring` alone, under its lock.

import Plant

final class BusWire: DeviceWire {
    /// VIRTIO_I2C_F_ZERO_LENGTH_REQUEST; the one queue is that of transfers.
    private static let features: UInt64 = 1 << 0, transfers = 0

    let socketPath: String
    private var device: VhostConnection
    private var bus = I2CBus()
    private var converter = ADS1015()
    /// It does not answer; whoever asks waits.
    var isFrozen = false
    /// The guest's driver adds the two messages of a reading without a lock against its own interrupt: an
    /// answer to the first, before it has kicked, breaks its queue ("id 0 is not a head").
    private var isKicked = false

    init(folder: String) throws(RigError) {
        socketPath = "\(folder)/bus.sock"
        device = try VhostConnection(socketPath: socketPath, features: Self.features, configuration: [], queueCount: 1)
    }

    var sources: [(VhostConnection.Source, Int32)] { device.sources(withQueues: !isFrozen) }

    func serve(_ source: VhostConnection.Source, descriptor: Int32, _ plant: some WiredPlant) {
        switch device.serve(source, descriptor: descriptor) {
        case .nothing, .connected, .queueStarted: break
        case .kicked: isKicked = true
        // The converter has no reset line: a reset of the board leaves it as it is.
        case .queueStopped: if !plant.isPaused { bus.forget() }
        case .ended:
            device.disconnect()
            bus.forget()
            converter = ADS1015()
        }
    }

    func end(_ plant: some WiredPlant) { device.end() }

    func process(_ plant: some WiredPlant) {
        guard !isFrozen, isKicked else { return }
        isKicked = false
        for _ in 0..<VhostConnection.chainsMaximum {
            switch device.take(queue: Self.transfers) {
            case .nothing: return
            case .malformed: plant.note(.malformed)
            case .chain(let chain):
                plant.advance()
                converter.inputMicrovolts = Transmitter.allCases.map { plant.tank.microvolts($0) }
                let answer = bus.answer(chain.request, answerLength: chain.answerLength, &converter)
                device.give(answer, head: chain.head, into: chain.room, queue: Self.transfers)
            }
        }
    }
}
