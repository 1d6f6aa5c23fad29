// The board that the calibration of the tests is for.

import Board
import Calibration

/// Has every line of `tank()`, on a disk that is not there unless `disk` is.
public func tankBoard(name: String = "qemu-x86_64", disk: String = "/dev/vda") throws -> BoardDescription {
    let calibration = try tank()
    let outputs = calibration.outputLines.map {
        Line(name: $0, kernelName: $0, direction: .output(drive: .pushPull, safe: false))
    }
    let inputs = calibration.inputLines.map { Line(name: $0, kernelName: $0, direction: .input(edges: .both)) }
    let sizes = [65536, 65536, 256 << 10, 256 << 10, 65536, 65536, 0, 0]
    return try BoardDescription(
        name: name, hardwareRevision: 1, machine: "x86_64", console: "/dev/ttyS0", memoryMegabytes: 128,
        kernelCommandLine: "console=ttyS0", disk: disk,
        partitions: zip(PartitionLabel.allCases, sizes).map { Partition(label: $0, size: $1) },
        lines: outputs + inputs, watchdog: nil, tpm: .absent, network: NetworkInterface(name: "eth0", mode: .dhcp), testAccess: false)
}
