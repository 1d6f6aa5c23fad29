// A flood costs a counter: what is let through of it, and how often it is spoken of.
@testable import Keeper
import Backoff
import Testing

@Suite struct AllowanceTests {
    @Test("a burst passes, then one refusal is told, the rest is silent")
    func burst() {
        var allowance = Allowance(burst: 20, perMinute: 300)
        for _ in 0..<20 { #expect(allowance.take(now: 0) == .granted) }
        #expect(allowance.take(now: 0) == .firstRefusal)
        for _ in 0..<1000 { #expect(allowance.take(now: 0) == .refused) }
    }

    @Test("P-D1 of a flood of hours no more passes than the burst and the rate, and each flood is told once")
    func flood() {
        var allowance = Allowance(burst: 20, perMinute: 300)
        var granted: UInt64 = 0, told = 0
        let minutes: UInt64 = 120
        for now in stride(from: 0, to: minutes * 60_000, by: 7) {
            switch allowance.take(now: UInt64(now)) {
            case .granted: granted += 1
            case .firstRefusal: told += 1
            case .refused: break
            }
        }
        #expect(granted <= 20 + minutes * 300)
        // It is a rate, not a ban: most of the allowance is there for who comes.
        #expect(granted >= minutes * 300 * 8 / 10)
        #expect(told == 1)
    }

    @Test("P-S2 after a flood an operator gets through, and the next flood is told again")
    func recovers() {
        var allowance = Allowance(burst: 8, perMinute: 30)
        for _ in 0..<8 { #expect(allowance.take(now: 0) == .granted) }
        #expect(allowance.take(now: 0) == .firstRefusal)
        #expect(allowance.take(now: 1999) == .refused)
        #expect(allowance.take(now: 2000) == .granted)
        #expect(allowance.take(now: 2000) == .refused)
        // A minute of quiet fills it, and never above its burst.
        for _ in 0..<8 { #expect(allowance.take(now: 600_000) == .granted) }
        #expect(allowance.take(now: 600_000) == .firstRefusal)
    }

    @Test("one that asks below the rate is never refused")
    func below() {
        var allowance = Allowance(burst: 8, perMinute: 30)
        for index in 0..<500 as Range<UInt64> { #expect(allowance.take(now: index * 2000) == .granted) }
    }
}
