// Duty: GPIO lines as descriptors: requested by name, read, driven.
// Trust: the driver may be slow or frozen: a call may not return, so who must not hang gives lines
// to a process of its own. Must never close the last descriptor of an output: the line would float.
import CGPIO
import System

public enum Bias: UInt8, Sendable { case off = 0, pullUp, pullDown }
public enum Drive: UInt8, Sendable { case pushPull = 0, openDrain, openSource }

/// Requests an output by name, driven to `safeValue` from the first moment; its descriptor.
/// Source: libgpiod, gpiod_line_request.
public func requestOutput(
    _ name: String, safeValue: Bool, activeLow: Bool, bias: Bias, drive: Drive
) throws(SystemError) -> Descriptor {
    try request(name, output: true, safeValue, activeLow, bias, drive)
}

/// Requests an input by name; its descriptor is readable when there was an edge.
public func requestInput(_ name: String, activeLow: Bool, bias: Bias) throws(SystemError) -> Descriptor {
    try request(name, output: false, false, activeLow, bias, .pushPull)
}

private func request(
    _ name: String, output: Bool, _ safeValue: Bool, _ activeLow: Bool, _ bias: Bias, _ drive: Drive
) throws(SystemError) -> Descriptor {
    let result = pg_request(
        name, output ? 1 : 0, safeValue ? 1 : 0, activeLow ? 1 : 0, Int32(bias.rawValue), Int32(drive.rawValue))
    guard result >= 0 else { throw SystemError("GPIO line \(name)", -result) }
    return Descriptor(owning: result)
}

/// The line's value now; of an output, what the pin reads back.
public func lineValue(_ descriptor: Int32) throws(SystemError) -> Bool {
    let result = pg_value_fd(descriptor)
    guard result >= 0 else { throw SystemError("GPIO read", -result) }
    return result == 1
}

public func driveLine(_ descriptor: Int32, _ value: Bool) throws(SystemError) {
    let result = pg_set_fd(descriptor, value ? 1 : 0)
    guard result >= 0 else { throw SystemError("GPIO write", -result) }
}

/// An edge as the kernel queued it. Below a spacing of 2 ms its direction may be wrong: read the value.
public struct Edge: Sendable {
    public let rising: Bool
    public let nanoseconds: Int64
}

/// Takes one queued edge; call when the descriptor is readable.
public func readEdge(_ descriptor: Int32) throws(SystemError) -> Edge {
    var nanoseconds: Int64 = 0
    let result = pg_edge(descriptor, &nanoseconds)
    guard result >= 0 else { throw SystemError("GPIO edge", -result) }
    return Edge(rising: result == 1, nanoseconds: nanoseconds)
}
