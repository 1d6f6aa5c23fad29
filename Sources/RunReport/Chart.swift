// One drawing: a plot over time with its bands, lines and markers, and lanes of states below it.

/// SVG of the page's width, put together from the top down.
struct Chart {
    let timeline: Timeline
    private let record: RunRecord
    private var body = ""
    /// The lower end of what has been drawn.
    private(set) var bottom = 8.0
    private var plotTop = 0.0
    private var plotHeight = 0.0
    /// The numbers at the plot's lower and upper edge.
    private var range: ClosedRange<Double> = 0...1

    init(_ record: RunRecord, _ timeline: Timeline) {
        self.record = record
        self.timeline = timeline
    }

    // MARK: the plot

    /// Room for markers above it, then a plot between two values, with a grid at these values.
    mutating func plot(height: Double, _ range: ClosedRange<Double>, grid: [(value: Double, text: String)], markers: Bool) {
        plotTop = bottom + (markers ? 30 : 4)
        plotHeight = height
        self.range = range
        for segment in timeline.segments {
            body += "<rect class=\"plot\" x=\"\(coordinate(segment.x))\" y=\"\(coordinate(plotTop))\" width=\"\(coordinate(segment.width))\" height=\"\(coordinate(height))\"/>"
        }
        for line in grid {
            let y = y(line.value)
            for segment in timeline.segments { horizontal(segment.x, segment.end, y, "grid") }
            text(Timeline.left - 8, y + 4, line.text, "tick", anchor: "end")
        }
        bottom = plotTop + height + 4
    }

    func y(_ value: Double) -> Double {
        plotTop + plotHeight * (1 - (min(max(value, range.lowerBound), range.upperBound) - range.lowerBound) / max(range.upperBound - range.lowerBound, 1e-9))
    }

    /// Between two values, over the whole time.
    mutating func band(_ from: Double, _ to: Double, _ style: String) {
        for segment in timeline.segments {
            body += "<rect class=\"\(style)\" x=\"\(coordinate(segment.x))\" y=\"\(coordinate(y(to)))\" width=\"\(coordinate(segment.width))\" height=\"\(coordinate(y(from) - y(to)))\"/>"
        }
    }

    /// Between two values, while something lasted.
    mutating func band(_ from: Double, _ to: Double, _ style: String, during intervals: [Interval]) {
        for interval in intervals {
            for span in timeline.spans(interval.from, interval.to) {
                body += "<rect class=\"\(style)\" x=\"\(coordinate(span.x))\" y=\"\(coordinate(y(to)))\" width=\"\(coordinate(span.width))\" height=\"\(coordinate(y(from) - y(to)))\"/>"
            }
        }
    }

    mutating func level(_ value: Double, _ label: String, _ style: String) {
        for segment in timeline.segments { horizontal(segment.x, segment.end, y(value), style) }
        if !label.isEmpty { text(Timeline.right - 6, y(value) - 5, label, style + "-text", anchor: "end") }
    }

    /// A period, over the whole height of the plot.
    mutating func shade(_ intervals: [Interval], _ style: String) {
        for interval in intervals {
            for span in timeline.spans(interval.from, interval.to) {
                body += "<rect class=\"\(style)\" x=\"\(coordinate(span.x))\" y=\"\(coordinate(plotTop))\" width=\"\(coordinate(span.width))\" height=\"\(coordinate(plotHeight))\"/>"
            }
        }
    }

    mutating func line(_ series: Series, factor: Double, _ style: String) {
        let path = series.path(timeline) { y(Double($0) * factor) }
        if !path.isEmpty { body += "<path class=\"\(style)\" d=\"\(path)\"/>" }
    }

    /// Numbered, with a line down through the plot; neighbours stand on two levels.
    mutating func markers(_ upsets: [Upset]) {
        var last = [-100.0, -100.0]
        for upset in upsets {
            guard let x = timeline.x(upset.at) else { continue }
            let row = x - last[0] >= 19 || last[0] <= last[1] ? 0 : 1
            last[row] = x
            let top = plotTop - 12 - Double(row) * 9
            body += "<g class=\"marker \(upset.kind.rawValue)\"><title>\(escaped("\(upset.number): \(upset.name), first-out \(upset.firstOut), \(upset.reason)"))</title>"
            vertical(x, top, plotTop + plotHeight, "marker-line")
            body += "<circle cx=\"\(coordinate(x))\" cy=\"\(coordinate(top))\" r=\"8.5\"/>"
            text(x, top + 3.6, "\(upset.number)", "marker-text", anchor: "middle")
            body += "</g>"
        }
    }

    // MARK: lanes

    private static let laneHeight = 13.0

    /// A name, and beside it what lasted when.
    mutating func lane(_ name: String, _ intervals: [Interval], style: (Interval) -> String, label: (Interval) -> String = \.text) {
        let top = laneTop(name)
        for interval in intervals {
            let words = label(interval)
            for span in timeline.spans(interval.from, interval.to) {
                body += "<g><title>\(escaped("\(words): \(clock(interval.from)) to \(clock(interval.to))"))</title><rect class=\"bar \(style(interval))\" x=\"\(coordinate(span.x))\" y=\"\(coordinate(top))\" width=\"\(coordinate(span.width))\" height=\"\(coordinate(Self.laneHeight))\" rx=\"2\"/>"
                let room = Int((span.width - 6) / 5.6)
                if room >= 3 { text(span.x + 4, top + 10, shortened(words, room), "bar-text \(style(interval))-text", anchor: "start") }
                body += "</g>"
            }
        }
    }

    /// A name, and beside it a line that is 0 or 1.
    mutating func lane(_ name: String, _ series: Series, _ style: String) {
        let top = laneTop(name)
        let path = series.path(timeline) { $0 > 0 ? top + 2 : top + Self.laneHeight - 1 }
        if !path.isEmpty { body += "<path class=\"\(style)\" d=\"\(path)\"/>" }
    }

    /// A name, and beside it a stroke for each of these.
    mutating func lane(_ name: String, ticks: [(at: Instant, text: String, style: String)]) {
        let top = laneTop(name)
        // Strokes of one kind in one column are one.
        var drawn: Set<String> = []
        for tick in ticks {
            guard let x = timeline.x(tick.at), drawn.insert("\(Int(x)) \(tick.style)").inserted else { continue }
            body += "<g><title>\(escaped("\(clock(tick.at)) \(tick.text)"))</title>"
            vertical(x, top, top + Self.laneHeight, "stroke \(tick.style)")
            body += "</g>"
        }
    }

    private mutating func laneTop(_ name: String) -> Double {
        let top = bottom + 6
        for segment in timeline.segments {
            body += "<rect class=\"lane\" x=\"\(coordinate(segment.x))\" y=\"\(coordinate(top))\" width=\"\(coordinate(segment.width))\" height=\"\(coordinate(Self.laneHeight))\"/>"
        }
        text(Timeline.left - 8, top + 10, shortened(name, 16), "lane-name", anchor: "end")
        bottom = top + Self.laneHeight
        return top
    }

    // MARK: time

    /// Boots as they begin, and the clock below.
    mutating func axis() {
        if record.hasRunClock {
            for boot in record.boots { if let x = timeline.x(boot.start) { vertical(x, plotTop > 0 ? plotTop : 8, bottom, "boot") } }
        }
        for tick in timeline.ticks() {
            vertical(tick.x, bottom + 3, bottom + 7, "tick-line")
            text(tick.x, bottom + 18, tick.text, "tick", anchor: "middle")
        }
        bottom += 22
        guard !record.hasRunClock else { return }
        for segment in timeline.segments where segment.width >= 40 {
            text(segment.x, bottom + 12, "boot \(segment.boot ?? 0)", "tick", anchor: "start")
        }
        bottom += 16
    }

    private func clock(_ instant: Instant) -> String { Quantity.time(instant.milliseconds) }

    func svg(label: String) -> String {
        "<svg viewBox=\"0 0 1000 \(coordinate(bottom + 4))\" role=\"img\" aria-label=\"\(escaped(label))\">\(body)</svg>\n"
    }

    // MARK: marks

    private mutating func text(_ x: Double, _ y: Double, _ words: String, _ style: String, anchor: String) {
        body += "<text class=\"\(style)\" x=\"\(coordinate(x))\" y=\"\(coordinate(y))\" text-anchor=\"\(anchor)\">\(escaped(words))</text>"
    }

    private mutating func vertical(_ x: Double, _ from: Double, _ to: Double, _ style: String) {
        body += "<path class=\"\(style)\" d=\"M\(coordinate(x)) \(coordinate(from))V\(coordinate(to))\"/>"
    }

    private mutating func horizontal(_ from: Double, _ to: Double, _ y: Double, _ style: String) {
        body += "<path class=\"\(style)\" d=\"M\(coordinate(from)) \(coordinate(y))H\(coordinate(to))\"/>"
    }
}
