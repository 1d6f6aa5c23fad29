// What a board file may say, and that nothing else gets through, whoever wrote the bytes.
import Board
import Bytes
import SeededRandom
import Signed
import Testing

/// A small board that is right.
struct Sample {
    var name = "bench", disk = "/dev/vda", lines = Sample.lines, watchdog: WatchdogDevice? = WatchdogDevice(path: "/dev/watchdog0", timeoutSeconds: 8)
    var sizes = [65536, 65536, 1 << 20, 1 << 20, 1 << 20, 65536, 0, 0]
    var mode = NetworkMode.dhcp
    var selector = BootSelection.raw
    var converters = [
        Converter(name: "tank", device: "ads1015", place: I2CPlace(adapter: "i2c_virtio at virtio bus 0", address: 0x48)),
        Converter(name: "own", device: "2198000.adc", place: nil),
    ]
    var analogues = [Analogue(name: "level-a", converter: 0, channel: 0), Analogue(name: "current", converter: 1, channel: 31)]

    static let lines = [
        Line(name: "inlet-open", kernelName: "PA3", direction: .output(drive: .pushPull, safe: false)),
        Line(name: "inlet-close", kernelName: "PA4", direction: .output(drive: .openDrain, safe: true), activeLow: true, bias: .pullUp),
        Line(name: "level-high", kernelName: "PB1", direction: .input(edges: .both), bias: .pullDown),
    ]

    func board() throws(BoardError) -> BoardDescription {
        try BoardDescription(
            name: name, hardwareRevision: 2, machine: "x86_64", console: "/dev/ttyS0", memoryMegabytes: 128,
            kernelCommandLine: "console=ttyS0", disk: disk,
            partitions: zip(PartitionLabel.allCases, sizes).map { Partition(label: $0, size: $1) },
            lines: lines, watchdog: watchdog, tpm: .required, network: NetworkInterface(name: "eth0", mode: mode), testAccess: false,
            converters: converters, analogues: analogues, bootSelection: selector)
    }

    func commissioning() throws -> Commissioning {
        try Commissioning(
            device: "tank-7", board: "bench", broker: Endpoint(host: "broker.example", port: 8883, authority: [0x30, 1, 2]),
            clientCertificate: [0x30, 9], updateServer: Endpoint(host: "10.0.2.2", port: 443, authority: [0x30, 3]),
            updatePath: "/bundles/", nameServers: [NameServer(address: [10, 0, 2, 3])!],
            network: .fixed(v4: InterfaceAddress(address: [10, 0, 2, 15], prefixLength: 24, router: [10, 0, 2, 2]), v6: nil), floorBaseline: 4)
    }
}

@Suite struct BoardDescriptionTests {
    @Test func roundTrip() throws {
        var sample = Sample()
        for (watchdog, mode) in [
            (nil, NetworkMode.dhcp),
            (WatchdogDevice(path: "/dev/watchdog", timeoutSeconds: 30), .fixed(
                v4: InterfaceAddress(address: [192, 0, 2, 7], prefixLength: 24, router: nil),
                v6: InterfaceAddress(address: [UInt8](repeating: 1, count: 16), prefixLength: 64, router: [UInt8](repeating: 2, count: 16)))),
        ] as [(WatchdogDevice?, NetworkMode)] {
            sample.watchdog = watchdog
            sample.mode = mode
            let board = try sample.board()
            let encoded = board.encoded()
            #expect(try BoardDescription(decoding: encoded.span.bytes) == board)
            #expect(encoded.count <= BoardDescription.encodedMaximum)
        }
    }

    @Test func fullestFits() throws {
        var sample = Sample()
        sample.lines = (0..<BoardDescription.linesMaximum).map {
            Line(name: "l" + String(repeating: "x", count: 27) + "\(100 + $0)", kernelName: String(repeating: "K", count: 28) + "\(100 + $0)",
                 direction: .output(drive: .pushPull, safe: true))
        }
        sample.converters = (0..<BoardDescription.convertersMaximum).map {
            Converter(name: "c" + String(repeating: "x", count: 29) + "\($0)", device: String(repeating: "D", count: 19),
                      place: I2CPlace(adapter: String(repeating: "A", count: 47), address: 0x48 + UInt8($0)))
        }
        sample.analogues = (0..<BoardDescription.analoguesMaximum).map {
            Analogue(name: "a" + String(repeating: "x", count: 28) + "\(10 + $0)", converter: 3, channel: UInt8($0))
        }
        let encoded = try sample.board().encoded()
        #expect(encoded.count <= BoardDescription.encodedMaximum)
        #expect(try BoardDescription(decoding: encoded.span.bytes) == sample.board())
    }

    @Test func partitionDevices() throws {
        var sample = Sample()
        #expect(try sample.board().devicePath(of: .slotA) == "/dev/vda3")
        sample.disk = "/dev/mmcblk0"
        #expect(try sample.board().devicePath(of: .bootState) == "/dev/mmcblk0p1")
    }

    func refusal(_ change: (inout Sample) -> Void) -> String? {
        var sample = Sample()
        change(&sample)
        do throws(BoardError) {
            _ = try sample.board()
            return nil
        } catch {
            guard case .refused(let field, _) = error else { return "malformed" }
            return field
        }
    }

    @Test func contradictionsAreRefused() {
        #expect(refusal { _ in } == nil)
        #expect(refusal { $0.name = "Bench" } == "name")
        #expect(refusal { $0.disk = "/dev/../etc/passwd" } == "disk.device")
        #expect(refusal { $0.lines.append($0.lines[0]) } == "lines.inlet-open")
        #expect(refusal { $0.lines.append(Line(name: "other", kernelName: "PA3", direction: .input(edges: .none))) } == "lines.other.kernel-name")
        #expect(refusal { $0.sizes[2] += 512 } == "disk.partitions.slot-a")
        #expect(refusal { $0.sizes[3] += 4096 } == "disk.partitions.slot-b")
        #expect(refusal { $0.sizes[0] = 131072 } == "disk.partitions.boot-state")
        #expect(refusal { $0.sizes[4] = 0 } == "disk.partitions.journal")
        #expect(refusal { $0.sizes[5] = 0 } == "disk.partitions.key-set")
        #expect(refusal { $0.sizes[6] = 1 << 20 } == "disk.partitions.boot-b")
        #expect(refusal { ($0.sizes[6], $0.sizes[7]) = (4096, 4096) } == "disk.partitions.boot-a")
        #expect(refusal { ($0.sizes[6], $0.sizes[7]) = (1 << 20, 1 << 20) } == nil)
        #expect(refusal { $0.sizes.removeLast() } == "disk.partitions")
        #expect(refusal { $0.watchdog = WatchdogDevice(path: "/dev/watchdog", timeoutSeconds: 1) } == "watchdog.timeout-seconds")
    }

    @Test func selectors() throws {
        func uboot(_ first: Int, _ second: Int, copy: Int = 8192, device: String = "/dev/vda") -> (inout Sample) -> Void {
            {
                $0.selector = .uboot(EnvironmentPlace(device: device, copyBytes: copy, firstOffset: first, secondOffset: second))
                ($0.sizes[6], $0.sizes[7]) = (1 << 20, 1 << 20)
            }
        }
        #expect(refusal { $0.selector = .efi } == "boot.selector")
        #expect(refusal(uboot(1 << 16, 1 << 17)) == nil)
        #expect(refusal(uboot(0, 8192, device: "/dev/mmcblk0boot0")) == nil)
        #expect(refusal(uboot(0, 1 << 17)) == "boot.environment.first-offset")
        #expect(refusal(uboot(1 << 16, 1 << 20)) == "boot.environment.second-offset")
        #expect(refusal(uboot(1 << 16, (1 << 16) + 4096)) == "boot.environment.second-offset")
        #expect(refusal(uboot((1 << 16) + 1, 1 << 17)) == "boot.environment.first-offset")
        #expect(refusal(uboot(1 << 16, 1 << 17, copy: 1000)) == "boot.environment.copy-size")
        #expect(refusal(uboot(1 << 16, 1 << 17, device: "env")) == "boot.environment.device")
        var sample = Sample()
        uboot(1 << 16, 1 << 17)(&sample)
        for selector in [sample.selector, .efi, .raw] {
            sample.selector = selector
            #expect(try BoardDescription(decoding: sample.board().encoded().span.bytes) == sample.board())
        }
    }

    @Test func contradictoryConvertersAreRefused() {
        func converter(_ name: String, _ device: String, _ adapter: String? = nil, _ address: UInt8 = 0x48) -> Converter {
            Converter(name: name, device: device, place: adapter.map { I2CPlace(adapter: $0, address: address) })
        }
        #expect(refusal { $0.converters.append(converter("tank", "x")) } == "converters.tank")
        #expect(refusal { $0.converters.append(converter("Tank", "x")) } == "converters.Tank")
        #expect(refusal { $0.converters.append(converter("two", "2198000.adc")) } == "converters.two.device")
        #expect(refusal { $0.converters.append(converter("two", "ads 1015")) } == "converters.two.device")
        #expect(refusal { $0.converters.append(converter("two", "ads1115", "i2c_virtio at virtio bus 0")) } == "converters.two.address")
        #expect(refusal { $0.converters.append(converter("two", "ads1015", "i2c_virtio at virtio bus 0", 0x49)) } == nil)
        for address: UInt8 in [0, 7, 0x78, 0xFF] { #expect(refusal { $0.converters.append(converter("two", "ads1115", "bus", address)) } == "converters.two.address") }
        #expect(refusal { $0.converters.append(converter("two", String(repeating: "x", count: 20), "bus")) } == "converters.two.device")
        for adapter in ["", "bus\n", String(repeating: "x", count: 48)] { #expect(refusal { $0.converters.append(converter("two", "x", adapter)) } == "converters.two.adapter") }
        #expect(refusal { for i in 0..<3 { $0.converters.append(converter("c\(i)", "d\(i)")) } } == "converters")
    }

    @Test func contradictoryAnalogueInputsAreRefused() {
        #expect(refusal { $0.analogues.append(Analogue(name: "level-a", converter: 0, channel: 1)) } == "analogues.level-a")
        #expect(refusal { $0.analogues.append(Analogue(name: "level-high", converter: 0, channel: 1)) } == "analogues.level-high")
        #expect(refusal { $0.analogues.append(Analogue(name: "9", converter: 0, channel: 1)) } == "analogues.9")
        #expect(refusal { $0.analogues.append(Analogue(name: "other", converter: 0, channel: 0)) } == "analogues.other.channel")
        #expect(refusal { $0.analogues.append(Analogue(name: "other", converter: 0, channel: 32)) } == "analogues.other.channel")
        #expect(refusal { $0.analogues.append(Analogue(name: "other", converter: 2, channel: 1)) } == "analogues.other.converter")
        #expect(refusal { $0.analogues.append(Analogue(name: "other", converter: -1, channel: 1)) } == "analogues.other.converter")
        #expect(refusal { for i in 0..<15 { $0.analogues.append(Analogue(name: "a\(i)", converter: 0, channel: UInt8(i + 1))) } } == "analogues")
    }
}

@Suite struct HostileBytes {
    @Test("Truncation at every length is refused") func truncation() throws {
        let board = try Sample().board().encoded(), commissioning = try Sample().commissioning().encoded()
        for length in 0..<board.count {
            #expect(throws: BoardError.self) { try BoardDescription(decoding: Array(board[..<length]).span.bytes) }
        }
        for length in 0..<commissioning.count {
            #expect(throws: PayloadError.self) { try Commissioning(decoding: Array(commissioning[..<length]).span.bytes) }
        }
    }

    @Test("C-T1 mutated bytes are refused, or mean exactly what they encode") func mutation() throws {
        var random = Seeded(0xB0A2D)
        let board = try Sample().board().encoded(), commissioning = try Sample().commissioning().encoded()
        var accepted = 0
        for _ in 0..<20000 {
            var bytes = board
            for _ in 0..<Int.random(in: 1...3, using: &random) { bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random) }
            if let read = try? BoardDescription(decoding: bytes.span.bytes) {
                #expect(read.encoded() == bytes)
                accepted += 1
            }
            bytes = commissioning
            for _ in 0..<Int.random(in: 1...3, using: &random) { bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random) }
            if let read = try? Commissioning(decoding: bytes.span.bytes) { #expect(read.encoded() == bytes) }
        }
        #expect(accepted > 0)
    }

    @Test func commissioningRoundTrip() throws {
        let value = try Sample().commissioning()
        #expect(try Commissioning(decoding: value.encoded().span.bytes) == value)
        #expect(value.encoded().count <= Commissioning.encodedMaximum)
    }
}
