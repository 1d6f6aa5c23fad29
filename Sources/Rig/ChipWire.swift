// Duty: the wire of one GPIO chip between the plant and the board: QEMU's end of the socket, its queues in
// the guest's memory, and the device behind them (vhost-user, device 41).
// Trust: what the guest writes is checked; QEMU, which the rig started, is believed.
// Must never block on the guest. Used by the thread of `Wiring` alone, under its lock.

import CRig
import Foundation
import Glibc
import Plant

/// What a wire asks of the plant that it ends in.
protocol WiredPlant: AnyObject {
    /// Moves the plant to the present.
    func advance()
    func note(_ change: LineEvent.Change)
    /// A chip has been reset or lost its board: told once for all chips of it.
    func noteDown(_ reason: LineEvent.Change)
    /// QEMU is about to stop the guest's processors, which looks like a reset on this wire.
    var isPaused: Bool { get }
}

final class ChipWire {
    let chip: Chip
    let socketPath: String
    private let listener: Int32
    var bank: GPIOBank
    /// It does not answer; whoever asks waits.
    var isFrozen = false
    /// Whether the guest's driver has started.
    private(set) var isUp = false
    private(set) var connection: Int32 = -1
    private var memory: GuestMemory?
    private var queues = [Virtqueue(), Virtqueue()]
    private var features: UInt64 = 0
    private var protocolFeatures: UInt64 = 0

    init(_ chip: Chip, folder: String) throws(RigError) {
        self.chip = chip
        socketPath = "\(folder)/lines-\(chip.rawValue).sock"
        bank = GPIOBank(lines: chip.lines)
        listener = rig_listen_unix(socketPath)
        guard listener >= 0 else { throw .system("listen on \(socketPath)", errno) }
    }

    func end(_ plant: some WiredPlant) {
        disconnect(plant)
        close(listener)
        unlink(socketPath)
    }

    // MARK: what is waited for

    enum Source { case listener, connection, queue(Int) }

    var sources: [(Source, Int32)] {
        var sources: [(Source, Int32)] = [connection < 0 ? (.listener, listener) : (.connection, connection)]
        if !isFrozen {
            for index in queues.indices where queues[index].kick >= 0 { sources.append((.queue(index), queues[index].kick)) }
        }
        return sources
    }

    func serve(_ source: Source, descriptor: Int32, _ plant: some WiredPlant) {
        var count: UInt64 = 0
        switch source {
        case .listener: connection = rig_accept(listener, 0)
        case .connection:
            if !serveMessage(plant) { disconnect(plant) }
        case .queue(let index):
            // A message of the same round may have closed it: then the number means nothing any more.
            if queues[index].kick == descriptor { _ = read(descriptor, &count, 8) }
        }
    }

    func driveInputs(_ tank: Tank, _ plant: some WiredPlant) {
        for line in bank.lines where !line.isOutput { bank.drive(line, tank.input(line)) }
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

    private func disconnect(_ plant: some WiredPlant) {
        guard connection >= 0 else { return }
        close(connection)
        connection = -1
        for index in queues.indices { queues[index].closeAll() }
        queues = [Virtqueue(), Virtqueue()]
        memory = nil
        features = 0
        protocolFeatures = 0
        float(.powerLost, plant)
    }

    // MARK: Queues

    func process(_ plant: some WiredPlant) {
        guard !isFrozen else { return }
        for index in queues.indices { process(index, plant) }
    }

    private func process(_ index: Int, _ plant: some WiredPlant) {
        guard queues[index].enabled, memory != nil else { return }
        for _ in 0..<1024 {
            switch queues[index].take(memory!) {
            case .nothing: return
            case .malformed:
                queues[index].enabled = false
                plant.note(.malformed)
                return
            case .chain(let chain):
                if index == 0 {
                    plant.advance()
                    let answer = bank.answer(chain.request)
                    noteChanges(plant)
                    queues[0].give(answer, head: chain.head, address: chain.answerAddress, length: chain.answerLength, memory!)
                } else {
                    lend(chain, plant)
                }
            }
        }
    }

    private func lend(_ chain: Virtqueue.Chain, _ plant: some WiredPlant) {
        guard chain.request.count >= 2 else { return plant.note(.malformed) }
        let line = Int(chain.request[0]) | Int(chain.request[1]) << 8
        let buffer = EventBuffer(head: chain.head, address: chain.answerAddress, length: chain.answerLength)
        if !bank.lend(buffer, line: line) { plant.note(.malformed) }
    }

    /// Returns buffers with edges. A queue that is stopped or frozen gets them when it runs again.
    func giveEvents() {
        guard queues[1].enabled, !isFrozen, memory != nil else { return }
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
    private func serveMessage(_ plant: some WiredPlant) -> Bool {
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
        var reply = handle(request, payload, held, plant)
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
    private func handle(_ request: Request, _ payload: [UInt8], _ descriptors: [Int32], _ plant: some WiredPlant) -> [UInt8]? {
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
            return handleQueue(request, index, payload, &unused, plant)
        case .setOwner, .resetOwner, .setLogBase, .setLogDescriptor, .setConfiguration: break
        }
        return nil
    }

    private func handleQueue(_ request: Request, _ index: Int, _ payload: [UInt8], _ unused: inout [Int32], _ plant: some WiredPlant) -> [UInt8]? {
        switch request {
        case .setQueueSize: queues[index].size = Int(payload.u32(4))
        case .setQueueAddress:
            queues[index].descriptors = payload.u64(8)
            queues[index].used = payload.u64(16)
            queues[index].available = payload.u64(24)
        case .setQueueBase: queues[index].nextAvailable = UInt16(truncatingIfNeeded: payload.u32(4))
        case .getQueueBase:
            queues[index].closeKick()
            if !plant.isPaused { if index == 0 { float(.reset, plant) } else { bank.forgetBuffers() } }
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
        case .setQueueEnable:
            queues[index].enabled = payload.u32(4) != 0
            if index == 0, queues[index].enabled { isUp = true }
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
