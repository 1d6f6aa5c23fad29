// A board from its human-edited file, Boards/<name>/board.toml; the schema is told by the file of the
// virtual board, and by the messages here.
import Board
import Bytes
import Foundation

public enum BoardCompiler {
    static let code = "board-file-invalid"

    /// - path: a board.toml, or the folder that holds one.
    public static func compile(_ path: String) throws(Failure) -> BoardDescription {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        let file = exists && isFolder.boolValue ? URL(fileURLWithPath: path).appendingPathComponent("board.toml").path : path
        return try board(TOMLSection(reading: file, code: code))
    }

    /// Reads what `compile` made and `encoded` wrote.
    public static func read(_ path: String) throws(Failure) -> BoardDescription {
        let content = try readFile(path, maximum: BoardDescription.encodedMaximum)
        do throws(BoardError) { return try BoardDescription(decoding: content.span.bytes) } catch { throw Failure(error, path: path) }
    }

    private static func board(_ file: TOMLSection) throws(Failure) -> BoardDescription {
        let name = try file.text("name")
        let revision = UInt16(try file.integer("hardware-revision", 0...65535))
        let machine = try file.choice("machine", ["x86_64": "x86_64", "aarch64": "aarch64"])
        let console = try file.text("console")
        let memory = try file.integer("memory-megabytes", 16...1 << 20)
        let tpm = try file.choice("tpm", ["required": TPMDemand.required, "absent": TPMDemand.absent])
        let testAccess = try file.boolean("test-access", or: false)
        let kernel = try file.section("kernel")
        let commandLine = try kernel.text("command-line")
        try kernel.end()
        let disk = try file.section("disk")
        let device = try disk.text("device")
        let partitions = try partitions(disk.section("partitions"))
        try disk.end()
        let bootSelection = try bootSelection(file.optionalSection("boot"))
        let watchdog = try watchdog(file)
        let network = try network(file.section("network"))
        var lines: [Line] = []
        for section in try file.sections("line") { lines.append(try line(section)) }
        try refuseDuplicates(lines, file)
        var converters: [Converter] = []
        for section in try file.sections("converter") { converters.append(try converter(section)) }
        var analogues: [Analogue] = []
        for section in try file.sections("analogue") { analogues.append(try analogue(section, converters)) }
        try file.end()
        do throws(BoardError) {
            return try BoardDescription(
                name: name, hardwareRevision: revision, machine: machine, console: console, memoryMegabytes: memory,
                kernelCommandLine: commandLine, disk: device, partitions: partitions, lines: lines,
                watchdog: watchdog, tpm: tpm, network: network, testAccess: testAccess,
                converters: converters, analogues: analogues, bootSelection: bootSelection)
        } catch { throw Failure(code: code, text: error.text, path: file.path) }
    }

    private static func partitions(_ section: TOMLSection) throws(Failure) -> [Partition] {
        var partitions: [Partition] = []
        for label in PartitionLabel.allCases {
            if label.isOptional, !section.has(label.text) {
                partitions.append(Partition(label: label, size: 0))
                continue
            }
            let size = try section.size(label.text)
            guard size % DiskLayout.blockBytes == 0 else {
                let next = (size / DiskLayout.blockBytes + 1) * DiskLayout.blockBytes
                throw section.refusal(label.text, "\(size) bytes are no multiple of \(DiskLayout.blockBytes), the block that verity and power-safe writes need; the next is \(next)")
            }
            partitions.append(Partition(label: label, size: size))
        }
        try section.end()
        return partitions
    }

    private static func bootSelection(_ section: TOMLSection?) throws(Failure) -> BootSelection {
        guard let section else { return .raw }
        let kind = try section.choice("selector", ["raw": 0, "efi": 1, "uboot": 2])
        let environment = try section.optionalSection("environment")
        try section.end()
        guard (kind == 2) == (environment != nil) else {
            throw section.refusal("selector", "[boot.environment] is U-Boot's: \"uboot\" needs it, no other selector has one")
        }
        guard let environment else { return kind == 1 ? .efi : .raw }
        let place = EnvironmentPlace(
            device: try environment.text("device"), copyBytes: try environment.size("copy-size"),
            firstOffset: try environment.size("first-offset"), secondOffset: try environment.size("second-offset"))
        try environment.end()
        return .uboot(place)
    }

    private static func watchdog(_ file: TOMLSection) throws(Failure) -> WatchdogDevice? {
        guard let section = try file.optionalSection("watchdog") else { return nil }
        let watchdog = WatchdogDevice(path: try section.text("device"), timeoutSeconds: try section.integer("timeout-seconds", 2...600))
        try section.end()
        return watchdog
    }

    private static func network(_ section: TOMLSection) throws(Failure) -> NetworkInterface {
        let name = try section.text("interface")
        let mode = try mode(section)
        try section.end()
        return NetworkInterface(name: name, mode: mode)
    }

    /// The keys mode, v4, v6 of a section.
    static func mode(_ section: TOMLSection) throws(Failure) -> NetworkMode {
        let isDHCP = try section.choice("mode", ["dhcp": true, "fixed": false])
        let v4 = try address(section, "v4", byteCount: 4), v6 = try address(section, "v6", byteCount: 16)
        guard isDHCP == (v4 == nil && v6 == nil) else {
            throw section.refusal("mode", isDHCP ? "is \"dhcp\": take out [network.v4] and [network.v6], or set \"fixed\"" : "is \"fixed\": give [network.v4] or [network.v6] with an address")
        }
        return isDHCP ? .dhcp : .fixed(v4: v4, v6: v6)
    }

    private static func address(_ network: TOMLSection, _ key: String, byteCount: Int) throws(Failure) -> InterfaceAddress? {
        guard let section = try network.optionalSection(key) else { return nil }
        let example = byteCount == 4 ? "192.0.2.7/24" : "2001:db8::7/64"
        let parts = try section.text("address").split(separator: "/")
        var router: [UInt8]?
        if section.has("router") {
            router = networkAddress(try section.text("router"))
            guard router?.count == byteCount else { throw section.refusal("router", "must be an address of the kind of \(example), without the prefix") }
        }
        try section.end()
        guard parts.count == 2, let address = networkAddress(String(parts[0])), address.count == byteCount, let prefix = Int(parts[1]),
            let value = InterfaceAddress(address: address, prefixLength: prefix, router: router)
        else { throw section.refusal("address", "must be an address with its prefix, as \(example)") }
        return value
    }

    private static func line(_ section: TOMLSection) throws(Failure) -> Line {
        let name = try section.text("name")
        guard TextForm.isName(name) else { throw section.refusal("name", "must be 1 to 31 lower-case letters, digits and hyphens, beginning with a letter") }
        let kernelName = try section.text("kernel-name", or: name)
        let isOutput = try section.choice("direction", ["output": true, "input": false])
        let activeLow = try section.boolean("active-low", or: false)
        let bias = try section.choice("bias", ["none": Bias.none, "pull-up": .pullUp, "pull-down": .pullDown], or: Bias.none)
        let direction: Direction
        if isOutput {
            let drive = try section.choice("drive", ["push-pull": Drive.pushPull, "open-drain": .openDrain, "open-source": .openSource], or: Drive.pushPull)
            guard section.has("safe") else {
                throw section.refusal("safe", "is missing: every output says which value is safe when nobody drives it any more, 0 (inactive) or 1 (active)")
            }
            direction = .output(drive: drive, safe: try section.integer("safe", 0...1) == 1)
            if section.has("edges") { throw section.refusal("edges", "is for inputs; this line is an output") }
        } else {
            direction = .input(edges: try section.choice("edges", ["none": Edges.none, "rising": .rising, "falling": .falling, "both": .both]))
            if section.has("safe") { throw section.refusal("safe", "is for outputs; this line is an input") }
            if section.has("drive") { throw section.refusal("drive", "is for outputs; this line is an input") }
        }
        _ = section.has("comment")
        try section.end()
        return Line(name: name, kernelName: kernelName, direction: direction, activeLow: activeLow, bias: bias)
    }

    private static func refuseDuplicates(_ lines: [Line], _ file: TOMLSection) throws(Failure) {
        for (index, line) in lines.enumerated() {
            if let earlier = lines[..<index].firstIndex(where: { $0.name == line.name }) {
                throw Failure(code: code, text: "line \(index + 1) and line \(earlier + 1) are both called '\(line.name)': calibration and telemetry know lines by name, give one of them another", path: file.path)
            }
            if let earlier = lines[..<index].first(where: { $0.kernelName == line.kernelName }) {
                throw Failure(code: code, text: "line '\(line.name)' and line '\(earlier.name)' both take the kernel's line '\(line.kernelName)': one wire has one owner", path: file.path)
            }
        }
    }
}

extension BoardCompiler {
    private static func converter(_ section: TOMLSection) throws(Failure) -> Converter {
        let name = try section.text("name"), device = try section.text("device")
        guard section.has("adapter") == section.has("address") else {
            throw section.refusal("adapter", "and 'address' go together: where nothing but this file says that the converter is there, both; else neither")
        }
        var place: I2CPlace?
        if section.has("adapter") {
            place = I2CPlace(adapter: try section.text("adapter"), address: UInt8(try section.integer("address", 0x08...0x77)))
        }
        _ = section.has("comment")
        try section.end()
        return Converter(name: name, device: device, place: place)
    }

    private static func analogue(_ section: TOMLSection, _ converters: [Converter]) throws(Failure) -> Analogue {
        let name = try section.text("name"), wanted = try section.text("converter")
        guard let converter = converters.firstIndex(where: { $0.name == wanted }) else {
            let names = converters.isEmpty ? "there is none: write a [[converter]]" : "there are \(converters.map(\.name).joined(separator: ", "))"
            throw section.refusal("converter", "no [[converter]] is called '\(wanted)'; \(names)")
        }
        let channel = UInt8(try section.integer("channel", 0...31))
        _ = section.has("comment")
        try section.end()
        return Analogue(name: name, converter: converter, channel: channel)
    }
}

/// The 4 or 16 bytes of a numeric address; nil if it is none.
public func networkAddress(_ text: String) -> [UInt8]? {
    var v4 = in_addr(), v6 = in6_addr()
    if inet_pton(AF_INET, text, &v4) == 1 { return withUnsafeBytes(of: v4) { Array($0) } }
    if inet_pton(AF_INET6, text, &v6) == 1 { return withUnsafeBytes(of: v6) { Array($0) } }
    return nil
}
