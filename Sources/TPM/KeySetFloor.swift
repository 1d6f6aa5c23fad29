// The lowest version of a key set that this board still believes, in an NV counter of its own.
//
// Its baseline can't stand in the commissioning, as that of the rollback floor does: a commissioning is
// believed by the key set that is to be judged, and a key that was revoked could sign another baseline. So
// the baseline, the counter's first value, is part of the counter's own definition: in the place of a
// policy, which no attribute of the counter ever asks for. Whoever has only the disk can change neither.
// Whoever commands the TPM as its owner can delete the counter and make one that begins anew.
import Bytes

/// In the owner's range, beside that of the rollback floor.
public let keySetFloorIndex: UInt32 = 0x0180_0A02

/// How often a counter is made again because others counted in between.
private let attempts = 3

/// What stands in the policy's place: 24 bytes that no digest begins with, then the baseline.
private func pinned(_ baseline: UInt64) -> [UInt8] {
    var writer = ByteWriter(capacity: 32)
    writer.append("penstock key set version")
    writer.u64(baseline)
    return writer.bytes
}

extension TPM where Transport: ~Copyable {
    /// Counter and baseline of the key sets' counter; an error unless it is as `makeKeySetFloor` makes it.
    private mutating func readKeySetCounter() throws(TPMError) -> (counter: UInt64, baseline: UInt64) {
        let area = try nvReadPublic(keySetFloorIndex)
        var baseline: UInt64 = 0
        for byte in area.policy.suffix(8) { baseline = baseline << 8 | UInt64(byte) }
        let counter = try nvReadCounter(keySetFloorIndex, policy: pinned(baseline))
        guard counter >= baseline else { throw .floorBelowBaseline(counter: counter, baseline: baseline) }
        return (counter, baseline)
    }

    /// The lowest version that is still believed. A missing counter is an error, never a zero.
    public mutating func readKeySetFloor() throws(TPMError) -> UInt64 {
        let read = try readKeySetCounter()
        return read.counter - read.baseline
    }

    /// Counts up towards `version`, if the floor is lower; by `floorStepMaximum` at the most, so that a set of
    /// the initramfs that is numbered high takes a few boots. Only once the set is on the disk and nothing that
    /// runs depends on an older one.
    public mutating func raiseKeySetFloor(to version: UInt64) throws(TPMError) {
        let present = try readKeySetFloor()
        try count(keySetFloorIndex, from: present, to: version > present + floorStepMaximum ? present + floorStepMaximum : version)
    }

    /// Makes the counter if it is missing. Its first value is one above that of the highest counter there
    /// ever was, which a first one that is deleted again finds out.
    mutating func makeKeySetFloor() throws(TPMError) {
        for _ in 0..<attempts {
            do throws(TPMError) {
                _ = try readKeySetCounter()
                return
            } catch {
                switch error {
                case .counterMissing: break
                // An earlier call was cut between definition and first count.
                case .counterUninitialised: try nvUndefine(keySetFloorIndex)
                default: throw error
                }
            }
            try nvDefineCounter(keySetFloorIndex)
            try nvIncrement(keySetFloorIndex)
            let baseline = try nvReadCounter(keySetFloorIndex) + 1
            try nvUndefine(keySetFloorIndex)
            try nvDefineCounter(keySetFloorIndex, policy: pinned(baseline))
            try nvIncrement(keySetFloorIndex)
            let read = try readKeySetCounter()
            guard read.counter != read.baseline else { return }
            try nvUndefine(keySetFloorIndex)
        }
        throw .counterMissing(index: keySetFloorIndex)
    }
}
