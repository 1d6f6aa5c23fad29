// When a release has shown that it is well. Pure: the time and what is known come in.
import Bytes
import Release

/// What the gate is asked at each tick.
public struct HealthSigns: Equatable, Sendable {
    /// All permanent roles run and check in.
    public var rolesAlive: Bool
    /// Every actuator is referenced and none is at fault.
    public var controlHealthy: Bool
    public var uplinkConnected: Bool

    public init(rolesAlive: Bool, controlHealthy: Bool, uplinkConnected: Bool) {
        self.rolesAlive = rolesAlive
        self.controlHealthy = controlHealthy
        self.uplinkConnected = uplinkConnected
    }
}

public enum HealthVerdict: Equatable, Sendable {
    case waiting
    case good
    case failed(code: String, text: String)
}

/// All signs must hold together for the release's time; past its time-out it has failed. The verdict,
/// once given, stays.
public struct HealthGate: Sendable {
    private let aliveMilliseconds: UInt64
    private let timeoutMilliseconds: UInt64
    private let isTrial: Bool
    private let uplinkDemanded: Bool
    private let startedAt: UInt64
    private var soundSince: UInt64?
    private var verdict: HealthVerdict = .waiting

    /// - isTrial: a release that was good before is held to its roles alone: neither a broker that is down
    ///   nor a valve that is jammed must make a sound board restart.
    public init(_ demands: Release.HealthGate, isTrial: Bool, now: UInt64) {
        aliveMilliseconds = UInt64(demands.aliveMilliseconds)
        timeoutMilliseconds = UInt64(demands.timeoutMilliseconds)
        self.isTrial = isTrial
        uplinkDemanded = demands.uplinkDemanded
        startedAt = now
    }

    public mutating func step(_ signs: HealthSigns, now: UInt64) -> HealthVerdict {
        guard verdict == .waiting else { return verdict }
        let missing: (code: String, text: String)? =
            if !signs.rolesAlive { ("roles-not-alive", "a role does not stay alive") }
            else if isTrial && !signs.controlHealthy { ("control-not-healthy", "the controller does not reach a healthy state") }
            else if isTrial && uplinkDemanded && !signs.uplinkConnected { ("uplink-not-connected", "no session with the broker, which this release demands") }
            else { nil }
        if let missing {
            soundSince = nil
            if now - startedAt >= timeoutMilliseconds {
                verdict = .failed(code: missing.code, text: "\(missing.text), within \(timeoutMilliseconds) ms")
            }
            return verdict
        }
        let since = soundSince ?? now
        soundSince = since
        if now - since >= aliveMilliseconds { verdict = .good }
        return verdict
    }
}
