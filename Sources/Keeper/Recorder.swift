// What the keeper reports: it keeps the latest sample of every point, says when data is due (by
// exception, with a maximum age), and makes the payloads.
import Calibration
import Telemetry

struct Recorder {
    /// Between two data records while values change.
    static let changeMilliseconds: UInt64 = 500
    /// Without any change.
    static let ageMilliseconds: UInt64 = 5000
    private let boot: BootReport
    private let device: String
    private let board: String
    private let challenge: [UInt8]
    private let calibrationDigest: [UInt8]
    private let commissioningDigest: [UInt8]
    private let points: [PointName]
    private let actuatorCount: Int
    private var latest: [Sample]
    private var reported: [Sample]
    private var reportedAt: UInt64 = 0
    private var session: UInt64 = 0

    init(
        boot: BootReport, device: String, board: String, challenge: [UInt8], calibration: Calibration,
        calibrationDigest: [UInt8], commissioningDigest: [UInt8]
    ) {
        self.boot = boot
        self.device = device
        self.board = board
        self.challenge = challenge
        self.calibrationDigest = calibrationDigest
        self.commissioningDigest = commissioningDigest
        var points: [PointName] = []
        for actuator in calibration.actuators { points.append(PointName(name: actuator.name, unit: actuator.unit)) }
        actuatorCount = points.count
        for sensor in calibration.sensors { points.append(PointName(name: sensor.name, unit: sensor.unit)) }
        self.points = points
        latest = points.indices.map { Sample(point: UInt8($0), value: 0, quality: .stale) }
        reported = []
    }

    func pointName(_ index: UInt8) -> String { Int(index) < points.count ? points[Int(index)].name : "point \(index)" }

    func actuatorIndex(_ name: String) -> UInt8? {
        for index in 0..<actuatorCount where points[index].name == name { return UInt8(index) }
        return nil
    }

    mutating func take(_ index: UInt8, _ value: Int64, _ quality: UInt8) {
        guard Int(index) < latest.count else { return }
        latest[Int(index)] = Sample(point: index, value: value, quality: Quality(rawValue: quality) ?? .fault)
    }

    /// The samples to be recorded now: those that changed, or all when the last record is too old.
    mutating func due(now: UInt64) -> [Sample]? {
        let age = now &- reportedAt
        guard reported.count == latest.count, age < Self.ageMilliseconds else {
            reported = latest
            reportedAt = now
            return latest
        }
        guard age >= Self.changeMilliseconds else { return nil }
        var changed: [Sample] = []
        for index in latest.indices where latest[index] != reported[index] { changed.append(latest[index]) }
        guard !changed.isEmpty else { return nil }
        reported = latest
        reportedAt = now
        return changed
    }

    /// A receiver that joins has the birth; the next data has every point.
    mutating func sessionBegan() {
        session += 1
        reported = []
    }

    // MARK: payloads

    var will: [UInt8] { Death(bootCount: boot.bootCount, session: session + 1).encoded() }

    func birth(_ stamp: Stamp, oldest: UInt64) -> [UInt8] {
        Birth(
            stamp: stamp, device: device, board: board, challenge: challenge, session: session, oldestSequence: oldest,
            calibrationDigest: calibrationDigest, commissioningDigest: commissioningDigest, boot: boot, points: points
        ).encoded()
    }

    func data(_ stamp: Stamp, _ samples: [Sample]) -> [UInt8] {
        DataRecord(stamp: stamp, calibrationDigest: calibrationDigest, samples: samples).encoded()
    }

    func event(_ stamp: Stamp, code: String, text: String, point: UInt8?, value: Int64?) -> [UInt8] {
        EventRecord(stamp: stamp, code: code, text: text, point: point, value: value).encoded()
    }

    func receipt(
        _ stamp: Stamp, _ object: [UInt8], _ outcome: Receipt.Outcome, issuer: String?, counter: UInt64?, code: String, text: String
    ) -> [UInt8] {
        Receipt(stamp: stamp, objectDigest: object, outcome: outcome, issuer: issuer, counter: counter, code: code, text: text).encoded()
    }
}

extension Actuator {
    /// What its point is measured in.
    fileprivate var unit: String {
        switch self {
        case .motorValve: "permille"
        case .solenoid: "1"
        }
    }
}

extension Sensor {
    fileprivate var unit: String {
        switch self {
        case .switch: "1"
        case .flowMeter: "uL/s"
        }
    }
}
