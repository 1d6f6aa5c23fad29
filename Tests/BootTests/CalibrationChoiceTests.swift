// Which calibration a board acts by: the newest that may, whoever lies about it.
import Board
@testable import Boot
import Bytes
import Calibration
import ControlSimulation
import SimulatedDisk
import SimulatedRelease
import Signed
import Testing

private let signer = try! SimulatedSigner()

private func object(_ version: Int, signer: SimulatedSigner = signer, purpose: Purpose = .calibration, _ change: (inout Calibration.Content) -> Void = { _ in }) throws -> [UInt8] {
    var content = try tank().content
    content.version = version
    change(&content)
    return try signer.sign(try Calibration(content).encoded(), purpose: purpose)
}

private func terms(_ floor: UInt64 = 0) throws -> CalibrationTerms { CalibrationTerms(board: try tankBoard(), keys: signer.keys, floor: floor) }

/// The version, or the code of the refusal.
private func chosen(_ release: [UInt8], _ stored: [UInt8]?, floor: UInt64 = 0) throws -> String {
    let terms = try terms(floor)
    do throws(CalibrationRefusal) { return "\(try terms.chosen(release: release, stored: stored).version)" } catch {
        #expect(!error.text.isEmpty)
        return error.code
    }
}

@Suite struct CalibrationChoiceTests {
    @Test("P-T4 the newer of both is in force, and of two alike that of the release")
    func newest() throws {
        #expect(try chosen(object(3), nil) == "3")
        #expect(try chosen(object(3), object(4)) == "4")
        #expect(try chosen(object(4), object(3)) == "4")
        let own = try object(3), kept = try object(3) { $0.supervisionTimeoutMilliseconds = 3000 }
        #expect(try terms().chosen(release: own, stored: kept).object == own)
    }

    @Test("P-T4 one below the floor is never in force again: a release that goes back keeps the newer calibration")
    func floor() throws {
        #expect(try chosen(object(3), object(5), floor: 5) == "5")
        #expect(try chosen(object(3), nil, floor: 5) == "calibration-rollback")
        #expect(try chosen(object(3), object(4), floor: 5) == "calibration-rollback")
        #expect(try chosen(object(5), object(4), floor: 5) == "5")
        #expect(try chosen(object(6), object(5), floor: 5) == "6")
    }

    @Test("P-T4 P-S2 what is stored is believed for nothing: altered, signed by a stranger, of another kind, board or wiring")
    func stored() throws {
        let own = try object(3)
        let stranger = try SimulatedSigner()
        for kept in [
            try object(9, signer: stranger), try object(9, purpose: .manifest), try object(9) { $0.board = "another" },
            try object(9) { $0.resets[0].line = "no-such-line" }, try object(9) { $0.resets[0].line = "spare" }, [], [0xF6],
        ] {
            #expect(try chosen(own, kept) == "3")
            #expect(try chosen(own, kept, floor: 4) == "calibration-rollback")
        }
        let good = try object(9)
        for at in stride(from: 0, to: good.count, by: 11) {
            var altered = good
            altered[at] ^= 0x10
            #expect(try chosen(own, altered) == "3", "byte \(at)")
        }
    }

    @Test("a release whose own does not hold goes on with the one that took over, if there is one")
    func own() throws {
        let wrong = try object(3) { $0.board = "another" }
        #expect(try chosen(wrong, nil) == "calibration-other-board")
        #expect(try chosen(wrong, object(2)) == "2")
        #expect(try chosen(object(3) { $0.resets[0].line = "no-such-line" }, nil) == "calibration-line")
        // An output where it is to be sensed.
        var crossed = try tank().content
        guard case .solenoid(var solenoid) = crossed.actuators[1].drive else { return }
        solenoid.line = "level-low-contact"
        crossed.actuators[1].drive = .solenoid(solenoid)
        #expect(try chosen(signer.sign(Calibration(crossed).encoded(), purpose: .calibration), nil) == "calibration-line")
    }
}
