// The calibration that the controller acts by, and the newer one that is to take over from it.
// Trust: whoever passes a calibration on is not believed: its signatures are, here.
import Cryptography
import Bytes
import Calibration
import Control
import Cryptography
import Signed

struct CalibrationInForce {
    struct Next {
        let verified: Verified<Calibration>
        /// Why it can't take over while anything is away from its safe state; nil if it can.
        let obstacle: String?
        /// What it was last said to wait for: an actuator, or with -1 all of them.
        var saidToWaitFor: Int?
    }

    private let keys: KeySet
    private(set) var verified: Verified<Calibration>
    private(set) var next: Next?
    /// Of the payload in force.
    private(set) var digest: [UInt8]

    init(_ verified: Verified<Calibration>, _ keys: KeySet) {
        self.verified = verified
        self.keys = keys
        digest = verified.payloadDigest.bytes
    }

    /// Why it is refused; nil if it waits for its turn now.
    mutating func offer(_ object: [UInt8]) -> String? {
        do throws(SignedError) {
            let found = try verify(object.span.bytes, as: Calibration.self, with: keys)
            let (new, old) = (found.payload, verified.payload)
            guard new.board == old.board else { return "it is for board '\(new.board)'" }
            guard new.version > old.version else { return "version \(new.version) is not above \(old.version)" }
            next = Next(verified: found, obstacle: new.bumplessObstacle(replacing: old))
            return nil
        } catch { return "\(error.code): \(error.text)" }
    }

    mutating func takeOver() {
        guard let next else { return }
        verified = next.verified
        digest = next.verified.payloadDigest.bytes
        self.next = nil
    }

    /// What to say of an actuator that keeps it from taking over, and why; nil if it was said.
    mutating func wait(forActuator actuator: Int, _ reason: Reason) -> String? {
        guard let next, next.saidToWaitFor != actuator else { return nil }
        self.next!.saidToWaitFor = actuator
        return "version \(next.verified.payload.version) waits for '\(verified.payload.actuators[actuator].name)': \(reason.code)"
    }

    /// What to say of one that needs everything in its safe state.
    mutating func waitForRest() -> String? {
        guard let next, let obstacle = next.obstacle, next.saidToWaitFor == nil else { return nil }
        self.next!.saidToWaitFor = -1
        return "version \(next.verified.payload.version) waits until every actuator is in its safe state: \(obstacle)"
    }
}
