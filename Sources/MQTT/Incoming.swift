// Parsing of the packets that a server may send. Every field is checked; nothing is skipped unread.
import Bytes

/// What the server said in CONNACK about itself (section 3.2).
public struct ServerLimits: Equatable, Sendable {
    public var receiveMaximum: Int = 65535
    public var maximumQuality: UInt8 = 2
    public var maximumPacketBytes: Int = Int.max
    public var topicAliasMaximum: Int = 0
    /// Nil: ours stands.
    public var keepAliveSeconds: Int?

    public init() {}
}

enum Incoming: Equatable {
    case connack(sessionPresent: Bool, reason: UInt8, ServerLimits)
    case publish(Publish)
    case puback(identifier: UInt16, reason: UInt8)
    case suback(identifier: UInt16, reasons: [UInt8])
    case pingResponse
    case disconnect(reason: UInt8)

    struct Publish: Equatable {
        var topic: String
        var payload: [UInt8]
        /// Set for QoS 1.
        var identifier: UInt16?
        var duplicate: Bool
        var retained: Bool
    }
}

extension Incoming {
    init(_ frame: Frame) throws(MQTTError) {
        var reader = PacketReader(frame)
        switch frame.type {
        case 2: self = try reader.connack()
        case 3: self = .publish(try reader.publish(flags: frame.flags))
        case 4: self = try reader.puback()
        case 9: self = try reader.suback()
        case 13:
            self = .pingResponse
        case 14: self = try reader.disconnect()
        default: throw .unexpected(packet: frame.type)
        }
        try reader.end()
    }
}

/// A cursor over one packet's body.
private struct PacketReader {
    let packet: UInt8
    let body: [UInt8]
    var offset = 0

    init(_ frame: Frame) {
        packet = frame.type
        body = frame.body
    }

    var malformed: MQTTError { .malformed(packet: packet, at: offset) }

    func end() throws(MQTTError) {
        guard offset == body.count else { throw malformed }
    }

    mutating func u8() throws(MQTTError) -> UInt8 {
        guard offset < body.count else { throw malformed }
        defer { offset += 1 }
        return body[offset]
    }

    mutating func u16() throws(MQTTError) -> UInt16 {
        UInt16(try u8()) << 8 | UInt16(try u8())
    }

    mutating func u32() throws(MQTTError) -> UInt32 {
        UInt32(try u16()) << 16 | UInt32(try u16())
    }

    /// A variable byte integer (section 1.5.5).
    mutating func variable() throws(MQTTError) -> Int {
        var value = 0
        for shift in [0, 7, 14, 21] {
            let byte = try u8()
            value |= Int(byte & 127) << shift
            if byte & 128 == 0 {
                guard shift == 0 || byte != 0 else { throw malformed }
                return value
            }
        }
        throw malformed
    }

    mutating func binary() throws(MQTTError) -> ArraySlice<UInt8> {
        let count = Int(try u16())
        guard count <= body.count - offset else { throw malformed }
        defer { offset += count }
        return body[offset..<offset + count]
    }

    /// UTF-8 without U+0000 (section 1.5.4).
    mutating func string() throws(MQTTError) -> String {
        let bytes = try binary()
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else { throw malformed }
        return text
    }

    mutating func packetIdentifier() throws(MQTTError) -> UInt16 {
        let identifier = try u16()
        guard identifier != 0 else { throw malformed }
        return identifier
    }

    /// Passes over the value of a property, whose type follows from its identifier (section 2.2.2.2).
    mutating func skipValue(_ property: Int) throws(MQTTError) {
        switch property {
        case 1, 23, 25, 36, 37, 40, 41, 42: _ = try u8()
        case 19, 33, 34, 35: _ = try u16()
        case 2, 17, 24, 39: _ = try u32()
        case 11: _ = try variable()
        case 3, 8, 18, 21, 26, 28, 31: _ = try string()
        case 9, 22: _ = try binary()
        case 38:
            _ = try string()
            _ = try string()
        default: throw malformed
        }
    }

    /// Walks over the properties; each of `allowed` may come once, 38 (user property) often.
    /// `take` may read the value of one and say so; what it leaves is passed over.
    mutating func properties(
        _ allowed: [Int], take: (inout PacketReader, Int) throws(MQTTError) -> Bool = { _, _ throws(MQTTError) in false }
    ) throws(MQTTError) {
        let length = try variable()
        guard length <= body.count - offset else { throw malformed }
        let end = offset + length
        var seen: UInt64 = 0
        var count = 0
        while offset < end {
            let property = try variable()
            count += 1
            guard count <= Limit.properties, property == 38 || allowed.contains(property) else { throw malformed }
            if property != 38 {
                guard seen & 1 << UInt64(property) == 0 else { throw malformed }
                seen |= 1 << UInt64(property)
            }
            if try !take(&self, property) { try skipValue(property) }
        }
        guard offset == end else { throw malformed }
    }

    mutating func connack() throws(MQTTError) -> Incoming {
        let flags = try u8()
        guard flags & 0xFE == 0 else { throw malformed }
        let reason = try u8()
        var limits = ServerLimits()
        try properties([17, 18, 19, 21, 22, 26, 28, 31, 33, 34, 36, 37, 39, 40, 41, 42]) { reader, property throws(MQTTError) in
            switch property {
            case 19: limits.keepAliveSeconds = Int(try reader.u16())
            case 33:
                limits.receiveMaximum = Int(try reader.u16())
                guard limits.receiveMaximum > 0 else { throw reader.malformed }
            case 34: limits.topicAliasMaximum = Int(try reader.u16())
            case 36:
                limits.maximumQuality = try reader.u8()
                guard limits.maximumQuality < 2 else { throw reader.malformed }
            case 39:
                limits.maximumPacketBytes = Int(try reader.u32())
                guard limits.maximumPacketBytes > 0 else { throw reader.malformed }
            default: return false
            }
            return true
        }
        return .connack(sessionPresent: flags == 1, reason: reason, limits)
    }

    mutating func publish(flags: UInt8) throws(MQTTError) -> Incoming.Publish {
        let quality = flags >> 1 & 3
        // We subscribe for QoS 1 at most and announce no topic aliases.
        guard quality < 2 else { throw .unexpected(packet: packet) }
        guard quality == 1 || flags & 8 == 0 else { throw malformed }
        let topic = try string()
        guard !topic.isEmpty, !topic.utf8.contains(35), !topic.utf8.contains(43) else { throw malformed }
        let identifier = quality == 1 ? try packetIdentifier() : nil
        try properties([1, 2, 3, 8, 9, 11])
        let payload = Array(body[offset...])
        offset = body.count
        return Incoming.Publish(
            topic: topic, payload: payload, identifier: identifier, duplicate: flags & 8 != 0, retained: flags & 1 != 0)
    }

    mutating func puback() throws(MQTTError) -> Incoming {
        let identifier = try packetIdentifier()
        let reason = offset < body.count ? try u8() : 0
        if offset < body.count { try properties([31]) }
        return .puback(identifier: identifier, reason: reason)
    }

    mutating func suback() throws(MQTTError) -> Incoming {
        let identifier = try packetIdentifier()
        try properties([31])
        let reasons = Array(body[offset...])
        offset = body.count
        return .suback(identifier: identifier, reasons: reasons)
    }

    mutating func disconnect() throws(MQTTError) -> Incoming {
        let reason = offset < body.count ? try u8() : 0
        if offset < body.count { try properties([28, 31]) }
        return .disconnect(reason: reason)
    }
}
