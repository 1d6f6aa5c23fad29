// Duty: what roles say to each other: one packet a message, [type, fields ...] in deterministic CBOR.
// Trust: a role may be compromised; whoever decodes ends a sender that says what its channel's table
// does not list. Must never carry a descriptor, a path outside the declared ones, or a secret other than
// the content key of one encrypted bundle.
import Bytes
import Control

/// A message of one channel and direction.
public protocol Message {
    init(decoding reader: inout CBORReader) throws(CBORError)
    /// Appends the encoding. Messages without text or bytes allocate nothing.
    func encode(into writer: inout CBORWriter)
}

/// Decodes a whole packet.
public func decode<M: Message>(_: M.Type, _ packet: RawSpan) throws(CBORError) -> M {
    var reader = CBORReader(packet)
    let message = try M(decoding: &reader)
    try reader.end()
    return message
}

/// Bounds of what messages carry, in bytes.
public enum MessageLimit {
    public static let document = 14336
    /// What comes down the command topic: the largest is a signed calibration.
    public static let object = document
    /// Module Control's encoding of what outlives it.
    public static let retained = Retained.encodedMaximum
    public static let record = 8192
    public static let chunk = 12288
    /// The keys of an encrypted bundle, and the one that is found in them.
    public static let bundleKeys = 12288, contentKey = 32
    public static let text = 256
}

/// What a role is given before it begins; none of it is secret.
public enum Document: UInt8, Sendable {
    case keySet = 0
    case board
    case commissioning
    /// The signed object, not its payload: who needs it verifies it itself.
    case calibration
    case manifest
    /// The boot report (module Telemetry).
    case bootReport
    /// Names what the installer is to fetch, and how much it may fetch (InstallOrder).
    case installOrder
    /// 6 bytes: the hardware address of the interface that DHCP is spoken on.
    case hardwareAddress
    /// What the controller before left (module Control): latched trips, faults, counters. Empty: nothing
    /// ever was; what can't be read counts as if every trip stood.
    case retained
    /// Which GPIO chip carries each line (module Board, ChipMap).
    case chips
}

// MARK: supervisor and roles

public enum SupervisorMessage: Message, Equatable {
    case document(Document, [UInt8])
    /// All documents have been given: confine yourself and begin. A document after it is a change while
    /// the board runs: a calibration that is to take over (controller) or has (keeper).
    case begin
    /// Another role has ended, or is back after that.
    case peer(RoleName, alive: Bool)
    /// The interface has an address: connect.
    case networkReady
    /// Something that the keeper is to put into the journal.
    case event(code: String, text: String)
    /// The installer may write: the slot is marked as being written, on disk.
    case proceed
    /// The board restarts in a moment: bring to an end what must not be cut.
    case restarting
    /// To the keeper, for the installer: find the content key in these keys of an encrypted bundle.
    case findContentKey(keys: [UInt8])
    /// To the installer: the content key, 32 bytes; empty if there is none for this device.
    case contentKey([UInt8])
    /// To the keeper: the calibration that it passed on will not take over.
    case calibrationRefused(code: String, text: String)

    public init(decoding reader: inout CBORReader) throws(CBORError) {
        let at = reader.offset
        let count = try reader.array(maximum: 3)
        switch (try reader.u8(), count) {
        case (0, 3):
            guard let document = Document(rawValue: try reader.u8()) else { throw .outOfRange(at: at) }
            self = .document(document, try reader.bytes(maximum: MessageLimit.document))
        case (1, 1): self = .begin
        case (2, 3):
            guard let role = RoleName(rawValue: try reader.u8()) else { throw .outOfRange(at: at) }
            self = .peer(role, alive: try reader.boolean())
        case (3, 1): self = .networkReady
        case (4, 3): self = .event(code: try reader.text(maximum: 64), text: try reader.text(maximum: MessageLimit.text))
        case (5, 1): self = .proceed
        case (6, 1): self = .restarting
        case (8, 2): self = .findContentKey(keys: try reader.bytes(maximum: MessageLimit.bundleKeys))
        case (9, 2): self = .contentKey(try reader.bytes(maximum: MessageLimit.contentKey))
        case (7, 3): self = .calibrationRefused(code: try reader.text(maximum: 64), text: try reader.text(maximum: MessageLimit.text))
        default: throw .outOfRange(at: at)
        }
    }

    public func encode(into writer: inout CBORWriter) {
        switch self {
        case .document(let document, let bytes):
            writer.array(3); writer.unsigned(0); writer.unsigned(UInt64(document.rawValue)); writer.bytes(bytes)
        case .begin: writer.array(1); writer.unsigned(1)
        case .peer(let role, let alive):
            writer.array(3); writer.unsigned(2); writer.unsigned(UInt64(role.rawValue)); writer.boolean(alive)
        case .networkReady: writer.array(1); writer.unsigned(3)
        case .event(let code, let text): writer.array(3); writer.unsigned(4); writer.text(code); writer.text(text)
        case .proceed: writer.array(1); writer.unsigned(5)
        case .restarting: writer.array(1); writer.unsigned(6)
        case .findContentKey(let keys): writer.array(2); writer.unsigned(8); writer.bytes(keys)
        case .contentKey(let key): writer.array(2); writer.unsigned(9); writer.bytes(key)
        case .calibrationRefused(let code, let text): writer.array(3); writer.unsigned(7); writer.text(code); writer.text(text)
        }
    }
}

/// What any role may tell the supervisor; the authority table says which role may send which.
public enum RoleMessage: Message, Equatable {
    /// Alive, and done with one round of its work: feeds the watchdog's gate.
    case checkIn
    /// For the log and the journal.
    case event(code: String, text: String)
    /// Controller: whether all actuators are referenced and none is at fault, whether a latched trip stands.
    case control(healthy: Bool, tripped: Bool)
    /// Uplink: connected to the broker or not.
    case connected(Bool)
    /// Uplink: the address to give to the interface.
    case lease(address: [UInt8], prefixLength: UInt8, router: [UInt8])
    /// Uplink: the lease has ended; the address may be another's now.
    case leaseLost
    /// Keeper, after a verified order: fetch this bundle (a path below the declared server's) and install it, for
    /// at most so many bytes of it.
    case update(path: String, downloadMaximumBytes: UInt64 = .max)
    /// Keeper, after a verified order.
    case reboot
    /// Installer: the bundle's manifest is verified; may I write?
    case installing(release: String)
    /// Installer: the slot is complete and read back.
    case installed(release: String)
    /// Installer: bytes of the release that are in the slot, of how many, and how fast it goes at present.
    case progress(done: UInt64, total: UInt64, bytesPerSecond: UInt64)
    /// Installer: refused or failed; it has ended.
    case installFailed(code: String, text: String)
    /// Keeper, after a verified order, on boards whose file allows test access: end or freeze a role.
    case inject(InjectedFault, RoleName)
    /// Controller: what must outlive it (module Control), whenever something of it is worth keeping.
    case retained([UInt8])
    /// Keeper, after a verified order: this signed calibration is to take over.
    case calibration([UInt8])
    /// Installer: have the content key found in these keys of an encrypted bundle.
    case findContentKey(keys: [UInt8])
    /// Keeper: the content key, 32 bytes; empty if there is none for this device.
    case contentKey([UInt8])
    /// Keeper: this signed key set is to follow on the present one.
    case keySet([UInt8])
    /// Controller: the calibration with this payload digest is the one it acts by.
    case calibrationInForce(digest: [UInt8])

    public init(decoding reader: inout CBORReader) throws(CBORError) {
        let at = reader.offset
        let count = try reader.array(maximum: 4)
        switch (try reader.u8(), count) {
        case (0, 1): self = .checkIn
        case (1, 3): self = .event(code: try reader.text(maximum: 64), text: try reader.text(maximum: MessageLimit.text))
        case (2, 3): self = .control(healthy: try reader.boolean(), tripped: try reader.boolean())
        case (3, 2): self = .connected(try reader.boolean())
        case (4, 4): self = .lease(address: try reader.bytes(exactly: 4), prefixLength: try reader.u8(), router: try reader.bytes(exactly: 4))
        case (5, 3): self = .update(path: try reader.text(maximum: 128), downloadMaximumBytes: try reader.unsigned())
        case (6, 1): self = .reboot
        case (7, 2): self = .installing(release: try reader.text(maximum: 64))
        case (8, 2): self = .installed(release: try reader.text(maximum: 64))
        case (9, 4): self = .progress(done: try reader.unsigned(), total: try reader.unsigned(), bytesPerSecond: try reader.unsigned())
        case (10, 3): self = .installFailed(code: try reader.text(maximum: 64), text: try reader.text(maximum: MessageLimit.text))
        case (11, 3):
            guard let fault = InjectedFault(rawValue: try reader.u8()), let role = RoleName(rawValue: try reader.u8()) else {
                throw .outOfRange(at: at)
            }
            self = .inject(fault, role)
        case (12, 1): self = .leaseLost
        case (13, 2): self = .retained(try reader.bytes(maximum: MessageLimit.retained))
        case (14, 2): self = .calibration(try reader.bytes(maximum: MessageLimit.document))
        case (15, 2): self = .calibrationInForce(digest: try reader.bytes(exactly: 32))
        case (17, 2): self = .findContentKey(keys: try reader.bytes(maximum: MessageLimit.bundleKeys))
        case (18, 2): self = .contentKey(try reader.bytes(maximum: MessageLimit.contentKey))
        case (16, 2): self = .keySet(try reader.bytes(maximum: MessageLimit.document))
        default: throw .outOfRange(at: at)
        }
    }

    public func encode(into writer: inout CBORWriter) {
        switch self {
        case .checkIn: writer.array(1); writer.unsigned(0)
        case .event(let code, let text): writer.array(3); writer.unsigned(1); writer.text(code); writer.text(text)
        case .control(let healthy, let tripped):
            writer.array(3); writer.unsigned(2); writer.boolean(healthy); writer.boolean(tripped)
        case .connected(let connected): writer.array(2); writer.unsigned(3); writer.boolean(connected)
        case .lease(let address, let prefixLength, let router):
            writer.array(4); writer.unsigned(4); writer.bytes(address); writer.unsigned(UInt64(prefixLength)); writer.bytes(router)
        case .update(let path, let maximum): writer.array(3); writer.unsigned(5); writer.text(path); writer.unsigned(maximum)
        case .reboot: writer.array(1); writer.unsigned(6)
        case .installing(let release): writer.array(2); writer.unsigned(7); writer.text(release)
        case .installed(let release): writer.array(2); writer.unsigned(8); writer.text(release)
        case .progress(let done, let total, let bytesPerSecond):
            writer.array(4); writer.unsigned(9); writer.unsigned(done); writer.unsigned(total); writer.unsigned(bytesPerSecond)
        case .installFailed(let code, let text): writer.array(3); writer.unsigned(10); writer.text(code); writer.text(text)
        case .leaseLost: writer.array(1); writer.unsigned(12)
        case .inject(let fault, let role):
            writer.array(3); writer.unsigned(11); writer.unsigned(UInt64(fault.rawValue)); writer.unsigned(UInt64(role.rawValue))
        case .retained(let bytes): writer.array(2); writer.unsigned(13); writer.bytes(bytes)
        case .calibration(let object): writer.array(2); writer.unsigned(14); writer.bytes(object)
        case .calibrationInForce(let digest): writer.array(2); writer.unsigned(15); writer.bytes(digest)
        case .findContentKey(let keys): writer.array(2); writer.unsigned(17); writer.bytes(keys)
        case .contentKey(let key): writer.array(2); writer.unsigned(18); writer.bytes(key)
        case .keySet(let object): writer.array(2); writer.unsigned(16); writer.bytes(object)
        }
    }
}

/// Faults that a signed order may inject where the board file allows test access.
public enum InjectedFault: UInt8, Sendable {
    case kill = 0, freeze
}

// MARK: keeper and controller

public enum KeeperToController: Message, Equatable {
    /// Supervision stands. Without one for the calibration's supervision timeout, outputs go safe.
    case heartbeat
    /// A verified order, its names as positions in the calibration, and one bit for each key that signed it.
    case request(id: UInt64, Order, issuers: UInt32)

    public init(decoding reader: inout CBORReader) throws(CBORError) {
        let at = reader.offset
        let count = try reader.array(maximum: 6)
        switch (try reader.u8(), count) {
        case (0, 1): self = .heartbeat
        case (1, 6): self = .request(id: try reader.unsigned(), try Order(decoding: &reader), issuers: try reader.u32())
        default: throw .outOfRange(at: at)
        }
    }

    public func encode(into writer: inout CBORWriter) {
        switch self {
        case .heartbeat: writer.array(1); writer.unsigned(0)
        case .request(let id, let order, let issuers):
            writer.array(6); writer.unsigned(1); writer.unsigned(id); order.encode(into: &writer); writer.unsigned(UInt64(issuers))
        }
    }
}

/// Three numbers: the kind, what it is about (a position in the calibration), and how much.
extension Order {
    func encode(into writer: inout CBORWriter) {
        let (kind, subject, value): (Int, Int, Int) =
            switch self {
            case .setpoint(let actuator, let permille): (0, actuator, permille)
            case .select(let actuator, let permille): (1, actuator, permille)
            case .renew(let actuator): (2, actuator, 0)
            case .release(let actuator): (3, actuator, 0)
            case .phase(let phase): (4, phase, 0)
            case .bypass(let trip, let minutes): (5, trip, minutes)
            case .partialStroke(let actuator): (6, actuator, 0)
            }
        writer.unsigned(kind); writer.unsigned(subject); writer.unsigned(value)
    }

    init(decoding reader: inout CBORReader) throws(CBORError) {
        let at = reader.offset
        let kind = try reader.u8(), subject = Int(try reader.u8()), value = Int(try reader.u16())
        switch (kind, value) {
        case (0, _): self = .setpoint(actuator: subject, permille: value)
        case (1, _): self = .select(actuator: subject, permille: value)
        case (2, 0): self = .renew(actuator: subject)
        case (3, 0): self = .release(actuator: subject)
        case (4, 0): self = .phase(subject)
        case (5, _): self = .bypass(trip: subject, minutes: value)
        case (6, 0): self = .partialStroke(actuator: subject)
        default: throw .outOfRange(at: at)
        }
    }
}

/// Reason codes are numbers here so that the controller allocates nothing; module Control names them.
public enum ControllerToKeeper: Message, Equatable {
    /// One point (actuators first, then sensors, in the calibration's order, then the actuators' setpoints, then the
    /// flow meters' totals).
    case point(index: UInt8, value: Int64, quality: UInt8)
    /// The end of a round of points taken at this monotonic time.
    case sampled(monotonicMilliseconds: UInt64)
    /// A reason code of module Control, about a point.
    case event(code: UInt16, index: UInt8, value: Int64)
    /// The answer to a request: 0 accepted, else the reason code.
    case outcome(id: UInt64, code: UInt16)
    /// Whom an actuator obeys (0 off, 1 hand, 2 auto), the bits of who holds its lease, the trip that came
    /// first (position in the calibration; 255 = none), and the reason of its fault (0 = none).
    case actuator(index: UInt8, mode: UInt8, issuers: UInt32, firstOut: UInt8, fault: UInt8)
    /// The operating phase, and one bit for each trip that is bypassed.
    case standing(phase: UInt8, bypasses: UInt32)

    public init(decoding reader: inout CBORReader) throws(CBORError) {
        let at = reader.offset
        let count = try reader.array(maximum: 6)
        switch (try reader.u8(), count) {
        case (0, 4): self = .point(index: try reader.u8(), value: try reader.integer(), quality: try reader.u8())
        case (1, 2): self = .sampled(monotonicMilliseconds: try reader.unsigned())
        case (2, 4): self = .event(code: try reader.u16(), index: try reader.u8(), value: try reader.integer())
        case (3, 3): self = .outcome(id: try reader.unsigned(), code: try reader.u16())
        case (4, 6):
            self = .actuator(
                index: try reader.u8(), mode: try reader.u8(), issuers: try reader.u32(), firstOut: try reader.u8(), fault: try reader.u8())
        case (5, 3): self = .standing(phase: try reader.u8(), bypasses: try reader.u32())
        default: throw .outOfRange(at: at)
        }
    }

    public func encode(into writer: inout CBORWriter) {
        switch self {
        case .point(let index, let value, let quality):
            writer.array(4); writer.unsigned(0); writer.unsigned(UInt64(index)); writer.integer(value); writer.unsigned(UInt64(quality))
        case .sampled(let time): writer.array(2); writer.unsigned(1); writer.unsigned(time)
        case .event(let code, let index, let value):
            writer.array(4); writer.unsigned(2); writer.unsigned(UInt64(code)); writer.unsigned(UInt64(index)); writer.integer(value)
        case .actuator(let index, let mode, let issuers, let firstOut, let fault):
            writer.array(6); writer.unsigned(4); writer.unsigned(UInt64(index)); writer.unsigned(UInt64(mode))
            writer.unsigned(UInt64(issuers)); writer.unsigned(UInt64(firstOut)); writer.unsigned(UInt64(fault))
        case .standing(let phase, let bypasses):
            writer.array(3); writer.unsigned(5); writer.unsigned(UInt64(phase)); writer.unsigned(UInt64(bypasses))
        case .outcome(let id, let code): writer.array(3); writer.unsigned(3); writer.unsigned(id); writer.unsigned(UInt64(code))
        }
    }
}

// MARK: keeper and uplink

/// The topics under the device's name.
public enum Topic: UInt8, Sendable {
    case birth = 0, death, data, event, receipt, state
}

public enum KeeperToUplink: Message, Equatable {
    /// The will, given before a session is opened.
    case will([UInt8])
    /// A payload for a topic; the uplink answers `delivered` with the sequence when the broker has it.
    case record(sequence: UInt64, topic: Topic, payload: [UInt8])
    /// The answer to `sign`: 64 bytes, r and s; empty if the keeper refuses.
    case signature([UInt8])

    public init(decoding reader: inout CBORReader) throws(CBORError) {
        let at = reader.offset
        let count = try reader.array(maximum: 4)
        switch (try reader.u8(), count) {
        case (0, 2): self = .will(try reader.bytes(maximum: MessageLimit.record))
        case (1, 4):
            let sequence = try reader.unsigned()
            guard let topic = Topic(rawValue: try reader.u8()) else { throw .outOfRange(at: at) }
            self = .record(sequence: sequence, topic: topic, payload: try reader.bytes(maximum: MessageLimit.record))
        case (2, 2): self = .signature(try reader.bytes(maximum: 64))
        default: throw .outOfRange(at: at)
        }
    }

    public func encode(into writer: inout CBORWriter) {
        switch self {
        case .will(let payload): writer.array(2); writer.unsigned(0); writer.bytes(payload)
        case .record(let sequence, let topic, let payload):
            writer.array(4); writer.unsigned(1); writer.unsigned(sequence); writer.unsigned(UInt64(topic.rawValue)); writer.bytes(payload)
        case .signature(let signature): writer.array(2); writer.unsigned(2); writer.bytes(signature)
        }
    }
}

public enum UplinkToKeeper: Message, Equatable {
    /// A session with the broker stands (send the birth, then records) or has ended.
    case session(Bool)
    /// The broker has this record.
    case delivered(sequence: UInt64)
    /// Bytes that came down the command topic. They are believed for nothing.
    case object([UInt8])
    /// Sign this SHA-256 digest with the device's TLS key (one a handshake).
    case sign(digest: [UInt8])

    public init(decoding reader: inout CBORReader) throws(CBORError) {
        let at = reader.offset
        let count = try reader.array(maximum: 2)
        switch (try reader.u8(), count) {
        case (0, 2): self = .session(try reader.boolean())
        case (1, 2): self = .delivered(sequence: try reader.unsigned())
        case (2, 2): self = .object(try reader.bytes(maximum: MessageLimit.object))
        case (3, 2): self = .sign(digest: try reader.bytes(exactly: 32))
        default: throw .outOfRange(at: at)
        }
    }

    public func encode(into writer: inout CBORWriter) {
        writer.array(2)
        switch self {
        case .session(let stands): writer.unsigned(0); writer.boolean(stands)
        case .delivered(let sequence): writer.unsigned(1); writer.unsigned(sequence)
        case .object(let bytes): writer.unsigned(2); writer.bytes(bytes)
        case .sign(let digest): writer.unsigned(3); writer.bytes(digest)
        }
    }
}

// MARK: installer and uplink

public enum InstallerToUplink: Message, Equatable {
    /// This range of the bundle, from the declared update server. One fetch at a time.
    case fetch(path: String, offset: UInt64, length: UInt32)
    /// A chunk has been used: one more may be sent.
    case credit

    /// Chunks in flight without a credit.
    public static let window = 4

    public init(decoding reader: inout CBORReader) throws(CBORError) {
        let at = reader.offset
        let count = try reader.array(maximum: 4)
        switch (try reader.u8(), count) {
        case (0, 4): self = .fetch(path: try reader.text(maximum: 128), offset: try reader.unsigned(), length: try reader.u32())
        case (1, 1): self = .credit
        default: throw .outOfRange(at: at)
        }
    }

    public func encode(into writer: inout CBORWriter) {
        switch self {
        case .fetch(let path, let offset, let length):
            writer.array(4); writer.unsigned(0); writer.text(path); writer.unsigned(offset); writer.unsigned(UInt64(length))
        case .credit: writer.array(1); writer.unsigned(1)
        }
    }
}

public enum UplinkToInstaller: Message, Equatable {
    case chunk(offset: UInt64, [UInt8])
    /// All bytes of the range have been sent.
    case fetched
    /// The fetch ended early; `again` if another try may do better.
    case failed(code: String, text: String, again: Bool)

    public init(decoding reader: inout CBORReader) throws(CBORError) {
        let at = reader.offset
        let count = try reader.array(maximum: 4)
        switch (try reader.u8(), count) {
        case (0, 3): self = .chunk(offset: try reader.unsigned(), try reader.bytes(maximum: MessageLimit.chunk))
        case (1, 1): self = .fetched
        case (2, 4):
            self = .failed(
                code: try reader.text(maximum: 64), text: try reader.text(maximum: MessageLimit.text), again: try reader.boolean())
        default: throw .outOfRange(at: at)
        }
    }

    public func encode(into writer: inout CBORWriter) {
        switch self {
        case .chunk(let offset, let bytes): writer.array(3); writer.unsigned(0); writer.unsigned(offset); writer.bytes(bytes)
        case .fetched: writer.array(1); writer.unsigned(1)
        case .failed(let code, let text, let again):
            writer.array(4); writer.unsigned(2); writer.text(code); writer.text(text); writer.boolean(again)
        }
    }
}

/// What the installer is to do.
public struct InstallOrder: Message, Equatable {
    /// Path of the bundle on the declared update server.
    public let path: String
    /// Rollback floor: a release below it is refused.
    public let floor: UInt64
    /// Bytes of the bundle that may be fetched beside its manifest and keys.
    public let downloadMaximumBytes: UInt64

    public init(path: String, floor: UInt64, downloadMaximumBytes: UInt64 = .max) {
        self.path = path
        self.floor = floor
        self.downloadMaximumBytes = downloadMaximumBytes
    }

    public init(decoding reader: inout CBORReader) throws(CBORError) {
        try reader.array(exactly: 3)
        path = try reader.text(maximum: 128)
        floor = try reader.unsigned()
        downloadMaximumBytes = try reader.unsigned()
    }

    public func encode(into writer: inout CBORWriter) {
        writer.array(3)
        writer.text(path)
        writer.unsigned(floor)
        writer.unsigned(downloadMaximumBytes)
    }
}
