// The board under test: QEMU with a real kernel, a TPM 2.0 (swtpm), a watchdog, a disk, a network card,
// and the GPIO chips and the I2C bus whose wires come from the plant.

import CRig
import Foundation
import Glibc
import Plant

/// What the board is made of, and what it boots.
public struct MachineSettings: Sendable {
    public var kernelPath: String
    /// Without one the kernel finds no init and panics.
    public var initramfsPath: String?
    /// Without one the board has no disk.
    public var diskPath: String?
    public var memoryMebibytes = 128
    /// Added to the kernel's command line.
    public var commandLine = "console=ttyS0 quiet panic=5 gpio_virtio.force_irq=1"
    public var processors = 1

    public init(kernelPath: String, initramfsPath: String? = nil, diskPath: String? = nil) {
        self.kernelPath = kernelPath
        self.initramfsPath = initramfsPath
        self.diskPath = diskPath
    }
}

/// One board; it can be switched on, cut off and switched on again. Its disk and its TPM stay.
public final class Machine: @unchecked Sendable {
    public var settings: MachineSettings
    public let folder: String
    public let wiring: Wiring
    private var qemu: Child?
    private var tpm: Child?
    public private(set) var monitor: MachineMonitor?
    private static let kvm = KVMProbe()

    public var serialPath: String { folder + "/serial.log" }
    public var tpmStateFolder: String { folder + "/tpm" }
    public var isOn: Bool { qemu?.isRunning ?? false }

    /// kvm where guests run under it here, else tcg.
    public func accelerator() throws(RigError) -> String { try Self.kvm.accelerator(kernelPath: settings.kernelPath, folder: folder) }

    public init(_ settings: MachineSettings, folder: String, wiring: Wiring) throws(RigError) {
        self.settings = settings
        self.folder = folder
        self.wiring = wiring
        guard mkdir(folder + "/tpm", 0o700) == 0 || errno == EEXIST else { throw .system("make \(folder)/tpm", errno) }
        try write("", to: serialPath)
    }

    /// Power on.
    public func start() throws(RigError) {
        precondition(!isOn, "the board has power already")
        let monitorPath = folder + "/qmp.sock"
        unlink(monitorPath)
        try startTPM()
        let child = try Child(
            try arguments(monitorPath), name: "QEMU", package: "qemu-system-x86", logPath: folder + "/qemu.log")
        qemu = child
        do throws(RigError) {
            monitor = try MachineMonitor(socketPath: monitorPath)
        } catch {
            try child.mustRun()
            throw error
        }
    }

    private func startTPM() throws(RigError) {
        let socket = folder + "/tpm.sock"
        unlink(socket)
        let child = try Child(
            ["swtpm", "socket", "--tpm2", "--tpmstate", "dir=\(tpmStateFolder)", "--ctrl", "type=unixio,path=\(socket)",
             "--flags", "not-need-init"],
            package: "swtpm", logPath: folder + "/tpm.log")
        tpm = child
        try waitUntil("swtpm listens", seconds: 5, child) { access(socket, F_OK) == 0 }
    }

    private func arguments(_ monitorPath: String) throws(RigError) -> [String] {
        let accelerator = try accelerator()
        let memory = "\(settings.memoryMebibytes)M"
        var arguments = [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
            "-M", "q35,memory-backend=memory", "-accel", accelerator, "-cpu", accelerator == "kvm" ? "host" : "max",
            "-smp", "\(settings.processors)", "-m", memory,
            "-object", "memory-backend-memfd,id=memory,size=\(memory),share=on",
            "-chardev", "file,id=serial,path=\(serialPath),append=on", "-serial", "chardev:serial",
            "-qmp", "unix:\(monitorPath),server=on,wait=off",
            // Before all other devices of virtio: the kernel numbers them, and the board file knows the bus by its number.
            // Without event_idx, by which the guest would mute kicks, and which QEMU does not pass on to the backend.
            "-chardev", "socket,id=bus,path=\(wiring.busPath)", "-device", "vhost-user-i2c-pci,chardev=bus,event_idx=off",
            "-chardev", "socket,id=tpm,path=\(folder)/tpm.sock", "-tpmdev", "emulator,id=tpm,chardev=tpm",
            "-device", "tpm-tis,tpmdev=tpm",
            "-device", "i6300esb", "-action", "watchdog=reset",
            "-object", "rng-random,id=random,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=random",
            "-netdev", "user,id=network,ipv4=on,ipv6=on,hostname=penstock",
            "-device", "virtio-net-pci,id=card,netdev=network,romfile=",
            "-kernel", settings.kernelPath, "-append", settings.commandLine,
        ]
        for chip in Chip.allCases {
            arguments += [
                "-chardev", "socket,id=lines-\(chip.rawValue),path=\(wiring.socketPath(of: chip))",
                "-device", "vhost-user-gpio-pci,chardev=lines-\(chip.rawValue)",
            ]
        }
        if let initramfs = settings.initramfsPath { arguments += ["-initrd", initramfs] }
        if let disk = settings.diskPath {
            // A power cut kills QEMU: what reached the host's page cache survives, flushed or not, so
            // this shows torn sequences of writes; that each write was flushed, the simulations show.
            arguments += [
                "-drive", "if=none,id=disk,format=raw,cache=writeback,file=\(disk)",
                "-device", "virtio-blk-pci,drive=disk,serial=penstock",
            ]
        }
        return arguments
    }

    /// The processors stop; the plant and the wires stay as they are.
    public func stop() throws(RigError) {
        wiring.pause()
        try command("stop")
    }

    public func resume() throws(RigError) {
        try command("cont")
        // The queues come back while QEMU resumes; only then is a stop of them a reset again.
        wiring.resume()
    }

    /// The reset button of the board, not the local one on its line.
    public func reset() throws(RigError) { try command("system_reset") }

    /// Takes the power away between two instructions, from the TPM as well.
    public func cutPower() {
        qemu?.kill()
        tpm?.kill()
        qemu = nil
        tpm = nil
        monitor = nil
    }

    /// Ends the machine at the end of the run.
    public func end() { cutPower() }

    /// Pulls or plugs the network cable at the card.
    public func setLink(up: Bool) throws(RigError) {
        try command("set_link", ["name": "card", "up": up])
    }

    /// Leads TCP ports of loopback to these ports of the board, through QEMU's user network: whoever
    /// connects stands on the board's own network.
    public func forward(_ ports: [UInt16]) throws(RigError) -> [(host: UInt16, board: UInt16)] {
        var out: [(host: UInt16, board: UInt16)] = []
        for port in ports { out.append((try forward(port), port)) }
        return out
    }

    private func forward(_ port: UInt16) throws(RigError) -> UInt16 {
        var failure = RigError.refused("no free port")
        // A port that was free a moment ago may have been given to somebody else's connection.
        for _ in 0..<8 {
            let host = try freePort()
            do throws(RigError) {
                try human("hostfwd_add network tcp:127.0.0.1:\(host)-:\(port)")
                return host
            } catch { failure = error }
        }
        throw failure
    }

    public func unforward(_ ports: [(host: UInt16, board: UInt16)]) throws(RigError) {
        for port in ports { try human("hostfwd_remove network tcp:127.0.0.1:\(port.host)") }
    }

    /// A command of QEMU's monitor for people; throws with its complaint.
    private func human(_ line: String) throws(RigError) {
        guard let monitor else { throw .refused("the board has no power") }
        let answer = try monitor.execute("human-monitor-command", ["command-line": line])
        if answer.contains("rror") || answer.contains("nvalid") || answer.contains("ould not") { throw .refused("\(line): \(answer)") }
    }

    private func command(_ name: String, _ arguments: [String: Any] = [:]) throws(RigError) {
        guard let monitor else { throw .refused("the board has no power") }
        try monitor.execute(name, arguments)
    }

    /// All that the board wrote to its console, over all its boots.
    public var serial: String {
        String(decoding: FileManager.default.contents(atPath: serialPath) ?? Data(), as: UTF8.self)
    }

    /// How much the console has written: give it to `waitForSerial` to look only at what comes later.
    public var serialOffset: Int {
        var status = Glibc.stat()
        return stat(serialPath, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Waits until the console shows the text; returns the line that it stands in.
    public func waitForSerial(_ text: String, after offset: Int = 0, timeoutSeconds: Double) throws(RigError) -> String? {
        let deadline = Date(timeIntervalSinceNow: timeoutSeconds)
        while true {
            if let qemu { try qemu.mustRun() }
            let data = FileManager.default.contents(atPath: serialPath) ?? Data()
            let lines = String(decoding: data.dropFirst(offset), as: UTF8.self).split(whereSeparator: \.isNewline)
            if let line = lines.first(where: { $0.contains(text) }) { return String(line) }
            if Date() > deadline { return nil }
            usleep(20_000)
        }
    }
}

/// Waits for a condition that only looking can tell; throws if the child ends before.
func waitUntil(_ what: String, seconds: Double, _ child: Child? = nil, _ holds: () -> Bool) throws(RigError) {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while !holds() {
        if let child { try child.mustRun() }
        guard Date() < deadline else { throw .timeout(what, seconds: seconds) }
        usleep(5_000)
    }
}

/// Whether guests run under KVM here. That the device opens proves nothing: only a guest that got as
/// far as its kernel's last message does. Found out once.
private final class KVMProbe: @unchecked Sendable {
    private let lock = NSLock()
    private var answer: String?

    func accelerator(kernelPath: String, folder: String) throws(RigError) -> String {
        lock.lock()
        defer { lock.unlock() }
        if let answer { return answer }
        let found = access("/dev/kvm", R_OK | W_OK) == 0 ? try probe(kernelPath, folder) : "tcg"
        answer = found
        return found
    }

    private func probe(_ kernelPath: String, _ folder: String) throws(RigError) -> String {
        let path = folder + "/kvm-probe.log"
        let child = try Child(
            ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-no-reboot", "-M", "q35", "-accel", "kvm", "-m", "96M",
             "-chardev", "file,id=s,path=\(path)", "-serial", "chardev:s", "-kernel", kernelPath,
             "-append", "console=ttyS0 panic=-1"],
            package: "qemu-system-x86", logPath: folder + "/kvm-probe.err")
        let status = child.wait(timeoutSeconds: 5)
        child.kill()
        return status == 0 && tail(of: path, lines: 50).contains("Kernel panic") ? "kvm" : "tcg"
    }
}
