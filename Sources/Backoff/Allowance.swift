// How often something is done for whoever asks: a bucket that refills, so that a flood costs a counter.

public struct Allowance: Sendable {
    public enum Answer: Sendable { case granted, firstRefusal, refused }

    public let burst: UInt64
    public let perMinute: UInt64
    private var tokens: UInt64
    private var filledAt: UInt64 = 0
    private var isRefusing = false

    public init(burst: UInt64, perMinute: UInt64) {
        self.burst = burst
        self.perMinute = perMinute
        tokens = burst
    }

    public mutating func take(now: UInt64) -> Answer {
        let more = (now - filledAt) * perMinute / 60000
        if more > 0 {
            tokens = min(burst, tokens + more)
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
