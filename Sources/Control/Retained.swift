// Duty: what must outlive the controller and a power cut: latched trips, faults, cycles, hours, duty, totals, the phase.
// Trust: it comes back from the supervisor's store; what is unreadable counts as if every trip had stood.
// Must never make a start less safe than no memory at all.

import Bytes
import Calibration

/// The form of what is retained, by name, so that it holds under the next calibration as well:
///
///     [2, calibration version, phase, [latched trip, ...],
///      [[actuator, fault, cycles, minutes since its proof test, starts in the hour, milliseconds of running in the hour], ...],
///      [[flow meter, microlitres], ...]]
public enum Retained {
    public static let formatVersion: UInt64 = 2
    /// Bytes of the largest.
    public static let encodedMaximum = 4096
}

/// Names by position.
struct Names {
    var trips: [String] = []
    var actuators: [String] = []
    var phases: [String] = []
    var sensors: [String] = []
    var calibrationVersion: UInt64

    init(_ calibration: Calibration) {
        for trip in calibration.trips { trips.append(trip.name) }
        for actuator in calibration.actuators { actuators.append(actuator.name) }
        for sensor in calibration.sensors { sensors.append(sensor.name) }
        phases = calibration.phases
        calibrationVersion = calibration.version
    }
}

extension Control {
    /// Appends it; allocates nothing where the writer has room.
    public func encodeRetained(into writer: inout CBORWriter) {
        writer.array(6)
        writer.unsigned(Retained.formatVersion)
        writer.unsigned(names.calibrationVersion)
        writer.text(phase < names.phases.count ? names.phases[phase] : "")
        var latched = 0
        for trip in trips where trip.isLatched { latched += 1 }
        writer.array(latched)
        for i in trips.indices where trips[i].isLatched { writer.text(names.trips[i]) }
        writer.array(actuators.count)
        for a in actuators.indices {
            writer.array(6)
            writer.text(names.actuators[a])
            writer.unsigned(UInt64(actuators[a].fault.rawValue))
            writer.unsigned(UInt64(actuators[a].cycles))
            writer.unsigned(UInt64(actuators[a].minutesSinceProof))
            writer.unsigned(UInt64(actuators[a].duty.startsInHour))
            writer.unsigned(UInt64(actuators[a].duty.runningMilliseconds))
        }
        writer.array(meters.count)
        for i in meters.indices {
            writer.array(2)
            writer.text(names.sensors[meters[i]])
            writer.unsigned(sensors[meters[i]].total)
        }
    }

    /// Takes over what was retained. Trips and actuators that there are no more are passed over; a trip of
    /// which nothing is known any more but that it stood, because its name is another now, latches all.
    public mutating func restore(_ bytes: RawSpan) {
        // Read to its end before anything of it counts.
        do throws(CBORError) {
            if enforced(.retainedWhole) { try takeOver(bytes, counts: false) }
            try takeOver(bytes, counts: true)
        } catch { latchTrips() }
    }

    private mutating func takeOver(_ bytes: RawSpan, counts: Bool) throws(CBORError) {
        var reader = CBORReader(bytes)
        try reader.array(exactly: 6)
        guard try reader.unsigned() == Retained.formatVersion else { throw .outOfRange(at: 1) }
        _ = try reader.unsigned()
        let phase = try reader.text(maximum: Calibration.nameMaximum)
        for i in names.phases.indices where counts && names.phases[i] == phase { enter(phase: i) }
        for _ in 0..<(try reader.array(maximum: Calibration.tripsMaximum)) {
            let name = try reader.text(maximum: Calibration.nameMaximum)
            guard counts, enforced(.retainedTrips) else { continue }
            var isKnown = false
            for i in trips.indices where names.trips[i] == name { isKnown = latch(i) }
            if !isKnown { latchTrips() }
        }
        for _ in 0..<(try reader.array(maximum: Calibration.actuatorsMaximum)) {
            try reader.array(exactly: 6)
            let name = try reader.text(maximum: Calibration.nameMaximum)
            let at = reader.offset
            guard let fault = Reason(rawValue: try reader.u8()) else { throw .outOfRange(at: at) }
            let (cycles, minutes, starts, running) = (try reader.u32(), try reader.u32(), try reader.u32(), try reader.u32())
            var isKnown = false
            for a in actuators.indices where counts && names.actuators[a] == name {
                isKnown = true
                actuators[a].cycles = cycles
                actuators[a].minutesSinceProof = minutes
                if enforced(.retainedDuty) { actuators[a].duty.restore(starts: Int(starts), runningMilliseconds: Int(running)) }
                if fault != .none, enforced(.retainedFaults) { raise(fault, a) }
            }
            // Under another name it is at fault all the same.
            if counts, fault != .none, !isKnown { latchTrips() }
        }
        for _ in 0..<(try reader.array(maximum: Calibration.flowMetersMaximum)) {
            try reader.array(exactly: 2)
            let name = try reader.text(maximum: Calibration.nameMaximum)
            let total = try reader.unsigned()
            for i in meters.indices where counts && names.sensors[meters[i]] == name { sensors[meters[i]].restore(total: total) }
        }
        try reader.end()
    }

    /// Latches every trip that latches: for a start after one of whose trips nothing is known.
    public mutating func latchTrips() {
        for i in trips.indices { latch(i) }
    }

    /// False if it latches never, whatever it did before.
    @discardableResult
    private mutating func latch(_ i: Int) -> Bool {
        guard trips[i].latch(now: now) else { return false }
        note(trip: i, .restored)
        return true
    }

    // MARK: hours

    mutating func proofPassed(_ a: Int) {
        actuators[a].minutesSinceProof = 0
        actuators[a].toldOverdue = false
        retainedRevision &+= 1
    }

    /// Once a minute: the age of the proof tests, and the duty of what runs; every ten minutes all that counts is worth keeping.
    mutating func countHours(_ elapsed: Int) {
        sinceMinute += elapsed
        while sinceMinute >= 60_000 {
            sinceMinute -= 60_000
            minutes &+= 1
            var isWorthKeeping = minutes % 10 == 0
            for a in actuators.indices where actuators[a].wasDriven && actuators[a].envelope.runningMinutesPerHour > 0 { isWorthKeeping = true }
            if isWorthKeeping { retainedRevision &+= 1 }
            for a in actuators.indices where actuators[a].kind == .motorValve {
                actuators[a].minutesSinceProof = min(actuators[a].minutesSinceProof, UInt32.max - 1) + 1
                tellOverdue(a)
            }
        }
    }

    private mutating func tellOverdue(_ a: Int) {
        let hours = valves[actuators[a].position].proofIntervalHours
        guard hours > 0, actuators[a].minutesSinceProof >= UInt32(hours * 60), !actuators[a].toldOverdue, enforced(.proofInterval) else { return }
        actuators[a].toldOverdue = true
        events.append(.proofOverdue, index: UInt8(a), value: Int64(actuators[a].minutesSinceProof / 60))
    }
}
