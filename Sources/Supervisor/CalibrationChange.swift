// The change of the calibration while the board runs, as one table of states and events. Pure.
// One that is offered is only in memory. It is kept on the disk once a controller acts by it, so that
// nothing that was never tried is ever booted.
import Boot
import Calibration
import Cryptography
import Signed

struct CalibrationChange {
    private(set) var inForce: AdmittedCalibration
    private(set) var offered: AdmittedCalibration?
    /// A controller was started with the offered one and has not said yet that it acts by it.
    private var isBeingTried = false

    init(_ inForce: AdmittedCalibration) { self.inForce = inForce }

    /// The least version that may be offered now.
    var leastVersion: UInt64 { (offered ?? inForce).version + 1 }

    mutating func offer(_ calibration: AdmittedCalibration) {
        offered = calibration
        isBeingTried = false
    }

    /// What a controller that starts is given. Its outputs have been driven safe: the offered one, if there is one.
    mutating func started() -> AdmittedCalibration {
        guard let offered else { return inForce }
        isBeingTried = true
        return offered
    }

    enum Word: Equatable { case known, tookOver, unknown }

    /// The controller acts by the calibration with this digest.
    mutating func heard(_ digest: [UInt8]) -> Word {
        if digest == inForce.digest { return .known }
        guard let next = offered, digest == next.digest else { return .unknown }
        inForce = next
        offered = nil
        isBeingTried = false
        return .tookOver
    }

    /// The controller has ended. True if it was trying the offered one, which is given up by that.
    mutating func ended() -> Bool {
        guard isBeingTried else { return false }
        offered = nil
        isBeingTried = false
        return true
    }
}
