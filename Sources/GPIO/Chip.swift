// Duty: the lines of one GPIO chip by way of a thread of its own, so that a driver which does not return
// holds up this thread and nothing else: neither its owner nor the lines of another chip.
// Trust: the driver may be slow, or frozen for good. Must never make the owner wait, allocate after
// `init`, or drive a level that is not wanted any more when its turn comes.
//
// Why a thread and not a process: it shares user, filter and limits with its owner, its answer is a load
// from memory, and it needs a stack instead of an address space. Its one drawback, that a process whose
// thread sleeps in a driver can't be killed, is what the watchdog is for.
import System

/// A line's level as last read.
public enum Level: UInt8, Sendable {
    case low = 0
    case high = 1
    case unreadable = 2
}

/// The lines of one chip, by their place in it. A call may take any time, or never return.
public protocol Pins: Sendable {
    func level(at place: Int) -> Level
    /// False if the line could not be driven.
    func drive(_ place: Int, _ level: Bool) -> Bool
}

/// Lines as the descriptors that `request` gave.
public struct DescriptorPins: Pins {
    private let descriptors: [Int32]

    public init(_ descriptors: [Int32]) { self.descriptors = descriptors }

    public func level(at place: Int) -> Level {
        do throws(SystemError) { return try lineValue(descriptors[place]) ? .high : .low } catch { return .unreadable }
    }

    public func drive(_ place: Int, _ level: Bool) -> Bool {
        do throws(SystemError) {
            try driveLine(descriptors[place], level)
            return true
        } catch { return false }
    }
}

/// One chip. `start` it before the process is confined; `serve` says which lines it has, once.
public final class Chip<P: Pins>: @unchecked Sendable {
    // Written by the owner before its first `ask`, read by the thread after it took that up.
    private var pins: P?
    private var sensed: UInt64 = 0
    private let exchange = Exchange(reading: Level.unreadable.rawValue)
    // Of the thread alone: what it drove each output to, and which of them it drove at all.
    private var driven: UInt64 = 0
    private var known: UInt64 = 0

    public init() {}

    // MARK: the owner's side

    /// Starts the thread; returns when it needs nothing more than to read, drive, and wait.
    public func start() throws(SystemError) {
        try startThread { [self] in work() }
        exchange.awaitStart()
    }

    /// Gives it its lines. `sensed` has a bit for each place that is read.
    public func serve(_ pins: P, sensed: UInt64) {
        precondition(self.pins == nil)
        self.pins = pins
        self.sensed = sensed
    }

    /// Asks that these outputs have these levels, a bit a place, and for new readings; returns at once with
    /// the request's number. What was driven so already is left alone, unless `again`.
    public func ask(outputs: UInt64, _ wanted: UInt64, again: Bool = false) -> UInt32 {
        exchange.ask(outputs: outputs, wanted: wanted, again: again)
    }

    /// The number of the last request that was carried out, its readings included.
    public var answered: UInt32 { exchange.answered }

    /// How many calls of the driver have returned: whether the chip answers at all, however slowly.
    public var calls: UInt32 { exchange.calls }

    public func level(at place: Int) -> Level { Level(rawValue: exchange.reading(at: place)) ?? .unreadable }

    // MARK: the thread's side

    private func work() {
        exchange.sayStarted()
        var number: UInt32 = 0
        while true {
            exchange.awaitRequest(after: number)
            number = exchange.asked
            var isDriven = drive()
            var isRead = sensed == 0
            var left = sensed
            while left != 0 {
                // Outputs wait for no reading.
                if exchange.asked != number { isDriven = drive() }
                let place = left.trailingZeroBitCount
                let level = pins!.level(at: place)
                exchange.publish(level.rawValue, at: place)
                if level != .unreadable {
                    isRead = true
                    if isDriven { exchange.countCall() }
                }
                left &= left - 1
            }
            // A driver that answers with nothing but errors, or cannot drive a line, is one that does not answer.
            if isDriven, isRead { exchange.answer(number) }
        }
    }

    /// Off before on. The wanted levels are looked up anew for each line: a call may have taken long. One
    /// that fails is tried again with the next request. True if all are as wanted.
    private func drive() -> Bool {
        if exchange.takeAgain() { known = 0 }
        var failed: UInt64 = 0
        while true {
            let outputs = exchange.outputs, wanted = exchange.wanted
            let different = outputs & ~failed & (~known | (driven ^ wanted))
            guard different != 0 else { return failed == 0 }
            let off = different & ~wanted
            let place = (off != 0 ? off : different).trailingZeroBitCount
            let bit: UInt64 = 1 << UInt64(place)
            if pins!.drive(place, wanted & bit != 0) {
                if failed == 0 { exchange.countCall() }
                driven = driven & ~bit | wanted & bit
                known |= bit
            } else {
                known &= ~bit
                failed |= bit
            }
        }
    }
}

extension Chip where P == DescriptorPins {
    /// So many chips, their threads started.
    public static func started(_ count: Int) throws(SystemError) -> [Chip] {
        var chips: [Chip] = []
        for _ in 0..<count {
            let chip = Chip()
            try chip.start()
            chips.append(chip)
        }
        return chips
    }
}
