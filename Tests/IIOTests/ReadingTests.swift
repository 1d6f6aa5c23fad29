// A number of sysfs is taken as the kernel writes it, and nothing else is taken for one.
import Foundation
import IIO
import SeededRandom
import System
import Testing

private func read(_ text: [UInt8]) -> Int32? { decimal(text.span.bytes) }
private func read(_ text: String) -> Int32? { read(Array(text.utf8)) }

@Suite struct DecimalTests {
    @Test("What the kernel writes is read", arguments: [0, 1, -1, 9, 10, 1600, -2048, 32767, Int32.max, Int32.min])
    func numbers(value: Int32) { #expect(read("\(value)\n") == value) }

    @Test("What it never writes is no number", arguments: [
        "", "\n", "1", "-", "-\n", "+1\n", " 1\n", "1 \n", "1\n\n", "01\n", "-0\n", "00\n", "1.5\n", "0x10\n", "1\0\n", "2147483648\n", "-2147483649\n",
        "4294967296\n", "99999999999\n", "1\r\n", "--1\n", "1-\n", "nan\n",
    ])
    func refusals(text: String) { #expect(read(text) == nil) }

    @Test("C-T1 a text that was cut off anywhere is no number") func truncated() {
        let text = Array("-2147483648\n".utf8)
        for length in 0..<text.count { #expect(read(Array(text[..<length])) == nil) }
    }

    @Test("C-T1 any bytes are refused, or are just what the kernel would write for the number that they are read as")
    func arbitrary() {
        var random = Seeded(0x110), accepted = 0
        // Bytes that numbers are made of, so that many come close to being one.
        let alphabet = Array("0123456789-\n \0+.x".utf8)
        for round in 0..<200_000 {
            var text = (0..<Int.random(in: 0...16, using: &random)).map { _ in
                round % 4 == 0 ? UInt8.random(in: 0...255, using: &random) : alphabet.randomElement(using: &random)!
            }
            if round % 2 == 0 { text = Array("\(Int64.random(in: -5_000_000_000...5_000_000_000, using: &random))\n".utf8) }
            guard let value = read(text) else { continue }
            #expect(text == Array("\(value)\n".utf8))
            accepted += 1
        }
        #expect(accepted > 10_000)
    }
}

@Suite struct ReadAnalogueTests {
    /// A file with that content; the number of its descriptor.
    private func file(_ content: String) throws -> Int32 { try memoryFile("channel", Array(content.utf8)).release() }

    @Test("Each reading begins at the beginning, and sees what is new") func again() throws {
        let descriptor = try file("1200\n")
        defer { close(descriptor) }
        #expect(readAnalogue(descriptor) == 1200 && readAnalogue(descriptor) == 1200)
        #expect(pwrite(descriptor, "-77\n", 4, 0) == 4 && ftruncate(descriptor, 4) == 0)
        #expect(readAnalogue(descriptor) == -77)
    }

    @Test("A stand-in, a closed number, an endless file and a pipe are unreadable") func unreadable() throws {
        let null = open("/dev/null", O_RDONLY), zero = open("/dev/zero", O_RDONLY), long = try file("12345678901234567890\n"), empty = try file("")
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0 && Foundation.write(ends[1], "1\n", 2) == 2)
        defer { for descriptor in [null, zero, long, empty] + ends { close(descriptor) } }
        for descriptor in [null, zero, long, empty, ends[0], 1023, -1] { #expect(readAnalogue(descriptor) == nil) }
    }
}
