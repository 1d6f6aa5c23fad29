// The state machine of a client (RFC 2131, section 4.4, figure 5). Packets, time and randomness go
// in; packets and news of the lease come out.
import Bytes

public struct Client {
    public enum Output: Equatable {
        /// A whole IPv4 packet, for a broadcast frame.
        case send([UInt8])
        /// A lease begins, or its content has changed.
        case lease(Lease)
        /// It is over: the address must not be used any more.
        case lost
    }

    private enum State: Equatable {
        case stopped
        case selecting
        case requesting
        case bound
        case renewing
        case rebinding
    }

    private let hardwareAddress: [UInt8]
    private var state = State.stopped
    private var transaction: UInt32 = 0
    private var startedMilliseconds: UInt64 = 0
    private var tries = 0
    private var offer: Reply.Offer?
    private var requestedMilliseconds: UInt64 = 0
    private var renewMilliseconds: UInt64 = .max
    private var rebindMilliseconds: UInt64 = .max
    private var expiryMilliseconds: UInt64 = .max
    /// When `tick` is next needed; `.max`: never.
    public private(set) var deadlineMilliseconds: UInt64 = .max
    /// The lease that stands.
    public private(set) var lease: Lease?

    /// - Precondition: the hardware address has 6 bytes.
    public init(hardwareAddress: [UInt8]) {
        precondition(hardwareAddress.count == 6)
        self.hardwareAddress = hardwareAddress
    }

    /// Begins looking for a server. `random` is uniform over all 64 bits, here and below.
    public mutating func start(nowMilliseconds now: UInt64, random: UInt64) -> [Output] {
        guard state == .stopped else { return [] }
        return [discover(now, random, isNew: true)]
    }

    // MARK: Sending

    /// 4 s, doubled with each try up to 64 s, give or take a second (section 4.1).
    private func pause(_ random: UInt64) -> UInt64 {
        let base = UInt64(4000) << UInt64(min(tries - 1, 4))
        return base - 1000 + random % 2001
    }

    private func message(_ type: MessageType, _ now: UInt64) -> Message.Outgoing {
        Message.Outgoing(
            type: type, transaction: transaction,
            seconds: UInt16(min((now - startedMilliseconds) / 1000, 0xFFFF)), hardwareAddress: hardwareAddress)
    }

    private mutating func discover(_ now: UInt64, _ random: UInt64, isNew: Bool) -> Output {
        if isNew {
            transaction = UInt32(truncatingIfNeeded: random >> 32)
            startedMilliseconds = now
            tries = 0
        }
        state = .selecting
        offer = nil
        tries += 1
        deadlineMilliseconds = now + pause(random)
        return .send(Packet.wrap(message(.discover, now).bytes, from: 0, to: .max))
    }

    private mutating func request(_ now: UInt64, _ random: UInt64) -> Output {
        let offer = self.offer!
        state = .requesting
        tries += 1
        requestedMilliseconds = now
        deadlineMilliseconds = now + pause(random)
        var request = message(.request, now)
        request.requested = offer.clientAddress
        request.server = offer.serverAddress
        return .send(Packet.wrap(request.bytes, from: 0, to: .max))
    }

    /// Asks for more time: the server that lent it, or, when that is silent, any.
    private mutating func extend(_ now: UInt64, _ random: UInt64) -> Output {
        let offer = self.offer!
        if state == .bound {
            transaction = UInt32(truncatingIfNeeded: random >> 32)
            startedMilliseconds = now
        }
        state = now >= rebindMilliseconds ? .rebinding : .renewing
        requestedMilliseconds = now
        let end = state == .renewing ? rebindMilliseconds : expiryMilliseconds
        // Half of the time that is left, at least a minute, never past its end (section 4.4.5).
        deadlineMilliseconds = min(end, now + max(60_000, (end - now) / 2))
        var request = message(.request, now)
        request.clientAddress = offer.clientAddress
        return .send(Packet.wrap(
            request.bytes, from: offer.clientAddress, to: state == .renewing ? offer.serverAddress : .max))
    }

    // MARK: Events

    public mutating func tick(nowMilliseconds now: UInt64, random: UInt64) -> [Output] {
        guard now >= deadlineMilliseconds else { return [] }
        switch state {
        case .stopped: return []
        case .selecting: return [discover(now, random, isNew: false)]
        case .requesting:
            return [tries < Limit.requests ? request(now, random) : discover(now, random, isNew: true)]
        case .bound, .renewing, .rebinding:
            if now >= expiryMilliseconds { return [lose(), discover(now, random, isNew: true)] }
            return [extend(now, random)]
        }
    }

    private mutating func lose() -> Output {
        lease = nil
        return .lost
    }

    public mutating func receive(_ packet: RawSpan, nowMilliseconds now: UInt64, random: UInt64) -> [Output] {
        guard state != .stopped, state != .bound, let message = Packet.unwrap(packet),
              let reply = Reply(message, transaction: transaction, hardwareAddress: hardwareAddress)
        else { return [] }
        switch (state, reply) {
        case (.selecting, .offer(let offer)):
            self.offer = offer
            tries = 0
            return [request(now, random)]
        case (.requesting, .acknowledge(let granted)) where granted.serverAddress == offer?.serverAddress,
             (.renewing, .acknowledge(let granted)) where granted.serverAddress == offer?.serverAddress,
             (.rebinding, .acknowledge(let granted)):
            return bind(granted)
        case (.requesting, .refuse(let server)) where server == offer?.serverAddress,
             (.renewing, .refuse(let server)) where server == offer?.serverAddress,
             (.rebinding, .refuse(let server)):
            _ = server
            return refused(now, random)
        default: return []
        }
    }

    /// The times count from the sending of the request (section 4.4.1).
    private mutating func bind(_ granted: Reply.Offer) -> [Output] {
        state = .bound
        offer = granted
        func time(_ seconds: UInt32?) -> UInt64 { seconds.map { requestedMilliseconds + UInt64($0) * 1000 } ?? .max }
        renewMilliseconds = time(granted.renewSeconds)
        rebindMilliseconds = time(granted.rebindSeconds)
        expiryMilliseconds = time(granted.lease.seconds)
        deadlineMilliseconds = renewMilliseconds
        defer { lease = granted.lease }
        return lease == granted.lease ? [] : [.lease(granted.lease)]
    }

    /// Starts over after a pause, so that a server that always refuses is not asked without end.
    private mutating func refused(_ now: UInt64, _ random: UInt64) -> [Output] {
        let outputs = lease == nil ? [] : [lose()]
        state = .selecting
        offer = nil
        transaction = UInt32(truncatingIfNeeded: random >> 32)
        startedMilliseconds = now
        tries = 2
        deadlineMilliseconds = now + pause(random)
        return outputs
    }
}
