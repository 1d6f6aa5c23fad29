// Why an order to update is refused before anything is fetched. Pure.
import BootState
import Bytes

public enum UpdateRefusal: Equatable, Sendable {
    /// The other slot may not be written now.
    case slot(SlotRefusal)
    /// An installation runs, or the board is about to restart.
    case underWay
    /// A restart would take a latched trip away, and no order from afar may do that.
    case tripStands

    /// Nil if an update may begin.
    public init?(isMarkedGood: Bool, tripStands: Bool, isUnderWay: Bool) {
        if !isMarkedGood { self = .slot(.runningNotGood) }
        else if isUnderWay { self = .underWay }
        else if tripStands { self = .tripStands }
        else { return nil }
    }
}

extension UpdateRefusal: Coded {
    public var code: String {
        switch self {
        case .slot(let refusal): refusal.code
        case .underWay: "slot-busy"
        case .tripStands: "trip-stands"
        }
    }

    public var text: String {
        switch self {
        case .slot(let refusal): refusal.text
        case .underWay: "an installation is under way, or the board is about to restart: order the update again when it has ended"
        case .tripStands: "a latched trip stands: reset it at the machine first"
        }
    }
}
