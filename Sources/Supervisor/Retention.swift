// What must outlive the controller, in memory for its next start and on the disk for the next boot.
// Pure but for the store that is passed in.
// Trust: the controller's bytes are the controller's; nothing here reads them.
import Backoff
import BootState
import Bytes

struct Retention {
    /// Counters alone are written this often at most: they change all the time, and flash wears.
    static let counterMilliseconds: UInt64 = 3_600_000
    /// What a controller is given if neither copy was whole: it is no encoding of anything, so that every
    /// trip is taken for standing. (CBOR null.)
    static let unreadable: [UInt8] = [0xF6]

    private var copies: TwoCopies<RetainedState>
    private var latest: RetainedState
    private var isUrgent = false
    private var writtenAt: UInt64
    /// Writes at once: no flood of changes may wear the medium or hold PID 1 up. What has to wait is
    /// written with the latest state, so that nothing is left out.
    private var writes = Allowance(burst: 8, perMinute: 6)

    init<S: Store & ~Copyable>(loading partition: inout S, now: UInt64) throws(BootStateError) {
        copies = try TwoCopies(loading: &partition)
        latest = copies.content ?? RetainedState(calibrationFloor: 0, controller: Self.unreadable)
        writtenAt = now
    }

    /// False if neither copy was whole.
    var wasFound: Bool { latest.controller != Self.unreadable }
    /// For a controller that starts.
    var controller: [UInt8] { latest.controller }
    var calibrationFloor: UInt64 { latest.calibrationFloor }

    /// - isUrgent: more than counters has changed.
    mutating func keep(_ controller: [UInt8], isUrgent: Bool) {
        latest.controller = controller
        if isUrgent { self.isUrgent = true }
    }

    /// Only upwards.
    mutating func raiseFloor(to version: UInt64) {
        guard version > latest.calibrationFloor else { return }
        latest.calibrationFloor = version
        isUrgent = true
    }

    /// Writes what is due; true if it is on the disk now.
    mutating func write<S: Store & ~Copyable>(to partition: inout S, now: UInt64) throws(BootStateError) -> Bool {
        guard latest != copies.content else {
            isUrgent = false
            return false
        }
        guard isUrgent || now - writtenAt >= Self.counterMilliseconds else { return false }
        guard case .granted = writes.take(now: now) else { return false }
        try copies.write(latest, to: &partition)
        writtenAt = now
        isUrgent = false
        return true
    }

    /// Before an orderly restart: everything, at once.
    mutating func settle<S: Store & ~Copyable>(to partition: inout S) throws(BootStateError) {
        try copies.write(latest, to: &partition)
    }
}
