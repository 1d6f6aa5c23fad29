// What the board said, as lines of a run: payloads of telemetry, decoded.

import Bytes
import Telemetry

extension RunLine {
    /// - topic: birth, data, event, receipt or death; nil for any other, which says nothing of a run.
    /// - runMilliseconds: when it was received; nil from a journal.
    public static func telemetry(_ topic: String, _ payload: RawSpan, runMilliseconds: Int64?) throws(CBORError) -> RunLine? {
        switch topic {
        case "birth":
            let birth = try Birth(decoding: payload)
            return .birth(RecordStamp(birth.stamp, runMilliseconds), BirthFact(
                device: birth.device, board: birth.board, release: birth.boot.release, slot: birth.boot.slot,
                rollbackIndex: birth.boot.rollbackIndex, calibration: hexadecimal(birth.calibrationDigest),
                points: birth.points.map { PointFact(name: $0.name, unit: $0.unit, divisor: Int64(clamping: max(1, $0.divisor))) }, failure: birth.boot.failure))
        case "data":
            let record = try DataRecord(decoding: payload)
            return .data(
                RecordStamp(record.stamp, runMilliseconds), calibration: hexadecimal(record.calibration),
                samples: record.samples.map { SampleFact(point: Int($0.point), value: $0.value, quality: words("\($0.quality)")) })
        case "state":
            let record = try StateRecord(decoding: payload)
            return .state(RecordStamp(record.stamp, runMilliseconds), StateFact(
                phase: record.phase, bypasses: record.bypasses,
                actuators: record.actuators.map {
                    ActuatorFact(point: Int($0.point), mode: $0.mode.name, holder: $0.holder, firstOut: $0.firstOut, fault: $0.fault)
                }))
        case "event":
            let record = try EventRecord(decoding: payload)
            return .event(RecordStamp(record.stamp, runMilliseconds), EventFact(
                code: record.code, text: record.text, point: record.point.map { Int($0) }, value: record.value))
        case "receipt":
            let record = try Receipt(decoding: payload)
            return .receipt(RecordStamp(record.stamp, runMilliseconds), ReceiptFact(
                object: hexadecimal(record.object), outcome: "\(record.outcome)", issuer: record.issuer, counter: record.counter,
                code: record.code, text: record.text))
        case "death":
            let death = try Death(decoding: payload)
            return .death(runMilliseconds: runMilliseconds ?? 0, boot: death.bootCount, session: death.session)
        default: return nil
        }
    }
}

/// "outOfSpecification" as people write it.
private func words(_ name: String) -> String { name.reduce(into: "") { $0 += $1.isUppercase ? " " + $1.lowercased() : String($1) } }

extension RecordStamp {
    fileprivate init(_ stamp: Telemetry.Stamp, _ runMilliseconds: Int64?) {
        self.init(
            runMilliseconds: runMilliseconds, sequence: stamp.sequence, boot: stamp.bootCount,
            boardMilliseconds: Int64(clamping: stamp.monotonicMilliseconds))
    }
}
