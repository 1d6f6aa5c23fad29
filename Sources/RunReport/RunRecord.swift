// A run, put together of its lines: boots, points, lines and plant as series over one time; events,
// receipts and orders with their instants; what is missing.

import Bytes
import Calibration
import Cryptography

/// A time of the run. On a rig all stands in segment 0, on the rig's clock; in a journal each boot is a
/// segment of its own, on the board's clock, which begins anew with it.
public struct Instant: Comparable, Hashable, Sendable {
    public var segment: Int
    public var milliseconds: Int64

    public static func < (a: Instant, b: Instant) -> Bool { (a.segment, a.milliseconds) < (b.segment, b.milliseconds) }
}

/// One start of the board.
public struct Boot: Equatable, Sendable {
    public let count: UInt64
    public internal(set) var start: Instant
    /// Of its last record.
    public internal(set) var end: Instant
    public internal(set) var release: String?
    public internal(set) var failure: String?
}

/// Numbers over time; each value holds until the next, nil from where nothing is known.
public struct Series: Sendable {
    public struct Entry: Sendable {
        public let at: Instant
        public let value: Int64?
    }

    public internal(set) var entries: [Entry] = []

    mutating func append(_ at: Instant, _ value: Int64?) { entries.append(Entry(at: at, value: value)) }
    public var maximum: Int64? { entries.lazy.compactMap(\.value).max() }
    public var minimum: Int64? { entries.lazy.compactMap(\.value).min() }
}

/// Something that lasted.
public struct Interval: Equatable, Sendable {
    public let from: Instant
    public let to: Instant
    public let text: String
}

public struct Recorded<Fact: Sendable>: Sendable {
    public let at: Instant
    public let stamp: RecordStamp
    public let fact: Fact
}

public struct Timed<Fact: Sendable>: Sendable {
    public let at: Instant
    public let fact: Fact
}

/// A point of the calibration, as the board reported it.
public struct PointRecord: Sendable {
    public let name: String
    public internal(set) var unit: String
    /// A value divided by this is in the unit.
    public internal(set) var divisor: Int64 = 1
    /// As far as they can be used; broken where they could not.
    public internal(set) var values = Series()
    /// What it said nevertheless.
    public internal(set) var doubtful = Series()
    /// When its quality was not good, and what it was.
    public internal(set) var bad: [Interval] = []
}

public struct RunRecord: Sendable {
    /// Said by a birth, or by the rig.
    public internal(set) var device: String?
    public internal(set) var board: String?
    /// In the order of their coming; data of another one has no names.
    public internal(set) var calibrations: [(digest: String, calibration: Calibration)] = []
    /// Digests, or their beginnings, that data or births name and that were not given.
    public internal(set) var unknownCalibrations: [String] = []
    public internal(set) var boots: [Boot] = []
    public internal(set) var segments: [ClosedRange<Int64>] = []
    /// Whether there is one clock over all boots, the rig's.
    public internal(set) var hasRunClock = false
    public internal(set) var points: [PointRecord] = []
    public internal(set) var events: [Recorded<EventFact>] = []
    public internal(set) var states: [Recorded<StateFact>] = []
    public internal(set) var receipts: [Recorded<ReceiptFact>] = []
    public internal(set) var orders: [Timed<OrderFact>] = []
    public internal(set) var records = 0
    /// Sequence numbers between the first and the last that are not there, as ranges.
    public internal(set) var missing: [ClosedRange<UInt64>] = []
    public internal(set) var sequences: ClosedRange<UInt64>?
    /// What the source of the run is known to have lost, in words.
    public internal(set) var damage: [String] = []

    // Of the rig alone.
    public internal(set) var truth: [String: Series] = [:]
    public internal(set) var units: [String: String] = [:]
    public internal(set) var lines: [String: Series] = [:]
    public internal(set) var boardEvents: [Timed<String>] = []
    public internal(set) var faults: [Interval] = []
    public internal(set) var checks: [Timed<CheckFact>] = []
    public internal(set) var deaths: [Timed<String>] = []

    // Used while it is put together.
    var bootOffsets: [UInt64: Int64] = [:]
    var birthPoints: [UInt64: [String]] = [:]
    var openFaults: [String: Instant] = [:]
    var openQuality: [String: (from: Instant, text: String, boot: UInt64)] = [:]

    /// The calibration that the run ended with.
    public var calibration: Calibration? { calibrations.last?.calibration }
    public var hasPlant: Bool { !truth.isEmpty }

    public func point(named name: String) -> PointRecord? { points.first { $0.name == name } }
    public func boot(_ count: UInt64) -> Boot? { boots.first { $0.count == count } }
    /// The boot that an instant falls in: the last that had begun.
    public func boot(at instant: Instant) -> Boot? { boots.last { $0.start <= instant } }

    public var start: Instant { Instant(segment: 0, milliseconds: segments.first?.lowerBound ?? 0) }
    public var end: Instant { Instant(segment: max(0, segments.count - 1), milliseconds: segments.last?.upperBound ?? 0) }

    public var missingCount: UInt64 { missing.reduce(0) { $0 + UInt64($1.count) } }
}
