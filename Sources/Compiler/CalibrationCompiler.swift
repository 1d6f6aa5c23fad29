// A calibration from its human-edited file, Boards/<name>/calibration.toml, or from compiled bytes; and
// whether it fits the board.
import Board
import Bytes
import Calibration
import Foundation
import Signed

public enum CalibrationCompiler {
    static let code = "calibration-file-invalid"

    /// - path: a calibration.toml, or the folder that holds one.
    public static func compile(_ path: String) throws(Failure) -> Calibration {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        let file = exists && isFolder.boolValue ? URL(fileURLWithPath: path).appendingPathComponent("calibration.toml").path : path
        return try CalibrationFile(file).calibration()
    }

    /// Reads a compiled calibration: bare, or in a signed object, whose signatures are not looked at.
    public static func read(_ path: String) throws(Failure) -> Calibration {
        let content = try readFile(path, maximum: SignedObject.byteMaximum)
        do throws(PayloadError) {
            if let object = try? SignedObject(content.span.bytes) {
                return try Calibration(decoding: object.unverifiedPayload.span.bytes)
            }
            return try Calibration(decoding: content.span.bytes)
        } catch { throw Failure(error, path: path) }
    }

    /// A file of either kind, told apart by its name.
    public static func load(_ path: String) throws(Failure) -> Calibration {
        path.hasSuffix(".cbor") || path.hasSuffix(".cose") ? try read(path) : try compile(path)
    }

    /// Every line that the calibration names must be on the board, in the right direction, and every channel.
    public static func checkWiring(_ calibration: Calibration, _ board: BoardDescription, path: String) throws(Failure) {
        guard calibration.board == board.name else {
            throw Failure(code: "calibration-other-board", text: "it is for board '\(calibration.board)', and this is '\(board.name)'", path: path)
        }
        for (names, areOutputs) in [(calibration.outputLines, true), (calibration.inputLines, false)] {
            for name in names {
                guard let line = board.line(named: name) else {
                    let fitting = board.lines.filter { $0.isOutput == areOutputs }.map(\.name).joined(separator: ", ")
                    throw Failure(code: "calibration-line-unknown", text: "the board has no line '\(name)'; its \(areOutputs ? "outputs" : "inputs") are \(fitting)", path: path)
                }
                guard line.isOutput == areOutputs else {
                    throw Failure(code: "calibration-line-direction", text: "line '\(name)' is an \(line.isOutput ? "output" : "input") of the board, and the calibration \(areOutputs ? "drives" : "senses") it", path: path)
                }
            }
        }
        for channel in calibration.analogueChannels where !board.analogues.contains(where: { $0.name == channel }) {
            let names = board.analogues.map(\.name)
            throw Failure(code: "calibration-channel-unknown",
                          text: "the board has no analogue input '\(channel)'; it has " + (names.isEmpty ? "none" : names.joined(separator: ", ")), path: path)
        }
    }
}
