// The page's tables. Each has at most `rowsMaximum` rows: its beginning and its end, and between them how
// many are left out.

enum RunTable {
    static let rowsMaximum = 400
    /// A code that comes more often is shown once, with its count; trips and faults never are.
    static let repeatsMaximum = 40

    private static func table(_ heads: [String], _ rows: [String]) -> String {
        guard !rows.isEmpty else { return "" }
        var shown = rows
        if rows.count > rowsMaximum {
            shown = Array(rows.prefix(rowsMaximum / 2))
            shown.append("<tr class=\"more\"><td colspan=\"\(heads.count)\">… \(rows.count - rowsMaximum) rows are left out here …</td></tr>")
            shown += rows.suffix(rowsMaximum / 2)
        }
        return "<div class=\"table\"><table><thead><tr>\(heads.map { "<th>\($0)</th>" }.joined())</tr></thead><tbody>\(shown.joined(separator: "\n"))</tbody></table></div>\n"
    }

    private static func row(_ cells: [String], style: String = "") -> String {
        "<tr\(style.isEmpty ? "" : " class=\"\(style)\"")>\(cells.map { "<td>\($0)</td>" }.joined())</tr>"
    }

    /// Boot and the board's clock; on a rig its clock before them.
    private static func when(_ at: Instant, _ stamp: RecordStamp?, _ record: RunRecord) -> String {
        let board = stamp.map { "boot \($0.boot), \(Quantity.time($0.boardMilliseconds))" } ?? record.boot(at: at).map { "boot \($0.count)" } ?? ""
        return record.hasRunClock ? "<b>\(Quantity.time(at.milliseconds))</b> <small>\(board)</small>" : board.isEmpty ? Quantity.time(at.milliseconds) : "<b>\(board)</b>"
    }

    static func upsets(_ upsets: [Upset], _ record: RunRecord, _ timeline: Timeline) -> String {
        table(["", "when", "what", "first-out", "cause", "reset", "after"], upsets.filter { timeline.shows($0.at) }.map { upset in
            let after = upset.resetAt.flatMap { $0.segment == upset.at.segment ? Quantity.span($0.milliseconds - upset.at.milliseconds) : nil } ?? ""
            let boot = record.boot(at: upset.at)
            let time = record.hasRunClock ? Quantity.time(upset.at.milliseconds) : "boot \(boot?.count ?? 0), \(Quantity.time(upset.at.milliseconds))"
            let refused = upset.refusedResets == 0 ? "" : ", \(upset.refusedResets)× refused before"
            return row([
                "<span class=\"number \(upset.kind.rawValue)\">\(upset.number)</span>", "<b>\(time)</b>", escaped("\(upset.kind.rawValue) \(upset.name)"),
                "<b>\(escaped(upset.firstOut))</b>", escaped(upset.reason), escaped(upset.end + refused), after,
            ])
        })
    }

    static func receipts(_ record: RunRecord, _ timeline: Timeline) -> String {
        table(["when", "issuer", "order", "outcome", "code", "said", "counter"], record.receipts.filter { timeline.shows($0.at) }.map { receipt in
            let fact = receipt.fact
            return row([
                when(receipt.at, receipt.stamp, record), escaped(fact.issuer ?? "not known"),
                record.order(of: fact).map { escaped($0.text) } ?? "<code>\(escaped(fact.object))</code>",
                "<span class=\"outcome \(fact.outcome == "refused" ? "bad" : "good")\">\(escaped(fact.outcome))</span>",
                "<code>\(escaped(fact.code))</code>", escaped(fact.text), fact.counter.map { "\($0)" } ?? "",
            ])
        })
    }

    static func events(_ record: RunRecord, _ timeline: Timeline) -> String {
        let shown = record.events.filter { timeline.shows($0.at) }
        var counts: [String: Int] = [:]
        for event in shown { counts[event.fact.code, default: 0] += 1 }
        let folded = counts.filter { $0.value > repeatsMaximum && !StateRule.codes.contains($0.key) }
        let rows = shown.filter { folded[$0.fact.code] == nil }.map { event in
            row([
                when(event.at, event.stamp, record), "<code>\(escaped(event.fact.code))</code>",
                escaped(record.pointName(event) ?? ""), escaped(event.fact.text), event.fact.value.map { "\($0)" } ?? "", "\(event.stamp.sequence)",
            ], style: StateRule.codes.contains(event.fact.code) ? "strong" : "")
        }
        let often = folded.sorted { $0.key < $1.key }.map { "<code>\(escaped($0.key))</code> \($0.value) times" }
        return table(["when", "code", "point", "text", "value", "sequence"], rows)
            + (often.isEmpty ? "" : "<p class=\"note\">Not listed, because they came too often: \(often.joined(separator: ", ")).</p>")
    }

    static func missing(_ record: RunRecord) -> String {
        table(["from", "to", "records"], record.missing.map { row(["\($0.lowerBound)", "\($0.upperBound)", "\($0.count)"]) })
    }

    static func checks(_ record: RunRecord, _ timeline: Timeline) -> String {
        table(["when", "check", "threats", "outcome", "figure", "took"], record.checks.filter { $0.fact.passed != nil && timeline.shows($0.at) }.map { check in
            let passed = check.fact.passed == true
            return row([
                "<b>\(Quantity.time(check.at.milliseconds))</b>", escaped(check.fact.name), escaped(check.fact.threats.joined(separator: " ")),
                "<span class=\"outcome \(passed ? "good" : "bad")\">\(passed ? "ok" : "FAIL")</span>", escaped(check.fact.figure),
                Quantity.span(check.fact.milliseconds),
            ])
        })
    }
}
