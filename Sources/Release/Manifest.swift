// The manifest: the only signed statement about a release; everything else is reached from it.

import Bytes
import Cryptography
import Signed
import Verity

/// A field that this version doesn't know and need not: kept as it is, so that a manifest encodes to
/// the bytes it was decoded from.
public struct OptionalField: Equatable, Sendable {
    /// 64 and up; below, an unknown field is critical and its manifest refused.
    public static let keyMinimum: UInt64 = 64
    public static let countMaximum = 16
    /// Bytes of an encoded value.
    public static let sizeMaximum = 1024

    public let key: UInt64
    /// One deterministic CBOR item.
    public let item: [UInt8]

    public init?(key: UInt64, item: [UInt8]) {
        guard key >= Self.keyMinimum, item.count <= Self.sizeMaximum else { return nil }
        self.key = key
        self.item = item
    }
}

/// What the release itself demands before it is marked good.
public struct HealthGate: Equatable, Sendable {
    /// One day.
    public static let millisecondsMaximum: UInt32 = 86_400_000

    /// All roles have been alive without a restart for so long.
    public let aliveMilliseconds: UInt32
    /// A session with the broker has been up.
    public let uplinkDemanded: Bool
    /// After so long without all of it, the release goes back.
    public let timeoutMilliseconds: UInt32

    /// Nil if the time-out ends before the roles could have been alive for so long, or exceeds a day.
    public init?(aliveMilliseconds: UInt32, uplinkDemanded: Bool, timeoutMilliseconds: UInt32) {
        guard aliveMilliseconds <= timeoutMilliseconds, timeoutMilliseconds <= Self.millisecondsMaximum else { return nil }
        self.aliveMilliseconds = aliveMilliseconds
        self.uplinkDemanded = uplinkDemanded
        self.timeoutMilliseconds = timeoutMilliseconds
    }
}

/// CBOR: {1: format, 2: board, 3: [revision minimum, maximum], 4: release, 5: rollback index,
/// 6: minimum installer version, 7: [component ...], 8: notes, 9: health gate, 64...: optional};
/// component {1: kind, 2: bytes, 3: root hash, 4: salt, 5: uuid};
/// health gate {1: alive milliseconds, 2: uplink demanded, 3: timeout milliseconds}.
public struct Manifest: SignedPayload, Equatable, Sendable {
    public static var purpose: Purpose { .manifest }
    public static let format: UInt64 = 1
    /// Bytes of UTF-8.
    public static let boardMaximum = 64
    public static let releaseMaximum = 64
    public static let notesMaximum = 4096
    /// Bytes of a calibration that is a component: what a packet between roles carries.
    public static let calibrationMaximum = 14336

    public let board: String
    public let hardwareRevisions: ClosedRange<UInt16>
    public let release: String
    /// Only grows; compared with the board's rollback floor.
    public let rollbackIndex: UInt64
    /// The installer that can handle this bundle; `installerVersion` of the running one must reach it.
    public let installerVersionMinimum: UInt32
    /// The root image first, then others, their kinds ascending, each at most once.
    public let components: [Component]
    public let notes: String
    public let healthGate: HealthGate
    public let optionalFields: [OptionalField]

    /// The root image; every manifest has one.
    public var root: VerityIdentity { components[0].identity }

    /// - components: the root first.
    /// - optionalFields: keys ascending.
    public init(
        board: String, hardwareRevisions: ClosedRange<UInt16>, release: String, rollbackIndex: UInt64,
        installerVersionMinimum: UInt32, components: [Component], notes: String = "", healthGate: HealthGate,
        optionalFields: [OptionalField] = []
    ) throws(PayloadError) {
        try Self.checkText(board, Self.boardMaximum, "board")
        try Self.checkText(release, Self.releaseMaximum, "release")
        guard notes.utf8.count <= Self.notesMaximum else { throw .manifest("notes", "are longer than \(Self.notesMaximum) bytes") }
        guard let first = components.first, first.kind == .root, first.byteCount % blockSize == 0 else {
            throw .manifest("components", "must begin with a root image of whole blocks")
        }
        guard components.count <= Component.countMaximum else { throw .manifest("components", "are more than \(Component.countMaximum)") }
        for component in components where component.kind == .calibration && component.byteCount > Self.calibrationMaximum {
            throw .manifest("calibration", "is longer than \(Self.calibrationMaximum) bytes")
        }
        for (before, next) in zip(components, components.dropFirst()) {
            guard before.kind.number < next.kind.number else { throw .manifest("components", "must stand by ascending kind, each once") }
        }
        guard optionalFields.count <= OptionalField.countMaximum else { throw .manifest("optional fields", "are too many") }
        self.board = board
        self.hardwareRevisions = hardwareRevisions
        self.release = release
        self.rollbackIndex = rollbackIndex
        self.installerVersionMinimum = installerVersionMinimum
        self.components = components
        self.notes = notes
        self.healthGate = healthGate
        self.optionalFields = optionalFields
    }

    /// Names stand in paths, topics and logs: visible ASCII without spaces, slashes or quotes.
    private static func checkText(_ text: String, _ maximum: Int, _ field: String) throws(PayloadError) {
        guard (1...maximum).contains(text.utf8.count) else { throw .manifest(field, "must have 1 to \(maximum) bytes") }
        for byte in text.utf8 {
            let isLetter = (0x41...0x5A).contains(byte & 0xDF)
            let isDigit = (0x30...0x39).contains(byte)
            guard isLetter || isDigit || byte == 0x2D || byte == 0x2E || byte == 0x5F || byte == 0x2B else {
                throw .manifest(field, "may hold letters, digits and - . _ + only")
            }
        }
    }
}

extension PayloadError {
    fileprivate static func manifest(_ field: String, _ problem: String) -> PayloadError {
        PayloadError(code: "payload-malformed", text: "the manifest's \(field) \(problem): make the bundle again")
    }

    fileprivate static func unsupported(_ what: String) -> PayloadError {
        PayloadError(code: "unsupported", text: "the manifest has \(what), which this version doesn't know: install a release in between")
    }
}
