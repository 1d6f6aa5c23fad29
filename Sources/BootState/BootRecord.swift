// The record's 4096 bytes: magic, sequence, length, CBOR, zeros, SHA-256 of all that stands before.
// Trust: anybody's bytes. The checksum finds torn writes; it keeps nobody from forging.

import Bytes
import Cryptography

/// Why a copy is not one.
public enum BootRecordError: Error, Equatable {
    case size
    case magic
    /// Torn, or never written whole.
    case checksum
    case content(CBORError)
    case padding
    /// Beyond `BootRecord.sequenceMaximum`: no board has written that often.
    case sequence
}

/// A state and how new it is.
public struct BootRecord: Equatable, Sendable {
    public static let size = 4096
    private static let magic: [UInt8] = [0x50, 0x45, 0x4E, 0x42, 0x4F, 0x4F, 0x54, 0x31]  // PENBOOT1
    private static let bodyOffset = 20
    private static let bodyMaximum = size - bodyOffset - 32
    /// Leaves room for every write to come, so that a forged copy can't make the sequence overflow.
    public static let sequenceMaximum: UInt64 = 1 << 62

    public let sequence: UInt64
    public let state: BootState

    public init(sequence: UInt64, state: BootState) {
        self.sequence = sequence
        self.state = state
    }

    public func encoded() -> [UInt8] {
        var body = CBORWriter()
        state.write(to: &body)
        var writer = ByteWriter(capacity: Self.size)
        writer.append(Self.magic)
        writer.u64(sequence)
        writer.u32(UInt32(body.bytes.count))
        writer.append(body.bytes)
        precondition(body.bytes.count <= Self.bodyMaximum)
        writer.zeros(Self.size - 32 - writer.bytes.count)
        let checksum = SHA256.hash(writer.bytes.span.bytes)
        writer.append(checksum.bytes)
        return writer.bytes
    }

    public init(decoding bytes: RawSpan) throws(BootRecordError) {
        guard bytes.byteCount == Self.size else { throw .size }
        guard bytes.copied(0..<8) == Self.magic else { throw .magic }
        let content = bytes.extracting(0..<Self.size - 32)
        guard SHA256.hash(content).bytes == bytes.copied(Self.size - 32..<Self.size) else { throw .checksum }
        var sequence: UInt64 = 0
        for byte in bytes.copied(8..<16) { sequence = sequence << 8 | UInt64(byte) }
        guard sequence <= Self.sequenceMaximum else { throw .sequence }
        var length = 0
        for byte in bytes.copied(16..<20) { length = length << 8 | Int(byte) }
        guard length <= Self.bodyMaximum else { throw .size }
        guard bytes.isZero(Self.bodyOffset + length..<Self.size - 32) else { throw .padding }
        do throws(CBORError) {
            var reader = CBORReader(bytes.extracting(Self.bodyOffset..<Self.bodyOffset + length))
            let state = try BootState(from: &reader)
            try reader.end()
            self.init(sequence: sequence, state: state)
        } catch { throw .content(error) }
    }
}

// {1: active, 2: boot count, 3: slot A, 4: slot B}
extension BootState {
    fileprivate func write(to writer: inout CBORWriter) {
        writer.map(4)
        writer.unsigned(1)
        writer.unsigned(UInt64(active.rawValue))
        writer.unsigned(2)
        writer.unsigned(bootCount)
        writer.unsigned(3)
        a.write(to: &writer)
        writer.unsigned(4)
        b.write(to: &writer)
    }

    fileprivate init(from reader: inout CBORReader) throws(CBORError) {
        try reader.fields(4)
        try reader.field(1)
        let active = SlotName(rawValue: UInt8(try reader.unsigned(maximum: 1)))!
        try reader.field(2)
        let bootCount = try reader.unsigned()
        try reader.field(3)
        let a = try SlotState(from: &reader)
        try reader.field(4)
        let b = try SlotState(from: &reader)
        self.init(a: a, b: b, active: active, bootCount: bootCount)
    }
}

// {1: condition, 2: attempts left, 3: release, 4: failure or null}
extension SlotState {
    fileprivate func write(to writer: inout CBORWriter) {
        writer.map(4)
        writer.unsigned(1)
        writer.unsigned(UInt64(condition.rawValue))
        writer.unsigned(2)
        writer.unsigned(UInt64(attemptsLeft))
        writer.unsigned(3)
        writer.text(release)
        writer.unsigned(4)
        guard let failure else { return writer.null() }
        writer.map(4)
        writer.unsigned(1)
        writer.text(failure.release)
        writer.unsigned(2)
        writer.text(failure.step)
        writer.unsigned(3)
        writer.text(failure.code)
        writer.unsigned(4)
        writer.text(failure.text)
    }

    fileprivate init(from reader: inout CBORReader) throws(CBORError) {
        try reader.fields(4)
        try reader.field(1)
        let condition = SlotCondition(rawValue: UInt8(try reader.unsigned(maximum: 4)))!
        try reader.field(2)
        let attempts = UInt8(try reader.unsigned(maximum: UInt64(Self.attemptsMaximum)))
        try reader.field(3)
        let release = try reader.text(maximum: Self.releaseMaximum)
        try reader.field(4)
        var failure: SlotFailure?
        if !(try reader.null()) { failure = try SlotFailure(from: &reader) }
        self.init(condition, attemptsLeft: attempts, release: release, failure: failure)
    }
}

extension SlotFailure {
    fileprivate init(from reader: inout CBORReader) throws(CBORError) {
        try reader.fields(4)
        try reader.field(1)
        let release = try reader.text(maximum: SlotState.releaseMaximum)
        try reader.field(2)
        let step = try reader.text(maximum: Self.stepMaximum)
        try reader.field(3)
        let code = try reader.text(maximum: Self.codeMaximum)
        try reader.field(4)
        let text = try reader.text(maximum: Self.textMaximum)
        self.init(release: release, step: step, code: code, text: text)
    }
}

extension CBORReader {
    /// The head of a map that has exactly `count` fields, each of them required.
    fileprivate mutating func fields(_ count: Int) throws(CBORError) {
        let start = offset
        guard try map(maximum: count) == count else { throw .outOfRange(at: start) }
    }

    fileprivate mutating func field(_ key: UInt64) throws(CBORError) {
        let found = try unsigned()
        guard found == key else { throw found < key ? .unknown(key: found) : .missing(key: key) }
    }
}
