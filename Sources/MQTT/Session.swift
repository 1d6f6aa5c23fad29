// One session: from CONNECT to the end of its connection. Pure: bytes and the time go in, events
// and bytes come out. It keeps no message: what it has not acknowledged, its caller still owes.
import Bytes

/// How a session is opened.
public struct SessionOptions: Sendable {
    public var clientIdentifier: String
    public var will: Will?
    /// One topic filter, subscribed to at QoS 1 once connected.
    public var subscription: String?
    public var keepAliveSeconds: UInt16 = 30
    /// For CONNACK and for SUBACK.
    public var connectTimeoutMilliseconds: UInt64 = 15_000
    public var pingTimeoutMilliseconds: UInt64 = 10_000
    public var acknowledgeTimeoutMilliseconds: UInt64 = 30_000

    public init(clientIdentifier: String, will: Will? = nil, subscription: String? = nil) {
        self.clientIdentifier = clientIdentifier
        self.will = will
        self.subscription = subscription
    }
}

public enum Event: Equatable {
    case connected(ServerLimits)
    case subscribed
    /// The server answered the message that carried this token. A reason of 0x80 or more says
    /// that it took it but will not have it (as quota exceeded); it is not sent again here.
    case acknowledged(token: UInt64, reason: UInt8)
    /// A message for us. Where `identifier` is set, `acknowledge` it once it is dealt with.
    case message(topic: String, payload: [UInt8], identifier: UInt16?)
    /// The last event: close the connection. The output may hold a DISCONNECT, to be written if
    /// the connection takes it at once.
    case ended(MQTTError)
}

/// What became of a message that was to be published.
public enum PublishOutcome: Equatable {
    case sent
    /// Try again after the next `acknowledged` event, or when the output has drained.
    case windowFull
    /// The server takes no packet of that size; it can never be sent over this connection.
    case tooLarge
}

public struct Session {
    private enum State: Equatable {
        case connecting, connected, ended
    }

    private struct Inflight {
        var identifier: UInt16
        var token: UInt64
        var deadlineMilliseconds: UInt64
    }

    private let options: SessionOptions
    private var state = State.connecting
    private var framer = Framer()
    private var limits = ServerLimits()
    private var keepAliveMilliseconds: UInt64
    private var inflight: [Inflight] = []
    private var unanswered: [UInt16] = []
    private var aliases: [String] = []
    private var lastIdentifier: UInt16 = 0
    private var subscribing: UInt16?
    private var stepDeadlineMilliseconds: UInt64?
    private var pingDeadlineMilliseconds: UInt64?
    private var lastSentMilliseconds: UInt64
    private var lastReceivedMilliseconds: UInt64
    private var output: [UInt8] = []

    /// A session on a connection that has just come up; CONNECT is in the output already.
    /// - Precondition: identifier, topics and payload are at most 65,535 bytes.
    public init(_ options: SessionOptions, nowMilliseconds: UInt64) {
        self.options = options
        keepAliveMilliseconds = UInt64(options.keepAliveSeconds) * 1000
        lastSentMilliseconds = nowMilliseconds
        lastReceivedMilliseconds = nowMilliseconds
        stepDeadlineMilliseconds = nowMilliseconds + options.connectTimeoutMilliseconds
        output = Outgoing.connect(
            clientIdentifier: options.clientIdentifier, keepAliveSeconds: options.keepAliveSeconds, will: options.will)
    }

    public var isConnected: Bool { state == .connected }
    /// Messages that the server has not answered.
    public var inflightCount: Int { inflight.count }
    /// Messages that may be out at once: the server's Receive Maximum, and ours.
    public var window: Int { min(limits.receiveMaximum, Limit.inflightOut) }
    public var canPublish: Bool {
        state == .connected && inflight.count < window && output.count < Limit.pendingBytes
    }

    /// The bytes for the connection, which are the caller's from then on. Take only what the
    /// connection can take soon: what is left here holds publishing back.
    public mutating func takeOutput() -> [UInt8] {
        defer { output = [] }
        return output
    }

    public var hasOutput: Bool { !output.isEmpty }

    private mutating func send(_ packet: [UInt8], _ now: UInt64) {
        output += packet
        lastSentMilliseconds = now
    }

    // MARK: Publishing

    /// Sends a message with QoS 1; `token` comes back in its `acknowledged` event.
    public mutating func publish(
        topic: String, payload: [UInt8], token: UInt64, nowMilliseconds now: UInt64
    ) -> PublishOutcome {
        guard canPublish else { return .windowFull }
        let identifier = freeIdentifier()
        guard sendPublish(topic, payload, identifier, now) else { return .tooLarge }
        inflight.append(Inflight(
            identifier: identifier, token: token, deadlineMilliseconds: now + options.acknowledgeTimeoutMilliseconds))
        return .sent
    }

    /// Sends a message with QoS 0: nothing will tell whether it arrived.
    public mutating func publishUnconfirmed(
        topic: String, payload: [UInt8], nowMilliseconds now: UInt64
    ) -> PublishOutcome {
        guard state == .connected, output.count < Limit.pendingBytes else { return .windowFull }
        return sendPublish(topic, payload, nil, now) ? .sent : .tooLarge
    }

    private mutating func sendPublish(_ topic: String, _ payload: [UInt8], _ identifier: UInt16?, _ now: UInt64) -> Bool {
        var alias: UInt16?
        var name = topic
        var isNew = false
        if let index = aliases.firstIndex(of: topic) {
            alias = UInt16(index + 1)
            name = ""
        } else if aliases.count < min(limits.topicAliasMaximum, Limit.aliases) {
            alias = UInt16(aliases.count + 1)
            isNew = true
        }
        let packet = Outgoing.publish(topic: name, alias: alias, identifier: identifier, payload: payload)
        guard packet.count <= min(limits.maximumPacketBytes, Limit.packetOutBytes) else { return false }
        if isNew { aliases.append(topic) }
        send(packet, now)
        return true
    }

    private mutating func freeIdentifier() -> UInt16 {
        // Ends: at most 17 of 65,535 are in use.
        repeat {
            lastIdentifier = lastIdentifier == .max ? 1 : lastIdentifier + 1
        } while subscribing == lastIdentifier || inflight.contains { $0.identifier == lastIdentifier }
        return lastIdentifier
    }

    /// Answers a received message (PUBACK); the server may then send another.
    public mutating func acknowledge(identifier: UInt16, reason: UInt8 = 0, nowMilliseconds now: UInt64) {
        guard state == .connected, let index = unanswered.firstIndex(of: identifier) else { return }
        unanswered.remove(at: index)
        send(Outgoing.puback(identifier: identifier, reason: reason), now)
    }

    /// Ends the session from our side. With `publishingWill` the broker publishes the will.
    public mutating func disconnect(publishingWill: Bool = false, nowMilliseconds now: UInt64) {
        guard state != .ended else { return }
        if state == .connected { send(Outgoing.disconnect(reason: publishingWill ? 4 : 0), now) }
        state = .ended
    }

    // MARK: Receiving

    /// Takes in what the connection gave, and says what it meant. Nothing follows `ended`.
    public mutating func receive(_ bytes: RawSpan, nowMilliseconds now: UInt64) -> [Event] {
        var events: [Event] = []
        do throws(MQTTError) {
            var offset = 0
            while state != .ended, let frame = try framer.next(bytes, offset: &offset) {
                lastReceivedMilliseconds = now
                try handle(try Incoming(frame), now, &events)
            }
        } catch {
            events.append(end(error, now))
        }
        return events
    }

    private mutating func end(_ error: MQTTError, _ now: UInt64) -> Event {
        if state == .connected, let reason = error.disconnectReason { send(Outgoing.disconnect(reason: reason), now) }
        state = .ended
        return .ended(error)
    }

    private mutating func handle(_ packet: Incoming, _ now: UInt64, _ events: inout [Event]) throws(MQTTError) {
        if state == .connecting {
            guard case .connack(let sessionPresent, let reason, let limits) = packet else {
                throw .unexpected(packet: packet.type)
            }
            return try connected(sessionPresent, reason, limits, now, &events)
        }
        switch packet {
        case .connack: throw .unexpected(packet: packet.type)
        case .publish(let message): try received(message, &events)
        case .puback(let identifier, let reason):
            guard let index = inflight.firstIndex(where: { $0.identifier == identifier }) else {
                throw .unexpected(packet: packet.type)
            }
            events.append(.acknowledged(token: inflight.remove(at: index).token, reason: reason))
        case .suback(let identifier, let reasons): try subscribed(identifier, reasons, &events)
        case .pingResponse:
            guard pingDeadlineMilliseconds != nil else { throw .unexpected(packet: packet.type) }
            pingDeadlineMilliseconds = nil
        case .disconnect(let reason): throw .disconnected(reason: reason)
        }
    }

    private mutating func connected(
        _ sessionPresent: Bool, _ reason: UInt8, _ limits: ServerLimits, _ now: UInt64, _ events: inout [Event]
    ) throws(MQTTError) {
        guard reason == 0 else {
            guard reason >= 0x80 else { throw .malformed(packet: 2, at: 1) }
            throw .refused(reason: reason)
        }
        state = .connected
        // We asked for a clean start.
        guard !sessionPresent else { throw .unexpected(packet: 2) }
        guard limits.maximumQuality > 0 else { throw .qualityUnsupported }
        self.limits = limits
        if let seconds = limits.keepAliveSeconds { keepAliveMilliseconds = UInt64(seconds) * 1000 }
        stepDeadlineMilliseconds = nil
        events.append(.connected(limits))
        if let filter = options.subscription {
            let identifier = freeIdentifier()
            let packet = Outgoing.subscribe(identifier: identifier, filter: filter)
            guard packet.count <= limits.maximumPacketBytes else { throw .subscriptionRefused(reason: 0x95) }
            subscribing = identifier
            stepDeadlineMilliseconds = now + options.connectTimeoutMilliseconds
            send(packet, now)
        }
    }

    private mutating func received(_ message: Incoming.Publish, _ events: inout [Event]) throws(MQTTError) {
        if let identifier = message.identifier {
            guard !unanswered.contains(identifier) else { throw .unexpected(packet: 3) }
            guard unanswered.count < Limit.inflightIn else { throw .receiveMaximumExceeded }
            unanswered.append(identifier)
        }
        events.append(.message(topic: message.topic, payload: message.payload, identifier: message.identifier))
    }

    private mutating func subscribed(_ identifier: UInt16, _ reasons: [UInt8], _ events: inout [Event]) throws(MQTTError) {
        guard identifier == subscribing else { throw .unexpected(packet: 9) }
        guard reasons.count == 1 else { throw .malformed(packet: 9, at: 2) }
        guard reasons[0] < 0x80 else { throw .subscriptionRefused(reason: reasons[0]) }
        guard reasons[0] < 2 else { throw .unexpected(packet: 9) }
        subscribing = nil
        stepDeadlineMilliseconds = nil
        events.append(.subscribed)
    }

    // MARK: Time

    /// The time at which `tick` is next needed; nil after the end.
    public var deadlineMilliseconds: UInt64? {
        if state == .ended { return nil }
        var earliest = stepDeadlineMilliseconds ?? .max
        if let ping = pingDeadlineMilliseconds {
            earliest = min(earliest, ping)
        } else if let due = pingDueMilliseconds {
            earliest = min(earliest, due)
        }
        for message in inflight { earliest = min(earliest, message.deadlineMilliseconds) }
        return earliest == .max ? nil : earliest
    }

    /// A ping is due when either direction was silent for three quarters of the keep alive, so
    /// that a half-open connection is found even while we send.
    private var pingDueMilliseconds: UInt64? {
        guard state == .connected, keepAliveMilliseconds > 0 else { return nil }
        return min(lastSentMilliseconds, lastReceivedMilliseconds) + keepAliveMilliseconds * 3 / 4
    }

    /// Sends what is due; gives `ended` when an answer is overdue.
    public mutating func tick(nowMilliseconds now: UInt64) -> Event? {
        guard state != .ended else { return nil }
        if let deadline = stepDeadlineMilliseconds, now >= deadline {
            return end(state == .connecting ? .connectTimeout : .subscribeTimeout, now)
        }
        if let deadline = pingDeadlineMilliseconds {
            if now >= deadline { return end(.pingTimeout, now) }
        } else if let due = pingDueMilliseconds, now >= due {
            send(Outgoing.pingRequest, now)
            pingDeadlineMilliseconds = now + options.pingTimeoutMilliseconds
        }
        for message in inflight where now >= message.deadlineMilliseconds { return end(.acknowledgeTimeout, now) }
        return nil
    }
}

extension Incoming {
    var type: UInt8 {
        switch self {
        case .connack: 2
        case .publish: 3
        case .puback: 4
        case .suback: 9
        case .pingResponse: 13
        case .disconnect: 14
        }
    }
}
