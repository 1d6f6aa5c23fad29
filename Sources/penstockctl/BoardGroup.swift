// penstockctl board: check, compile and show board files.
import ArgumentParser
import Board
import Bytes
import Compiler

struct BoardGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "board", abstract: "Boards: pins, partitions, watchdog, network.",
        subcommands: [BoardCheck.self, BoardCompile.self, BoardShow.self])
}

struct BoardCheck: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Says whether a board file is right, and if not, where and why.",
        discussion: "  penstockctl board check Boards/qemu-x86_64")

    @Argument(help: "A board.toml, or the folder that holds one.")
    var board: String

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let board = try BoardCompiler.compile(board)
        return Report(
            ["\(board.name) is right: \(board.lines.count) lines, \(DiskImage(board).places.count) partitions, disk of \(DiskImage(board).size) bytes"],
            [("name", .string(board.name)), ("lines", .integer(board.lines.count)), ("diskBytes", .integer(DiskImage(board).size))])
    }
}

struct BoardCompile: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "compile", abstract: "Makes the compiled form that goes into the initramfs and the root image.",
        discussion: "  penstockctl board compile Boards/qemu-x86_64 --output board.cbor")

    @Argument(help: "A board.toml, or the folder that holds one.")
    var board: String

    @Option(name: [.customShort("o"), .customLong("output")], help: "Where the compiled board goes.")
    var destination: String = "board.cbor"

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let board = try BoardCompiler.compile(board)
        let encoded = board.encoded()
        try writeFile(destination, encoded)
        return Report(["compiled \(board.name) into \(destination) (\(encoded.count) bytes)"], [("output", .string(destination)), ("bytes", .integer(encoded.count))])
    }
}

struct BoardShow: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows a board: a board.toml, its folder, or the compiled form.")

    @Argument(help: "A board.toml, its folder, or a compiled board.cbor.")
    var board: String

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let board = board.hasSuffix(".cbor") ? try BoardCompiler.read(board) : try BoardCompiler.compile(board)
        var lines = [
            "board      \(board.name), hardware revision \(board.hardwareRevision), \(board.machine), \(board.memoryMegabytes) MB",
            "tpm        \(board.tpm == .required ? "required" : "absent")",
            "watchdog   \(board.watchdog.map { "\($0.path), \($0.timeoutSeconds) s" } ?? "none")",
            "network    \(board.network.name), \(board.network.mode == .dhcp ? "DHCP" : "fixed")",
            "kernel     \(board.kernelCommandLine)",
        ]
        if board.testAccess { lines.append("test access: signed orders may end or freeze a role") }
        for place in DiskImage(board).places {
            lines.append("partition  \(board.devicePath(of: place.label))  \(place.label.text), \(place.size) bytes at \(place.offset)")
        }
        for line in board.lines { lines.append("line       \(Self.text(line))") }
        for converter in board.converters { lines.append("converter  \(Self.text(converter))") }
        for analogue in board.analogues {
            lines.append("analogue   \(analogue.name): channel \(analogue.channel) of \(board.converters[analogue.converter].name)")
        }
        return Report(lines, [
            ("name", .string(board.name)), ("hardwareRevision", .integer(board.hardwareRevision)), ("machine", .string(board.machine)),
            ("memoryMegabytes", .integer(board.memoryMegabytes)), ("kernelCommandLine", .string(board.kernelCommandLine)),
            ("tpmRequired", .boolean(board.tpm == .required)), ("testAccess", .boolean(board.testAccess)),
            ("partitions", .array(DiskImage(board).places.map {
                .object([("label", .string($0.label.text)), ("offset", .integer($0.offset)), ("bytes", .integer($0.size))])
            })),
            ("lines", .array(board.lines.map {
                .object([("name", .string($0.name)), ("kernelName", .string($0.kernelName)), ("output", .boolean($0.isOutput)),
                         ("safe", $0.safe.map { .boolean($0) } ?? .null)])
            })),
            ("analogues", .array(board.analogues.map {
                .object([("name", .string($0.name)), ("converter", .string(board.converters[$0.converter].name)), ("channel", .integer(Int($0.channel)))])
            })),
        ])
    }

    private static func text(_ converter: Converter) -> String {
        "\(converter.name): \(converter.device)" + (converter.place.map { ", address \($0.address) of '\($0.adapter)'" } ?? "")
    }

    private static func text(_ line: Line) -> String {
        let way = switch line.direction {
        case .output(let drive, let safe): "output, \(drive), safe \(safe ? 1 : 0)"
        case .input(let edges): "input, edges \(edges)"
        }
        return "\(line.name)" + (line.kernelName == line.name ? "" : " (\(line.kernelName))") + ": \(way)"
            + (line.activeLow ? ", active low" : "") + (line.bias == .none ? "" : ", \(line.bias)")
    }
}
