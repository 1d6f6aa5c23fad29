// Lines become a record. Two passes: the first learns boots, clocks and calibrations, the second puts
// everything in its place. Records may come twice (the board sends again what was not confirmed) and out
// of their order (what was kept from the boot before): they are taken once, by sequence.

import Bytes
import Calibration
import Cryptography
import Signed

extension RunRecord {
    /// - calibrations: encoded ones that are known from elsewhere; those in the lines are taken as well.
    /// - damage: what the source is known to have lost.
    public init(_ lines: [RunLine], calibrations given: [[UInt8]] = [], damage: [String] = []) throws(RunRecordError) {
        self.damage = damage
        for payload in given { try learn(calibration: payload, line: nil) }
        for (index, line) in lines.enumerated() {
            if case .calibration(let payload) = line { try learn(calibration: payload, line: index + 1) }
        }
        let unique = Self.unique(lines)
        learnBoots(unique)
        guard !segments.isEmpty else {
            throw RunRecordError(.empty, "no record, and nothing of a plant, stands in it: was the board ever on, and is it the right file or partition?")
        }
        makePoints(unique)
        for line in unique { take(line) }
        finish()
    }

    private mutating func learn(calibration payload: [UInt8], line: Int?) throws(RunRecordError) {
        do throws(PayloadError) {
            let calibration = try Calibration(decoding: payload.span.bytes)
            let digest = SHA256.hash(payload).hexadecimal
            if !calibrations.contains(where: { $0.digest == digest }) { calibrations.append((digest, calibration)) }
        } catch { throw RunRecordError(.form, line: line, "this calibration cannot be read: \(error.text)") }
    }

    /// Each sequence of the board once, board records in the order of their sequence.
    private static func unique(_ lines: [RunLine]) -> [RunLine] {
        var seen: Set<UInt64> = []
        var recorded: [(UInt64, RunLine)] = []
        var others: [RunLine] = []
        for line in lines {
            guard let stamp = line.recordStamp else {
                others.append(line)
                continue
            }
            if seen.insert(stamp.sequence).inserted { recorded.append((stamp.sequence, line)) }
        }
        recorded.sort { $0.0 < $1.0 }
        return others + recorded.map(\.1)
    }

    // MARK: boots and clocks

    private mutating func learnBoots(_ lines: [RunLine]) {
        var offsets: [UInt64: Int64] = [:]
        var spans: [UInt64: (first: Int64, last: Int64)] = [:]
        var releases: [UInt64: (String, String?)] = [:]
        var run: ClosedRange<Int64>?
        for line in lines {
            if let milliseconds = line.runMilliseconds {
                run = run.map { min($0.lowerBound, milliseconds)...max($0.upperBound, milliseconds) } ?? milliseconds...milliseconds
            }
            guard let stamp = line.stamp else { continue }
            if let received = stamp.runMilliseconds {
                // What came quickest tells best when the board's clock began.
                let offset = received - stamp.boardMilliseconds
                offsets[stamp.boot] = min(offsets[stamp.boot] ?? offset, offset)
            }
            let span = spans[stamp.boot] ?? (stamp.boardMilliseconds, stamp.boardMilliseconds)
            spans[stamp.boot] = (min(span.first, stamp.boardMilliseconds), max(span.last, stamp.boardMilliseconds))
            if case .birth(_, let birth) = line {
                releases[stamp.boot] = (birth.release, birth.failure)
                device = birth.device
                board = birth.board
                noteUnknown(birth.calibration)
            }
            if case .event(_, let event) = line, event.code == "keeper-started", releases[stamp.boot] == nil,
                let release = event.text.components(after: ", release ") {
                releases[stamp.boot] = (release, nil)
            }
        }
        hasRunClock = run != nil
        if let run { segments = [run] }
        // What came only after the next boot says too late a time: a boot ends before the next begins.
        for (count, next) in zip(spans.keys.sorted(), spans.keys.sorted().dropFirst()).reversed() {
            guard let offset = offsets[count], let begin = offsets[next] else { continue }
            offsets[count] = min(offset, begin + spans[next]!.first - spans[count]!.last)
        }
        for (index, count) in spans.keys.sorted().enumerated() {
            let span = spans[count]!
            let offset = offsets[count] ?? 0
            let segment = hasRunClock ? 0 : index
            if !hasRunClock { segments.append(span.first...span.last) }
            boots.append(Boot(
                count: count, start: Instant(segment: segment, milliseconds: hasRunClock ? offset : span.first),
                end: Instant(segment: segment, milliseconds: offset + span.last), release: releases[count]?.0, failure: releases[count]?.1))
        }
        bootOffsets = offsets
    }

    private mutating func noteUnknown(_ digest: String) {
        guard !calibrations.contains(where: { $0.digest.hasPrefix(digest) }),
            !unknownCalibrations.contains(where: { $0.hasPrefix(digest) || digest.hasPrefix($0) })
        else { return }
        unknownCalibrations.append(digest)
    }

    private func instant(_ stamp: RecordStamp) -> Instant {
        guard let index = boots.firstIndex(where: { $0.count == stamp.boot }) else { return start }
        if hasRunClock { return Instant(segment: 0, milliseconds: stamp.boardMilliseconds + (bootOffsets[stamp.boot] ?? 0)) }
        return Instant(segment: index, milliseconds: stamp.boardMilliseconds)
    }

    private func instant(run milliseconds: Int64) -> Instant { Instant(segment: 0, milliseconds: milliseconds) }

    // MARK: points

    /// Names come from the calibration that made the data; where it is not known, from a birth.
    private mutating func makePoints(_ lines: [RunLine]) {
        for (_, calibration) in calibrations {
            for point in CalibrationFacts.points(calibration) where self.point(named: point.name) == nil {
                points.append(PointRecord(name: point.name, unit: point.unit, divisor: point.divisor))
            }
        }
        for line in lines {
            guard case .birth(let stamp, let birth) = line else { continue }
            birthPoints[stamp.boot] = birth.points.map(\.name)
            for point in birth.points where self.point(named: point.name) == nil {
                points.append(PointRecord(name: point.name, unit: point.unit, divisor: point.divisor))
            }
        }
    }

    /// The name of a point in a record of that boot.
    func name(of point: Int, boot: UInt64, calibration: String? = nil) -> String {
        let known = calibration.flatMap { digest in calibrations.first { $0.digest.hasPrefix(digest) }?.calibration }
        let names = known.map { CalibrationFacts.points($0).map(\.name) } ?? birthPoints[boot] ?? self.calibration.map { CalibrationFacts.points($0).map(\.name) } ?? []
        return names.indices.contains(point) ? names[point] : "point \(point)"
    }

    // MARK: facts

    private mutating func take(_ line: RunLine) {
        switch line {
        case .run(let device, let board, let units):
            self.device = self.device ?? device
            self.board = self.board ?? board
            self.units = units
        case .calibration, .birth: break
        case .death(let run, let boot, let session):
            deaths.append(Timed(at: instant(run: run), fact: "the broker lost the board's connection: session \(session) of boot \(boot)"))
        case .data(let stamp, let calibration, let samples):
            noteUnknown(calibration)
            count(stamp)
            for sample in samples { take(sample, stamp, calibration) }
        case .state(let stamp, let state):
            count(stamp)
            states.append(Recorded(at: instant(stamp), stamp: stamp, fact: state))
        case .event(let stamp, let event):
            count(stamp)
            events.append(Recorded(at: instant(stamp), stamp: stamp, fact: event))
        case .receipt(let stamp, let receipt):
            count(stamp)
            receipts.append(Recorded(at: instant(stamp), stamp: stamp, fact: receipt))
        case .order(let run, let order): orders.append(Timed(at: instant(run: run), fact: order))
        case .plant(let run, let values):
            for (name, value) in values { truth[name, default: Series()].append(instant(run: run), value) }
        case .line(let run, let name, let value): lines[name, default: Series()].append(instant(run: run), value)
        case .board(let run, let what): boardEvents.append(Timed(at: instant(run: run), fact: what))
        case .fault(let run, let name, let present):
            if present { openFaults[name] = openFaults[name] ?? instant(run: run) } else if let from = openFaults.removeValue(forKey: name) {
                faults.append(Interval(from: from, to: instant(run: run), text: name))
            }
        case .check(let run, let check): checks.append(Timed(at: instant(run: run), fact: check))
        }
    }

    private mutating func count(_ stamp: RecordStamp) {
        records += 1
        if let last = sequences?.upperBound {
            if stamp.sequence > last + 1 { missing.append(last + 1...stamp.sequence - 1) }
            sequences = sequences!.lowerBound...stamp.sequence
        } else {
            sequences = stamp.sequence...stamp.sequence
        }
    }

    private mutating func take(_ sample: SampleFact, _ stamp: RecordStamp, _ calibration: String) {
        let name = name(of: sample.point, boot: stamp.boot, calibration: calibration)
        let index = points.firstIndex { $0.name == name } ?? points.endIndex
        if index == points.endIndex { points.append(PointRecord(name: name, unit: "")) }
        let at = instant(stamp)
        let isUsable = !["stale", "fault"].contains(sample.quality)
        points[index].values.append(at, isUsable ? sample.value : nil)
        points[index].doubtful.append(at, isUsable ? nil : sample.value)
        let open = openQuality[name]
        guard open?.text != sample.quality || open?.boot != stamp.boot else { return }
        if let open, open.text != "good" {
            let end = open.boot == stamp.boot ? at : boot(open.boot)?.end ?? at
            points[index].bad.append(Interval(from: open.from, to: end, text: open.text))
        }
        openQuality[name] = (at, sample.quality, stamp.boot)
    }

    // MARK: the end

    private mutating func finish() {
        for (name, from) in openFaults { faults.append(Interval(from: from, to: end, text: name)) }
        faults.sort { ($0.from, $0.text) < ($1.from, $1.text) }
        for index in points.indices {
            let name = points[index].name
            if let open = openQuality[name], open.text != "good" {
                points[index].bad.append(Interval(from: open.from, to: boot(open.boot)?.end ?? end, text: open.text))
            }
            points[index].values = endingWithBoots(points[index].values)
            points[index].doubtful = endingWithBoots(points[index].doubtful)
        }
    }

    /// What a boot said holds until its last record, not until the next boot speaks.
    private func endingWithBoots(_ series: Series) -> Series {
        var ended = Series()
        var boot: Boot?
        for entry in series.entries {
            let here = self.boot(at: entry.at)
            if let before = boot, before.count != here?.count, before.end < entry.at { ended.append(before.end, nil) }
            boot = here
            ended.append(entry.at, entry.value)
        }
        if let boot { ended.append(boot.end, nil) }
        return ended
    }
}

extension RunLine {
    /// Of what the board recorded or said.
    var stamp: RecordStamp? {
        switch self {
        case .birth(let stamp, _): stamp
        default: recordStamp
        }
    }

    /// Of a record of the journal. A birth is none: it carries the number that the next record will have.
    var recordStamp: RecordStamp? {
        switch self {
        case .data(let stamp, _, _), .state(let stamp, _), .event(let stamp, _), .receipt(let stamp, _): stamp
        default: nil
        }
    }

    var runMilliseconds: Int64? {
        switch self {
        case .run, .calibration: nil
        case .birth(let stamp, _), .data(let stamp, _, _), .state(let stamp, _), .event(let stamp, _), .receipt(let stamp, _): stamp.runMilliseconds
        case .death(let run, _, _), .order(let run, _), .plant(let run, _), .line(let run, _, _), .board(let run, _), .fault(let run, _, _),
            .check(let run, _): run
        }
    }
}

extension String {
    /// What stands behind the first occurrence of a text; nil if it does not occur.
    func components(after text: String) -> String? {
        guard let range = firstRange(of: text) else { return nil }
        return String(self[range.upperBound...])
    }
}
