// How many objects from outside are looked at: a bucket that refills, so that a flood costs a counter.

struct Allowance {
    static let perSecond: UInt64 = 5
    static let burst: UInt64 = 20

    enum Answer { case granted, firstRefusal, refused }

    private var tokens = burst
    private var filledAt: UInt64 = 0
    private var isRefusing = false

    mutating func take(now: UInt64) -> Answer {
        let more = (now - filledAt) * Self.perSecond / 1000
        if more > 0 {
            tokens = min(Self.burst, tokens + more)
            filledAt = now
        }
        guard tokens > 0 else {
            defer { isRefusing = true }
            return isRefusing ? .refused : .firstRefusal
        }
        tokens -= 1
        if tokens > 1 { isRefusing = false }
        return .granted
    }
}
