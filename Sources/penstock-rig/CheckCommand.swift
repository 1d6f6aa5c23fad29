// penstock-rig check: the story without a person, a line for each check.

import ArgumentParser
import Foundation
import Rig

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Drives the whole story: a line for each check, the exit status says whether all passed.")

    @OptionGroup var options: BoardOptions

    @Flag(help: "Only the rig itself, with a bare kernel as the board.")
    var rigOnly = false

    @Option(help: "Only checks whose name or threat contains this; repeat it for several.")
    var only: [String] = []

    @OptionGroup var recording: RecordingOptions

    func run() throws {
        let current = Current()
        endOnSignal {
            current.isEnding = true
            current.end(keepFolder: options.keep)
        }
        let rig = try Rig()
        current.rig = rig
        current.recording = try recording.begin(rig, options)
        let story = Story(only: only, explain: { tail(of: rig.folder + "/board/serial.log", lines: 25) }) { line in
            // What fails because the rig is being taken down says nothing.
            if !current.isEnding { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
        }
        story.note = { current.recording?.note($0) }
        story.checkRig(rig, kernelPath: options.kernel)
        if !rigOnly { story.checkBoard(rig, try options.workshop(rig), kernelPath: options.kernel) }
        let status = story.finish()
        current.end(keepFolder: options.keep)
        if options.keep { FileHandle.standardError.write(Data("the run's folder is \(rig.folder)\n".utf8)) }
        throw ExitCode(status)
    }
}

/// The rig that is to be ended when a signal comes, and what is recorded of it.
final class Current: @unchecked Sendable {
    var rig: Rig?
    var recording: Recording?
    var isEnding = false

    func end(keepFolder: Bool) {
        recording?.end()
        recording = nil
        rig?.end(keepFolder: keepFolder)
    }
}
