// Duty: GPIO lines as descriptors: requested by name, read, driven.
// Trust: the driver may be slow or frozen: a call to read or drive may not return, so who must not hang
// leaves them to a `Chip`. Must never close the last descriptor of an output: the line would float.
import Board
import CGPIO
import System

/// Requests a line of the board by its kernel name, with bias and drive as the board file says. An
/// output is driven to its safe value from the first moment; an input's descriptor is readable when
/// there was an edge. Source: libgpiod, gpiod_line_request.
public func request(_ line: Line) throws(SystemError) -> Descriptor {
    var drive = Drive.pushPull
    var safe = false
    if case .output(let its, let value) = line.direction {
        drive = its
        safe = value
    }
    let result = pg_request(
        line.kernelName, line.isOutput ? 1 : 0, safe ? 1 : 0, line.activeLow ? 1 : 0,
        Int32(line.bias.rawValue), Int32(drive.rawValue))
    guard result >= 0 else { throw SystemError("GPIO line \(line.kernelName)", -result) }
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

/// Throws away the edges that are queued: of a time when nobody listened they say nothing that a reading
/// does not say better. No more of each than the kernel keeps.
public func drainEdges(_ descriptors: [Int32]) throws(SystemError) {
    var wait = WaitSet()
    for descriptor in descriptors { wait.add(descriptor) }
    for _ in 0..<queuedEdgesMaximum {
        try wait.wait(timeoutMilliseconds: 0)
        for i in descriptors.indices where wait.isReadable(i) { _ = try readEdge(descriptors[i]) }
    }
}

/// What the kernel keeps for a line (drivers/gpio/gpiolib-cdev.c; version 2: as many for a request of one line).
private let queuedEdgesMaximum = 16

/// The kernel's name of the chip that has this line: which lines may fail together. Asks the kernel alone.
public func chipName(of line: Line) throws(SystemError) -> String {
    var name = [CChar](repeating: 0, count: Int(PG_CHIP_NAME))
    let result = pg_chip(line.kernelName, &name)
    guard result >= 0 else { throw SystemError("GPIO line \(line.kernelName)", -result) }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
