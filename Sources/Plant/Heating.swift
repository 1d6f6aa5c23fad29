// The heater in the tank: the water warms while it is on, and cools toward the room at a rate that goes
// with the difference (first order). The amount of water is left out, so that a run is easy to reckon.

public struct Heating: Sendable, Equatable {
    /// While on; so it tends to 30 K above the room.
    public static let gainMillikelvinPerSecond: Int64 = 50
    /// The time in which the difference to the room falls to 37 %.
    public static let lossSeconds: Int64 = 600

    /// In nanokelvin, so that a short step loses nothing.
    private var aboveRoomNanokelvin: Int64 = 0

    public init() {}

    /// Above the room's temperature.
    public var millikelvin: Int64 { aboveRoomNanokelvin / 1_000_000 }

    /// Puts in water of another temperature.
    public mutating func warm(toMillikelvin value: Int64) { aboveRoomNanokelvin = value * 1_000_000 }

    mutating func step(isOn: Bool, microseconds: Int64) {
        let loss = aboveRoomNanokelvin / Self.lossSeconds * microseconds / 1_000_000
        aboveRoomNanokelvin += (isOn ? Self.gainMillikelvinPerSecond * microseconds : 0) - loss
    }
}
