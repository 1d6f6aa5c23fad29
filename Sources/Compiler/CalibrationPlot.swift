// A calibration as a picture (SVG): for each valve its travel with the envelope, and the longest stay
// that it can make; which sensor trips what; and the limits in figures.
import Calibration

public struct CalibrationPlot {
    private let calibration: Calibration
    private var body = ""
    private var y = 0.0

    private static let width = 960.0
    private static let left = 40.0
    private static let ink = "#1d2733", soft = "#5d6b7a", faint = "#d9e0e7", paper = "#ffffff"
    private static let allowed = "#2f7d6d", forbidden = "#c8452f", wide = "#e8f2ef", warm = "#f7e3de", blue = "#2b5f9e"

    public static func svg(_ calibration: Calibration) -> String {
        var plot = CalibrationPlot(calibration: calibration)
        plot.title()
        for (index, actuator) in calibration.actuators.enumerated() {
            switch actuator {
            case .motorValve(let valve): plot.draw(valve, index)
            case .solenoid(let solenoid): plot.draw(solenoid, index)
            }
        }
        plot.trips()
        plot.footer()
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(width)) \(number(plot.y))" width="\(number(width))" font-family="system-ui, 'Helvetica Neue', Arial, sans-serif" font-size="13">
            <title>Calibration \(calibration.version) of \(calibration.board)</title>
            <rect width="100%" height="100%" fill="\(paper)"/>
            \(plot.body)</svg>

            """
    }

    private init(calibration: Calibration) { self.calibration = calibration }

    // MARK: parts

    private mutating func title() {
        text(Self.left, 44, calibration.board, size: 24, weight: 600)
        text(Self.left, 66, "calibration \(calibration.version) · tick \(duration(calibration.tickMilliseconds)) · everything safe after \(duration(calibration.supervisionTimeoutMilliseconds)) without supervision", fill: Self.soft)
        y = 96
    }

    private mutating func heading(_ name: String, _ kind: String, _ safe: SafeState) {
        line(Self.left, y, Self.width - Self.left, y, Self.faint)
        text(Self.left, y + 30, name, size: 17, weight: 600)
        text(Self.width - Self.left, y + 30, "\(kind) · safe state \(word(safe))", fill: Self.soft, anchor: "end")
        y += 48
    }

    private mutating func draw(_ valve: MotorValve, _ index: Int) {
        heading(valve.name, "motor valve", valve.safeState)
        travelBar(valve)
        longestStay(valve)
        facts([
            ("stroke", "\(duration(valve.strokeMilliseconds)) (\(duration(valve.strokeFastestMilliseconds)) to \(duration(valve.strokeSlowestMilliseconds)))"),
            ("coasting", duration(valve.coastMilliseconds)), ("rest between directions", duration(valve.restMilliseconds)),
            ("end switches", "within \(percent(valve.endSwitchTolerancePermille)), \(duration(valve.endSwitchDebounceMilliseconds)) debounce"),
            ("open at the longest", valve.maximumOpenMilliseconds == 0 ? "no limit" : duration(valve.maximumOpenMilliseconds)),
            ("closed, from its furthest, within", duration(closingMilliseconds(valve))),
            ("trips", trips(index)), ("faults cleared by", calibration.resets[valve.reset].name),
        ])
    }

    /// From the order to close until the slowest valve has arrived.
    private func closingMilliseconds(_ valve: MotorValve) -> Int {
        valve.restMilliseconds + valve.positionMaximumPermille * valve.strokeSlowestMilliseconds / 1000 + 2 * calibration.tickMilliseconds
    }

    private mutating func travelBar(_ valve: MotorValve) {
        let (x, width, top) = (Self.left, Self.width - 2 * Self.left, y + 22)
        func at(_ permille: Int) -> Double { x + width * Double(permille) / 1000 }
        rect(x, top, width, 30, Self.warm, radius: 4)
        rect(at(valve.positionMinimumPermille), top, at(valve.positionMaximumPermille) - at(valve.positionMinimumPermille), 30, Self.allowed, radius: 2)
        rect(x, top, 5, 30, Self.allowed, radius: 2)
        for permille in stride(from: 0, through: 1000, by: 100) {
            line(at(permille), top + 30, at(permille), top + 35, Self.soft)
            text(at(permille), top + 50, percent(permille), size: 11, fill: Self.soft, anchor: "middle")
        }
        let end = at(valve.positionMaximumPermille)
        line(end, top - 6, end, top + 36, Self.forbidden, 2)
        text(end + 6, top - 8, "envelope \(percent(valve.positionMaximumPermille))", fill: Self.forbidden, weight: 600)
        if valve.reachPermille < valve.positionMaximumPermille {
            let reach = at(valve.reachPermille)
            line(reach, top, reach, top + 30, Self.paper, 2, dash: "3 3")
            text(reach - 6, top - 8, "shown position ends at \(percent(valve.reachPermille))", size: 11, fill: Self.soft, anchor: "end")
        }
        text(at(valve.positionMinimumPermille) + 10, top + 20, "setpoints", fill: Self.paper, weight: 600)
        if valve.positionMaximumPermille < 900 { text(Self.width - Self.left - 10, top + 20, "never", fill: Self.forbidden, anchor: "end", weight: 600) }
        y = top + 66
    }

    /// Position over time for the furthest order: opening by the fastest and the slowest valve of the
    /// window, the stay, the way back.
    private mutating func longestStay(_ valve: MotorValve) {
        let (x, top, width, height) = (Self.left + 44, y + 26, Self.width - 2 * Self.left - 44, 150.0)
        let peak = Double(valve.positionMaximumPermille)
        let stay = Double(valve.maximumOpenMilliseconds == 0 ? 10 * valve.strokeSlowestMilliseconds : valve.maximumOpenMilliseconds)
        let back = Double(closingMilliseconds(valve))
        let whole = (stay + back) * 1.04
        func point(_ milliseconds: Double, _ permille: Double) -> String {
            "\(Self.number(x + width * milliseconds / whole)),\(Self.number(top + height - height * permille / 1000))"
        }
        text(Self.left, y + 12, "The longest stay", weight: 600)
        rect(x, top, width, height - height * peak / 1000, Self.warm)
        rect(x, top + height - height * peak / 1000, width, height * peak / 1000, Self.wide)
        for permille in [0, 250, 500, 750, 1000] {
            let level = top + height - height * Double(permille) / 1000
            line(x, level, x + width, level, Self.faint)
            text(x - 6, level + 4, percent(permille), size: 11, fill: Self.soft, anchor: "end")
        }
        let opening = { (stroke: Int) in Double(stroke) * peak / 1000 }
        let (fast, slow) = (opening(valve.strokeFastestMilliseconds), opening(valve.strokeSlowestMilliseconds))
        body += "<polygon points=\"\(point(0, 0)) \(point(fast, peak)) \(point(stay, peak)) \(point(stay + back, 0)) \(point(stay + fast, 0)) \(point(stay, peak)) \(point(slow, peak))\" fill=\"\(Self.blue)\" opacity=\"0.18\"/>\n"
        let reach = Double(valve.reachPermille)
        let nominal = Double(valve.strokeMilliseconds) * reach / 1000
        body += "<polyline points=\"\(point(0, 0)) \(point(nominal, reach)) \(point(stay, reach)) \(point(stay + Double(valve.restMilliseconds), reach)) \(point(stay + Double(valve.restMilliseconds) + nominal, 0))\" fill=\"none\" stroke=\"\(Self.blue)\" stroke-width=\"2.5\" stroke-linejoin=\"round\"/>\n"
        let limit = x + width * stay / whole
        line(limit, top, limit, top + height, Self.forbidden, 1.5, dash: "4 3")
        text(limit - 6, top + 16, valve.maximumOpenMilliseconds == 0 ? "no limit of time" : "closes after \(duration(valve.maximumOpenMilliseconds))", fill: Self.forbidden, anchor: "end")
        text(x, top + height + 16, "0 s", size: 11, fill: Self.soft)
        text(limit, top + height + 16, valve.maximumOpenMilliseconds == 0 ? "…" : duration(valve.maximumOpenMilliseconds), size: 11, fill: Self.soft, anchor: "middle")
        y = top + height + 32
    }

    private mutating func draw(_ solenoid: Solenoid, _ index: Int) {
        heading(solenoid.name, "solenoid, energised to \(solenoid.energiseToOpen ? "open" : "close")", solenoid.safeState)
        facts([
            ("energised at the longest", solenoid.maximumOnMilliseconds == 0 ? "no limit" : duration(solenoid.maximumOnMilliseconds)),
            ("on for at least", duration(solenoid.minimumOnMilliseconds)), ("off for at least", duration(solenoid.minimumOffMilliseconds)),
            ("trips", trips(index)), ("faults cleared by", calibration.resets[solenoid.reset].name),
        ])
    }

    /// Pairs in two columns.
    private mutating func facts(_ pairs: [(String, String)]) {
        for (index, pair) in pairs.enumerated() {
            let x = index % 2 == 0 ? Self.left : Self.width / 2
            text(x, y + 16, pair.0, fill: Self.soft)
            text(x + 222, y + 16, pair.1)
            if index % 2 == 1 || index == pairs.count - 1 { y += 22 }
        }
        y += 22
    }

    private mutating func trips() {
        guard !calibration.trips.isEmpty else { return }
        line(Self.left, y, Self.width - Self.left, y, Self.faint)
        text(Self.left, y + 30, "Trips", size: 17, weight: 600)
        y += 44
        let columns = [Self.left, 200, 440, 620, 760]
        for (x, head) in zip(columns, ["trip", "when", "sends", "to", "until"]) { text(x, y + 14, head, size: 11, fill: Self.soft) }
        y += 22
        for trip in calibration.trips {
            let actuator = calibration.actuators[trip.actuator]
            rect(Self.left - 8, y - 2, Self.width - 2 * Self.left + 16, 24, Self.wide, radius: 4)
            text(columns[0], y + 15, trip.name, weight: 600)
            text(columns[1], y + 15, condition(trip))
            text(columns[2], y + 15, actuator.name)
            text(columns[3], y + 15, word(actuator.safeState), fill: Self.forbidden, weight: 600)
            text(columns[4], y + 15, trip.reset.map { "reset at '\(calibration.resets[$0].name)'" } ?? "it clears")
            y += 30
        }
        y += 8
    }

    private mutating func footer() {
        text(Self.left, y + 16, "Positions in percent of travel. The red line is never passed by any valve of the stroke window. Not a safety instrumented system.", size: 11, fill: Self.soft)
        y += 40
    }

    // MARK: words

    private func condition(_ trip: Trip) -> String {
        let sensor = calibration.sensors[trip.sensor].name
        let what = switch trip.condition {
        case .active: "\(sensor) is active"
        case .inactive: "\(sensor) is not active"
        case .above(let flow): "\(sensor) above \(flow) µl/s"
        case .below(let flow): "\(sensor) below \(flow) µl/s"
        }
        return trip.delayMilliseconds == 0 ? what : "\(what) for \(duration(trip.delayMilliseconds))"
    }

    private func trips(_ actuator: Int) -> String {
        let names = calibration.trips.filter { $0.actuator == actuator }.map(\.name)
        return names.isEmpty ? "none" : names.joined(separator: ", ")
    }

    private func word(_ state: SafeState) -> String {
        switch state {
        case .closed: "closed"
        case .open: "open"
        case .last: "where it is"
        }
    }

    private func duration(_ milliseconds: Int) -> String { CalibrationCompiler.duration(milliseconds) }
    private func percent(_ permille: Int) -> String { CalibrationCompiler.percent(permille) }

    // MARK: marks

    private static func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(Double(tenths) / 10)"
    }

    private mutating func text(
        _ x: Double, _ y: Double, _ words: String, size: Int = 13, fill: String = ink, anchor: String = "start", weight: Int = 400
    ) {
        let safe = words.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
        body += "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" font-size=\"\(size)\" fill=\"\(fill)\" text-anchor=\"\(anchor)\" font-weight=\"\(weight)\">\(safe)</text>\n"
    }

    private mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ stroke: String, _ width: Double = 1, dash: String = "") {
        let dashes = dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\""
        body += "<line x1=\"\(Self.number(x1))\" y1=\"\(Self.number(y1))\" x2=\"\(Self.number(x2))\" y2=\"\(Self.number(y2))\" stroke=\"\(stroke)\" stroke-width=\"\(Self.number(width))\"\(dashes)/>\n"
    }

    private mutating func rect(_ x: Double, _ y: Double, _ width: Double, _ height: Double, _ fill: String, radius: Double = 0) {
        body += "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(width))\" height=\"\(Self.number(height))\" rx=\"\(Self.number(radius))\" fill=\"\(fill)\"/>\n"
    }
}
