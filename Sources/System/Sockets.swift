// Duty: sockets of the client side: connect, never listen or accept.
// Trust: addresses come from configuration or DNS. There is no call here that waits for a stranger.
import Bytes
import CKernel

/// An IP address with a port.
public struct SocketAddress: Equatable, Sendable {
    /// 4 bytes of IPv4 or 16 of IPv6.
    public let address: [UInt8]
    public let port: UInt16

    public init?(address: [UInt8], port: UInt16) {
        guard address.count == 4 || address.count == 16 else { return nil }
        self.address = address
        self.port = port
    }

    public var isIPv6: Bool { address.count == 16 }

    var kernel: pk_address {
        var out = pk_address()
        out.is_v6 = isIPv6 ? 1 : 0
        out.port = port
        withUnsafeMutableBytes(of: &out.bytes) { b in for i in address.indices { b[i] = address[i] } }
        return out
    }
}

/// Starts a TCP connection that does not block; writable when it is made or has failed.
public func connectStream(_ address: SocketAddress) throws(SystemError) -> Descriptor {
    let socket = Descriptor(owning: try checked("socket", pk_socket_stream(address.isIPv6 ? 1 : 0)))
    try connect(socket, address)
    return socket
}

/// A UDP socket that takes datagrams from this one address only.
public func connectDatagram(_ address: SocketAddress) throws(SystemError) -> Descriptor {
    let socket = Descriptor(owning: try checked("socket", pk_socket_datagram(address.isIPv6 ? 1 : 0)))
    try connect(socket, address)
    return socket
}

private func connect(_ socket: borrowing Descriptor, _ address: SocketAddress) throws(SystemError) {
    var kernel = address.kernel
    let result = pk_connect(socket.raw, &kernel)
    if result != -EINPROGRESS { try checked("connect", result) }
}

/// The error of a connection that became writable; nil if it stands (SO_ERROR, socket(7)).
public func connectionError(_ socket: borrowing Descriptor) -> SystemError? {
    let error = pk_socket_error(socket.raw)
    return error == 0 ? nil : SystemError("connect", error)
}

/// A packet socket for the DHCP client (packet(7), cooked: IPv4 packets without the link header).
public struct PacketSocket: ~Copyable {
    public let descriptor: Descriptor
    /// Opens it on an interface; needs CAP_NET_RAW, so the supervisor does.
    /// Returns the interface's hardware address with it.
    public static func open(interface: String) throws(SystemError) -> (descriptor: Int32, hardwareAddress: [UInt8]) {
        var mac = [UInt8](repeating: 0, count: 6)
        let raw = try checked("packet socket on \(interface)", pk_socket_packet(interface, &mac))
        return (raw, mac)
    }

    public init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// Broadcasts one whole IPv4 packet.
    public func broadcast(_ packet: RawSpan) throws(SystemError) {
        let raw = descriptor.raw
        try checked("broadcast", packet.withUnsafeBytes { pk_packet_broadcast(raw, $0.baseAddress, $0.count) })
    }

    /// The next IPv4 packet; empty if none is there.
    public func receive() throws(SystemError) -> [UInt8] {
        do throws(SystemError) { return try descriptor.read(maximum: 2048) } catch {
            if error.wouldBlock { return [] }
            throw error
        }
    }
}

/// Brings an interface up, without an address.
public func interfaceUp(_ name: String) throws(SystemError) {
    try checked("\(name) up", pk_interface_up(name))
}

/// Gives an interface its address, and the default route through `router` if there is one.
public func configureInterface(_ name: String, address: [UInt8], prefixLength: Int, router: [UInt8]?) throws(SystemError) {
    if address.count == 16 {
        let via = router ?? [UInt8](repeating: 0, count: 16)
        try checked("\(name) IPv6 address", pk_interface_v6(name, address, Int32(prefixLength), via))
    } else {
        let via = router ?? [0, 0, 0, 0]
        try checked("\(name) IPv4 address", pk_interface_v4(name, address, Int32(prefixLength), via))
    }
}

/// Takes the interface's IPv4 address away, and the routes that go by it.
public func forgetAddress(_ name: String) throws(SystemError) {
    try checked("\(name) without address", pk_interface_v4(name, [0, 0, 0, 0], 0, [0, 0, 0, 0]))
}
