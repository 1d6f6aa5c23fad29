// Duty: who may do what, in one table: descriptors, system calls, user, limits, messages, and why.
// The supervisor spawns by it, the sandbox is made from it, tests hold the code against it.
// Must never be decided elsewhere: no role opens, asks or is told more than stands here.
import Bytes

/// A descriptor that the supervisor gives to a role, in this order from number 3 on.
public enum Grant: Sendable, Equatable {
    /// The channel to the supervisor; always the first.
    case supervisor
    /// The channel to another role.
    case channel(RoleName)
    /// All lines of the board in the board file's order: outputs to drive, inputs to read.
    case lines
    /// All analogue inputs of the board in the board file's order, to read.
    case analogues
    case tpm
    /// The journal's raw partition, read and written.
    case journal
    /// The slot that is not running, read and written.
    case inactiveSlot
    /// The boot partition of that slot; where the board has none, a descriptor that is always at its end.
    case inactiveBoot
    /// The slot that is running, to be read: blocks of it are found again in the next release.
    case runningSlot
    /// The boot partition of that slot, to be read; at its end where the board has none.
    case runningBoot
    /// A packet socket on the board's interface, for DHCP alone.
    case packetSocket
}

public struct Limits: Sendable {
    /// Bytes of address space beyond what the binary maps (RLIMIT_DATA).
    public let data: UInt64
    public let descriptors: UInt64
}

public struct RoleAuthority: Sendable {
    public let role: RoleName
    public let reason: StaticString
    public let user: UInt32
    public let grants: [Grant]
    /// Whether it shares the board's network; the others have an empty one of their own.
    public let hasNetwork: Bool
    /// Whether it has a thread for each GPIO chip and each converter beside its first: their drivers may not return. No role
    /// has any other thread, and none can start one once it is confined.
    public let hasDriverThreads: Bool
    public let limits: Limits
    public let systemCalls: [[SystemCall]]
    /// Whether the supervisor starts it at once and keeps it alive, or on demand.
    public let isPermanent: Bool
    /// Documents it is given before it begins.
    public let documents: [Document]
}

public enum Authority {
    /// The first number of a granted descriptor; 0 to 2 are the console.
    public static let firstGrant: Int32 = 3
    /// A role that has not checked in for this long counts as frozen: the watchdog is not fed.
    public static let checkInMilliseconds: UInt64 = 3000
    /// Pause before a role is started again: doubled from the first to the last.
    public static let restartFirstMilliseconds: UInt64 = 200
    public static let restartLastMilliseconds: UInt64 = 10000
    /// A role that has run this long starts over at the first pause.
    public static let restartForgivenMilliseconds: UInt64 = 30000

    public static let table: [RoleAuthority] = [
        RoleAuthority(
            role: .controller,
            reason: "moves things: owns the lines and the envelope; no network, no disk, no keys",
            user: 1001,
            grants: [.supervisor, .channel(.keeper), .lines, .analogues],
            hasNetwork: false,
            hasDriverThreads: true,
            limits: Limits(data: 8 << 20, descriptors: 96),
            systemCalls: [SystemCalls.base, SystemCalls.lines, SystemCalls.analogues],
            isPermanent: true,
            documents: [.keySet, .board, .calibration, .retained, .chips]),
        RoleAuthority(
            role: .keeper,
            reason: "believes or refuses: verifies commands, holds the TPM and the journal; no network, no lines",
            user: 1002,
            grants: [.supervisor, .channel(.controller), .channel(.uplink), .tpm, .journal],
            hasNetwork: false,
            hasDriverThreads: false,
            limits: Limits(data: 8 << 20, descriptors: 16),
            systemCalls: [SystemCalls.base, SystemCalls.storage],
            isPermanent: true,
            documents: [.keySet, .board, .commissioning, .calibration, .manifest, .bootReport]),
        RoleAuthority(
            role: .uplink,
            reason: "speaks to the world, outward only; believed for nothing; no disk, no lines, no keys",
            user: 1003,
            grants: [.supervisor, .channel(.keeper), .channel(.installer), .packetSocket],
            hasNetwork: true,
            hasDriverThreads: false,
            limits: Limits(data: 16 << 20, descriptors: 24),
            systemCalls: [SystemCalls.base, SystemCalls.network],
            isPermanent: true,
            documents: [.keySet, .board, .commissioning, .hardwareAddress]),
        RoleAuthority(
            role: .installer,
            reason: "writes the inactive slot, each block verified first, and reads the running one; no network, no keys, started on demand",
            user: 1004,
            grants: [.supervisor, .channel(.uplink), .inactiveSlot, .inactiveBoot, .runningSlot, .runningBoot],
            hasNetwork: false,
            hasDriverThreads: false,
            limits: Limits(data: 8 << 20, descriptors: 16),
            systemCalls: [SystemCalls.base, SystemCalls.storage],
            isPermanent: false,
            documents: [.keySet, .board, .installOrder]),
    ]

    public static func of(_ role: RoleName) -> RoleAuthority { table[Int(role.rawValue)] }

    /// Whether a role may tell the supervisor this. A sender of anything else is ended.
    public static func permits(_ role: RoleName, _ message: RoleMessage) -> Bool {
        switch message {
        case .checkIn, .event: true
        case .control, .retained, .calibrationInForce: role == .controller
        case .connected, .lease, .leaseLost: role == .uplink
        case .update, .reboot, .inject, .calibration, .keySet, .contentKey: role == .keeper
        case .installing, .installed, .progress, .installFailed, .findContentKey: role == .installer
        }
    }
}
