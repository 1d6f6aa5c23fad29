// An order's one encoding, and what nobody gets through its decoder.
import Bytes
import Command
import SeededRandom
import Signed
import Testing

let challenge = [UInt8](0..<16)

func order(
    _ action: Action = .setpoint(actuator: "inlet", permille: 300), device: String = "tank-7",
    challenge: [UInt8] = CommandTests.challenge, counter: UInt64 = 1, deadline: UInt64 = 60_000
) -> Command {
    Command(device: device, challenge: challenge, counter: counter, deadlineMilliseconds: deadline, action: action)
}

private let actions: [Action] = [
    .setpoint(actuator: "inlet", permille: 0), .setpoint(actuator: String(repeating: "x", count: Command.nameMaximum), permille: 1000),
    .select(actuator: "inlet", permille: 1000), .renew(actuator: "inlet"), .release(actuator: "inlet"), .phase("filling"),
    .bypass(trip: "level-high", minutes: 0), .bypass(trip: "level-high", minutes: .max), .partialStroke(actuator: "inlet"),
    .calibration(digest: [UInt8](repeating: 0xCA, count: 32)), .update(bundle: "2.bundle"), .update(bundle: "2.bundle", downloadMaximumBytes: 30), .reboot,
] + Role.allCases.map { .kill($0) } + Role.allCases.map { .freeze($0) }

private func decoded(_ bytes: [UInt8]) -> Command? { try? Command(decoding: bytes.span.bytes) }

@Suite struct EncodingTests {
    @Test("every order comes back as it was given")
    func roundTrip() {
        for action in actions {
            for number in [0, 23, 24, 1 << 32, UInt64.max] {
                let command = order(action, counter: number, deadline: number)
                #expect(decoded(command.encoded()) == command)
            }
        }
    }

    @Test("P-S2 every truncation is refused, and so is what follows the end")
    func truncated() {
        for action in actions {
            let bytes = order(action).encoded()
            for length in bytes.indices { #expect(decoded(Array(bytes.prefix(length))) == nil) }
            #expect(decoded(bytes + [0]) == nil)
        }
    }

    @Test("P-S2 a position above the full travel, a short challenge, a long name and an unknown action are refused")
    func bounds() {
        #expect(decoded(order(.setpoint(actuator: "inlet", permille: 1001)).encoded()) == nil)
        #expect(decoded(order(challenge: [UInt8](repeating: 0, count: 15)).encoded()) == nil)
        #expect(decoded(order(challenge: [UInt8](repeating: 0, count: 17)).encoded()) == nil)
        #expect(decoded(order(.select(actuator: "inlet", permille: 1001)).encoded()) == nil)
        #expect(decoded(order(.calibration(digest: [UInt8](repeating: 0, count: 31))).encoded()) == nil)
        #expect(decoded(order(.phase(String(repeating: "p", count: 65))).encoded()) == nil)
        #expect(decoded(order(device: String(repeating: "d", count: 65)).encoded()) == nil)
        #expect(decoded(order(.update(bundle: String(repeating: "b", count: 65))).encoded()) == nil)
        // The last two bytes of a kill are its number and its role.
        let kill = order(.kill(.uplink)).encoded()
        #expect(decoded(kill.dropLast(2) + [12, 2]) == nil)
        #expect(decoded(kill.dropLast() + [4]) == nil)
    }

    @Test("P-S2 no mutation traps the decoder, and what it takes has one encoding only")
    func mutated() {
        var random = Seeded(11)
        var taken = 0
        for round in 0..<20_000 {
            var bytes = order(actions[round % actions.count]).encoded()
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch UInt8.random(in: 0..<4, using: &random) {
                case 0: bytes[at] = .random(in: 0...255, using: &random)
                case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 2: bytes.insert(.random(in: 0...255, using: &random), at: at)
                default: if bytes.count > 1 { bytes.remove(at: at) }
                }
            }
            guard let command = decoded(bytes) else { continue }
            taken += 1
            #expect(command.encoded() == bytes)
        }
        #expect(taken > 1000, "the mutations never reach past the first check")
    }
}
