// Duty: a DHCP client (RFC 2131, 2132) for one interface: messages and the state machine.
// Trust: anybody on the link may answer. An answer is taken if it fits the question and describes a
// sound network; more is not to be had, and nothing else depends on it (TLS tells the right server).
// Must never do input or output, keep an address past its lease, or listen to what it did not ask for.
import Bytes

public enum Limit {
    public static let nameServers = 3
    /// The largest packet looked at.
    public static let packetBytes = 1500
    /// A lease shorter than this is not taken.
    public static let leastLeaseSeconds: UInt32 = 60
    /// Retransmissions of one REQUEST before it all starts over.
    public static let requests = 4
}

/// A network that a server lends.
public struct Lease: Equatable, Sendable {
    public var address: IPAddress
    /// 1 to 32.
    public var prefixLength: Int
    /// Inside the network; nil if none was given or it was not.
    public var router: IPAddress?
    /// At most `Limit.nameServers`.
    public var nameServers: [IPAddress]
    /// The server that lends it.
    public var server: IPAddress
    /// Nil: for ever.
    public var seconds: UInt32?
}

enum MessageType: UInt8 {
    case discover = 1, offer, request, decline, acknowledge, refuse, release, inform
}

/// What a server said, checked for form and sense.
enum Reply: Equatable {
    case offer(Offer)
    case acknowledge(Offer)
    case refuse(server: UInt32)

    struct Offer: Equatable {
        var lease: Lease
        var serverAddress: UInt32
        var clientAddress: UInt32
        /// From now; nil for ever.
        var renewSeconds: UInt32?
        var rebindSeconds: UInt32?
    }
}
