// Decoding of bytes that somebody signed and we did not make: whatever they are, nothing traps, and what is
// taken encodes to the same bytes again. From seeds, so that a failure replays.

import Bytes
import Calibration
import SeededRandom
import Signed
import Testing

/// An item of deterministic CBOR, taken apart so that a mutation stays an item.
private indirect enum Item {
    case integer(Int64), text(String), flag(Bool), null, array([Item])

    init(_ reader: inout CBORReader) throws(CBORError) {
        switch try reader.type() {
        case .unsigned, .negative: self = .integer(try reader.integer())
        case .text: self = .text(try reader.text(maximum: 1 << 16))
        case .array:
            var items: [Item] = []
            for _ in 0..<(try reader.array(maximum: 1 << 16)) { items.append(try Item(&reader)) }
            self = .array(items)
        default:
            if try reader.null() { self = .null } else { self = .flag(try reader.boolean()) }
        }
    }

    func write(_ writer: inout CBORWriter) {
        switch self {
        case .integer(let value): writer.integer(value)
        case .text(let value): writer.text(value)
        case .flag(let value): writer.boolean(value)
        case .null: writer.null()
        case .array(let items):
            writer.array(items.count)
            for item in items { item.write(&writer) }
        }
    }

    var count: Int {
        guard case .array(let items) = self else { return 1 }
        return items.reduce(1) { $0 + $1.count }
    }

    /// Changes the item at a place, counted in the order in which they are written.
    mutating func mutate(at place: Int, _ generator: inout Seeded) {
        guard place > 0, case .array(var items) = self else { return self = changed(&generator) }
        var left = place - 1
        for i in items.indices {
            if left < items[i].count {
                items[i].mutate(at: left, &generator)
                break
            }
            left -= items[i].count
        }
        self = .array(items)
    }

    private static let numbers: [Int64] = [0, 1, -1, 2, 15, 16, 31, 32, 255, 256, 999, 1000, 1001, 65_535, 1_000_000_000, Int64(Int32.max), Int64(Int32.min), Int64(UInt32.max), Int64(UInt32.max) + 1, .max, .min]

    private func changed(_ generator: inout Seeded) -> Item {
        switch self {
        case .integer(let value):
            return switch generator.below(4) {
            case 0: .integer(value &+ 1)
            case 1: .integer(value &- 1)
            case 2: .integer(Int64(generator.below(2000)))
            default: .integer(Self.numbers[generator.below(Self.numbers.count)])
            }
        case .text(let value): return generator.below(2) == 0 ? .text(value + "x") : .text(["", "a", "feed-open", "Ä", String(repeating: "z", count: 40)][generator.below(5)])
        case .flag(let value): return generator.below(4) == 0 ? .null : .flag(!value)
        case .null: return generator.below(2) == 0 ? .integer(0) : .array([.integer(0), .integer(100), .integer(1000)])
        case .array(var items):
            if items.isEmpty || generator.below(3) == 0 { items.append(items.last ?? .integer(0)) } else if generator.below(2) == 0 { items.remove(at: generator.below(items.count)) } else { items.swapAt(0, generator.below(items.count)) }
            return .array(items)
        }
    }

    static func random(_ generator: inout Seeded, depth: Int) -> Item {
        switch generator.below(depth > 0 ? 8 : 5) {
        case 0...2: .integer(numbers[generator.below(numbers.count)])
        case 3: .text(["", "a", "qemu-x86_64"][generator.below(3)])
        case 4: generator.below(2) == 0 ? .flag(true) : .null
        default: .array((0..<generator.below(14)).map { _ in random(&generator, depth: depth - 1) })
        }
    }
}

@Suite struct FuzzTests {
    /// Decodes; what is taken must encode to what was read.
    private func isTaken(_ bytes: [UInt8]) -> Bool {
        guard let calibration = try? decoded(bytes) else { return false }
        #expect(calibration.encoded() == bytes)
        return true
    }

    @Test("P-T4 flipped bits and bytes put in or taken out are refused, or read as another calibration", arguments: ["everything", "largest", "smallest"])
    func bytes(name: String) throws {
        let seed = try corpus(name)
        var generator = Seeded(42)
        var taken = 0
        for _ in 0..<(name == "largest" ? 300 : 4000) {
            var mutant = seed
            for _ in 0...generator.below(2) {
                let place = generator.below(mutant.count)
                switch generator.below(8) {
                case 0: mutant.remove(at: place)
                case 1: mutant.insert(UInt8(truncatingIfNeeded: generator.next()), at: place)
                case 2: mutant = Array(mutant[..<max(place, 1)])
                case 3: mutant[place] = UInt8(truncatingIfNeeded: generator.next())
                default: mutant[place] ^= 1 << UInt8(generator.below(8))
                }
            }
            if isTaken(mutant) { taken += 1 }
        }
        #expect(taken > 0)
    }

    @Test("P-T4 items changed one by one, so that all of the rest is right, reach every check and trap in none", arguments: ["everything", "largest", "smallest"])
    func items(name: String) throws {
        let bytes = try corpus(name)
        var reader = CBORReader(bytes.span.bytes)
        let seed = try Item(&reader)
        var generator = Seeded(7)
        var (taken, problems) = (0, Set<String>())
        for _ in 0..<(name == "largest" ? 300 : 5000) {
            var mutant = seed
            for _ in 0...generator.below(3) { mutant.mutate(at: generator.below(mutant.count), &generator) }
            var writer = CBORWriter(capacity: 2048)
            mutant.write(&writer)
            do throws(PayloadError) {
                let calibration = try decoded(writer.bytes)
                #expect(calibration.encoded() == writer.bytes)
                taken += 1
            } catch { problems.insert(error.code) }
        }
        #expect(taken > 20)
        if name == "everything" {
            #expect(problems == ["calibration-form", "calibration-bounds", "calibration-name", "calibration-line", "calibration-reference", "calibration-contradiction"])
        }
    }

    @Test("P-T4 random CBOR is no calibration")
    func random() {
        var generator = Seeded(1)
        for _ in 0..<5000 {
            var writer = CBORWriter(capacity: 256)
            Item.random(&generator, depth: 4).write(&writer)
            #expect(!isTaken(writer.bytes))
        }
    }
}
