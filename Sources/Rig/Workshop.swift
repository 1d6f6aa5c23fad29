// What a maker does before a board leaves the house, with the maker's own tool (penstockctl): keys,
// key set, calibration, releases, commissioning, disk. Everything lies in the run's folder.

import Board
import Bytes
import Compiler
import Cryptography
import Foundation
import Glibc
import TPM

public final class Workshop: @unchecked Sendable {
    public static let device = "tank-7"

    public let rig: Rig
    public let tool: String
    public let program: String
    public let boardFolder: String
    public let board: BoardDescription
    public let folder: String

    /// - tool: penstockctl. program: the device binary. boardFolder: holds board.toml and calibration.toml.
    public init(rig: Rig, tool: String, program: String, boardFolder: String) throws {
        self.rig = rig
        self.tool = tool
        self.program = program
        self.boardFolder = boardFolder
        board = try BoardCompiler.compile(boardFolder)
        folder = rig.folder + "/workshop"
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw RigError.system("make \(folder)", errno) }
        for key in Key.allCases { try penstockctl(["keys", "generate", path(key), "--algorithm", key.algorithm]) }
        try makeKeySet()
    }

    /// Who signs what. `stranger` is in no key set; `former` is an operator whom a later one leaves out.
    public enum Key: String, CaseIterable, Sendable {
        case release, owner, calibrator, operator_ = "operator", shiftLead = "shift-lead", former, stranger

        var algorithm: String { self == .operator_ ? "ed25519" : "es256" }
        var purposes: [String] {
            switch self {
            case .release: ["manifest", "key-set"]
            case .owner: ["commissioning"]
            case .calibrator: ["calibration"]
            case .operator_, .shiftLead, .former: ["command"]
            case .stranger: []
            }
        }
    }

    private func path(_ key: Key) -> String { "\(folder)/\(key.rawValue)" }

    /// The .key file.
    public func keyPath(_ key: Key) -> String { path(key) + ".key" }

    /// The .pub file.
    public func publicKeyPath(_ key: Key) -> String { path(key) + ".pub" }

    public var keySetPath: String { folder + "/keyset.cbor" }

    private func makeKeySet() throws {
        var text = "version = 1\n"
        for key in Key.allCases where !key.purposes.isEmpty {
            let purposes = key.purposes.map { "\"\($0)\"" }.joined(separator: ", ")
            text += "[[key]]\nname = \"\(key.rawValue)\"\npublic = \"\(key.rawValue).pub\"\npurposes = [\(purposes)]\n"
        }
        text += "[threshold]\n" + Set(Key.allCases.flatMap(\.purposes)).sorted().map { "\($0) = 1\n" }.joined()
        try write(text, to: folder + "/keyset.toml")
        try penstockctl(["keyset", "make", folder + "/keyset.toml", "--output", keySetPath])
    }

    /// Signs the calibration in that file, or the board's own; returns the path of the object.
    public func calibration(_ file: String? = nil, name: String = "calibration", key: Key = .calibrator) throws -> String {
        let payload = "\(folder)/\(name).cbor"
        let output = "\(folder)/\(name).cose"
        try penstockctl(["calibration", "compile", file ?? boardFolder, "--output", payload])
        try penstockctl(["sign", payload, "--purpose", "calibration", "--key", keyPath(key), "--output", output])
        return output
    }

    /// Makes a signed bundle; returns its path.
    public func bundle(
        release: String, index: Int, calibration: String, program: String? = nil, root: String? = nil, key: Key = .release,
        aliveSeconds: Int = 5, timeoutSeconds: Int = 60, uplinkDemanded: Bool = true
    ) throws -> String {
        let output = "\(folder)/\(release).bundle"
        var arguments = [
            "bundle", "make", "--board", boardFolder, "--device", program ?? self.program, "--keyset", keySetPath,
            "--calibration", calibration, "--release", release, "--index", "\(index)", "--alive-seconds", "\(aliveSeconds)",
            "--timeout-seconds", "\(timeoutSeconds)", uplinkDemanded ? "--uplink-demanded" : "--no-uplink-demanded",
            "--key", keyPath(key), "--output", output,
        ]
        if let root { arguments += ["--root", root] }
        try penstockctl(arguments)
        return output
    }

    /// Where `commissioning` puts the public half of the key by which a board's TPM opens bundles.
    public func decryptionKeyPath(_ name: String = Workshop.device) -> String { "\(folder)/\(name).decryption.pub" }

    /// The same bundle, encrypted for whoever has that key; returns its path.
    public func encrypted(_ bundle: String, for key: String) throws -> String {
        let output = "\(bundle).\(key.split(separator: "/").last ?? "").encrypted"
        try penstockctl(["bundle", "encrypt", bundle, "--for", key, "--output", output])
        return output
    }

    public func initramfs() throws -> String {
        let output = folder + "/initramfs.cpio.gz"
        try penstockctl([
            "image", "initramfs", "--board", boardFolder, "--device", program, "--keyset", keySetPath, "--output", output,
        ])
        return output
    }

    /// Reads the board's TPM, gives its key a certificate and signs who the board is; returns the object's path.
    /// - network: a [network] section, else the board's own way; what it cannot reach is not named.
    /// - floorBaseline: that of an earlier commissioning, which keeps the floor where it is.
    public func commissioning(name: String = Workshop.device, network: String = "", floorBaseline: UInt64? = nil) throws -> String {
        let provisioned = try rig.provisionTPM()
        guard case .es256(let point) = provisioned.deviceKey else { throw RigError.refused("the TPM's key is no P-256 key") }
        guard case .es256(let decryption) = provisioned.decryptionKey else { throw RigError.refused("the TPM's decryption key is no P-256 key") }
        try write(publicKeyPEM(es256: decryption), to: decryptionKeyPath(name))
        let identity = try rig.authority.device(name, publicKeyPEM: publicKeyPEM(es256: point), file: name)
        let names = ["10.0.2.2:\(rig.names.port)"] + (rig.names.ipv6 ? ["[fec0::2]:\(rig.names.port)"] : [])
        try write(
            """
            device = "\(name)"
            board = "\(board.name)"
            certificate = "\(identity.certificatePath)"
            floor-baseline = \(floorBaseline ?? provisioned.floorBaseline)
            name-servers = [\(names.map { "\"\($0)\"" }.joined(separator: ", "))]
            [broker]
            host = "\(Rig.brokerName)"
            port = \(rig.brokerCable.port)
            authority = "\(rig.authority.certificatePath)"
            [update]
            host = "\(Rig.updateName)"
            port = \(rig.updateCable.port)
            path = "/"
            authority = "\(rig.authority.certificatePath)"
            \(network)
            """, to: "\(folder)/\(name).toml")
        let output = "\(folder)/\(name).cose"
        try penstockctl(["commissioning", "make", "\(folder)/\(name).toml", "--key", keyPath(.owner), "--output", output])
        return output
    }

    public func disk(bundle: String, commissioning: String, name: String = "disk") throws -> String {
        let output = "\(folder)/\(name).img"
        try penstockctl([
            "image", "make", "--board", boardFolder, "--bundle", bundle, "--commissioning", commissioning, "--output", output,
        ])
        return output
    }

    /// Everything up to a board that has only to be switched on, with release 1.0.0 in slot A.
    /// - calibration: the file of another one than the board's own.
    public func makeBoard(kernelPath: String, calibration file: String? = nil) throws -> Machine {
        let calibration = try calibration(file)
        let first = try bundle(release: "1.0.0", index: 1, calibration: calibration)
        var settings = MachineSettings(
            kernelPath: kernelPath, initramfsPath: try initramfs(),
            diskPath: try disk(bundle: first, commissioning: try commissioning()))
        settings.memoryMebibytes = Int(board.memoryMegabytes)
        settings.commandLine = board.kernelCommandLine
        return try rig.attach(settings)
    }

    /// Runs the maker's tool; throws with what it said.
    @discardableResult
    public func penstockctl(_ arguments: [String]) throws(RigError) -> String {
        try run([tool] + arguments, package: "(built by tools/run)", timeoutSeconds: 60)
    }
}
