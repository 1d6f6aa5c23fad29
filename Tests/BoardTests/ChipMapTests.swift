// Which chip has which line: told to the controller, and to people.
import Board
import Bytes
import Testing

@Suite struct ChipMapTests {
    private func map(_ names: [String]) -> ChipMap {
        var map = ChipMap()
        for name in names { map.append(chip: name) }
        return map
    }

    @Test("each chip stands once, each line knows its chip, and what is encoded comes back")
    func roundTrip() throws {
        let map = map(["gpiochip0", "gpiochip2", "gpiochip0"])
        #expect(map.names == ["gpiochip0", "gpiochip2"] && map.chipOfLine == [0, 1, 0])
        #expect(try ChipMap(decoding: map.encoded().span.bytes) == map)
        let greatest = self.map((0..<BoardDescription.linesMaximum).map { "gpiochip\($0)" })
        #expect(try ChipMap(decoding: greatest.encoded().span.bytes) == greatest)
    }

    @Test("a person is told the chip and its lines, or its outputs alone")
    func text() throws {
        let board = try Sample().board(), map = map(["gpiochip1", "gpiochip0", "gpiochip1"])
        #expect(map.text(chip: 0, board, outputsOnly: false) == "gpiochip1: inlet-open level-high")
        #expect(map.text(chip: 0, board, outputsOnly: true) == "gpiochip1: inlet-open")
    }

    @Test("a line on a chip that is not named, and anything cut or added, is refused")
    func refused() {
        var writer = CBORWriter()
        writer.array(2); writer.array(1); writer.text("gpiochip0"); writer.array(1); writer.unsigned(1)
        #expect(throws: CBORError.self) { try ChipMap(decoding: writer.bytes.span.bytes) }
        let whole = map(["gpiochip0", "gpiochip1"]).encoded()
        for count in 0..<whole.count { #expect(throws: CBORError.self) { try ChipMap(decoding: Array(whole[..<count]).span.bytes) } }
        #expect(throws: CBORError.trailing(at: whole.count)) { try ChipMap(decoding: (whole + [0]).span.bytes) }
    }
}
