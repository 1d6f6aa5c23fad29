// Encoding of the packets that a client sends.
import Bytes

/// The message that the broker publishes when the connection is lost (section 3.1.2.5).
public struct Will: Sendable {
    public var topic: String
    public var payload: [UInt8]

    public init(topic: String, payload: [UInt8]) {
        self.topic = topic
        self.payload = payload
    }
}

struct PacketWriter {
    private(set) var bytes: [UInt8] = []

    mutating func u8(_ value: UInt8) { bytes.append(value) }
    mutating func u16(_ value: UInt16) { bytes += [UInt8(value >> 8), UInt8(value & 255)] }

    mutating func u32(_ value: UInt32) {
        u16(UInt16(value >> 16))
        u16(UInt16(value & 0xFFFF))
    }

    mutating func variable(_ value: Int) {
        precondition(value >= 0 && value < 1 << 28)
        var rest = value
        repeat {
            bytes.append(UInt8(rest & 127) | (rest > 127 ? 128 : 0))
            rest >>= 7
        } while rest > 0
    }

    mutating func binary(_ value: [UInt8]) {
        precondition(value.count <= 65535)
        u16(UInt16(value.count))
        bytes += value
    }

    mutating func string(_ value: String) { binary(Array(value.utf8)) }
    mutating func append(_ more: [UInt8]) { bytes += more }

    /// The packet with its fixed header before it.
    func packet(first: UInt8) -> [UInt8] {
        var header = PacketWriter()
        header.u8(first)
        header.variable(bytes.count)
        return header.bytes + bytes
    }
}

enum Outgoing {
    static func connect(clientIdentifier: String, keepAliveSeconds: UInt16, will: Will?) -> [UInt8] {
        var body = PacketWriter()
        body.string("MQTT")
        body.u8(5)
        // Clean start; with a will, QoS 1, not retained.
        body.u8(will == nil ? 0b0000_0010 : 0b0000_1110)
        body.u16(keepAliveSeconds)
        // Session Expiry Interval is 0 by being absent: what is owed stands in the journal.
        var properties = PacketWriter()
        properties.u8(33)
        properties.u16(UInt16(Limit.inflightIn))
        properties.u8(39)
        properties.u32(UInt32(Limit.packetInBytes))
        body.variable(properties.bytes.count)
        body.append(properties.bytes)
        body.string(clientIdentifier)
        if let will {
            body.variable(0)
            body.string(will.topic)
            body.binary(will.payload)
        }
        return body.packet(first: 0x10)
    }

    /// `topic` is empty where the alias is known to the server already.
    static func publish(topic: String, alias: UInt16?, identifier: UInt16?, payload: [UInt8]) -> [UInt8] {
        var body = PacketWriter()
        body.string(topic)
        if let identifier { body.u16(identifier) }
        if let alias {
            body.variable(3)
            body.u8(35)
            body.u16(alias)
        } else {
            body.variable(0)
        }
        body.append(payload)
        return body.packet(first: identifier == nil ? 0x30 : 0x32)
    }

    static func puback(identifier: UInt16, reason: UInt8) -> [UInt8] {
        var body = PacketWriter()
        body.u16(identifier)
        if reason != 0 { body.u8(reason) }
        return body.packet(first: 0x40)
    }

    /// One filter at QoS 1 at most, no local echo, no retained messages: a command is never old.
    static func subscribe(identifier: UInt16, filter: String) -> [UInt8] {
        var body = PacketWriter()
        body.u16(identifier)
        body.variable(0)
        body.string(filter)
        body.u8(0b0010_0101)
        return body.packet(first: 0x82)
    }

    static var pingRequest: [UInt8] { [0xC0, 0] }

    static func disconnect(reason: UInt8) -> [UInt8] { reason == 0 ? [0xE0, 0] : [0xE0, 1, reason] }
}
