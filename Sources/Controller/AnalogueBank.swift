// Duty: the analogue inputs of a calibration by index, through the threads of their converters: what is new
// since the last round, and nothing where there is nothing new.
// Trust: a converter's bus may be slow or frozen. Must never wait for one.

import Board
import IIO
import System

/// Not copyable: a second holder of its places would cost an allocation at the first sample.
struct AnalogueBank<C: Channels>: ~Copyable {
    private struct Place {
        let converter: Int
        let place: Int
        /// The sample that was taken last.
        var number: UInt32 = 0
    }

    private let samplers: [Sampler<C>]
    /// The converters that have a channel in use.
    private let used: [Int]
    /// In the order of `Calibration.analogueChannels`.
    private var places: [Place] = []

    /// - Parameters:
    ///   - names: the board's analogue inputs that the calibration uses; the others are never read.
    ///   - samplers: one for each converter of the board, started.
    ///   - channels: makes the channels of a converter from their places in the board file.
    init(_ names: [String], _ board: BoardDescription, _ samplers: [Sampler<C>], channels: ([Int]) -> C) throws(WiringError) {
        precondition(samplers.count == board.converters.count)
        self.samplers = samplers
        var channelsOf = [[Int]](repeating: [], count: samplers.count)
        for name in names {
            guard let index = board.analogues.firstIndex(where: { $0.name == name }) else { throw .analogueUnknown(name) }
            let converter = board.analogues[index].converter
            places.append(Place(converter: converter, place: channelsOf[converter].count))
            channelsOf[converter].append(index)
        }
        used = samplers.indices.filter { !channelsOf[$0].isEmpty }
        for converter in used { samplers[converter].serve(channels(channelsOf[converter]), count: channelsOf[converter].count) }
    }

    var count: Int { places.count }

    /// What the converter gave since the last call; nil if nothing new came.
    mutating func take(_ index: Int) -> Int32? {
        let sample = samplers[places[index].converter].sample(at: places[index].place)
        guard sample.number != places[index].number else { return nil }
        places[index].number = sample.number
        return sample.value
    }

    /// Asks the converters for the next round.
    func ask() {
        for converter in used { samplers[converter].ask() }
    }
}

extension AnalogueBank where C == DescriptorChannels {
    /// - Parameter first: the descriptor of the board's first analogue input; the others follow in its order.
    init(_ names: [String], _ board: BoardDescription, _ samplers: [Sampler<C>], first: Int32) throws(WiringError) {
        try self.init(names, board, samplers) { DescriptorChannels($0.map { first + Int32($0) }) }
    }
}
