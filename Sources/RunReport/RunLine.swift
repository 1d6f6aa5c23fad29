// Duty: the one form in which a run is kept: a line a fact, from the rig or from a journal, and the page
// and the figures that are made of it.
// Trust: what stands in a line is what somebody said; texts are anybody's, and are escaped where shown.
// Must never change what it reads, or show a figure that is in no line.
//
// A run's file is JSON lines (RFC 8259, one object a line), each with its `kind`. Times are
// `runMilliseconds` (the rig's clock, from its start) and, where the board said it, `sequence`, `boot` and
// `boardMilliseconds` (the board's clock, from its own start). A reader passes over members that it does
// not know, and refuses a kind that it does not know.
//
// | kind        | members beside the time                                                                |
// |-------------|----------------------------------------------------------------------------------------|
// | run         | format (1), device, board, units {name: unit} of the plant's values                    |
// | calibration | payload (hex of the encoded calibration)                                               |
// | birth       | device, board, release, slot, rollbackIndex, calibration (hex digest), points [[name, unit, divisor], ...], failure or null |
// | death       | boot, session                                                                          |
// | data        | calibration (first 8 bytes of its digest, hex), samples [[point, value, quality], ...] |
// | state       | phase or null, bypasses [trip, ...], actuators [[point, mode, holder, firstOut, fault], ...]: texts or null |
// | event       | code, text, point or null, value or null                                               |
// | receipt     | object (hex), outcome, issuer or null, counter or null, code, text                     |
// | order       | object (hex), text, actuator or null, permille or null: what was sent to the board     |
// | plant       | values {name: value}: the truth of a point under the point's name and in its unit      |
// | line        | name, value (0, 1, or null while it floats)                                            |
// | board       | what: connected, reset, power-lost, frozen, thawed, malformed                          |
// | fault       | name, present                                                                          |
// | check       | name, threats [..], passed (null as it begins), figure, milliseconds                   |

import Bytes
import Foundation

/// Where and when the board recorded something.
public struct RecordStamp: Equatable, Sendable {
    /// When the rig received it; nil in a journal.
    public var runMilliseconds: Int64?
    public var sequence: UInt64
    public var boot: UInt64
    public var boardMilliseconds: Int64

    public init(runMilliseconds: Int64? = nil, sequence: UInt64, boot: UInt64, boardMilliseconds: Int64) {
        self.runMilliseconds = runMilliseconds
        self.sequence = sequence
        self.boot = boot
        self.boardMilliseconds = boardMilliseconds
    }
}

/// A point's name and unit; its value divided by `divisor` is in the unit.
public struct PointFact: Equatable, Sendable {
    public var name: String
    public var unit: String
    public var divisor: Int64

    public init(name: String, unit: String, divisor: Int64 = 1) {
        self.name = name
        self.unit = unit
        self.divisor = divisor
    }
}

public struct BirthFact: Equatable, Sendable {
    public var device: String
    public var board: String
    public var release: String
    public var slot: String
    public var rollbackIndex: UInt64
    public var calibration: String
    public var points: [PointFact]
    public var failure: String?
}

public struct SampleFact: Equatable, Sendable {
    public var point: Int
    public var value: Int64
    /// "good", or why it is not.
    public var quality: String

    public init(point: Int, value: Int64, quality: String = "good") {
        self.point = point
        self.value = value
        self.quality = quality
    }
}

/// Who an actuator obeys, and what stands in its way.
public struct ActuatorFact: Equatable, Sendable {
    public var point: Int
    /// "off", "hand", "auto".
    public var mode: String
    /// Who holds its lease.
    public var holder: String?
    /// The trip that came first and still stands.
    public var firstOut: String?
    public var fault: String?

    public init(point: Int, mode: String, holder: String? = nil, firstOut: String? = nil, fault: String? = nil) {
        self.point = point
        self.mode = mode
        self.holder = holder
        self.firstOut = firstOut
        self.fault = fault
    }
}

public struct StateFact: Equatable, Sendable {
    public var phase: String?
    public var bypasses: [String]
    /// Those of which something has changed.
    public var actuators: [ActuatorFact]

    public init(phase: String?, bypasses: [String], actuators: [ActuatorFact]) {
        self.phase = phase
        self.bypasses = bypasses
        self.actuators = actuators
    }
}

public struct EventFact: Equatable, Sendable {
    public var code: String
    public var text: String
    public var point: Int?
    public var value: Int64?

    public init(code: String, text: String, point: Int? = nil, value: Int64? = nil) {
        self.code = code
        self.text = text
        self.point = point
        self.value = value
    }
}

public struct ReceiptFact: Equatable, Sendable {
    public var object: String
    /// "accepted", "refused", "done".
    public var outcome: String
    public var issuer: String?
    public var counter: UInt64?
    public var code: String
    public var text: String

    public init(object: String, outcome: String, issuer: String?, counter: UInt64?, code: String, text: String) {
        self.object = object
        self.outcome = outcome
        self.issuer = issuer
        self.counter = counter
        self.code = code
        self.text = text
    }
}

/// What was sent to the board as an order, as its sender meant it.
public struct OrderFact: Equatable, Sendable {
    /// The first 8 bytes of the SHA-256 of the signed object: what its receipt names.
    public var object: String
    public var text: String
    public var actuator: String?
    public var permille: Int?

    public init(object: String, text: String, actuator: String? = nil, permille: Int? = nil) {
        self.object = object
        self.text = text
        self.actuator = actuator
        self.permille = permille
    }
}

public struct CheckFact: Equatable, Sendable {
    public var name: String
    public var threats: [String]
    /// Nil as it begins.
    public var passed: Bool?
    public var figure: String
    public var milliseconds: Int64

    public init(name: String, threats: [String] = [], passed: Bool? = nil, figure: String = "", milliseconds: Int64 = 0) {
        self.name = name
        self.threats = threats
        self.passed = passed
        self.figure = figure
        self.milliseconds = milliseconds
    }
}

public enum RunLine: Equatable, Sendable {
    public static let format = 1

    case run(device: String, board: String, units: [String: String])
    case calibration(payload: [UInt8])
    case birth(RecordStamp, BirthFact)
    case death(runMilliseconds: Int64, boot: UInt64, session: UInt64)
    case data(RecordStamp, calibration: String, samples: [SampleFact])
    case state(RecordStamp, StateFact)
    case event(RecordStamp, EventFact)
    case receipt(RecordStamp, ReceiptFact)
    case order(runMilliseconds: Int64, OrderFact)
    case plant(runMilliseconds: Int64, values: [String: Int64])
    case line(runMilliseconds: Int64, name: String, value: Int64?)
    case board(runMilliseconds: Int64, what: String)
    case fault(runMilliseconds: Int64, name: String, present: Bool)
    case check(runMilliseconds: Int64, CheckFact)
}

// MARK: written

extension RunLine {
    /// The line, without its end.
    public var text: String {
        let data = (try? JSONSerialization.data(withJSONObject: members, options: [.sortedKeys, .withoutEscapingSlashes])) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }

    private var members: [String: Any] {
        switch self {
        case .run(let device, let board, let units):
            ["kind": "run", "format": Self.format, "device": device, "board": board, "units": units]
        case .calibration(let payload): ["kind": "calibration", "payload": hexadecimal(payload)]
        case .birth(let stamp, let birth):
            stamp.members("birth", [
                "device": birth.device, "board": birth.board, "release": birth.release, "slot": birth.slot,
                "rollbackIndex": birth.rollbackIndex, "calibration": birth.calibration, "points": birth.points.map { [$0.name, $0.unit, $0.divisor] as [Any] },
                "failure": birth.failure ?? NSNull(),
            ])
        case .death(let run, let boot, let session): ["kind": "death", "runMilliseconds": run, "boot": boot, "session": session]
        case .data(let stamp, let calibration, let samples):
            stamp.members("data", [
                "calibration": calibration, "samples": samples.map { [$0.point, $0.value, $0.quality] as [Any] },
            ])
        case .state(let stamp, let state):
            stamp.members("state", [
                "phase": state.phase ?? NSNull(), "bypasses": state.bypasses,
                "actuators": state.actuators.map { [$0.point, $0.mode, $0.holder ?? NSNull(), $0.firstOut ?? NSNull(), $0.fault ?? NSNull()] as [Any] },
            ])
        case .event(let stamp, let event):
            stamp.members("event", [
                "code": event.code, "text": event.text, "point": event.point ?? NSNull(), "value": event.value ?? NSNull(),
            ])
        case .receipt(let stamp, let receipt):
            stamp.members("receipt", [
                "object": receipt.object, "outcome": receipt.outcome, "issuer": receipt.issuer ?? NSNull(),
                "counter": receipt.counter ?? NSNull(), "code": receipt.code, "text": receipt.text,
            ])
        case .order(let run, let order):
            ["kind": "order", "runMilliseconds": run, "object": order.object, "text": order.text,
             "actuator": order.actuator ?? NSNull(), "permille": order.permille ?? NSNull()]
        case .plant(let run, let values): ["kind": "plant", "runMilliseconds": run, "values": values]
        case .line(let run, let name, let value):
            ["kind": "line", "runMilliseconds": run, "name": name, "value": value ?? NSNull()]
        case .board(let run, let what): ["kind": "board", "runMilliseconds": run, "what": what]
        case .fault(let run, let name, let present):
            ["kind": "fault", "runMilliseconds": run, "name": name, "present": present]
        case .check(let run, let check):
            ["kind": "check", "runMilliseconds": run, "name": check.name, "threats": check.threats,
             "passed": check.passed ?? NSNull(), "figure": check.figure, "milliseconds": check.milliseconds]
        }
    }
}

extension RecordStamp {
    fileprivate func members(_ kind: String, _ others: [String: Any]) -> [String: Any] {
        var all = others
        all["kind"] = kind
        all["runMilliseconds"] = runMilliseconds ?? NSNull()
        all["sequence"] = sequence
        all["boot"] = boot
        all["boardMilliseconds"] = boardMilliseconds
        return all
    }
}
