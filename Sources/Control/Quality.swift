// How far a value can be relied on, under the terms of NAMUR NE 107.

/// Numbers never change.
public enum Quality: UInt8, Sendable {
    case good = 0
    /// Not read yet, or no longer (F).
    case stale = 1
    /// Read, and impossible (F).
    case fault = 2
    /// Out of specification (S): a value, but at the edge of what the sensor can tell.
    case outOfSpecification = 3
    /// Maintenance required (M): a value, by fewer members than were meant to vote.
    case maintenance = 4
    /// Function check (C): a value that is being tested or bypassed.
    case functionCheck = 5

    /// It may be acted upon.
    public var isUsable: Bool { self != .stale && self != .fault }
}
