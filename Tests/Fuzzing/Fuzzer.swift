// Mutations of known inputs, from a seed: for as many rounds as a test can afford, or for as long as
// `tools/fuzz` says. A round that fails is named by its seed and replays from it.
//
// A parser's fuzz test is a test function in a suite whose name begins with "Fuzz", so that `tools/fuzz`
// finds it; its seed corpus is a folder of files.

import Foundation
import SeededRandom

public struct Fuzzer {
    /// Rounds of an ordinary test run.
    public static let roundsInTests = 20_000

    private let corpus: [[UInt8]]
    private var random: Seeded

    /// - corpus: at least one input that is not empty.
    public init(corpus: [[UInt8]], seed: UInt64) {
        precondition(corpus.contains { !$0.isEmpty })
        self.corpus = corpus.filter { !$0.isEmpty }
        random = Seeded(seed)
    }

    /// The files of a folder, by name, so that a seed means the same everywhere.
    public static func corpus(in folder: URL) throws -> [[UInt8]] {
        try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { !$0.lastPathComponent.hasPrefix(".") }
            .sorted { $0.lastPathComponent < $1.lastPathComponent }
            .map { [UInt8](try Data(contentsOf: $0)) }
    }

    /// Gives mutated inputs to `body`, with the seed that makes each again; returns how many there were.
    /// PENSTOCK_FUZZ_SECONDS is for how long; without it there are as many rounds as the caller says. PENSTOCK_FUZZ_SEED is where it begins.
    @discardableResult
    public static func run(_ name: String, corpus: [[UInt8]], rounds inTests: Int = roundsInTests, _ body: (_ input: [UInt8], _ seed: UInt64) throws -> Void) rethrows -> Int {
        let environment = ProcessInfo.processInfo.environment
        let first = environment["PENSTOCK_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
        let seconds = environment["PENSTOCK_FUZZ_SECONDS"].flatMap { Double($0) }
        let end = seconds.map { Date(timeIntervalSinceNow: $0) }
        for input in corpus { try body(input, 0) }
        var rounds = 0
        while end.map({ $0 > Date() }) ?? (rounds < inTests) {
            // Each round has a seed of its own: it is made again without those before it.
            for _ in 0..<500 {
                let seed = first &+ UInt64(rounds)
                var fuzzer = Fuzzer(corpus: corpus, seed: seed)
                try body(fuzzer.next(), seed)
                rounds += 1
            }
        }
        if seconds != nil { print("fuzz: \(name): \(rounds) inputs, seeds \(first) to \(first &+ UInt64(rounds) - 1)") }
        return rounds
    }

    public mutating func next() -> [UInt8] {
        var input = corpus[Int(random.next() % UInt64(corpus.count))]
        for _ in 0...random.next() % 5 { mutate(&input) }
        return input
    }

    private static let words: [UInt64] = [0, 1, 23, 24, 63, 64, 0x7F, 0x80, 0xFF, 0x100, 0xFFF, 0x1000, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, 1 << 48, 1 << 62, 1 << 63, .max]

    private mutating func mutate(_ input: inout [UInt8]) {
        guard !input.isEmpty else { return input.append(UInt8(truncatingIfNeeded: random.next())) }
        let at = below(input.count)
        switch random.next() % 9 {
        case 0: input[at] ^= 1 << UInt8(random.next() % 8)
        case 1: input[at] = UInt8(truncatingIfNeeded: random.next())
        case 2: input.removeSubrange(at..<min(input.count, at + 1 + below(8)))
        case 3: input.insert(contentsOf: random.bytes(1 + below(8)), at: at)
        case 4: input.removeLast(input.count - at)
        case 5: input.insert(contentsOf: input[at..<min(input.count, at + 1 + below(64))], at: at)
        case 6:
            // The end of another input.
            let other = corpus[below(corpus.count)]
            input.replaceSubrange(at..., with: other[below(other.count)...])
        case 7:
            // A number of CBOR, of any width, in place of what stands there.
            let word = Self.words[below(Self.words.count)], width = below(4)
            let major = input[at] & 0xE0
            let bytes = (0..<1 << width).reversed().map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
            input.replaceSubrange(at..<min(input.count, at + 1), with: [major | UInt8(24 + width)] + bytes)
        default:
            // One more or one less, with the carry that a length takes.
            input[at] = random.next() % 2 == 0 ? input[at] &+ 1 : input[at] &- 1
        }
        if input.count > 200_000 { input.removeLast(input.count - 200_000) }
    }

    private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
}
