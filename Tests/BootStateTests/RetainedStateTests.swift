// What outlives the controller, and a calibration that took over, over cuts of the power.
import Bytes
import SimulatedDisk
import Testing
@testable import BootState

private func retained(_ number: UInt64) -> RetainedState {
    RetainedState(calibrationFloor: number, controller: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 200))
}

private func stored(_ number: UInt8) -> StoredCalibration { StoredCalibration(object: [UInt8](repeating: number, count: 6000)) }

@Suite struct RetainedStateTests {
    @Test("no two records lie on one another, and all lie in the partition")
    func places() {
        var ranges: [Range<Int>] = []
        for place in [BootState.place, RetainedState.place, StoredCalibration.place] {
            for offset in place.offsets { ranges.append(offset..<offset + place.size) }
            #expect(place.size % 512 == 0)
        }
        for (index, range) in ranges.enumerated() {
            #expect(range.upperBound <= BootStateStore.partitionSize)
            for other in ranges[..<index] { #expect(!range.overlaps(other)) }
        }
    }

    @Test("the largest of each comes back as it was kept")
    func roundTrip() throws {
        let most = RetainedState(calibrationFloor: .max, controller: [UInt8](repeating: 0xA5, count: RetainedState.controllerMaximum))
        #expect(try Record<RetainedState>(decoding: Record(sequence: 3, content: most).encoded().span.bytes).content == most)
        let calibration = StoredCalibration(object: [UInt8](repeating: 0x5A, count: StoredCalibration.objectMaximum))
        #expect(try Record<StoredCalibration>(decoding: Record(sequence: 3, content: calibration).encoded().span.bytes).content == calibration)
    }

    @Test("V-S1 a fresh board has nothing retained; an erased or damaged area is not taken for a fresh one")
    func fresh() throws {
        let disk = SimulatedDisk(contents: BootStateStore.image(of: .flashed(release: "1")))
        var partition = SimulatedPartition(disk)
        #expect(try TwoCopies<RetainedState>(loading: &partition).content == RetainedState.none)
        #expect(try TwoCopies<StoredCalibration>(loading: &partition).content == nil)
        #expect(try BootStateStore(loading: &partition).state == .flashed(release: "1"))
        for offset in RetainedState.place.offsets {
            #expect(try TwoCopies<RetainedState>(loading: &partition).content != nil)
            disk.place([UInt8](repeating: 0, count: RetainedState.place.size), at: offset)
        }
        #expect(try TwoCopies<RetainedState>(loading: &partition).content == nil)
        // The others do not suffer by it.
        #expect(try BootStateStore(loading: &partition).wasFound)
    }

    @Test("P-D2 of every single altered byte in one copy the other makes up for; in both none is taken")
    func altered() throws {
        var partition = SimulatedPartition(SimulatedDisk(size: BootStateStore.partitionSize))
        var copies = try TwoCopies<RetainedState>(loading: &partition)
        try copies.write(retained(1), to: &partition)
        try copies.write(retained(2), to: &partition)
        let disk = partition.disk
        // The second write lies in the second copy.
        let offsets = RetainedState.place.offsets
        for at in stride(from: 0, to: RetainedState.place.size, by: 7) {
            disk.corrupt(at: offsets[1] + at)
            #expect(try TwoCopies<RetainedState>(loading: &partition).content == retained(1), "byte \(at)")
            disk.corrupt(at: offsets[0] + at)
            #expect(try TwoCopies<RetainedState>(loading: &partition).content == nil, "byte \(at)")
            disk.corrupt(at: offsets[1] + at)
            #expect(try TwoCopies<RetainedState>(loading: &partition).content == retained(2), "byte \(at)")
            disk.corrupt(at: offsets[0] + at)
        }
    }

    @Test("V-S1 P-D2 a power cut at any sector of any write leaves each record as it was before or after its write")
    func powerCuts() throws {
        let disk = SimulatedDisk(contents: BootStateStore.image(of: .flashed(release: "1")))
        var partition = SimulatedPartition(disk)
        var slots = try BootStateStore(loading: &partition)
        var kept = try TwoCopies<RetainedState>(loading: &partition)
        var calibrations = try TwoCopies<StoredCalibration>(loading: &partition)
        // In the order of a take-over: the calibration, then its floor; slots now and then.
        var states: [(retained: RetainedState, stored: StoredCalibration?, boots: UInt64)] = [(.none, nil, 0)]
        for number in 1...4 as ClosedRange<UInt64> {
            let before = states.last!
            try calibrations.write(stored(UInt8(number)), to: &partition)
            states.append((before.retained, stored(UInt8(number)), before.boots))
            try kept.write(retained(number), to: &partition)
            states.append((retained(number), stored(UInt8(number)), before.boots))
            var slot = slots.state
            slot.bootCount = number
            try slots.write(slot, to: &partition)
            states.append((retained(number), stored(UInt8(number)), number))
        }
        // Each write is two operations: operation n belongs to the write of state n / 2 + 1.
        let cuts = try disk.forEachCut(reorderings: 12) { cut, medium in
            var after = SimulatedPartition(SimulatedDisk(contents: medium))
            let before = states[cut.operation / 2], next = states[min(cut.operation / 2 + 1, states.count - 1)]
            let retained = try TwoCopies<RetainedState>(loading: &after).content
            let stored = try TwoCopies<StoredCalibration>(loading: &after).content
            let boots = try BootStateStore(loading: &after).state.bootCount
            #expect(retained == before.retained || retained == next.retained, "\(cut)")
            #expect(stored == before.stored || stored == next.stored, "\(cut)")
            #expect(boots == before.boots || boots == next.boots, "\(cut)")
            // The floor is never above a calibration that is there: the board always has one that it may use.
            #expect(retained!.calibrationFloor <= stored.map { UInt64($0.object[0]) } ?? 0, "\(cut)")
        }
        print("retained state and calibration: \(cuts) power cuts")
        #expect(cuts > 600)
    }
}
