// The board file's refusals point at the place and say what to do; the board that we ship is right.
import Board
import Compiler
import Foundation
import Testing

/// The repository's folder.
let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
let boardFolder = repository + "/Boards/qemu-x86_64"

/// A folder of its own for each test, removed at its end.
final class Workplace {
    let path: String
    init() {
        path = NSTemporaryDirectory() + "/penstock-tests-\(UUID().uuidString)"
        try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func file(_ name: String) -> String { path + "/" + name }
}

@Suite struct BoardCompilerTests {
    let workplace = Workplace()
    let original = try! String(contentsOfFile: boardFolder + "/board.toml", encoding: .utf8)

    /// What is said of the virtual board's file after an edit; nil if nothing is wrong.
    func complaint(replacing old: String, with new: String) throws -> Failure? {
        let applies = original.contains(old)
        #expect(applies, "the edit applies to nothing")
        let path = workplace.file("board.toml")
        try original.replacingOccurrences(of: old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
        do throws(Failure) {
            _ = try BoardCompiler.compile(path)
            return nil
        } catch {
            #expect(error.path == path)
            #expect(error.code == "board-file-invalid")
            return error
        }
    }

    @Test func virtualBoard() throws {
        let board = try BoardCompiler.compile(boardFolder)
        #expect(board.name == "qemu-x86_64")
        #expect(board.lines.map(\.name) == ["inlet-open", "inlet-close", "outlet-energise", "inlet-open-end", "inlet-closed-end", "level-high", "level-low", "flow-pulse", "reset-button",
            "heater", "pump-set", "pump-reset", "pump-running", "inlet-hand", "inlet-auto", "inlet-open-button", "inlet-close-button",
            "door-closed", "door-open"])
        #expect(board.lines.compactMap(\.safe) == [false, true, false, false, false, false])
        #expect(board.devicePath(of: .journal) == "/dev/vda5")
        #expect(board.converters == [Converter(name: "tank-converter", device: "ads1015", place: I2CPlace(adapter: "i2c_virtio at virtio bus 0", address: 0x48))])
        #expect(board.analogues.map(\.name) == ["level-a", "level-b", "level-c", "inlet-position"])
        #expect(board.analogues.map(\.channel) == [0, 1, 2, 3] && board.analogues.allSatisfy { $0.converter == 0 })
        #expect(try BoardDescription(decoding: board.encoded().span.bytes) == board)
    }

    @Test("An edit that cannot be meant is refused with its place", arguments: [
        ("name = \"inlet-close\"", "name = \"inlet-open\"", "both called 'inlet-open'"),
        ("name = \"inlet-close\"", "name = \"inlet-close\"\nkernel-name = \"inlet-open\"", "both take the kernel's line 'inlet-open'"),
        ("safe = 1\n", "", "line 'inlet-close', 'safe': is missing"),
        ("safe = 1\n", "safe = 2\n", "line 'inlet-close', 'safe': must be a whole number from 0 to 1"),
        ("edges = \"rising\"\ncomment = \"local", "safe = 0\nedges = \"rising\"\ncomment = \"local", "line 'reset-button', 'safe': is for outputs"),
        ("edges = \"rising\"\ncomment = \"local", "edge = \"rising\"\ncomment = \"local", "line 'reset-button', 'edges': is missing"),
        ("slot-a = \"32 MiB\"", "slot-a = 33554433", "no multiple of 4096"),
        ("slot-a = \"32 MiB\"", "slot-a = \"32 megabytes\"", "[disk.partitions], 'slot-a': must be a size"),
        ("slot-a = \"32 MiB\"", "slot-a = \"16 MiB\"", "both slots must have the same size"),
        ("journal = \"4 MiB\"", "jornal = \"4 MiB\"", "'journal': is missing"),
        ("journal = \"4 MiB\"", "journal = \"4 MiB\"\nextra = 1", "[disk.partitions], 'extra': is unknown here"),
        ("timeout-seconds = 10", "timeout_seconds = 10", "'timeout-seconds': is missing"),
        ("timeout-seconds = 10", "timeout-seconds = 1", "must be a whole number from 2 to 600"),
        ("memory-megabytes", "memory", "'memory-megabytes': is missing"),
        ("test-access", "test-acces", "'test-acces': is unknown here"),
        ("tpm = \"required\"", "tpm = \"yes\"", "'tpm': must be one of \"required\", \"absent\""),
        ("mode = \"dhcp\"", "mode = \"fixed\"", "[network], 'mode': is \"fixed\": give [network.v4]"),
        ("mode = \"dhcp\"", "mode = \"fixed\"\nv4 = { address = \"10.0.2.15\" }", "[network.v4], 'address': must be an address with its prefix"),
        ("device = \"/dev/vda\"", "device = \"/dev/../vda\"", "disk.device: a path under /dev"),
        ("name = \"qemu-x86_64\"", "name = \"QEMU\"", "name: 1 to 31 lower-case"),
        ("[kernel]", "[kernel", "line 12, column"),
        ("address = 0x48\n", "", "converter 'tank-converter', 'adapter': and 'address' go together"),
        ("address = 0x48\n", "address = 0x78\n", "converter 'tank-converter', 'address': must be a whole number from 8 to 119"),
        ("device = \"ads1015\"\n", "", "converter 'tank-converter', 'device': is missing"),
        ("device = \"ads1015\"\n", "device = \"ads1015 \"\n", "converters.tank-converter.device: 1 to 31 printable characters without spaces"),
        ("converter = \"tank-converter\"\nchannel = 1\n", "converter = \"tank\"\nchannel = 1\n", "analogue 'level-b', 'converter': no [[converter]] is called 'tank'; there are tank-converter"),
        ("channel = 1\n", "channel = 0\n", "analogues.level-b.channel: the channel is an earlier input's"),
        ("channel = 1\n", "channel = 32\n", "analogue 'level-b', 'channel': must be a whole number from 0 to 31"),
        ("channel = 1\n", "channel = 1\ngain = 2\n", "analogue 'level-b', 'gain': is unknown here"),
        ("name = \"level-b\"", "name = \"level-high\"", "analogues.level-high: the name is taken by a line"),
    ]) func refusals(old: String, new: String, message: String) throws {
        let failure = try #require(try complaint(replacing: old, with: new), "it was accepted")
        #expect(failure.text.contains(message), "said: \(failure.text)")
    }

    @Test("What can be meant is accepted", arguments: [
        ("mode = \"dhcp\"", "mode = \"fixed\"\nv4 = { address = \"10.0.2.15/24\", router = \"10.0.2.2\" }"),
        ("slot-a = \"32 MiB\"", "slot-a = 33554432"),
        ("adapter = \"i2c_virtio at virtio bus 0\"\naddress = 0x48\n", ""),
        ("[watchdog]\ndevice = \"/dev/watchdog0\"    # i6300esb\ntimeout-seconds = 10\n", ""),
    ]) func acceptances(old: String, new: String) throws {
        #expect(try complaint(replacing: old, with: new) == nil)
    }
}

extension Failure: Equatable {
    public static func == (a: Failure, b: Failure) -> Bool { a.code == b.code && a.text == b.text && a.path == b.path }
}
