// Duty: packets between two roles (unix(7), SOCK_SEQPACKET): whole or not at all, never blocking.
// Trust: the peer may be hostile; a packet over the maximum is an error, and what it says is checked
// by who decodes it.
import CKernel

public struct Channel: ~Copyable {
    public let descriptor: Descriptor
    public static let packetMaximum = 16384

    public init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    public var raw: Int32 { descriptor.raw }

    /// The two ends of a new channel, by number: its maker keeps them for good.
    public static func raw() throws(SystemError) -> (Int32, Int32) {
        var ends: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutablePointer(to: &ends) {
            $0.withMemoryRebound(to: Int32.self, capacity: 2) { pk_channel($0) }
        }
        try checked("socketpair", result)
        return ends
    }

    /// Sends one packet. False if the peer's queue is full: nothing was sent.
    public func send(_ packet: RawSpan) throws(SystemError) -> Bool { try sendPacket(packet, on: raw) }

    /// Receives one packet into `buffer`, which must be `packetMaximum` long: its length, nil if none
    /// is there. Length 0 is the peer's end.
    public func receive(into buffer: inout [UInt8]) throws(SystemError) -> Int? { try receivePacket(into: &buffer, on: raw) }
}

/// `Channel.send` by number, for who keeps many channels.
public func sendPacket(_ packet: RawSpan, on raw: Int32) throws(SystemError) -> Bool {
    let result = packet.withUnsafeBytes { pk_send(raw, $0.baseAddress, $0.count) }
    if result == -Int(EAGAIN) || result == -Int(ENOBUFS) { return false }
    try checked("send", result)
    return true
}

/// `Channel.receive` by number.
public func receivePacket(into buffer: inout [UInt8], on raw: Int32) throws(SystemError) -> Int? {
    let result = buffer.withUnsafeMutableBytes { pk_recv(raw, $0.baseAddress, $0.count) }
    if result == -Int(EAGAIN) || result == -Int(EINTR) { return nil }
    return Int(try checked("recv", result))
}

/// Throws away what is queued at an end that a new process is to take over.
public func drainPackets(_ raw: Int32) {
    var buffer = [UInt8](repeating: 0, count: Channel.packetMaximum)
    for _ in 0..<4096 {
        let result = buffer.withUnsafeMutableBytes { pk_recv(raw, $0.baseAddress, $0.count) }
        if result <= 0, result != -Int(EMSGSIZE) { return }
    }
}
