// Duty: the last resort: every output of the board at its value of last resort, whoever drove it before,
// through a thread for each chip, so that a driver that does not return holds up neither PID 1 nor the
// outputs of another chip.
// Trust: needs nothing but the descriptors that PID 1 kept. Must never wait without a bound, or have more
// than one call outstanding at a chip.
import Authority
import Board
import GPIO
import System

final class SafeOutputs<P: Pins> {
    /// Which chip carries each line, as found by the kernel's names.
    let chips: ChipMap
    private let board: BoardDescription
    private var threads: [Chip<P>] = []
    /// Of each chip: its outputs and their values, a bit a place.
    private var outputs: [UInt64] = []
    private var values: [UInt64] = []
    /// The last request, the last answer that was seen, and since when there has been no other.
    private var asked: [UInt32] = []
    private var answered: [UInt32] = []
    private var waitingSince: [UInt64?] = []
    private var isTold: [Bool] = []
    private var news: [String] = []

    /// An output that was asked for so long ago and is not driven yet is worth a word.
    static var tellMilliseconds: UInt64 { 500 }

    /// - Parameter pins: makes the outputs of a chip of these lines, by their places in the board file.
    init(_ board: BoardDescription, _ chips: ChipMap, pins: ([Int]) -> P) throws(SystemError) {
        self.chips = chips
        self.board = board
        for chip in chips.names.indices {
            var lines: [Int] = [], value: UInt64 = 0
            for (line, its) in chips.chipOfLine.enumerated() where its == chip {
                guard let safe = board.lines[line].safe else { continue }
                if safe { value |= 1 << UInt64(lines.count) }
                lines.append(line)
            }
            let thread = Chip<P>()
            try thread.start()
            thread.serve(pins(lines), sensed: 0)
            threads.append(thread)
            outputs.append(lines.isEmpty ? 0 : UInt64.max >> UInt64(64 - lines.count))
            values.append(value)
            asked.append(0)
            answered.append(0)
            waitingSince.append(nil)
            isTold.append(false)
        }
    }

    /// Asks every chip for it; returns at once.
    func drive() {
        for chip in threads.indices where outputs[chip] != 0 {
            asked[chip] = threads[chip].ask(outputs: outputs[chip], values[chip], again: true)
        }
    }

    private func isDone(_ chip: Int) -> Bool { threads[chip].answered == asked[chip] }

    /// Waits until every chip has done it, or the time is over.
    func wait(milliseconds: UInt64) {
        let start = monotonicMilliseconds()
        for chip in threads.indices {
            while !isDone(chip), monotonicMilliseconds() - start < milliseconds { sleep(milliseconds: 1) }
        }
    }

    /// Once a tick: who has not done what it was asked.
    func watch(now: UInt64) {
        for chip in threads.indices {
            let last = threads[chip].answered
            guard last == answered[chip], last != asked[chip] else {
                answered[chip] = last
                waitingSince[chip] = nil
                isTold[chip] = false
                continue
            }
            let since = waitingSince[chip] ?? now
            waitingSince[chip] = since
            // A call that failed is made again.
            asked[chip] = threads[chip].ask(outputs: outputs[chip], values[chip], again: true)
            guard now - since >= Self.tellMilliseconds, !isTold[chip] else { continue }
            isTold[chip] = true
            news.append("a GPIO chip does not answer: \(chips.text(chip: chip, board, outputsOnly: true))")
        }
    }

    /// What there is to tell, once.
    func takeNews() -> String? { news.popLast() }

    /// Whether outputs could not be driven safe for longer than a role may be silent: then the watchdog must
    /// be let act, whose reset needs no driver.
    func isLost(now: UInt64) -> Bool {
        for since in waitingSince { if let since, now - since >= Authority.checkInMilliseconds { return true } }
        return false
    }
}

extension SafeOutputs where P == DescriptorPins {
    /// - Parameter descriptors: of the board's lines, in its order.
    convenience init(_ board: BoardDescription, _ descriptors: [Int32]) throws(SystemError) {
        var chips = ChipMap()
        for line in board.lines { chips.append(chip: try chipName(of: line)) }
        try self.init(board, chips) { lines in
            var own: [Int32] = []
            for line in lines { own.append(descriptors[line]) }
            return DescriptorPins(own)
        }
    }
}
