// What is reported and when: on a change, at a maximum age, and all of it to a receiver that joins.
import Bytes
import Calibration
import Command
import Control
import ControlSimulation
import Cryptography
@testable import Keeper
import Signed
import Telemetry
import Testing

private let ann = try! PrivateKey.generate(.ed25519).publicKey, bob = try! PrivateKey.generate(.es256).publicKey

/// A solenoid, a switch, a meter, a voted level in metres, and a trip.
private func calibration(version: Int = 1) throws -> Calibration {
    var content = try tank().content
    content.version = version
    content.actuators = [content.actuators[1]]
    let level = AnalogueInput(channel: "level-a", countsAt4Milliamperes: 0, countsAt20Milliamperes: 4000, coefficients: [0, 5000], unit: "m", faultMilliseconds: 500)
    var other = level
    other.channel = "level-b"
    content.sensors = [
        content.sensors[0], content.sensors[2], Sensor(name: "level-a", source: .analogue(level), plausibility: Plausibility(staleMilliseconds: 1000, badSamples: 3)),
        Sensor(name: "level-b", source: .analogue(other), plausibility: Plausibility(staleMilliseconds: 1000, badSamples: 3)),
        Sensor(name: "level", source: .voting(Voting(scheme: .oneOutOfTwo, members: [2, 3], deviation: 100, deviationMilliseconds: 1000))),
    ]
    content.phases = ["idle", "filling"]
    return try Calibration(content)
}

private func recorder(_ calibration: Calibration? = nil) throws -> Recorder {
    let keys = try KeySet(
        version: 1, entries: [.init(name: "ann", key: ann, purposes: [.command]), .init(name: "bob", key: bob, purposes: [.command])],
        thresholds: [(.command, 1)])
    return Recorder(
        boot: report, keys: keys, device: "tank-7", board: "qemu-x86_64", challenge: [UInt8](0..<16),
        calibration: try calibration ?? KeeperTests.calibration(), calibrationDigest: [UInt8](repeating: 0xCA, count: 32),
        commissioningDigest: [UInt8](repeating: 0xC0, count: 32))
}

/// As many as the calibration has: an actuator, five sensors, a setpoint, a total.
private let pointCount = 8

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
        #expect(samples.map(\.point) == Array(0..<8))
        #expect(samples.map(\.quality) == [.stale, .good] + [Telemetry.Quality](repeating: .stale, count: 6))
    }

    @Test("without a change nothing is due until the maximum age, then everything")
    func age() throws {
        var recorder = try recorder()
        for point in 0..<8 as Range<UInt8> { recorder.take(point, 10, 0) }
        #expect(recorder.due(now: 1000)?.count == pointCount)
        for now in stride(from: 1000, to: 1000 + Recorder.ageMilliseconds, by: 50) { #expect(recorder.due(now: now) == nil, "at \(now)") }
        #expect(recorder.due(now: 1000 + Recorder.ageMilliseconds)?.count == pointCount)
    }

    @Test("a change is due after the pause between records, alone, and with its latest value")
    func exception() throws {
        var recorder = try recorder()
        for point in 0..<8 as Range<UInt8> { recorder.take(point, 10, 0) }
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
        for point in 0..<8 as Range<UInt8> { recorder.take(point, 10, 0) }
        _ = recorder.due(now: 1000)
        recorder.take(1, 10, 1)
        #expect(recorder.due(now: 2000)?.map(\.quality) == [.stale])
        recorder.take(1, 10, 200)
        #expect(recorder.due(now: 3000)?.map(\.quality) == [.fault])
    }

    @Test("after a session began the next data has every point, at once")
    func joined() throws {
        var recorder = try recorder()
        for point in 0..<8 as Range<UInt8> { recorder.take(point, 10, 0) }
        _ = recorder.due(now: 1000)
        recorder.sessionBegan()
        #expect(recorder.due(now: 1001)?.count == pointCount)
        #expect(recorder.due(now: 1002) == nil)
    }

    @Test("P-E2 a point that the calibration does not have is passed over")
    func unknownPoint() throws {
        var recorder = try recorder()
        for point in 8...255 as ClosedRange<UInt8> { recorder.take(point, 1, 0) }
        #expect(recorder.due(now: 1)?.map(\.quality) == [Telemetry.Quality](repeating: .stale, count: pointCount))
        #expect(recorder.pointName(8) == "point 8")
        #expect(recorder.pointName(0) == "outlet")
    }

    @Test("P-E2 an order's names become positions; one that the calibration does not have, or of another kind, is refused")
    func orders() throws {
        let recorder = try recorder()
        func order(_ action: Action) -> Order? {
            do throws(UnknownName) { return try recorder.order(action) } catch { return nil }
        }
        func refusal(_ action: Action) -> Reason? {
            do throws(UnknownName) { return try recorder.order(action) == nil ? nil : Reason.none } catch { return error.reason }
        }
        #expect(order(.setpoint(actuator: "outlet", permille: 1000)) == .setpoint(actuator: 0, permille: 1000))
        #expect(order(.select(actuator: "outlet", permille: 0)) == .select(actuator: 0, permille: 0))
        #expect(order(.renew(actuator: "outlet")) == .renew(actuator: 0))
        #expect(order(.release(actuator: "outlet")) == .release(actuator: 0))
        #expect(order(.partialStroke(actuator: "outlet")) == .partialStroke(actuator: 0))
        #expect(order(.phase("filling")) == .phase(1))
        #expect(order(.bypass(trip: "level-high", minutes: 30)) == .bypass(trip: 0, minutes: 30))
        for name in ["flow", "", "outlet.setpoint", "level-high", "filling"] {
            #expect(refusal(.setpoint(actuator: name, permille: 0)) == .unknownActuator)
            #expect(refusal(.renew(actuator: name)) == .unknownActuator)
        }
        #expect(refusal(.phase("outlet")) == .unknownPhase)
        #expect(refusal(.bypass(trip: "outlet", minutes: 1)) == .unknownTrip)
        // What is not the controller's.
        #expect(refusal(.reboot) == nil)
    }

    @Test("each reason that a request can be refused for says what to do")
    func advice() {
        let others: [Reason] = [
            .limitPosition, .tripped, .faulted, .notReferenced, .unknownActuator, .supervisionLost, .maximumAway, .notAPosition, .tooMany,
            .localAuthority, .selectorOff, .leaseHeld, .noLease, .notSelected, .approvals, .permissive, .exclusion, .sequence, .startsPerHour,
            .runningTime, .unknownPhase, .phaseLimits, .unknownTrip, .bypassForbidden, .bypassTooLong, .bypassRest, .feedbackLost, .proofImpossible, .proofRunning,
        ]
        #expect(Set(others.map(\.advice)).count == others.count)
        for reason in others { #expect(reason.advice != Reason.condition.advice && reason.advice.utf8.count < 100, "\(reason.code)") }
    }

    @Test("events say names for what their numbers stand for")
    func words() throws {
        let recorder = try recorder()
        func words(_ code: EventCode, _ reason: Reason = .none, _ value: Int64) -> String {
            let words = recorder.words(UInt16(code.rawValue) << 8 | UInt16(reason.rawValue), 0, value)
            return "\(words.code) \(words.text)"
        }
        #expect(words(.tripped, .condition, 0) == "tripped outlet level-high: condition")
        #expect(words(.leaseBegan, .none, 0b11) == "lease-began outlet ann+bob")
        #expect(words(.selectorChanged, .flapping, 0) == "selector-changed outlet off: flapping")
        #expect(words(.phaseChanged, .none, 1) == "phase-changed outlet filling")
        #expect(words(.bypassBegan, .none, 0) == "bypass-began outlet level-high")
        // A controller that lies.
        for value in [-1, 7, Int64.min, .max] {
            for code in EventCode.allCases { #expect(words(code, .none, value).hasPrefix(code.code + " outlet")) }
        }
        #expect(recorder.words(0xFFFF, 255, 0).code == "unknown-event")
    }

    @Test("the state of an actuator is due when it changes, and to a receiver that joins")
    func states() throws {
        var recorder = try recorder()
        #expect(recorder.dueStates(now: 1000) == nil)
        recorder.take(actuator: 0, mode: 2, issuers: 0b10, firstOut: 255, fault: 0)
        recorder.takeStanding(phase: 1, bypasses: 1)
        let auto = ActuatorState(point: 0, mode: .auto, holder: "bob", firstOut: nil, fault: nil)
        #expect(recorder.dueStates(now: 2000) == [auto])
        let bytes = recorder.state(Stamp(sequence: 1, bootCount: 9, monotonicMilliseconds: 2000), [auto])
        let record = try StateRecord(decoding: bytes.span.bytes)
        #expect(record.phase == "filling" && record.bypasses == ["level-high"] && record.bypassCount == 1 && record.actuators == [auto])
        #expect(recorder.dueStates(now: 9000) == nil)
        recorder.take(actuator: 0, mode: 2, issuers: 0b10, firstOut: 255, fault: 0)
        #expect(recorder.dueStates(now: 9000) == nil)
        recorder.take(actuator: 0, mode: 1, issuers: 0, firstOut: 0, fault: Reason.travelLate.rawValue)
        #expect(recorder.dueStates(now: 9000) == [ActuatorState(point: 0, mode: .hand, holder: nil, firstOut: "level-high", fault: "travel-late")])
        recorder.sessionBegan()
        #expect(recorder.dueStates(now: 9100) == nil)
        #expect(recorder.dueStates(now: 9600)?.count == 1)
        // One that the calibration does not have, and a mode that is none.
        recorder.take(actuator: 1, mode: 2, issuers: 0, firstOut: 255, fault: 0)
        recorder.take(actuator: 0, mode: 3, issuers: 0, firstOut: 255, fault: 0)
        #expect(recorder.dueStates(now: 20_000) == nil)
    }

    @Test("P-T4 under another calibration its digest and its names are reported, and every value anew")
    func changed() throws {
        var recorder = try recorder()
        for point in 0..<8 as Range<UInt8> { recorder.take(point, 10, 0) }
        _ = recorder.due(now: 1000)
        var boot = report
        boot.register12 = [UInt8](repeating: 12, count: 32)
        recorder.change(to: try tank(), digest: [UInt8](repeating: 0xCB, count: 32), boot: boot)
        let stamp = Stamp(sequence: 5, bootCount: 9, monotonicMilliseconds: 1)
        let bytes = recorder.birth(stamp, oldest: 2)
        let birth = try Birth(decoding: bytes.span.bytes)
        #expect(birth.calibrationDigest == [UInt8](repeating: 0xCB, count: 32) && birth.boot.register12 == boot.register12)
        #expect(birth.points.map(\.name) == ["inlet", "outlet", "level-high", "level-low", "flow", "inlet.setpoint", "outlet.setpoint", "flow.total"])
        let due = recorder.due(now: 1001), samples = try #require(due)
        #expect(samples.count == 8 && samples.allSatisfy { $0.quality == .stale })
        let data = recorder.data(stamp, samples)
        #expect(try DataRecord(decoding: data.span.bytes).calibration == [UInt8](repeating: 0xCB, count: 8))
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
            #expect(birth.points == [
                PointName(name: "outlet", unit: "permille"), PointName(name: "level-high", unit: "1"), PointName(name: "flow", unit: "uL/s"),
                PointName(name: "level-a", unit: "m", divisor: 1000), PointName(name: "level-b", unit: "m", divisor: 1000),
                PointName(name: "level", unit: "m", divisor: 1000), PointName(name: "outlet.setpoint", unit: "permille"),
                PointName(name: "flow.total", unit: "uL"),
            ])
        }
    }

    @Test("P-T4 every data record carries the calibration that made it")
    func calibration() throws {
        let recorder = try recorder()
        let bytes = recorder.data(Stamp(sequence: 5, bootCount: 9, monotonicMilliseconds: 1), [Sample(point: 0, value: 3, quality: .good)])
        #expect(try DataRecord(decoding: bytes.span.bytes).calibration == [UInt8](repeating: 0xCA, count: 8))
    }
}
