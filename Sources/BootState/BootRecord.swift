// What the record of both slots says, as CBOR.
// Trust: anybody's bytes.

import Bytes

public typealias BootRecord = Record<BootState>

// {1: active, 2: boot count, 3: slot A, 4: slot B, 5: floor}
extension BootState: Recorded {
    public static var place: RecordPlace { RecordPlace(magic: "PENBOOT1", size: 4096, offsets: [0, 32768]) }

    public func write(to writer: inout CBORWriter) {
        writer.map(5)
        writer.unsigned(1)
        writer.unsigned(UInt64(active.rawValue))
        writer.unsigned(2)
        writer.unsigned(bootCount)
        writer.unsigned(3)
        a.write(to: &writer)
        writer.unsigned(4)
        b.write(to: &writer)
        writer.unsigned(5)
        writer.unsigned(floor)
    }

    public init(from reader: inout CBORReader) throws(CBORError) {
        try reader.fields(5)
        try reader.field(1)
        let active = SlotName(rawValue: UInt8(try reader.unsigned(maximum: 1)))!
        try reader.field(2)
        let bootCount = try reader.unsigned()
        try reader.field(3)
        let a = try SlotState(from: &reader)
        try reader.field(4)
        let b = try SlotState(from: &reader)
        try reader.field(5)
        self.init(a: a, b: b, active: active, bootCount: bootCount, floor: try reader.unsigned())
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
