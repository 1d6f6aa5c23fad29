// The picture's interlocks: a matrix of what each does to which actuator, and how each trip spends its
// process safety time.
import Calibration

extension CalibrationPlot {
    private static let labels = 500.0

    // MARK: the matrix

    mutating func matrix() {
        guard !calibration.trips.isEmpty || !calibration.interlocks.isEmpty else { return }
        drawing.heading("Interlocks", "Rows act on the actuators in whose columns they have a mark.")
        let column = min(84, (Drawing.right - Self.labels - 90) / Double(calibration.actuators.count))
        let at = { (actuator: Int) in Self.labels + column * (Double(actuator) + 0.5) }
        let height = (calibration.actuators.map { Drawing.measure($0.name, size: 12, bold: true) }.max() ?? 0) * 0.82 + 14
        let rows = Double(calibration.trips.count + calibration.interlocks.count)
        for (index, actuator) in calibration.actuators.enumerated() {
            drawing.line(at(index), drawing.y + height, at(index), drawing.y + height + rows * 42, .faint)
            drawing.text(at(index) + 3, drawing.y + height - 8, actuator.name, size: 12, bold: true, turned: -55)
        }
        drawing.y += height
        for trip in calibration.trips { row(trip, at) }
        for named in calibration.interlocks { row(named, at) }
        legend()
    }

    private mutating func label(_ name: String, _ kind: String, _ sentence: String, pills: [(String, Colour)]) {
        let y = drawing.y
        drawing.line(Drawing.left, y, Drawing.right, y, .faint)
        var end = Self.labels - 16
        for pill in pills.reversed() { end = drawing.pill(endingAt: end, y + 17, pill.0, pill.1) - 5 }
        drawing.text(Drawing.left, y + 18, name, size: 12.5, bold: true, room: end - Drawing.left - 6)
        drawing.text(Drawing.left, y + 34, "\(kind): \(sentence)", size: 11, .soft, room: Self.labels - Drawing.left - 16)
        drawing.y += 42
    }

    private mutating func row(_ trip: Trip, _ at: (Int) -> Double) {
        let middle = drawing.y + 21
        var pills: [(String, Colour)] = []
        if trip.latched { pills.append(("latched", .red)) }
        if trip.isEssential { pills.append(("essential", .ink)) }
        if trip.bypassMaximumMinutes > 0 { pills.append(("bypass \(trip.bypassMaximumMinutes) min", .amber)) }
        var sentence = calibration.words(trip.condition, sensor: trip.sensor)
        if trip.delayMilliseconds > 0 { sentence += " for \(Words.duration(trip.delayMilliseconds))" }
        if let reset = trip.reset { sentence += ", until reset \(calibration.resets[reset].name)" }
        if !trip.phases.isEmpty { sentence += ", in \(trip.phases.map { calibration.phases[$0] }.joined(separator: ", "))" }
        label(trip.name, "trip", sentence, pills: pills)
        for actuator in trip.actuators { tripMark(at(actuator), middle, opens: calibration.actuators[actuator].safeState == .open) }
    }

    private mutating func tripMark(_ x: Double, _ y: Double, opens: Bool) {
        drawing.rect(x - 11, y - 11, 22, 22, .red, radius: 5)
        let up = opens ? 1.0 : -1
        drawing.polygon([(x - 6, y + 4 * up), (x + 6, y + 4 * up), (x, y - 5 * up)], .paper)
    }

    private mutating func row(_ named: NamedInterlock, _ at: (Int) -> Double) {
        let middle = drawing.y + 21
        switch named.interlock {
        case .permissive(let actuator, let sensor, let condition):
            label(named.name, "permissive", "leaves its safe state only while \(calibration.words(condition, sensor: sensor))", pills: [])
            permissiveMark(at(actuator), middle)
        case .exclusion(let first, let second):
            label(named.name, "exclusion", "never both away from safe", pills: [])
            drawing.line(at(first), middle, at(second), middle, .violet, 2)
            exclusionMark(at(first), middle)
            exclusionMark(at(second), middle)
        case .sequence(let actuator, let after, let permille, let milliseconds):
            label(named.name, "sequence", "2 only while 1 has been at \(Words.percent(permille)) or more" + (milliseconds == 0 ? "" : " for \(Words.duration(milliseconds))"), pills: [])
            drawing.line(at(after), middle, at(actuator), middle, .blue, 2)
            sequenceMark(at(after), middle, "1")
            sequenceMark(at(actuator), middle, "2")
        case .response(let actuator, let permille, let within, let sensor, let condition, let isFault):
            let place = permille == 0 ? "closed" : "open to \(Words.percent(permille)) or more"
            label(named.name, "response", "\(place) for \(Words.duration(within)): \(calibration.words(condition, sensor: sensor))", pills: [])
            responseMark(at(actuator), middle, isFault: isFault)
        }
    }

    private mutating func permissiveMark(_ x: Double, _ y: Double) { drawing.circle(x, y, 8, .amber, outline: true) }

    private mutating func exclusionMark(_ x: Double, _ y: Double) {
        drawing.circle(x, y, 9, .violet)
        drawing.line(x - 4, y - 4, x + 4, y + 4, .paper, 2)
        drawing.line(x - 4, y + 4, x + 4, y - 4, .paper, 2)
    }

    private mutating func sequenceMark(_ x: Double, _ y: Double, _ number: String) {
        drawing.circle(x, y, 9, .blue)
        drawing.text(x, y + 4, number, size: 11, .paper, anchor: .middle, bold: true)
    }

    private mutating func responseMark(_ x: Double, _ y: Double, isFault: Bool) {
        drawing.rect(x - 8, y - 8, 16, 16, .green, radius: 2, outline: true)
        if isFault { drawing.rect(x - 4.5, y - 4.5, 9, 9, .green, radius: 1) }
    }

    private mutating func legend() {
        let y = drawing.y + 22
        drawing.line(Drawing.left, drawing.y, Drawing.right, drawing.y, .faint)
        var x = Drawing.left + 12
        func words(_ text: String) -> Double {
            drawing.text(x + 17, y + 4, text, size: 11.5, .soft)
            return x + 17 + Drawing.measure(text, size: 11.5) + 28
        }
        tripMark(x, y, opens: false)
        x = words("trips closed")
        tripMark(x, y, opens: true)
        x = words("trips open")
        permissiveMark(x, y)
        x = words("needs a permissive")
        exclusionMark(x, y)
        x = words("excludes")
        sequenceMark(x, y, "2")
        x = words("after 1")
        responseMark(x, y, isFault: true)
        x = words("no response: fault")
        responseMark(x, y, isFault: false)
        x = words("no response: alarm")
        drawing.y += 62
    }

    // MARK: time budgets

    mutating func timeBudgets() {
        let budgets = TimeBudget.all(calibration)
        drawing.heading("Time to safety", "From the condition in the process to the last actuator in its safe state, against the process safety time (the whole bar).")
        legend(of: [("detection", .amber), ("delay", .violet), ("travel", .blue), ("to spare", .faint)])
        for trip in calibration.trips {
            let own = budgets.filter { $0.trip == trip.name }
            if let slowest = own.max(by: { $0.reactionMilliseconds < $1.reactionMilliseconds }) { bar(slowest, others: own.count - 1) }
        }
        if let slowest = TimeBudget.supervision(calibration).max(by: { $0.milliseconds < $1.milliseconds }) {
            let detection = calibration.supervisionTimeoutMilliseconds + calibration.tickMilliseconds
            bar(TimeBudget(trip: "loss of supervision", actuator: slowest.actuator, detectionMilliseconds: detection, delayMilliseconds: 0,
                           travelMilliseconds: slowest.milliseconds - detection, processSafetyMilliseconds: 0), others: calibration.actuators.count - 1)
        }
        drawing.y += 20
    }

    private mutating func legend(of entries: [(String, Colour)]) {
        var x = 310.0
        for (words, colour) in entries {
            drawing.rect(x, drawing.y - 8, 11, 11, colour, radius: 2)
            drawing.text(x + 17, drawing.y + 2, words, size: 11.5, .soft)
            x += 17 + Drawing.measure(words, size: 11.5) + 24
        }
        drawing.y += 16
    }

    private mutating func bar(_ budget: TimeBudget, others: Int) {
        let (x, width, y) = (310.0, 560.0, drawing.y)
        let isStated = budget.processSafetyMilliseconds > 0
        let whole = Double(max(isStated ? budget.processSafetyMilliseconds : budget.reactionMilliseconds, 1))
        drawing.text(Drawing.left, y + 19, budget.trip, size: 12.5, bold: true, room: x - Drawing.left - 16)
        drawing.rect(x, y + 5, width, 20, .faint, radius: 3)
        var from = x
        for (milliseconds, colour) in [(budget.detectionMilliseconds, Colour.amber), (budget.delayMilliseconds, .violet), (budget.travelMilliseconds, .blue)] where milliseconds > 0 {
            let length = width * Double(milliseconds) / whole
            drawing.rect(from, y + 5, max(length, 1.5), 20, colour, radius: length > 6 ? 2 : 0)
            from += length
        }
        if !isStated { drawing.rect(x, y + 5, width, 20, .soft, radius: 3, outline: true, dash: "3 3") }
        let time = Words.duration(budget.reactionMilliseconds)
        drawing.text(x + width + 16, y + 14, isStated ? "\(time) of \(Words.duration(budget.processSafetyMilliseconds)), \(budget.usedPercent!) %" : "\(time), nothing stated", size: 12,
                     isStated ? .ink : .soft)
        drawing.text(x + width + 16, y + 28, others == 0 ? budget.actuator : "\(budget.actuator), the slowest of \(others + 1)", size: 11, .soft, room: Drawing.right - x - width - 16)
        drawing.y += 38
    }
}
