// The gate alone, below a logic that has lost its mind: whatever is asked, the valve stays inside.

import Calibration
@testable import Control
import ControlSimulation
import SeededRandom
import Testing

@Suite struct OutputGateTests {
    @Test("P-E1 random requests past the logic: never beyond the envelope, never both lines, rest kept, back in time", arguments: 0..<16)
    func holds(_ seed: Int) throws {
        var random = Seeded(UInt64(seed) + 1000)
        let tick = 50
        let calibration = try tank(maximum: random.within(100...900), maximumOpen: 20_000, rest: random.within(10...400))
        guard case .motorValve(let valve) = calibration.actuators[0].drive else { return }
        var gate = OutputGate(calibration)
        var outputs = [false, false, false]
        var readBacks: [LineReading] = [.low, .low, .low]
        let stroke = Double(random.within(valve.strokeFastestMilliseconds...valve.strokeSlowestMilliseconds))
        var position = Double(random.below(1001)) / 1000
        var (coasting, off, last, openFor) = (0.0, 10_000, 0, 0)
        var bias = 0
        var wasClosed = false
        var opened = 0
        for step in 0..<10_000 {
            if outputs[0] { position += Double(tick) / stroke; coasting = Double(valve.coastMilliseconds) }
            if outputs[1] { position -= Double(tick) / stroke; coasting = 0 }
            if !outputs[0], !outputs[1], coasting > 0 { position += min(coasting, Double(tick)) / stroke; coasting = 0 }
            position = min(1, max(0, position))
            for i in outputs.indices { readBacks[i] = outputs[i] ? .high : .low }
            gate.account(tick, outputs, readBacks)
            if random.oneIn(300) { bias = random.below(4) }
            let requested: [Bool] = switch bias {
            case 0: [true, false, true]
            case 1: [false, true, false]
            case 2: [true, true, true]
            default: [random.oneIn(2), random.oneIn(2), random.oneIn(2)]
            }
            let safeDemanded = random.oneIn(10)
            _ = gate.pass(0, safeDemanded: safeDemanded, requested, &outputs)
            _ = gate.pass(1, safeDemanded: safeDemanded, requested, &outputs)
            let direction = outputs[0] ? 1 : outputs[1] ? -1 : 0
            #expect(!(outputs[0] && outputs[1]))
            #expect(!safeDemanded || !outputs[0] && !outputs[2])
            if direction != 0, last != 0, direction != last { #expect(off >= valve.restMilliseconds, "step \(step)") }
            off = direction == 0 ? off + tick : 0
            if direction != 0 { last = direction }
            wasClosed = wasClosed || position == 0
            if outputs[0] { opened += 1 }
            openFor = position > 0 ? openFor + tick : 0
            if wasClosed { #expect(position <= Double(calibration.actuators[0].envelope.maximumPermille) / 1000 + 1e-9, "step \(step)") }
            #expect(openFor <= calibration.actuators[0].envelope.maximumAwayMilliseconds + valve.strokeSlowestMilliseconds + 2000, "step \(step)")
        }
        #expect(opened > 0)
    }

    @Test("P-E1 a line that reads back as on, though not driven, spends the envelope")
    func readBack() throws {
        let calibration = try tank()
        var gate = OutputGate(calibration)
        var outputs = [false, true, false]
        for _ in 0..<200 { gate.account(50, outputs, [.low, .high, .low]) }
        outputs = [false, false, false]
        for _ in 0..<10 { gate.account(50, outputs, [.low, .low, .low]) }
        #expect(gate.pass(0, safeDemanded: false, [true, false, false], &outputs) == .none)
        outputs = [false, false, false]
        for _ in 0..<80 { gate.account(50, outputs, [.high, .low, .low]) }
        #expect(gate.pass(0, safeDemanded: false, [true, false, false], &outputs) == .openBeyondLimit)
        #expect(outputs == [false, false, false])
    }
}
