// Programs that the rig starts: all of them through one thread that lives as long as the rig, because
// a child is killed when the thread that started it ends. So none survives the rig, however it dies.

import CRig
import Foundation
import Glibc

/// A started program. Ended by its own process id, never by a name.
public final class Child: @unchecked Sendable {
    public let name: String
    public let pid: pid_t
    /// Where its output goes, unless the caller took it.
    public let logPath: String?
    private let lock = NSLock()
    private var result: Int32?

    /// Starts `arguments[0]`, found on the path. Output and errors go to the file at `logPath`, which
    /// is appended to; or to the descriptor `output`, with the errors going to the file.
    public init(
        _ arguments: [String], name: String? = nil, package: String, logPath: String?, input: Int32 = -1, output: Int32 = -1
    ) throws(RigError) {
        self.name = name ?? arguments[0]
        self.logPath = logPath
        guard let program = Self.find(arguments[0]) else { throw .missing(program: arguments[0], package: package) }
        var log: Int32 = -1
        if let logPath {
            log = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard log >= 0 else { throw .system("open \(logPath)", errno) }
        }
        defer { if log >= 0 { close(log) } }
        let (pid, number) = Spawner.shared.spawn([program] + arguments.dropFirst(), input, output < 0 ? log : output, log)
        guard pid > 0 else { throw .system("start \(program)", number) }
        self.pid = pid
        Spawner.shared.add(self)
    }

    static func find(_ program: String) -> String? {
        if program.contains("/") { return access(program, X_OK) == 0 ? program : nil }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let folders = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]
        return folders.map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }

    /// The exit status (256 + the signal's number if one ended it); nil while it runs.
    public var status: Int32? {
        lock.lock()
        defer { lock.unlock() }
        if result == nil {
            let status = rig_reap(pid)
            if status >= 0 { result = status }
        }
        return result
    }

    public var isRunning: Bool { status == nil }

    public func send(_ signal: Int32) {
        if isRunning { _ = Glibc.kill(pid, signal) }
    }

    /// Waits for its end; nil if it still runs after that time.
    public func wait(timeoutSeconds: Double) -> Int32? {
        let deadline = Date(timeIntervalSinceNow: timeoutSeconds)
        while true {
            if let status { return status }
            if Date() > deadline { return nil }
            usleep(2_000)
        }
    }

    /// Asks it to end, and kills it when it does not within the time.
    public func end(graceSeconds: Double = 2) {
        send(SIGTERM)
        if wait(timeoutSeconds: graceSeconds) == nil { kill() }
    }

    /// As a power cut would: no chance to do anything.
    public func kill() {
        send(SIGKILL)
        _ = wait(timeoutSeconds: 5)
    }

    /// The last lines of its log.
    public func lastLines(_ count: Int = 10) -> String { logPath.map { tail(of: $0, lines: count) } ?? "" }

    /// Throws if it has ended, with the last lines of its log.
    func mustRun() throws(RigError) {
        if let status { throw .program(name, status: status, lastLines: lastLines()) }
    }

    /// Ends all that still run: the last started first.
    public static func endAll() { Spawner.shared.endAll() }
}

/// The last lines of a text file; empty if it cannot be read.
public func tail(of path: String, lines: Int) -> String {
    guard let file = FileHandle(forReadingAtPath: path) else { return "" }
    defer { try? file.close() }
    let size = (try? file.seekToEnd()) ?? 0
    try? file.seek(toOffset: size > 65_536 ? size - 65_536 : 0)
    let text = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
    return text.split(whereSeparator: { $0 == "\n" || $0 == "\r\n" }).suffix(lines).joined(separator: "\n")
}

/// Runs a program to its end and returns its output. For short work only.
@discardableResult
func run(_ arguments: [String], package: String, input: String? = nil, timeoutSeconds: Double = 30) throws(RigError) -> String {
    let base = NSTemporaryDirectory() + "penstock-run-\(UUID().uuidString)"
    defer {
        unlink(base + ".out")
        unlink(base + ".err")
        unlink(base + ".in")
    }
    var fd: Int32 = -1
    if let input {
        try write(input, to: base + ".in")
        fd = open(base + ".in", O_RDONLY | O_CLOEXEC)
    }
    let output = open(base + ".out", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    defer {
        close(output)
        if fd >= 0 { close(fd) }
    }
    let child = try Child(arguments, package: package, logPath: base + ".err", input: fd, output: output)
    guard let status = child.wait(timeoutSeconds: timeoutSeconds) else {
        child.kill()
        throw .timeout(arguments.joined(separator: " "), seconds: timeoutSeconds)
    }
    guard status == 0 else {
        throw .program(arguments.joined(separator: " "), status: status, lastLines: child.lastLines(20))
    }
    return (try? String(contentsOfFile: base + ".out", encoding: .utf8)) ?? ""
}

func write(_ text: String, to path: String, mode: mode_t = 0o600) throws(RigError) {
    let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard fd >= 0 else { throw .system("write \(path)", errno) }
    defer { close(fd) }
    let bytes = Array(text.utf8)
    guard bytes.withUnsafeBytes({ Glibc.write(fd, $0.baseAddress, $0.count) }) == bytes.count else {
        throw .system("write \(path)", errno)
    }
}

/// The thread that starts the children, and the list of them.
private final class Spawner: @unchecked Sendable {
    static let shared = Spawner()

    private let condition = NSCondition()
    private var work: (() -> Void)?
    private var children: [Child] = []

    private init() {
        let thread = Thread { [self] in
            condition.lock()
            while true {
                while work == nil { condition.wait() }
                work!()
                work = nil
                condition.broadcast()
            }
        }
        thread.name = "spawner"
        thread.start()
    }

    func spawn(_ arguments: [String], _ input: Int32, _ output: Int32, _ errors: Int32) -> (pid_t, Int32) {
        condition.lock()
        defer { condition.unlock() }
        while work != nil { condition.wait() }
        var result: (pid_t, Int32)?
        work = {
            var argv = arguments.map { strdup($0) } + [nil]
            let pid = rig_spawn(&argv, environ, input, output, errors)
            result = (pid, errno)
            for argument in argv { free(argument) }
        }
        condition.broadcast()
        while result == nil { condition.wait() }
        return result!
    }

    func add(_ child: Child) {
        condition.lock()
        children.removeAll { !$0.isRunning }
        children.append(child)
        condition.unlock()
    }

    func endAll() {
        condition.lock()
        let all = children
        children = []
        condition.unlock()
        for child in all.reversed() { child.send(SIGTERM) }
        for child in all.reversed() { child.end(graceSeconds: 1) }
    }
}
