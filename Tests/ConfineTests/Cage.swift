// A child in a role's box: what it does there, and how it ended.
import Authority
import CCage
import CKernel
import Confine

/// How a child ended, and what it wrote to its log until then.
struct Ending: Equatable {
    var exitCode: Int32
    var signal: Int32 = 0
    var log = ""

    /// By the filter, which said the call's number.
    static func refused(_ number: Int32) -> Ending {
        let digits = String(number)
        return Ending(exitCode: PK_EXIT_CALL_REFUSED, log: "refused system call \(String(repeating: "0", count: 6 - digits.count))\(digits)\n")
    }

    static let passed = Ending(exitCode: 0)
}

/// Forks; the child runs `body` on the forking thread alone, with its log in a pipe, and ends with its
/// result. One that hangs is ended by its alarm, and the test fails by that.
func child(_ body: () -> Int32) -> Ending {
    var pipe: [Int32] = [-1, -1]
    precondition(CKernel.pipe(&pipe) == 0)
    let pid = pk_fork()
    if pid == 0 {
        alarm(20)
        _ = pk_dup2(pipe[1], 2)
        pk_exit(body())
    }
    precondition(pid > 0)
    _ = pk_close(pipe[1])
    defer { _ = pk_close(pipe[0]) }
    return ending(of: pid, log: pipe[0])
}

func ending(of pid: Int32, log descriptor: Int32) -> Ending {
    var log: [UInt8] = [], buffer = [UInt8](repeating: 0, count: 256)
    while true {
        let count = pk_read(descriptor, &buffer, buffer.count)
        guard count > 0 else { break }
        log += buffer.prefix(count)
    }
    let status = cage_wait(pid)
    return Ending(exitCode: pk_exit_code(status), signal: pk_exited_by_signal(status), log: String(decoding: log, as: UTF8.self))
}

/// A child that installs a role's filter, then does `body`.
func caged(_ role: RoleName, _ body: () -> Int32) -> Ending {
    let calls = Authority.of(role).systemCalls
    // What the child needs of the runtime is there before the fork.
    _ = Filter.program(calls)
    return child {
        guard pk_no_new_privileges() == 0 else { return 90 }
        do throws(ConfineError) { try installFilter(calls) } catch { return 91 }
        return body()
    }
}

/// A system call with its arguments; those that are not given are -1, which no call can do harm with.
struct Attempt: CustomStringConvertible, Sendable {
    let name: String
    let number: Int32
    var arguments = [Int](repeating: -1, count: 6)

    init(_ name: String, _ number: Int32, _ arguments: Int...) {
        self.name = name
        self.number = number
        for (index, argument) in arguments.enumerated() { self.arguments[index] = argument }
    }

    var description: String { name }

    /// The result, or a negative errno.
    @discardableResult
    func run() -> Int { cage_call(Int(number), arguments) }
}
