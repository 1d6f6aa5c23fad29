// The checks of a run, one line each: `ok` or `FAIL`, a name, the threats that it answers, a figure.
// A check that does not come to its end in its time has failed; the story goes on.

import Bytes
import Foundation
import Glibc
import RunReport

/// Why a check failed, in words.
public struct Unmet: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// Fails the check that calls it unless the condition holds.
public func require(_ condition: Bool, _ otherwise: @autoclosure () -> String) throws {
    if !condition { throw Unmet(otherwise()) }
}

/// The value, or the check fails.
public func require<T>(_ value: T?, _ otherwise: @autoclosure () -> String) throws -> T {
    guard let value else { throw Unmet(otherwise()) }
    return value
}

public final class Story {
    public struct Outcome: Sendable {
        public let name: String
        public let threats: [String]
        public let passed: Bool
        /// What was measured, or why it failed.
        public let figure: String
        public let seconds: Double
    }

    public private(set) var outcomes: [Outcome] = []
    private let only: [String]
    /// What to print below a failed check.
    public var explain: () -> String
    /// What to do after a failed check, so that the next one finds its world in order.
    public var recover: () -> Void = {}
    /// Is told of each check as it begins and when it has come to its end.
    public var note: (CheckFact) -> Void = { _ in }
    private let write: (String) -> Void

    /// - only: run the checks whose name contains one of these; all of them if empty.
    /// - explain: what to print below a failed check, such as the end of the console's log.
    public init(
        only: [String] = [], explain: @escaping () -> String = { "" },
        write: @escaping (String) -> Void = { print($0) }
    ) {
        self.only = only
        self.explain = explain
        self.write = write
    }

    /// Runs one check; returns whether it passed. `body` returns the figure.
    /// - threat: ids of the threat table, separated by spaces.
    @discardableResult
    public func check(
        _ name: String, threat: String = "", timeoutSeconds: Double = 60, _ body: @escaping () throws -> String
    ) -> Bool {
        guard only.isEmpty || only.contains(where: { name.contains($0) || threat.contains($0) }) else { return true }
        let start = Date()
        note(CheckFact(name: name, threats: threat.split(separator: " ").map(String.init)))
        let result = Self.bounded(timeoutSeconds, body)
        let outcome = Outcome(
            name: name, threats: threat.split(separator: " ").map(String.init), passed: result.passed, figure: result.figure,
            seconds: Date().timeIntervalSince(start))
        outcomes.append(outcome)
        note(CheckFact(
            name: outcome.name, threats: outcome.threats, passed: outcome.passed, figure: outcome.figure,
            milliseconds: Int64(outcome.seconds * 1000)))
        write(Self.line(outcome))
        if !outcome.passed {
            for line in explain().split(separator: "\n") { write("     | \(line)") }
            recover()
        }
        return outcome.passed
    }

    static func line(_ outcome: Outcome) -> String {
        let threats = outcome.threats.isEmpty ? "" : " [\(outcome.threats.joined(separator: " "))]"
        return "\(outcome.passed ? "ok  " : "FAIL") \(outcome.name)\(threats): \(outcome.figure)"
    }

    /// Prints the last line; returns the exit status.
    public func finish() -> Int32 {
        let failed = outcomes.count { !$0.passed }
        write("\(outcomes.count - failed) passed, \(failed) failed")
        return failed == 0 && !outcomes.isEmpty ? 0 : 1
    }

    /// Holds what a thread found, until it is fetched.
    private final class Box: @unchecked Sendable {
        let condition = NSCondition()
        var result: (passed: Bool, figure: String)?
        let body: () throws -> String
        init(_ body: @escaping () throws -> String) { self.body = body }

        func run() {
            let found: (Bool, String)
            do {
                found = (true, try body())
            } catch let error as any Coded {
                found = (false, "\(error.text) [\(error.code)]")
            } catch {
                found = (false, "\(error)")
            }
            condition.lock()
            result = found
            condition.broadcast()
            condition.unlock()
        }
    }

    /// A body that overstays is left behind: its own waits are bounded, so it ends some time.
    private static func bounded(_ seconds: Double, _ body: @escaping () throws -> String) -> (passed: Bool, figure: String) {
        let box = Box(body)
        let thread = Thread { box.run() }
        thread.stackSize = 8 << 20
        thread.start()
        let deadline = Date(timeIntervalSinceNow: seconds)
        box.condition.lock()
        defer { box.condition.unlock() }
        while box.result == nil {
            if !box.condition.wait(until: deadline) { return (false, "not done after \(Int(seconds)) s") }
        }
        return box.result!
    }
}
