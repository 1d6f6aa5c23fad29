// One device that QEMU has outside of itself: the vhost-user protocol (QEMU's docs/interop/vhost-user.rst)
// and the device's queues. Knows nothing of what the device does. Not for two threads at once.
// Trust: what the guest writes is checked; QEMU, which the rig started, is believed.

import CRig
import Glibc

struct VhostConnection: ~Copyable {
    /// What a descriptor is for that became readable.
    enum Source { case listener, message, queue(Int) }

    /// What came of serving it.
    enum Happening { case nothing, kicked(Int), connected, queueStarted(Int), queueStopped(Int), ended }

    /// Features beside those of the protocol itself.
    private let deviceFeatures: UInt64
    /// The device's configuration space; empty if it has none.
    private let configuration: [UInt8]
    private let socketPath: String
    private let listener: Int32
    private var connection: Int32 = -1
    private var memory: GuestMemory?
    private var queues: [Virtqueue]
    private var features: UInt64 = 0
    private var protocolFeatures: UInt64 = 0

    /// Listens on a Unix socket for QEMU.
    init(socketPath: String, features: UInt64, configuration: [UInt8], queueCount: Int) throws(RigError) {
        self.socketPath = socketPath
        deviceFeatures = features
        self.configuration = configuration
        queues = (0..<queueCount).map { _ in Virtqueue() }
        listener = rig_listen_unix(socketPath)
        guard listener >= 0 else { throw .system("listen on \(socketPath)", errno) }
    }

    /// Of the whole run: nothing is served any more.
    mutating func end() {
        disconnect()
        close(listener)
        unlink(socketPath)
    }

    /// Whether a board with power is connected; its driver may not have started yet.
    var isConnected: Bool { connection >= 0 }

    /// What to wait for. A device that is frozen leaves its queues alone.
    func sources(withQueues: Bool) -> [(Source, Int32)] {
        var out: [(Source, Int32)] = [isConnected ? (.message, connection) : (.listener, listener)]
        if withQueues {
            for index in queues.indices where queues[index].kick >= 0 { out.append((.queue(index), queues[index].kick)) }
        }
        return out
    }

    mutating func serve(_ source: Source, descriptor: Int32) -> Happening {
        switch source {
        case .listener:
            connection = rig_accept(listener, 0)
            return isConnected ? .connected : .nothing
        case .message: return serveMessage()
        case .queue(let index):
            var count: UInt64 = 0
            // A message of the same round may have closed it: then the number means nothing any more.
            guard queues[index].kick == descriptor else { return .nothing }
            _ = read(descriptor, &count, 8)
            return .kicked(index)
        }
    }

    /// The connection's end: all that belonged to it goes.
    mutating func disconnect() {
        guard isConnected else { return }
        close(connection)
        connection = -1
        for index in queues.indices { queues[index].closeAll() }
        queues = queues.map { _ in Virtqueue() }
        memory = nil
        features = 0
        protocolFeatures = 0
    }

    // MARK: queues

    /// Chains that one round takes from a queue.
    static let chainsMaximum = 1024

    func isRunning(queue index: Int) -> Bool { queues[index].enabled && memory != nil }

    /// The next chain of a queue. After a malformed one the queue is ignored until it starts again.
    mutating func take(queue index: Int) -> Virtqueue.Taken {
        guard isRunning(queue: index) else { return .nothing }
        let taken = queues[index].take(memory!)
        if case .malformed = taken { queues[index].enabled = false }
        return taken
    }

    mutating func give(_ answer: [UInt8], head: UInt16, into room: [Virtqueue.Room], queue index: Int) {
        guard memory != nil else { return }
        queues[index].give(answer, head: head, into: room, memory!)
    }

    // MARK: messages

    private enum Request: UInt32 {
        case getFeatures = 1, setFeatures, setOwner, resetOwner, setMemoryTable, setLogBase, setLogDescriptor
        case setQueueSize, setQueueAddress, setQueueBase, getQueueBase, setQueueKick, setQueueCall, setQueueError
        case getProtocolFeatures, setProtocolFeatures, getQueueCount, setQueueEnable
        case getConfiguration = 24, setConfiguration
    }

    private static let featureProtocol: UInt64 = 1 << 30, featureVersion1: UInt64 = 1 << 32
    private static let protocolReplyAcknowledge: UInt64 = 1 << 3, protocolConfiguration: UInt64 = 1 << 9
    private static let payloadMaximum = 4096

    /// Reads and answers one message; `ended` when QEMU is gone or talks nonsense.
    private mutating func serveMessage() -> Happening {
        var header = [UInt8](repeating: 0, count: 12)
        var descriptors = [Int32](repeating: -1, count: 8)
        var count: Int32 = 0
        guard rig_receive(connection, &header, 12, &descriptors, 8, &count) == 12 else { return .ended }
        let held = Array(descriptors[..<Int(count)])
        let flags = header.u32(4), size = Int(header.u32(8))
        var payload = [UInt8](repeating: 0, count: min(size, Self.payloadMaximum))
        guard size <= Self.payloadMaximum, readAll(&payload) else {
            for fd in held { close(fd) }
            return .ended
        }
        guard let request = Request(rawValue: header.u32(0)) else {
            for fd in held { close(fd) }
            return .nothing
        }
        var reply = handle(request, payload, held)
        if reply == nil, flags & 8 != 0, protocolFeatures & Self.protocolReplyAcknowledge != 0 { reply = [UInt8](u64: 0) }
        if let reply {
            let message = [UInt8](u32: request.rawValue) + [UInt8](u32: 5) + [UInt8](u32: UInt32(reply.count)) + reply
            guard message.withUnsafeBytes({ write(connection, $0.baseAddress!, $0.count) }) == message.count else { return .ended }
        }
        let index = Int(payload.u32(0) & 0xFF)
        if request == .getQueueBase { return .queueStopped(index) }
        return request == .setQueueEnable && payload.u32(4) != 0 ? .queueStarted(index) : .nothing
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
    private mutating func handle(_ request: Request, _ payload: [UInt8], _ descriptors: [Int32]) -> [UInt8]? {
        var unused = descriptors
        defer { for fd in unused { close(fd) } }
        switch request {
        case .getFeatures: return [UInt8](u64: deviceFeatures | Self.featureProtocol | Self.featureVersion1)
        case .setFeatures: features = payload.u64(0)
        case .getProtocolFeatures:
            // QEMU warns of a configuration space that its device does not have.
            return [UInt8](u64: Self.protocolReplyAcknowledge | (configuration.isEmpty ? 0 : Self.protocolConfiguration))
        case .setProtocolFeatures: protocolFeatures = payload.u64(0)
        case .getQueueCount: return [UInt8](u64: UInt64(queues.count))
        case .setMemoryTable:
            unused = []
            let count = min(Int(payload.u32(0)), GuestMemory.regionsMaximum)
            memory = GuestMemory((0..<count).map { payload.region(8 + 32 * $0) }, descriptors: descriptors)
        case .getConfiguration:
            let offset = Int(payload.u32(0)), size = Int(payload.u32(4))
            guard offset + size <= 256 else { return payload }
            let padded = configuration + [UInt8](repeating: 0, count: 256)
            return Array(payload.prefix(12)) + padded[offset..<offset + size]
        case .setQueueSize, .setQueueAddress, .setQueueBase, .getQueueBase, .setQueueKick, .setQueueCall, .setQueueError,
            .setQueueEnable:
            let index = Int(payload.u32(0) & 0xFF)
            guard index < queues.count else { return nil }
            return handleQueue(request, index, payload, &unused)
        case .setOwner, .resetOwner, .setLogBase, .setLogDescriptor, .setConfiguration: break
        }
        return nil
    }

    private mutating func handleQueue(_ request: Request, _ index: Int, _ payload: [UInt8], _ unused: inout [Int32]) -> [UInt8]? {
        switch request {
        case .setQueueSize: queues[index].size = Int(payload.u32(4))
        case .setQueueAddress:
            queues[index].descriptors = payload.u64(8)
            queues[index].used = payload.u64(16)
            queues[index].available = payload.u64(24)
        case .setQueueBase: queues[index].nextAvailable = UInt16(truncatingIfNeeded: payload.u32(4))
        case .getQueueBase:
            queues[index].closeKick()
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
