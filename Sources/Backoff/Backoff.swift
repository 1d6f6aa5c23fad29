// Duty: how long to wait before the next try. Pure: time and randomness are passed in.
// Must never forget earlier failures because a connection came up: only because it stayed up.

/// Exponential, with jitter over the whole interval, so that a fleet that lost its server at one
/// moment does not come back at one moment.
public struct Backoff: Sendable {
    /// The longest first pause; it doubles with each failure up to `lastMilliseconds`.
    public let firstMilliseconds: UInt64
    public let lastMilliseconds: UInt64
    /// No pause is shorter.
    public let leastMilliseconds: UInt64
    /// A connection that stood this long clears the failures before it.
    public let stableMilliseconds: UInt64
    public private(set) var failures = 0
    private var upSinceMilliseconds: UInt64?

    public init(
        firstMilliseconds: UInt64 = 5_000, lastMilliseconds: UInt64 = 300_000,
        leastMilliseconds: UInt64 = 250, stableMilliseconds: UInt64 = 60_000
    ) {
        precondition(leastMilliseconds <= firstMilliseconds && firstMilliseconds <= lastMilliseconds)
        self.firstMilliseconds = firstMilliseconds
        self.lastMilliseconds = lastMilliseconds
        self.leastMilliseconds = leastMilliseconds
        self.stableMilliseconds = stableMilliseconds
    }

    /// The connection is of use (for MQTT: CONNACK and SUBACK came).
    public mutating func up(nowMilliseconds: UInt64) { upSinceMilliseconds = nowMilliseconds }

    /// The try failed, or the connection ended: the pause before the next try.
    /// - Parameter random: uniform over all 64 bits.
    public mutating func down(nowMilliseconds: UInt64, random: UInt64) -> UInt64 {
        if let since = upSinceMilliseconds, nowMilliseconds >= since + stableMilliseconds { failures = 0 }
        upSinceMilliseconds = nil
        var bound = firstMilliseconds
        for _ in 0..<failures where bound < lastMilliseconds { bound = min(2 * bound, lastMilliseconds) }
        failures = min(failures + 1, 63)
        return leastMilliseconds + random % (bound - leastMilliseconds + 1)
    }
}
