// What is said of a chip when it falls silent, answers again, or is lost: encoded before the loop begins,
// because a controller that runs makes no text.

import Authority
import Board
import Bytes
import Telemetry

struct ChipWords {
    /// Of each chip in its turn: one of each kind of news.
    private var packets: [[UInt8]] = []

    init(_ map: ChipMap, _ board: BoardDescription) {
        for chip in map.names.indices {
            let lines = map.text(chip: chip, board, outputsOnly: false)
            add("gpio-chip-silent", "does not answer, its lines can't be read, the others go on; ", lines)
            add("gpio-chip-answers", "answers again; ", lines)
            add("gpio-chip-lost", "outputs that can't be driven any more: the watchdog is to reset the board; ", map.text(chip: chip, board, outputsOnly: true))
        }
    }

    @inline(never)
    private mutating func add(_ code: String, _ what: String, _ lines: String) {
        var writer = CBORWriter()
        RoleMessage.event(code: code, text: clip(what + lines, maximum: MessageLimit.text)).encode(into: &writer)
        packets.append(writer.bytes)
    }

    func packet(_ news: ChipNews, ofChip chip: Int) -> [UInt8] {
        let kind = switch news {
        case .silent: 0
        case .answers: 1
        case .lost: 2
        }
        return packets[3 * chip + kind]
    }
}
