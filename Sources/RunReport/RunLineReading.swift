// A run's file, read: each line is one fact, or the file is refused with the line's number and why.

import Bytes
import Foundation

/// Why a run could not be read.
public struct RunRecordError: Error, Equatable, Coded {
    public enum Problem: String, Sendable {
        /// A line is no JSON object, or lacks a member, or has one of another form.
        case form = "run-record-form"
        /// A kind of line, or a format, that this tool does not know.
        case unknown = "run-record-unknown"
        /// The file or a line is longer than is read.
        case tooLong = "run-record-too-long"
        /// It holds nothing that could be shown.
        case empty = "run-record-empty"
    }

    public let problem: Problem
    /// Counts from 1.
    public let line: Int?
    private let reason: String

    init(_ problem: Problem, line: Int? = nil, _ reason: String) {
        self.problem = problem
        self.line = line
        self.reason = reason
    }

    public var code: String { problem.rawValue }
    public var text: String { (line.map { "line \($0): " } ?? "") + reason }
}

extension RunLine {
    /// The longest file: ten hours of a rig that never rests take about a fifth of it.
    public static let fileByteMaximum = 512 << 20
    public static let lineByteMaximum = 64 << 10

    /// All lines of a file. The last may lack its end: a rig that was killed leaves it cut, and it is left out.
    public static func lines(of content: [UInt8]) throws(RunRecordError) -> [RunLine] {
        guard content.count <= fileByteMaximum else {
            throw RunRecordError(.tooLong, "the file has \(content.count) bytes; at most \(fileByteMaximum) are read: record a shorter run")
        }
        var lines: [RunLine] = []
        var start = 0
        var number = 0
        while let end = content[start...].firstIndex(of: 10) {
            number += 1
            if end > start { lines.append(try RunLine(Data(content[start..<end]), number: number)) }
            start = end + 1
        }
        if start < content.count, let last = try? RunLine(Data(content[start...]), number: number + 1) { lines.append(last) }
        return lines
    }

    /// - number: of the line, for what is said of it.
    init(_ bytes: Data, number: Int) throws(RunRecordError) {
        guard bytes.count <= Self.lineByteMaximum else {
            throw RunRecordError(.tooLong, line: number, "it has \(bytes.count) bytes; a line has at most \(Self.lineByteMaximum)")
        }
        guard let object = (try? JSONSerialization.jsonObject(with: bytes)) as? [String: Any] else {
            throw RunRecordError(.form, line: number, "this is no JSON object: is the file a run's record (penstock-rig --record)?")
        }
        self = try Members(object, number).runLine()
    }
}

/// One object's members, taken by name and form.
private struct Members {
    let object: [String: Any]
    let line: Int

    init(_ object: [String: Any], _ line: Int) {
        self.object = object
        self.line = line
    }

    func runLine() throws(RunRecordError) -> RunLine {
        let kind = try string("kind")
        switch kind {
        case "run":
            let format = try integer("format")
            guard format == RunLine.format else {
                throw RunRecordError(.unknown, line: line, "it has format \(format), and this tool reads format \(RunLine.format)")
            }
            return .run(device: try string("device"), board: try string("board"), units: try texts("units"))
        case "calibration": return .calibration(payload: try bytes("payload"))
        case "birth":
            return .birth(try stamp(), BirthFact(
                device: try string("device"), board: try string("board"), release: try string("release"), slot: try string("slot"),
                rollbackIndex: try unsigned("rollbackIndex"), calibration: try string("calibration"), points: try points(),
                failure: try optional("failure", string)))
        case "death": return .death(runMilliseconds: try time(), boot: try unsigned("boot"), session: try unsigned("session"))
        case "data": return .data(try stamp(), calibration: try string("calibration"), samples: try samples())
        case "state":
            return .state(try stamp(), StateFact(
                phase: try optional("phase", string), bypasses: try strings("bypasses"), actuators: try actuators()))
        case "event":
            return .event(try stamp(), EventFact(
                code: try string("code"), text: try string("text"), point: try optional("point", integer).map { Int($0) },
                value: try optional("value", integer)))
        case "receipt":
            return .receipt(try stamp(), ReceiptFact(
                object: try string("object"), outcome: try string("outcome"), issuer: try optional("issuer", string),
                counter: try optional("counter", unsigned), code: try string("code"), text: try string("text")))
        case "order":
            return .order(runMilliseconds: try time(), OrderFact(
                object: try string("object"), text: try string("text"), actuator: try optional("actuator", string),
                permille: try optional("permille", integer).map { Int($0) }))
        case "plant": return .plant(runMilliseconds: try time(), values: try numbers("values"))
        case "line": return .line(runMilliseconds: try time(), name: try string("name"), value: try optional("value", integer))
        case "board": return .board(runMilliseconds: try time(), what: try string("what"))
        case "fault": return .fault(runMilliseconds: try time(), name: try string("name"), present: try boolean("present"))
        case "check":
            return .check(runMilliseconds: try time(), CheckFact(
                name: try string("name"), threats: try strings("threats"), passed: try optional("passed", boolean),
                figure: try string("figure"), milliseconds: try integer("milliseconds")))
        default: throw RunRecordError(.unknown, line: line, "there is no kind '\(kind)': was it written by a newer rig?")
        }
    }

    // MARK: compound members

    private func time() throws(RunRecordError) -> Int64 { try integer("runMilliseconds") }

    private func stamp() throws(RunRecordError) -> RecordStamp {
        RecordStamp(
            runMilliseconds: try optional("runMilliseconds", integer), sequence: try unsigned("sequence"), boot: try unsigned("boot"),
            boardMilliseconds: try integer("boardMilliseconds"))
    }

    private func samples() throws(RunRecordError) -> [SampleFact] {
        guard let items = object["samples"] as? [[Any]] else { throw wrong("samples", "a list of [point, value, quality]") }
        var samples: [SampleFact] = []
        for item in items {
            guard item.count == 3, let point = Self.integer(item[0]), let value = Self.integer(item[1]), let quality = item[2] as? String else {
                throw wrong("samples", "a list of [point, value, quality]")
            }
            samples.append(SampleFact(point: Int(point), value: value, quality: quality))
        }
        return samples
    }

    private func points() throws(RunRecordError) -> [PointFact] {
        let form = "a list of [name, unit, divisor]"
        guard let items = object["points"] as? [[Any]] else { throw wrong("points", form) }
        var points: [PointFact] = []
        for item in items {
            guard item.count == 3, let name = item[0] as? String, let unit = item[1] as? String, let divisor = Self.integer(item[2]), divisor > 0 else {
                throw wrong("points", form)
            }
            points.append(PointFact(name: name, unit: unit, divisor: divisor))
        }
        return points
    }

    private func actuators() throws(RunRecordError) -> [ActuatorFact] {
        let form = "a list of [point, mode, holder, firstOut, fault]"
        guard let items = object["actuators"] as? [[Any]] else { throw wrong("actuators", form) }
        var actuators: [ActuatorFact] = []
        for item in items {
            guard item.count == 5, let point = Self.integer(item[0]), let mode = item[1] as? String,
                item[2...].allSatisfy({ $0 is String || $0 is NSNull })
            else { throw wrong("actuators", form) }
            actuators.append(ActuatorFact(
                point: Int(point), mode: mode, holder: item[2] as? String, firstOut: item[3] as? String, fault: item[4] as? String))
        }
        return actuators
    }

    private func bytes(_ name: String) throws(RunRecordError) -> [UInt8] {
        let text = try string(name)
        guard let bytes = Bytes.bytes(hexadecimal: text) else { throw wrong(name, "hexadecimal") }
        return bytes
    }

    // MARK: simple members

    private func optional<T>(_ name: String, _ read: (String) throws(RunRecordError) -> T) throws(RunRecordError) -> T? {
        switch object[name] {
        case nil, is NSNull: nil
        default: try read(name)
        }
    }

    private func string(_ name: String) throws(RunRecordError) -> String {
        guard let value = object[name] as? String else { throw wrong(name, "a text") }
        return value
    }

    private func strings(_ name: String) throws(RunRecordError) -> [String] {
        guard let value = object[name] as? [String] else { throw wrong(name, "a list of texts") }
        return value
    }

    private func texts(_ name: String) throws(RunRecordError) -> [String: String] {
        guard let value = object[name] as? [String: String] else { throw wrong(name, "an object of texts") }
        return value
    }

    private func numbers(_ name: String) throws(RunRecordError) -> [String: Int64] {
        guard let members = object[name] as? [String: Any] else { throw wrong(name, "an object of whole numbers") }
        var values: [String: Int64] = [:]
        for (key, value) in members {
            guard let number = Self.integer(value) else { throw wrong(name, "an object of whole numbers") }
            values[key] = number
        }
        return values
    }

    private func integer(_ name: String) throws(RunRecordError) -> Int64 {
        guard let value = Self.integer(object[name]) else { throw wrong(name, "a whole number") }
        return value
    }

    private func unsigned(_ name: String) throws(RunRecordError) -> UInt64 {
        guard let number = object[name] as? NSNumber, !Self.isBoolean(number), let value = UInt64(exactly: number) else {
            throw wrong(name, "a whole number from 0")
        }
        return value
    }

    private func boolean(_ name: String) throws(RunRecordError) -> Bool {
        guard let number = object[name] as? NSNumber, Self.isBoolean(number) else { throw wrong(name, "true or false") }
        return number.boolValue
    }

    private static func integer(_ value: Any?) -> Int64? {
        guard let number = value as? NSNumber, !isBoolean(number) else { return nil }
        return Int64(exactly: number)
    }

    /// JSON's true and false are numbers to Foundation; their type tells them apart.
    private static func isBoolean(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }

    private func wrong(_ name: String, _ form: String) -> RunRecordError {
        RunRecordError(.form, line: line, "'\(name)' is \(object[name] == nil ? "missing" : "of another form"): it must be \(form)")
    }
}
