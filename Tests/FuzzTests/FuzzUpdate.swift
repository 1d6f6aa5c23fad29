// What an update is fetched and checked by: answers of the server, and the tree. Whatever bytes come, nothing
// traps, no body is taken that was not asked for, no block passes that does not lead to the root.
import Bytes
import Foundation
import Fuzzing
import HTTP
import SeededRandom
import SimulatedDisk
import Testing
import Verity

private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Corpus")

@Suite struct FuzzUpdate {
    private struct Answer: Equatable {
        var head: Head?
        var body: [UInt8] = []
        var isWhole = false
        var error: HTTPError?
    }

    /// - step: bytes given to the reader at a time.
    private func read(_ input: [UInt8], to request: Request, step: Int) -> Answer {
        var reader = ResponseReader(to: request, bodyMaximumBytes: 4096), answer = Answer()
        do throws(HTTPError) {
            for start in stride(from: 0, to: input.count, by: step) {
                let piece = Array(input[start..<min(input.count, start + step)])
                var offset = 0
                while let event = try reader.next(piece.span.bytes, offset: &offset) {
                    switch event {
                    case .head(let head): answer.head = head
                    case .body(let range): answer.body += piece[range]
                    case .end: answer.isWhole = true
                    }
                }
            }
            try reader.closed()
        } catch { answer.error = error }
        return answer
    }

    @Test("C-T1 answers of an update server: the same however they are split, and never another range than was asked for")
    func answers() throws {
        let ranged = try Request(host: "updates.example", port: 443, path: "/1.bundle", range: 100..<110, tag: "\"v1\"")
        let whole = try Request(host: "updates.example", port: 443, path: "/index")
        var taken = 0
        try Fuzzer.run("http-answer", corpus: Fuzzer.corpus(in: folder.appendingPathComponent("http-answer")), rounds: 5000) { input, seed in
            for request in [ranged, whole] {
                let answer = read(input, to: request, step: max(1, input.count))
                #expect(read(input, to: request, step: 1) == answer, "seed \(seed)")
                #expect(read(input, to: request, step: 1 + Int(seed % 29)) == answer, "seed \(seed)")
                guard let head = answer.head else { continue }
                #expect(UInt64(answer.body.count) <= head.range.upperBound - head.range.lowerBound, "seed \(seed)")
                if let range = request.range {
                    #expect(head.range.lowerBound == range.lowerBound && head.range.upperBound <= range.upperBound, "seed \(seed)")
                } else {
                    #expect(head.range.lowerBound == 0 && head.range.upperBound <= 4096, "seed \(seed)")
                }
                if answer.error == nil {
                    taken += 1
                    #expect(UInt64(answer.body.count) == head.range.upperBound - head.range.lowerBound, "seed \(seed)")
                }
            }
        }
        #expect(taken > 0)
    }

    @Test("C-T1 P-T1 an image with its tree: any altered byte is found, and its block is named")
    func tree() throws {
        // Two levels of tree, the smallest image that has them.
        let blocks = 129
        var random = Seeded(9)
        let data = random.bytes(blocks * VerityGeometry.blockSize)
        var source = SimulatedPartition(SimulatedDisk(contents: data))
        let made = try buildTree(over: &source, dataBlocks: blocks, salt: random.bytes(32), uuid: random.bytes(16))
        let (identity, area) = try #require(made)
        let image = data + area
        var found = 0
        // The area that an attacker writes, in the place of the real one.
        try Fuzzer.run("tree", corpus: [area, Array(area.reversed())], rounds: 1000) { input, seed in
            let other = Array((input + area.dropFirst(min(input.count, area.count))).prefix(area.count))
            var store = SimulatedPartition(SimulatedDisk(contents: data + other))
            do throws(VerityError) {
                try verifyHashArea(identity, in: &store)
                #expect(other == area, "seed \(seed)")
            } catch {
                found += 1
                guard case .altered(let block) = error else { return #expect(Bool(false), "seed \(seed): \(error.text)") }
                let at = identity.geometry.offset(of: block), there = data + other
                #expect(there[at..<at + VerityGeometry.blockSize] != image[at..<at + VerityGeometry.blockSize], "seed \(seed): \(block.text) is as it was")
            }
        }
        #expect(found > 0)
    }
}
