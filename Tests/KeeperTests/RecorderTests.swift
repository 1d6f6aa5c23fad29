// What is reported and when: on a change, at a maximum age, and all of it to a receiver that joins.
import Bytes
import Calibration
@testable import Keeper
import Telemetry
import Testing

private func recorder() throws -> Recorder {
    let calibration = try Calibration(
        version: 1, board: "bench", tickMilliseconds: 50, supervisionTimeoutMilliseconds: 2000,
        resets: [Reset(name: "local", line: "reset-button", holdMilliseconds: 500)],
        sensors: [
            .switch(Switch(name: "level-high", line: "level-high", debounceMilliseconds: 20, activeWhenHigh: true)),
            .flowMeter(FlowMeter(name: "flow", line: "flow-pulse", microlitresPerPulse: 10_000, maximumPulsesPerSecond: 200)),
        ],
        actuators: [.solenoid(Solenoid(
            name: "outlet", line: "outlet-energise", energiseToOpen: true, maximumOnMilliseconds: 0,
            minimumOnMilliseconds: 500, minimumOffMilliseconds: 500, safeState: .closed, reset: 0))],
        trips: [])
    return Recorder(
        boot: report, device: "tank-7", board: "bench", challenge: [UInt8](0..<16), calibration: calibration,
        calibrationDigest: [UInt8](repeating: 0xCA, count: 32), commissioningDigest: [UInt8](repeating: 0xC0, count: 32))
}

private var report: BootReport {
    var report = BootReport()
    report.slot = "a"
    report.release = "1"
    report.bootCount = 9
    report.manifestDigest = [UInt8](repeating: 1, count: 32)
    report.rootHash = [UInt8](repeating: 2, count: 32)
    return report
}

/// The point and value of each sample.
private func values(_ samples: [Sample]?) -> [[Int64]]? { samples?.map { [Int64($0.point), $0.value] } }

@Suite struct RecorderTests {
    @Test("the first record has every point, those not heard of yet as stale")
    func first() throws {
        var recorder = try recorder()
        recorder.take(1, 1, 0)
        let due = recorder.due(now: 100), samples = try #require(due)
        #expect(samples.map(\.point) == [0, 1, 2])
        #expect(samples.map(\.quality) == [.stale, .good, .stale])
    }

    @Test("without a change nothing is due until the maximum age, then everything")
    func age() throws {
        var recorder = try recorder()
        for point in 0..<3 as Range<UInt8> { recorder.take(point, 10, 0) }
        #expect(recorder.due(now: 1000)?.count == 3)
        for now in stride(from: 1000, to: 1000 + Recorder.ageMilliseconds, by: 50) { #expect(recorder.due(now: now) == nil, "at \(now)") }
        #expect(recorder.due(now: 1000 + Recorder.ageMilliseconds)?.count == 3)
    }

    @Test("a change is due after the pause between records, alone, and with its latest value")
    func exception() throws {
        var recorder = try recorder()
        for point in 0..<3 as Range<UInt8> { recorder.take(point, 10, 0) }
        _ = recorder.due(now: 1000)
        recorder.take(2, 11, 0)
        recorder.take(2, 12, 0)
        #expect(recorder.due(now: 1000 + Recorder.changeMilliseconds - 1) == nil)
        #expect(values(recorder.due(now: 1000 + Recorder.changeMilliseconds)) == [[2, 12]])
        #expect(recorder.due(now: 1001 + Recorder.changeMilliseconds) == nil)
        // There and back within the pause: nothing to say.
        recorder.take(0, 99, 0)
        recorder.take(0, 10, 0)
        #expect(recorder.due(now: 1000 + 2 * Recorder.changeMilliseconds) == nil)
    }

    @Test("P-T3 a change of quality alone is reported, and one that is unknown counts as a fault")
    func quality() throws {
        var recorder = try recorder()
        for point in 0..<3 as Range<UInt8> { recorder.take(point, 10, 0) }
        _ = recorder.due(now: 1000)
        recorder.take(1, 10, 1)
        #expect(recorder.due(now: 2000)?.map(\.quality) == [.stale])
        recorder.take(1, 10, 200)
        #expect(recorder.due(now: 3000)?.map(\.quality) == [.fault])
    }

    @Test("after a session began the next data has every point, at once")
    func joined() throws {
        var recorder = try recorder()
        for point in 0..<3 as Range<UInt8> { recorder.take(point, 10, 0) }
        _ = recorder.due(now: 1000)
        recorder.sessionBegan()
        #expect(recorder.due(now: 1001)?.count == 3)
        #expect(recorder.due(now: 1002) == nil)
    }

    @Test("P-E2 a point that the calibration does not have is passed over")
    func unknownPoint() throws {
        var recorder = try recorder()
        for point in 3...255 as ClosedRange<UInt8> { recorder.take(point, 1, 0) }
        #expect(recorder.due(now: 1)?.map(\.quality) == [.stale, .stale, .stale])
        #expect(recorder.pointName(3) == "point 3")
        #expect(recorder.pointName(0) == "outlet")
    }

    @Test("P-E2 only an actuator can be named by an order, never a sensor")
    func actuators() throws {
        let recorder = try recorder()
        #expect(recorder.actuatorIndex("outlet") == 0)
        #expect(recorder.actuatorIndex("flow") == nil)
        #expect(recorder.actuatorIndex("") == nil)
    }

    @Test("each will carries the number of the session that it would end")
    func wills() throws {
        var recorder = try recorder()
        for session in 1...3 as ClosedRange<UInt64> {
            let will = recorder.will
            #expect(try Death(decoding: will.span.bytes) == Death(bootCount: 9, session: session))
            recorder.sessionBegan()
            let bytes = recorder.birth(Stamp(sequence: 5, bootCount: 9, monotonicMilliseconds: 1), oldest: 2)
            let birth = try Birth(decoding: bytes.span.bytes)
            #expect(birth.session == session)
            #expect(birth.oldestSequence == 2)
            #expect(birth.challenge == [UInt8](0..<16))
            #expect(birth.points == [PointName(name: "outlet", unit: "1"), PointName(name: "level-high", unit: "1"), PointName(name: "flow", unit: "uL/s")])
        }
    }

    @Test("P-T4 every data record carries the calibration that made it")
    func calibration() throws {
        let recorder = try recorder()
        let bytes = recorder.data(Stamp(sequence: 5, bootCount: 9, monotonicMilliseconds: 1), [Sample(point: 0, value: 3, quality: .good)])
        #expect(try DataRecord(decoding: bytes.span.bytes).calibration == [UInt8](repeating: 0xCA, count: 8))
    }
}
