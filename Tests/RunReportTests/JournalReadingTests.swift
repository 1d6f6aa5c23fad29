// A journal on a disk image becomes a run, and the image stays as it is.

import Authority
import Board
import Bytes
import Compiler
import Foundation
import Journal
import SimulatedDisk
import Telemetry
import Testing

@testable import RunReport

/// A disk of the virtual board whose journal holds what a keeper wrote in two boots.
private func disk(corruptingPage: Bool = false) throws -> String {
    let board = try BoardCompiler.compile(boardFolder)
    let run = try MadeUpRun()
    let memory = SimulatedDisk(size: board.size(of: .journal))
    for boot in [UInt32(3), 4] {
        var journal = try Journal(opening: SimulatedPartition(memory), bootCount: boot)
        func stamp(_ milliseconds: UInt64) -> Telemetry.Stamp { Stamp(sequence: journal.nextSequence, bootCount: UInt64(boot), monotonicMilliseconds: milliseconds) }
        func keep(_ kind: RecordClass, _ topic: Topic, _ payload: [UInt8], _ milliseconds: UInt64) throws {
            _ = try journal.append(kind, monotonicMilliseconds: milliseconds, payload: [topic.rawValue] + payload)
        }
        try keep(.audit, .event, EventRecord(stamp: stamp(100), code: "keeper-started", text: "boot \(boot), release 1.0.\(boot)").encoded(), 100)
        for second in UInt64(1)...200 {
            let samples = [Sample(point: UInt8(run.point("inlet")), value: Int64(second), quality: .good)]
            try keep(.sample, .data, DataRecord(stamp: stamp(second * 1000), calibrationDigest: bytes(hexadecimal: run.digest)!, samples: samples).encoded(), second * 1000)
        }
        try keep(.alarm, .event, EventRecord(
            stamp: stamp(200_100), code: "tripped", text: "inlet: condition", point: UInt8(run.point("inlet")), value: run.trip("level-high")).encoded(), 200_100)
        try keep(.audit, .receipt, Receipt(
            stamp: stamp(200_200), objectDigest: [1, 2, 3, 4, 5, 6, 7, 8], outcome: .refused, issuer: "operator", counter: 1, code: "tripped",
            text: "the controller refused").encoded(), 200_200)
        try journal.settle()
    }
    // The first home page of the greater region.
    if corruptingPage { memory.corrupt(at: memory.contents.count / 4 + 2 * 4096 + 100) }
    let path = FileManager.default.temporaryDirectory.path + "/penstock-report-\(UUID().uuidString).img"
    try DiskImage(board).write(to: path, contents: [.journal: PartitionContent([(0, memory.contents)])])
    return path
}

private func reading(_ path: String) throws -> JournalReading {
    try JournalReading(DiskPartition(.journal, of: path, board: BoardCompiler.compile(boardFolder)))
}

@Suite struct JournalReadingTests {
    @Test("Every record of the journal stands in the run, and nothing is written to the disk")
    func read() throws {
        let path = try disk()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let found = try reading(path)
        #expect(found.damage.isEmpty)
        #expect(found.unreadable == 0)
        let run = try MadeUpRun()
        let record = try RunRecord(found.lines, calibrations: [run.encoded], damage: found.damage)
        #expect(record.records == 2 * 203)
        #expect(record.missing.isEmpty)
        #expect(record.boots.map(\.count) == [3, 4])
        #expect(record.boots.map(\.release) == ["1.0.3", "1.0.4"])
        #expect(record.upsets.map(\.name) == ["level-high", "level-high"])
        #expect(record.receipts.map(\.fact.outcome) == ["refused", "refused"])
        #expect(record.point(named: "inlet")?.values.maximum == 200)
        #expect(try RunPage.html(record).contains("the board&#39;s journal") || RunPage.html(record).contains("the board's journal"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }

    @Test("A damaged page is said, and the records that it held are missing")
    func damaged() throws {
        let path = try disk(corruptingPage: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let found = try reading(path)
        #expect(found.damage.contains { $0.hasPrefix("1 pages damaged") }, "\(found.damage)")
        let record = try RunRecord(found.lines, calibrations: [try MadeUpRun().encoded], damage: found.damage)
        #expect(record.missingCount > 0)
        #expect(record.records + Int(record.missingCount) == 2 * 203)
    }

    @Test("An empty journal, and a disk of another size, are refused with their codes")
    func refused() throws {
        let board = try BoardCompiler.compile(boardFolder)
        let path = FileManager.default.temporaryDirectory.path + "/penstock-report-\(UUID().uuidString).img"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try DiskImage(board).write(to: path, contents: [:])
        let found = try reading(path)
        let empty = #expect(throws: RunRecordError.self) { try RunRecord(found.lines) }
        #expect(empty?.code == "run-record-empty")
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path))
        let short = #expect(throws: Failure.self) { try reading(path) }
        #expect(short?.code == "disk-size")
    }
}
