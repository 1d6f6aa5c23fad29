// A calibration as one picture (SVG): each actuator's envelope over time and its duty, what each interlock
// does to which actuator, how each trip spends its process safety time, what each sensor can say and where
// something happens. Sections have files of their own.
import Calibration

public struct CalibrationPlot {
    let calibration: Calibration
    var drawing = Drawing()

    public static func svg(_ calibration: Calibration) -> String {
        var plot = CalibrationPlot(calibration: calibration)
        plot.title()
        plot.actuators()
        plot.matrix()
        plot.timeBudgets()
        plot.sensors()
        plot.footer()
        return plot.drawing.svg(title: "Calibration \(calibration.version) of \(calibration.board)")
    }

    private init(calibration: Calibration) { self.calibration = calibration }

    private mutating func title() {
        drawing.text(Drawing.left, 52, calibration.board, size: 28, bold: true, room: Drawing.right - Drawing.left - 240)
        drawing.text(Drawing.right, 52, "calibration \(calibration.version)", size: 16, .soft, anchor: .end)
        let c = calibration
        let things: [(Int, String)] = [(c.actuators.count, "actuator"), (c.sensors.count, "sensor"), (c.trips.count, "trip"), (c.interlocks.count, "interlock"), (c.selectors.count, "selector"), (c.resets.count, "reset")]
        let counts = things.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")" }
        drawing.text(Drawing.left, 78, counts.joined(separator: " · "), .soft)
        var times = "one step every \(Words.duration(c.tickMilliseconds)) · everything safe \(Words.duration(c.supervisionTimeoutMilliseconds)) after the last heartbeat"
        if !c.phases.isEmpty { times += " · phases " + c.phases.joined(separator: ", ") }
        drawing.text(Drawing.left, 98, times, .soft, room: Drawing.right - Drawing.left)
        drawing.y = 124
    }

    private mutating func footer() {
        drawing.line(Drawing.left, drawing.y, Drawing.right, drawing.y, .faint)
        drawing.text(Drawing.left, drawing.y + 26, "Positions in percent of travel, times at their worst for a sound machine. Not a safety instrumented system.", size: 12, .soft)
        drawing.y += 50
    }
}
