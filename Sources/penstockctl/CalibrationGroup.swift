// penstockctl calibration: make and show calibrations.
import ArgumentParser

struct CalibrationGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibration", abstract: "Calibrations: the envelope that a valve is kept in.", subcommands: [])
}
