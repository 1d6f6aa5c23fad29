// QEMU's control channel (QMP): one command at a time, and the events that come between.

import CRig
import Foundation
import Glibc

/// A connection to QEMU's monitor socket.
public final class MachineMonitor: @unchecked Sendable {
    /// An event that QEMU told of: RESET, WATCHDOG, STOP, SHUTDOWN, ...
    public struct Event: Sendable {
        public let name: String
        public let nanoseconds: UInt64
    }

    static let eventsMaximum = 10_000

    private let fd: Int32
    private let condition = NSCondition()
    private var reply: [String: Any]?
    private var closed = false
    private var log: [Event] = []

    /// Connects, retrying until QEMU listens.
    init(socketPath: String, timeoutSeconds: Double = 10) throws(RigError) {
        let deadline = Date(timeIntervalSinceNow: timeoutSeconds)
        var fd: Int32 = -1
        while true {
            fd = rig_connect_unix(socketPath)
            if fd >= 0 { break }
            guard Date() < deadline else { throw .timeout("a connection to \(socketPath)", seconds: timeoutSeconds) }
            usleep(10_000)
        }
        self.fd = fd
        let thread = Thread { [self] in receive() }
        thread.name = "monitor"
        thread.start()
        try execute("qmp_capabilities")
    }

    /// Carries one command out; throws what QEMU answered if it refused.
    /// - Returns: what it answered, if that is text.
    @discardableResult
    public func execute(_ command: String, _ arguments: [String: Any] = [:], timeoutSeconds: Double = 10) throws(RigError) -> String {
        var message: [String: Any] = ["execute": command]
        if !arguments.isEmpty { message["arguments"] = arguments }
        guard let bytes = try? JSONSerialization.data(withJSONObject: message) else { throw .refused("not JSON: \(command)") }
        condition.lock()
        defer { condition.unlock() }
        reply = nil
        let line = [UInt8](bytes) + [10]
        guard !closed, line.withUnsafeBytes({ Glibc.write(fd, $0.baseAddress, $0.count) }) == line.count else {
            throw .refused("QEMU is gone; it could not be told to \(command)")
        }
        let deadline = Date(timeIntervalSinceNow: timeoutSeconds)
        while reply == nil, !closed {
            guard condition.wait(until: deadline) else { throw .timeout("QEMU's answer to \(command)", seconds: timeoutSeconds) }
        }
        if let error = reply?["error"] as? [String: Any] {
            throw .refused("QEMU refused \(command): \(error["desc"] as? String ?? "no reason")")
        }
        return reply?["return"] as? String ?? ""
    }

    /// The events so far.
    public var events: [Event] {
        condition.lock()
        defer { condition.unlock() }
        return log
    }

    /// Waits for an event of that name later than `nanoseconds` (see `monotonicNanoseconds`).
    public func wait(for name: String, after nanoseconds: UInt64, timeoutSeconds: Double) -> Event? {
        let deadline = Date(timeIntervalSinceNow: timeoutSeconds)
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let event = log.first(where: { $0.name == name && $0.nanoseconds > nanoseconds }) { return event }
            if !condition.wait(until: deadline) { return nil }
        }
    }

    private func receive() {
        var pending: [UInt8] = [], buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(fd, &buffer, buffer.count)
            guard count > 0, pending.count < 1 << 20 else { break }
            pending += buffer[..<count]
            while let end = pending.firstIndex(of: 10) {
                take(Data(pending[..<end]))
                pending.removeSubrange(...end)
            }
        }
        condition.lock()
        closed = true
        close(fd)
        condition.broadcast()
        condition.unlock()
    }

    private func take(_ line: Data) {
        guard let message = try? JSONSerialization.jsonObject(with: line) as? [String: Any] else { return }
        condition.lock()
        if let name = message["event"] as? String {
            if log.count >= Self.eventsMaximum { log.removeFirst(Self.eventsMaximum / 2) }
            log.append(Event(name: name, nanoseconds: monotonicNanoseconds()))
        } else if message["return"] != nil || message["error"] != nil {
            reply = message
        }
        condition.broadcast()
        condition.unlock()
    }
}
