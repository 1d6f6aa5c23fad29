// Time as evidence: a level counts, a suspicion counts, once it has lasted.

/// A line whose changes count once they have lasted.
struct Debounce {
    let milliseconds: Int
    /// `unreadable` until the first level has lasted, and while the line cannot be read.
    private(set) var value: LineReading = .unreadable
    var candidate: LineReading = .unreadable
    var heldMilliseconds = 0

    init(milliseconds: Int) { self.milliseconds = milliseconds }

    /// The last reading has lasted.
    var isSettled: Bool { heldMilliseconds >= milliseconds }

    /// - Parameter bound: the most that one gap between samples counts for, milliseconds.
    mutating func sample(_ reading: LineReading, _ elapsed: Int, bound: Int) {
        if reading == .unreadable {
            value = .unreadable
            candidate = .unreadable
            return
        }
        if reading == candidate {
            heldMilliseconds = min(heldMilliseconds + min(elapsed, bound), milliseconds)
        } else {
            candidate = reading
            heldMilliseconds = 0
        }
        if isSettled { value = candidate }
    }
}

/// A condition that counts once it has been true without a break for a time and a number of steps:
/// the steps, so that one late look is no evidence.
struct Persistence {
    var milliseconds = 0
    var steps = 0

    mutating func holds(_ condition: Bool, _ elapsed: Int, forMilliseconds least: Int, steps leastSteps: Int) -> Bool {
        guard condition else {
            milliseconds = 0
            steps = 0
            return false
        }
        milliseconds = steps == 0 ? 0 : min(milliseconds + elapsed, least)
        steps = min(steps + 1, leastSteps)
        return milliseconds >= least && steps >= leastSteps
    }
}
