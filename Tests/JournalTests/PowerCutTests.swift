// The power goes at every write and sync of a workload that fills both regions several times over;
// the writes since the last sync are done in none, all, torn and reordered forms; then the journal is
// opened again and must have every flushed record, in order, and none that was not appended.
import Cryptography
@testable import Journal
import SeededRandom
import Testing

/// What the journal was told, by sequence, and what it must have kept.
struct Told {
    var records: [UInt64: (kind: RecordClass, payload: [UInt8], bootCount: UInt32)] = [:]
    /// Given out by `append`, before any flush.
    var unflushed: [UInt64] = []
    var flushed: [UInt64] = []
    var highest: UInt64 = 0
    var acknowledged: UInt64 = 0
}

/// Shared with what looks on while the workload runs.
final class Memory { var told = Told() }

struct Workload {
    var random: Seeded
    let steps: Int
    let acknowledges: Bool

    /// Runs until done or the power goes; true if done.
    mutating func run(_ journal: inout Journal<DiskStore>, _ memory: Memory, bootCount: UInt32) -> Bool {
        do throws(JournalError) {
            for step in 0..<steps {
                let kind: RecordClass = [.audit, .alarm, .sample, .sample, .sample][Int.random(in: 0..<5, using: &random)]
                let count = Int.random(in: 0..<4, using: &random) == 0 ? 1024 : Int.random(in: 200...900, using: &random)
                let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* (step + 7)) }
                let sequence = try journal.append(kind, monotonicMilliseconds: UInt64(step), payload: payload)
                memory.told.records[sequence] = (kind, payload, bootCount)
                memory.told.highest = max(memory.told.highest, sequence)
                memory.told.unflushed.append(sequence)
                if Int.random(in: 0..<4, using: &random) == 0 {
                    try journal.flush()
                    memory.told.flushed += memory.told.unflushed
                    memory.told.unflushed = []
                }
                if acknowledges, Int.random(in: 0..<6, using: &random) == 0 {
                    let through = journal.flushedSequence
                    journal.acknowledged(through: through)
                    memory.told.acknowledged = max(memory.told.acknowledged, through)
                }
            }
            return true
        } catch {
            return false
        }
    }
}

func readAll(_ journal: inout Journal<DiskStore>) -> [JournalRecord] {
    var all: [JournalRecord] = []
    var after: UInt64 = 0
    while let record = journal.next(after: after) {
        all.append(record)
        after = record.sequence
    }
    return all
}

func key(_ fill: UInt8?) -> SealingKey? {
    guard let fill else { return nil }
    return try! SealingKey([UInt8](repeating: fill, count: 32))
}

/// What is wrong with a journal that was opened after a cut; nil if nothing.
func fault(_ journal: inout Journal<DiskStore>, _ told: Told) -> String? {
    if journal.opening.damagedPages != 0 || journal.opening.brokenLinks != 0 || journal.opening.damagedRecords != 0 {
        return "damage reported: \(journal.opening)"
    }
    let read = readAll(&journal)
    var last: UInt64 = 0
    for record in read {
        guard record.sequence > last else { return "out of order at \(record.sequence)" }
        last = record.sequence
        guard let was = told.records[record.sequence], was.kind == record.kind, was.payload == record.payload,
              was.bootCount == record.bootCount
        else { return "invented \(record.sequence)" }
    }
    let there = Set(read.map(\.sequence))
    let missing = told.flushed.filter { !there.contains($0) }
    let lost = missing.filter { $0 > told.acknowledged }
    let lostAudit = UInt64(lost.count { told.records[$0]!.kind == .audit })
    let lostOther = UInt64(lost.count) - lostAudit
    if lostAudit > journal.lostAuditRecords || lostOther > journal.lostOtherRecords {
        return "silently lost \(lost), counted \(journal.lostAuditRecords) + \(journal.lostOtherRecords)"
    }
    // What is missing is the oldest of its region.
    for isAudit in [true, false] {
        let oldest = read.first { ($0.kind == .audit) == isAudit }?.sequence ?? .max
        if let hole = missing.first(where: { (told.records[$0]!.kind == .audit) == isAudit && $0 > oldest }) { return "hole at \(hole)" }
    }
    return nil
}

@Suite struct PowerCutTests {
    /// The ways in which the writes since the last sync may have been done.
    private func outcomes(_ disk: Disk, _ random: inout Seeded) -> [Disk] {
        let last = disk.pending.count - 1
        var outcomes = [disk.after { _, _ in false }]
        guard last >= 0 else { return outcomes }
        outcomes.append(disk.after { _, _ in true })
        for only in 0...last where last > 0 { outcomes.append(disk.after { write, _ in write == only }) }
        for cut in 1..<8 {
            outcomes.append(disk.after { write, sector in write < last || sector < cut })
            outcomes.append(disk.after { write, sector in write == last && sector >= cut })
        }
        for _ in 0..<3 {
            let mask = random.next()
            outcomes.append(disk.after { write, sector in mask >> UInt64((8 * write + sector) % 64) & 1 == 1 })
        }
        return outcomes
    }

    @Test("P-D2 every flushed record survives a power cut at every write", arguments: [true, false])
    func everyCut(acknowledges: Bool) throws {
        // With and without encryption.
        let fill: UInt8? = acknowledges ? 7 : nil
        let disk = Disk(pages: 16)
        let memory = Memory()
        var cuts: [(disk: Disk, told: Told)] = []
        disk.onOperation = { cuts.append((disk.copy, memory.told)) }
        var journal = try Journal(opening: DiskStore(disk: disk), bootCount: 1, key: key(fill))
        var workload = Workload(random: Seeded(11), steps: 110, acknowledges: acknowledges)
        #expect(workload.run(&journal, memory, bootCount: 1))
        disk.onOperation = nil
        #expect(journal.lostAuditRecords > 0 || acknowledges)
        #expect(journal.lostOtherRecords > 0 || acknowledges, "the workload has to overflow")

        var random = Seeded(12)
        var states = 0
        for (number, cut) in cuts.enumerated() {
            for outcome in outcomes(cut.disk, &random) {
                states += 1
                try check(outcome, cut.told, fill, &random, cut: number)
            }
        }
        print("journal: \(cuts.count) cuts, \(states) states of the disk")
        #expect(states > 1000)
    }

    private func check(_ disk: Disk, _ told: Told, _ fill: UInt8?, _ random: inout Seeded, cut: Int) throws {
        var journal = try Journal(opening: DiskStore(disk: disk), bootCount: 2, key: key(fill))
        if let fault = fault(&journal, told) { Issue.record("cut \(cut): \(fault)") }
        // Life goes on, with another cut, and no number is used again.
        disk.cutAt = disk.operations + Int.random(in: 1...12, using: &random)
        let memory = Memory()
        memory.told = told
        memory.told.unflushed = []
        var workload = Workload(random: Seeded(random.next()), steps: 6, acknowledges: false)
        _ = workload.run(&journal, memory, bootCount: 2)
        let after = memory.told
        let new = after.records.filter { $0.value.bootCount == 2 }
        let isReused = !new.keys.allSatisfy { $0 > told.highest } || after.records.count != told.records.count + new.count
        if isReused { Issue.record("cut \(cut): a sequence was used twice") }
        guard disk.isOff else { return }
        let mask = random.next()
        let again = disk.after { write, sector in mask >> UInt64((8 * write + sector) % 64) & 1 == 1 }
        var third = try Journal(opening: DiskStore(disk: again), bootCount: 3, key: key(fill))
        if let fault = fault(&third, after) { Issue.record("cut \(cut), and again: \(fault)") }
    }
}
