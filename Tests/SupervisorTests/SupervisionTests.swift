// The life of the roles, told in milliseconds: restarts, pauses, and when the watchdog goes hungry.
import Authority
@testable import Supervisor
import Testing

private let permanent = RoleName.allCases.filter { Authority.of($0).isPermanent }

/// All permanent roles wanted at `from`, started and checked in a little later, with pids from 100 on.
private func allRunning(from: UInt64 = 1000) -> Supervision {
    var supervision = Supervision()
    for role in permanent {
        supervision.want(role, now: from)
        supervision.started(role, pid: pid(role), now: from + 10)
        supervision.checkedIn(role, now: from + 20)
    }
    return supervision
}

private func pid(_ role: RoleName, life: Int32 = 0) -> Int32 { 100 + Int32(role.rawValue) + 10 * life }

extension Supervision {
    /// The others go on checking in every 500 ms up to `until`; false as soon as the watchdog starves.
    fileprivate mutating func othersGoOn(without silent: RoleName, from: UInt64, until: UInt64) -> Bool {
        var now = from
        while now <= until {
            for role in permanent where role != silent { checkedIn(role, now: now) }
            if !mayFeed(now: now) { return false }
            now += 500
        }
        return true
    }
}

@Suite struct SupervisionTests {
    @Test("a role that is wanted is due at once, and only until it is started")
    func start() {
        var supervision = Supervision()
        #expect(supervision.due(now: .max) == [])
        supervision.want(.keeper, now: 50)
        #expect(supervision.due(now: 49) == [])
        #expect(supervision.due(now: 50) == [.keeper])
        supervision.started(.keeper, pid: 7, now: 51)
        #expect(supervision.due(now: .max) == [])
        #expect(supervision.pid(.keeper) == 7)
        // Wanted once more: nothing changes.
        supervision.want(.keeper, now: 60)
        #expect(supervision.pid(.keeper) == 7)
    }

    @Test("P-E1 a controller that falls silent is noticed after so many ticks, whatever the clock says")
    func silence() {
        var supervision = allRunning()
        for _ in 0..<3 {
            for _ in 0..<Supervision.silentTicksMaximum {
            let isSilent = supervision.isControllerSilent()
            #expect(!isSilent)
        }
            supervision.checkedIn(.controller, now: 3000)
        }
        for _ in 0..<Supervision.silentTicksMaximum {
            let isSilent = supervision.isControllerSilent()
            #expect(!isSilent)
        }
        for _ in 0..<100 {
            let isSilent = supervision.isControllerSilent()
            #expect(isSilent)
        }
        supervision.checkedIn(.controller, now: 4000)
        let isSilent = supervision.isControllerSilent()
        #expect(!isSilent)
        // One that ended, or has not spoken yet, is not silent: its outputs are safe already.
        #expect(supervision.ended(pid: pid(.controller), now: 5000) == .controller)
        for _ in 0..<20 {
            let isSilent = supervision.isControllerSilent()
            #expect(!isSilent)
        }
        supervision.started(.controller, pid: 999, now: 6000)
        for _ in 0..<20 {
            let isSilent = supervision.isControllerSilent()
            #expect(!isSilent)
        }
    }

    @Test("the pause before a restart doubles from the first to the last, and is never longer")
    func backoff() {
        var supervision = allRunning()
        var now: UInt64 = 2000, expected = Authority.restartFirstMilliseconds, life: Int32 = 0
        var pauses: [UInt64] = []
        for _ in 0..<12 {
            #expect(supervision.ended(pid: pid(.uplink, life: life), now: now) == .uplink)
            #expect(supervision[.uplink].state == .waiting(until: now + expected))
            #expect(!supervision.due(now: now + expected - 1).contains(.uplink))
            #expect(supervision.due(now: now + expected).contains(.uplink))
            pauses.append(expected)
            now += expected
            life += 1
            supervision.started(.uplink, pid: pid(.uplink, life: life), now: now)
            now += 1000
            expected = min(2 * expected, Authority.restartLastMilliseconds)
        }
        #expect(pauses.prefix(6) == [200, 400, 800, 1600, 3200, 6400])
        #expect(pauses.last == Authority.restartLastMilliseconds)
        #expect(supervision[.uplink].ends == 12)
    }

    @Test("a role that ran long enough is forgiven; a millisecond less is not")
    func forgiveness() {
        for (ran, pause) in [(Authority.restartForgivenMilliseconds, Authority.restartFirstMilliseconds), (Authority.restartForgivenMilliseconds - 1, 8 * Authority.restartFirstMilliseconds)] {
            var supervision = allRunning()
            var now: UInt64 = 2000
            for life in 0..<3 as Range<Int32> {
                #expect(supervision.ended(pid: pid(.keeper, life: life), now: now) == .keeper)
                supervision.started(.keeper, pid: pid(.keeper, life: life + 1), now: now)
                now += 100
            }
            now = supervision[.keeper].startedAt + ran
            #expect(supervision.ended(pid: pid(.keeper, life: 3), now: now) == .keeper)
            #expect(supervision[.keeper].state == .waiting(until: now + pause))
        }
    }

    @Test("P-D1 a frozen role starves the watchdog as soon as its check-in is overdue, however well the others are", arguments: permanent)
    func frozen(_ role: RoleName) {
        var supervision = allRunning()
        let last: UInt64 = 1020
        for other in permanent where other != role { supervision.checkedIn(other, now: last + Authority.checkInMilliseconds) }
        #expect(supervision.mayFeed(now: last + Authority.checkInMilliseconds))
        #expect(supervision.allAlive(now: last + Authority.checkInMilliseconds))
        #expect(!supervision.mayFeed(now: last + Authority.checkInMilliseconds + 1))
        #expect(!supervision.allAlive(now: last + Authority.checkInMilliseconds + 1))
        // It thawed before the watchdog bit.
        supervision.checkedIn(role, now: last + Authority.checkInMilliseconds + 2)
        #expect(supervision.mayFeed(now: last + Authority.checkInMilliseconds + 2))
    }

    @Test("a role that ended has its time to come back, and no more", arguments: permanent)
    func absent(_ role: RoleName) {
        var supervision = allRunning()
        let last: UInt64 = 1020
        #expect(supervision.ended(pid: pid(role), now: last) == role)
        #expect(!supervision.allAlive(now: last))
        let end = last + Supervision.absenceMilliseconds
        let isFed = supervision.othersGoOn(without: role, from: last, until: end)
        #expect(isFed)
        let isFedLonger = supervision.othersGoOn(without: role, from: end + 1, until: end + 1)
        #expect(!isFedLonger)
    }

    @Test("a role that ends again and again before it checks in starves the watchdog: starting is not living")
    func crashLoop() {
        var supervision = allRunning()
        var now: UInt64 = 1020, life: Int32 = 0
        let last = now
        while supervision.mayFeed(now: now), now < 120_000 {
            for role in permanent where role != .controller { supervision.checkedIn(role, now: now) }
            if let running = supervision.pid(.controller) {
                _ = supervision.ended(pid: running, now: now)
            } else if supervision.due(now: now).contains(.controller) {
                life += 1
                supervision.started(.controller, pid: pid(.controller, life: life), now: now)
            }
            now += 100
        }
        #expect(life > 3)
        #expect(now > last + Supervision.absenceMilliseconds && now <= last + Supervision.absenceMilliseconds + 100)
    }

    @Test("a role that came back counts as alive only after it has checked in")
    func cameBack() {
        var supervision = allRunning()
        #expect(supervision.ended(pid: pid(.keeper), now: 2000) == .keeper)
        supervision.started(.keeper, pid: 300, now: 2200)
        #expect(!supervision.allAlive(now: 2201))
        #expect(supervision.mayFeed(now: 2201))
        supervision.checkedIn(.keeper, now: 2300)
        #expect(supervision.allAlive(now: 2301))
    }

    @Test("the installer is started when wanted, is not started again, and does not hold the release's health")
    func installer() {
        var supervision = allRunning()
        #expect(supervision.allAlive(now: 1100))
        supervision.want(.installer, now: 1100)
        supervision.started(.installer, pid: 500, now: 1110)
        #expect(supervision.allAlive(now: 1120))
        #expect(supervision.ended(pid: 500, now: 1200) == .installer)
        #expect(supervision[.installer].state == .stopped)
        #expect(supervision.due(now: .max - 1) == [])
        #expect(supervision.mayFeed(now: 1200))
        supervision.want(.installer, now: 1300)
        #expect(supervision.due(now: 1300) == [.installer])
    }

    @Test("P-D1 an installer that freezes starves the watchdog as the others do")
    func installerFrozen() {
        var supervision = allRunning()
        supervision.want(.installer, now: 1100)
        supervision.started(.installer, pid: 500, now: 1110)
        supervision.checkedIn(.installer, now: 1120)
        let limit = 1120 + Authority.checkInMilliseconds
        for role in permanent { supervision.checkedIn(role, now: limit) }
        #expect(supervision.mayFeed(now: limit))
        #expect(!supervision.mayFeed(now: limit + 1))
    }

    @Test("a pid that is nobody's, or was a role's in an earlier life, ends nobody")
    func stalePid() {
        var supervision = allRunning()
        #expect(supervision.ended(pid: 1, now: 2000) == nil)
        #expect(supervision.ended(pid: pid(.uplink), now: 2000) == .uplink)
        #expect(supervision.ended(pid: pid(.uplink), now: 2001) == nil)
        supervision.started(.uplink, pid: 900, now: 2300)
        #expect(supervision.ended(pid: pid(.uplink), now: 2400) == nil)
        #expect(supervision.pid(.uplink) == 900)
        #expect(supervision[.uplink].ends == 1)
    }

    @Test("a check-in that was still queued when its role ended revives nobody")
    func lateCheckIn() {
        var supervision = allRunning()
        #expect(supervision.ended(pid: pid(.keeper), now: 2000) == .keeper)
        supervision.checkedIn(.keeper, now: 9000)
        #expect(supervision[.keeper].checkedInAt == 1020)
        #expect(!supervision.allAlive(now: 9001))
    }
}
