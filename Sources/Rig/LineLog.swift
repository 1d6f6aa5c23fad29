// What happened on the lines, as the plant saw it, each with its time. The checks read it: it is
// the only witness of what the board did that the board cannot influence otherwise.

import Glibc
import Plant

/// CLOCK_MONOTONIC of the host, in nanoseconds.
public func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// One change, in the order in which they happened.
public struct LineEvent: Sendable, CustomStringConvertible {
    public enum Change: Sendable, Equatable {
        /// The board drives the line with this value.
        case output(Line, Bool)
        /// The board made the line an input.
        case listening(Line)
        /// The board let go of a line that it drove.
        case released(Line)
        /// The plant changed an input of the board.
        case input(Line, Bool)
        /// The board asked for edges (or stopped asking).
        case watched(Line, Bool)
        /// The board came, was reset, or lost its power, with all of its chips; all lines float after the
        /// last two.
        case connected, reset, powerLost
        /// A chip was frozen or thawed by a fault.
        case frozen(Chip), thawed(Chip)
        /// The guest's driver broke the protocol; its queue is ignored until the next reset.
        case malformed
    }

    /// Counts from 0 for the whole run; there are no gaps.
    public let number: Int
    public let nanoseconds: UInt64
    public let change: Change

    public var description: String {
        switch change {
        case .output(let line, let value): "\(line.rawValue) driven \(value ? 1 : 0)"
        case .listening(let line): "\(line.rawValue) is an input"
        case .released(let line): "\(line.rawValue) released"
        case .input(let line, let value): "\(line.rawValue) = \(value ? 1 : 0)"
        case .watched(let line, let on): "\(line.rawValue) \(on ? "watched" : "no longer watched")"
        case .connected: "board connected"
        case .reset: "board reset, all lines float"
        case .powerLost: "board without power, all lines float"
        case .frozen(let chip): "GPIO chip \(chip.rawValue) frozen"
        case .thawed(let chip): "GPIO chip \(chip.rawValue) thawed"
        case .malformed: "guest driver broke the protocol"
        }
    }
}

/// Keeps the newest events.
struct LineLog {
    static let keptMaximum = 200_000
    private var events: [LineEvent] = []
    private(set) var count = 0

    mutating func append(_ change: LineEvent.Change) {
        if events.count >= 2 * Self.keptMaximum { events.removeFirst(Self.keptMaximum) }
        events.append(LineEvent(number: count, nanoseconds: monotonicNanoseconds(), change: change))
        count += 1
    }

    /// The events whose number is `number` or later.
    func since(_ number: Int) -> ArraySlice<LineEvent> {
        let first = count - events.count
        return events[max(0, min(events.count, number - first))...]
    }
}
