// The lines of a calibration as descriptors of the board, read and driven by index.

import Authority
import Board
import Bytes
import Calibration
import Control
import GPIO
import System

/// Where a step reads and drives lines. Must not trap or wait longer than the driver does.
protocol Lines {
    /// In the order of `Calibration.inputLines`.
    func input(_ index: Int) -> LineReading
    /// What an output reads back, in the order of `Calibration.outputLines`.
    func readBack(_ index: Int) -> LineReading
    /// False if the line could not be driven.
    func drive(_ index: Int, _ level: Bool) -> Bool
}

/// Why a calibration does not fit the board it came to.
enum WiringError: Error, Coded {
    case otherBoard(calibration: String, board: String)
    case lineUnknown(String)
    case lineDirection(String)
    case linesTooMany(Int)

    var code: String {
        switch self {
        case .otherBoard: "calibration-other-board"
        case .lineUnknown: "calibration-line-unknown"
        case .lineDirection: "calibration-line-direction"
        case .linesTooMany: "calibration-lines-too-many"
        }
    }

    var text: String {
        switch self {
        case .otherBoard(let calibration, let board): "the calibration is for board '\(calibration)', this is '\(board)'"
        case .lineUnknown(let name): "the board has no line '\(name)' that the calibration names"
        case .lineDirection(let name): "line '\(name)' is an input where the calibration drives it, or an output where it is sensed"
        case .linesTooMany(let count): "the calibration senses \(count) lines, more than one wait can watch"
        }
    }
}

/// The board's lines in the calibration's order.
struct LineBank: Lines {
    let inputs: [Int32]
    private let outputs: [Int32]

    /// - Parameter first: the descriptor of the board's first line; the others follow in its order.
    init(_ calibration: Calibration, _ board: BoardDescription, first: Int32) throws(WiringError) {
        guard calibration.board == board.name else { throw .otherBoard(calibration: calibration.board, board: board.name) }
        guard calibration.inputLines.count + Controller.otherEntries <= WaitSet.maximum else { throw .linesTooMany(calibration.inputLines.count) }
        inputs = try Self.descriptors(calibration.inputLines, board, first, areOutputs: false)
        outputs = try Self.descriptors(calibration.outputLines, board, first, areOutputs: true)
    }

    private static func descriptors(
        _ names: [String], _ board: BoardDescription, _ first: Int32, areOutputs: Bool
    ) throws(WiringError) -> [Int32] {
        var found: [Int32] = []
        for name in names {
            guard let place = board.lines.firstIndex(where: { $0.name == name }) else { throw .lineUnknown(name) }
            guard board.lines[place].isOutput == areOutputs else { throw .lineDirection(name) }
            found.append(first + Int32(place))
        }
        return found
    }

    func input(_ index: Int) -> LineReading { Self.read(inputs[index]) }

    func readBack(_ index: Int) -> LineReading { Self.read(outputs[index]) }

    private static func read(_ descriptor: Int32) -> LineReading {
        do throws(SystemError) { return try lineValue(descriptor) ? .high : .low } catch { return .unreadable }
    }

    func drive(_ index: Int, _ level: Bool) -> Bool {
        do throws(SystemError) {
            try driveLine(outputs[index], level)
            return true
        } catch { return false }
    }
}
