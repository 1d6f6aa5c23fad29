// The page: whole, well formed, harmless, and of a bounded size.

import Foundation
import FoundationXML
import Testing

@testable import RunReport

@Suite struct RunPageTests {
    @Test("Hostile texts in every place stay texts, and the page is well formed")
    func hostile() throws {
        let text = "<script>alert(1)</script>\"'&\u{202E}\u{7}</svg><img src=x>"
        let page = try RunPage.html(MadeUpRun.day(text: text))
        #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;··&lt;/svg&gt;"))
        for forbidden in ["<script", "<img", "\u{202E}", "\u{7}", " src=\"", " href=\"", "url(http", "@import", "//"] {
            #expect(!page.contains(forbidden), "\(forbidden)")
        }
        let parser = XMLParser(data: Data(Self.asXML(page).utf8))
        #expect(parser.parse(), "\(String(describing: parser.parserError)) in line \(parser.lineNumber)")
    }

    /// HTML's void elements closed, so that a parser of XML finds every other fault.
    private static func asXML(_ page: String) -> String {
        page.replacing("<!DOCTYPE html>\n", with: "").replacing(/<meta [^>]*>/) { String(page[$0.range].dropLast()) + "/>" }.replacing("<br>", with: "<br/>")
    }

    @Test("What an engineer looks for stands on it")
    func content() throws {
        let page = try RunPage.html(MadeUpRun.day())
        for words in [
            "tank-7", "qemu-x86_64", "limit 50 %", "40.4 %", "first-out", "level-high", "local reset &#39;local&#39;", "limit-position", "setpoint inlet 40%",
            "jammed-valve", "keeper-started", "3 missing in 1 gaps", "as the plant saw", "unsupervised", "numbers 3 to 4",
        ] { #expect(page.contains(words), "\(words)") }
    }

    @Test("A part of a run shows that part alone; one that is not there is refused")
    func window() throws {
        let record = try MadeUpRun.day()
        let page = try RunPage.html(record, window: Window(boot: 4))
        #expect(page.contains("boot 4, release 1.0.1"))
        #expect(!page.contains("boot 3, release 1.0.0"))
        let none = try RunPage.html(record, window: Window(fromSeconds: 0, toSeconds: 5))
        #expect(!none.contains("boot 4, release"))
        let error = #expect(throws: RunRecordError.self) { try RunPage.html(record, window: Window(boot: 9)) }
        #expect(error?.code == "run-record-empty")
    }

    @Test("Ten hours make a page of a bounded size, and a spike of one sample is still seen")
    func tenHours() throws {
        var run = try MadeUpRun()
        for tenth in 0..<360_000 {
            let permille: Int64 = tenth == 123_457 ? 499 : Int64(tenth % 97)
            run.lines.append(.plant(runMilliseconds: Int64(tenth) * 100, values: ["inlet": permille]))
        }
        for second in 0..<3600 { run.event(Int64(second) * 10_000, "posture", "listening=0") }
        for second in 0..<3600 { run.receipt(Int64(second) * 10_000 + 5, "refused", "tripped", object: "cc\(second)", issuer: "operator") }
        let record = try RunRecord(run.lines)
        let page = try RunPage.html(record)
        #expect(page.utf8.count < 1_000_000, "\(page.utf8.count)")
        #expect(page.contains("rows are left out here"))
        #expect(page.contains("posture</code> 3600 times"))
        let timeline = Timeline(record, .whole)
        let path = try #require(record.truth["inlet"]).path(timeline) { Double($0) }
        #expect(path.contains("V499"))
        #expect(path.count { $0 == "V" } <= 4 * Int(Timeline.right - Timeline.left + 1))
    }

    @Test("A line holds its value until the next, and ends where nothing is known")
    func steps() throws {
        var run = try MadeUpRun()
        run.lines.append(.plant(runMilliseconds: 0, values: ["x": 0]))
        run.lines.append(.plant(runMilliseconds: 896_000, values: ["y": 0]))
        let timeline = Timeline(try RunRecord(run.lines), .whole)
        var series = Series()
        for (second, value) in [(0, 10), (100, 20), (200, nil), (300, 5)] as [(Int64, Int64?)] {
            series.append(Instant(segment: 0, milliseconds: second * 1000), value)
        }
        let x = { (second: Int64) in Int(timeline.x(Instant(segment: 0, milliseconds: second * 1000))!.rounded()) }
        #expect(series.path(timeline) { Double($0) } == "M\(x(0)) 10H\(x(100))V20H\(x(200))M\(x(300)) 5H\(x(896))")
    }

    @Test("Round values span what is measured", arguments: [(0.0, 1.0), (-3, 17), (0, 0), (0, 987_654), (4.2, 4.3)])
    func rounding(lowest: Double, highest: Double) {
        let range = RunPage.round(lowest, highest)
        #expect(range.lowest <= lowest && range.highest >= highest)
        #expect((2...8).contains(range.grid.count), "\(range.grid)")
    }
}
