// A calibration that takes over while the board runs: each order of events, and which one is in force then.
import Board
import Boot
import Calibration
import ControlSimulation
import SimulatedRelease
@testable import Supervisor
import Testing

private let signer = try! SimulatedSigner()

private func admitted(_ version: Int) throws -> AdmittedCalibration {
    var content = try tank().content
    content.version = version
    let object = try signer.sign(try Calibration(content).encoded(), purpose: .calibration)
    return try CalibrationTerms(board: try tankBoard(), keys: signer.keys, floor: 0).admitted(object)
}

private func digest(_ calibration: AdmittedCalibration) -> [UInt8] { calibration.digest }

@Suite struct CalibrationChangeTests {
    @Test("bumpless: the controller that runs says that it acts by the new one")
    func bumpless() throws {
        let (old, new) = (try admitted(1), try admitted(2))
        var change = CalibrationChange(old)
        #expect(change.leastVersion == 2)
        #expect(change.heard(digest(old)) == .known)
        #expect(change.heard(digest(new)) == .unknown)
        change.offer(new)
        #expect(change.leastVersion == 3)
        #expect(change.inForce.version == 1)
        #expect(change.heard(digest(new)) == .tookOver)
        #expect(change.inForce.version == 2 && change.offered == nil)
        #expect(change.heard(digest(new)) == .known)
        // No way back.
        #expect(change.heard(digest(old)) == .unknown)
        #expect(change.started().version == 2)
    }

    @Test("at rest: the controller ends, and the next one is started with the new one")
    func restarted() throws {
        let (old, new) = (try admitted(1), try admitted(2))
        var change = CalibrationChange(old)
        #expect(change.started().version == 1)
        change.offer(new)
        #expect(change.ended() == false)
        #expect(change.started().version == 2)
        #expect(change.inForce.version == 1)
        #expect(change.heard(digest(new)) == .tookOver)
        #expect(change.ended() == false)
        #expect(change.started().version == 2)
    }

    @Test("a controller that ends with the new one before it acted by it goes on with the one before")
    func givenUp() throws {
        let (old, new) = (try admitted(1), try admitted(2))
        var change = CalibrationChange(old)
        change.offer(new)
        _ = change.ended()
        _ = change.started()
        #expect(change.ended() == true)
        #expect(change.started().version == 1)
        #expect(change.offered == nil && change.leastVersion == 2)
        #expect(change.heard(digest(new)) == .unknown)
    }

    @Test("a newer one takes the place of one that waits, and of one that is being tried")
    func replaced() throws {
        let all = try (1...3).map { try admitted($0) }
        for isTried in [false, true] {
            var change = CalibrationChange(all[0])
            change.offer(all[1])
            if isTried { _ = change.started() }
            change.offer(all[2])
            #expect(change.heard(digest(all[1])) == .unknown)
            #expect(change.ended() == false)
            #expect(change.started().version == 3)
            #expect(change.heard(digest(all[2])) == .tookOver)
        }
    }
}
