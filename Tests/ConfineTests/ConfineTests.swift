// The whole box, as far as the kernel tells of it: user, capabilities, root, limits, network, descriptors.
import Authority
import CCage
import CKernel
@testable import Confine
import Foundation
import System
import Testing

/// A thread as a chip has one: it starts, then waits to be asked, and does `body`.
private func startWaitingThread(_ exchange: Exchange, _ body: @escaping @Sendable () -> Void = {}) throws(SystemError) {
    try startThread {
        exchange.sayStarted()
        exchange.awaitRequest(after: 0)
        body()
    }
    exchange.awaitStart()
}

/// A role in its box, held there while the test looks at it from outside.
private struct Prisoner: ~Copyable {
    let pid: Int32
    private let door: Int32
    private let log: Int32

    /// Throws if the box could not be built.
    init(_ role: RoleName, root: String, threads: Int = 0) throws {
        var door: [Int32] = [-1, -1], log: [Int32] = [-1, -1]
        precondition(pipe(&door) == 0 && pipe(&log) == 0)
        let authority = Authority.of(role)
        _ = Filter.program(authority.systemCalls)
        let pid = pk_fork()
        if pid == 0 {
            alarm(20)
            _ = pk_dup2(log[1], 2)
            _ = pk_dup2(door[0], Authority.firstGrant)
            do throws(ConfineError) {
                try confine(authority, descriptorCount: 1, root: root) { () throws(SystemError) in
                    for _ in 0..<threads { try startWaitingThread(Exchange(reading: 0)) }
                }
            } catch {
                _ = pk_write(2, "!", 1)
                pk_exit(91)
            }
            _ = pk_write(2, ".", 1)
            var byte: UInt8 = 0
            pk_exit(pk_read(Authority.firstGrant, &byte, 1) == 1 ? 0 : 92)
        }
        _ = pk_close(door[0])
        _ = pk_close(log[1])
        var byte: UInt8 = 0
        let count = pk_read(log[0], &byte, 1)
        try #require(count == 1 && byte == 46, "\(role.name) could not be confined")
        (self.pid, self.door, self.log) = (pid, door[1], log[0])
    }

    /// A line of /proc/<pid>/status, by the name before its colon.
    func status(_ field: String) throws -> String { try status(field, of: "\(pid)") }

    private func status(_ field: String, of place: String) throws -> String {
        let text = try String(contentsOfFile: "/proc/\(place)/status", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix(field + ":") }
        return line.map { $0.dropFirst(field.utf8.count + 1).trimmingCharacters(in: .whitespaces) } ?? "missing"
    }

    /// The same of every thread.
    func statuses(_ field: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task").map { try status(field, of: "\(pid)/task/\($0)") }
    }

    func link(_ name: String) throws -> String { try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/\(name)") }

    /// The soft and the hard limit of /proc/<pid>/limits.
    func limit(_ name: String) throws -> [Substring] {
        let text = try String(contentsOfFile: "/proc/\(pid)/limits", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
        return line.map { Array($0.dropFirst(name.utf8.count).split(separator: " ").prefix(2)) } ?? []
    }

    consuming func free() -> Ending {
        _ = pk_write(door, "x", 1)
        defer { _ = pk_close(door); _ = pk_close(log) }
        return ending(of: pid, log: log)
    }
}

private func withRoot(_ body: (String) throws -> Void) throws {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("penstock-root-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: root) }
    try body(root.resolvingSymlinksInPath().path)
}

@Suite(.serialized, .enabled(if: geteuid() == 0, "the box is built by root"))
struct ConfineTests {
    @Test("P-I1 P-E2 a role is alone: its own user, no capability, an empty root, its limits, no descriptor but its own", arguments: RoleName.allCases)
    func box(_ role: RoleName) throws {
        let authority = Authority.of(role)
        try withRoot { root in
            let prisoner = try Prisoner(role, root: root)
            let user = "\(authority.user)"
            #expect(try prisoner.status("Uid") == [user, user, user, user].joined(separator: "\t"))
            #expect(try prisoner.status("Gid") == [user, user, user, user].joined(separator: "\t"))
            #expect(try prisoner.status("Groups") == "")
            for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] { #expect(try prisoner.status(set) == "0000000000000000", "\(set)") }
            #expect(try prisoner.status("NoNewPrivs") == "1")
            #expect(try prisoner.status("Seccomp") == "2")
            #expect(try prisoner.status("Name") == role.name)
            #expect(try prisoner.link("root") == root)
            #expect(try prisoner.link("cwd") == root)
            let ownNetwork = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
            #expect((try prisoner.link("ns/net") == ownNetwork) == authority.hasNetwork)
            #expect(try FileManager.default.contentsOfDirectory(atPath: "/proc/\(prisoner.pid)/fd").sorted() == ["0", "1", "2", "3"])
            #expect(try prisoner.limit("Max core file size") == ["0", "0"])
            #expect(try prisoner.limit("Max processes") == ["0", "0"])
            #expect(try prisoner.limit("Max data size") == ["\(authority.limits.data)", "\(authority.limits.data)"])
            #expect(try prisoner.limit("Max open files") == ["\(authority.limits.descriptors)", "\(authority.limits.descriptors)"])
            let writesFiles = role == .keeper || role == .installer
            #expect((try prisoner.limit("Max file size") == ["0", "0"]) == !writesFiles)
            #expect(prisoner.free() == .passed)
        }
    }

    @Test("P-I1 a role without a network has none: not even a loopback that is up", arguments: [RoleName.controller, .keeper, .installer])
    func emptyNetwork(_ role: RoleName) throws {
        try withRoot { root in
            let prisoner = try Prisoner(role, root: root)
            let routes = try String(contentsOfFile: "/proc/\(prisoner.pid)/net/route", encoding: .utf8)
            #expect(routes.split(separator: "\n").count <= 1)
            let interfaces = try String(contentsOfFile: "/proc/\(prisoner.pid)/net/dev", encoding: .utf8)
            #expect(!interfaces.contains("eth") && !interfaces.contains("ens"))
            _ = prisoner.free()
        }
    }

    @Test("P-E2 every thread of a role is in the same box: user, capabilities, filter, and no more threads after it")
    func threads() throws {
        try withRoot { root in
            let prisoner = try Prisoner(.controller, root: root, threads: 3)
            let user = "\(Authority.of(.controller).user)"
            #expect(try prisoner.statuses("Uid") == [String](repeating: [user, user, user, user].joined(separator: "\t"), count: 4))
            for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                #expect(try prisoner.statuses(set) == [String](repeating: "0000000000000000", count: 4), "\(set)")
            }
            #expect(try prisoner.statuses("NoNewPrivs") == ["1", "1", "1", "1"])
            #expect(try prisoner.statuses("Seccomp") == ["2", "2", "2", "2"])
            #expect(try prisoner.limit("Max processes") == ["0", "0"])
            #expect(prisoner.free() == .passed)
        }
    }

    @Test("P-E2 a thread that was there before the filter is held by it: a refused call ends the whole role")
    func threadIsFiltered() throws {
        try withRoot { root in
            let authority = Authority.of(.controller)
            _ = Filter.program(authority.systemCalls)
            let outcome = child {
                let exchange = Exchange(reading: 0)
                do throws(ConfineError) {
                    try confine(authority, descriptorCount: 0, root: root) { () throws(SystemError) in
                        try startWaitingThread(exchange) { Attempt("chroot", SYS_chroot).run() }
                    }
                } catch { return 91 }
                _ = exchange.ask(outputs: 0, wanted: 0, again: false)
                _ = pk_poll(nil, 0, 5000)
                return 0
            }
            #expect(outcome == .refused(SYS_chroot))
        }
    }

    @Test("P-E2 the filter stands behind the whole box", arguments: RoleName.allCases)
    func filterStands(_ role: RoleName) throws {
        let authority = Authority.of(role)
        try withRoot { root in
            _ = Filter.program(authority.systemCalls)
            let outcome = child {
                do throws(ConfineError) { try confine(authority, descriptorCount: 0, root: root) } catch { return 91 }
                Attempt("chroot", SYS_chroot).run()
                return 0
            }
            #expect(outcome == .refused(SYS_chroot))
        }
    }

    @Test("a root that is not there is a fatal step with its name, not a role outside its box")
    func noRoot() {
        let authority = Authority.of(.keeper)
        let outcome = child {
            do throws(ConfineError) { try confine(authority, descriptorCount: 0, root: "/nowhere") } catch {
                return error.step == "chdir /nowhere" && error.errno == ENOENT && error.code == "confine-failed" ? 7 : 8
            }
            return 0
        }
        #expect(outcome == Ending(exitCode: 7))
    }
}
