// Duty: the world around one board: plant, wires, names, broker, bundle server, their certificates and
// cables, all on loopback and in one temporary folder; and the board itself, in QEMU.
// Trust: the board is the thing under test; nothing here believes what it says when a wire can tell.
// Must leave nothing behind: no process, no file, no port.

import CRig
import Foundation
import Glibc
import Plant
import TPM

public final class Rig: @unchecked Sendable {
    public static let brokerName = "broker.penstock.test"
    public static let updateName = "update.penstock.test"

    public let folder: String
    /// When it began; see `monotonicNanoseconds`.
    public let openedNanoseconds = monotonicNanoseconds()
    /// Whom all parties believe.
    public let authority: CertificateAuthority
    /// Whom nobody should believe; it signs the same names.
    public let rogueAuthority: CertificateAuthority
    public let wiring: Wiring
    public let names: NameServer
    public let broker: Broker
    public let updates: BundleServer
    /// Between the board and the two servers: the board knows only these ports.
    public let brokerCable: Cable
    public let updateCable: Cable
    public let observer: Observer
    public let serverIdentity: Identity
    public let operatorIdentity: Identity
    public private(set) var machine: Machine?
    private let lock = NSLock()
    private var faults: Set<Fault> = []
    private var ended = false

    /// Starts everything but the board. `folder` is made, and removed by `end` unless it is kept.
    public init(folder given: String? = nil, tank: Tank = Tank()) throws(RigError) {
        // A connection or child that goes away is an error of its call, not the end of the rig or of a test run.
        signal(SIGPIPE, SIG_IGN)
        let folder: String
        if let given { folder = given } else { folder = try Self.temporaryFolder() }
        self.folder = folder
        for path in [folder, folder + "/keys", folder + "/board"] {
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .system("make \(path)", errno) }
        }
        do throws(RigError) {
            authority = try CertificateAuthority(name: "rig-authority", folder: folder + "/keys")
            rogueAuthority = try CertificateAuthority(name: "rogue-authority", folder: folder + "/keys")
            serverIdentity = try authority.server([Self.brokerName, Self.updateName], file: "server")
            operatorIdentity = try authority.client(Broker.operatorName, file: "operator")
            wiring = try Wiring(folder: folder, tank: tank)
            broker = try Broker(authority: authority, identity: serverIdentity, folder: folder + "/broker")
            updates = try BundleServer(authority: authority, identity: serverIdentity, folder: folder + "/updates")
            brokerCable = try Cable(to: broker.port)
            updateCable = try Cable(to: updates.port)
            names = try NameServer([
                Self.brokerName: .host(ipv6: brokerCable.ipv6), Self.updateName: .host(ipv6: updateCable.ipv6),
            ])
            observer = try Observer(
                broker: broker.port, authority: authority, identity: operatorIdentity, folder: folder + "/observer")
        } catch {
            Child.endAll()
            try? FileManager.default.removeItem(atPath: folder)
            throw error
        }
    }

    private static func temporaryFolder() throws(RigError) -> String {
        // Short, because a Unix socket's path has at most 107 bytes.
        var template = Array("/tmp/penstock-rig-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .system("make a folder in /tmp", errno) }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The board's TPM, which keeps its state as long as the folder stands.
    public var tpmStateFolder: String { folder + "/board/tpm" }

    /// What manufacturing reads from the board's TPM, before the first boot.
    public func provisionTPM() throws -> Provisioned {
        guard mkdir(tpmStateFolder, 0o700) == 0 || errno == EEXIST else { throw RigError.system("make \(tpmStateFolder)", errno) }
        return try manufacture(stateFolder: tpmStateFolder, folder: folder + "/board")
    }

    /// Puts a board between the wires and the cables; it is off.
    @discardableResult
    public func attach(_ settings: MachineSettings) throws(RigError) -> Machine {
        machine?.end()
        let machine = try Machine(settings, folder: folder + "/board", wiring: wiring)
        self.machine = machine
        return machine
    }

    public var presentFaults: Set<Fault> {
        lock.lock()
        defer { lock.unlock() }
        return faults
    }

    /// Puts a fault into the world, or takes it away again.
    public func set(_ fault: Fault, _ present: Bool) throws(RigError) {
        switch fault {
        case .frozenGPIO(let chip): if present { wiring.freeze(chip) } else { wiring.thaw(chip) }
        case .frozenBus: wiring.setBus(frozen: present)
        case .networkDown: try machine?.setLink(up: !present)
        default: wiring.change { if present { $0.faults.insert(fault) } else { $0.faults.remove(fault) } }
        }
        lock.lock()
        if present { faults.insert(fault) } else { faults.remove(fault) }
        lock.unlock()
    }

    /// Takes all faults away.
    public func clearFaults() throws(RigError) {
        for fault in presentFaults { try set(fault, false) }
        brokerCable.condition = .whole
        updateCable.condition = .whole
        names.behaviour = .answers
    }

    /// Ends everything and removes the folder, unless it is to be kept. Does so once.
    public func end(keepFolder: Bool = false) {
        lock.lock()
        let first = !ended
        ended = true
        lock.unlock()
        guard first else { return }
        machine?.end()
        observer.end()
        broker.end()
        updates.end()
        brokerCable.end()
        updateCable.end()
        names.end()
        wiring.end()
        if !keepFolder { try? FileManager.default.removeItem(atPath: folder) }
    }
}

/// Ends the process cleanly when somebody presses Ctrl-C or sends TERM or HUP: `body` is run on a
/// thread of its own, then the process exits with 128 + the signal's number. Call it first of all,
/// before any thread is started.
public func endOnSignal(_ body: @escaping @Sendable () -> Void) {
    rig_block_ending_signals()
    let thread = Thread {
        let number = rig_wait_ending_signal()
        body()
        Child.endAll()
        exit(128 + number)
    }
    thread.name = "signals"
    thread.start()
}
