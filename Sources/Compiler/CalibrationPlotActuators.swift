// The picture's actuators: position over time from the safe state to the furthest and back, one hour of
// duty, and the figures.
import Calibration

/// Position over time. The time axis has three stretches of its own scale: the way out, the stay, the way back.
private struct TravelChart {
    let x = Drawing.left + 46
    let width = 520.0
    let height: Double
    let top: Double
    let out: Double
    let back: Double
    static let outShare = 0.42, stayShare = 0.2

    func at(permille: Double) -> Double { top + height - height * permille / 1000 }
    func out(_ milliseconds: Double) -> Double { x + width * Self.outShare * min(milliseconds / max(out, 1), 1) }
    func back(_ milliseconds: Double) -> Double {
        let begin = x + width * (Self.outShare + Self.stayShare)
        return begin + width * (1 - Self.outShare - Self.stayShare) * min(milliseconds / max(back, 1), 1)
    }
    var end: Double { x + width }
}

extension CalibrationPlot {
    mutating func actuators() {
        drawing.heading("Actuators", "The furthest and longest journey that the envelope allows: out from the safe state, the stay, and the way back. No command leads over the red line.")
        for (index, actuator) in calibration.actuators.enumerated() { draw(actuator, index) }
    }

    private mutating func draw(_ actuator: Actuator, _ index: Int) {
        let top = drawing.y
        drawing.text(Drawing.left, top + 16, actuator.name, size: 16, bold: true, room: 420)
        drawing.text(Drawing.right, top + 16, "\(kind(actuator.drive)) · safe state \(Words.state(actuator.safeState)) · faults reset by \(calibration.resets[actuator.reset].name)",
                     size: 12, .soft, anchor: .end, room: 690)
        let height = chartHeight(actuator)
        if case .timeProportional(let output) = actuator.drive { periods(output, actuator, top + 42, height) } else { travel(actuator, index, top + 42, height) }
        hour(actuator, top + 42)
        var y = top + 112
        for fact in facts(actuator, index) {
            drawing.text(760, y, fact.0, size: 12, .soft, room: 138)
            for line in Drawing.wrapped(fact.1, size: 12, room: Drawing.right - 904, lines: 2) {
                drawing.text(904, y, line, size: 12, room: Drawing.right - 904)
                y += 18
            }
        }
        drawing.y = max(top + 42 + height + 44, y) + 14
    }

    /// As much as its words need: positions have a scale, phases a line each.
    private func chartHeight(_ actuator: Actuator) -> Double {
        var isValve = false
        if case .motorValve = actuator.drive { isValve = true }
        return max(isValve ? 150 : 84, Double(actuator.envelope.phases.count + 2) * 14 + 8)
    }

    private func kind(_ drive: Actuator.Drive) -> String {
        switch drive {
        case .motorValve: "motor valve"
        case .solenoid(let solenoid): "solenoid, energised to \(solenoid.energiseToOpen ? "open" : "close")"
        case .timeProportional: "time-proportional output"
        case .latchingRelay: "latching relay"
        }
    }

    // MARK: position over time

    /// Milliseconds from one position to the other: least, as measured, most.
    private func strokes(_ actuator: Actuator, permille: Double) -> (Double, Double, Double) {
        switch actuator.drive {
        case .motorValve(let valve):
            let share = permille / 1000
            return (Double(valve.strokeFastestMilliseconds) * share, Double(valve.strokeMilliseconds) * share, Double(valve.strokeSlowestMilliseconds) * share)
        case .solenoid(let solenoid): return (0, Double(solenoid.travelMilliseconds), Double(solenoid.travelMilliseconds))
        case .latchingRelay(let relay): return (0, Double(relay.pulseMilliseconds), Double(relay.pulseMilliseconds))
        case .timeProportional: return (0, 0, 0)
        }
    }

    private mutating func travel(_ actuator: Actuator, _ index: Int, _ top: Double, _ height: Double) {
        let envelope = actuator.envelope
        let safe = actuator.safeState == .open ? 1000.0 : 0
        let far = actuator.safeState == .open ? Double(envelope.minimumPermille) : Double(envelope.maximumPermille)
        let (fast, nominal, slow) = strokes(actuator, permille: abs(far - safe))
        let slew = envelope.slewPermillePerSecond == 0 ? 0 : abs(far - safe) * 1000 / Double(envelope.slewPermillePerSecond)
        let wayBack = Double(calibration.safeTravelMilliseconds(actuator: index))
        let chart = TravelChart(height: height, top: top, out: max(slow, slew, 1) * 1.08, back: max(wayBack, slow, 1) * 1.12)
        frame(chart, envelope, hasPositions: actuator.isContinuous)
        let (stayBegin, stayEnd) = (chart.out(chart.out), chart.back(0))
        let (safeY, farY) = (chart.at(permille: safe), chart.at(permille: far))
        // The window of strokes, out and back.
        drawing.polygon([(chart.x, safeY), (chart.out(max(fast, slew)), farY), (stayBegin, farY), (chart.out(max(slow, slew)), farY)], .blue, opacity: 0.25)
        if slew > nominal { drawing.text(chart.out(slew / 2) + 16, chart.at(permille: (safe + far) / 2) + 5, "slew \(Words.percent(envelope.slewPermillePerSecond))/s", size: 11, .blue) }
        var journey = [(chart.x, safeY), (chart.out(max(nominal, slew)), farY), (stayEnd, farY)]
        if actuator.safeState == .last {
            journey.append((chart.end, farY))
            drawing.text(stayEnd + 8, top + 14, "stays where it is", size: 11, .soft)
        } else {
            let begin = max(wayBack - slow, 0)
            drawing.polygon([(chart.back(begin), farY), (chart.back(begin + fast), safeY), (chart.back(wayBack), safeY)], .blue, opacity: 0.25)
            journey += [(chart.back(begin), farY), (chart.back(begin + nominal), safeY), (chart.end, safeY)]
            let arrival = chart.back(wayBack)
            drawing.line(arrival, top, arrival, top + chart.height, .blue, 1, dash: "2 3")
            drawing.text(arrival, top + chart.height + 34, "\(Words.state(actuator.safeState)) within \(Words.duration(Int(wayBack)))", size: 11, .blue, anchor: .end)
        }
        drawing.path(journey, .blue)
        let away = envelope.maximumAwayMilliseconds
        drawing.line(stayEnd, top, stayEnd, top + chart.height, away == 0 ? .soft : .red, 1.5, dash: "4 3")
        drawing.text((stayBegin + stayEnd) / 2, top + chart.height + 17, away == 0 ? "no limit of stay" : "at most \(Words.duration(away))", size: 11, away == 0 ? .soft : .red, anchor: .middle)
        drawing.text(chart.out(max(nominal, slew)), top + chart.height + 17, "\(Words.duration(Int(max(nominal, slew))))", size: 11, .soft, anchor: .middle)
        drawing.text(chart.x, top + chart.height + 17, "0 s", size: 11, .soft)
        // The stretches have scales of their own.
        for seam in [stayBegin, stayEnd - 12] {
            drawing.polygon([(seam, top + chart.height - 5), (seam + 7, top + chart.height - 5), (seam + 4, top + chart.height + 5), (seam - 3, top + chart.height + 5)], .paper)
            drawing.line(seam - 3, top + chart.height + 5, seam, top + chart.height - 5, .soft)
            drawing.line(seam + 4, top + chart.height + 5, seam + 7, top + chart.height - 5, .soft)
        }
    }

    /// Axes, the envelope's washes and the limits of the phases, their names beside them.
    private mutating func frame(_ chart: TravelChart, _ envelope: Envelope, hasPositions: Bool) {
        let maximum = Double(envelope.maximumPermille)
        drawing.rect(chart.x, chart.top, chart.width, chart.at(permille: maximum) - chart.top, .redWash)
        drawing.rect(chart.x, chart.at(permille: maximum), chart.width, chart.height * maximum / 1000, .greenWash)
        for permille in hasPositions ? [0, 250, 500, 750, 1000] : [0, 1000] {
            let y = chart.at(permille: Double(permille))
            drawing.line(chart.x, y, chart.end, y, .faint)
            drawing.text(chart.x - 7, y + 4, hasPositions ? Words.percent(permille) : permille == 0 ? "closed" : "open", size: 11, .soft, anchor: .end)
        }
        var labels: [(y: Double, words: String, colour: Colour)] = []
        if hasPositions { labels.append((chart.at(permille: maximum), "\(Words.percent(envelope.maximumPermille)) at most", .red)) }
        if envelope.minimumPermille > 0 {
            let y = chart.at(permille: Double(envelope.minimumPermille))
            drawing.line(chart.x, y, chart.end, y, .green, 1, dash: "2 3")
            labels.append((y, "\(Words.percent(envelope.minimumPermille)) at least", .green))
        }
        for limit in envelope.phases {
            let y = chart.at(permille: Double(limit.maximumPermille))
            drawing.line(chart.x, y, chart.end, y, .violet, 1.5, dash: "6 3")
            labels.append((y, "\(hasPositions ? Words.percent(limit.maximumPermille) : limit.maximumPermille == 0 ? "closed" : "open") in \(calibration.phases[limit.phase])", .violet))
        }
        if hasPositions { drawing.line(chart.x, chart.at(permille: maximum), chart.end, chart.at(permille: maximum), .red, 2) }
        // From the bottom up, each at its line or above the one below it; then down again from the top.
        labels.sort { $0.y > $1.y }
        var places: [Double] = []
        for label in labels { places.append(min(label.y + 4, (places.last ?? .infinity) - 14)) }
        var floor = chart.top + 8
        for (label, place) in zip(labels, places).reversed() {
            let y = max(place, floor)
            drawing.line(chart.end, label.y, chart.end + 8, y - 4, label.colour)
            drawing.text(chart.end + 11, y, label.words, size: 11, label.colour, room: 132)
            floor = y + 14
        }
    }

    /// Three periods at the greatest share.
    private mutating func periods(_ output: TimeProportional, _ actuator: Actuator, _ top: Double, _ height: Double) {
        let chart = TravelChart(height: height, top: top, out: 1, back: 1)
        drawing.rect(chart.x, top, chart.width, chart.height, .greenWash)
        for (level, word) in [(0.0, "off"), (1000.0, "on")] {
            let y = chart.at(permille: level)
            drawing.line(chart.x, y, chart.end, y, .faint)
            drawing.text(chart.x - 7, y + 4, word, size: 11, .soft, anchor: .end)
        }
        let length = chart.width / 3
        let share = Double(actuator.envelope.maximumPermille) / 1000
        var wave: [(Double, Double)] = []
        for period in 0..<3 {
            let begin = chart.x + Double(period) * length
            drawing.line(begin, top, begin, top + chart.height, .faint)
            if share < 1 { drawing.rect(begin + length * share, top, length * (1 - share), chart.height, .redWash) }
            drawing.polygon([(begin, chart.at(permille: 0)), (begin, top), (begin + length * share, top), (begin + length * share, chart.at(permille: 0))], .blue, opacity: 0.16)
            wave += [(begin, chart.at(permille: 0)), (begin, top), (begin + length * share, top), (begin + length * share, chart.at(permille: 0))]
            if share < 1 { drawing.line(begin + length * share, top, begin + length * share, top + chart.height, .red, 2) }
        }
        drawing.path(share < 1 ? wave + [(chart.end, chart.at(permille: 0))] : [(chart.x, chart.at(permille: 0)), (chart.x, top), (chart.end, top)], .blue)
        drawing.text(chart.end + 11, top + 18, "\(Words.percent(actuator.envelope.maximumPermille)) at most", size: 11, .red, room: 132)
        for (row, limit) in actuator.envelope.phases.enumerated() {
            drawing.text(chart.end + 11, top + 34 + Double(row) * 14, "\(Words.percent(limit.maximumPermille)) in \(calibration.phases[limit.phase])", size: 11, .violet, room: 132)
        }
        drawing.text(chart.x, top + chart.height + 17, "0 s", size: 11, .soft)
        drawing.text(chart.x + length, top + chart.height + 17, "one period, \(Words.duration(output.periodMilliseconds))", size: 11, .soft, anchor: .middle)
        let away = actuator.envelope.maximumAwayMilliseconds
        drawing.text(chart.end, top + chart.height + 17, away == 0 ? "no limit of stay" : "away at most \(Words.duration(away))", size: 11, away == 0 ? .soft : .red, anchor: .end)
    }

    // MARK: one hour, and figures

    private mutating func hour(_ actuator: Actuator, _ y: Double) {
        let (x, width) = (760.0, Drawing.right - 760)
        let envelope = actuator.envelope
        let (minutes, starts) = (envelope.runningMinutesPerHour, envelope.startsPerHour)
        drawing.rect(x, y, width, 18, .panel, radius: 3)
        drawing.rect(x, y, minutes == 0 ? width : width * Double(minutes) / 60, 18, .blueWash, radius: 3)
        let ticks = min(starts, 130)
        for tick in 0..<ticks {
            let at = x + width * (Double(tick) + 0.5) / Double(ticks)
            drawing.line(at, y + 4, at, y + 14, .blue, 1)
        }
        drawing.text(x, y + 36, starts == 0 ? "any number of starts in an hour" : "\(starts) \(starts == 1 ? "start" : "starts") in any hour", size: 12, starts == 0 ? .soft : .blue)
        drawing.text(Drawing.right, y + 36, minutes == 0 ? "running without a limit" : "running \(minutes) min of it", size: 12, minutes == 0 ? .soft : .blue, anchor: .end)
    }

    private func facts(_ actuator: Actuator, _ index: Int) -> [(String, String)] {
        var facts: [(String, String)] = []
        let names = calibration.trips.filter { $0.actuators.contains(index) }.map(\.name)
        facts.append(("tripped by", names.isEmpty ? "nothing" : names.joined(separator: ", ")))
        switch actuator.drive {
        case .motorValve(let valve):
            facts.append(("stroke", "\(Words.duration(valve.strokeMilliseconds)) (\(Words.duration(valve.strokeFastestMilliseconds)) to \(Words.duration(valve.strokeSlowestMilliseconds)))"))
            facts.append(("coast, rest", "\(Words.duration(valve.coastMilliseconds)), \(Words.duration(valve.restMilliseconds)) between directions"))
            facts.append(("end switches", "within \(Words.percent(valve.endSwitchTolerancePermille)), debounce \(Words.duration(valve.endSwitchDebounceMilliseconds))"))
            if let feedback = valve.feedback {
                facts.append(("position feedback", "\(calibration.sensors[feedback.sensor].name), fault at \(Words.percent(feedback.deviationPermille)) for \(Words.duration(feedback.deviationMilliseconds))"))
            }
            if let test = valve.proofTest {
                facts.append(("partial-stroke test", "\(Words.percent(test.strokePermille))" + (test.intervalHours == 0 ? ", never due" : ", every \(Words.duration(test.intervalHours * 3_600_000))")))
            }
        case .solenoid(let solenoid): facts.append(("at least", "\(Words.duration(solenoid.minimumOnMilliseconds)) on, \(Words.duration(solenoid.minimumOffMilliseconds)) off"))
        case .timeProportional(let output):
            facts.append(("at least", "\(Words.duration(output.minimumOnMilliseconds)) on, \(Words.duration(output.minimumOffMilliseconds)) off"))
            if actuator.envelope.slewPermillePerSecond > 0 { facts.append(("slew", "\(Words.percent(actuator.envelope.slewPermillePerSecond)) a second")) }
        case .latchingRelay(let relay):
            facts.append(("pulse, rest", "\(Words.duration(relay.pulseMilliseconds)), \(Words.duration(relay.restMilliseconds))"))
            facts.append(("contact", relay.feedbackLine.isEmpty ? "none" : "\(relay.feedbackLine), within \(Words.duration(relay.feedbackMilliseconds))"))
        }
        if actuator.envelope.deadBandPermille > 0 { facts.append(("dead band", Words.percent(actuator.envelope.deadBandPermille))) }
        if actuator.envelope.lifetimeCycles > 0 { facts.append(("maintenance", "after \(actuator.envelope.lifetimeCycles) cycles")) }
        return facts + orders(actuator.governance)
    }

    private func orders(_ governance: Governance) -> [(String, String)] {
        var facts: [(String, String)] = []
        if let selector = governance.selector {
            let buttons = [governance.openButton, governance.closeButton].filter { !$0.isEmpty }
            facts.append(("Hand-Off-Auto", calibration.selectors[selector].name + (buttons.isEmpty ? "" : "; " + buttons.joined(separator: ", "))))
        }
        var terms: [String] = []
        if governance.selectMilliseconds > 0 { terms.append("selected \(Words.duration(governance.selectMilliseconds)) before at most") }
        if governance.approvals > 1 { terms.append("\(governance.approvals) signers") }
        if governance.leaseMilliseconds > 0 { terms.append("lease \(Words.duration(governance.leaseMilliseconds))") }
        if !terms.isEmpty { facts.append(("orders", terms.joined(separator: ", "))) }
        return facts
    }
}
