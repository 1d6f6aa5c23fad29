// A calibration that is to take over: what the controller takes for one, and what it says while it waits.
import Bytes
import Calibration
@testable import Controller
import ControlSimulation
import Signed
import SimulatedRelease
import Testing

private let signer = try! SimulatedSigner()

private func object(_ version: Int, _ signer: SimulatedSigner = signer, _ change: (inout Calibration.Content) -> Void = { _ in }) throws -> [UInt8] {
    var content = try tank().content
    content.version = version
    change(&content)
    return try signer.sign(try Calibration(content).encoded(), purpose: .calibration)
}

private func inForce() throws -> CalibrationInForce {
    let object = try object(3)
    return CalibrationInForce(try verify(object.span.bytes, as: Calibration.self, with: signer.keys), signer.keys)
}

@Suite struct CalibrationInForceTests {
    @Test("P-T4 only a newer one for this board, signed, is taken; a refusal leaves what was there")
    func refused() throws {
        var calibration = try inForce()
        let before = calibration.digest
        for wrong in [
            try object(3), try object(2), try object(4, SimulatedSigner()), try object(4) { $0.board = "another" }, [], [0xF6],
            Array(try object(4).dropLast()),
        ] {
            #expect(calibration.offer(wrong) != nil)
            #expect(calibration.next == nil)
        }
        #expect(calibration.offer(try object(4)) == nil)
        #expect(calibration.next?.verified.payload.version == 4)
        #expect(calibration.digest == before)
        #expect(calibration.offer(try object(2)) != nil)
        #expect(calibration.next?.verified.payload.version == 4)
        calibration.takeOver()
        #expect(calibration.verified.payload.version == 4 && calibration.next == nil && calibration.digest != before)
    }

    @Test("one that only narrows limits has no obstacle; one with another interlock waits for rest, and says so once")
    func waits() throws {
        var calibration = try inForce()
        #expect(calibration.offer(try object(4) { $0.actuators[0].envelope.maximumPermille = 450 }) == nil)
        #expect(calibration.next?.obstacle == nil)
        #expect(calibration.waitForRest() == nil)
        #expect(calibration.wait(forActuator: 0, .limitPosition)?.contains("'inlet'") == true)
        #expect(calibration.wait(forActuator: 0, .limitPosition) == nil)
        #expect(calibration.wait(forActuator: 1, .maximumAway)?.contains("'outlet'") == true)
        #expect(calibration.offer(try object(5) { $0.trips = [] }) == nil)
        #expect(calibration.waitForRest()?.contains("safe state") == true)
        #expect(calibration.waitForRest() == nil)
    }
}
