// What the keeper reports: it keeps the latest sample of every point and the state of every actuator, says
// when they are due (by exception, with a maximum age), and makes the payloads.
import Calibration
import Command
import Control
import Signed
import Telemetry

struct Recorder {
    /// Between two data records while values change.
    static let changeMilliseconds: UInt64 = 500
    /// Without any change.
    static let ageMilliseconds: UInt64 = 5000
    private var boot: BootReport
    private let keys: KeySet
    private let device: String
    private let board: String
    private let challenge: [UInt8]
    private var calibration: Calibration
    private var calibrationDigest: [UInt8]
    private let commissioningDigest: [UInt8]
    private var points: [PointName] = []
    private var latest: [Sample] = []
    /// Of each actuator, once the controller has told it; and whether the receiver has it.
    private var states: [(state: ActuatorState, isDue: Bool)?] = []
    private var phase: String?
    private var bypasses: [String] = []
    private var isStandingDue = false
    private var statedAt: UInt64 = 0
    private var reported: [Sample]
    private var reportedAt: UInt64 = 0
    private var session: UInt64 = 0

    init(
        boot: BootReport, keys: KeySet, device: String, board: String, challenge: [UInt8], calibration: Calibration,
        calibrationDigest: [UInt8], commissioningDigest: [UInt8]
    ) {
        self.boot = boot
        self.keys = keys
        self.device = device
        self.board = board
        self.challenge = challenge
        self.calibration = calibration
        self.calibrationDigest = calibrationDigest
        self.commissioningDigest = commissioningDigest
        reported = []
        namePoints()
    }

    /// Another calibration is in force: a new birth, and everything anew.
    mutating func change(to calibration: Calibration, digest: [UInt8], boot: BootReport) {
        self.calibration = calibration
        calibrationDigest = digest
        self.boot = boot
        namePoints()
    }

    private mutating func namePoints() {
        points = []
        for actuator in calibration.actuators { points.append(PointName(name: actuator.name, unit: "permille")) }
        for sensor in calibration.sensors { points.append(sensor.pointName(in: calibration)) }
        for actuator in calibration.actuators { points.append(PointName(name: actuator.name + ".setpoint", unit: "permille")) }
        for meter in calibration.flowMeters { points.append(PointName(name: calibration.sensors[meter].name + ".total", unit: "uL")) }
        latest = points.indices.map { Sample(point: UInt8($0), value: 0, quality: .stale) }
        reported = []
        states = calibration.actuators.map { _ in nil }
        phase = nil
        bypasses = []
        isStandingDue = false
    }

    func pointName(_ index: UInt8) -> String { Int(index) < points.count ? points[Int(index)].name : "point \(index)" }

    /// An order with positions in place of names; the refusal if the calibration does not know a name.
    func order(_ action: Action) throws(UnknownName) -> Order? {
        switch action {
        case .setpoint(let name, let permille): .setpoint(actuator: try actuator(name), permille: Int(permille))
        case .select(let name, let permille): .select(actuator: try actuator(name), permille: Int(permille))
        case .renew(let name): .renew(actuator: try actuator(name))
        case .release(let name): .release(actuator: try actuator(name))
        case .partialStroke(let name): .partialStroke(actuator: try actuator(name))
        case .phase(let name):
            if let place = calibration.phases.firstIndex(where: { $0 == name }) { .phase(place) } else { throw UnknownName(reason: .unknownPhase) }
        case .bypass(let name, let minutes):
            if let place = calibration.trips.firstIndex(where: { $0.name == name }) { .bypass(trip: place, minutes: Int(minutes)) } else {
                throw UnknownName(reason: .unknownTrip)
            }
        case .update, .reboot, .kill, .freeze, .calibration: nil
        }
    }

    private func actuator(_ name: String) throws(UnknownName) -> Int {
        guard let place = calibration.actuators.firstIndex(where: { $0.name == name }) else { throw UnknownName(reason: .unknownActuator) }
        return place
    }

    mutating func take(_ index: UInt8, _ value: Int64, _ quality: UInt8) {
        guard Int(index) < latest.count else { return }
        latest[Int(index)] = Sample(point: index, value: value, quality: Telemetry.Quality(rawValue: quality) ?? .fault)
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

    /// A receiver that joins has the birth; the next data has every point, the next states every actuator.
    mutating func sessionBegan() {
        session += 1
        reported = []
        for i in states.indices { states[i]?.isDue = true }
        isStandingDue = true
    }

    // MARK: who may do what

    mutating func take(actuator index: UInt8, mode: UInt8, issuers: UInt32, firstOut: UInt8, fault: UInt8) {
        guard Int(index) < states.count, let mode = Telemetry.Mode(rawValue: mode) else { return }
        let state = ActuatorState(
            point: index, mode: mode, holder: issuers == 0 ? nil : keys.names(ofIssuers: issuers), firstOut: tripName(Int64(firstOut)),
            fault: fault == 0 ? nil : Reason(rawValue: fault)?.code ?? "unknown-fault")
        if let known = states[Int(index)], known.state == state { return }
        states[Int(index)] = (state, true)
    }

    mutating func takeStanding(phase number: UInt8, bypasses bits: UInt32) {
        let name: String? = Int(number) < calibration.phases.count ? calibration.phases[Int(number)] : nil
        var names: [String] = []
        for (place, trip) in calibration.trips.enumerated() where bits & 1 << UInt32(place) != 0 { names.append(trip.name) }
        guard name != phase || names != bypasses else { return }
        (phase, bypasses, isStandingDue) = (name, names, true)
    }

    /// The states to be recorded now, as many as one record takes; they count as recorded.
    mutating func dueStates(now: UInt64) -> [ActuatorState]? {
        guard now &- statedAt >= Self.changeMilliseconds else { return nil }
        var due: [ActuatorState] = []
        for i in states.indices {
            guard due.count < StateRecord.actuatorsMaximum, let known = states[i], known.isDue else { continue }
            due.append(known.state)
            states[i]!.isDue = false
        }
        guard !due.isEmpty || isStandingDue else { return nil }
        isStandingDue = false
        statedAt = now
        return due
    }

    private func tripName(_ place: Int64) -> String? {
        place >= 0 && place < Int64(calibration.trips.count) ? calibration.trips[Int(place)].name : nil
    }

    /// What an event of the controller says, with the names of what its value stands for.
    func words(_ number: UInt16, _ index: UInt8, _ value: Int64) -> (code: String, text: String) {
        guard let code = EventCode(rawValue: UInt8(number >> 8)), let reason = Reason(rawValue: UInt8(number & 0xFF)) else {
            return ("unknown-event", pointName(index))
        }
        let subject: String? =
            switch code {
            case .tripped, .tripReset, .bypassBegan, .bypassStands, .bypassEnded: tripName(value)
            case .noResponse, .sequenceEnded:
                value >= 0 && value < Int64(calibration.interlocks.count) ? calibration.interlocks[Int(value)].name : nil
            case .phaseChanged: value >= 0 && value < Int64(calibration.phases.count) ? calibration.phases[Int(value)] : nil
            case .leaseBegan: keys.names(ofIssuers: UInt32(truncatingIfNeeded: value))
            case .selectorChanged: Telemetry.Mode(rawValue: UInt8(truncatingIfNeeded: value))?.name
            default: nil
            }
        var text = pointName(index)
        if let subject { text += " " + subject }
        if reason != .none { text += ": " + reason.code }
        return (code.code, text)
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

    func state(_ stamp: Stamp, _ actuators: [ActuatorState]) -> [UInt8] {
        StateRecord(stamp: stamp, calibrationDigest: calibrationDigest, phase: phase, bypasses: bypasses, actuators: actuators).encoded()
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

/// A name that the calibration does not have.
struct UnknownName: Error {
    let reason: Reason
}

extension Sensor {
    /// Its name, and what its point is measured in.
    fileprivate func pointName(in calibration: Calibration) -> PointName {
        switch source {
        case .switch: PointName(name: name, unit: "1")
        case .flowMeter: PointName(name: name, unit: "uL/s")
        case .frequency: PointName(name: name, unit: "Hz", divisor: 1000)
        case .analogue(let input): PointName(name: name, unit: input.unit, divisor: 1000)
        case .voting(let voting):
            if let first = voting.members.first {
                PointName(name: name, of: calibration.sensors[first].pointName(in: calibration))
            } else { PointName(name: name, unit: "1") }
        }
    }
}

extension PointName {
    /// Another point in the same unit.
    fileprivate init(name: String, of other: PointName) { self.init(name: name, unit: other.unit, divisor: other.divisor) }
}
