// What a release is made of, for `bundle make` and `image make`.
import ArgumentParser
import Board
import Bytes
import Calibration
import Compiler
import Cryptography
import Release
import Signed

struct ReleaseOptions: ParsableArguments {
    @Option(help: "The product's own folder of files, put into the root image; may be left out.")
    var root: String?

    @Option(help: "The device binary, as tools/build makes it: /penstock of the root image.")
    var device: String?

    @Option(help: "The compiled key set: /trust/keyset.cbor of the root image.")
    var keyset: String?

    @Option(help: "The signed calibration: /calibration.cose of the root image.")
    var calibration: String?

    @Flag(name: .customLong("calibration-apart"), help: "The calibration is a component of its own, and not in the root image.")
    var isCalibrationApart = false

    @Option(help: "A kernel for the boot partition, for boards that have one.")
    var kernel: String?

    @Option(help: "An initramfs for the boot partition, for boards that have one.")
    var initramfs: String?

    @Option(help: "A unified kernel (EFI program) for the boot partition, for boards that have one.")
    var uki: String?

    @Option(help: "The release's name: letters, digits and - . _ +")
    var release: String?

    @Option(help: "The rollback index: never less than that of the release before.")
    var index: UInt64 = 1

    @Option(help: "A line for those who install it.")
    var notes: String = ""

    @Option(name: .customLong("alive-seconds"), help: "Health gate: all roles alive for so long.")
    var aliveSeconds: UInt32 = 10

    @Flag(name: .customLong("uplink-demanded"), inversion: .prefixedNo, help: "Health gate: a session with the broker has been up.")
    var uplinkDemanded = true

    @Option(name: .customLong("timeout-seconds"), help: "Health gate: without all of it after so long, the board goes back.")
    var timeoutSeconds: UInt32 = 120

    @Option(name: .customLong("key"), help: "A .key file, or the pkcs11: URI of a key in a token, that signs the manifest; repeat it to sign with several.")
    var keys: [String] = []

    func make(_ board: BoardDescription) throws -> ReleaseBundle {
        func demand(_ value: String?, _ option: String) throws -> String {
            guard let value else { throw ValidationError("Missing expected argument '--\(option)': a release is made of --device, --keyset, --calibration, --release and --key") }
            return value
        }
        let release = try demand(release, "release")
        guard !keys.isEmpty else { throw ValidationError("Missing expected argument '--key': a board runs signed releases only") }
        guard let gate = HealthGate(aliveMilliseconds: aliveSeconds &* 1000, uplinkDemanded: uplinkDemanded, timeoutMilliseconds: timeoutSeconds &* 1000) else {
            throw ValidationError("--alive-seconds must not exceed --timeout-seconds, and neither a day")
        }
        let calibration = try readFile(demand(calibration, "calibration"), maximum: SignedObject.byteMaximum)
        var files = [
            RootFile(path: "penstock", content: try readFile(demand(device, "device"), maximum: 64 << 20), isProgram: true),
            RootFile(path: "trust/keyset.cbor", content: try KeySetCompiler.read(demand(keyset, "keyset")).encoded()),
            RootFile(path: "trust/board.cbor", content: board.encoded()),
        ]
        var others: [(kind: ComponentKind, content: [UInt8])] = []
        if isCalibrationApart { others.append((.calibration, calibration)) } else { files.append(RootFile(path: "calibration.cose", content: calibration)) }
        for (kind, path) in [(ComponentKind.kernel, kernel), (.initramfs, initramfs), (.unifiedKernel, uki)] {
            if let path { others.append((kind, try readFile(path, maximum: 256 << 20))) }
        }
        let image = try RootImage.make(boardName: board.name, tree: root, files: files)
        var bundle = try ReleaseBundle(
            boardName: board.name, image: image, others: others,
            terms: .init(
                release: release, rollbackIndex: index, hardwareRevisions: board.hardwareRevision...board.hardwareRevision,
                notes: notes, healthGate: gate))
        for key in keys { bundle = try bundle.signed(with: Signer(key)) }
        return bundle
    }
}
