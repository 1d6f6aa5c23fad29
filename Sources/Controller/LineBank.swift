// Duty: the lines of a calibration by index, through the threads of their chips: levels go out, readings
// come in, and a chip that does not answer is known by it.
// Trust: a chip's driver may be slow or frozen. Must never wait for one.

import Authority
import Calibration
import Control
import GPIO
import System

/// Where a step finds readings and leaves levels. Nothing here may wait for a driver.
protocol Lines: ~Copyable {
    /// Once a tick: which chips have answered since the last.
    mutating func watch(nowMilliseconds: Int64)
    /// Puts the newest readings into `inputs`. What is known better stays: an edge, or a level that was
    /// driven, since the reading.
    mutating func collect(into inputs: inout Inputs)
    /// An edge says its input's level until the next reading. False if the chip is silent: then it says nothing.
    mutating func take(edge rising: Bool, input: Int, into inputs: inout Inputs) -> Bool
    /// Looks for the readings that edges wait for.
    mutating func settle(into inputs: inout Inputs) -> Settling
    /// Hands over the levels to be driven, and asks for new readings: of every chip, or of those with news.
    mutating func drive(_ outputs: [Bool], ofEveryChip: Bool, into inputs: inout Inputs)
    /// What there is to tell of a chip, once.
    mutating func takeNews(ofChip chip: Int) -> ChipNews?
}

/// What became of the edges since the last reading of their lines.
enum Settling { case settled, waiting, contradicted }

/// What there is to tell of a chip.
enum ChipNews { case silent, answers, lost }

/// Not copyable: a second holder of what it knows would cost an allocation at the first tick.
struct LineBank<P: Pins>: Lines, ~Copyable {
    /// So many ticks in a row may go by without one call of a chip's driver returning; after one more the
    /// chip is silent, and its lines can't be read.
    static var silentTicksMaximum: Int { 5 }
    /// So many ticks may go by until all lines of a slow chip have been read: no older is a reading that is
    /// believed, and no later a trip whose edge did not come.
    static var readingTicksMaximum: Int { 20 }

    private struct Watch {
        let isUsed: Bool
        /// The outputs that the calibration drives.
        let outputs: UInt64
        var wanted: UInt64 = 0
        var asked: UInt32 = 0
        var answered: UInt32 = 0
        var calls: UInt32 = 0
        var isDue = false
        /// An output of it reads back otherwise than it was driven.
        var isWrong = false
        var silentTicks = 0
        var readingTicks = 0
        var calledAt: Int64 = 0
        var isSilent = false
        /// It carries outputs and has been silent for longer than a role may be.
        var isLost = false
        var news: ChipNews?
    }

    private let chips: [Chip<P>]
    private var watches: [Watch] = []
    private let inputs: [LinePlace]
    private let outputs: [LinePlace]
    /// The request whose readings are the first to know more than an edge or a driven level said.
    private var inputWaits: [UInt32?]
    private var outputWaits: [UInt32?]
    private var hasDriven = false

    /// - Parameters:
    ///   - chips: one for each of the board, started.
    ///   - pins: makes the lines of a chip from its place in the plan.
    init(_ plan: LinePlan, _ chips: [Chip<P>], pins: (Int) -> P) {
        precondition(chips.count == plan.descriptors.count)
        self.chips = chips
        inputs = plan.inputs
        outputs = plan.outputs
        inputWaits = [UInt32?](repeating: nil, count: inputs.count)
        outputWaits = [UInt32?](repeating: nil, count: outputs.count)
        for chip in chips.indices {
            var driven: UInt64 = 0, sensed: UInt64 = 0
            for place in outputs where place.chip == chip { driven |= place.bit }
            for place in inputs where place.chip == chip { sensed |= place.bit }
            watches.append(Watch(isUsed: driven | sensed != 0, outputs: driven))
            chips[chip].serve(pins(chip), sensed: driven | sensed)
        }
    }

    var chipCount: Int { chips.count }

    /// Whether a chip that carries outputs is lost: then only the hardware can make them safe.
    var hasLostOutputs: Bool {
        for watch in watches where watch.isLost { return true }
        return false
    }

    mutating func takeNews(ofChip chip: Int) -> ChipNews? {
        defer { watches[chip].news = nil }
        return watches[chip].news
    }

    /// Before the first step: reads every line and drives none. A chip that has not answered by the end of
    /// the time begins silent.
    mutating func begin(tickMilliseconds: Int) throws(SystemError) {
        for chip in chips.indices where watches[chip].isUsed { watches[chip].asked = chips[chip].ask(outputs: 0, 0) }
        var pause = WaitSet()
        let start = monotonicMilliseconds()
        while monotonicMilliseconds() - start < UInt64(Self.silentTicksMaximum * tickMilliseconds), !haveAllAnswered { try pause.wait(timeoutMilliseconds: 1) }
        for chip in chips.indices {
            watches[chip].calledAt = Int64(start)
            if chips[chip].answered != watches[chip].asked { watches[chip].silentTicks = Self.silentTicksMaximum }
        }
    }

    private var haveAllAnswered: Bool {
        for chip in chips.indices where chips[chip].answered != watches[chip].asked { return false }
        return true
    }

    // MARK: Lines

    mutating func watch(nowMilliseconds now: Int64) {
        for chip in watches.indices where watches[chip].isUsed {
            let answered = chips[chip].answered, calls = chips[chip].calls
            let isIdle = answered == watches[chip].asked
            if calls != watches[chip].calls || isIdle {
                watches[chip].calls = calls
                watches[chip].calledAt = now
                watches[chip].silentTicks = 0
                watches[chip].isLost = false
            } else {
                watches[chip].silentTicks = min(watches[chip].silentTicks + 1, Self.silentTicksMaximum + 1)
            }
            guard answered == watches[chip].answered, !isIdle else {
                watches[chip].answered = answered
                watches[chip].readingTicks = 0
                if watches[chip].isSilent { watches[chip].news = .answers }
                watches[chip].isSilent = false
                continue
            }
            watches[chip].readingTicks = min(watches[chip].readingTicks + 1, Self.readingTicksMaximum + 1)
            guard watches[chip].silentTicks > Self.silentTicksMaximum || watches[chip].readingTicks > Self.readingTicksMaximum else { continue }
            if !watches[chip].isSilent {
                watches[chip].isSilent = true
                watches[chip].news = .silent
            } else if !watches[chip].isLost, watches[chip].outputs != 0, now - watches[chip].calledAt >= Int64(Authority.checkInMilliseconds) {
                watches[chip].isLost = true
                watches[chip].news = .lost
            }
        }
    }

    mutating func collect(into known: inout Inputs) {
        for i in inputs.indices {
            guard let reading = reading(inputs[i], after: inputWaits[i]) else { continue }
            known.lines[i] = reading.level
            inputWaits[i] = reading.wait
        }
        for i in outputs.indices {
            guard let reading = reading(outputs[i], after: outputWaits[i]) else { continue }
            known.readBacks[i] = reading.level
            outputWaits[i] = reading.wait
        }
    }

    /// Nil while a newer one is waited for. What silence leaves unread is still waited for after it.
    private func reading(_ line: LinePlace, after wait: UInt32?) -> (level: LineReading, wait: UInt32?)? {
        if watches[line.chip].isSilent { return (.unreadable, wait) }
        if let number = wait, Int32(bitPattern: chips[line.chip].answered &- number) < 0 { return nil }
        return (LineReading(rawValue: chips[line.chip].level(at: line.place).rawValue) ?? .unreadable, nil)
    }

    mutating func take(edge rising: Bool, input: Int, into known: inout Inputs) -> Bool {
        let chip = inputs[input].chip
        guard !watches[chip].isSilent else { return false }
        known.lines[input] = rising ? .high : .low
        // The next request comes after the edge.
        inputWaits[input] = watches[chip].asked &+ 1
        watches[chip].isDue = true
        return true
    }

    mutating func settle(into known: inout Inputs) -> Settling {
        var result = Settling.settled
        for i in inputs.indices where inputWaits[i] != nil {
            guard let reading = reading(inputs[i], after: inputWaits[i]) else {
                if result == .settled { result = .waiting }
                continue
            }
            if known.lines[i] != reading.level { result = .contradicted }
            known.lines[i] = reading.level
            inputWaits[i] = reading.wait
        }
        return result
    }

    mutating func drive(_ levels: [Bool], ofEveryChip: Bool, into known: inout Inputs) {
        for i in outputs.indices {
            let (chip, bit) = (outputs[i].chip, outputs[i].bit)
            let wanted = levels[i] ? watches[chip].wanted | bit : watches[chip].wanted & ~bit
            guard wanted != watches[chip].wanted || !hasDriven else { continue }
            watches[chip].wanted = wanted
            watches[chip].isDue = true
            outputWaits[i] = watches[chip].asked &+ 1
            if !watches[chip].isSilent { known.readBacks[i] = levels[i] ? .high : .low }
        }
        hasDriven = true
        // What reads back otherwise than it was driven is driven again: a write may have been lost on its way.
        for i in outputs.indices where outputWaits[i] == nil && known.readBacks[i] != (levels[i] ? .high : .low) {
            watches[outputs[i].chip].isWrong = true
        }
        for chip in watches.indices where watches[chip].isDue || ofEveryChip && watches[chip].isUsed {
            watches[chip].isDue = false
            watches[chip].asked = chips[chip].ask(outputs: watches[chip].outputs, watches[chip].wanted, again: watches[chip].isWrong)
            watches[chip].isWrong = false
        }
    }
}

extension LineBank where P == DescriptorPins {
    init(_ plan: LinePlan, _ chips: [Chip<P>]) {
        self.init(plan, chips) { DescriptorPins(plan.descriptors[$0]) }
    }
}
