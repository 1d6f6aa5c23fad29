import Bytes
import SeededRandom
import Testing
@testable import DNS

func labels(_ name: String) -> [UInt8] { name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + $0.utf8 } + [0] }
func big(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 255), UInt8(value & 255)] }

/// A record whose owner is a pointer to the question (offset 12), or a name of its own.
func record(_ owner: [UInt8] = [0xC0, 12], type: Int, seconds: Int = 300, _ data: [UInt8]) -> [UInt8] {
    owner + big(type) + big(1) + big(seconds >> 16) + big(seconds & 0xFFFF) + big(data.count) + data
}

func response(_ identifier: UInt16, _ name: String, type: Int, flags: Int = 0x8180, _ records: [[UInt8]]) -> [UInt8] {
    big(Int(identifier)) + big(flags) + big(1) + big(records.count) + [0, 0, 0, 0] + labels(name) + big(type) + big(1) + records.joined()
}

let name = Name("broker.example")!
func parse(_ bytes: [UInt8], type: RecordType = .a) -> Response { Response(bytes.span.bytes, to: name, type, identifier: 7) }

@Suite struct Responses {
    @Test func addresses() {
        #expect(parse(response(7, "Broker.Example", type: 1, [record(type: 1, [192, 0, 2, 1]), record(type: 1, seconds: 60, [192, 0, 2, 2])]))
            == .addresses([.v4(0xC000_0201), .v4(0xC000_0202)], seconds: 60))
        let six: [UInt8] = [0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
        #expect(parse(response(7, "broker.example", type: 28, [record(type: 28, six)]), type: .aaaa) == .addresses([IPAddress("2001:db8::1")!], seconds: 300))
        #expect(parse(response(7, "broker.example", type: 1, [])) == .addresses([], seconds: 3600))
    }

    @Test("aliases are followed inside the answer, in any order, and not without end")
    func aliases() {
        let a = record(labels("c.example"), type: 1, seconds: 5, [192, 0, 2, 9])
        let one = record(type: 5, labels("b.example")), two = record(labels("b.example"), type: 5, seconds: 90, labels("C.example"))
        #expect(parse(response(7, "broker.example", type: 1, [a, two, one])) == .addresses([.v4(0xC000_0209)], seconds: 30))
        let loop = [record(type: 5, labels("b.example")), record(labels("b.example"), type: 5, labels("broker.example"))]
        #expect(parse(response(7, "broker.example", type: 1, loop)) == .addresses([], seconds: 300))
        // An address of a name that nobody asked for is not taken.
        #expect(parse(response(7, "broker.example", type: 1, [a])) == .addresses([], seconds: 3600))
    }

    @Test("C-S2 forged answers: other identifier, question, type or class; a query; two questions")
    func strays() {
        let good = [record(type: 1, [192, 0, 2, 1])]
        #expect(parse(response(8, "broker.example", type: 1, good)) == .stray)
        #expect(parse(response(7, "other.example", type: 1, good)) == .stray)
        #expect(parse(response(7, "broker.example", type: 28, good)) == .stray)
        #expect(parse(response(7, "broker.example", type: 1, flags: 0x0100, good)) == .stray)
        #expect(parse(response(7, "broker.example", type: 1, flags: 0x8980, good)) == .stray)
        #expect(parse([UInt8](repeating: 0, count: 1600)) == .stray)
        #expect(parse([]) == .stray)
    }

    @Test func failures() {
        #expect(parse(response(7, "broker.example", type: 1, flags: 0x8183, [])) == .noSuchName)
        #expect(parse(response(7, "broker.example", type: 1, flags: 0x8182, [])) == .useless)
        #expect(parse(response(7, "broker.example", type: 1, flags: 0x8185, [])) == .useless)
        #expect(parse(response(7, "broker.example", type: 1, flags: 0x8380, [])) == .useless)
        #expect(parse(response(7, "broker.example", type: 1, flags: 0x8380, [record(type: 1, [192, 0, 2, 1])])) == .addresses([.v4(0xC000_0201)], seconds: 300))
        for address in [[0, 0, 0, 0], [224, 0, 0, 1], [255, 255, 255, 255]] as [[UInt8]] {
            #expect(parse(response(7, "broker.example", type: 1, [record(type: 1, address)])) == .addresses([], seconds: 3600))
        }
    }

    @Test("C-D1 pointers that loop, lead forward or out; lengths that lie; names without end")
    func hostile() {
        let start = 12 + labels("broker.example").count + 4
        for owner in [[0xC0, UInt8(start)], [0xC0, UInt8(start + 2)], [0xFF, 0xFF], [0x80, 1], [0x40, 1], [1, 65, 0xC0, UInt8(start)]] as [[UInt8]] {
            #expect(parse(response(7, "broker.example", type: 1, [record(owner, type: 1, [192, 0, 2, 1])])) == .useless, "\(owner)")
        }
        #expect(parse(response(7, "broker.example", type: 1, [record(type: 1, [1, 2, 3])])) == .useless)
        #expect(parse(response(7, "broker.example", type: 1, [record(type: 5, labels("a.b") + [0])])) == .useless)
        let long = [UInt8]((0..<5).flatMap { _ in [63] + [UInt8](repeating: 65, count: 63) }) + [0]
        #expect(parse(response(7, "broker.example", type: 1, [record(long, type: 1, [192, 0, 2, 1])])) == .useless)
        #expect(parse(response(7, "broker.example", type: 1, [[UInt8]](repeating: record(type: 16, []), count: 65))) == .useless)
        // A chain of pointers, each one back: more than the limit.
        let base = 0xC000 + start + 12
        var pointers: [UInt8] = [0xC0, 12]
        for i in 0..<39 { pointers += big(base + 2 * i) }
        var chain = response(7, "broker.example", type: 1, [record(type: 16, pointers)])
        chain[7] = 2
        #expect(parse(chain + record(big(base + 2 * 39), type: 1, [192, 0, 2, 1])) == .useless)
        #expect(parse(chain + record(big(base + 2 * 3), type: 1, [192, 0, 2, 1])) == .addresses([.v4(0xC000_0201)], seconds: 300))
    }

    @Test("C-T1 altered and cut responses never trap and never give an address that was not in them")
    func fuzz() {
        let bytes = response(7, "broker.example", type: 1, [
            record(type: 5, labels("b.example")), record(labels("b.example"), type: 1, [192, 0, 2, 1]), record(labels("b.example"), type: 1, [192, 0, 2, 2]),
        ])
        for count in 0..<bytes.count {
            let cut = parse(Array(bytes.prefix(count)))
            #expect(cut == .stray || cut == .useless)
        }
        for seed in 0..<20_000 as Range<UInt64> {
            var random = Seeded(seed)
            var altered = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                altered[Int.random(in: 0..<altered.count, using: &random)] = [0xC0, UInt8.random(in: 0...255, using: &random), 0, 255].randomElement(using: &random)!
            }
            guard case .addresses(let addresses, let seconds) = parse(altered) else { continue }
            #expect(addresses.count <= Limit.addresses && (30...3600).contains(seconds))
        }
    }
}

@Suite struct Resolving {
    static let four: [UInt8] = [192, 0, 2, 1], six: [UInt8] = [0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]

    @Test("names that cannot be asked for")
    func names() {
        for text in ["", ".", "a..b", "-a", "a-", "a b", "é.example", String(repeating: "a", count: 64), String(repeating: "a.", count: 128)] {
            #expect(Name(text) == nil, "\(text)")
        }
        #expect(Name("A.b.") == Name("a.B"))
        #expect(throws: DNSError.noServers) { try Resolver(name: "a", serverCount: 0) }
    }

    @Test func bothFamilies() throws {
        var resolver = try Resolver(name: "broker.example", serverCount: 1)
        let step = resolver.next(nowMilliseconds: 0, random: 0x0009_0007)
        #expect(step == .ask(server: 0, datagrams: [
            Message.question(name, .aaaa, identifier: 7), Message.question(name, .a, identifier: 9),
        ]))
        let a = response(9, "broker.example", type: 1, [record(type: 1, Self.four), record(type: 1, [192, 0, 2, 2])])
        #expect(resolver.receive(a.span.bytes, nowMilliseconds: 5, random: 0) == .wait)
        let stray = response(9, "broker.example", type: 28, [record(type: 28, Self.six)])
        #expect(resolver.receive(stray.span.bytes, nowMilliseconds: 5, random: 0) == .wait)
        let aaaa = response(7, "broker.example", type: 28, [record(type: 28, Self.six)])
        #expect(resolver.receive(aaaa.span.bytes, nowMilliseconds: 6, random: 0)
            == .resolved([IPAddress("2001:db8::1")!, .v4(0xC000_0201), .v4(0xC000_0202)], seconds: 300))
        #expect(resolver.receive(aaaa.span.bytes, nowMilliseconds: 6, random: 0) == .wait)
    }

    @Test("one family is enough at the deadline; a silent server gives way to the next; the search ends")
    func silence() throws {
        var resolver = try Resolver(name: "broker.example", serverCount: 2)
        _ = resolver.next(nowMilliseconds: 0, random: 0x0009_0007)
        let a = response(9, "broker.example", type: 1, [record(type: 1, Self.four)])
        _ = resolver.receive(a.span.bytes, nowMilliseconds: 5, random: 0)
        #expect(resolver.tick(nowMilliseconds: 1999, random: 0) == .wait)
        #expect(resolver.tick(nowMilliseconds: 2000, random: 0) == .resolved([.v4(0xC000_0201)], seconds: 300))

        var silent = try Resolver(name: "broker.example", serverCount: 2)
        var asked: [Int] = []
        var now: UInt64 = 0
        var step = silent.next(nowMilliseconds: now, random: 1)
        while case .ask(let server, let datagrams) = step {
            asked.append(server)
            #expect(datagrams.count == 2)
            now = silent.deadlineMilliseconds
            step = silent.tick(nowMilliseconds: now, random: 1)
        }
        #expect(asked == [0, 1, 0, 1])
        #expect(step == .failed(.noAnswer) && now == 12_000)
    }

    @Test("C-D1 a flood of forged answers changes the port and the identifiers")
    func flood() throws {
        var resolver = try Resolver(name: "broker.example", serverCount: 1)
        _ = resolver.next(nowMilliseconds: 0, random: 0x0009_0007)
        let forged = response(1, "broker.example", type: 1, [record(type: 1, Self.four)])
        for _ in 0..<Limit.strays { #expect(resolver.receive(forged.span.bytes, nowMilliseconds: 1, random: 3) == .wait) }
        guard case .ask = resolver.receive(forged.span.bytes, nowMilliseconds: 1, random: 3) else {
            Issue.record("went on with the same port")
            return
        }
        #expect(resolver.receive(response(9, "broker.example", type: 1, []).span.bytes, nowMilliseconds: 2, random: 0) == .wait)
    }

    @Test func answersThatEndIt() throws {
        var absent = try Resolver(name: "broker.example", serverCount: 3)
        _ = absent.next(nowMilliseconds: 0, random: 0x0009_0007)
        #expect(absent.receive(response(9, "broker.example", type: 1, flags: 0x8183, []).span.bytes, nowMilliseconds: 1, random: 0) == .failed(.noSuchName))
        var empty = try Resolver(name: "broker.example", serverCount: 3)
        _ = empty.next(nowMilliseconds: 0, random: 0x0009_0007)
        #expect(empty.receive(response(9, "broker.example", type: 1, []).span.bytes, nowMilliseconds: 1, random: 0) == .wait)
        #expect(empty.receive(response(7, "broker.example", type: 28, []).span.bytes, nowMilliseconds: 1, random: 0) == .failed(.noAddress))
        var refused = try Resolver(name: "broker.example", serverCount: 2)
        _ = refused.next(nowMilliseconds: 0, random: 0x0009_0007)
        guard case .ask(server: 1, _) = refused.receive(response(9, "broker.example", type: 1, flags: 0x8185, []).span.bytes, nowMilliseconds: 1, random: 0) else {
            Issue.record("did not go on to the next server")
            return
        }
    }
}
