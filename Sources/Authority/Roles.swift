// The names of the roles.

public enum RoleName: UInt8, Sendable, CaseIterable {
    case controller = 0, keeper, uplink, installer

    public init?(_ name: String) {
        switch name {
        case "controller": self = .controller
        case "keeper": self = .keeper
        case "uplink": self = .uplink
        case "installer": self = .installer
        default: return nil
        }
    }

    public var name: String {
        switch self {
        case .controller: "controller"
        case .keeper: "keeper"
        case .uplink: "uplink"
        case .installer: "installer"
        }
    }
}
