import Bytes
import SeededRandom
import Testing
@testable import DHCP

let mac: [UInt8] = [0x52, 0x54, 0, 0x12, 0x34, 0x56]

func four(_ value: UInt32) -> [UInt8] { [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)] }
func option(_ code: UInt8, _ value: [UInt8]) -> [UInt8] { [code, UInt8(value.count)] + value }

/// A server's packet, built apart from the client's code.
struct Server {
    var type: UInt8 = 2
    var address: UInt32 = 0x0A00_020F
    var server: UInt32 = 0x0A00_0202
    var mask: UInt32 = 0xFFFF_FF00
    var router: [UInt32] = [0x0A00_0202]
    var nameServers: [UInt32] = [0x0A00_0203]
    var seconds: UInt32 = 3600
    var more: [UInt8] = []
    var transaction: UInt32 = 0
    var hardwareAddress = mac

    var message: [UInt8] {
        var options = option(53, [type]) + option(54, four(server))
        if type != 6 {
            options += option(1, four(mask)) + option(51, four(seconds))
            if !router.isEmpty { options += option(3, router.flatMap(four)) }
            if !nameServers.isEmpty { options += option(6, nameServers.flatMap(four)) }
        }
        return [2, 1, 6, 0] + four(transaction) + [0, 0, 0, 0] + four(0) + four(type == 6 ? 0 : address) + four(server) + four(0)
            + hardwareAddress + [UInt8](repeating: 0, count: 10 + 192) + [0x63, 0x82, 0x53, 0x63] + options + more + [255]
    }

    var packet: [UInt8] { frame(message, from: server) }
}

func frame(_ message: [UInt8], from source: UInt32, ports: (UInt16, UInt16) = (67, 68)) -> [UInt8] {
    let length = 8 + message.count
    func two(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }
    var header: [UInt8] = [0x45, 0] + two(20 + length) + [0, 0, 0, 0, 64, 17, 0, 0] + four(source) + four(.max)
    var sum = 0
    for i in stride(from: 0, to: 20, by: 2) { sum += Int(header[i]) << 8 | Int(header[i + 1]) }
    while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
    header[10] = UInt8(~sum >> 8 & 255)
    header[11] = UInt8(~sum & 255)
    return header + two(Int(ports.0)) + two(Int(ports.1)) + two(length) + [0, 0] + message
}

extension Client {
    mutating func feed(_ server: Server, _ now: UInt64 = 0, random: UInt64 = 0xABCD_EF01_0000_0000) -> [Output] {
        receive(server.packet.span.bytes, nowMilliseconds: now, random: random)
    }
}

let seed: UInt64 = 0x1234_5678_0000_0000
let expected = Lease(
    address: .v4(0x0A00_020F), prefixLength: 24, router: .v4(0x0A00_0202), nameServers: [.v4(0x0A00_0203)],
    server: .v4(0x0A00_0202), seconds: 3600)

/// A client that is bound since `now`.
func bound(_ server: Server = Server(transaction: 0x1234_5678)) -> Client {
    var client = Client(hardwareAddress: mac)
    _ = client.start(nowMilliseconds: 0, random: seed)
    _ = client.feed(server)
    var acknowledge = server
    acknowledge.type = 5
    precondition(client.feed(acknowledge).count == 1)
    return client
}

func sent(_ output: Client.Output?) -> [UInt8]? {
    if case .send(let packet) = output { packet } else { nil }
}

func sum(_ bytes: [UInt8]) -> Int {
    var sum = 0
    for i in stride(from: 0, to: bytes.count, by: 2) { sum += Int(bytes[i]) << 8 | (i + 1 < bytes.count ? Int(bytes[i + 1]) : 0) }
    while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
    return sum
}

@Suite struct Obtaining {
    @Test func discoverOfferRequestAcknowledge() throws {
        var client = Client(hardwareAddress: mac)
        let discover = try #require(sent(client.start(nowMilliseconds: 0, random: seed).first))
        // IPv4 from nobody to everybody, with sound checksums.
        #expect(Array(discover[12..<20]) == [0, 0, 0, 0, 255, 255, 255, 255])
        #expect(sum(Array(discover[..<20])) == 0xFFFF)
        let udp = Array(discover[20...])
        #expect(sum(Array(discover[12..<20]) + [0, 17] + Array(udp[4..<6]) + udp) == 0xFFFF)
        #expect(Array(udp[..<4]) == [0, 68, 0, 67] && udp.count == 308)
        #expect(Array(udp[8..<18]) == [1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78, 0, 0])
        #expect(udp[18] == 0x80)
        #expect(Array(udp[36..<42]) == mac)
        #expect(Array(udp[244..<250]) == [0x63, 0x82, 0x53, 0x63, 53, 1])
        #expect(udp[250] == 1)

        let request = try #require(sent(client.feed(Server(transaction: 0x1234_5678), 100).first))
        let options = Array(request[(20 + 8 + 240)...])
        #expect(options.starts(with: [53, 1, 3, 61, 7, 1] + mac + [50, 4, 10, 0, 2, 15, 54, 4, 10, 0, 2, 2]))
        #expect(client.lease == nil)
        #expect(client.feed(Server(type: 5, transaction: 0x1234_5678), 200) == [.lease(expected)])
        #expect(client.lease == expected)
        // Half of the lease, from the time of the request.
        #expect(client.deadlineMilliseconds == 100 + 1_800_000)
    }

    @Test("no server: asks again after 4, 8, 16, 32, 64, 64 s, give or take one, for ever")
    func silence() {
        var client = Client(hardwareAddress: mac)
        var random = Seeded(3)
        _ = client.start(nowMilliseconds: 0, random: seed)
        var now: UInt64 = 0
        for wait in [4, 8, 16, 32, 64, 64, 64] as [UInt64] {
            let pause = client.deadlineMilliseconds - now
            #expect((wait * 1000 - 1000...wait * 1000 + 1000).contains(pause))
            #expect(client.tick(nowMilliseconds: client.deadlineMilliseconds - 1, random: 0).isEmpty)
            now = client.deadlineMilliseconds
            #expect(client.tick(nowMilliseconds: now, random: random.next()).count == 1)
        }
    }

    @Test("an offer without an acknowledgement: four requests, then it starts over under another transaction")
    func lostRequest() {
        var client = Client(hardwareAddress: mac)
        _ = client.start(nowMilliseconds: 0, random: seed)
        var types: [UInt8] = []
        var outputs = client.feed(Server(transaction: 0x1234_5678))
        while types.count < 5, let packet = sent(outputs.first) {
            types.append(packet[20 + 8 + 240 + 2])
            outputs = client.tick(nowMilliseconds: client.deadlineMilliseconds, random: 0x0BAD_CAFE_0000_0000)
        }
        #expect(types == [3, 3, 3, 3, 1])
    }

    @Test("a refusal starts over after a pause")
    func refusal() {
        var client = Client(hardwareAddress: mac)
        _ = client.start(nowMilliseconds: 0, random: seed)
        _ = client.feed(Server(transaction: 0x1234_5678))
        #expect(client.feed(Server(type: 6, transaction: 0x1234_5678), 50).isEmpty)
        #expect(client.deadlineMilliseconds >= 7000)
        #expect(sent(client.tick(nowMilliseconds: client.deadlineMilliseconds, random: 0).first) != nil)
    }
}

@Suite struct Keeping {
    @Test("renews from its server at half time, from any at 7/8, and gives the address up at the end")
    func lifetime() throws {
        var client = bound()
        #expect(client.deadlineMilliseconds == 1_800_000)
        var now: UInt64 = 1_800_000
        let renew = try #require(sent(client.tick(nowMilliseconds: now, random: seed).first))
        #expect(Array(renew[12..<20]) == [10, 0, 2, 15, 10, 0, 2, 2])
        #expect(Array(renew[20 + 8 + 12..<20 + 8 + 16]) == [10, 0, 2, 15])
        var destinations: [UInt8] = []
        var outputs: [Client.Output] = []
        for _ in 0..<40 {
            now = client.deadlineMilliseconds
            outputs = client.tick(nowMilliseconds: now, random: seed)
            if outputs.first == .lost { break }
            destinations.append(try #require(sent(outputs.first))[16])
        }
        #expect(now == 3_600_000)
        #expect(destinations.first == 10 && destinations.last == 255)
        #expect(destinations.count < 20)
        #expect(outputs.count == 2 && client.lease == nil)
    }

    @Test("a renewal with the same content is silent; with another it is news")
    func renewal() {
        var client = bound()
        _ = client.tick(nowMilliseconds: 1_800_000, random: seed)
        #expect(client.feed(Server(type: 5, transaction: 0x1234_5678), 1_800_100).isEmpty)
        #expect(client.deadlineMilliseconds == 3_600_000)
        _ = client.tick(nowMilliseconds: 3_600_000, random: seed)
        let outputs = client.feed(Server(type: 5, nameServers: [0x0808_0808], transaction: 0x1234_5678), 3_600_100)
        #expect(outputs.count == 1 && client.lease?.nameServers == [.v4(0x0808_0808)])
    }

    @Test("a refusal while renewing loses the lease; one from another server does not")
    func refusal() {
        var client = bound()
        _ = client.tick(nowMilliseconds: 1_800_000, random: seed)
        #expect(client.feed(Server(type: 6, server: 0x0A00_0207, transaction: 0x1234_5678), 1_800_100).isEmpty)
        #expect(client.lease != nil)
        #expect(client.feed(Server(type: 6, transaction: 0x1234_5678), 1_800_100) == [.lost])
    }

    @Test func forEver() {
        let client = bound(Server(seconds: .max, transaction: 0x1234_5678))
        #expect(client.deadlineMilliseconds == .max && client.lease?.seconds == nil)
    }
}

@Suite struct Replies {
    func reply(_ server: Server) -> Reply? {
        Packet.unwrap(server.packet.span.bytes).flatMap { Reply($0, transaction: 1, hardwareAddress: mac) }
    }

    func lease(_ server: Server) -> Lease? {
        guard case .offer(let offer) = reply(server) else { return nil }
        return offer.lease
    }

    @Test("C-S1 a rogue server's offers that describe no sound network are not taken")
    func unsound() {
        let good = Server(transaction: 1)
        #expect(lease(good) == expected)
        for change in [
            { $0.address = 0 }, { $0.address = 0x7F00_0001 }, { $0.address = 0xE000_0001 }, { $0.address = .max },
            { $0.address = 0x0A00_0200 }, { $0.address = 0x0A00_02FF }, { $0.mask = 0xFF00_FF00 }, { $0.mask = 0 },
            { $0.seconds = 59 }, { $0.server = 0 }, { $0.transaction = 2 }, { $0.hardwareAddress[5] = 0 }, { $0.type = 1 }, { $0.type = 9 },
            { $0.more = option(53, [5]) }, { $0.more = [200, 9] }, { $0.more = [200] }, { $0.more = option(52, [7]) },
        ] as [(inout Server) -> Void] {
            var server = good
            change(&server)
            #expect(lease(server) == nil, "\(server)")
        }
    }

    @Test("what cannot be used is left out: a router elsewhere, too many name servers")
    func partly() {
        #expect(lease(Server(router: [0x0B00_0001], transaction: 1))?.router == nil)
        #expect(lease(Server(router: [], nameServers: [], transaction: 1))?.nameServers == [])
        #expect(lease(Server(nameServers: [0, 1 << 24 + 1, 2 << 24 + 1, 3 << 24 + 1, 4 << 24 + 1], transaction: 1))?.nameServers.count == 3)
        #expect(lease(Server(mask: .max - 1, transaction: 1))?.prefixLength == 31)
    }

    @Test func times() {
        func times(_ more: [UInt8]) -> [UInt32?] {
            guard case .offer(let offer) = reply(Server(more: more, transaction: 1)) else { return [] }
            return [offer.renewSeconds, offer.rebindSeconds]
        }
        #expect(times([]) == [1800, 3150])
        #expect(times(option(58, four(600)) + option(59, four(1200))) == [600, 1200])
        #expect(times(option(58, four(1200)) + option(59, four(600))) == [1800, 3150])
        #expect(times(option(58, four(0)) + option(59, four(600))) == [1800, 3150])
        #expect(times(option(59, four(4000))) == [1800, 3150])
    }

    @Test("options may stand in the fields of names (overload)")
    func overload() {
        var server = Server(nameServers: [], transaction: 1)
        server.more = option(52, [1])
        var message = server.message
        let file = option(6, four(0x0909_0909)) + [255]
        message.replaceSubrange(108..<108 + file.count, with: file)
        guard case .offer(let offer) = Reply(message, transaction: 1, hardwareAddress: mac) else {
            Issue.record("refused")
            return
        }
        #expect(offer.lease.nameServers == [.v4(0x0909_0909)])
    }

    @Test("C-D1 frames that are not for us, cut at each byte, or altered, never trap and never bind by accident")
    func fuzz() {
        let message = Server(transaction: 1).message
        #expect(Packet.unwrap(frame(message, from: 1, ports: (67, 69)).span.bytes) == nil)
        #expect(Packet.unwrap(frame(message, from: 1, ports: (66, 68)).span.bytes) == nil)
        let packet = Server(transaction: 1).packet
        for count in 0..<packet.count { #expect(Packet.unwrap(Array(packet.prefix(count)).span.bytes) == nil) }
        for at in [0, 3, 6, 9, 10] {
            var altered = packet
            altered[at] ^= 0x20
            #expect(Packet.unwrap(altered.span.bytes) == nil)
        }
        for count in 0..<message.count { #expect(Reply(Array(message.prefix(count)), transaction: 1, hardwareAddress: mac) == nil) }
        for seed in 0..<20_000 as Range<UInt64> {
            var random = Seeded(seed)
            var altered = message
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                let at = Bool.random(using: &random) ? Int.random(in: 240..<altered.count, using: &random) : Int.random(in: 0..<altered.count, using: &random)
                altered[at] = UInt8.random(in: 0...255, using: &random)
            }
            guard case .offer(let offer) = Reply(altered, transaction: 1, hardwareAddress: mac) else { continue }
            #expect((1...32).contains(offer.lease.prefixLength) && offer.lease.nameServers.count <= 3)
            if let seconds = offer.lease.seconds { #expect(seconds >= 60 && offer.renewSeconds! < offer.rebindSeconds! && offer.rebindSeconds! < seconds) }
        }
    }
}
