// A keeper that lies: whatever it says on its channel, the machine stays inside its envelope.
import Authority
import Bytes
import Calibration
import Control
import ControlSimulation
import SeededRandom
import Testing

/// What a keeper that is another's may say: mostly orders that look like orders.
private struct Liar {
    var random: Seeded
    /// For a stretch it wants one thing: the valve as far open as it goes.
    var pushes = false

    mutating func packet() -> [UInt8] {
        switch random.next() % 8 {
        case 0: return random.bytes(Int(random.next() % 40))
        case 1:
            var bytes = spoken(message())
            if !bytes.isEmpty { bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next()) }
            return bytes
        default: return spoken(message())
        }
    }

    private func spoken(_ message: KeeperToController) -> [UInt8] {
        var writer = CBORWriter()
        message.encode(into: &writer)
        return writer.bytes
    }

    private mutating func message() -> KeeperToController {
        let issuers: UInt32 = [0, 1, 3, 0xFFFF_FFFF, UInt32(truncatingIfNeeded: random.next())][Int(random.next() % 5)]
        return .request(id: random.next() % 3, order(), issuers: issuers)
    }

    private mutating func order() -> Order {
        let subject = [0, 0, 0, 1, 2, 31, 255][Int(random.next() % 7)]
        if pushes, random.next() % 64 > 0 { return .setpoint(actuator: 0, permille: [500, 501, 1000, 65535][Int(random.next() % 4)]) }
        let value = [0, 1, 49, 50, 500, 501, 1000, 65535, Int(random.next() % 1001)][Int(random.next() % 9)]
        return switch random.next() % 9 {
        case 0, 1, 2: .setpoint(actuator: subject, permille: value)
        case 3: .select(actuator: subject, permille: value)
        case 4: .renew(actuator: subject)
        case 5: .release(actuator: subject)
        case 6: .phase(subject)
        case 7: .bypass(trip: subject, minutes: value)
        default: .partialStroke(actuator: subject)
        }
    }
}

@Suite struct LyingKeeperTests {
    @Test("P-E1 P-S2 a keeper that lies moves no valve past its limit, stops no trip and traps nothing", arguments: 0..<8 as Range<UInt64>)
    func lies(seed: UInt64) throws {
        var liar = Liar(random: Seeded(seed))
        var content = try tank().content
        content.trips[0].isEssential = true
        let machine = Machine(try Calibration(content))
        machine.outflow = 0.5
        machine.run(12_000)
        var (taken, refused, furthest, trips) = (0, 0, 0.0, 0)
        var highFor = 0
        for step in 0..<6000 {
            if step % 500 == 0 { liar.pushes = step % 1000 == 0 }
            // A flood: many more packets than one step takes. They are decoded and handed on as the controller does.
            for _ in 0..<12 {
                guard let message = try? decode(KeeperToController.self, liar.packet().span.bytes), case .request(let id, let order, let issuers) = message else {
                    refused += 1
                    continue
                }
                if machine.inputs.add(Request(identifier: id, order: order, issuers: issuers)) { taken += 1 }
            }
            machine.step(50)
            furthest = max(furthest, machine.position)
            #expect(machine.outcomes.count <= Inputs.requestsMaximum)
            #expect(!(machine.outputs[0] && machine.outputs[1]))
            // Once the tank is high the valve is not opened any more, and is closed within its slowest travel.
            highFor = machine.level >= 90 ? highFor + 50 : 0
            if highFor >= 200 { #expect(!machine.outputs[0], "opening at level \(machine.level)") }
            if highFor >= 10_000 { #expect(machine.position < 0.02) }
            // Somebody at the machine resets it once the tank is lower: no order can.
            if machine.isTripped, machine.level < 80 {
                trips += 1
                machine.press(800)
            }
        }
        #expect(furthest <= 0.5, "\(furthest)")
        // It was brought to where the limit and the trip count.
        #expect(furthest > 0.4 && trips > 0, "\(furthest) \(trips)")
        #expect(taken > 10_000 && refused > 1000)
        print("a keeper that lies, seed \(seed): \(taken) orders, \(refused) packets refused, \(trips) trips, at most \(Int(furthest * 1000)) permille")
    }

    @Test("P-E1 a keeper that only says heartbeats, or nothing at all, holds no actuator away from safe")
    func silent() throws {
        let machine = Machine(try tank())
        machine.run(12_000)
        #expect(machine.command(400) == .none)
        machine.run(5000)
        #expect(machine.position > 0.3)
        machine.run(15_000, heartbeat: false)
        #expect(machine.position < 0.02)
    }
}
