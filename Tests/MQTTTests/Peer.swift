// What a server would send, written apart from the client's own code; and a seeded generator.
import Bytes
@testable import MQTT

func packet(_ first: UInt8, _ body: [UInt8]) -> [UInt8] {
    var length: [UInt8] = []
    var rest = body.count
    repeat {
        length.append(UInt8(rest % 128) + (rest >= 128 ? 128 : 0))
        rest /= 128
    } while rest > 0
    return [first] + length + body
}

func string(_ text: String) -> [UInt8] { [UInt8(text.utf8.count >> 8), UInt8(text.utf8.count & 255)] + text.utf8 }

func connack(reason: UInt8 = 0, present: UInt8 = 0, properties: [UInt8] = []) -> [UInt8] {
    packet(0x20, [present, reason, UInt8(properties.count)] + properties)
}

func suback(_ identifier: UInt16 = 1, reasons: [UInt8] = [1]) -> [UInt8] {
    packet(0x90, [UInt8(identifier >> 8), UInt8(identifier & 255), 0] + reasons)
}

func puback(_ identifier: UInt16, reason: UInt8? = nil) -> [UInt8] {
    packet(0x40, [UInt8(identifier >> 8), UInt8(identifier & 255)] + (reason.map { [$0] } ?? []))
}

func publish(_ topic: String, _ payload: [UInt8], identifier: UInt16? = nil, flags: UInt8? = nil, properties: [UInt8] = []) -> [UInt8] {
    let id = identifier.map { [UInt8($0 >> 8), UInt8($0 & 255)] } ?? []
    return packet(0x30 | (flags ?? (identifier == nil ? 0 : 2)), string(topic) + id + [UInt8(properties.count)] + properties + payload)
}

let options = SessionOptions(
    clientIdentifier: "board-1", will: Will(topic: "penstock/board-1/death", payload: [0xA0]),
    subscription: "penstock/board-1/command")

extension Session {
    mutating func feed(_ bytes: [UInt8], _ now: UInt64 = 0) -> [Event] {
        receive(bytes.span.bytes, nowMilliseconds: now)
    }

    /// A session that is connected and subscribed.
    static func open(_ properties: [UInt8] = [], options: SessionOptions = options) -> Session {
        var session = Session(options, nowMilliseconds: 0)
        _ = session.feed(connack(properties: properties) + suback())
        precondition(session.isConnected)
        _ = session.takeOutput()
        return session
    }
}
