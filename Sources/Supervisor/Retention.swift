// What must outlive the controller, in memory for its next start and on the disk for the next boot.
// Pure but for the store that is passed in.
// Trust: the controller's bytes are the controller's; nothing here reads them.
import Backoff
import BootState
import Bytes

struct Retention {
    /// What a controller is given if neither copy was whole: it is no encoding of anything, so that every
    /// trip is taken for standing. (CBOR null.)
    static let unreadable: [UInt8] = [0xF6]

    private var copies: TwoCopies<RetainedState>
    private var latest: RetainedState
    /// A change is written at once; a flood of them may neither wear the medium nor hold PID 1 up. What has
    /// to wait is written with the latest state, so that nothing is left out.
    private var writes = Allowance(burst: 8, perMinute: 6)

    init<S: Store & ~Copyable>(loading partition: inout S) throws(BootStateError) {
        copies = try TwoCopies(loading: &partition)
        latest = copies.content ?? RetainedState(calibrationFloor: 0, controller: Self.unreadable)
    }

    /// False if neither copy was whole.
    var wasFound: Bool { latest.controller != Self.unreadable }
    /// For a controller that starts.
    var controller: [UInt8] { latest.controller }
    var calibrationFloor: UInt64 { latest.calibrationFloor }

    mutating func keep(_ controller: [UInt8]) { latest.controller = controller }

    /// Only upwards.
    mutating func raiseFloor(to version: UInt64) { latest.calibrationFloor = max(latest.calibrationFloor, version) }

    /// Only upwards.
    mutating func raiseKeySetFloor(to version: UInt64) { latest.keySetFloor = max(latest.keySetFloor, version) }

    /// Writes what has changed, as far as the allowance goes; true if it was written.
    mutating func write<S: Store & ~Copyable>(to partition: inout S, now: UInt64) throws(BootStateError) -> Bool {
        guard latest != copies.content, case .granted = writes.take(now: now) else { return false }
        try copies.write(latest, to: &partition)
        return true
    }

    /// Before an orderly restart: everything, at once.
    mutating func settle<S: Store & ~Copyable>(to partition: inout S) throws(BootStateError) {
        try copies.write(latest, to: &partition)
    }
}
