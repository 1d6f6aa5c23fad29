// What one role may say to another: it comes back as it was said, and nothing else gets through.
import Authority
import Bytes
import Control
import SeededRandom
import Testing

private func written<M: Message>(_ message: M) -> [UInt8] {
    var writer = CBORWriter()
    message.encode(into: &writer)
    return writer.bytes
}

/// Each message as its bytes, and how those are decoded and encoded again; nil if they are refused.
private struct Spoken {
    let name: String
    let bytes: [UInt8]
    let again: ([UInt8]) -> [UInt8]?
    let isEqual: Bool

    init<M: Message & Equatable>(_ message: M) {
        let bytes = written(message)
        name = "\(M.self).\("\(message)".prefix(60))"
        self.bytes = bytes
        again = { bytes in (try? decode(M.self, bytes.span.bytes)).map { written($0) } }
        isEqual = (try? decode(M.self, bytes.span.bytes)) == message
    }
}

private let word = "slot-refused", longest = String(repeating: "x", count: MessageLimit.text)
private func filled(_ count: Int) -> [UInt8] { [UInt8](repeating: 0xA5, count: count) }

private let orders: [Order] = [
    .setpoint(actuator: 15, permille: 1000), .select(actuator: 255, permille: 65535), .renew(actuator: 0), .release(actuator: 1), .phase(7),
    .bypass(trip: 31, minutes: 1440), .partialStroke(actuator: 3),
]

private func everything() -> [Spoken] {
    ([.document(.keySet, []), .document(.hardwareAddress, filled(MessageLimit.document)), .begin, .peer(.installer, alive: true),
      .peer(.controller, alive: false), .networkReady, .event(code: word, text: longest), .proceed, .restarting,
      .findContentKey(keys: filled(MessageLimit.bundleKeys)), .contentKey(filled(32)), .contentKey([]),
      .calibrationRefused(code: word, text: longest)] as [SupervisorMessage]).map { Spoken($0) }
    + roleMessages.map { Spoken($0) }
    + ([.heartbeat] + orders.map { .request(id: .max, $0, issuers: .max) } as [KeeperToController]).map { Spoken($0) }
    + ([.point(index: 3, value: .min, quality: 2), .sampled(monotonicMilliseconds: 1), .event(code: 0xFFFF, index: 255, value: -1),
        .outcome(id: 0, code: 7), .actuator(index: 15, mode: 2, issuers: .max, firstOut: 255, fault: 46),
        .standing(phase: 7, bypasses: .max)] as [ControllerToKeeper]).map { Spoken($0) }
    + ([.will(filled(20)), .record(sequence: 1 << 40, topic: .receipt, payload: filled(MessageLimit.record)), .signature(filled(64)),
        .signature([])] as [KeeperToUplink]).map { Spoken($0) }
    + ([.session(true), .session(false), .delivered(sequence: 24), .object(filled(MessageLimit.object)), .sign(digest: filled(32))] as [UplinkToKeeper]).map { Spoken($0) }
    + ([.fetch(path: "/bundles/2.bundle", offset: 65536, length: .max), .credit] as [InstallerToUplink]).map { Spoken($0) }
    + ([.chunk(offset: 4096, filled(MessageLimit.chunk)), .fetched, .failed(code: word, text: longest, again: true)] as [UplinkToInstaller]).map { Spoken($0) }
    + [Spoken(InstallOrder(path: "/bundles/2.bundle", floor: 9))]
}

@Suite struct MessageTests {
    @Test("every message of every channel comes back as it was said, in one packet")
    func roundTrip() {
        for message in everything() {
            #expect(message.isEqual, "\(message.name)")
            let isSame = message.again(message.bytes) == message.bytes
            #expect(isSame, "\(message.name)")
            // The greatest packet that a channel carries (module System, Channel.packetMaximum).
            #expect(message.bytes.count <= 16384, "\(message.name)")
        }
    }

    @Test("P-E2 every truncation of every message is refused, and so is what follows its end")
    func truncated() {
        for message in everything() {
            // Of long ones the first 100 lengths and the last.
            for length in 0..<message.bytes.count where length < 100 || length == message.bytes.count - 1 {
                let isRefused = message.again(Array(message.bytes.prefix(length))) == nil
                #expect(isRefused, "\(message.name), \(length) bytes")
            }
            let isRefused = message.again(message.bytes + [0]) == nil
            #expect(isRefused, "\(message.name)")
        }
    }

    @Test("P-E2 no mutation traps a decoder, and what one takes has one encoding only")
    func mutated() {
        let spoken = everything()
        var random = Seeded(5)
        var taken = 0
        for message in spoken {
            for _ in 0..<400 {
                var bytes = message.bytes
                for _ in 0...Int.random(in: 0..<3, using: &random) {
                    // Heads are where a decoder decides.
                    let at = Int.random(in: 0..<min(bytes.count, 24), using: &random)
                    switch UInt8.random(in: 0..<4, using: &random) {
                    case 0: bytes[at] = .random(in: 0...255, using: &random)
                    case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    case 2: bytes.insert(.random(in: 0...255, using: &random), at: at)
                    default: if bytes.count > 1 { bytes.remove(at: at) }
                    }
                }
                // Each decoder hears each channel: a confused peer is as good as a hostile one.
                for other in [message, spoken[Int.random(in: 0..<spoken.count, using: &random)]] {
                    guard let again = other.again(bytes) else { continue }
                    taken += 1
                    let isSame = again == bytes
                    #expect(isSame, "\(other.name) took \(hexadecimal(Array(bytes.prefix(32))))")
                }
            }
        }
        #expect(taken > 100, "the mutations never reach past the first check")
    }

    @Test("P-E2 noise is refused without a trap")
    func noise() {
        let spoken = everything()
        var random = Seeded(6)
        for length in 0..<200 {
            let bytes = random.bytes(length)
            for message in spoken { if let again = message.again(bytes) { #expect(again == bytes) } }
        }
    }

    @Test("a text, document, chunk or object over its maximum is refused")
    func maxima() {
        func refused<M: Message>(_ message: M) -> Bool { (try? decode(M.self, written(message).span.bytes)) == nil }
        #expect(refused(SupervisorMessage.document(.board, filled(MessageLimit.document + 1))))
        #expect(refused(SupervisorMessage.event(code: word, text: longest + "x")))
        #expect(refused(RoleMessage.event(code: String(repeating: "x", count: 65), text: "")))
        #expect(refused(RoleMessage.update(path: String(repeating: "x", count: 129))))
        #expect(refused(RoleMessage.installing(release: String(repeating: "x", count: 65))))
        #expect(refused(RoleMessage.lease(address: filled(16), prefixLength: 24, router: filled(4))))
        #expect(refused(KeeperToUplink.record(sequence: 1, topic: .data, payload: filled(MessageLimit.record + 1))))
        #expect(refused(KeeperToUplink.signature(filled(65))))
        #expect(refused(UplinkToKeeper.object(filled(MessageLimit.object + 1))))
        #expect(refused(RoleMessage.retained(filled(MessageLimit.retained + 1))))
        #expect(refused(RoleMessage.calibration(filled(MessageLimit.document + 1))))
        #expect(refused(RoleMessage.calibrationInForce(digest: filled(31))))
        #expect(refused(UplinkToKeeper.sign(digest: filled(31))))
        #expect(refused(UplinkToInstaller.chunk(offset: 0, filled(MessageLimit.chunk + 1))))
        #expect(refused(InstallerToUplink.fetch(path: String(repeating: "x", count: 129), offset: 0, length: 1)))
    }

    @Test("P-E1 the keeper's channel to the controller knows a heartbeat and seven orders, nothing that could widen an envelope")
    func controllerHearsTwoMessages() {
        var heard: Set<UInt8> = [], kinds: Set<UInt8> = []
        for type in UInt8.min...UInt8.max {
            for fields in 0..<8 {
                for kind in 0...24 as ClosedRange<UInt8> {
                    // The number of the order, its kind, subject, value and issuers.
                    var writer = CBORWriter()
                    writer.array(1 + fields); writer.unsigned(UInt64(type))
                    for field in 0..<fields { writer.unsigned(field == 1 ? UInt64(kind) : 0) }
                    guard let message = try? decode(KeeperToController.self, writer.bytes.span.bytes) else { continue }
                    heard.insert(type)
                    if case .request = message { kinds.insert(kind) }
                }
            }
        }
        #expect(heard == [0, 1])
        #expect(kinds == Set(0...6))
    }
}
