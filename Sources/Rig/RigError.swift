// What can go wrong with the rig itself. None of it says anything about the board.

import Bytes
import Glibc

public enum RigError: Error, Coded, CustomStringConvertible {
    /// A system call: what was to be done, and its errno.
    case system(String, Int32)
    /// A program that is needed is not installed.
    case missing(program: String, package: String)
    /// A program of the rig ended when it should not, or badly; its last lines.
    case program(String, status: Int32, lastLines: String)
    /// Something did not happen in its time.
    case timeout(String, seconds: Double)
    /// A peer answered with an error of its own.
    case refused(String)

    public var code: String {
        switch self {
        case .system: "rig-system"
        case .missing: "rig-program-missing"
        case .program: "rig-program-failed"
        case .timeout: "rig-timeout"
        case .refused: "rig-refused"
        }
    }

    public var text: String {
        switch self {
        case .system(let step, let number): "\(step): \(String(cString: strerror(number))) (errno \(number))"
        case .missing(let program, let package): "\(program) is not installed; on Debian: apt-get install \(package)"
        case .program(let name, let status, let lines):
            "\(name) ended with \(status < 256 ? "status \(status)" : "signal \(status - 256)")\(lines.isEmpty ? "" : ":\n\(lines)")"
        case .timeout(let what, let seconds): "\(what) did not happen within \(seconds) s"
        case .refused(let why): why
        }
    }

    public var description: String { "\(code): \(text)" }
}
