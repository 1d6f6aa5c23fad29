import Authority
import Bytes
import Foundation
import Rig
import System
import Testing
@testable import Uplink

/// One after the other: the end of a rig ends all children of this process.
@Suite(.serialized) struct UplinkTests {}

extension UplinkTests {
    @Suite(.serialized) struct BrokerTests {
        @Test("birth, then records in the keeper's order; each delivery comes back by its sequence")
        func delivers() throws {
            try withWorld { world in
                #expect(world.connect())
                #expect(world.supervisor.wait { $0 == .connected(true) } != nil)
                let start = world.rig.observer.nextMessage
                // What comes before the birth belongs to an earlier session.
                world.keeper.send(.record(sequence: 99, topic: .data, payload: [99]))
                world.keeper.send(.record(sequence: 0, topic: .birth, payload: [0xB1]))
                for i in 1...200 as ClosedRange<UInt64> { world.keeper.send(.record(sequence: i, topic: i % 7 == 0 ? .event : .data, payload: [UInt8(i)])) }
                for i in 1...200 as ClosedRange<UInt64> { #expect(world.keeper.wait { $0 == .delivered(sequence: i) } != nil) }
                #expect(world.keeper.all.isEmpty, "\(world.keeper.all)")
                #expect(world.rig.observer.wait(since: start, timeoutSeconds: 10) { $0.payload == [200] } != nil)
                let messages = world.rig.observer.messages(since: start)
                #expect(messages.first?.topic == "penstock/board-1/birth")
                #expect(messages.dropFirst().map { $0.payload[0] } == Array(1...200))
                #expect(messages[7].kind == "event" && messages.allSatisfy { $0.qualityOfService == 1 })
                // At rest it wakes only to check in.
                let before = world.wakeUps
                Thread.sleep(forTimeInterval: 3)
                #expect(world.wakeUps - before < 3 * 3, "\(world.wakeUps - before) wake-ups in 3 s")
                #expect(world.supervisor.all.filter { $0 == .checkIn }.count >= 3)
            }
        }

        @Test("objects of the command topic reach the keeper as they are; too large ones and other topics do not")
        func objects() throws {
            try withWorld { world in
                #expect(world.connect())
                let object = (0..<MessageLimit.object).map { UInt8(truncatingIfNeeded: $0 * 7) }
                try world.rig.observer.publish("penstock/board-1/command", object)
                #expect(world.keeper.wait { $0 == .object(object) } != nil)
                try world.rig.observer.publish("penstock/board-1/command", [UInt8](repeating: 1, count: MessageLimit.object + 1))
                try world.rig.observer.publish("penstock/board-1/command", [])
                #expect(world.keeper.wait { $0 == .object([]) } != nil)
                #expect(world.keeper.all.isEmpty)
            }
        }

        @Test("G-D a flood of objects is slowed down at the broker, and nothing of it is lost or reordered")
        func flood() throws {
            try withWorld { world in
                #expect(world.connect())
                let began = Date()
                for i in 0..<60 as Range<UInt8> { try world.rig.observer.publish("penstock/board-1/command", [i]) }
                for i in 0..<60 as Range<UInt8> { #expect(world.keeper.wait(seconds: 20) { $0 == .object([i]) } != nil) }
                #expect(Date().timeIntervalSince(began) > Double(60 - Int(Pace.burst)) / Double(Pace.perSecond) - 1)
                // Records pass meanwhile and afterwards.
                world.keeper.send(.record(sequence: 0, topic: .birth, payload: [1]))
                world.keeper.send(.record(sequence: 5, topic: .data, payload: [2]))
                #expect(world.keeper.wait { $0 == .delivered(sequence: 5) } != nil)
            }
        }

        @Test("P-D1 the broker goes and comes back: a new session, and what was not delivered is the keeper's to send again")
        func brokerAway() throws {
            try withWorld { world in
                #expect(world.connect())
                world.keeper.send(.record(sequence: 0, topic: .birth, payload: [1]))
                world.keeper.send(.record(sequence: 1, topic: .data, payload: [1]))
                #expect(world.keeper.wait { $0 == .delivered(sequence: 1) } != nil)
                world.rig.broker.stop()
                #expect(world.keeper.wait { $0 == .session(false) } != nil)
                #expect(world.supervisor.wait { $0 == .connected(false) } != nil)
                world.keeper.send(.record(sequence: 2, topic: .data, payload: [2]))
                try world.rig.broker.start(world.rig.serverIdentity)
                #expect(world.keeper.wait(seconds: 20) { $0 == .session(true) } != nil)
                #expect(world.keeper.all.isEmpty, "nothing counts as delivered without a session")
                world.keeper.send(.record(sequence: 0, topic: .birth, payload: [1]))
                world.keeper.send(.record(sequence: 2, topic: .data, payload: [2]))
                #expect(world.keeper.wait { $0 == .delivered(sequence: 2) } != nil)
            }
        }

        @Test("P-D1 the line is cut: the broker publishes the will")
        func will() throws {
            try withWorld { world in
                #expect(world.connect())
                let start = world.rig.observer.nextMessage
                world.rig.brokerCable.condition = .cut
                #expect(world.rig.observer.wait(since: start, timeoutSeconds: 10) { $0.topic == "penstock/board-1/death" }?.payload == [0xDE, 0xAD])
                #expect(world.keeper.wait { $0 == .session(false) } != nil)
                world.rig.brokerCable.condition = .whole
                #expect(world.keeper.wait(seconds: 20) { $0 == .session(true) } != nil)
            }
        }

        @Test("a keeper that is gone ends the session by its will; its successor gets a new one")
        func keeperGone() throws {
            try withWorld { world in
                #expect(world.connect())
                let start = world.rig.observer.nextMessage
                world.supervisor.send(.peer(.keeper, alive: false))
                #expect(world.rig.observer.wait(since: start, timeoutSeconds: 10) { $0.kind == "death" } != nil)
                Thread.sleep(forTimeInterval: 1)
                #expect(world.keeper.all.isEmpty)
                world.keeper.send(.will([2]))
                #expect(world.keeper.wait { $0 == .session(true) } != nil)
            }
        }

        @Test("P-I2 a man in the middle with another authority, and a keeper that does not sign: no session, and the reason is told once")
        func refusals() throws {
            try withWorld { world in
                let rogue = try world.rig.rogueAuthority.server([Rig.brokerName], file: "rogue")
                try world.rig.broker.start(rogue)
                #expect(!world.connect(seconds: 1))
                #expect(world.event("tls-authority-unknown"))
                Thread.sleep(forTimeInterval: 2)
                #expect(!world.event("tls-authority-unknown", seconds: 0.1))
                try world.rig.broker.start(world.rig.serverIdentity)
                #expect(world.keeper.wait(seconds: 20) { $0 == .session(true) } != nil)
            }
            try withWorld(signs: false) { world in
                #expect(!world.connect(seconds: 1))
                #expect(world.event("tls-signature-refused"))
            }
        }

        @Test("name servers that are silent or talk nonsense; then one that answers")
        func names() throws {
            try withWorld { world in
                world.rig.names.behaviour = .garbage
                world.keeper.send(.will([1]))
                world.supervisor.send(.networkReady)
                #expect(world.event("dns-no-answer", seconds: 20))
                world.rig.names.behaviour = .answers
                #expect(world.keeper.wait(seconds: 20) { $0 == .session(true) } != nil)
            }
        }

        @Test("a message that is not in the table ends the uplink")
        func malformed() throws {
            try withWorld { world in
                let bytes: [UInt8] = [0x81, 0x18, 0x63]
                _ = try sendPacket(bytes.span.bytes, on: world.keeper.channel)
                for _ in 0..<100 where world.ended == nil { Thread.sleep(forTimeInterval: 0.05) }
                #expect(world.ended?.hasPrefix("uplink-message-malformed") == true)
            }
        }
    }
}

extension UplinkTests {
    @Suite(.serialized) struct BundleTests {
        static let file = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }

        /// Plays the installer for one fetch: gives a credit for each chunk.
        func fetch(_ world: World, _ path: String, _ range: Range<Int>, each: (Int) -> Void = { _ in }) -> (bytes: [UInt8], end: UplinkToInstaller?) {
            world.installer.send(.fetch(path: path, offset: UInt64(range.lowerBound), length: UInt32(range.count)))
            var bytes: [UInt8] = []
            while let message = world.installer.wait(seconds: 20, { _ in true }) {
                guard case .chunk(let offset, let chunk) = message else { return (bytes, message) }
                #expect(offset == UInt64(range.lowerBound + bytes.count))
                bytes += chunk
                each(bytes.count)
                world.installer.send(.credit)
            }
            return (bytes, nil)
        }

        @Test("ranges arrive whole and in full chunks over one connection; the window holds the server back")
        func ranges() throws {
            try withWorld { world in
                try world.rig.updates.serve(Self.file, as: "bundles/b")
                world.supervisor.send(.networkReady)
                // Without credits only the window's chunks come.
                world.installer.send(.fetch(path: "/bundles/b", offset: 0, length: 1_000_000))
                Thread.sleep(forTimeInterval: 1.5)
                #expect(world.installer.all.count == InstallerToUplink.window)
                var bytes: [UInt8] = []
                while case .chunk(_, let chunk)? = world.installer.wait({ _ in true }) {
                    bytes += chunk
                    world.installer.send(.credit)
                }
                #expect(bytes == Self.file)
                for range in [0..<1, 100..<900_000, 999_999..<1_000_000] {
                    let (bytes, end) = fetch(world, "/bundles/b", range)
                    #expect(bytes == Array(Self.file[range]) && end == .fetched)
                }
                // The server notes a request once it has answered it.
                for _ in 0..<500 where world.rig.updates.requests.count < 4 { Thread.sleep(forTimeInterval: 0.01) }
                #expect(world.rig.updates.requests.count == 4)
                #expect(world.rig.updateCable.connections.made == 1)
            }
        }

        @Test("what is not there, not below the folder, or too short is refused for good")
        func refusals() throws {
            try withWorld { world in
                try world.rig.updates.serve(Self.file, as: "bundles/b")
                try world.rig.updates.serve([1], as: "secret")
                world.supervisor.send(.networkReady)
                for (path, code) in [("/bundles/absent", "http-status"), ("/secret", "fetch-path-refused"), ("/bundles/../secret", "fetch-path-refused"), ("/bundles/a b", "http-request-invalid")] {
                    guard case .failed(code, _, again: false)? = fetch(world, path, 0..<10).end else {
                        Issue.record("\(path)")
                        continue
                    }
                }
                let short = fetch(world, "/bundles/b", 999_990..<1_000_010)
                #expect(short.bytes.count == 10)
                guard case .failed("http-file-too-short", _, again: false)? = short.end else {
                    Issue.record("\(String(describing: short.end))")
                    return
                }
            }
        }

        @Test("P-D1 a line that breaks in the middle may be tried again; a file that changes meanwhile is noticed")
        func breaks() throws {
            try withWorld { world in
                try world.rig.updates.serve(Self.file, as: "bundles/b")
                world.supervisor.send(.networkReady)
                // Slow, so that not all of it is on this side of the cut already.
                world.rig.updateCable.condition = .slow(bytesPerSecond: 1_000_000)
                let first = fetch(world, "/bundles/b", 0..<1_000_000) { if $0 > 200_000 { world.rig.updateCable.condition = .cut } }
                guard case .failed(_, _, again: true)? = first.end else {
                    Issue.record("\(String(describing: first.end))")
                    return
                }
                world.rig.updateCable.condition = .whole
                let rest = fetch(world, "/bundles/b", first.bytes.count..<1_000_000)
                #expect(first.bytes + rest.bytes == Self.file && rest.end == .fetched)
                // Longer: nginx makes the tag of length and second, and this may be the same second.
                try world.rig.updates.serve(Array(Self.file.reversed()) + [0], as: "bundles/b")
                guard case .failed("http-changed", _, again: true)? = fetch(world, "/bundles/b", 5..<10).end else {
                    Issue.record("the change was not noticed")
                    return
                }
                #expect(fetch(world, "/bundles/b", 5..<10).bytes == Array(Self.file.reversed()[5..<10]))
            }
        }
    }
}
