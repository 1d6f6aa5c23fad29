// Where the kernel has the board's converters: found by name, never by number.
import Board
import System

/// Numbers of buses and devices that are looked at.
private let busesMaximum = 32, devicesMaximum = 16
/// For each converter to be made known, and then for all of them to be there.
private let waitMilliseconds: UInt64 = 1000

/// Opens the channels of the board's analogue inputs, in their order; -1 for one that is not there. A bus that
/// hangs holds nobody up for longer than a second a converter.
/// - watchdog: fed while it waits; negative if the board has none.
public func openAnalogues(_ board: BoardDescription, feed watchdog: Int32) -> [Int32] {
    for converter in board.converters {
        guard let place = converter.place, folder(of: converter) == nil else { continue }
        makeKnown(converter.device, at: place)
        if watchdog >= 0 { feedWatchdog(watchdog) }
    }
    var descriptors = [Int32](repeating: -1, count: board.analogues.count)
    let deadline = monotonicMilliseconds() + waitMilliseconds
    while true {
        for (index, analogue) in board.analogues.enumerated() where descriptors[index] < 0 {
            descriptors[index] = open(analogue.channel, of: board.converters[analogue.converter])
        }
        guard descriptors.contains(where: { $0 < 0 }), monotonicMilliseconds() < deadline else { return descriptors }
        if watchdog >= 0 { feedWatchdog(watchdog) }
        sleep(milliseconds: 20)
    }
}

/// The kernel's I2C core is asked for the device (Documentation/i2c/instantiating-devices, method 4), by a child
/// with mounts of its own: here /sys stays read-only, and a driver that never returns hangs nobody else.
private func makeKnown(_ device: String, at place: I2CPlace) {
    guard let bus = bus(place.adapter) else { return }
    let path = "/sys/bus/i2c/devices/i2c-\(bus)/new_device"
    let order = Array("\(device) \(place.address)\n".utf8)
    do throws(SystemError) {
        try runAside(timeoutMilliseconds: waitMilliseconds) { () throws(SystemError) in
            try mount("sysfs", on: "/sys", type: "sysfs", [.remount, .noSetUser, .noDevices, .noExecution])
            let file = try Descriptor(opening: path, .write)
            guard try file.write(order.span.bytes) == order.count else { throw SystemError("write \(path)", 0) }
        }
    } catch { log("penstock: \(device) at \(place.adapter): \(error.text)") }
}

private func open(_ channel: UInt8, of converter: Converter) -> Int32 {
    guard let folder = folder(of: converter) else { return -1 }
    do throws(SystemError) {
        return try Descriptor(opening: "\(folder)/in_voltage\(channel)_raw", .read).release()
    } catch { return -1 }
}

/// The converter's folder of Industrial I/O; nil if it is not there, or something else is.
private func folder(of converter: Converter) -> String? {
    var above = "/sys/bus/iio/devices"
    if let place = converter.place {
        guard let bus = bus(place.adapter) else { return nil }
        above = "/sys/bus/i2c/devices/\(bus)-00\(hexadecimal(place.address))"
    }
    for number in 0..<devicesMaximum where line("\(above)/iio:device\(number)/name") == converter.device {
        return "\(above)/iio:device\(number)"
    }
    return nil
}

/// The number of the bus that has this name.
@inline(never)
private func bus(_ adapter: String) -> Int? {
    for number in 0..<busesMaximum where line("/sys/bus/i2c/devices/i2c-\(number)/name") == adapter { return number }
    return nil
}

/// The one line of a file, without its end.
@inline(never)
private func line(_ path: String) -> String? {
    do throws(SystemError) {
        let content = try readFile(path, maximum: 64)
        guard content.last == 0x0A else { return nil }
        return String(decoding: content.dropLast(), as: UTF8.self)
    } catch { return nil }
}

private func hexadecimal(_ byte: UInt8) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: [digits[Int(byte >> 4)], digits[Int(byte & 15)]], as: UTF8.self)
}
