// Duty: processes and mounts: what PID 1 does with the kernel.
// Trust: run before and above every other role. Must never run anything but this binary.
import CKernel

/// What this process was started with, its own path first.
public func processArguments() -> [String] {
    var out: [String] = []
    while out.count < 16, let argument = pk_argument(Int32(out.count)) { out.append(String(cString: argument)) }
    return out
}

public enum Reboot: Sendable { case restart, powerOff }

/// Starts the binary at `path` as a role, as root with these descriptors only, numbered from
/// `firstNumber` on in order; 0 to 2 stay as they are. It is told how many threads of each
/// kind it has beside its first. Returns the pid.
public func spawn(path: String, role: String, descriptors: [Int32], firstNumber: Int32, threads: [Int]) throws(SystemError) -> Int32 {
    // All memory that the child needs is made before the fork.
    let arguments = [path, "role", role, "\(descriptors.count)"] + threads.map { "\($0)" }
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    pointers.append(nil)
    var moved = descriptors
    let pid = try checked("fork", pk_fork())
    if pid == 0 {
        pk_unblock_signals()
        // First out of the way of the numbers to be given, then there.
        for i in moved.indices { moved[i] = pk_dup_above(moved[i], 256) }
        for i in moved.indices where pk_dup2(moved[i], firstNumber + Int32(i)) < 0 { pk_exit(125) }
        _ = pk_close_from(firstNumber + Int32(moved.count))
        _ = pointers.withUnsafeBufferPointer { pk_execve($0[0], $0.baseAddress) }
        pk_exit(126)
    }
    for pointer in pointers { free(pointer) }
    return pid
}

/// Replaces this process by another run of the binary at `path`.
public func replaceProcess(path: String, arguments: [String]) throws(SystemError) {
    var pointers: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    pointers.append(nil)
    try checked("execve \(path)", pointers.withUnsafeBufferPointer { pk_execve($0[0], $0.baseAddress) })
}

/// Runs `body` in a child with no descriptors but the console and with mounts of its own, and waits for it. One
/// that is not done in time is left to itself (ETIMEDOUT). For PID 1 before it has threads.
public func runAside(timeoutMilliseconds: UInt64, _ body: () throws(SystemError) -> Void) throws(SystemError) {
    let pid = try checked("fork", pk_fork())
    if pid == 0 {
        _ = pk_close_from(3)
        do throws(SystemError) {
            try checked("unshare", pk_unshare_mounts())
            try body()
            exitProcess(0)
        } catch { exitProcess((1..<127).contains(error.errno) ? error.errno : 127) }
    }
    let deadline = monotonicMilliseconds() + timeoutMilliseconds
    repeat {
        if let end = reapChild(), end.pid == pid {
            guard end.exitCode == 0 else { throw SystemError("a step aside", end.exitCode > 0 ? end.exitCode : EINTR) }
            return
        }
        sleep(milliseconds: 1)
    } while monotonicMilliseconds() < deadline
    throw SystemError("a step aside", ETIMEDOUT)
}

/// How a child ended.
public struct Ended: Sendable {
    public let pid: Int32
    /// 0 if it ended by itself.
    public let signal: Int32
    public let exitCode: Int32
}

/// The next child that has ended; nil if there is none.
public func reapChild() -> Ended? {
    var status: Int32 = 0
    let pid = pk_reap(&status)
    guard pid > 0 else { return nil }
    return Ended(pid: pid, signal: pk_exited_by_signal(status), exitCode: pk_exit_code(status))
}

/// A descriptor that is readable when a child has ended (signalfd(2)).
public func childSignals() throws(SystemError) -> Descriptor {
    Descriptor(owning: try checked("signalfd", pk_child_signals()))
}

public func drainSignals(_ descriptor: borrowing Descriptor) {
    var buffer = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    while pk_read(descriptor.raw, &buffer, 128) > 0 {}
}

public func ignoreBrokenPipes() { _ = pk_ignore_sigpipe() }
public func kill(pid: Int32) { _ = pk_kill(pid, SIGKILL) }
public func freeze(pid: Int32) { _ = pk_kill(pid, SIGSTOP) }
public func processIdentifier() -> Int32 { pk_getpid() }
public func exitProcess(_ status: Int32) -> Never {
    pk_exit(status)
    fatalError()
}

public func reboot(_ how: Reboot) throws(SystemError) {
    try checked("reboot", pk_reboot(how == .restart ? PK_REBOOT_RESTART : PK_REBOOT_POWER_OFF))
}

/// An anonymous file in memory, for handing something over an exec.
public func memoryFile(_ name: String, _ content: [UInt8]) throws(SystemError) -> Descriptor {
    let file = Descriptor(owning: try checked("memfd", pk_memfd(name)))
    try file.write(content.span.bytes, at: 0)
    return file
}

// MARK: mounts

public struct MountFlags: OptionSet, Sendable {
    public let rawValue: UInt
    public init(rawValue: UInt) { self.rawValue = rawValue }
    public static let readOnly = MountFlags(rawValue: PK_MS_RDONLY)
    public static let noSetUser = MountFlags(rawValue: PK_MS_NOSUID)
    public static let noDevices = MountFlags(rawValue: PK_MS_NODEV)
    public static let noExecution = MountFlags(rawValue: PK_MS_NOEXEC)
    public static let move = MountFlags(rawValue: PK_MS_MOVE)
    public static let remount = MountFlags(rawValue: PK_MS_REMOUNT)
}

public func mount(_ source: String, on target: String, type: String, _ flags: MountFlags = []) throws(SystemError) {
    try checked("mount \(source) on \(target)", pk_mount(source, target, type, flags.rawValue, nil))
}

/// Makes `path`, a mount, the root of this process, and its working directory.
public func enterRoot(_ path: String) throws(SystemError) {
    try checked("chdir \(path)", pk_chdir(path))
    try checked("move \(path) to /", pk_mount(".", "/", nil, PK_MS_MOVE, nil))
    try checked("chroot", pk_chroot("."))
    try checked("chdir /", pk_chdir("/"))
}

// MARK: log

/// One line to the console. Must not be called by the controller after it began.
public func log(_ text: String) {
    var line = text
    line.append("\n")
    let bytes = Array(line.utf8)
    _ = bytes.withUnsafeBytes { pk_write(2, $0.baseAddress, $0.count) }
}

// MARK: watchdog (kernel watchdog-api)

/// Opens the hardware watchdog, which runs from here on: with NOWAYOUT an unfed one resets the board.
public func openWatchdog(_ path: String, timeoutSeconds: Int) throws(SystemError) -> Descriptor {
    let device = try Descriptor(opening: path, .readWrite)
    try checked("watchdog timeout", pk_watchdog_timeout(device.raw, Int32(timeoutSeconds)))
    return device
}

public func feedWatchdog(_ descriptor: Int32) { _ = pk_watchdog_feed(descriptor) }
