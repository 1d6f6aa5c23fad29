// Duty: what the hardware is, compiled from Boards/<name>/board.toml on the host; and who one device is, its commissioning.
// Trust: the board file is read from the initramfs, trusted as the kernel beside it is, and measured; a commissioning
// is believed once `verify` of module Signed has made it `Verified`.
// Must never hold a secret, nor widen an envelope: that is the calibration's.
import Bytes

public enum TPMDemand: UInt8, CaseIterable, Sendable {
    /// The board has none: no floor, no sealing; what is measured is only reported.
    case absent = 0
    /// Without it the board does not boot.
    case required
}

public struct Partition: Equatable, Sendable {
    public let label: PartitionLabel
    /// Bytes, a multiple of `DiskLayout.blockBytes`; 0 for one that the board does without.
    public let size: Int

    public init(label: PartitionLabel, size: Int) {
        self.label = label
        self.size = size
    }
}

public struct WatchdogDevice: Equatable, Sendable {
    public let path: String
    /// After the last feeding.
    public let timeoutSeconds: Int

    public init(path: String, timeoutSeconds: Int) {
        self.path = path
        self.timeoutSeconds = timeoutSeconds
    }
}

public struct NetworkInterface: Equatable, Sendable {
    public let name: String
    /// Where the commissioning does not say otherwise.
    public let mode: NetworkMode

    public init(name: String, mode: NetworkMode) {
        self.name = name
        self.mode = mode
    }
}

public struct BoardDescription: Equatable, Sendable {
    public static let linesMaximum = 64
    public static let convertersMaximum = 4
    public static let analoguesMaximum = 16
    public static let encodedMaximum = 14336

    public let name: String
    public let hardwareRevision: UInt16
    /// As `uname -m` says it: "x86_64" or "aarch64".
    public let machine: String
    /// Where the log of init goes.
    public let console: String
    public let memoryMegabytes: Int
    public let kernelCommandLine: String
    /// The whole disk's device.
    public let disk: String
    /// One for each `PartitionLabel`, in its order.
    public let partitions: [Partition]
    /// In the order of the file; names are unique, kernel names too.
    public let lines: [Line]
    /// Nil if the board has none: then a frozen init is not noticed.
    public let watchdog: WatchdogDevice?
    public let tpm: TPMDemand
    public let network: NetworkInterface
    /// Whether signed orders may end or freeze a role: for boards on a test rig. Reported in every birth.
    public let testAccess: Bool
    /// In the order of the file, as the analogue inputs.
    public let converters: [Converter]
    public let analogues: [Analogue]
    public let bootSelection: BootSelection

    public init(
        name: String, hardwareRevision: UInt16, machine: String, console: String, memoryMegabytes: Int,
        kernelCommandLine: String, disk: String, partitions: [Partition], lines: [Line],
        watchdog: WatchdogDevice?, tpm: TPMDemand, network: NetworkInterface, testAccess: Bool,
        converters: [Converter] = [], analogues: [Analogue] = [], bootSelection: BootSelection = .raw
    ) throws(BoardError) {
        self.name = name
        self.hardwareRevision = hardwareRevision
        self.machine = machine
        self.console = console
        self.memoryMegabytes = memoryMegabytes
        self.kernelCommandLine = kernelCommandLine
        self.disk = disk
        self.partitions = partitions
        self.lines = lines
        self.watchdog = watchdog
        self.tpm = tpm
        self.network = network
        self.testAccess = testAccess
        self.converters = converters
        self.analogues = analogues
        self.bootSelection = bootSelection
        try checkBoard()
        try checkPartitions()
        try checkBootSelection()
        try checkLines()
        try checkConverters()
        try checkAnalogues()
    }

    /// The device of a partition: /dev/vda3, /dev/mmcblk0p3, /dev/nvme0n1p3.
    public func devicePath(of label: PartitionLabel) -> String {
        let ends = disk.utf8.last.map { (48...57).contains($0) } ?? false
        return "\(disk)\(ends ? "p" : "")\(label.number)"
    }

    public func size(of label: PartitionLabel) -> Int { partitions[Int(label.rawValue)].size }

    public func line(named name: String) -> Line? { lines.first { $0.name == name } }
}

// MARK: what cannot be

extension BoardDescription {
    private func checkBoard() throws(BoardError) {
        try demand(TextForm.isBoardName(name), "name", "1 to 31 lower-case letters, digits, hyphens and underscores, beginning with a letter")
        try demand(machine == "x86_64" || machine == "aarch64", "machine", "\"x86_64\" or \"aarch64\"")
        try demand(TextForm.isDevicePath(console), "console", "a path under /dev")
        try demand((16...1 << 20).contains(memoryMegabytes), "memory-megabytes", "a whole number from 16 to 1048576")
        try demand(TextForm.isLine(kernelCommandLine, maximum: 1023), "kernel.command-line", "one printable line of at most 1023 bytes")
        try demand(TextForm.isDevicePath(disk), "disk.device", "a path under /dev")
        try demand(TextForm.isInterface(network.name), "network.interface", "an interface's name of at most 15 characters, as eth0")
        guard let watchdog else { return }
        try demand(TextForm.isDevicePath(watchdog.path), "watchdog.device", "a path under /dev")
        try demand((2...600).contains(watchdog.timeoutSeconds), "watchdog.timeout-seconds", "a whole number from 2 to 600")
    }

    private func checkPartitions() throws(BoardError) {
        try demand(partitions.count == PartitionLabel.allCases.count, "disk.partitions", "one of each: boot-state, commissioning, slot-a, slot-b, journal, key-set, boot-a, boot-b")
        for (index, partition) in partitions.enumerated() {
            let field = "disk.partitions.\(partition.label.text)"
            try demand(Int(partition.label.rawValue) == index, field, "partitions stand in the order boot-state, commissioning, slot-a, slot-b, journal, key-set, boot-a, boot-b")
            try demand(partition.size % DiskLayout.blockBytes == 0, field, "\(partition.size) bytes are no multiple of \(DiskLayout.blockBytes)")
            if partition.size == 0, partition.label.isOptional { continue }
            let least = Self.leastSize(of: partition.label)
            try demand(partition.size >= least, field, "\(partition.size) bytes are less than the \(least) that it needs")
            try demand(partition.size <= DiskLayout.partitionMaximumBytes, field, "more than 1 TiB")
        }
        try demand(size(of: .bootState) == DiskLayout.bootStateBytes, "disk.partitions.boot-state", "its size is always \(DiskLayout.bootStateBytes) bytes")
        try demand(size(of: .commissioning) == DiskLayout.commissioningBytes, "disk.partitions.commissioning", "its size is always \(DiskLayout.commissioningBytes) bytes")
        try demand(size(of: .keySet) == DiskLayout.keySetBytes, "disk.partitions.key-set", "its size is always \(DiskLayout.keySetBytes) bytes")
        try demand(size(of: .bootA) == size(of: .bootB), "disk.partitions.boot-b", "both boot partitions must have the same size, or neither may be there")
        try demand(size(of: .slotA) == size(of: .slotB), "disk.partitions.slot-b", "both slots must have the same size: what fits one must fit the other")
    }

    private static func leastSize(of label: PartitionLabel) -> Int {
        switch label {
        case .bootState: DiskLayout.bootStateBytes
        case .commissioning: DiskLayout.commissioningBytes
        case .slotA, .slotB: DiskLayout.slotMinimumBytes
        case .journal: DiskLayout.journalMinimumBytes
        case .keySet: DiskLayout.keySetBytes
        case .bootA, .bootB: 2 * DiskLayout.blockBytes
        }
    }

    private func checkLines() throws(BoardError) {
        try demand(lines.count <= Self.linesMaximum, "lines", "more than \(Self.linesMaximum) lines")
        for (index, line) in lines.enumerated() {
            let field = "lines.\(line.name)"
            try demand(TextForm.isName(line.name), field, "a line's name is 1 to 31 lower-case letters, digits and hyphens, beginning with a letter")
            try demand(TextForm.isLineName(line.kernelName), "\(field).kernel-name", "1 to 31 printable characters without spaces")
            for earlier in lines[..<index] {
                try demand(earlier.name != line.name, field, "the name is taken by an earlier line")
                try demand(earlier.kernelName != line.kernelName, "\(field).kernel-name", "\(line.kernelName) is taken by the line \(earlier.name)")
            }
        }
    }

    private func demand(_ holds: Bool, _ field: String, _ reason: String) throws(BoardError) {
        guard holds else { throw .refused(field: field, reason: reason) }
    }
}

// MARK: on the wire

extension BoardDescription {
    /// Deterministic CBOR: a map with the keys 1 to 17, all there.
    public func encoded() -> [UInt8] {
        var writer = CBORWriter(capacity: 1024)
        writer.map(17)
        writer.unsigned(1); writer.unsigned(1)
        writer.unsigned(2); writer.text(name)
        writer.unsigned(3); writer.unsigned(UInt64(hardwareRevision))
        writer.unsigned(4); writer.text(machine)
        writer.unsigned(5); writer.text(console)
        writer.unsigned(6); writer.unsigned(memoryMegabytes)
        writer.unsigned(7); writer.text(kernelCommandLine)
        writer.unsigned(8); writer.text(disk)
        writer.unsigned(9); writer.array(partitions.count)
        for partition in partitions { writer.unsigned(partition.size) }
        writer.unsigned(10); writer.array(lines.count)
        for line in lines { line.encode(into: &writer) }
        writer.unsigned(11)
        if let watchdog {
            writer.array(2)
            writer.text(watchdog.path)
            writer.unsigned(watchdog.timeoutSeconds)
        } else {
            writer.null()
        }
        writer.unsigned(12); writer.unsigned(UInt64(tpm.rawValue))
        writer.unsigned(13); writer.array(2)
        writer.text(network.name)
        network.mode.encode(into: &writer)
        writer.unsigned(14); writer.boolean(testAccess)
        writer.unsigned(15); writer.array(converters.count)
        for converter in converters { converter.encode(into: &writer) }
        writer.unsigned(16); writer.array(analogues.count)
        for analogue in analogues { analogue.encode(into: &writer) }
        writer.unsigned(17); bootSelection.encode(into: &writer)
        return writer.bytes
    }

    public init(decoding bytes: RawSpan) throws(BoardError) {
        let raw: Raw
        do throws(CBORError) {
            raw = try Raw(decoding: bytes)
        } catch { throw .malformed(error) }
        try self.init(
            name: raw.name, hardwareRevision: raw.hardwareRevision, machine: raw.machine, console: raw.console,
            memoryMegabytes: raw.memoryMegabytes, kernelCommandLine: raw.kernelCommandLine, disk: raw.disk,
            partitions: raw.partitions, lines: raw.lines, watchdog: raw.watchdog, tpm: raw.tpm, network: raw.network,
            testAccess: raw.testAccess, converters: raw.converters, analogues: raw.analogues, bootSelection: raw.bootSelection)
    }

    /// The fields as they stand in the file, before they are held against each other.
    private struct Raw {
        let name: String, hardwareRevision: UInt16, machine: String, console: String, memoryMegabytes: Int
        let kernelCommandLine: String, disk: String
        var partitions: [Partition] = []
        var lines: [Line] = []
        let watchdog: WatchdogDevice?, tpm: TPMDemand, network: NetworkInterface, testAccess: Bool
        var converters: [Converter] = []
        var analogues: [Analogue] = []
        let bootSelection: BootSelection

        init(decoding bytes: RawSpan) throws(CBORError) {
            var reader = CBORReader(bytes)
            try reader.fields(17)
            try reader.field(1)
            let format = reader.offset
            guard try reader.unsigned() == 1 else { throw .outOfRange(at: format) }
            try reader.field(2)
            name = try reader.text(maximum: TextForm.nameMaximum)
            try reader.field(3)
            hardwareRevision = try reader.u16()
            try reader.field(4)
            machine = try reader.text(maximum: 16)
            try reader.field(5)
            console = try reader.text(maximum: 63)
            try reader.field(6)
            memoryMegabytes = try reader.count(maximum: 1 << 20)
            try reader.field(7)
            kernelCommandLine = try reader.text(maximum: 1023)
            try reader.field(8)
            disk = try reader.text(maximum: 63)
            try reader.field(9)
            try reader.array(exactly: PartitionLabel.allCases.count)
            for label in PartitionLabel.allCases {
                partitions.append(Partition(label: label, size: try reader.count(maximum: DiskLayout.partitionMaximumBytes)))
            }
            try reader.field(10)
            for _ in 0..<(try reader.array(maximum: BoardDescription.linesMaximum)) { lines.append(try Line(decoding: &reader)) }
            try reader.field(11)
            if try reader.null() {
                watchdog = nil
            } else {
                try reader.array(exactly: 2)
                watchdog = WatchdogDevice(path: try reader.text(maximum: 63), timeoutSeconds: try reader.count(maximum: 600))
            }
            try reader.field(12)
            let at = reader.offset
            guard let tpm = TPMDemand(rawValue: try reader.u8()) else { throw .outOfRange(at: at) }
            self.tpm = tpm
            try reader.field(13)
            try reader.array(exactly: 2)
            network = NetworkInterface(name: try reader.text(maximum: 15), mode: try NetworkMode(decoding: &reader))
            try reader.field(14)
            testAccess = try reader.boolean()
            try reader.field(15)
            for _ in 0..<(try reader.array(maximum: BoardDescription.convertersMaximum)) { converters.append(try Converter(decoding: &reader)) }
            try reader.field(16)
            for _ in 0..<(try reader.array(maximum: BoardDescription.analoguesMaximum)) { analogues.append(try Analogue(decoding: &reader)) }
            try reader.field(17)
            bootSelection = try BootSelection(decoding: &reader)
            try reader.end()
        }
    }
}
