// What the board says of itself, read from the broker's side: the latest birth, the values by name,
// events and receipts. Shown and compared; never believed where a wire can tell.

import Bytes
import Foundation
import Telemetry

public struct BoardReports: Sendable {
    static let keptMaximum = 5000

    public private(set) var birth: Birth?
    /// When the birth was received, and the board's clock in it: how deadlines are reckoned.
    public private(set) var birthNanoseconds: UInt64 = 0
    public private(set) var births = 0
    public private(set) var deaths = 0
    /// The newest value of each point.
    public private(set) var values: [String: Sample] = [:]
    /// Who may do what with each actuator, and what stands in its way.
    public private(set) var states: [String: ActuatorState] = [:]
    /// Of whom a trip or fault was told that no state has told of yet; none follows where the first one goes on to hold.
    public internal(set) var heldUntold: Set<String> = []
    public private(set) var phase: String?
    public private(set) var bypasses: [String] = []
    public private(set) var data: [DataRecord] = []
    public private(set) var events: [EventRecord] = []
    public private(set) var receipts: [Receipt] = []
    /// Sequence numbers of all records, in the order of their coming.
    public private(set) var sequences: [UInt64] = []
    /// Payloads that the board must not have sent: not of their form.
    public private(set) var malformed: [String] = []
    /// One line a message, newest last.
    public private(set) var lines: [String] = []

    public init() {}

    /// Takes one message of the board.
    public mutating func take(_ message: Message) {
        let span = message.payload.span.bytes
        do throws(CBORError) {
            switch message.kind {
            case "birth": try take(birth: try Birth(decoding: span), message)
            case "data": try take(data: try DataRecord(decoding: span))
            case "state": try take(state: try StateRecord(decoding: span))
            case "event": try take(event: try EventRecord(decoding: span))
            case "receipt": try take(receipt: try Receipt(decoding: span))
            case "death":
                let death = try Death(decoding: span)
                deaths += 1
                say("death of session \(death.session), boot \(death.bootCount)")
            default: break
            }
        } catch {
            malformed.append("\(message.topic): \(error)")
            say("malformed \(message.kind): \(error)")
        }
        if lines.count > Self.keptMaximum { lines.removeFirst(Self.keptMaximum / 2) }
    }

    private mutating func take(birth: Birth, _ message: Message) throws(CBORError) {
        self.birth = birth
        birthNanoseconds = message.nanoseconds
        births += 1
        values = [:]
        states = [:]
        heldUntold = []
        say("birth: slot \(birth.boot.slot), release \(birth.boot.release), boot \(birth.stamp.bootCount), session \(birth.session)")
    }

    private mutating func take(data record: DataRecord) throws(CBORError) {
        data.append(record)
        sequences.append(record.stamp.sequence)
        var texts: [String] = []
        for sample in record.samples {
            let name = name(of: sample.point)
            // What was kept from the boot before says nothing of now.
            if record.stamp.bootCount == birth?.stamp.bootCount { values[name] = sample }
            texts.append("\(name) \(sample.value)\(sample.quality == .good ? "" : " (\(sample.quality))")")
        }
        say("\(record.stamp.sequence) data: \(texts.joined(separator: ", "))")
    }

    private mutating func take(state record: StateRecord) throws(CBORError) {
        sequences.append(record.stamp.sequence)
        phase = record.phase
        bypasses = record.bypasses
        var texts: [String] = []
        for state in record.actuators {
            let name = name(of: state.point)
            if record.stamp.bootCount == birth?.stamp.bootCount { states[name] = state }
            heldUntold.remove(name)
            texts.append("\(name) \(state.mode.name)" + (state.holder.map { ", held by \($0)" } ?? "")
                + (state.firstOut.map { ", tripped by \($0)" } ?? "") + (state.fault.map { ", fault \($0)" } ?? ""))
        }
        if let phase = record.phase { texts.append("phase \(phase)") }
        for trip in record.bypasses { texts.append("\(trip) BYPASSED") }
        say("\(record.stamp.sequence) state: \(texts.joined(separator: "; "))")
    }

    private mutating func take(event: EventRecord) throws(CBORError) {
        if ["tripped", "fault"].contains(event.code), let name = event.text.split(separator: " ").first { heldUntold.insert(String(name)) }
        events.append(event)
        sequences.append(event.stamp.sequence)
        say("\(event.stamp.sequence) event \(event.code): \(event.text)")
    }

    private mutating func take(receipt: Receipt) throws(CBORError) {
        receipts.append(receipt)
        sequences.append(receipt.stamp.sequence)
        say("\(receipt.stamp.sequence) receipt \(receipt.outcome) \(receipt.code): \(receipt.text)")
    }

    private mutating func say(_ line: String) { lines.append(Screen.harmless(line)) }

    /// The name that the birth gave to a point.
    public func name(of point: UInt8) -> String {
        guard let birth, Int(point) < birth.points.count else { return "point \(point)" }
        return birth.points[Int(point)].name
    }

    /// The board's monotonic clock now, as reckoned from its birth.
    public var boardMilliseconds: UInt64? {
        guard let birth else { return nil }
        return birth.stamp.monotonicMilliseconds + (monotonicNanoseconds() - birthNanoseconds) / 1_000_000
    }

    /// For the screen: the verdict of the boot and what it rests on.
    public var summary: [(name: String, value: String)] {
        guard let birth else { return [("verdict", "nothing heard from the board yet")] }
        let boot = birth.boot
        return [
            ("verdict", boot.failure.map { "degraded: \($0)" } ?? "verified, \(boot.steps.count) steps"),
            ("slot", "\(boot.slot)\(boot.isTrial ? ", on trial" : ""), release \(boot.release), index \(boot.rollbackIndex), floor \(boot.floor)\(boot.floorIsWeak ? " (weak)" : "")"),
            ("boot", "\(birth.stamp.bootCount), session \(birth.session)"),
            ("root", hexadecimal(boot.rootHash)),
            ("PCR 11", hexadecimal(boot.register11)),
            ("PCR 12", hexadecimal(boot.register12)),
            ("calibration", hexadecimal(birth.calibrationDigest)),
        ] + boot.steps.enumerated().map { ("step \($0.offset + 1)", $0.element) }
    }
}
