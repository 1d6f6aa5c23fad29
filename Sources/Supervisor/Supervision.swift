// The life of each role as one table of states and events. Pure: time comes in, actions go out.
// It decides when a role is started, when it counts as frozen, and whether the watchdog may be fed.
import Authority

public enum RoleState: Equatable, Sendable {
    /// Not wanted, or never started.
    case stopped
    /// To be started at this time.
    case waiting(until: UInt64)
    case running(pid: Int32)
}

/// One role's life so far.
public struct RoleLife: Sendable {
    public internal(set) var state: RoleState = .stopped
    public internal(set) var startedAt: UInt64 = 0
    public internal(set) var checkedInAt: UInt64 = 0
    /// Since it was started last.
    public internal(set) var hasCheckedIn = false
    /// How often it ended since the board started.
    public internal(set) var ends: Int = 0
    var pause: UInt64 = Authority.restartFirstMilliseconds
}

public struct Supervision: Sendable {
    /// A role may be away this long, between its end and its next check-in, before the watchdog starves.
    public static let absenceMilliseconds: UInt64 = 20000

    /// A controller may say nothing for so many ticks of the supervisor in a row: a valve that it was
    /// opening goes on by itself meanwhile.
    public static let silentTicksMaximum = 5

    private var lives: [RoleLife]
    private var silentTicks = 0

    public init() { lives = RoleName.allCases.map { _ in RoleLife() } }

    public subscript(_ role: RoleName) -> RoleLife { lives[Int(role.rawValue)] }

    public mutating func want(_ role: RoleName, now: UInt64) {
        guard self[role].state == .stopped else { return }
        lives[Int(role.rawValue)].state = .waiting(until: now)
        lives[Int(role.rawValue)].checkedInAt = now
    }

    /// The roles whose time to start has come.
    public func due(now: UInt64) -> [RoleName] {
        RoleName.allCases.filter {
            if case .waiting(let until) = self[$0].state { until <= now } else { false }
        }
    }

    public mutating func started(_ role: RoleName, pid: Int32, now: UInt64) {
        lives[Int(role.rawValue)].state = .running(pid: pid)
        lives[Int(role.rawValue)].startedAt = now
        lives[Int(role.rawValue)].hasCheckedIn = false
        if role == .controller { silentTicks = 0 }
    }

    public mutating func checkedIn(_ role: RoleName, now: UInt64) {
        guard case .running = self[role].state else { return }
        lives[Int(role.rawValue)].checkedInAt = now
        lives[Int(role.rawValue)].hasCheckedIn = true
        if role == .controller { silentTicks = 0 }
    }

    /// Whether a controller that runs has fallen silent; call it once a tick. Ticks are counted, not
    /// time, so that a board that was held up as a whole blames nobody.
    public mutating func isControllerSilent() -> Bool {
        let life = self[.controller]
        guard case .running = life.state, life.hasCheckedIn else { return false }
        silentTicks = min(silentTicks + 1, Self.silentTicksMaximum + 1)
        return silentTicks > Self.silentTicksMaximum
    }

    /// The role that this pid was; nil if none. A permanent role is started again after its pause.
    public mutating func ended(pid: Int32, now: UInt64) -> RoleName? {
        for role in RoleName.allCases where self[role].state == .running(pid: pid) {
            var life = self[role]
            life.ends += 1
            if now - life.startedAt >= Authority.restartForgivenMilliseconds { life.pause = Authority.restartFirstMilliseconds }
            life.state = Authority.of(role).isPermanent ? .waiting(until: now + life.pause) : .stopped
            life.pause = min(2 * life.pause, Authority.restartLastMilliseconds)
            lives[Int(role.rawValue)] = life
            return role
        }
        return nil
    }

    public func pid(_ role: RoleName) -> Int32? {
        if case .running(let pid) = self[role].state { pid } else { nil }
    }

    private func isSound(_ role: RoleName, now: UInt64, within: UInt64) -> Bool {
        let life = self[role]
        guard case .running = life.state else { return false }
        return life.hasCheckedIn && now - life.checkedInAt <= within
    }

    /// All permanent roles run and have checked in lately.
    public func allAlive(now: UInt64) -> Bool {
        RoleName.allCases.allSatisfy { !Authority.of($0).isPermanent || isSound($0, now: now, within: Authority.checkInMilliseconds) }
    }

    /// Whether the watchdog may be fed: no role is frozen. One that ended and comes back has its time.
    public func mayFeed(now: UInt64) -> Bool {
        RoleName.allCases.allSatisfy { role in
            let life = self[role]
            if life.state == .stopped { return true }
            if isSound(role, now: now, within: Authority.checkInMilliseconds) { return true }
            let isNew: Bool = if case .running = life.state { !life.hasCheckedIn } else { true }
            return isNew && now - life.checkedInAt <= Self.absenceMilliseconds
        }
    }
}
