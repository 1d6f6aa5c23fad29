// Duty: what must outlive the controller and a power cut: latched trips, faults, cycles, hours.
// Trust: it comes back from the supervisor's store; what is unreadable counts as if every trip had stood.
// Must never make a start less safe than no memory at all.

import Bytes

/// [format, phase name, [latched trip names], [[actuator name, fault, cycles, minutes since the proof test]], calibration version].
/// Names, so that it holds under the next calibration as well. The shell gives the bytes to whoever keeps them.
public enum Retained {
    public static let formatVersion: UInt64 = 1
    /// Bytes of the largest.
    public static let encodedMaximum = 4096
}
