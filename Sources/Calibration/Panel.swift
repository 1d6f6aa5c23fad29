// What stands at the machine itself: reset buttons and Hand-Off-Auto selectors. No message can stand in
// for either.

public struct Reset: Equatable, Sendable {
    public var name: String
    public var line: String
    /// How long it must be held, pressed after the trip, before it counts.
    public var holdMilliseconds: Int

    public init(name: String, line: String, holdMilliseconds: Int) {
        self.name = name
        self.line = line
        self.holdMilliseconds = holdMilliseconds
    }
}

/// A selector with three positions on two lines: Hand (buttons at the machine), Off (neither line: the
/// safe state), Auto (orders from afar). Both lines at once are a fault of the selector and count as Off.
public struct Selector: Equatable, Sendable {
    public var name: String
    public var handLine: String
    public var autoLine: String
    public var debounceMilliseconds: Int
    /// More changes than this within one window of ten seconds are flapping: Off, until it has been quiet for
    /// ten seconds. Windows follow on each other, so up to twice as many over the edge of two are borne.
    public var changesMaximum: Int
    /// A button that is held longer than this is stuck, and counts for nothing until it is let go.
    public var buttonMaximumMilliseconds: Int

    public init(
        name: String, handLine: String, autoLine: String, debounceMilliseconds: Int, changesMaximum: Int = 6,
        buttonMaximumMilliseconds: Int = 60_000
    ) {
        self.name = name
        self.handLine = handLine
        self.autoLine = autoLine
        self.debounceMilliseconds = debounceMilliseconds
        self.changesMaximum = changesMaximum
        self.buttonMaximumMilliseconds = buttonMaximumMilliseconds
    }
}
