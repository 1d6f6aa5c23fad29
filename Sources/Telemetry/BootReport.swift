// What a boot did and found: made by Boot, shown on the console, reported in the birth.
import Bytes

/// The verdict of a boot and what it rests on.
///
///     {1: slot, 2: release, 3: rollback index, 4: floor, 5: floor is weak, 6: manifest digest,
///      7: root hash, 8: boot count, 9: trial, 10: PCR 11, 11: PCR 12, 12: steps, 13: failure or null,
///      14: event log}
public struct BootReport: Equatable, Sendable {
    public static let stepMaximum = 32
    public static let textMaximum = 160
    public static let eventLogMaximum = 8192

    /// "A" or "B".
    public var slot: String = ""
    public var release: String = ""
    public var rollbackIndex: UInt64 = 0
    public var floor: UInt64 = 0
    /// True on a board without a TPM: the floor is not held against somebody with the disk in hand.
    public var floorIsWeak = false
    public var manifestDigest: [UInt8] = []
    public var rootHash: [UInt8] = []
    public var bootCount: UInt64 = 0
    /// Whether this release has still to mark itself good.
    public var isTrial = false
    /// SHA-256 bank; empty on a board without a TPM.
    public var register11: [UInt8] = []
    public var register12: [UInt8] = []
    /// Each step in its order, in words.
    public var steps: [String] = []
    /// Why an earlier try of a slot failed, as "slot release step code text".
    public var failure: String?
    /// TCG crypto-agile event log of what this board measured.
    public var eventLog: [UInt8] = []

    public init() {}

    public mutating func add(_ step: String) {
        if steps.count < Self.stepMaximum { steps.append(clipped(step)) }
    }

    public func encoded() -> [UInt8] {
        var writer = CBORWriter(capacity: 2048)
        writer.map(14)
        writer.unsigned(1); writer.text(slot)
        writer.unsigned(2); writer.text(release)
        writer.unsigned(3); writer.unsigned(rollbackIndex)
        writer.unsigned(4); writer.unsigned(floor)
        writer.unsigned(5); writer.boolean(floorIsWeak)
        writer.unsigned(6); writer.bytes(manifestDigest)
        writer.unsigned(7); writer.bytes(rootHash)
        writer.unsigned(8); writer.unsigned(bootCount)
        writer.unsigned(9); writer.boolean(isTrial)
        writer.unsigned(10); writer.bytes(register11)
        writer.unsigned(11); writer.bytes(register12)
        writer.unsigned(12); writer.array(steps.count)
        for step in steps { writer.text(step) }
        writer.unsigned(13)
        if let failure { writer.text(clipped(failure)) } else { writer.null() }
        writer.unsigned(14); writer.bytes(eventLog)
        return writer.bytes
    }

    public init(decoding bytes: RawSpan) throws(CBORError) {
        var reader = CBORReader(bytes)
        try reader.fields(14)
        try reader.field(1); slot = try reader.text(maximum: 8)
        try reader.field(2); release = try reader.text(maximum: 64)
        try reader.field(3); rollbackIndex = try reader.unsigned()
        try reader.field(4); floor = try reader.unsigned()
        try reader.field(5); floorIsWeak = try reader.boolean()
        try reader.field(6); manifestDigest = try reader.bytes(maximum: 32)
        try reader.field(7); rootHash = try reader.bytes(maximum: 32)
        try reader.field(8); bootCount = try reader.unsigned()
        try reader.field(9); isTrial = try reader.boolean()
        try reader.field(10); register11 = try reader.bytes(maximum: 32)
        try reader.field(11); register12 = try reader.bytes(maximum: 32)
        try reader.field(12)
        for _ in 0..<(try reader.array(maximum: Self.stepMaximum)) { steps.append(try reader.text(maximum: Self.textMaximum)) }
        try reader.field(13)
        if !(try reader.null()) { failure = try reader.text(maximum: Self.textMaximum) }
        try reader.field(14); eventLog = try reader.bytes(maximum: Self.eventLogMaximum)
        try reader.end()
    }

    private func clipped(_ text: String) -> String { clip(text, maximum: Self.textMaximum) }
}

/// The text in at most `maximum` bytes of printable ASCII; anything else becomes "?".
public func clip(_ text: String, maximum: Int) -> String {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
        guard bytes.count < maximum else { break }
        bytes.append((0x20...0x7E).contains(byte) ? byte : 0x3F)
    }
    return String(decoding: bytes, as: UTF8.self)
}
