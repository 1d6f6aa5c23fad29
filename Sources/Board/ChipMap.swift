// Which GPIO chip carries each line of the board, as the kernel told the supervisor at its start: lines
// of one chip can fail together, and share a thread. Names are for people; nothing is found by them.
import Bytes

public struct ChipMap: Equatable, Sendable {
    /// One for each line at the most.
    public static let chipsMaximum = BoardDescription.linesMaximum
    static let nameMaximum = 31

    /// The kernel's names, each once.
    public private(set) var names: [String] = []
    /// For each line in the board file's order: its chip's place in `names`.
    public private(set) var chipOfLine: [Int] = []

    public init() {}

    /// Takes the chip of the next line.
    public mutating func append(chip name: String) {
        if let known = names.firstIndex(of: name) {
            chipOfLine.append(known)
        } else {
            chipOfLine.append(names.count)
            names.append(name)
        }
    }

    /// The names of a chip and of its lines, or of its outputs alone, as a person wants to be told them.
    @inline(never)
    public func text(chip: Int, _ board: BoardDescription, outputsOnly: Bool) -> String {
        var text = names[chip]
        text += ":"
        for (line, its) in chipOfLine.enumerated() where its == chip && (!outputsOnly || board.lines[line].isOutput) {
            text += " "
            text += board.lines[line].name
        }
        return text
    }

    public func encoded() -> [UInt8] {
        var writer = CBORWriter()
        writer.array(2)
        writer.array(names.count)
        for name in names { writer.text(name) }
        writer.array(chipOfLine.count)
        for chip in chipOfLine { writer.unsigned(chip) }
        return writer.bytes
    }

    public init(decoding bytes: RawSpan) throws(CBORError) {
        var reader = CBORReader(bytes)
        try reader.array(exactly: 2)
        for _ in 0..<(try reader.array(maximum: Self.chipsMaximum)) { names.append(try reader.text(maximum: Self.nameMaximum)) }
        for _ in 0..<(try reader.array(maximum: BoardDescription.linesMaximum)) {
            let at = reader.offset
            let chip = try reader.count(maximum: Self.chipsMaximum)
            guard chip < names.count else { throw .outOfRange(at: at) }
            chipOfLine.append(chip)
        }
        try reader.end()
    }
}
