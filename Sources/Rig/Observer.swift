// The receiving end of the fleet: an MQTT client that is none of ours (mosquitto_sub), which prints
// what arrives, and one that sends (mosquitto_pub).

import Foundation
import Glibc

public struct Message: Sendable {
    /// Counts from 0 for the whole run.
    public let number: Int
    /// When the rig read it; see `monotonicNanoseconds`.
    public let nanoseconds: UInt64
    public let topic: String
    public let qualityOfService: Int
    public let retained: Bool
    public let payload: [UInt8]

    /// The last part of the topic: birth, death, data, event, receipt.
    public var kind: String { topic.split(separator: "/").last.map(String.init) ?? "" }

    /// One line as `Observer.format` asks for it; nil if it is none.
    init?(line: Substring, number: Int) {
        let fields = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        guard fields.count == 4, let quality = Int(fields[0]), fields[1] == "0" || fields[1] == "1",
            let payload = Self.bytes(hexadecimal: fields[2])
        else { return nil }
        self.number = number
        nanoseconds = monotonicNanoseconds()
        qualityOfService = quality
        retained = fields[1] == "1"
        self.payload = payload
        topic = String(fields[3])
    }

    private static func bytes(hexadecimal text: Substring) -> [UInt8]? {
        var out: [UInt8] = [], high: UInt8?
        for character in text {
            guard let digit = character.hexDigitValue else { return nil }
            if let first = high {
                out.append(first << 4 | UInt8(digit))
                high = nil
            } else {
                high = UInt8(digit)
            }
        }
        return high == nil ? out : nil
    }
}

public final class Observer: @unchecked Sendable {
    static let messagesMaximum = 100_000
    private static let format = "%q %r %x %t"

    private let broker: UInt16
    private let authority: CertificateAuthority
    private let identity: Identity
    private let folder: String
    private let condition = NSCondition()
    private var messages: [Message] = []
    private var next = 0
    private let child: Child

    /// Subscribes to everything below `penstock/`, in a session that outlives the broker's absence.
    public init(broker: UInt16, authority: CertificateAuthority, identity: Identity, folder: String) throws(RigError) {
        self.broker = broker
        self.authority = authority
        self.identity = identity
        self.folder = folder
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw .system("make \(folder)", errno) }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .system("make a pipe", errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[1]) }
        child = try Child(
            ["mosquitto_sub"] + Self.connection(broker, authority, identity)
                + ["-i", "rig-observer", "-c", "-x", "86400", "-q", "1", "-t", "penstock/#", "-F", Self.format],
            package: "mosquitto-clients", logPath: folder + "/observer.log", output: ends[1])
        let input = ends[0]
        let thread = Thread { [self] in receive(input) }
        thread.name = "observer"
        thread.start()
        try awaitSubscription()
    }

    private static func connection(_ port: UInt16, _ authority: CertificateAuthority, _ identity: Identity) -> [String] {
        ["-h", "127.0.0.1", "-p", "\(port)", "-V", "mqttv5", "--tls-version", "tlsv1.3", "--cafile", authority.certificatePath,
         "--cert", identity.certificatePath, "--key", identity.keyPath ?? ""]
    }

    /// Publishes until one comes back: only then is nothing missed any more.
    private func awaitSubscription() throws(RigError) {
        let deadline = Date(timeIntervalSinceNow: 15)
        while Date() < deadline {
            try child.mustRun()
            try publish("penstock/rig/hello", [1])
            if wait(since: 0, timeoutSeconds: 0.5, where: { $0.topic == "penstock/rig/hello" }) != nil { return }
        }
        throw .timeout("the observer's subscription", seconds: 15)
    }

    /// Sends one message with quality of service 1, as the operator, who may write every topic.
    public func publish(_ topic: String, _ payload: [UInt8], retain: Bool = false) throws(RigError) {
        try send(topic, payload, identity: identity, retain: retain)
    }

    /// The same under another identity: the broker decides what it may do.
    public func send(_ topic: String, _ payload: [UInt8], identity: Identity, retain: Bool = false) throws(RigError) {
        let path = folder + "/payload"
        guard FileManager.default.createFile(atPath: path, contents: Data(payload)) else { throw .system("write \(path)", errno) }
        try run(
            ["mosquitto_pub"] + Self.connection(broker, authority, identity) + (retain ? ["-r"] : [])
                + ["-q", "1", "-t", topic, "-f", path],
            package: "mosquitto-clients")
    }

    /// Sends that many messages of a few bytes of text over one connection, as fast as the broker takes them.
    public func flood(_ topic: String, count: Int, qualityOfService: Int) throws(RigError) {
        try run(
            ["mosquitto_pub"] + Self.connection(broker, authority, identity) + ["-q", "\(qualityOfService)", "-t", topic, "-l"],
            package: "mosquitto-clients", input: (0..<count).map { "flood \($0)\n" }.joined())
    }

    /// Sends the same bytes that many times over one connection, as fast as the broker takes them.
    public func flood(_ topic: String, _ payload: [UInt8], count: Int) throws(RigError) {
        let path = folder + "/flood"
        guard FileManager.default.createFile(atPath: path, contents: Data(payload)) else { throw .system("write \(path)", errno) }
        try run(
            ["mosquitto_pub"] + Self.connection(broker, authority, identity)
                + ["-q", "0", "-t", topic, "-f", path, "--repeat", "\(count)", "--repeat-delay", "0"],
            package: "mosquitto-clients")
    }

    /// The number that the next message will get.
    public var nextMessage: Int {
        condition.lock()
        defer { condition.unlock() }
        return next
    }

    /// Messages from that number on, oldest first.
    public func messages(since number: Int) -> [Message] {
        condition.lock()
        defer { condition.unlock() }
        // They are numbered without a gap.
        return Array(messages.suffix(max(0, next - number)))
    }

    /// Waits for a message numbered `number` or later for which `matches` is true.
    public func wait(since number: Int, timeoutSeconds: Double, where matches: (Message) -> Bool) -> Message? {
        let deadline = Date(timeIntervalSinceNow: timeoutSeconds)
        condition.lock()
        defer { condition.unlock() }
        var seen = number
        while true {
            for message in messages.reversed().prefix(while: { $0.number >= seen }).reversed() where matches(message) { return message }
            seen = max(seen, next)
            if !condition.wait(until: deadline) { return nil }
        }
    }

    private func receive(_ input: Int32) {
        var pending: [UInt8] = [], buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(input, &buffer, buffer.count)
            guard count > 0 else { break }
            pending += buffer[..<count]
            while let end = pending.firstIndex(of: 10) {
                take(String(decoding: pending[..<end], as: UTF8.self))
                pending.removeSubrange(...end)
            }
        }
        close(input)
    }

    private func take(_ line: String) {
        condition.lock()
        defer { condition.unlock() }
        guard let message = Message(line: line[...], number: next) else { return }
        next += 1
        if messages.count >= Self.messagesMaximum { messages.removeFirst(Self.messagesMaximum / 2) }
        messages.append(message)
        condition.broadcast()
    }

    public func end() { child.end() }
}
