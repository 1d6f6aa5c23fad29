// penstockctl image: flashable disks and the initramfs.
import ArgumentParser
import Foundation
import Board
import BootState
import Bytes
import Compiler
import Cryptography
import Release
import Signed

struct ImageGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Images: a disk as it is flashed, the initramfs.",
        subcommands: [ImageMake.self, ImageInitramfs.self, ImageInspect.self])
}

struct ImageMake: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "make", abstract: "Makes a flashable disk: GPT, boot state, commissioning, slots, an empty journal.",
        discussion: """
            Slot A holds a release: of a bundle that is there already, or made here of the same parts as \
            `penstockctl bundle make` takes. The same input gives the same bytes.

              penstockctl image make --board Boards/qemu-x86_64 --bundle 1.4.0.bundle \\
                --commissioning tank-7.cose --output disk.img

              penstockctl image make --board Boards/qemu-x86_64 --root product/ --device .build/device/x86_64/penstock \\
                --keyset keyset.cbor --calibration tank.cose --release 1.4.0 --key release-1.key --output disk.img
            """)

    @Option(help: "The board: a board.toml or its folder.")
    var board: String

    @Option(help: "The bundle for slot A; else a release is made of --device, --keyset, --calibration, --root.")
    var bundle: String?

    @Option(name: .customLong("bundle-b"), help: "A bundle for slot B, which is empty otherwise.")
    var bundleB: String?

    @Option(help: "The signed commissioning of the one device that this disk is for; else it is put in later.")
    var commissioning: String?

    @OptionGroup var release: ReleaseOptions

    @Option(name: [.customShort("o"), .customLong("output")], help: "Where the disk goes: a sparse file.")
    var destination: String

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let board = try BoardCompiler.compile(board)
        let disk = DiskImage(board)
        let a = try bundle.map { try read($0) } ?? release.make(board)
        let b = try bundleB.map { try read($0) }
        let floor = a.manifest.rollbackIndex
        var state = BootState.flashed(release: a.manifest.release)
        try admit(a, board, path: bundle)
        var contents: [PartitionLabel: PartitionContent] = [:]
        (contents[.slotA], contents[.bootA]) = try a.slotContents(size: board.size(of: .slotA), bootSize: board.size(of: .bootA))
        if let b {
            try admit(b, board, path: bundleB)
            state.b = SlotState(.good, attemptsLeft: SlotState.attemptsMaximum, release: b.manifest.release)
            (contents[.slotB], contents[.bootB]) = try b.slotContents(size: board.size(of: .slotB), bootSize: board.size(of: .bootB))
        }
        contents[.bootState] = PartitionContent([(0, BootStateStore.image(of: state))])
        if let path = commissioning { contents[.commissioning] = try commissioningContent(path, board) }
        try disk.write(to: destination, contents: contents)
        return Report(
            ["made \(destination) (\(disk.size) bytes, sparse)", "slot A     release \(a.manifest.release), index \(floor), root hash \(a.manifest.root.root.hexadecimal)",
             "slot B     \(b.map { "release \($0.manifest.release), index \($0.manifest.rollbackIndex)" } ?? "empty")",
             "device     \(commissioning ?? "not commissioned yet")"],
            [("output", .string(destination)), ("bytes", .integer(disk.size)), ("a", .object(a.fields)), ("b", b.map { .object($0.fields) } ?? .null)])
    }

    private func read(_ path: String) throws -> ReleaseBundle { try ReleaseBundle(decoding: readFile(path, maximum: 1 << 30), path: path) }

    private func admit(_ bundle: ReleaseBundle, _ board: BoardDescription, path: String?) throws {
        do throws(ReleaseRefusal) {
            try bundle.manifest.admit(board: board.name, hardwareRevision: board.hardwareRevision, floor: 0)
        } catch { throw Failure(error, path: path) }
    }

    private func commissioningContent(_ path: String, _ board: BoardDescription) throws -> PartitionContent {
        let encoded = try readFile(path, maximum: ObjectArea.objectMaximum)
        let object: SignedObject, commissioning: Commissioning
        do throws(SignedError) { object = try SignedObject(encoded.span.bytes) } catch { throw Refusal(error, path: path) }
        do throws(PayloadError) { commissioning = try Commissioning(decoding: object.unverifiedPayload.span.bytes) } catch { throw Refusal(error, path: path) }
        guard commissioning.board == board.name else {
            throw Failure(code: "board-wrong", text: "the commissioning is for board \(commissioning.board), the disk for \(board.name)", path: path)
        }
        return PartitionContent([(0, ObjectArea(magic: "PENCOMM1").encoded(encoded)!)])
    }
}

struct ImageInitramfs: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "initramfs", abstract: "Makes the initramfs: the device binary, the key set, the board; nothing else.",
        discussion: """
              penstockctl image initramfs --board Boards/qemu-x86_64 --device .build/device/x86_64/penstock \\
                --keyset keyset.cbor --output initramfs.cpio.gz
            """)

    @Option(help: "The board: a board.toml or its folder.")
    var board: String

    @Option(help: "The device binary, as tools/build makes it.")
    var device: String

    @Option(help: "The compiled key set.")
    var keyset: String

    @Option(name: [.customShort("o"), .customLong("output")], help: "Where the initramfs goes.")
    var destination: String = "initramfs.cpio.gz"

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let made = try Initramfs.make(
            program: readFile(device, maximum: 64 << 20), keySet: KeySetCompiler.read(keyset).encoded(), board: BoardCompiler.compile(board).encoded())
        try writeFile(destination, made)
        return Report(["made \(destination) (\(made.count) bytes)"], [("output", .string(destination)), ("bytes", .integer(made.count)), ("sha256", .string(SHA256.hash(made).hexadecimal))])
    }
}

struct ImageInspect: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Shows what a disk holds: boot state, commissioning, the releases of its slots, every block checked.",
        discussion: "  penstockctl image inspect disk.img --board Boards/qemu-x86_64")

    @Argument(help: "The disk, or a copy of one that a device has used.")
    var disk: String

    @Option(help: "The board: a board.toml or its folder.")
    var board: String

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let found = try DiskInspection(disk, board: BoardCompiler.compile(board))
        return Report(found.parts.map { "\($0.name.padding(toLength: 14, withPad: " ", startingAt: 0)) \($0.text)" }, found.parts.map { ($0.name, .string($0.text)) })
    }
}
