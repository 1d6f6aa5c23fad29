// The envelope as signed bytes: what comes back is what was written, and nothing else is taken.

import Bytes
import Calibration
import Signed
import Testing

private func inlet() -> MotorValve {
    MotorValve(
        name: "inlet", openLine: "inlet-open", closeLine: "inlet-close", openEndLine: "inlet-open-end",
        closedEndLine: "inlet-closed-end", endSwitchDebounceMilliseconds: 50, endSwitchTolerancePermille: 30,
        strokeMilliseconds: 8000, strokeFastestMilliseconds: 7600, strokeSlowestMilliseconds: 8800,
        coastMilliseconds: 20, positionMinimumPermille: 50, positionMaximumPermille: 500,
        maximumOpenMilliseconds: 120_000, restMilliseconds: 200, safeState: .closed, reset: 0)
}

private func outlet() -> Solenoid {
    Solenoid(
        name: "outlet", line: "outlet-energise", energiseToOpen: true, maximumOnMilliseconds: 0,
        minimumOnMilliseconds: 500, minimumOffMilliseconds: 500, safeState: .closed, reset: 0)
}

private func board(
    version: UInt64 = 3, tick: Int = 50, valve: MotorValve = inlet(), solenoid: Solenoid = outlet(),
    trip: Trip = Trip(name: "level-high", sensor: 0, condition: .active, delayMilliseconds: 0, actuator: 0, latched: true, reset: 0)
) throws(CalibrationError) -> Calibration {
    try Calibration(
        version: version, board: "qemu-x86_64", tickMilliseconds: tick, supervisionTimeoutMilliseconds: 2000,
        resets: [Reset(name: "local", line: "reset-button", holdMilliseconds: 500)],
        sensors: [
            .switch(Switch(name: "level-high", line: "level-high", debounceMilliseconds: 20, activeWhenHigh: true)),
            .flowMeter(FlowMeter(name: "flow", line: "flow-pulse", microlitresPerPulse: 10_000, maximumPulsesPerSecond: 200)),
        ],
        actuators: [.motorValve(valve), .solenoid(solenoid)], trips: [trip])
}

private func decoded(_ bytes: [UInt8]) throws(PayloadError) -> Calibration { try Calibration(decoding: bytes.span.bytes) }

@Suite struct CalibrationTests {
    @Test("What is encoded is decoded")
    func roundTrip() throws {
        let calibration = try board()
        #expect(try decoded(calibration.encoded()) == calibration)
        #expect(calibration.outputLines == ["inlet-open", "inlet-close", "outlet-energise"])
        #expect(calibration.inputLines == ["reset-button", "level-high", "flow-pulse", "inlet-open-end", "inlet-closed-end"])
    }

    @Test("Every truncation is refused")
    func truncation() throws {
        let bytes = try board().encoded()
        for length in 0..<bytes.count {
            #expect(throws: PayloadError.self) { try decoded(Array(bytes[..<length])) }
        }
        #expect(throws: PayloadError.self) { try decoded(bytes + [0]) }
    }

    @Test("P-T4 a mutated calibration is refused, or decodes to one that encodes to the same bytes")
    func mutation() throws {
        let bytes = try board().encoded()
        var state: UInt64 = 42
        var taken = 0
        for _ in 0..<20_000 {
            var mutant = bytes
            for _ in 0...2 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                mutant[Int(state >> 33) % mutant.count] = UInt8(truncatingIfNeeded: state >> 25)
            }
            guard let calibration = try? decoded(mutant) else { continue }
            taken += 1
            #expect(calibration.encoded() == mutant)
        }
        #expect(taken > 0)
    }

    @Test("Contradictions are refused, with place and key")
    func contradictions() throws {
        func refused(_ problem: CalibrationError.Problem, _ place: CalibrationError.Place, _ key: String, _ change: (inout MotorValve) -> Void) {
            var valve = inlet()
            change(&valve)
            do throws(CalibrationError) {
                _ = try board(valve: valve)
                Issue.record("\(key) was accepted")
            } catch {
                #expect(error.problem == problem && error.place == place && error.key == key, "\(error.sentence)")
            }
        }
        refused(.bounds, .actuator(0), "position-maximum") { $0.positionMaximumPermille = 1001 }
        refused(.bounds, .actuator(0), "position-maximum") { $0.positionMaximumPermille = 0 }
        refused(.contradiction, .actuator(0), "position-minimum") { $0.positionMinimumPermille = 600 }
        refused(.contradiction, .actuator(0), "position-maximum") { $0.positionMaximumPermille = 5; $0.positionMinimumPermille = 0 }
        refused(.contradiction, .actuator(0), "stroke-fastest") { $0.strokeFastestMilliseconds = 8001 }
        refused(.contradiction, .actuator(0), "stroke-slowest") { $0.strokeSlowestMilliseconds = 7999 }
        refused(.contradiction, .actuator(0), "stroke-slowest") { $0.strokeSlowestMilliseconds = 16_001 }
        refused(.contradiction, .actuator(0), "maximum-open") { $0.maximumOpenMilliseconds = 4000 }
        refused(.contradiction, .actuator(0), "safe-state") { $0.safeState = .open }
        refused(.contradiction, .actuator(0), "safe-state") { $0.safeState = .open; $0.positionMaximumPermille = 1000 }
        refused(.contradiction, .trip(0), "actuator") { $0.safeState = .last }
        refused(.reference, .actuator(0), "reset") { $0.reset = 1 }
        refused(.line, .actuator(0), "close-line") { $0.closeLine = "inlet-open" }
        refused(.line, .actuator(0), "open-end-line") { $0.openEndLine = "level-high" }
        refused(.name, .actuator(0), "name") { $0.name = "Inlet" }
        refused(.name, .actuator(0), "open-line") { $0.openLine = "" }
        refused(.name, .actuator(1), "name") { $0.name = "outlet" }
    }

    @Test("Trips that could not work are refused")
    func trips() throws {
        func refused(_ problem: CalibrationError.Problem, _ key: String, _ change: (inout Trip) -> Void) {
            var trip = Trip(name: "t", sensor: 0, condition: .active, delayMilliseconds: 0, actuator: 0, latched: true, reset: 0)
            change(&trip)
            do throws(CalibrationError) {
                _ = try board(trip: trip)
                Issue.record("\(key) was accepted")
            } catch {
                #expect(error.problem == problem && error.place == .trip(0) && error.key == key, "\(error.sentence)")
            }
        }
        refused(.reference, "sensor") { $0.sensor = 2 }
        refused(.reference, "actuator") { $0.actuator = 2 }
        refused(.contradiction, "reset") { $0.reset = nil }
        refused(.contradiction, "reset") { $0.latched = false }
        refused(.contradiction, "when") { $0.condition = .above(microlitresPerSecond: 1) }
        refused(.contradiction, "when") { $0.sensor = 1 }
        refused(.contradiction, "above") { $0.sensor = 1; $0.condition = .above(microlitresPerSecond: 2_000_000) }
        refused(.contradiction, "below") { $0.sensor = 1; $0.condition = .below(microlitresPerSecond: 2_000_001) }
        refused(.bounds, "below") { $0.sensor = 1; $0.condition = .below(microlitresPerSecond: 0) }
    }
}
