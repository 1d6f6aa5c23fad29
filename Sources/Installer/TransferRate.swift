// How fast an installation goes at present: bytes a second, smoothed, so that the time that is left is
// neither that of the first second nor jumps with each pause of the network. Pure: time is passed in.

struct TransferRate {
    private(set) var bytesPerSecond: UInt64 = 0
    private var bytes: Int
    private var at: UInt64

    init(bytes: Int, now: UInt64) {
        self.bytes = bytes
        at = now
    }

    /// A quarter of the new value comes in each time.
    mutating func note(bytes: Int, now: UInt64) {
        guard now > at, bytes >= self.bytes else { return }
        let present = UInt64(bytes - self.bytes) * 1000 / (now - at)
        bytesPerSecond = bytesPerSecond == 0 ? present : (3 * bytesPerSecond + present) / 4
        self.bytes = bytes
        at = now
    }
}
