// The memory of a start is anybody's bytes: it never traps, and never makes a start less safe.

import Bytes
import Calibration
import Control
import ControlSimulation
import SeededRandom
import Testing

@Suite struct RetainedTests {
    private func bytes(_ control: borrowing Control) -> [UInt8] {
        var writer = CBORWriter()
        control.encodeRetained(into: &writer)
        return writer.bytes
    }

    private func restored(_ calibration: Calibration, _ bytes: [UInt8], _ look: (borrowing Control) -> Void) {
        var control = Control(calibration, nowMilliseconds: 0)
        control.restore(bytes.span.bytes)
        look(control)
        // Time goes on with it.
        var inputs = Inputs(calibration)
        for i in 0..<70 {
            control.step(inputs, nowMilliseconds: Int64(i) * 1000)
            inputs.consumed()
        }
    }

    private func latchesAll(_ calibration: Calibration, _ bytes: [UInt8]) -> Bool {
        var all = true
        restored(calibration, bytes) { control in
            for t in calibration.trips.indices where calibration.trips[t].latched && !control.isLatched(trip: t) { all = false }
        }
        return all
    }

    @Test("P-T4 what was retained, cut anywhere: every trip that latches is latched", arguments: 0..<8)
    func cut(_ seed: Int) {
        let calibration = Generator.calibration(seed: UInt64(seed))
        let whole = bytes(Control(calibration, nowMilliseconds: 0))
        for count in 0..<whole.count { #expect(latchesAll(calibration, Array(whole[..<count])), "\(count) bytes") }
        #expect(latchesAll(calibration, whole + [0]))
    }

    @Test("P-T4 arbitrary and damaged bytes: no trap; latched, or a memory that says the same", arguments: 0..<16)
    func fuzz(_ seed: Int) {
        var random = Seeded(UInt64(seed))
        let calibration = Generator.calibration(seed: UInt64(seed))
        var campaign = Campaign(.hostile, calibration, seed: UInt64(seed))
        for _ in 0..<500 { _ = campaign.step() }
        let whole = bytes(campaign.control)
        for _ in 0..<150 {
            var damaged = random.oneIn(3) ? (0..<random.below(200)).map { _ in UInt8(truncatingIfNeeded: random.next()) } : whole
            for _ in 0..<random.within(1...4) where !damaged.isEmpty { damaged[random.below(damaged.count)] = UInt8(truncatingIfNeeded: random.next()) }
            restored(calibration, damaged) { control in
                // Whatever it said, nothing is driven away from safe by it.
                for a in calibration.actuators.indices {
                    let safe = calibration.actuators[a].safeState
                    let setpoint = control.status(actuator: a).setpointPermille
                    #expect(safe == .last || setpoint == (safe == .open ? 1000 : 0))
                }
            }
        }
    }

    @Test("P-T4 an actuator that is named twice: no trap, and time goes on with what came last")
    func twice() throws {
        let calibration = try tank()
        var control = Control(calibration, nowMilliseconds: 0)
        control.restore(memory(inlets: [[0, 0, 0, 3_600_000], [0, 0, 0, 0]]).span.bytes)
        var inputs = Inputs(calibration)
        for i in 1...70 {
            control.step(inputs, nowMilliseconds: Int64(i) * 1000)
            inputs.consumed()
        }
        #expect(!bytes(control).isEmpty)
    }

    @Test("P-T4 a memory from the end of time counts, and time goes on with it")
    func extremes() throws {
        let most = [UInt64](repeating: UInt64(UInt32.max), count: 4)
        restored(try tank(), memory(version: .max, inlets: [most], totals: [.max])) { control in
            let isLatched = control.isLatched(trip: 0)
            #expect(!isLatched)
        }
    }

    /// What may stand on a disk of the tank: the four counts of its inlet, and totals of its flow meter, each as often as it is given.
    private func memory(version: UInt64 = 1, inlets: [[UInt64]], totals: [UInt64] = []) -> [UInt8] {
        var writer = CBORWriter()
        writer.array(6)
        writer.unsigned(Retained.formatVersion)
        writer.unsigned(version)
        writer.text("")
        writer.array(0)
        writer.array(inlets.count)
        for counts in inlets {
            writer.array(6)
            writer.text("inlet")
            writer.unsigned(UInt64(Reason.none.rawValue))
            for count in counts { writer.unsigned(count) }
        }
        writer.array(totals.count)
        for total in totals {
            writer.array(2)
            writer.text("flow")
            writer.unsigned(total)
        }
        return writer.bytes
    }
}
