// The circulation pump, held by a latching relay: a pulse on one coil closes it, a pulse on the other opens
// it, and it stays so with no power at all.

public struct LatchingPump: Sendable, Equatable {
    /// A shorter pulse does not move the relay.
    public static let pulseMicroseconds: Int64 = 20_000

    public private(set) var isRunning = false
    /// For how long each coil has had power.
    private var setMicroseconds: Int64 = 0
    private var resetMicroseconds: Int64 = 0
    /// Both coils at once: the relay does not move, and neither coil is made for it.
    public private(set) var bothDrivenMicroseconds: Int64 = 0

    public init() {}

    mutating func step(set: Bool, reset: Bool, microseconds: Int64) {
        if set && reset { bothDrivenMicroseconds += microseconds }
        setMicroseconds = set && !reset ? setMicroseconds + microseconds : 0
        resetMicroseconds = reset && !set ? resetMicroseconds + microseconds : 0
        if setMicroseconds >= Self.pulseMicroseconds { isRunning = true }
        if resetMicroseconds >= Self.pulseMicroseconds { isRunning = false }
    }
}
