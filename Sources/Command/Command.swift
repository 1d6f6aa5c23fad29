// Duty: what an issuer orders a board to do: a signed object for one device, answering the challenge
// that its keeper made at start, counted, with a deadline on the board's own clock. Two signatures on
// one object are the approval of two.
// Trust: decoded only by `verify`; then `Admission` says whether it is for us, fresh and in order.
// Must never depend on the wall clock, nor act by itself.
import Bytes
import Signed

public enum Role: UInt8, CaseIterable, Sendable { case controller = 0, keeper, uplink, installer }

/// What is ordered.
public enum Action: Equatable, Sendable {
    /// Bring an actuator, by its name in the calibration, to a position in permille of its travel.
    case setpoint(actuator: String, permille: UInt16)
    /// Announce such an order, where the calibration asks for it (select-before-operate).
    case select(actuator: String, permille: UInt16)
    /// Keep the lease on an actuator.
    case renew(actuator: String)
    /// Give it back: the actuator goes to its safe state.
    case release(actuator: String)
    /// Enter an operating phase.
    case phase(String)
    /// Take a trip out for some minutes; 0 puts it back.
    case bypass(trip: String, minutes: UInt16)
    /// A partial-stroke test.
    case partialStroke(actuator: String)
    /// Let the calibration with this payload digest, which was sent beside, take over.
    case calibration(digest: [UInt8])
    /// Fetch the bundle of this name below the commissioned update path and install it, for at most so many bytes
    /// of it: what the running release has need not be fetched, so this refuses a full download.
    case update(bundle: String, downloadMaximumBytes: UInt64 = .max)
    case reboot
    /// End (kill -9) a role, or freeze it: only on boards whose file allows test access.
    case kill(Role)
    case freeze(Role)
}

/// An order to one device.
///
///     {1: device, 2: challenge (16 bytes), 3: counter, 4: deadline in ms of the board's monotonic clock,
///      5: [action, ...]}
public struct Command: SignedPayload, Equatable, Sendable {
    public static let purpose = Purpose.command
    public static let challengeBytes = 16
    public static let nameMaximum = 64
    public static let digestBytes = 32

    public let device: String
    /// The challenge that the keeper published in its latest birth: nothing older can be replayed.
    public let challenge: [UInt8]
    /// Greater than that of the issuer's command before, under the same challenge.
    public let counter: UInt64
    public let deadlineMilliseconds: UInt64
    public let action: Action

    public init(device: String, challenge: [UInt8], counter: UInt64, deadlineMilliseconds: UInt64, action: Action) {
        self.device = device
        self.challenge = challenge
        self.counter = counter
        self.deadlineMilliseconds = deadlineMilliseconds
        self.action = action
    }

    public func encoded() -> [UInt8] {
        var writer = CBORWriter()
        writer.map(5)
        writer.unsigned(1); writer.text(device)
        writer.unsigned(2); writer.bytes(challenge)
        writer.unsigned(3); writer.unsigned(counter)
        writer.unsigned(4); writer.unsigned(deadlineMilliseconds)
        writer.unsigned(5); action.encode(into: &writer)
        return writer.bytes
    }

    public init(decoding bytes: RawSpan) throws(PayloadError) {
        do throws(CBORError) {
            var reader = CBORReader(bytes)
            try reader.fields(5)
            try reader.field(1)
            device = try reader.text(maximum: Self.nameMaximum)
            try reader.field(2)
            challenge = try reader.bytes(exactly: Self.challengeBytes)
            try reader.field(3)
            counter = try reader.unsigned()
            try reader.field(4)
            deadlineMilliseconds = try reader.unsigned()
            try reader.field(5)
            action = try Action(decoding: &reader)
            try reader.end()
        } catch { throw PayloadError(error) }
    }
}

extension Action {
    func encode(into writer: inout CBORWriter) {
        switch self {
        case .setpoint(let actuator, let permille):
            writer.array(3); writer.unsigned(0); writer.text(actuator); writer.unsigned(UInt64(permille))
        case .update(let bundle, .max): writer.array(2); writer.unsigned(1); writer.text(bundle)
        case .update(let bundle, let maximum): writer.array(3); writer.unsigned(1); writer.text(bundle); writer.unsigned(maximum)
        case .reboot: writer.array(1); writer.unsigned(2)
        case .select(let actuator, let permille):
            writer.array(3); writer.unsigned(5); writer.text(actuator); writer.unsigned(UInt64(permille))
        case .renew(let actuator): writer.array(2); writer.unsigned(6); writer.text(actuator)
        case .release(let actuator): writer.array(2); writer.unsigned(7); writer.text(actuator)
        case .phase(let name): writer.array(2); writer.unsigned(8); writer.text(name)
        case .bypass(let trip, let minutes):
            writer.array(3); writer.unsigned(9); writer.text(trip); writer.unsigned(UInt64(minutes))
        case .partialStroke(let actuator): writer.array(2); writer.unsigned(10); writer.text(actuator)
        case .calibration(let digest): writer.array(2); writer.unsigned(11); writer.bytes(digest)
        case .kill(let role): writer.array(2); writer.unsigned(3); writer.unsigned(UInt64(role.rawValue))
        case .freeze(let role): writer.array(2); writer.unsigned(4); writer.unsigned(UInt64(role.rawValue))
        }
    }

    init(decoding reader: inout CBORReader) throws(CBORError) {
        let at = reader.offset
        let count = try reader.array(maximum: 3)
        switch (try reader.u8(), count) {
        case (0, 3): self = .setpoint(actuator: try reader.name(), permille: try reader.permille())
        case (1, 2): self = .update(bundle: try reader.name())
        case (1, 3): self = .update(bundle: try reader.name(), downloadMaximumBytes: try reader.unsigned(maximum: .max - 1))
        case (2, 1): self = .reboot
        case (3, 2): self = .kill(try Role(decoding: &reader))
        case (4, 2): self = .freeze(try Role(decoding: &reader))
        case (5, 3): self = .select(actuator: try reader.name(), permille: try reader.permille())
        case (6, 2): self = .renew(actuator: try reader.name())
        case (7, 2): self = .release(actuator: try reader.name())
        case (8, 2): self = .phase(try reader.name())
        case (9, 3): self = .bypass(trip: try reader.name(), minutes: try reader.u16())
        case (10, 2): self = .partialStroke(actuator: try reader.name())
        case (11, 2): self = .calibration(digest: try reader.bytes(exactly: Command.digestBytes))
        default: throw .outOfRange(at: at)
        }
    }
}

extension Role {
    init(decoding reader: inout CBORReader) throws(CBORError) {
        let at = reader.offset
        guard let role = Role(rawValue: try reader.u8()) else { throw .outOfRange(at: at) }
        self = role
    }
}

extension CBORReader {
    fileprivate mutating func name() throws(CBORError) -> String { try text(maximum: Command.nameMaximum) }
    fileprivate mutating func permille() throws(CBORError) -> UInt16 { UInt16(try unsigned(maximum: 1000)) }
}
