// What a person at the machine has in hand: the inlet's selector and buttons, and the door of its housing.

public struct Panel: Sendable, Equatable {
    /// It turns from hand to automatic by way of off.
    public enum Selector: Sendable { case hand, off, automatic }

    public var selector = Selector.automatic
    public var openPressed = false
    public var closePressed = false
    public var doorIsOpen = false

    public init() {}
}
