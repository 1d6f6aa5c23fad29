// A name server for a handful of names (RFC 1035), so that the board finds its broker the way that it
// will find a real one. It answers from a table and knows no other server.

import CRig
import Foundation
import Glibc

public final class NameServer: @unchecked Sendable {
    /// Where a name leads; an empty list answers that there is no address of that kind.
    public struct Addresses: Sendable {
        public var v4: [[UInt8]]
        public var v6: [[UInt8]]

        public init(v4: [[UInt8]] = [], v6: [[UInt8]] = []) {
            self.v4 = v4
            self.v6 = v6
        }

        /// The host as the guest sees it through QEMU's user network: 10.0.2.2 and fec0::2.
        public static func host(ipv6: Bool) -> Addresses {
            Addresses(v4: [[10, 0, 2, 2]], v6: ipv6 ? [[0xFE, 0xC0] + [UInt8](repeating: 0, count: 13) + [2]] : [])
        }
    }

    public enum Behaviour: Sendable { case answers, silent, garbage }

    /// UDP on 127.0.0.1, and on ::1 where the host has it.
    public let port: UInt16
    public let ipv6: Bool
    private let sockets: [Int32]
    private let lock = NSLock()
    private var table: [String: Addresses]
    private var behaves = Behaviour.answers
    private var asked = 0
    private var ended = false

    public init(_ table: [String: Addresses]) throws(RigError) {
        self.table = table
        var bound: UInt16 = 0, same: UInt16 = 0
        let four = rig_bind_udp(0, 0, &bound)
        guard four >= 0 else { throw .system("bind a UDP port", errno) }
        let six = rig_bind_udp(1, bound, &same)
        port = bound
        ipv6 = six >= 0
        sockets = [four, six].filter { $0 >= 0 }
        let thread = Thread { [self] in serve() }
        thread.name = "names"
        thread.start()
    }

    public var behaviour: Behaviour {
        get { locked { behaves } }
        set { locked { behaves = newValue } }
    }

    /// Questions answered so far.
    public var questions: Int { locked { asked } }

    public func set(_ name: String, _ addresses: Addresses) { locked { table[name] = addresses } }

    public func end() { locked { ended = true } }

    private func locked<T>(_ body: () -> T) -> T {
        lock.lock()
        defer { lock.unlock() }
        return body()
    }

    private func serve() {
        while true {
            var descriptors = sockets.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            _ = poll(&descriptors, nfds_t(descriptors.count), 200)
            if locked({ ended }) {
                for socket in sockets { close(socket) }
                return
            }
            for descriptor in descriptors where descriptor.revents != 0 { answerOne(descriptor.fd) }
        }
    }

    private func answerOne(_ socket: Int32) {
        var buffer = [UInt8](repeating: 0, count: 512)
        var peer = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                let count = recvfrom(socket, &buffer, buffer.count, 0, address, &length)
                guard count > 0, let answer = reply(to: Array(buffer[..<count])) else { return }
                _ = sendto(socket, answer, answer.count, 0, address, length)
            }
        }
    }

    /// The answer to one question; nil: say nothing.
    func reply(to question: [UInt8]) -> [UInt8]? {
        let (table, behaves) = locked {
            asked += 1
            return (self.table, self.behaves)
        }
        switch behaves {
        case .silent: return nil
        case .garbage: return Array(question.prefix(2)) + [0x81, 0x80, 0, 1, 0xFF, 0xFF, 0, 0, 0, 0, 0xC0, 0x0C, 0xC0, 0x0C]
        case .answers: return Self.reply(to: question, from: table)
        }
    }

    static func reply(to question: [UInt8], from table: [String: Addresses]) -> [UInt8]? {
        guard question.count >= 12, question[2] & 0x80 == 0, question[4] == 0, question[5] == 1 else { return nil }
        var at = 12, labels: [String] = []
        while at < question.count, question[at] != 0 {
            let length = Int(question[at])
            guard length < 64, at + 1 + length < question.count else { return nil }
            labels.append(String(decoding: question[(at + 1)...(at + length)], as: UTF8.self).lowercased())
            at += 1 + length
        }
        guard at + 5 <= question.count else { return nil }
        let kind = Int(question[at + 1]) << 8 | Int(question[at + 2])
        let asked = question[12..<(at + 5)]
        let entry = table[labels.joined(separator: ".")]
        let addresses = kind == 1 ? entry?.v4 ?? [] : kind == 28 ? entry?.v6 ?? [] : []
        var answer = [question[0], question[1], 0x85, entry == nil ? 0x83 : 0x80, 0, 1, 0, UInt8(addresses.count), 0, 0, 0, 0]
        answer += asked
        for address in addresses {
            answer += [0xC0, 0x0C, 0, UInt8(kind), 0, 1, 0, 0, 0, 30, 0, UInt8(address.count)] + address
        }
        return answer
    }
}
