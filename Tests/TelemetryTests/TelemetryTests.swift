import Bytes
import Foundation
import SeededRandom
import Testing
@testable import Telemetry

let stamp = Stamp(sequence: 1_234_567, bootCount: 42, monotonicMilliseconds: 987_654)

func bootReport(steps: Int = 3, log: Int = 100) -> BootReport {
    var report = BootReport()
    report.slot = "a"
    report.release = "2026.11.1"
    report.rollbackIndex = 7
    report.floor = 6
    report.manifestDigest = [UInt8](repeating: 1, count: 32)
    report.rootHash = [UInt8](repeating: 2, count: 32)
    report.bootCount = 42
    report.isTrial = true
    report.register11 = [UInt8](repeating: 11, count: 32)
    report.register12 = [UInt8](repeating: 12, count: 32)
    for i in 0..<steps { report.add("step \(i) took its time") }
    report.failure = "b 2026.10.9 alive timeout"
    report.eventLog = [UInt8](repeating: 9, count: log)
    return report
}

func birth(_ report: BootReport = bootReport(), points: Int = 4) -> Birth {
    Birth(
        stamp: stamp, device: "tank-7", board: "qemu-x86-64", challenge: [UInt8](repeating: 3, count: 16), session: 5, oldestSequence: 1000,
        calibrationDigest: [UInt8](repeating: 4, count: 32), commissioningDigest: [UInt8](repeating: 5, count: 32), boot: report,
        points: (0..<points).map { PointName(name: "inlet-\($0)", unit: "permille") })
}

let data = DataRecord(stamp: stamp, calibrationDigest: [UInt8](repeating: 4, count: 32), samples: [
    Sample(point: 0, value: 400, quality: .good), Sample(point: 1, value: -1, quality: .stale), Sample(point: 47, value: .min, quality: .fault),
])
let event = EventRecord(stamp: stamp, code: "trip-high-level", text: "closed by level-high", point: 0, value: 1)
let receipt = Receipt(
    stamp: stamp, objectDigest: [UInt8](repeating: 6, count: 32), outcome: .refused, issuer: "operator", counter: 9, code: "limit-position",
    text: "800 permille is beyond 500")
let state = StateRecord(
    stamp: stamp, calibrationDigest: [UInt8](repeating: 4, count: 32), phase: "filling", bypasses: ["pump-dry"], actuators: [
        ActuatorState(point: 0, mode: .auto, holder: "ann+bob", firstOut: nil, fault: nil),
        ActuatorState(point: 1, mode: .hand, holder: nil, firstOut: "level-high", fault: "travel-late"),
    ])
let death = Death(bootCount: 42, session: 5)

@Suite struct Payloads {
    @Test func roundTrips() throws {
        #expect(try Birth(decoding: birth().encoded().span.bytes) == birth())
        #expect(try DataRecord(decoding: data.encoded().span.bytes) == data)
        #expect(try EventRecord(decoding: event.encoded().span.bytes) == event)
        let bare = EventRecord(stamp: stamp, code: "start", text: "")
        #expect(try EventRecord(decoding: bare.encoded().span.bytes) == bare)
        #expect(try Receipt(decoding: receipt.encoded().span.bytes) == receipt)
        let anonymous = Receipt(stamp: stamp, objectDigest: [UInt8](repeating: 6, count: 32), outcome: .refused, issuer: nil, counter: nil, code: "signed-malformed", text: "")
        #expect(try Receipt(decoding: anonymous.encoded().span.bytes) == anonymous)
        #expect(try StateRecord(decoding: state.encoded().span.bytes) == state)
        #expect(state.encoded().count < 100)
        #expect(try Death(decoding: death.encoded().span.bytes) == death)
    }

    @Test("the largest payloads stay inside the limit; an event log that does not fit is left out")
    func sizes() throws {
        var full = bootReport(steps: 0, log: BootReport.eventLogMaximum)
        for _ in 0..<BootReport.stepMaximum { full.add(String(repeating: "x", count: 500)) }
        var largest = birth(full)
        largest.points = [PointName](repeating: PointName(name: String(repeating: "n", count: 41), unit: String(repeating: "u", count: 16)), count: Limit.points)
        let bytes = largest.encoded()
        #expect(bytes.count <= Limit.payloadBytes, "\(bytes.count)")
        let read = try Birth(decoding: bytes.span.bytes)
        #expect(read.boot.eventLog.isEmpty && read.points.count == Limit.points && read.boot.steps.count == BootReport.stepMaximum)
        let event = EventRecord(stamp: stamp, code: String(repeating: "c", count: 999), text: String(repeating: "é", count: 999), point: 1, value: 1)
        #expect(event.encoded().count < 400)
        #expect(try EventRecord(decoding: event.encoded().span.bytes).text.utf8.count == Limit.textBytes)
    }

    @Test("the largest records of data and state fit the journal's 1024 bytes with their topic")
    func fitsJournal() {
        let name = String(repeating: "n", count: 64)
        let most = StateRecord(
            stamp: Stamp(sequence: .max, bootCount: .max, monotonicMilliseconds: .max), calibrationDigest: data.calibration,
            phase: String(repeating: "p", count: 32), bypasses: [String](repeating: String(repeating: "t", count: 32), count: 32),
            actuators: (60..<64).map { ActuatorState(point: $0, mode: .auto, holder: name, firstOut: String(repeating: "t", count: 32), fault: "end-switches-contradict") })
        #expect(most.encoded().count < 1024, "\(most.encoded().count)")
        #expect(most.bypassCount == 32 && most.bypasses.count == StateRecord.bypassesMaximum)
        let all = DataRecord(stamp: most.stamp, calibrationDigest: data.calibration, samples: (0..<UInt8(Limit.points)).map { Sample(point: $0, value: .min, quality: .functionCheck) })
        #expect(all.encoded().count < 1024, "\(all.encoded().count)")
    }

    @Test("qualities say the status signal of NE 107")
    func signals() {
        #expect((0...5).map { Quality(rawValue: $0)?.signal } == ["", "F", "F", "S", "M", "C"])
        #expect(Quality(rawValue: 6) == nil)
    }

    @Test("a batch of 16 samples takes under 8 bytes a sample")
    func cost() {
        let batch = DataRecord(stamp: stamp, calibrationDigest: data.calibration, samples: (0..<16).map { Sample(point: $0, value: 1000, quality: .good) })
        #expect(batch.encoded().count < 16 * 8, "\(batch.encoded().count)")
    }

    @Test("P-T2 altered or cut payloads never trap; what is taken is encoded as it came")
    func fuzz() {
        for (bytes, decode) in [
            (birth().encoded(), { try Birth(decoding: $0.span.bytes).encoded() }),
            (data.encoded(), { try DataRecord(decoding: $0.span.bytes).encoded() }),
            (event.encoded(), { try EventRecord(decoding: $0.span.bytes).encoded() }),
            (state.encoded(), { try StateRecord(decoding: $0.span.bytes).encoded() }),
            (receipt.encoded(), { try Receipt(decoding: $0.span.bytes).encoded() }),
            (death.encoded(), { try Death(decoding: $0.span.bytes).encoded() }),
        ] as [([UInt8], ([UInt8]) throws -> [UInt8])] {
            for count in 0..<bytes.count { #expect((try? decode(Array(bytes.prefix(count)))) == nil) }
            #expect((try? decode(bytes + [0])) == nil)
            for seed in 0..<4000 as Range<UInt64> {
                var random = Seeded(seed)
                var altered = bytes
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    altered[Int.random(in: 0..<altered.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                guard let again = try? decode(altered) else { continue }
                // Texts may be clipped to printable ASCII; everything else is as it came.
                #expect(again.count <= altered.count)
            }
        }
    }
}

/// Decoded by another implementation (Python's cbor2), where it is installed.
enum Decoder {
    static let isThere = run("import cbor2", input: []) != nil

    static func run(_ script: String, input: [UInt8]) -> String? {
        let process = Process(), inlet = Pipe(), outlet = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script]
        process.standardInput = inlet
        process.standardOutput = outlet
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        inlet.fileHandleForWriting.write(Data(input))
        try? inlet.fileHandleForWriting.close()
        let output = outlet.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? String(decoding: output, as: UTF8.self) : nil
    }

    static let script = """
        import sys, cbor2
        raw = sys.stdin.buffer.read()
        m = cbor2.loads(raw)
        assert cbor2.dumps(m, canonical=True) == raw
        print(m)
        """

}

@Suite(.enabled(if: Decoder.isThere)) struct IndependentDecoder {
    @Test func allPayloads() {
        #expect(Decoder.run(Decoder.script, input: data.encoded())
            == "{1: 1234567, 2: 42, 3: 987654, 4: b'\\x04\\x04\\x04\\x04\\x04\\x04\\x04\\x04', 5: [[0, 400], [1, -1, 1], [47, -9223372036854775808, 2]]}\n")
        #expect(Decoder.run(Decoder.script, input: receipt.encoded())
            == "{1: 1234567, 2: 42, 3: 987654, 4: b'\\x06\\x06\\x06\\x06\\x06\\x06\\x06\\x06', 5: 1, 6: 'operator', 7: 9, 8: 'limit-position', 9: '800 permille is beyond 500'}\n")
        #expect(Decoder.run(Decoder.script, input: birth().encoded())?.contains("19: {11: b'\\x0b") == true)
        #expect(Decoder.run(Decoder.script, input: event.encoded())?.contains("4: 'trip-high-level'") == true)
        #expect(Decoder.run(Decoder.script, input: death.encoded()) == "{1: 42, 2: 5}\n")
    }
}
