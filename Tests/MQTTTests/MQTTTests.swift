import Bytes
import SeededRandom
import Testing
@testable import MQTT

@Suite struct Connecting {
    @Test("CONNECT has clean start, expiry 0, will at QoS 1, Receive Maximum and Maximum Packet Size")
    func connect() {
        var session = Session(options, nowMilliseconds: 0)
        let properties: [UInt8] = [33, 0, 4, 39, 0, 0, 0x40, 0]
        let body: [UInt8] = string("MQTT") + [5, 0b1110, 0, 30, 8] + properties + string("board-1")
            + [0] + string("penstock/board-1/death") + [0, 1, 0xA0]
        #expect(session.takeOutput() == packet(0x10, body))
    }

    @Test func subscribesOnceConnected() {
        var session = Session(options, nowMilliseconds: 0)
        _ = session.takeOutput()
        #expect(session.feed(connack()) == [.connected(ServerLimits())])
        #expect(session.takeOutput() == packet(0x82, [0, 1, 0] + string("penstock/board-1/command") + [0x25]))
        #expect(session.feed(suback()) == [.subscribed])
    }

    @Test func serverLimits() {
        var session = Session(options, nowMilliseconds: 0)
        var limits = ServerLimits()
        limits.receiveMaximum = 2
        limits.maximumQuality = 1
        limits.maximumPacketBytes = 256
        limits.topicAliasMaximum = 3
        limits.keepAliveSeconds = 5
        let properties: [UInt8] = [33, 0, 2, 36, 1, 39, 0, 0, 1, 0, 34, 0, 3, 19, 0, 5, 18] + string("x") + [38] + string("k") + string("v")
        #expect(session.feed(connack(properties: properties)) == [.connected(limits)])
    }

    @Test("refusals keep their reason", arguments: [0x80, 0x87, 0x97, 0x9F] as [UInt8])
    func refused(reason: UInt8) {
        var session = Session(options, nowMilliseconds: 0)
        #expect(session.feed(connack(reason: reason)) == [.ended(.refused(reason: reason))])
        #expect(session.feed(connack()) == [])
    }

    @Test("G-S a server that breaks the order of the opening ends the session")
    func wrongOpening() {
        for (bytes, expected) in [
            (puback(1), MQTTError.unexpected(packet: 4)),
            (publish("a", []), .unexpected(packet: 3)),
            (connack(present: 1), .unexpected(packet: 2)),
            (connack(properties: [36, 0]), .qualityUnsupported),
            (connack(properties: [36, 2]), .malformed(packet: 2, at: 5)),
            (connack(properties: [33, 0, 0]), .malformed(packet: 2, at: 6)),
            (connack(properties: [33, 0, 1, 33, 0, 1]), .malformed(packet: 2, at: 7)),
            (connack(properties: [1, 0]), .malformed(packet: 2, at: 4)),
            ([0x10, 0], .unexpected(packet: 1)),
            ([0x21], .unexpected(packet: 2)),
            ([0xF0], .unexpected(packet: 15)),
            ([0x20, 0x80, 0x80, 0x01], .packetTooLarge(bytes: 16384 + 4)),
            ([0x20, 0xFF, 0xFF, 0xFF, 0xFF], .malformed(packet: 2, at: 0)),
            ([0x20, 0x83, 0x00], .malformed(packet: 2, at: 0)),
        ] {
            var session = Session(options, nowMilliseconds: 0)
            #expect(session.feed(bytes) == [.ended(expected)], "\(bytes)")
            #expect(session.deadlineMilliseconds == nil)
        }
        var session = Session(options, nowMilliseconds: 0)
        #expect(session.feed(connack() + connack()).last == .ended(.unexpected(packet: 2)))
    }

    @Test("subscription refused, or granted above what was asked")
    func subscription() {
        for (bytes, expected) in [
            (suback(reasons: [0x87]), MQTTError.subscriptionRefused(reason: 0x87)),
            (suback(reasons: [2]), .unexpected(packet: 9)),
            (suback(reasons: [1, 1]), .malformed(packet: 9, at: 2)),
            (suback(7), .unexpected(packet: 9)),
        ] {
            var session = Session(options, nowMilliseconds: 0)
            #expect(session.feed(connack() + bytes).last == .ended(expected))
        }
    }
}

@Suite struct Publishing {
    @Test("the server's Receive Maximum bounds the window; acknowledgements carry the tokens")
    func window() {
        var session = Session.open([33, 0, 2])
        #expect(session.publish(topic: "t", payload: [1], token: 100, nowMilliseconds: 0) == .sent)
        #expect(session.publish(topic: "t", payload: [2], token: 101, nowMilliseconds: 0) == .sent)
        #expect(session.publish(topic: "t", payload: [3], token: 102, nowMilliseconds: 0) == .windowFull)
        #expect(session.takeOutput() == publish("t", [1], identifier: 2) + publish("t", [2], identifier: 3))
        #expect(session.feed(puback(3)) == [.acknowledged(token: 101, reason: 0)])
        #expect(session.publish(topic: "t", payload: [3], token: 102, nowMilliseconds: 0) == .sent)
        #expect(session.feed(puback(2, reason: 0x97) + puback(4, reason: 0x10)) == [
            .acknowledged(token: 100, reason: 0x97), .acknowledged(token: 102, reason: 0x10),
        ])
        #expect(session.inflightCount == 0)
    }

    @Test("G-T an acknowledgement of what was never sent ends the session")
    func forgedAcknowledgement() {
        var session = Session.open()
        _ = session.publish(topic: "t", payload: [1], token: 9, nowMilliseconds: 0)
        _ = session.takeOutput()
        #expect(session.feed(puback(2) + puback(2)) == [.acknowledged(token: 9, reason: 0), .ended(.unexpected(packet: 4))])
        #expect(session.takeOutput() == [0xE0, 1, 0x82])
    }

    @Test("topic aliases up to the server's maximum; the topic goes out once")
    func aliases() {
        var session = Session.open([34, 0, 1])
        for topic in ["data", "data", "event"] { _ = session.publish(topic: topic, payload: [7], token: 1, nowMilliseconds: 0) }
        #expect(session.takeOutput()
            == publish("data", [7], identifier: 2, properties: [35, 0, 1])
            + publish("", [7], identifier: 3, properties: [35, 0, 1])
            + publish("event", [7], identifier: 4))
    }

    @Test("packets above the server's maximum are not sent, and use up no alias")
    func tooLarge() {
        var session = Session.open([39, 0, 0, 0, 64, 34, 0, 1])
        #expect(session.publish(topic: "t", payload: [UInt8](repeating: 1, count: 100), token: 1, nowMilliseconds: 0) == .tooLarge)
        #expect(session.inflightCount == 0 && !session.hasOutput)
        #expect(session.publishUnconfirmed(topic: "t", payload: [5], nowMilliseconds: 0) == .sent)
        #expect(session.takeOutput() == publish("t", [5], properties: [35, 0, 1]))
    }

    @Test("output that the connection does not take holds publishing back")
    func backPressure() {
        var session = Session.open()
        let payload = [UInt8](repeating: 0, count: 8000)
        var sent = 0
        while session.publishUnconfirmed(topic: "t", payload: payload, nowMilliseconds: 0) == .sent { sent += 1 }
        #expect(sent == 9)
        #expect(session.takeOutput().count < Limit.pendingBytes + 8100)
        #expect(session.canPublish)
    }

    @Test("140,000 messages: identifiers wrap and never repeat among the open ones")
    func identifiers() {
        var session = Session.open()
        var open: [UInt16] = []
        for i in 0..<140_000 {
            #expect(session.publish(topic: "t", payload: [], token: UInt64(i), nowMilliseconds: 0) == .sent)
            let bytes = session.takeOutput()
            let identifier = UInt16(bytes[5]) << 8 | UInt16(bytes[6])
            if open.contains(identifier) || identifier == 0 { Issue.record("identifier \(identifier) is in use") }
            open.append(identifier)
            // The first stays open; the others are acknowledged with a lag.
            if open.count > 5 { _ = session.feed(puback(open.remove(at: 1))) }
        }
    }
}

@Suite struct Receiving {
    @Test func messages() {
        var session = Session.open()
        #expect(session.feed(publish("penstock/board-1/command", [1, 2], identifier: 77, properties: [1, 0, 2, 0, 0, 0, 9])) == [
            .message(topic: "penstock/board-1/command", payload: [1, 2], identifier: 77),
        ])
        session.acknowledge(identifier: 77, reason: 0, nowMilliseconds: 0)
        session.acknowledge(identifier: 77, reason: 0, nowMilliseconds: 0)
        session.acknowledge(identifier: 78, reason: 0, nowMilliseconds: 0)
        #expect(session.takeOutput() == puback(77))
    }

    @Test("G-D a broker that ignores our Receive Maximum is cut off")
    func flood() {
        var session = Session.open()
        var bytes: [UInt8] = []
        for i in 1...5 { bytes += publish("t", [], identifier: UInt16(i)) }
        let events = session.feed(bytes)
        #expect(events.count == 5)
        #expect(events.last == .ended(.receiveMaximumExceeded))
        #expect(session.takeOutput() == [0xE0, 1, 0x93])
    }

    @Test("G-E a hostile broker's packets are refused: QoS 2, aliases, wildcards, NUL, bad UTF-8, a repeated identifier")
    func hostile() {
        for bytes in [
            publish("t", [], identifier: 1, flags: 4), publish("t", [], identifier: 1, flags: 6), publish("t", [], flags: 8),
            publish("", []), publish("a/#", []), publish("+", []), publish("a\0", []),
            publish("t", [], properties: [35, 0, 1]), publish("t", [], identifier: 0),
            packet(0x30, [0, 1, 0xFF, 0]), packet(0x30, [0, 9, 0x41]), packet(0x30, [0, 1, 0x41, 200]),
            publish("t", [], identifier: 1) + publish("t", [], identifier: 1),
            [0xD0, 0], [0xF0, 0], [0x50, 2, 0, 1], [0xB0, 4, 0, 1, 0, 0], [0xE0, 2, 0, 9],
            packet(0x30, [UInt8](repeating: 0, count: 17000)),
        ] {
            var session = Session.open()
            let last = session.feed(bytes).last
            guard case .ended = last else {
                Issue.record("accepted: \(bytes.prefix(20))")
                continue
            }
        }
    }

    @Test func disconnectedByServer() {
        var session = Session.open()
        #expect(session.feed([0xE0, 2, 0x8B, 0]) == [.ended(.disconnected(reason: 0x8B))])
        #expect(!session.hasOutput)
    }
}

@Suite struct Timing {
    @Test("C-D1 a server that never answers: CONNACK, SUBACK, PUBACK and PINGRESP time out")
    func timeouts() {
        var connecting = Session(options, nowMilliseconds: 1000)
        #expect(connecting.deadlineMilliseconds == 16_000)
        #expect(connecting.tick(nowMilliseconds: 15_999) == nil)
        #expect(connecting.tick(nowMilliseconds: 16_000) == .ended(.connectTimeout))

        var subscribing = Session(options, nowMilliseconds: 0)
        _ = subscribing.feed(connack())
        #expect(subscribing.tick(nowMilliseconds: 15_000) == .ended(.subscribeTimeout))

        var publishing = Session.open([19, 0, 0])
        _ = publishing.publish(topic: "t", payload: [], token: 1, nowMilliseconds: 500)
        #expect(publishing.deadlineMilliseconds == 30_500)
        #expect(publishing.tick(nowMilliseconds: 30_499) == nil)
        #expect(publishing.tick(nowMilliseconds: 30_500) == .ended(.acknowledgeTimeout))

        var pinging = Session.open()
        #expect(pinging.deadlineMilliseconds == 22_500)
        #expect(pinging.tick(nowMilliseconds: 22_500) == nil)
        #expect(pinging.takeOutput() == [0xC0, 0])
        #expect(pinging.deadlineMilliseconds == 32_500)
        #expect(pinging.tick(nowMilliseconds: 32_500) == .ended(.pingTimeout))
    }

    @Test("the server's keep alive replaces ours; an answered ping goes on")
    func keepAlive() {
        var session = Session.open([19, 0, 4])
        #expect(session.tick(nowMilliseconds: 2_999) == nil)
        #expect(!session.hasOutput)
        #expect(session.tick(nowMilliseconds: 3_000) == nil)
        #expect(session.takeOutput() == [0xC0, 0])
        #expect(session.feed([0xD0, 0], 3_100) == [])
        #expect(session.deadlineMilliseconds == 6_000)
    }

    @Test("a line that takes everything and gives nothing is found while we send without confirmation")
    func halfOpen() {
        var session = Session.open()
        var ended: Event?
        for now in stride(from: 0 as UInt64, to: 60_000, by: 1000) where ended == nil {
            _ = session.publishUnconfirmed(topic: "t", payload: [], nowMilliseconds: now)
            _ = session.takeOutput()
            ended = session.tick(nowMilliseconds: now)
        }
        #expect(ended == .ended(.pingTimeout))
    }

    @Test("C-D1 a packet fed byte by byte does not keep a dead session alive")
    func slow() {
        var session = Session.open()
        var ended: Event?
        let bytes = publish("t", [UInt8](repeating: 0, count: 1000))
        for now in 0..<60 where ended == nil {
            _ = session.feed([bytes[now]], UInt64(now) * 1000)
            ended = session.tick(nowMilliseconds: UInt64(now) * 1000)
        }
        #expect(ended == .ended(.pingTimeout))
    }
}

@Suite struct Fuzzing {
    /// A long valid conversation of a server, after which nothing is open.
    static func conversation(_ random: inout Seeded) -> [UInt8] {
        var bytes = connack(properties: [33, 0, 9, 34, 0, 2]) + suback()
        for _ in 0..<20 {
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes += publish("a/b", (0..<Int.random(in: 0..<300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
            case 1: bytes += publish("command", [1, 2, 3], properties: [38, 0, 1, 65, 0, 1, 66])
            default: bytes += publish("é", [UInt8](repeating: 9, count: 2000))
            }
        }
        return bytes + [0xE0, 0]
    }

    static func events(_ bytes: [UInt8], split: (Int) -> Int) -> [Event] {
        var session = Session(options, nowMilliseconds: 0)
        var events: [Event] = []
        var offset = 0
        while offset < bytes.count {
            let count = min(max(1, split(bytes.count - offset)), bytes.count - offset)
            events += session.feed(Array(bytes[offset..<offset + count]))
            offset += count
        }
        return events
    }

    @Test("C-T1 the same events however the bytes are split, altered or not")
    func splits() {
        for seed in 0..<300 as Range<UInt64> { split(seed) }
    }

    func split(_ seed: UInt64) {
        var random = Seeded(seed)
        var bytes = Self.conversation(&random)
        if seed % 2 == 1 {
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<min(bytes.count, seed % 4 == 1 ? 60 : bytes.count), using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
        }
        let whole = Self.events(bytes) { $0 }
        #expect(Self.events(bytes) { _ in 1 } == whole)
        #expect(Self.events(bytes) { _ in Int.random(in: 1...40, using: &random) } == whole)
        if seed % 2 == 0 { #expect(whole.count == 23) }
        #expect(whole.filter { if case .ended = $0 { true } else { false } }.count <= 1)
    }

    @Test("a conversation cut at each byte gives a prefix of its events")
    func truncations() {
        var random = Seeded(7)
        let bytes = Array(Self.conversation(&random).prefix(1500))
        let whole = Self.events(bytes) { $0 }
        for count in 0..<bytes.count {
            let events = Self.events(Array(bytes.prefix(count))) { $0 }
            #expect(events == Array(whole.prefix(events.count)))
        }
    }

    @Test("random bytes never trap, and never hold more than the limit")
    func noise() {
        var random = Seeded(1)
        for _ in 0..<3000 {
            var session = Session.open()
            let bytes = (0..<Int.random(in: 1..<200, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            let first: UInt8 = [0x30, 0x32, 0x40, 0x90, 0xD0, 0xE0, 0x20].randomElement(using: &random)!
            _ = session.feed(packet(first, bytes))
            #expect(session.takeOutput().count < 1000)
        }
    }
}
