// Duty: which slot boots: the record of both slots, its place on the disk, and the machine that
// changes it. Trust: what the disk says is a hint; every slot is verified before it runs, so the
// worst that a forged record can do is to choose among verified releases; without a TPM, older ones too.
// Must never leave a board without a bootable slot that had one, nor write in a loop.

/// One of the two slots.
public enum SlotName: UInt8, Sendable, CaseIterable {
    case a, b

    public var other: SlotName { self == .a ? .b : .a }
    public var text: String { self == .a ? "A" : "B" }
}

public enum SlotCondition: UInt8, Sendable, CaseIterable {
    /// Nothing was ever installed.
    case empty
    /// Installed, and not yet marked good by itself.
    case trial
    /// Has marked itself good; the fallback of the other one.
    case good
    /// Did not verify, or did not come up healthy.
    case bad
    /// An installation has begun and not ended.
    case writing

    public var text: String {
        switch self {
        case .empty: "empty"
        case .trial: "trial"
        case .good: "good"
        case .bad: "bad"
        case .writing: "writing"
        }
    }
}

/// Why a release was given up. Texts are cut to their maximum when made.
public struct SlotFailure: Equatable, Sendable {
    public static let stepMaximum = 32
    public static let codeMaximum = 64
    public static let textMaximum = 256

    public let release: String
    /// Such as "verify", "trial", "health".
    public let step: String
    /// A stable code.
    public let code: String
    public let text: String

    public init(release: String, step: String, code: String, text: String) {
        self.release = bounded(release, SlotState.releaseMaximum)
        self.step = bounded(step, Self.stepMaximum)
        self.code = bounded(code, Self.codeMaximum)
        self.text = bounded(text, Self.textMaximum)
    }
}

public struct SlotState: Equatable, Sendable {
    /// Bytes of UTF-8.
    public static let releaseMaximum = 64
    /// Boots that a slot may try before it must have been marked good.
    public static let attemptsMaximum: UInt8 = 3

    public let condition: SlotCondition
    /// 0...3; counted down on disk before each boot.
    public let attemptsLeft: UInt8
    /// Empty if unknown.
    public let release: String
    /// The last failure in this slot, kept until another release there is marked good.
    public let failure: SlotFailure?

    public init(_ condition: SlotCondition, attemptsLeft: UInt8 = 0, release: String = "", failure: SlotFailure? = nil) {
        self.condition = condition
        self.attemptsLeft = min(attemptsLeft, Self.attemptsMaximum)
        self.release = bounded(release, Self.releaseMaximum)
        self.failure = failure
    }
}

/// The whole record.
public struct BootState: Equatable, Sendable {
    public var a: SlotState
    public var b: SlotState
    /// The slot that was last marked good.
    public var active: SlotName
    /// Boots since the board was made; a boot that writes nothing is counted by the next that does.
    public var bootCount: UInt64
    /// The lowest rollback index that a board without a TPM takes: weak, for whoever has the disk in hand can set it
    /// back. 0 on a board whose TPM holds it.
    public var floor: UInt64

    public init(a: SlotState, b: SlotState, active: SlotName, bootCount: UInt64, floor: UInt64 = 0) {
        self.a = a
        self.b = b
        self.active = active
        self.bootCount = bootCount
        self.floor = floor
    }

    public subscript(slot: SlotName) -> SlotState {
        get { slot == .a ? a : b }
        set { if slot == .a { a = newValue } else { b = newValue } }
    }

    /// A board fresh from flashing: one good slot, the other empty.
    public static func flashed(release: String) -> BootState {
        BootState(
            a: SlotState(.good, attemptsLeft: SlotState.attemptsMaximum, release: release),
            b: SlotState(.empty), active: .a, bootCount: 0)
    }

    /// When neither copy can be read: either slot may hold a release, which verification will show;
    /// no attempts left, so that both are tried without a write.
    public static let lost = BootState(a: SlotState(.good), b: SlotState(.good), active: .a, bootCount: 0)
}

/// A prefix of at most `maximum` bytes of UTF-8 that ends at a whole scalar, without control characters.
func bounded(_ text: String, _ maximum: Int) -> String {
    var out: [UInt8] = []
    for byte in text.utf8 { out.append(byte < 0x20 || byte == 0x7F ? 0x20 : byte) }
    guard out.count > maximum else { return String(decoding: out, as: UTF8.self) }
    var end = maximum
    while end > 0, out[end] & 0xC0 == 0x80 { end -= 1 }
    return String(decoding: out[..<end], as: UTF8.self)
}
