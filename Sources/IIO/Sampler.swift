// Duty: the channels of one converter by way of a thread of its own, so that a bus which hangs holds up this
// thread and nothing else: neither its owner, nor a line, nor another converter.
// Trust: the driver may be slow, or frozen for good. Must never make the owner wait, or allocate after `init`.
import System

/// The channels of one converter, by their place in it. A call may take any time, or never return.
public protocol Channels: Sendable {
    /// The converter's own number; nil if the channel can't be read.
    func counts(at place: Int) -> Int32?
}

/// Channels as the descriptors that `openAnalogues` gave.
public struct DescriptorChannels: Channels {
    private let descriptors: [Int32]

    public init(_ descriptors: [Int32]) { self.descriptors = descriptors }

    public func counts(at place: Int) -> Int32? { readAnalogue(descriptors[place]) }
}

/// One converter. `start` it before the process is confined; `serve` says which channels it has, once.
public final class Sampler<C: Channels>: @unchecked Sendable {
    // Written by the owner before its first `ask`, read by the thread after it took that up.
    private var channels: C?
    private var count = 0
    private let exchange = Exchange(reading: 0)

    public init() {}

    // MARK: the owner's side

    /// Starts the thread; returns when it needs nothing more than to read and wait.
    public func start() throws(SystemError) {
        try startThread { [self] in work() }
        exchange.awaitStart()
    }

    /// Gives it its channels, so many.
    public func serve(_ channels: C, count: Int) {
        precondition(self.channels == nil && count <= Exchange.samplesMaximum)
        self.channels = channels
        self.count = count
    }

    /// Asks for a sample of each channel; returns at once. A round that is under way is not broken off.
    public func ask() { _ = exchange.ask(outputs: 0, wanted: 0, again: false) }

    /// The last sample of a channel. Its number tells whether it is a new one.
    public func sample(at place: Int) -> Sample { exchange.sample(at: place) }

    // MARK: the thread's side

    private func work() {
        exchange.sayStarted()
        var number: UInt32 = 0
        while true {
            exchange.awaitRequest(after: number)
            number = exchange.asked
            for place in 0..<count {
                if let counts = channels!.counts(at: place) { exchange.publish(sample: counts, at: place) }
            }
            exchange.answer(number)
        }
    }
}

extension Sampler where C == DescriptorChannels {
    /// So many converters, their threads started.
    public static func started(_ count: Int) throws(SystemError) -> [Sampler] {
        var samplers: [Sampler] = []
        for _ in 0..<count {
            let sampler = Sampler()
            try sampler.start()
            samplers.append(sampler)
        }
        return samplers
    }
}
