// What outlives the controller and a power cut: latched trips, faults and counters as the controller
// gave them, the floors under calibrations and key sets, and the calibration that took over while the board ran.
// Trust: whoever has the disk in hand can forge it; a calibration is verified again each time.

import Bytes

/// Kept from boot to boot. A board that finds neither copy whole takes every trip for standing: an erased
/// area is no fresh one, which `BootStateStore.image` makes.
public struct RetainedState: Recorded {
    /// Bytes of the controller's part.
    public static let controllerMaximum = 4096
    public static let none = RetainedState(calibrationFloor: 0, controller: [])
    public static var place: RecordPlace { RecordPlace(magic: "PENRETN1", size: 8192, offsets: [8192, 40960]) }

    /// The highest version of a calibration that was in force; none below it ever is again.
    public var calibrationFloor: UInt64
    /// The lowest version of a key set that is still believed, on a board whose TPM does not hold it.
    public var keySetFloor: UInt64
    /// Module Control's encoding; empty before there was anything.
    public var controller: [UInt8]

    public init(calibrationFloor: UInt64, keySetFloor: UInt64 = 0, controller: [UInt8]) {
        self.calibrationFloor = calibrationFloor
        self.keySetFloor = keySetFloor
        self.controller = controller
    }

    // [floor of calibrations, floor of key sets, controller's part]
    public func write(to writer: inout CBORWriter) {
        writer.array(3)
        writer.unsigned(calibrationFloor)
        writer.unsigned(keySetFloor)
        writer.bytes(controller)
    }

    public init(from reader: inout CBORReader) throws(CBORError) {
        try reader.array(exactly: 3)
        calibrationFloor = try reader.unsigned()
        keySetFloor = try reader.unsigned()
        controller = try reader.bytes(maximum: Self.controllerMaximum)
    }
}

/// A calibration that took over while the board ran, as the signed object that it came in.
public struct StoredCalibration: Recorded {
    public static let objectMaximum = 14336
    public static var place: RecordPlace { RecordPlace(magic: "PENCALI1", size: 16384, offsets: [16384, 49152]) }

    public var object: [UInt8]

    public init(object: [UInt8]) { self.object = object }

    public func write(to writer: inout CBORWriter) { writer.bytes(object) }

    public init(from reader: inout CBORReader) throws(CBORError) { object = try reader.bytes(maximum: Self.objectMaximum) }
}
