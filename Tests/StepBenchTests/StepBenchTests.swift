// What is measured is worth measuring: the calibration is as large as it may be, and the plant is at work.

import Calibration
import Testing

@testable import StepBench

@Suite struct StepBenchTests {
    @Test("The measured calibration has as many of each thing as there may be")
    func isLargest() throws {
        let calibration = try largestCalibration()
        #expect(calibration.actuators.count == Calibration.actuatorsMaximum)
        #expect(calibration.sensors.count == Calibration.sensorsMaximum)
        #expect(calibration.trips.count == Calibration.tripsMaximum)
        #expect(calibration.interlocks.count == Calibration.interlocksMaximum)
        #expect(calibration.resets.count == Calibration.resetsMaximum)
        #expect(calibration.selectors.count == Calibration.selectorsMaximum)
        #expect(calibration.phases.count == Calibration.phasesMaximum)
        #expect(try Calibration(decoding: calibration.encoded().span.bytes) == calibration)
    }

    @Test("The recorded plant is at work, unharmed, and a replay comes to the same")
    func worksAndReplays() throws {
        let workload = try Workload()
        #expect(workload.faults == 0)
        #expect(workload.movedValves == Calibration.actuatorsMaximum)
        #expect(workload.movingSteps > Workload.steps / 2, "\(workload.movingSteps)")
        #expect(workload.accepted > 100, "\(workload.accepted)")
        #expect((100...Workload.steps / 2).contains(workload.trippedSteps), "\(workload.trippedSteps)")
        #expect(workload.replay() == workload.checksum)
        #expect(workload.replay(steps: Workload.steps - 1) != workload.checksum)
    }
}
