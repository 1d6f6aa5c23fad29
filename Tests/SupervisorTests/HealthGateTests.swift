// When a release has shown that it is well, told in milliseconds.
@testable import Supervisor
import Testing

private func gate(uplink: Bool = true, isTrial: Bool = true, from: UInt64 = 1000) -> HealthGate {
    HealthGate(uplink ? demands : demandsWithoutUplink, isTrial: isTrial, now: from)
}

private func signs(_ rolesAlive: Bool = true, _ controlHealthy: Bool = true, _ uplinkConnected: Bool = true) -> HealthSigns {
    HealthSigns(rolesAlive: rolesAlive, controlHealthy: controlHealthy, uplinkConnected: uplinkConnected)
}

private func code(_ verdict: HealthVerdict) -> String? { if case .failed(let code, _) = verdict { code } else { nil } }

@Suite struct HealthGateTests {
    @Test("a trial is good after all signs held together for its time, and not a millisecond before")
    func good() {
        var gate = gate()
        #expect(gate.step(signs(), now: 2000) == .waiting)
        #expect(gate.step(signs(), now: 11_999) == .waiting)
        #expect(gate.step(signs(), now: 12_000) == .good)
    }

    @Test("one sign that fails for an instant starts the time anew", arguments: [signs(false), signs(true, false), signs(true, true, false)])
    func restarts(_ bad: HealthSigns) {
        var gate = gate()
        #expect(gate.step(signs(), now: 2000) == .waiting)
        #expect(gate.step(bad, now: 11_000) == .waiting)
        #expect(gate.step(signs(), now: 11_100) == .waiting)
        #expect(gate.step(signs(), now: 21_099) == .waiting)
        #expect(gate.step(signs(), now: 21_100) == .good)
    }

    @Test("past the time-out the missing sign gives its code", arguments: [
        (signs(false, false, false), "roles-not-alive"), (signs(true, false, false), "control-not-healthy"), (signs(true, true, false), "uplink-not-connected"),
    ])
    func failed(_ bad: HealthSigns, _ expected: String) {
        var gate = gate()
        #expect(gate.step(bad, now: 60_999) == .waiting)
        let verdict = gate.step(bad, now: 61_000)
        #expect(code(verdict) == expected)
        // Once given it stays.
        #expect(gate.step(signs(), now: 200_000) == verdict)
        #expect(gate.step(signs(), now: 300_000) == verdict)
    }

    @Test("a verdict of good stays")
    func staysGood() {
        var gate = gate()
        _ = gate.step(signs(), now: 1000)
        #expect(gate.step(signs(), now: 11_000) == .good)
        #expect(gate.step(signs(false), now: 100_000) == .good)
    }

    @Test("signs that hold at the time-out may still make it; ones that do not have failed")
    func late() {
        var gate = gate()
        #expect(gate.step(signs(), now: 60_000) == .waiting)
        #expect(gate.step(signs(), now: 61_000) == .waiting)
        var other = gate
        #expect(gate.step(signs(), now: 70_000) == .good)
        #expect(code(other.step(signs(true, false), now: 61_001)) == "control-not-healthy")
    }

    @Test("P-D1 a release that flaps never becomes good")
    func flaps() {
        var gate = gate()
        var verdict = HealthVerdict.waiting, now: UInt64 = 1000
        while verdict == .waiting, now < 200_000 {
            verdict = gate.step(signs(now / 5000 % 2 == 0), now: now)
            now += 100
        }
        #expect(code(verdict) == "roles-not-alive")
    }

    @Test("the uplink is asked for only where the release demands it")
    func uplinkNotDemanded() {
        var gate = gate(uplink: false)
        _ = gate.step(signs(true, true, false), now: 1000)
        #expect(gate.step(signs(true, true, false), now: 11_000) == .good)
    }

    @Test("P-D1 a release that was good before is held to its roles alone: no jammed valve, no cut wire makes it restart")
    func wasGood() {
        var gate = gate(isTrial: false)
        _ = gate.step(signs(true, false, false), now: 1000)
        #expect(gate.step(signs(true, false, false), now: 11_000) == .good)
        var dead = SupervisorTests.gate(isTrial: false)
        #expect(code(dead.step(signs(false), now: 61_000)) == "roles-not-alive")
    }
}
