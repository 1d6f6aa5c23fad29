// The picture's sensors: the range of each, and the values at which something happens.
import Calibration

/// A value at which something happens.
private struct Mark {
    let value: Int
    let words: String
    let colour: Colour
}

extension CalibrationPlot {
    mutating func sensors() {
        drawing.heading("Sensors", "What each can say, and where something happens.")
        for (index, sensor) in calibration.sensors.enumerated() { draw(sensor, index) }
    }

    private mutating func draw(_ sensor: Sensor, _ index: Int) {
        let top = drawing.y
        drawing.text(Drawing.left, top + 12, sensor.name, size: 12.5, bold: true, room: 254)
        for (row, words) in descriptions(sensor, index).enumerated() { drawing.text(Drawing.left, top + 28 + Double(row) * 15, words, size: 11, .soft, room: 254) }
        let bottom = calibration.isSwitch(index) ? states(index, top) : range(index, top)
        drawing.y = max(bottom, top + 28 + Double(descriptions(sensor, index).count) * 15) + 12
        drawing.line(Drawing.left, drawing.y - 8, Drawing.right, drawing.y - 8, .faint)
        drawing.y += 8
    }

    private func descriptions(_ sensor: Sensor, _ index: Int) -> [String] {
        var terms: [String] = []
        let what: String
        switch sensor.source {
        case .switch(let value):
            what = "switch on \(value.line)" + (value.antivalentLine.isEmpty ? ", active \(value.activeWhenHigh ? "high" : "low")" : " against \(value.antivalentLine)")
            terms.append("debounce \(Words.duration(value.debounceMilliseconds))")
            if !value.antivalentLine.isEmpty { terms.append("discrepancy \(Words.duration(value.discrepancyMilliseconds))") }
        case .flowMeter(let meter): what = "flow meter on \(meter.line), \(meter.microlitresPerPulse) µl a pulse"
        case .frequency(let input): what = "frequency on \(input.line), \(input.pulsesPerTurn) pulses a turn"
        case .analogue(let input):
            what = "4-20 mA on \(input.channel), " + (input.coefficients.count == 2 ? "linear" : "polynomial of degree \(input.coefficients.count - 1)")
            terms.append("loop fault \(input.faultMilliseconds == 0 ? "at once" : "after " + Words.duration(input.faultMilliseconds))")
        case .voting(let voting):
            what = "\(Words.scheme(voting.scheme)) of \(voting.members.map { calibration.sensors[$0].name }.joined(separator: ", "))"
            if voting.deviation > 0 { terms.append("deviation \(calibration.words(voting.deviation, sensor: index)) for \(Words.duration(voting.deviationMilliseconds))") }
        }
        let plausibility = sensor.plausibility
        if plausibility.maximumRatePerSecond > 0 { terms.append("\(calibration.words(plausibility.maximumRatePerSecond, sensor: index)) a second at most") }
        if plausibility.staleMilliseconds > 0 { terms.append("stale \(Words.duration(plausibility.staleMilliseconds))") }
        if plausibility.stuckMilliseconds > 0 { terms.append("stuck \(Words.duration(plausibility.stuckMilliseconds))") }
        return [what] + (terms.isEmpty ? [] : [terms.joined(separator: ", ")])
    }

    /// Everything that asks the sensor, with the position of the value; 1 and 0 of a switch.
    private func marks(_ index: Int) -> [Mark] {
        var marks: [Mark] = []
        func add(_ condition: Condition, _ name: String, _ colour: Colour) {
            switch condition {
            case .active: marks.append(Mark(value: 1, words: name, colour: colour))
            case .inactive: marks.append(Mark(value: 0, words: name, colour: colour))
            case .above(let value): marks.append(Mark(value: value, words: "\(name) above \(calibration.words(value, sensor: index))", colour: colour))
            case .below(let value): marks.append(Mark(value: value, words: "\(name) below \(calibration.words(value, sensor: index))", colour: colour))
            }
        }
        for trip in calibration.trips where trip.sensor == index { add(trip.condition, trip.name, .red) }
        for named in calibration.interlocks {
            switch named.interlock {
            case .permissive(_, index, let condition): add(condition, named.name, .amber)
            case .response(_, _, _, index, let condition, _): add(condition, named.name, .green)
            default: break
            }
        }
        return marks
    }

    /// A switch: what happens while it is active, and while it is not.
    private mutating func states(_ index: Int, _ top: Double) -> Double {
        var y = top + 12
        for (value, word) in [(1, "active"), (0, "not active")] {
            drawing.text(310, y, word, size: 12, .soft)
            let own = marks(index).filter { $0.value == value }
            var x = 400.0
            for mark in own {
                let width = Drawing.measure(mark.words, size: 11.5) + 34
                if x + width > Drawing.right, x > 400 {
                    x = 400
                    y += 18
                }
                drawing.circle(x + 5, y - 4, 4.5, mark.colour)
                drawing.text(x + 15, y, mark.words, size: 11.5, mark.colour)
                x += width
            }
            if own.isEmpty { drawing.text(400, y, "nothing happens", size: 11.5, .soft) }
            y += 20
        }
        return y - 8
    }

    /// What measures: its range with marks; their words below, the rightmost highest, so that no leader
    /// crosses another's words.
    private mutating func range(_ index: Int, _ top: Double) -> Double {
        let (x, width) = (310.0, 560.0)
        let range = calibration.range(of: index)
        let at = { (value: Int) in x + width * Double(value - range.lowerBound) / Double(max(range.upperBound - range.lowerBound, 1)) }
        drawing.rect(x, top + 3, width, 12, .faint, radius: 3)
        var (low, high) = (range.lowerBound, range.upperBound)
        if let ends = loopEnds(index) { (low, high) = ends }
        drawing.rect(at(low), top + 3, at(high) - at(low), 12, .greenWash, radius: 2)
        drawing.rect(at(low), top + 3, at(high) - at(low), 12, .green, radius: 2, outline: true)
        drawing.text(x + width + 16, top + 13, "\(calibration.words(low, sensor: index)) to \(calibration.words(high, sensor: index))", size: 12, .soft, room: Drawing.right - x - width - 16)
        var lanes: [Double] = []
        var bottom = top + 20
        for mark in marks(index).sorted(by: { at($0.value) > at($1.value) }) {
            let place = at(mark.value)
            let end = place + 8 + Drawing.measure(mark.words, size: 11)
            // Lanes hold where their leftmost words begin; no words may cross the leaders of deeper lanes either.
            let lane = lanes.lastIndex { $0 < end + 8 }.map { $0 + 1 } ?? 0
            if lane == lanes.count { lanes.append(place) } else { lanes[lane] = place }
            let y = top + 31 + Double(lane) * 15
            drawing.line(place, top - 1, place, y - 3, mark.colour, 1.5)
            drawing.polygon([(place - 5, top - 3), (place + 5, top - 3), (place, top + 5)], mark.colour)
            drawing.text(place + 6, y, mark.words, size: 11, mark.colour, room: Drawing.right - place - 6)
            bottom = max(bottom, y + 4)
        }
        return bottom
    }

    /// The values at 4 and at 20 mA, the lesser first; nil where there is no loop.
    private func loopEnds(_ index: Int) -> (Int, Int)? {
        switch calibration.sensors[index].source {
        case .analogue(let input):
            let ends = [input.value(microamperes: 4000), input.value(microamperes: 20_000)]
            return (ends.min()!, ends.max()!)
        case .voting(let voting):
            let ends = voting.members.compactMap(loopEnds)
            return ends.isEmpty ? nil : (ends.map(\.0).min()!, ends.map(\.1).max()!)
        default: return nil
        }
    }
}
