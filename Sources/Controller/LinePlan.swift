// Where each line of a calibration is on the board: its chip, its place in the chip, its descriptor.

import Board
import Bytes
import Calibration
import System

/// Why a calibration does not fit the board it came to.
enum WiringError: Error, Equatable, Coded {
    case otherBoard(calibration: String, board: String)
    case lineUnknown(String)
    case lineDirection(String)
    case linesTooMany(Int)
    case twoChips(actuator: String)
    case analogueUnknown(String)

    var code: String {
        switch self {
        case .otherBoard: "calibration-other-board"
        case .lineUnknown: "calibration-line-unknown"
        case .lineDirection: "calibration-line-direction"
        case .linesTooMany: "calibration-lines-too-many"
        case .twoChips: "calibration-lines-on-two-chips"
        case .analogueUnknown: "calibration-analogue-unknown"
        }
    }

    var text: String {
        switch self {
        case .otherBoard(let calibration, let board): "the calibration is for board '\(calibration)', this is '\(board)'"
        case .lineUnknown(let name): "the board has no line '\(name)' that the calibration names"
        case .lineDirection(let name): "line '\(name)' is an input where the calibration drives it, or an output where it is sensed"
        case .analogueUnknown(let name): "the board has no analogue input '\(name)' that the calibration names"
        case .twoChips(let name): "the output lines of '\(name)' are on two GPIO chips: where one of them failed, the other would go on without it"
        case .linesTooMany(let count): "the calibration senses \(count) lines, more than one wait can watch"
        }
    }
}

/// A line's chip, and its bit and reading there.
struct LinePlace: Equatable {
    let chip: Int
    let place: Int

    var bit: UInt64 { 1 << UInt64(place) }
}

struct LinePlan {
    /// What the controller waits for beside the sensed lines: tick, supervisor, keeper.
    private static let otherEntries = 3

    /// In the order of `Calibration.inputLines`; the descriptors tell of edges.
    let inputs: [LinePlace]
    let inputDescriptors: [Int32]
    /// In the order of `Calibration.outputLines`.
    let outputs: [LinePlace]
    /// Of each chip of the board, by place.
    let descriptors: [[Int32]]

    init(inputs: [LinePlace], inputDescriptors: [Int32], outputs: [LinePlace], descriptors: [[Int32]]) {
        self.inputs = inputs
        self.inputDescriptors = inputDescriptors
        self.outputs = outputs
        self.descriptors = descriptors
    }

    /// - Parameter first: the descriptor of the board's first line; the others follow in its order.
    init(_ calibration: Calibration, _ board: BoardDescription, _ chips: ChipMap, first: Int32) throws(WiringError) {
        guard calibration.board == board.name else { throw .otherBoard(calibration: calibration.board, board: board.name) }
        guard calibration.inputLines.count + Self.otherEntries <= WaitSet.maximum else { throw .linesTooMany(calibration.inputLines.count) }
        precondition(chips.chipOfLine.count == board.lines.count)
        var descriptors = [[Int32]](repeating: [], count: chips.names.count)
        var places: [LinePlace] = []
        for (line, chip) in chips.chipOfLine.enumerated() {
            places.append(LinePlace(chip: chip, place: descriptors[chip].count))
            descriptors[chip].append(first + Int32(line))
        }
        let sensed = try Self.find(calibration.inputLines, board, areOutputs: false)
        inputs = sensed.map { places[$0] }
        inputDescriptors = sensed.map { first + Int32($0) }
        outputs = try Self.find(calibration.outputLines, board, areOutputs: true).map { places[$0] }
        self.descriptors = descriptors
        try checkActuators(calibration)
    }

    /// Off before on, and one direction at a time, can be kept within a chip alone.
    private func checkActuators(_ calibration: Calibration) throws(WiringError) {
        var first = 0
        for actuator in calibration.actuators {
            let last = first + actuator.outputLines.count
            for i in first..<last where outputs[i].chip != outputs[first].chip { throw .twoChips(actuator: actuator.name) }
            first = last
        }
    }

    private static func find(_ names: [String], _ board: BoardDescription, areOutputs: Bool) throws(WiringError) -> [Int] {
        var found: [Int] = []
        for name in names {
            guard let line = board.lines.firstIndex(where: { $0.name == name }) else { throw .lineUnknown(name) }
            guard board.lines[line].isOutput == areOutputs else { throw .lineDirection(name) }
            found.append(line)
        }
        return found
    }
}
