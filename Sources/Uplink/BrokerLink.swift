// The session with the broker: opened when there is a network and a will, opened again with jittered
// backoff when it ends. Records pass through it in the keeper's order, as many at once as the server
// takes; a record is the keeper's until the broker has acknowledged it.
import Authority
import Backoff
import Board
import Bytes
import MQTT
import System

struct BrokerLink: ~Copyable {
    private enum Phase: Equatable {
        case offline
        case pausing(until: UInt64)
        case connecting
        case session
    }

    /// Records read from TLS in one turn.
    static let readsATurn = 8
    /// Objects that wait for the keeper; with QoS 0 a further one is dropped, with QoS 1 none can come.
    static let objectsMaximum = 8
    static let notesMaximum = 16

    private struct Object {
        var bytes: [UInt8]
        /// Acknowledged to the server once the keeper has it.
        var identifier: UInt16?
    }

    private let device: String
    private let keeper: KeeperLink
    private var connection: Connection
    private var phase = Phase.offline
    private var backoff: Backoff
    private var will: [UInt8]?
    private var session: Session?
    private var isSubscribed = false
    /// Records count from the session's birth on; what was under way before belongs to the last session.
    private var hasBirth = false
    private var output: [UInt8] = []
    private var outputOffset = 0
    private var objects: [Object] = []
    private var pace = Pace()
    private var notes: [Note] = []
    /// The last failure that was reported; another try with the same end is not worth a record.
    private var reported = ""

    init(_ commissioning: Commissioning, _ keeper: KeeperLink, _ backoff: Backoff) {
        self.backoff = backoff
        device = commissioning.device
        self.keeper = keeper
        connection = Connection(commissioning.broker, certificate: commissioning.clientCertificate, protocolName: "mqtt", keeper: keeper)
    }

    private func topic(_ name: String) -> String { "penstock/\(device)/\(name)" }

    private func topic(_ topic: Topic) -> String {
        switch topic {
        case .birth: self.topic("birth")
        case .death: self.topic("death")
        case .data: self.topic("data")
        case .event: self.topic("event")
        case .receipt: self.topic("receipt")
        case .state: self.topic("state")
        }
    }

    // MARK: what the loop asks

    var descriptor: Int32 { connection.descriptor }

    var wantsRead: Bool { phase == .session ? keeper.hasRoom(for: 2 * MQTT.Limit.inflightOut) : connection.wantsRead }

    var wantsWrite: Bool { phase == .session ? outputOffset < output.count : connection.wantsWrite }

    /// Whether the keeper's next message has a place to go. While it has not, it waits in the channel.
    var takesRecords: Bool {
        if case .session = phase, let session, isSubscribed { return session.canPublish }
        return true
    }

    var deadlineMilliseconds: UInt64 {
        var due = connection.deadlineMilliseconds
        if case .pausing(let until) = phase, will != nil { due = min(due, until) }
        if let end = session?.deadlineMilliseconds { due = min(due, end) }
        if !objects.isEmpty, keeper.hasRoom() {
            var pace = self.pace
            due = min(due, pace.nextMilliseconds(monotonicMilliseconds()))
        }
        return due
    }

    mutating func takeNotes() -> [Note] {
        defer { notes = [] }
        return notes
    }

    private mutating func note(_ note: Note) {
        if notes.count < Self.notesMaximum { notes.append(note) }
    }

    // MARK: what happens around it

    mutating func networkIsReady(_ now: UInt64) {
        if phase == .offline { phase = .pausing(until: now) }
    }

    mutating func networkIsLost(_ now: UInt64) {
        end(now)
        phase = .offline
    }

    /// Nobody is left to answer for this session: the broker is to publish its will.
    mutating func keeperIsGone(_ now: UInt64) {
        will = nil
        session?.disconnect(publishingWill: true, nowMilliseconds: now)
        keeper.reset()
        guard phase != .offline else { return }
        end(now)
        keeper.reset()
        phase = .pausing(until: now)
    }

    /// A message of the keeper. Call only while `takesRecords`.
    mutating func take(_ message: KeeperToUplink, _ now: UInt64) {
        switch message {
        case .will(let payload): will = payload
        case .signature: break
        case .record(let sequence, let topic, let payload):
            guard isSubscribed else { return }
            if topic == .birth { hasBirth = true }
            guard hasBirth else { return }
            publish(sequence, topic, payload, now)
        }
    }

    /// Tokens are sequences; a birth has none.
    private static let birthToken = UInt64.max

    private mutating func publish(_ sequence: UInt64, _ topic: Topic, _ payload: [UInt8], _ now: UInt64) {
        let token = topic == .birth ? Self.birthToken : sequence
        switch session!.publish(topic: self.topic(topic), payload: payload, token: token, nowMilliseconds: now) {
        case .sent: break
        case .windowFull: preconditionFailure("a record was taken without a place for it")
        case .tooLarge:
            let text = "record \(sequence) of \(payload.count) bytes is larger than the broker takes"
            if topic == .birth { return fail(LinkFailure(code: "mqtt-birth-too-large", text: text), now) }
            note(.event(code: "mqtt-record-too-large", text: text))
            keeper.send(.delivered(sequence: sequence))
        }
    }

    // MARK: turns

    /// Goes on as far as it comes; true if there may be more to read at once.
    mutating func step(_ now: UInt64, nameServers: [SocketAddress], ready: Bool) -> Bool {
        do throws(LinkFailure) {
            switch phase {
            case .offline: return false
            case .pausing(let until):
                guard now >= until, will != nil else { return false }
                phase = .connecting
                try connection.open(nameServers: nameServers, now)
            case .connecting: try connection.step(ready: ready, now)
            case .session: return try exchange(now, ready: ready)
            }
            if connection.state == .open { begin(now) }
            return phase == .session
        } catch {
            fail(error, now)
            return false
        }
    }

    private mutating func begin(_ now: UInt64) {
        var options = SessionOptions(
            clientIdentifier: device, will: Will(topic: topic(.death), payload: will ?? []), subscription: topic("command"))
        options.keepAliveSeconds = 30
        session = Session(options, nowMilliseconds: now)
        phase = .session
    }

    private mutating func exchange(_ now: UInt64, ready: Bool) throws(LinkFailure) -> Bool {
        var reads = 0
        if ready {
            while reads < Self.readsATurn, phase == .session, wantsRead, let bytes = try connection.read(maximum: MQTT.Limit.packetInBytes) {
                reads += 1
                for event in session!.receive(bytes.span.bytes, nowMilliseconds: now) { try handle(event, now) }
            }
        }
        guard phase == .session else { return false }
        if let event = session!.tick(nowMilliseconds: now) { try handle(event, now) }
        passObjects(now)
        try write()
        return reads == Self.readsATurn
    }

    private mutating func write() throws(LinkFailure) {
        if outputOffset == output.count {
            output = session!.takeOutput()
            outputOffset = 0
        }
        while outputOffset < output.count {
            let count = try connection.write(output, from: outputOffset)
            if count == 0 { return }
            outputOffset += count
        }
        output = []
        outputOffset = 0
    }

    private mutating func handle(_ event: MQTT.Event, _ now: UInt64) throws(LinkFailure) {
        switch event {
        case .connected: break
        case .subscribed:
            isSubscribed = true
            backoff.up(nowMilliseconds: now)
            reported = ""
            keeper.send(.session(true))
            note(.connected(true))
        case .acknowledged(let token, let reason): try acknowledged(token, reason)
        case .message(let topic, let payload, let identifier): receive(topic, payload, identifier, now)
        case .ended(let error):
            // Our DISCONNECT, if there is one and the connection takes it.
            try write()
            throw LinkFailure(error)
        }
    }

    private mutating func acknowledged(_ token: UInt64, _ reason: UInt8) throws(LinkFailure) {
        if reason >= 0x80 {
            let text = "the broker refused a message: \(MQTT.name(ofReason: reason)) (\(reason))"
            // Its size or form would be the same next time; anything else may pass.
            guard reason == 0x95 || reason == 0x99, token != Self.birthToken else {
                throw LinkFailure(code: "mqtt-publish-refused", text: text)
            }
            note(.event(code: "mqtt-record-refused", text: "record \(token): \(text)"))
        }
        if token != Self.birthToken { keeper.send(.delivered(sequence: token)) }
    }

    // MARK: objects from outside

    private mutating func receive(_ topic: String, _ payload: [UInt8], _ identifier: UInt16?, _ now: UInt64) {
        guard topic == self.topic("command"), payload.count <= MessageLimit.object else {
            if let identifier { session!.acknowledge(identifier: identifier, reason: topic == self.topic("command") ? 0x99 : 0x90, nowMilliseconds: now) }
            return
        }
        guard objects.count < Self.objectsMaximum || identifier != nil else { return }
        objects.append(Object(bytes: payload, identifier: identifier))
    }

    private mutating func passObjects(_ now: UInt64) {
        while let object = objects.first, keeper.hasRoom(for: MQTT.Limit.inflightOut), pace.take(now) {
            keeper.send(.object(object.bytes))
            if let identifier = object.identifier { session!.acknowledge(identifier: identifier, nowMilliseconds: now) }
            objects.removeFirst()
        }
    }

    // MARK: the end

    /// Says what ended it, once, and waits before the next try.
    private mutating func fail(_ failure: LinkFailure, _ now: UInt64) {
        end(now)
        if failure.code != reported {
            reported = failure.code
            note(.event(code: failure.code, text: "broker: \(failure.text)"))
        }
        phase = .pausing(until: now + backoff.down(nowMilliseconds: now, random: randomNumber()))
    }

    /// Lets the connection go, and tells who counted on it.
    private mutating func end(_ now: UInt64) {
        if session != nil, connection.state == .open {
            do throws(LinkFailure) { try write() } catch {}
        }
        connection.close()
        if isSubscribed {
            keeper.send(.session(false))
            note(.connected(false))
        }
        session = nil
        isSubscribed = false
        hasBirth = false
        output = []
        outputOffset = 0
        objects = []
    }
}
