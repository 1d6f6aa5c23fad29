// Duty: a client of MQTT 5.0 (OASIS Standard, 7 March 2019): packets, and one session's state.
// Trust: the broker is anybody. What it sends is bounded, checked, and believed for nothing but
// the state of this connection. Must never do input or output, read a clock, or hold more than
// its named limits whatever the broker says.
import Bytes

/// The bounds of this client.
public enum Limit {
    /// The largest packet taken in, announced as Maximum Packet Size.
    public static let packetInBytes = 16 * 1024
    /// The largest packet put out, if the server allows as much.
    public static let packetOutBytes = 16 * 1024
    /// PUBLISH packets out that wait for their PUBACK, if the server allows as many.
    public static let inflightOut = 16
    /// PUBLISH packets in with QoS 1 that wait for ours, announced as Receive Maximum.
    public static let inflightIn = 4
    /// Topic aliases used, if the server allows as many.
    public static let aliases = 8
    /// Bytes put out that the connection has not taken yet; beyond them nothing is published.
    public static let pendingBytes = 64 * 1024
    /// User properties passed over in one packet.
    public static let properties = 32
}

/// Why a session ended. The connection must be closed; what was not acknowledged is still owed.
public enum MQTTError: Error, Equatable {
    /// A packet breaks the form of the standard. `packet` is its type (0 before it is known),
    /// `at` the offset in its body.
    case malformed(packet: UInt8, at: Int)
    /// A packet is larger than announced.
    case packetTooLarge(bytes: Int)
    /// A packet that is well formed but must not come in this state.
    case unexpected(packet: UInt8)
    /// More QoS 1 messages at once than announced.
    case receiveMaximumExceeded
    /// CONNACK with a reason of 0x80 or more.
    case refused(reason: UInt8)
    /// The server takes no QoS 1, so nothing could be known to have arrived.
    case qualityUnsupported
    /// SUBACK with a reason of 0x80 or more.
    case subscriptionRefused(reason: UInt8)
    /// DISCONNECT from the server.
    case disconnected(reason: UInt8)
    case connectTimeout
    case subscribeTimeout
    case pingTimeout
    case acknowledgeTimeout
}

extension MQTTError: Coded {
    public var code: String {
        switch self {
        case .malformed: "mqtt-malformed"
        case .packetTooLarge: "mqtt-packet-too-large"
        case .unexpected: "mqtt-unexpected-packet"
        case .receiveMaximumExceeded: "mqtt-receive-maximum-exceeded"
        case .refused: "mqtt-refused"
        case .qualityUnsupported: "mqtt-quality-unsupported"
        case .subscriptionRefused: "mqtt-subscription-refused"
        case .disconnected: "mqtt-disconnected"
        case .connectTimeout: "mqtt-connect-timeout"
        case .subscribeTimeout: "mqtt-subscribe-timeout"
        case .pingTimeout: "mqtt-ping-timeout"
        case .acknowledgeTimeout: "mqtt-acknowledge-timeout"
        }
    }

    public var text: String {
        switch self {
        case .malformed(let packet, let at):
            "the broker sent a packet of type \(packet) that breaks MQTT 5 at byte \(at) of its body; check the broker's version"
        case .packetTooLarge(let bytes):
            "the broker sent a packet of \(bytes) bytes where \(Limit.packetInBytes) were announced as the maximum; check what is published to this board's command topic"
        case .unexpected(let packet):
            "the broker sent a packet of type \(packet) that must not come in this state; check the broker's version"
        case .receiveMaximumExceeded:
            "the broker sent more than \(Limit.inflightIn) messages before the first was acknowledged; it ignores Receive Maximum"
        case .refused(let reason):
            "the broker refused the connection: \(name(ofReason: reason)) (\(reason)); check this board's entry at the broker"
        case .qualityUnsupported:
            "the broker offers no QoS 1, so no delivery could be confirmed; allow QoS 1 at the broker"
        case .subscriptionRefused(let reason):
            "the broker refused the subscription to the command topic: \(name(ofReason: reason)) (\(reason)); check this board's access list at the broker"
        case .disconnected(let reason):
            "the broker ended the session: \(name(ofReason: reason)) (\(reason))"
        case .connectTimeout: "the broker did not answer CONNECT in time"
        case .subscribeTimeout: "the broker did not answer SUBSCRIBE in time"
        case .pingTimeout: "the broker did not answer a ping in time; the line is dead or the broker hangs"
        case .acknowledgeTimeout: "the broker did not acknowledge a message in time"
        }
    }

    /// The reason to give in our DISCONNECT (section 3.14.2.1); nil where none is to be sent.
    public var disconnectReason: UInt8? {
        switch self {
        case .malformed: 0x81
        case .packetTooLarge: 0x95
        case .unexpected: 0x82
        case .receiveMaximumExceeded: 0x93
        case .qualityUnsupported, .subscriptionRefused: 0x83
        case .pingTimeout, .acknowledgeTimeout, .subscribeTimeout: 0x80
        case .refused, .disconnected, .connectTimeout: nil
        }
    }
}

/// What a reason code says (section 2.4).
public func name(ofReason reason: UInt8) -> String {
    switch reason {
    case 0x00: "success"
    case 0x04: "disconnect with will message"
    case 0x10: "no matching subscribers"
    case 0x80: "unspecified error"
    case 0x81: "malformed packet"
    case 0x82: "protocol error"
    case 0x83: "implementation specific error"
    case 0x84: "unsupported protocol version"
    case 0x85: "client identifier not valid"
    case 0x86: "bad user name or password"
    case 0x87: "not authorized"
    case 0x88: "server unavailable"
    case 0x89: "server busy"
    case 0x8A: "banned"
    case 0x8B: "server shutting down"
    case 0x8C: "bad authentication method"
    case 0x8D: "keep alive timeout"
    case 0x8E: "session taken over"
    case 0x8F: "topic filter invalid"
    case 0x90: "topic name invalid"
    case 0x91: "packet identifier in use"
    case 0x92: "packet identifier not found"
    case 0x93: "receive maximum exceeded"
    case 0x94: "topic alias invalid"
    case 0x95: "packet too large"
    case 0x96: "message rate too high"
    case 0x97: "quota exceeded"
    case 0x98: "administrative action"
    case 0x99: "payload format invalid"
    case 0x9A: "retain not supported"
    case 0x9B: "QoS not supported"
    case 0x9C: "use another server"
    case 0x9D: "server moved"
    case 0x9E: "shared subscriptions not supported"
    case 0x9F: "connection rate exceeded"
    case 0xA0: "maximum connect time"
    case 0xA1: "subscription identifiers not supported"
    case 0xA2: "wildcard subscriptions not supported"
    default: "unknown reason"
    }
}
