// What is said of a chip when it falls silent, answers again, or is lost: encoded before the loop begins,
// because a controller that runs makes no text.

import Authority
import Board
import Bytes
import Telemetry

struct ChipWords {
    private let silent: [[UInt8]]
    private let answers: [[UInt8]]
    private let lost: [[UInt8]]

    init(_ map: ChipMap, _ board: BoardDescription) {
        let names = map.names.indices.map { map.text(chip: $0, board) { _ in true } }
        let outputs = map.names.indices.map { map.text(chip: $0, board) { $0.isOutput } }
        silent = names.map { Self.packet("gpio-chip-silent", "does not answer: its lines can't be read, the others go on: \($0)") }
        answers = names.map { Self.packet("gpio-chip-answers", "answers again: \($0)") }
        lost = outputs.map {
            Self.packet("gpio-chip-lost", "outputs that can't be driven for \(Authority.checkInMilliseconds) ms: the watchdog is to reset the board: \($0)")
        }
    }

    private static func packet(_ code: String, _ text: String) -> [UInt8] {
        var writer = CBORWriter()
        RoleMessage.event(code: code, text: clip(text, maximum: MessageLimit.text)).encode(into: &writer)
        return writer.bytes
    }

    func packet(_ news: ChipNews, ofChip chip: Int) -> [UInt8] {
        switch news {
        case .silent: silent[chip]
        case .answers: answers[chip]
        case .lost: lost[chip]
        }
    }
}
