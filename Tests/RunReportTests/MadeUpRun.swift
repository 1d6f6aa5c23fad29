// A run that nobody had: every kind of line, times that are known, on the virtual board's calibration.

import Bytes
import Calibration
import Compiler
import Cryptography

@testable import RunReport

let boardFolder = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Boards/qemu-x86_64"

struct MadeUpRun {
    let calibration: Calibration
    let encoded: [UInt8]
    let digest: String
    var lines: [RunLine] = []
    private var sequence: UInt64 = 0

    /// - text: stands in every place that takes a text from outside.
    init(text: String = "text") throws {
        calibration = try CalibrationCompiler.compile(boardFolder)
        encoded = calibration.encoded()
        digest = SHA256.hash(encoded).hexadecimal
        lines = [.run(device: "tank-7", board: "qemu-x86_64", units: ["level": "permille"]), .calibration(payload: encoded)]
        self.text = text
    }

    private let text: String

    func point(_ name: String) -> Int { CalibrationFacts.points(calibration).firstIndex { $0.name == name }! }
    func trip(_ name: String) -> Int64 { Int64(CalibrationFacts.trips(calibration).firstIndex { $0.name == name }!) }

    /// The board hears of itself 20 ms later on the rig; boot 3 began at 1 s of the rig's clock, boot 4 at 60 s.
    mutating func stamp(_ board: Int64, boot: UInt64 = 3, onRig: Bool = true) -> RecordStamp {
        sequence += 1
        let start: Int64 = boot == 3 ? 1000 : 60_000
        return RecordStamp(runMilliseconds: onRig ? start + board + 20 : nil, sequence: sequence, boot: boot, boardMilliseconds: board)
    }

    mutating func data(_ board: Int64, boot: UInt64 = 3, onRig: Bool = true, _ samples: [(String, Int64, String)]) {
        lines.append(.data(
            stamp(board, boot: boot, onRig: onRig), calibration: String(digest.prefix(16)),
            samples: samples.map { SampleFact(point: point($0.0), value: $0.1, quality: $0.2) }))
    }

    mutating func event(_ board: Int64, boot: UInt64 = 3, onRig: Bool = true, _ code: String, _ text: String, point: Int? = nil, value: Int64? = nil) {
        lines.append(.event(stamp(board, boot: boot, onRig: onRig), EventFact(code: code, text: text, point: point, value: value)))
    }

    mutating func receipt(_ board: Int64, boot: UInt64 = 3, onRig: Bool = true, _ outcome: String, _ code: String, object: String, issuer: String?, text: String = "setpoint taken") {
        lines.append(.receipt(stamp(board, boot: boot, onRig: onRig), ReceiptFact(object: object, outcome: outcome, issuer: issuer, counter: 7, code: code, text: text)))
    }

    /// Numbers that the board used and that never came.
    mutating func lose(_ count: UInt64) { sequence += count }

    /// A minute of a tank: opened to 40 %, tripped by the level, reset by hand, restarted.
    mutating func day() {
        let inlet = point("inlet")
        lines.append(.birth(RecordStamp(runMilliseconds: 1100, sequence: 1, boot: 3, boardMilliseconds: 80), BirthFact(
            device: "tank-7", board: "qemu-x86_64", release: text, slot: "A", rollbackIndex: 1, calibration: digest,
            points: CalibrationFacts.points(calibration), failure: nil)))
        lines.append(.board(runMilliseconds: 900, what: "connected"))
        event(100, "keeper-started", "boot 3, release 1.0.0")
        data(500, [("inlet", 0, "stale"), ("outlet", 0, "good"), ("level-high", 0, "good"), ("flow", 0, "good")])
        lines.append(.state(stamp(600), StateFact(phase: "filling", bypasses: [text], actuators: [ActuatorFact(point: inlet, mode: "auto")])))
        event(900, "referenced", "inlet", point: inlet, value: 0)
        data(1000, [("inlet", 0, "good")])
        lines.append(.order(runMilliseconds: 3000, OrderFact(object: "aa01", text: "setpoint inlet 40%", actuator: "inlet", permille: 400)))
        receipt(2100, "accepted", "accepted", object: "aa01", issuer: text)
        lines.append(.order(runMilliseconds: 3100, OrderFact(object: "aa02", text: text, actuator: "inlet", permille: 800)))
        receipt(2200, "refused", "limit-position", object: "aa02", issuer: "operator", text: text)
        data(5000, [("inlet", 401, "good"), ("flow", 400_000, "good")])
        for permille in 0...404 { lines.append(.plant(runMilliseconds: 3200 + Int64(permille) * 8, values: ["inlet": Int64(permille), "level": 300])) }
        lines.append(.line(runMilliseconds: 3200, name: "inlet-open", value: 1))
        lines.append(.line(runMilliseconds: 6400, name: "inlet-open", value: 0))
        lose(3)
        event(20_000, "tripped", "inlet: condition", point: inlet, value: trip("level-high"))
        event(20_050, "tripped", "inlet: \(text)", point: inlet, value: 7)
        data(20_500, [("inlet", 390, "good"), ("level-high", 1, "good")])
        lines.append(.fault(runMilliseconds: 21_500, name: "jammed-valve", present: true))
        event(24_000, "reset-refused", "inlet", point: inlet, value: trip("level-high"))
        event(25_000, "trip-reset", "inlet", point: inlet, value: trip("level-high"))
        event(25_010, "trip-reset", "inlet", point: inlet, value: 7)
        event(30_000, "fault", "inlet: \(text)", point: inlet, value: 0)
        lines.append(.fault(runMilliseconds: 35_000, name: "jammed-valve", present: false))
        lines.append(.state(stamp(30_100), StateFact(
            phase: "draining", bypasses: [], actuators: [ActuatorFact(point: inlet, mode: "hand", holder: text, firstOut: text, fault: text)])))
        event(30_600, "bypass-began", "inlet", point: inlet, value: 7)
        event(30_900, "bypass-ended", "inlet", point: inlet, value: 7)
        event(31_000, "supervision-lost", "inlet", point: 0, value: 0)
        event(33_000, "supervision-regained", "inlet", point: 0, value: 0)
        event(34_000, text, text, point: 200, value: -1)
        lines.append(.board(runMilliseconds: 55_000, what: "power-lost"))
        lines.append(.death(runMilliseconds: 56_000, boot: 3, session: 1))
        event(100, boot: 4, "keeper-started", "boot 4, release 1.0.1")
        data(500, boot: 4, [("inlet", 0, "fault")])
        lines.append(.check(runMilliseconds: 1000, CheckFact(name: text, threats: ["P-E2"])))
        lines.append(.check(runMilliseconds: 40_000, CheckFact(name: text, threats: ["P-E2"], passed: true, figure: text, milliseconds: 39_000)))
        lines.append(.check(runMilliseconds: 58_000, CheckFact(name: "another", passed: false, figure: "not seen", milliseconds: 12)))
    }

    static func day(text: String = "text") throws -> RunRecord {
        var run = try MadeUpRun(text: text)
        run.day()
        return try RunRecord(run.lines)
    }
}
