// The cable between the board and one server: a TCP relay that can be cut, stalled, slowed, listened
// to and tampered with. It sees what a wiretap sees.

import CRig
import Foundation
import Glibc

public final class Cable: @unchecked Sendable {
    public enum Condition: Sendable, Equatable {
        case whole
        /// Connections break and new ones are refused.
        case cut
        /// Nothing passes, nothing breaks: a peer that has gone silent.
        case stalled
        /// Both directions together.
        case slow(bytesPerSecond: Int)
    }

    public enum Direction: Int, Sendable, CaseIterable { case fromBoard, toBoard }

    static let bufferMaximum = 65_536
    static let connectionsMaximum = 256
    public static let captureMaximum = 4 << 20

    /// Where the board connects: 127.0.0.1, and ::1 where the host has it.
    public let port: UInt16
    public let ipv6: Bool
    private let listeners: [Int32]
    private let wake: Int32
    private let lock = NSLock()
    // Guarded by the lock.
    private var target: UInt16
    private var wanted = Condition.whole
    private var passed = [0, 0]
    private var captured: [[UInt8]] = [[], []]
    private var tamper: (Direction, Int)?
    private var accepted = 0
    private var open = 0
    private var ended = false
    // The thread's own.
    private var pairs: [Pair] = []
    private var allowance = 0.0
    private var allowedNanoseconds = monotonicNanoseconds()

    private struct Pair {
        /// The board's side and the server's.
        var fds: [Int32]
        /// Read from that side, not yet written to the other.
        var pending: [[UInt8]] = [[], []]
        var ended = [false, false]
        var shut = [false, false]
        var broken = false
    }

    public init(to target: UInt16) throws(RigError) {
        self.target = target
        var bound: UInt16 = 0, same: UInt16 = 0
        let four = rig_listen_tcp(0, 0, &bound)
        guard four >= 0 else { throw .system("listen on a TCP port", errno) }
        let six = rig_listen_tcp(1, bound, &same)
        port = bound
        ipv6 = six >= 0
        listeners = [four, six].filter { $0 >= 0 }
        wake = rig_event_counter()
        let thread = Thread { [self] in relay() }
        thread.name = "cable"
        thread.start()
    }

    public var condition: Condition {
        get { locked { wanted } }
        set {
            locked { wanted = newValue }
            kick()
        }
    }

    /// Leads the cable to another server from the next connection on.
    public func lead(to port: UInt16) { locked { target = port } }

    /// Bytes that passed in that direction.
    public func bytes(_ direction: Direction) -> Int { locked { passed[direction.rawValue] } }

    /// What passed, the first `captureMaximum` bytes of each direction.
    public func capture(_ direction: Direction) -> [UInt8] { locked { captured[direction.rawValue] } }

    /// Forgets what was captured and counted.
    public func clear() {
        locked {
            captured = [[], []]
            passed = [0, 0]
        }
    }

    /// Flips a bit of the byte that passes after `count` more in that direction.
    public func alter(_ direction: Direction, after count: Int) { locked { tamper = (direction, count) } }

    /// Connections that the board has made so far, and those that are open now.
    public var connections: (made: Int, open: Int) { locked { (accepted, open) } }

    public func end() {
        locked { ended = true }
        kick()
    }

    private func locked<T>(_ body: () -> T) -> T {
        lock.lock()
        defer { lock.unlock() }
        return body()
    }

    private func kick() {
        var one: UInt64 = 1
        _ = write(wake, &one, 8)
    }

    // MARK: The thread

    private func relay() {
        while true {
            let (condition, ended) = locked { (wanted, self.ended) }
            if ended || condition == .cut { breakAll() }
            if ended {
                for listener in listeners { close(listener) }
                return
            }
            var descriptors = [pollfd(fd: wake, events: Int16(POLLIN), revents: 0)]
            if condition != .stalled {
                descriptors += listeners.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
                for pair in pairs { for side in 0..<2 { descriptors.append(interest(pair, side)) } }
            }
            let slow = if case .slow = condition { true } else { false }
            _ = poll(&descriptors, nfds_t(descriptors.count), slow ? 20 : -1)
            var count: UInt64 = 0
            _ = read(wake, &count, 8)
            let now = locked { wanted }
            guard now == condition, now != .stalled else { continue }
            if slow { usleep(5_000) }
            acceptAll(now)
            refill(now)
            for index in pairs.indices { move(&pairs[index], now) }
            sweep()
        }
    }

    private func interest(_ pair: Pair, _ side: Int) -> pollfd {
        var events: Int32 = 0
        if !pair.ended[side], pair.pending[side].count < Self.bufferMaximum { events |= POLLIN }
        if !pair.pending[1 - side].isEmpty { events |= POLLOUT }
        return pollfd(fd: events == 0 ? -1 : pair.fds[side], events: Int16(events), revents: 0)
    }

    private func acceptAll(_ condition: Condition) {
        for listener in listeners {
            while true {
                let board = rig_accept(listener, 1)
                guard board >= 0 else { break }
                let server = condition == .cut || pairs.count >= Self.connectionsMaximum ? -1 : rig_connect_tcp(locked { target })
                guard server >= 0 else {
                    reset(board)
                    continue
                }
                pairs.append(Pair(fds: [board, server]))
                locked {
                    accepted += 1
                    open = pairs.count
                }
            }
        }
    }

    private func refill(_ condition: Condition) {
        let now = monotonicNanoseconds()
        defer { allowedNanoseconds = now }
        guard case .slow(let rate) = condition else {
            allowance = .infinity
            return
        }
        if allowance == .infinity { allowance = 0 }
        let gained = Double(rate) * Double(now - allowedNanoseconds) / 1e9
        allowance = min(allowance + gained, Double(max(rate, 1)))
    }

    private func move(_ pair: inout Pair, _ condition: Condition) {
        for side in 0..<2 {
            receive(&pair, side)
            deliver(&pair, from: side)
        }
    }

    private func receive(_ pair: inout Pair, _ side: Int) {
        let room = min(Double(Self.bufferMaximum - pair.pending[side].count), allowance)
        guard !pair.ended[side], room >= 1 else { return }
        var buffer = [UInt8](repeating: 0, count: Int(room))
        let count = read(pair.fds[side], &buffer, buffer.count)
        if count > 0 {
            allowance -= Double(count)
            buffer.removeLast(buffer.count - count)
            observe(&buffer, side)
            pair.pending[side] += buffer
        } else if count == 0 {
            pair.ended[side] = true
        } else if errno != EAGAIN {
            pair.broken = true
        }
    }

    private func deliver(_ pair: inout Pair, from side: Int) {
        if !pair.pending[side].isEmpty {
            let count = pair.pending[side].withUnsafeBytes { write(pair.fds[1 - side], $0.baseAddress, $0.count) }
            if count > 0 { pair.pending[side].removeFirst(count) } else if errno != EAGAIN { pair.broken = true }
        }
        if pair.pending[side].isEmpty, pair.ended[side], !pair.shut[side] {
            pair.shut[side] = true
            shutdown(pair.fds[1 - side], Int32(SHUT_WR))
        }
    }

    private func observe(_ bytes: inout [UInt8], _ side: Int) {
        locked {
            if let (direction, after) = tamper, direction.rawValue == side {
                if after < bytes.count {
                    bytes[after] ^= 1
                    tamper = nil
                } else {
                    tamper = (direction, after - bytes.count)
                }
            }
            passed[side] += bytes.count
            captured[side] += bytes.prefix(max(0, Self.captureMaximum - captured[side].count))
        }
    }

    private func sweep() {
        for pair in pairs where pair.broken { for fd in pair.fds { reset(fd) } }
        for pair in pairs where !pair.broken && pair.shut[0] && pair.shut[1] { for fd in pair.fds { close(fd) } }
        pairs.removeAll { $0.broken || $0.shut[0] && $0.shut[1] }
        locked { open = pairs.count }
    }

    private func breakAll() {
        for index in pairs.indices { pairs[index].broken = true }
        sweep()
    }

    /// Closes with a reset, as a connection ends whose peer has vanished.
    private func reset(_ fd: Int32) {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        close(fd)
    }
}
