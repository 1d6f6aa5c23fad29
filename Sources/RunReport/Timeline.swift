// Where an instant stands on the page: one clock from left to right on a rig, the boots side by side of a
// journal; the whole run or a part of it.

/// The part of a run that is shown. Times are seconds of the clock that the page shows.
public struct Window: Equatable, Sendable {
    public var boot: UInt64?
    public var fromSeconds: Double?
    public var toSeconds: Double?

    public init(boot: UInt64? = nil, fromSeconds: Double? = nil, toSeconds: Double? = nil) {
        self.boot = boot
        self.fromSeconds = fromSeconds
        self.toSeconds = toSeconds
    }

    public static let whole = Window()
}

struct Timeline {
    struct Segment {
        /// The segment of `Instant` that it shows.
        let number: Int
        let from: Int64
        let to: Int64
        var x: Double
        var width: Double
        /// The boot that it is; nil on one clock.
        let boot: UInt64?

        var end: Double { x + width }
    }

    static let left = 96.0
    static let right = 992.0
    private static let gap = 10.0
    private static let widthMinimum = 14.0
    /// More boots than this are not drawn; the newest are.
    static let segmentsMaximum = 32

    private(set) var segments: [Segment] = []
    /// Boots of the run that are left out.
    private(set) var leftOut = 0

    init(_ record: RunRecord, _ window: Window) {
        for (number, range) in record.segments.enumerated() {
            var from = range.lowerBound, to = max(range.upperBound, range.lowerBound + 1)
            let boot = record.hasRunClock ? nil : record.boots[number].count
            if let wanted = window.boot {
                if let boot, boot != wanted { continue }
                if boot == nil {
                    guard let index = record.boots.firstIndex(where: { $0.count == wanted }) else { continue }
                    from = max(from, record.boots[index].start.milliseconds)
                    if index + 1 < record.boots.count { to = min(to, record.boots[index + 1].start.milliseconds) }
                }
            }
            if let seconds = window.fromSeconds { from = max(from, Int64(seconds * 1000)) }
            if let seconds = window.toSeconds { to = min(to, Int64(seconds * 1000)) }
            if from < to { segments.append(Segment(number: number, from: from, to: to, x: 0, width: 0, boot: boot)) }
        }
        if segments.count > Self.segmentsMaximum {
            leftOut = segments.count - Self.segmentsMaximum
            segments.removeFirst(leftOut)
        }
        place()
    }

    /// Widths by their duration, but none so narrow that it could not be seen.
    private mutating func place() {
        let room = Self.right - Self.left - Self.gap * Double(max(0, segments.count - 1))
        let all = segments.reduce(0.0) { $0 + Double($1.to - $1.from) }
        let spare = room - Self.widthMinimum * Double(segments.count)
        var x = Self.left
        for index in segments.indices {
            let width = Self.widthMinimum + spare * Double(segments[index].to - segments[index].from) / max(all, 1)
            segments[index].x = x
            segments[index].width = width
            x += width + Self.gap
        }
    }

    func segment(_ instant: Instant) -> Segment? { segments.first { $0.number == instant.segment } }

    /// Whether it is in the part that is shown.
    func shows(_ instant: Instant) -> Bool { segment(instant).map { $0.from...$0.to ~= instant.milliseconds } ?? false }

    /// Nil outside of what is shown.
    func x(_ instant: Instant) -> Double? {
        guard let segment = segment(instant), segment.from...segment.to ~= instant.milliseconds else { return nil }
        return segment.x(instant.milliseconds)
    }

    /// The parts of an interval that are shown.
    func spans(_ from: Instant, _ to: Instant) -> [(x: Double, width: Double)] {
        segments.compactMap { segment in
            guard from.segment <= segment.number, to.segment >= segment.number else { return nil }
            let begin = from.segment == segment.number ? max(from.milliseconds, segment.from) : segment.from
            let end = to.segment == segment.number ? min(to.milliseconds, segment.to) : segment.to
            guard begin <= end else { return nil }
            return (segment.x(begin), max(1, segment.x(end) - segment.x(begin)))
        }
    }

    /// Round times, about one every hundred units of the page.
    func ticks() -> [(x: Double, text: String)] {
        let steps: [Int64] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400].map { $0 * 1000 }
        return segments.flatMap { segment -> [(x: Double, text: String)] in
            let wanted = Double(segment.to - segment.from) * 90 / segment.width
            let step = steps.first { Double($0) >= wanted } ?? steps.last! * max(1, Int64(wanted) / steps.last!)
            let first = (segment.from + step - 1) / step * step
            return stride(from: first, through: segment.to, by: Int64.Stride(step)).map { (segment.x($0), Quantity.time($0, tenths: false)) }
        }
    }
}

extension Timeline.Segment {
    func x(_ milliseconds: Int64) -> Double { x + width * Double(milliseconds - from) / Double(max(1, to - from)) }
}

extension Series {
    /// As the path of a line that holds each value until the next: at most one column a unit of the page, in
    /// which the highest and the lowest stand, so that nothing short is lost and no run is too long.
    func path(_ timeline: Timeline, y: (Int64) -> Double) -> String {
        var out = ""
        for segment in timeline.segments {
            var pen = ColumnPen()
            var before: Int64??
            for entry in entries where entry.at.segment == segment.number {
                if entry.at.milliseconds < segment.from {
                    before = entry.value
                    continue
                }
                guard entry.at.milliseconds <= segment.to else { break }
                if let value = before {
                    pen.move(segment.x, value.map(y))
                    before = nil
                }
                pen.move(segment.x(entry.at.milliseconds), entry.value.map(y))
            }
            if let value = before { pen.move(segment.x, value.map(y)) }
            pen.end(segment.end)
            out += pen.path
        }
        return out
    }
}

/// Draws a line that only goes right, up and down.
private struct ColumnPen {
    private(set) var path = ""
    /// Where the line stands; nil: lifted.
    private var level: Double?
    private var column: (x: Int, first: Double, low: Double, high: Double, last: Double)?

    mutating func move(_ x: Double, _ y: Double?) {
        let here = Int(x.rounded())
        guard let y else {
            flush()
            if level != nil { path += "H\(here)" }
            level = nil
            return
        }
        if let open = column, open.x == here {
            column = (here, open.first, min(open.low, y), max(open.high, y), y)
        } else {
            flush()
            column = (here, y, y, y, y)
        }
    }

    private mutating func flush() {
        guard let open = column else { return }
        column = nil
        if level == nil { path += "M\(open.x) \(coordinate(open.first))" } else { path += "H\(open.x)" }
        var at = level ?? open.first
        for y in [open.low < min(open.first, open.last) ? open.low : open.first, open.high > max(open.first, open.last) ? open.high : open.last, open.last]
        where coordinate(y) != coordinate(at) {
            path += "V\(coordinate(y))"
            at = y
        }
        level = open.last
    }

    mutating func end(_ x: Double) {
        flush()
        if level != nil { path += "H\(Int(x.rounded()))" }
    }
}
