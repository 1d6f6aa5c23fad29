// Where a motor valve is, as far as driving time tells: between `lower` and `upper`, shown as `nominal`.

import Calibration

/// Positions in billionths of travel, so that rounding never adds up to anything.
struct Travel {
    static let full = 1_000_000_000
    static let permille = 1_000_000

    /// Nothing is known of a valve until it has been driven closed: it may be open.
    private(set) var lower = 0
    private(set) var nominal = Travel.full
    private(set) var upper = Travel.full
    /// All opening since the valve was last closed all the way, by the fastest stroke: what the envelope
    /// is spent by. Going back a part of the way returns nothing, for whether the valve followed is not
    /// known before its closed end: a cut wire must not add up to an open valve.
    private(set) var spent = Travel.full
    /// Closing since the last opening, by the slowest stroke.
    var returned = 0

    let stroke: Stroke

    init(_ stroke: Stroke) { self.stroke = stroke }

    mutating func forget() {
        lower = 0
        nominal = Self.full
        upper = Self.full
        spent = Self.full
        returned = 0
    }

    /// Driven open for at most `elapsed` milliseconds; `certain` if it surely was.
    mutating func opened(_ elapsed: Int, certain: Bool) {
        upper = min(Self.full, upper + Self.ceiling(elapsed, stroke.fastestMilliseconds))
        spent = min(Self.full, spent + Self.ceiling(elapsed, stroke.fastestMilliseconds))
        if elapsed > 0 { returned = 0 }
        nominal = min(Self.full, nominal + Self.floor(elapsed, stroke.milliseconds))
        if certain { lower = min(Self.full, lower + Self.floor(elapsed, stroke.slowestMilliseconds)) }
    }

    /// Driven closed: surely for `credited` milliseconds, at most for `elapsed`.
    mutating func closed(_ elapsed: Int, credited: Int) {
        upper = max(0, upper - Self.floor(credited, stroke.slowestMilliseconds))
        returned = min(returned + Self.floor(credited, stroke.slowestMilliseconds), Self.full)
        nominal = max(0, nominal - Self.floor(credited, stroke.milliseconds))
        lower = max(0, lower - Self.ceiling(elapsed, stroke.fastestMilliseconds))
    }

    /// The line has just gone off; the valve may go on a little.
    mutating func stoppedOpening() {
        upper = min(Self.full, upper + Self.ceiling(stroke.coastMilliseconds, stroke.fastestMilliseconds))
        spent = min(Self.full, spent + Self.ceiling(stroke.coastMilliseconds, stroke.fastestMilliseconds))
    }
    mutating func stoppedClosing() { lower = max(0, lower - Self.ceiling(stroke.coastMilliseconds, stroke.fastestMilliseconds)) }

    /// Even the slowest valve has made up by now for all opening.
    var isReturned: Bool { returned >= spent }

    /// Time and end switch both say so.
    mutating func closedForSure() {
        spent = 0
        returned = 0
    }

    /// At the closed end. What is spent stays: no switch may shorten the way back that time demands.
    mutating func atClosedEnd() {
        lower = 0
        nominal = 0
    }

    /// Shown where a feedback says it is, inside the bounds that time gives.
    mutating func correct(to position: Int) { nominal = min(max(position, lower), upper) }

    /// What will be spent after driving open for another `elapsed` milliseconds and stopping.
    func spentAfterOpening(_ elapsed: Int) -> Int { spent + Self.ceiling(elapsed, stroke.fastestMilliseconds) + Self.ceiling(stroke.coastMilliseconds, stroke.fastestMilliseconds) }

    func nominalTravel(_ elapsed: Int) -> Int { Self.floor(elapsed, stroke.milliseconds) }

    static func floor(_ milliseconds: Int, _ stroke: Int) -> Int { milliseconds * full / stroke }
    static func ceiling(_ milliseconds: Int, _ stroke: Int) -> Int { (milliseconds * full + stroke - 1) / stroke }
}
