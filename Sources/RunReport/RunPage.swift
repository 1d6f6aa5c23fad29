// The page: header, figures, the whole run, each actuator, each sensor, the plant, and the tables. One
// HTML file that needs nothing else: no script, no picture, no font from elsewhere.
// Its size is bounded: a drawn line has at most four steps a unit of its 900 units of width, a table at most
// `RunTable.rowsMaximum` rows, so a run of any length makes a page of a few megabytes at most.

import Foundation

public struct RunPage {
    private let record: RunRecord
    private let summary: RunSummary
    private let timeline: Timeline
    private let window: Window

    /// The whole document.
    public static func html(_ record: RunRecord, window: Window = .whole) throws(RunRecordError) -> String {
        let timeline = Timeline(record, window)
        guard !timeline.segments.isEmpty else {
            throw RunRecordError(.empty, "nothing of the run lies in the part that was asked for: boots \(record.boots.map { "\($0.count)" }.joined(separator: ", "))")
        }
        return RunPage(record: record, summary: RunSummary(record), timeline: timeline, window: window).document
    }

    private var document: String {
        let title = "Run of \(summary.device)"
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <meta name="color-scheme" content="light dark"><title>\(escaped(title))</title>
            <style>\(RunStyle.css)</style></head><body>
            <svg width="0" height="0" class="definitions"><defs>
            <pattern id="never" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="never-line" d="M0 0V7"/></pattern>
            </defs></svg>
            <main>
            \(header)\(figures)\(overview)
            \(section("Actuators", record.actuatorNames.map(actuator).joined()))
            \(section("Sensors", record.sensorNames.map(sensor).joined()))
            \(plant)\(tables)
            <footer>\(footer)</footer>
            </main></body></html>

            """
    }

    private func section(_ title: String, _ content: String) -> String {
        content.isEmpty ? "" : "<section><h2>\(escaped(title))</h2>\n\(content)</section>\n"
    }

    // MARK: header

    private var header: String {
        var facts: [(String, String)] = [
            ("board", escaped(summary.board)),
            ("release", escaped(summary.releases.isEmpty ? "not said" : summary.releases.joined(separator: ", "))),
            ("calibration", calibrationText), ("boots", escaped(bootText)),
            ("time", escaped("\(Quantity.span(summary.milliseconds)), \(record.hasRunClock ? "on the rig's clock" : "on the board's clock of each boot")")),
            ("shown", escaped(shownText)),
        ]
        facts.append(("source", record.hasPlant ? "a run on the rig: what the board said, and what the plant saw" : record.hasRunClock ? "a run on the rig" : "the board's journal"))
        let list = facts.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" }.joined()
        return "<header><p class=\"kicker\">Penstock run report</p><h1>\(escaped(summary.device))</h1><dl>\(list)</dl></header>\n"
    }

    private var calibrationText: String {
        var text = summary.calibrationVersion.map { "version \($0), <code>\(escaped(String(summary.calibrationDigest?.prefix(16) ?? "")))…</code>" } ?? "not given"
        if record.calibrations.count > 1 { text += ", the last of \(record.calibrations.count)" }
        for digest in summary.unknownCalibrations { text += "<br><strong class=\"bad\">unknown: <code>\(escaped(String(digest.prefix(16))))</code></strong>" }
        return text
    }

    private var bootText: String {
        guard let first = summary.bootCounts.first, let last = summary.bootCounts.last else { return "none" }
        return first == last ? "number \(first)" : "numbers \(first) to \(last), \(summary.bootCounts.count) seen"
    }

    private var shownText: String {
        var text = window == .whole ? "all of it" : timeline.segments.map { "\(Quantity.time($0.from)) to \(Quantity.time($0.to))" }.joined(separator: ", ")
        if timeline.leftOut > 0 { text = "the last \(timeline.segments.count) boots; \(timeline.leftOut) older ones by --boot" }
        return text
    }

    // MARK: figures

    private var figures: String {
        var tiles = summary.actuators.compactMap(envelopeTile)
        // One that holds several actuators is one trip.
        var trips: [Upset] = []
        for upset in summary.upsets where upset.kind == .trip && !trips.contains(where: { $0.at == upset.at && $0.name == upset.name }) { trips.append(upset) }
        let faults = summary.upsets.filter { $0.kind == .fault }
        tiles.append(tile("trips", "\(trips.count)", trips.isEmpty ? "none in this run" : "first-out: \(counted(trips.map(\.firstOut)))", isGood: nil))
        tiles.append(tile("faults", "\(faults.count)", faults.isEmpty ? "none in this run" : counted(faults.map(\.name)), isGood: nil))
        let refusals = summary.refusals.prefix(3).map { "\($0.code) \($0.count)" }.joined(separator: ", ")
        tiles.append(tile(
            "orders accepted", "\(summary.ordersAccepted)",
            summary.ordersRefused == 0 ? "none refused" : "\(summary.ordersRefused) refused: \(refusals)\(summary.refusals.count > 3 ? ", …" : "")", isGood: nil))
        let gaps = summary.missingRecords == 0 ? "none missing" : "\(summary.missingRecords) missing in \(record.missing.count) gaps"
        let range = summary.sequences.map { "\($0.lowerBound) to \($0.upperBound), " } ?? ""
        tiles.append(tile("records", "\(summary.records)", range + gaps + (summary.damage.isEmpty ? "" : "; \(summary.damage.joined(separator: "; "))"), isGood: summary.missingRecords == 0 && summary.damage.isEmpty))
        if summary.checksPassed + summary.checksFailed > 0 {
            tiles.append(tile("checks", "\(summary.checksPassed) of \(summary.checksPassed + summary.checksFailed)", "passed", isGood: summary.checksFailed == 0))
        }
        return "<section class=\"tiles\">\(tiles.joined())</section>\n"
    }

    private func tile(_ name: String, _ figure: String, _ words: String, isGood: Bool?) -> String {
        let style = isGood.map { $0 ? " good" : " bad" } ?? ""
        return "<div class=\"tile\"><h3>\(escaped(name))</h3><p class=\"figure\(style)\">\(escaped(figure))</p><p>\(escaped(words))</p></div>"
    }

    /// The highest position against the limit, as a bar of the travel.
    private func envelopeTile(_ actuator: ActuatorSummary) -> String? {
        guard let limit = actuator.limitPermille, let isWithin = actuator.isWithinLimit, let highest = actuator.highestTruePermille ?? actuator.highestReportedPermille else { return nil }
        let at = { (permille: Int64) in coordinate(Double(min(max(permille, 0), 1000)) / 5) }
        let bar = """
            <svg viewBox="0 0 200 22" role="img" aria-label="highest position and limit"><rect class="never" x="\(at(Int64(limit)))" y="4" width="\(coordinate(200 - Double(limit) / 5))" height="10"/><rect class="allowed" x="0" y="4" width="\(at(Int64(limit)))" height="10"/><rect class="\(isWithin ? "reached" : "reached over")" x="0" y="6.5" width="\(at(highest))" height="5"/><path class="limit" d="M\(at(Int64(limit))) 1V17"/></svg>
            """
        let whose = actuator.highestTruePermille == nil ? "as the board reported" : "as the plant saw"
        let reported = actuator.highestTruePermille == nil ? "" : actuator.highestReportedPermille.map { "; reported \(Quantity.text($0, "permille"))" } ?? ""
        return "<div class=\"tile\"><h3>\(escaped(actuator.name)), furthest open</h3><p class=\"figure \(isWithin ? "good" : "bad")\">\(escaped(Quantity.text(highest, "permille")))</p>\(bar)<p>\(escaped("limit \(Quantity.text(Int64(limit), "permille")); \(whose)\(reported)"))</p></div>"
    }

    private func counted(_ names: [String]) -> String {
        var counts: [String: Int] = [:]
        for name in names { counts[name, default: 0] += 1 }
        let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        return sorted.prefix(3).map { $0.value == 1 ? $0.key : "\($0.key) ×\($0.value)" }.joined(separator: ", ") + (sorted.count > 3 ? ", …" : "")
    }

    // MARK: the whole run

    private var overview: String {
        var chart = Chart(record, timeline)
        chart.lane("boots", record.bootIntervals, style: { $0.text.hasSuffix("!") ? "fault" : "plain" })
        let phases = record.phases
        if !phases.isEmpty { chart.lane("phase", phases, style: { _ in "plain" }) }
        if !record.boardEvents.isEmpty {
            let ticks = record.boardEvents.map { (at: $0.at, text: $0.fact, style: ["power-lost", "reset", "malformed"].contains($0.fact) ? "bad" : "note") }
            chart.lane("power, reset", ticks: ticks)
        }
        if !record.deaths.isEmpty { chart.lane("link lost", ticks: record.deaths.map { (at: $0.at, text: $0.fact, style: "note") }) }
        chart.lane("trips, faults", ticks: summary.upsets.map { (at: $0.at, text: "\($0.number): \($0.actuator): \($0.name)", style: $0.kind == .trip ? "bad" : "warn") })
        chart.lane("accepted", ticks: receiptTicks("accepted", "good"))
        chart.lane("refused", ticks: receiptTicks("refused", "bad"))
        if !record.faults.isEmpty {
            var rows: [String] = []
            for fault in record.faults where !rows.contains(fault.text) { rows.append(fault.text) }
            for name in rows.prefix(Self.faultLanesMaximum) { chart.lane(rows.first == name ? "faults put in" : "", record.faults.filter { $0.text == name }, style: { _ in "fault" }) }
        }
        if !record.checks.isEmpty {
            chart.lane("checks", record.checkIntervals, style: { $0.text.hasPrefix("FAIL") ? "bad" : $0.text.hasPrefix("ok") ? "good" : "plain" })
        }
        chart.axis()
        return section("The whole run", figure(chart, "Boots, trips, orders and checks over time", record.hasRunClock ? "Time since the rig started; a dashed line in the charts below is a start of the board." : "Time since each start of the board."))
    }

    private static let faultLanesMaximum = 12

    private func receiptTicks(_ outcome: String, _ style: String) -> [(at: Instant, text: String, style: String)] {
        record.receipts.filter { $0.fact.outcome == outcome }.map {
            (at: $0.at, text: "\($0.fact.issuer ?? "nobody known"): \(record.order(of: $0.fact)?.text ?? $0.fact.text): \($0.fact.code)", style: style)
        }
    }

    private func figure(_ chart: Chart, _ label: String, _ caption: String, legend: String = "") -> String {
        "<figure>\(legend)\(chart.svg(label: label))\(caption.isEmpty ? "" : "<figcaption>\(escaped(caption))</figcaption>")</figure>\n"
    }

    // MARK: actuators

    private func actuator(_ name: String) -> String {
        let envelope = CalibrationFacts.envelope(of: name, record.calibration)
        let point = record.point(named: name), truth = record.truth[name]
        let upsets = summary.upsets.filter { $0.actuator == name }
        let authority = record.authority(of: name), states = record.states(of: name)
        var chart = Chart(record, timeline)
        chart.plot(
            height: envelope?.maximum == nil ? 70 : 190, 0...100,
            grid: (envelope?.maximum == nil ? [0, 100] : [0, 25, 50, 75, 100]).map { (value: $0, text: "\(Int($0)) %") }, markers: !upsets.isEmpty)
        if let maximum = envelope?.maximum.map({ Double($0) / 10 }) {
            chart.band(0, maximum, "allowed")
            if maximum < 100 { chart.band(maximum, 100, "never") }
        }
        for limit in envelope?.phases ?? [] {
            chart.band(Double(limit.maximum) / 10, Double(envelope?.maximum ?? 1000) / 10, "never", during: record.phases.filter { $0.text == limit.name })
        }
        for state in states { chart.shade(state.intervals, "shade-\(state.name)") }
        chart.shade(point?.bad ?? [], "shade-unknown")
        if let maximum = envelope?.maximum { chart.level(Double(maximum) / 10, "limit \(Quantity.text(Int64(maximum), "permille"))", "limit") }
        if let minimum = envelope?.minimum, minimum > 0 { chart.level(Double(minimum) / 10, "", "least") }
        if let truth { chart.line(truth, factor: 0.1, "truth") }
        chart.line(authority.setpoint, factor: 0.1, "setpoint")
        if let point {
            chart.line(point.doubtful, factor: 0.1, "doubtful")
            chart.line(point.values, factor: 0.1, "position")
        }
        chart.markers(upsets)
        lanes(&chart, name, states, authority.holders, point?.bad ?? [], envelope?.outputs ?? [])
        chart.axis()
        let facts = ([envelope?.kind ?? "actuator"] + (envelope?.facts ?? [])).joined(separator: " · ")
        return "<article><h3>\(escaped(name))</h3><p class=\"facts\">\(escaped(facts))</p>"
            + figure(chart, "Position of \(name) over time", "", legend: legend(hasTruth: truth != nil, hasSetpoint: !authority.setpoint.entries.isEmpty, hasLimit: envelope?.maximum != nil))
            + RunTable.upsets(upsets, record, timeline) + "</article>\n"
    }

    private func lanes(
        _ chart: inout Chart, _ name: String, _ states: [(name: String, intervals: [Interval])], _ holders: [Interval], _ bad: [Interval], _ outputs: [String]
    ) {
        let modes = record.modes(of: name)
        if !modes.isEmpty { chart.lane("selector", modes, style: { $0.text == "auto" ? "plain" : "unsupervised" }) }
        let leases = record.leases(of: name)
        if !leases.isEmpty { chart.lane("lease of", leases, style: { _ in "plain" }) }
        if !holders.isEmpty { chart.lane("order of", holders, style: { _ in "plain" }) }
        let refused = record.receipts.filter { $0.fact.outcome == "refused" && record.order(of: $0.fact)?.actuator == name }
        if !refused.isEmpty {
            chart.lane("refused", ticks: refused.map { (at: $0.at, text: "\($0.fact.issuer ?? "nobody known"): \(record.order(of: $0.fact)?.text ?? ""): \($0.fact.code)", style: "bad") })
        }
        for state in states { chart.lane(state.name, state.intervals, style: { _ in state.name }) }
        if !bad.isEmpty { chart.lane("quality", bad, style: { _ in "unknown" }) }
        for line in outputs { if let series = record.lines[line] { chart.lane(line, series, "truth-thin") } }
    }

    private func legend(hasTruth: Bool, hasSetpoint: Bool, hasLimit: Bool) -> String {
        var items = ["<span><i class=\"key\"></i>reported by the board</span>"]
        if hasTruth { items.append("<span><i class=\"key truth-key\"></i>as the plant saw it</span>") }
        if hasSetpoint { items.append("<span><i class=\"key setpoint-key\"></i>ordered</span>") }
        if hasLimit { items.append("<span><i class=\"key allowed-key\"></i>envelope</span>") }
        return "<p class=\"legend\">\(items.joined(separator: " "))</p>"
    }

    // MARK: sensors

    private func sensor(_ name: String) -> String {
        guard let point = record.point(named: name) else { return "" }
        let sense = CalibrationFacts.sense(of: name, record.calibration)
        let trips = CalibrationFacts.trips(record.calibration).filter { $0.sensor == name }
        let line = sense?.line.flatMap { record.lines[$0] }, truth = record.truth[name]
        let scale = Quantity.scale(point.unit, divisor: point.divisor)
        var chart = Chart(record, timeline)
        if sense?.isSwitch ?? (point.unit == "1") {
            chart.plot(height: 30, 0...1, grid: [(value: 0, text: "off"), (value: 1, text: "on")], markers: false)
            chart.shade(point.bad, "shade-unknown")
            if let line { chart.line(line, factor: 1, "truth") }
            chart.line(point.doubtful, factor: 1, "doubtful")
            chart.line(point.values, factor: 1, "position")
        } else {
            let values = [point.values.maximum, point.values.minimum, truth?.maximum, truth?.minimum].compactMap { $0 } + trips.compactMap(\.limit) + [0]
            let range = Self.round(Double(values.min()!) * scale.factor, Double(values.max()!) * scale.factor)
            chart.plot(height: 110, range.lowest...range.highest, grid: range.grid.map { (value: $0, text: Quantity.number($0)) }, markers: false)
            chart.shade(point.bad, "shade-unknown")
            for trip in trips { if let limit = trip.limit { chart.level(Double(limit) * scale.factor, "trip \(trip.name)", "limit") } }
            if let truth { chart.line(truth, factor: scale.factor, "truth") }
            chart.line(point.doubtful, factor: scale.factor, "doubtful")
            chart.line(point.values, factor: scale.factor, "position")
        }
        for state in record.states(of: name) where state.name == "deviating" { chart.lane(state.name, state.intervals, style: { _ in "unknown" }) }
        if !point.bad.isEmpty { chart.lane("quality", point.bad, style: { $0.text == "stale" ? "unknown" : "fault" }) }
        chart.axis()
        let words = [sense?.kind ?? "", scale.unit.isEmpty ? "" : "in \(scale.unit)"].filter { !$0.isEmpty }
            + trips.map { "trips \($0.actuators.joined(separator: ", ")) when \($0.when)\($0.isLatched ? ", latched" : "")" }
        return "<article><h3>\(escaped(name))</h3><p class=\"facts\">\(escaped(words.joined(separator: " · ")))</p>"
            + figure(chart, "\(name) over time", "", legend: legend(hasTruth: truth != nil || line != nil, hasSetpoint: false, hasLimit: false)) + "</article>\n"
    }

    /// A range that holds both, with about four round values in it.
    static func round(_ lowest: Double, _ highest: Double) -> (lowest: Double, highest: Double, grid: [Double]) {
        let highest = highest > lowest ? highest : lowest + 1
        let span = highest - lowest
        let power = pow(10, floor(log10(span / 3)))
        let step = [1, 2, 2.5, 5, 10].map { $0 * power }.first { $0 >= span / 4 } ?? span
        let first = (lowest / step).rounded(.down) * step, last = max((highest / step).rounded(.up) * step, first + step)
        return (first, last, Array(stride(from: first, through: last + step / 2, by: step)))
    }

    // MARK: the plant

    /// What the plant knows beside the points: levels, spills.
    private var plant: String {
        let known = Set(record.points.map(\.name))
        let others = record.truth.keys.filter { !known.contains($0) }.sorted()
        let articles = others.map { name -> String in
            let series = record.truth[name]!, unit = record.units[name] ?? ""
            let scale = Quantity.scale(unit)
            if let only = series.maximum, only == series.minimum {
                return "<article><h3>\(escaped(name))</h3><p class=\"facts\">\(escaped("\(Quantity.text(only, unit)) all the time"))</p></article>\n"
            }
            let range = Self.round(min(0, Double(series.minimum ?? 0) * scale.factor), Double(series.maximum ?? 1) * scale.factor)
            var chart = Chart(record, timeline)
            chart.plot(height: 90, range.lowest...range.highest, grid: range.grid.map { (value: $0, text: Quantity.number($0)) }, markers: false)
            chart.line(series, factor: scale.factor, "truth")
            chart.axis()
            let highest = series.maximum.map { ", at the highest \(Quantity.text($0, unit))" } ?? ""
            return "<article><h3>\(escaped(name))</h3><p class=\"facts\">\(escaped((scale.unit.isEmpty ? "a number" : "in \(scale.unit)") + highest))</p>" + figure(chart, "\(name) of the plant over time", "") + "</article>\n"
        }
        return section("The plant", articles.joined())
    }

    // MARK: tables

    private var tables: String {
        section("Orders and receipts", RunTable.receipts(record, timeline)) + section("Events", RunTable.events(record, timeline))
            + section("Records that are missing", RunTable.missing(record)) + section("Checks", RunTable.checks(record, timeline))
    }

    private var footer: String {
        "Lines hold their value until the next record. Where a line has more values than the page has columns, the highest and the lowest of each column are drawn. The board's words are its own; what the plant saw is the rig's. Not a safety instrumented system."
    }
}

extension RunRecord {
    /// One of each boot, with its release; a failure that it reports is marked.
    var bootIntervals: [Interval] {
        boots.map { Interval(from: $0.start, to: $0.end, text: "boot \($0.count)\($0.release.map { " · \($0)" } ?? "")\($0.failure == nil ? "" : " !")") }
    }

    /// From the beginning of each check to its outcome.
    var checkIntervals: [Interval] {
        var open: [String: Instant] = [:]
        var intervals: [Interval] = []
        for check in checks {
            guard let passed = check.fact.passed else {
                open[check.fact.name] = check.at
                continue
            }
            let from = open.removeValue(forKey: check.fact.name) ?? Instant(segment: 0, milliseconds: check.at.milliseconds - check.fact.milliseconds)
            intervals.append(Interval(from: from, to: check.at, text: "\(passed ? "ok" : "FAIL") \(check.fact.name)"))
        }
        for (name, from) in open.sorted(by: { $0.value < $1.value }) { intervals.append(Interval(from: from, to: end, text: name)) }
        return intervals
    }
}
