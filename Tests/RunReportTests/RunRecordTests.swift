// What is made of the lines: times, gaps, trips with their first-out, who gave the orders.

import Testing

@testable import RunReport

@Suite struct RunRecordTests {
    @Test("Boots stand where the quickest record says their clock began")
    func clocks() throws {
        let record = try MadeUpRun.day()
        #expect(record.hasRunClock)
        #expect(record.boots.map(\.count) == [3, 4])
        #expect(record.boots.map(\.start.milliseconds) == [1020, 60_020])
        #expect(record.boots.map(\.release) == ["text", "1.0.1"])
        #expect(record.boots[0].end.milliseconds == 1020 + 34_000)
    }

    @Test("A record that came only after the next boot ends before that boot begins")
    func lateRecords() throws {
        var run = try MadeUpRun()
        run.event(100, boot: 4, "keeper-started", "boot 4, release 1.0.0")
        run.lines.append(.event(
            RecordStamp(runMilliseconds: 61_000, sequence: 90, boot: 3, boardMilliseconds: 5000), EventFact(code: "late", text: "late")))
        let record = try RunRecord(run.lines)
        #expect(record.boots[0].end <= record.boots[1].start + 100)
    }

    @Test("Gaps in the sequence are counted, and what came twice is taken once, whatever its order")
    func sequence() throws {
        var run = try MadeUpRun()
        run.day()
        let record = try RunRecord(run.lines)
        #expect(record.missing.map { $0.count } == [3])
        #expect(record.missingCount == 3)
        let twice = try RunRecord(run.lines + run.lines.reversed().filter { $0.recordStamp != nil })
        #expect(twice.records == record.records)
        #expect(twice.missing == record.missing)
        #expect(twice.events.map(\.stamp.sequence) == record.events.map(\.stamp.sequence))
    }

    @Test("The trip that came first is the first-out of those that follow, until the reset")
    func firstOut() throws {
        let upsets = try MadeUpRun.day().upsets
        #expect(upsets.map(\.kind) == [.trip, .trip, .fault])
        #expect(upsets.map(\.name) == ["level-high", "trip 7", "text"])
        #expect(upsets.map(\.firstOut) == ["level-high", "level-high", "text"])
        #expect(upsets[0].reason == "condition")
        #expect(upsets[0].at.milliseconds == 21_020)
        #expect(upsets[0].resetAt?.milliseconds == 26_020)
        #expect(upsets[0].end == "local reset 'local'")
        #expect(upsets[0].refusedResets == 1)
        #expect(upsets[2].resetAt == nil)
        #expect(upsets[2].end == "not reset in this run")
    }

    @Test("States last from their event to the one that ends them, or to the end of their boot")
    func states() throws {
        let record = try MadeUpRun.day()
        let states = Dictionary(uniqueKeysWithValues: record.states(of: "inlet").map { ($0.name, $0.intervals) })
        #expect(states["tripped"]?.map { [$0.from.milliseconds, $0.to.milliseconds] } == [[21_020, 26_030]])
        #expect(states["faulted"]?.map { [$0.from.milliseconds, $0.to.milliseconds] } == [[31_020, 35_020]])
        #expect(states["unsupervised"]?.map { [$0.from.milliseconds, $0.to.milliseconds] } == [[32_020, 34_020]])
        #expect(states["bypassed"]?.map { [$0.from.milliseconds, $0.to.milliseconds] } == [[31_620, 31_920]])
        #expect(record.states(of: "outlet").map(\.name) == ["unsupervised"])
        #expect(record.modes(of: "inlet").map(\.text) == ["auto", "hand"])
        #expect(record.modes(of: "inlet").map(\.from.milliseconds) == [1620, 31_120])
        #expect(record.modes(of: "inlet")[1].to == record.boots[0].end)
        #expect(record.leases(of: "inlet").map(\.text) == ["text"])
        #expect(record.phases.map(\.text) == ["filling", "draining"])
    }

    @Test("Where no state was said, the selector's events say whom an actuator obeyed")
    func modesByEvents() throws {
        var run = try MadeUpRun()
        run.event(100, "selector-changed", "inlet", point: run.point("inlet"), value: 2)
        run.event(200, "selector-changed", "inlet", point: run.point("inlet"), value: 1)
        run.event(300, "last", "")
        let record = try RunRecord(run.lines)
        #expect(record.modes(of: "inlet").map(\.text) == ["auto", "hand"])
        #expect(record.modes(of: "inlet").map(\.to.milliseconds) == [1220, 1320])
        #expect(record.modes(of: "outlet").isEmpty)
    }

    @Test("An order stands until something takes it away, and a refused one never does")
    func authority() throws {
        let (setpoint, holders) = try MadeUpRun.day().authority(of: "inlet")
        #expect(holders.map { [$0.from.milliseconds, $0.to.milliseconds] } == [[3120, 21_020]])
        #expect(holders.map(\.text) == ["text"])
        #expect(setpoint.entries.compactMap(\.value) == [400])
    }

    @Test("A journal's receipt tells its setpoint by its text")
    func setpointByText() throws {
        var run = try MadeUpRun()
        run.receipt(100, onRig: false, "accepted", "accepted", object: "bb", issuer: "operator", text: "inlet to 250 permille")
        run.event(9000, onRig: false, "position-reached", "inlet", point: 0, value: 250)
        #expect(try RunRecord(run.lines).authority(of: "inlet").setpoint.entries.compactMap(\.value) == [250])
    }

    @Test("Without a rig each boot has its own time, and no line leads from one to the next")
    func journalClocks() throws {
        var run = try MadeUpRun()
        run.data(500, onRig: false, [("inlet", 100, "good")])
        run.data(9000, onRig: false, [("inlet", 200, "good")])
        run.data(400, boot: 4, onRig: false, [("inlet", 300, "good")])
        run.data(2400, boot: 4, onRig: false, [("inlet", 310, "good")])
        let record = try RunRecord(run.lines)
        #expect(!record.hasRunClock)
        #expect(record.segments == [500...9000, 400...2400])
        let timeline = Timeline(record, .whole)
        #expect(timeline.segments.count == 2)
        #expect(timeline.segments[0].end < timeline.segments[1].x)
        let path = try #require(record.point(named: "inlet")).values.path(timeline) { Double($0) }
        #expect(path.count { $0 == "M" } == 2)
    }

    @Test("Data of a calibration that was not given is said to be so, and has no names")
    func unknownCalibration() throws {
        var run = try MadeUpRun()
        run.data(500, [("inlet", 1, "good")])
        run.lines.removeAll { if case .calibration = $0 { true } else { false } }
        let record = try RunRecord(run.lines)
        #expect(record.unknownCalibrations == [String(run.digest.prefix(16))])
        #expect(record.points.map(\.name) == ["point \(run.point("inlet"))"])
        #expect(try RunPage.html(record).contains("unknown: <code>\(run.digest.prefix(16))"))
    }

    @Test("The summary sets the plant's truth against the limit, and the board's word only without one")
    func summary() throws {
        let inlet = try #require(RunSummary(try MadeUpRun.day()).actuators.first { $0.name == "inlet" })
        #expect(inlet.highestTruePermille == 404)
        #expect(inlet.highestReportedPermille == 401)
        #expect(inlet.limitPermille == 500)
        #expect(inlet.isWithinLimit == true)
        #expect([inlet.trips, inlet.faults, inlet.ordersAccepted, inlet.ordersRefused] == [2, 1, 1, 1])
        var run = try MadeUpRun()
        run.day()
        run.lines.append(.plant(runMilliseconds: 50_000, values: ["inlet": 501]))
        let over = try #require(RunSummary(try RunRecord(run.lines)).actuators.first { $0.name == "inlet" })
        #expect(over.isWithinLimit == false)
    }
}

private func + (instant: Instant, milliseconds: Int64) -> Instant {
    Instant(segment: instant.segment, milliseconds: instant.milliseconds + milliseconds)
}
