// The run in figures: what stands on top of the page, and what a script reads.

/// One actuator's run.
public struct ActuatorSummary: Equatable, Sendable {
    public let name: String
    public let kind: String
    /// The envelope, permille; nil where the calibration is not known or knows only closed and open.
    public let limitPermille: Int?
    /// The highest position that the board reported.
    public let highestReportedPermille: Int64?
    /// The highest position that the plant saw; nil where there was none to see it.
    public let highestTruePermille: Int64?
    public let trips: Int
    public let faults: Int
    public let ordersAccepted: Int
    public let ordersRefused: Int

    /// False if the plant saw it outside of its envelope, or, without a plant, if the board reported so.
    public var isWithinLimit: Bool? {
        guard let limitPermille, let highest = highestTruePermille ?? highestReportedPermille else { return nil }
        return highest <= Int64(limitPermille)
    }
}

public struct RunSummary: Sendable {
    public let device: String
    public let board: String
    public let releases: [String]
    public let calibrationVersion: UInt64?
    /// SHA-256 of the calibration's payload, hexadecimal.
    public let calibrationDigest: String?
    public let unknownCalibrations: [String]
    public let bootCounts: [UInt64]
    public let milliseconds: Int64
    public let records: Int
    public let sequences: ClosedRange<UInt64>?
    public let missingRecords: UInt64
    public let damage: [String]
    public let actuators: [ActuatorSummary]
    public let upsets: [Upset]
    public let ordersAccepted: Int
    public let ordersRefused: Int
    /// How often each code refused.
    public let refusals: [(code: String, count: Int)]
    public let checksPassed: Int
    public let checksFailed: Int

    public init(_ record: RunRecord) {
        board = record.board ?? record.calibration?.board ?? "unknown board"
        // A journal does not say whose it is.
        device = record.device ?? "A board of \(board)"
        var releases: [String] = []
        for release in record.boots.compactMap(\.release) where !releases.contains(release) { releases.append(release) }
        self.releases = releases
        calibrationVersion = record.calibration?.version
        calibrationDigest = record.calibrations.last?.digest
        unknownCalibrations = record.unknownCalibrations
        bootCounts = record.boots.map(\.count)
        milliseconds = record.segments.reduce(0) { $0 + $1.upperBound - $1.lowerBound }
        records = record.records
        sequences = record.sequences
        missingRecords = record.missingCount
        damage = record.damage
        let upsets = record.upsets
        self.upsets = upsets
        actuators = Self.actuators(record, upsets)
        let outcomes = record.receipts.map(\.fact.outcome)
        ordersRefused = outcomes.count { $0 == "refused" }
        ordersAccepted = outcomes.count { $0 == "accepted" }
        var counts: [String: Int] = [:]
        for receipt in record.receipts where receipt.fact.outcome == "refused" { counts[receipt.fact.code, default: 0] += 1 }
        refusals = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { (code: $0.key, count: $0.value) }
        checksPassed = record.checks.count { $0.fact.passed == true }
        checksFailed = record.checks.count { $0.fact.passed == false }
    }

    private static func actuators(_ record: RunRecord, _ upsets: [Upset]) -> [ActuatorSummary] {
        record.actuatorNames.map { name in
            let envelope = CalibrationFacts.envelope(of: name, record.calibration)
            let orders = record.receipts.filter { record.order(of: $0.fact)?.actuator == name }
            return ActuatorSummary(
                name: name, kind: envelope?.kind ?? "actuator", limitPermille: envelope?.maximum,
                highestReportedPermille: record.point(named: name)?.values.maximum, highestTruePermille: record.truth[name]?.maximum,
                trips: upsets.count { $0.actuator == name && $0.kind == .trip }, faults: upsets.count { $0.actuator == name && $0.kind == .fault },
                ordersAccepted: orders.count { $0.fact.outcome == "accepted" }, ordersRefused: orders.count { $0.fact.outcome == "refused" })
        }
    }
}

extension RunRecord {
    /// What an actuator was told to go to is a point of its own: its name with this behind it.
    static let setpointSuffix = ".setpoint"
    /// And so is what a flow meter has counted.
    static let totalSuffix = ".total"

    /// Those of the calibration; without one, the points that are positions.
    var actuatorNames: [String] {
        calibration.map { $0.actuators.map(\.name) }
            ?? points.filter { $0.unit == "permille" && !$0.name.hasSuffix(Self.setpointSuffix) }.map(\.name)
    }
    var sensorNames: [String] {
        let actuators = Set(actuatorNames.flatMap { [$0, $0 + Self.setpointSuffix] })
        return points.map(\.name).filter { !actuators.contains($0) }
    }
}
