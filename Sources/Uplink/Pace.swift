// How fast objects from outside are let through: some at once, then so many a second. Above what the
// keeper looks at, so that it still sees a flood and reports it, but is not busy with nothing else.

struct Pace {
    static let burst: UInt64 = 32
    static let perSecond: UInt64 = 8

    /// In thousandths of an object.
    private var allowance = Self.burst * 1000
    private var last: UInt64 = 0

    /// Takes one, if one may pass now.
    mutating func take(_ now: UInt64) -> Bool {
        refill(now)
        guard allowance >= 1000 else { return false }
        allowance -= 1000
        return true
    }

    /// When the next may pass.
    mutating func nextMilliseconds(_ now: UInt64) -> UInt64 {
        refill(now)
        return allowance >= 1000 ? now : now + (1000 - allowance + Self.perSecond - 1) / Self.perSecond
    }

    private mutating func refill(_ now: UInt64) {
        allowance = min(Self.burst * 1000, allowance + (now - min(last, now)) * Self.perSecond)
        last = now
    }
}
