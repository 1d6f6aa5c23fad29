import SeededRandom
import Testing
import Backoff

@Suite struct BackoffTests {
    @Test func doublesUpToTheLast() {
        var backoff = Backoff(firstMilliseconds: 1000, lastMilliseconds: 10_000, leastMilliseconds: 100)
        // The longest pause of each step: bound - least is the remainder's maximum.
        for bound in [1000, 2000, 4000, 8000, 10_000, 10_000] as [UInt64] {
            var copy = backoff
            #expect(copy.down(nowMilliseconds: 0, random: bound - 100) == bound)
            #expect(backoff.down(nowMilliseconds: 0, random: 0) == 100)
        }
    }

    @Test("a server that lets us in and throws us out again does not reset it; stable uptime does")
    func stableUptime() {
        var backoff = Backoff(firstMilliseconds: 1000, lastMilliseconds: 64_000, stableMilliseconds: 60_000)
        for i in 0..<5 {
            backoff.up(nowMilliseconds: 1000)
            _ = backoff.down(nowMilliseconds: 1000 + 59_999, random: 0)
            #expect(backoff.failures == i + 1)
        }
        backoff.up(nowMilliseconds: 1000)
        _ = backoff.down(nowMilliseconds: 61_000, random: 0)
        #expect(backoff.failures == 1)
    }

    /// Tries per second of a fleet whose server is away from second 0 to `returns`, and that takes
    /// `capacity` connections a second afterwards.
    func simulate(devices: Int, returns: Int, capacity: Int) -> (tries: [Int], allBackAfterSeconds: Int) {
        var random = Seeded(42)
        var backoffs = [Backoff](repeating: Backoff(), count: devices)
        var due = (0..<devices).map { backoffs[$0].down(nowMilliseconds: 0, random: random.next()) }
        var tries: [Int] = []
        var waiting = devices
        while waiting > 0, tries.count < 3600 {
            let now = tries.count
            var count = 0
            for i in 0..<devices where due[i] < UInt64(now + 1) * 1000 {
                count += 1
                if now >= returns, count <= capacity {
                    due[i] = .max
                    waiting -= 1
                } else {
                    due[i] += backoffs[i].down(nowMilliseconds: due[i], random: random.next())
                }
            }
            tries.append(count)
        }
        return (tries, tries.count - returns)
    }

    @Test("C-D2 ten thousand devices return at once: no herd")
    func herd() {
        let long = simulate(devices: 10_000, returns: 1800, capacity: 500)
        let peak = long.tries[1800...].max()!
        #expect(peak < 200, "after half an hour away: \(peak) tries in the worst second")
        #expect(long.allBackAfterSeconds < 320, "all back after \(long.allBackAfterSeconds) s")
        let short = simulate(devices: 10_000, returns: 2, capacity: 200)
        #expect(short.tries[30...].max()! < 700, "after a blip: \(short.tries[30...].max()!)")
        #expect(short.allBackAfterSeconds < 600, "all back after \(short.allBackAfterSeconds) s")
    }
}
