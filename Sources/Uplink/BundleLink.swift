// Ranges of bundles for the installer, from the declared update server. What comes is passed on unread,
// in chunks, as many as the installer has room for; then the server has to wait.
import Authority
import Backoff
import Board
import Bytes
import HTTP
import System

struct BundleLink: ~Copyable {
    /// From the request to the head, and for each chunk: a server that is slower than that is given up.
    static let answerMilliseconds: UInt64 = 30_000
    static let chunkMilliseconds: UInt64 = 60_000
    static let readsATurn = 8

    private struct Fetch {
        let path: String
        let range: Range<UInt64>
        /// Up to here the installer has been sent everything.
        var offset: UInt64
        let request: Request
        let requestBytes: [UInt8]
        var requestOffset = 0
        var reader: ResponseReader
        var hasHead = false
        /// Tried on a connection that was there already, which the server may just have closed.
        var isReused: Bool
    }

    private let server: Endpoint
    private let folder: String
    private var connection: Connection
    private var isOnline = false
    private var fetch: Fetch?
    private var credits = InstallerToUplink.window
    private var chunk: [UInt8] = []
    private var messages: [UplinkToInstaller] = []
    private(set) var hasBlockedMessage = false
    private var backoff = Backoff(firstMilliseconds: 1000, lastMilliseconds: 60_000)
    private var pauseUntil: UInt64 = 0
    private var answerDue: UInt64 = .max
    /// Which file the ranges belong to, so that a file that is replaced meanwhile is noticed at once.
    private var tag: (path: String, value: String)?

    init(_ commissioning: Commissioning, _ keeper: KeeperLink) {
        server = commissioning.updateServer
        folder = commissioning.updatePath
        connection = Connection(server, certificate: commissioning.clientCertificate, protocolName: "http/1.1", keeper: keeper)
    }

    // MARK: what the loop asks

    var descriptor: Int32 { connection.descriptor }

    var wantsRead: Bool {
        guard connection.state == .open else { return connection.wantsRead }
        return fetch == nil || canRead
    }

    var wantsWrite: Bool {
        guard connection.state == .open else { return connection.wantsWrite }
        guard let fetch else { return false }
        return fetch.requestOffset < fetch.requestBytes.count
    }

    private var canRead: Bool { credits > 0 && messages.isEmpty }

    var deadlineMilliseconds: UInt64 {
        guard fetch != nil, isOnline else { return .max }
        if connection.state == .closed { return pauseUntil }
        return min(connection.deadlineMilliseconds, canRead ? answerDue : .max)
    }

    /// The next message for the installer.
    var nextMessage: UplinkToInstaller? { messages.first }

    mutating func messageIsSent() {
        hasBlockedMessage = false
        messages.removeFirst()
    }

    mutating func isBlocked() { hasBlockedMessage = true }

    // MARK: what happens around it

    mutating func networkIsReady() { isOnline = true }

    mutating func networkIsLost() {
        isOnline = false
        connection.close()
        if fetch != nil { give(up: LinkFailure(code: "network-lost", text: "the network's lease ended"), again: true, monotonicMilliseconds()) }
    }

    mutating func installerIsGone() {
        connection.close()
        fetch = nil
        chunk = []
        messages = []
        hasBlockedMessage = false
        credits = InstallerToUplink.window
    }

    mutating func take(_ message: InstallerToUplink, _ now: UInt64) {
        switch message {
        case .credit:
            if credits == 0 { answerDue = now + Self.chunkMilliseconds }
            credits = min(credits + 1, InstallerToUplink.window)
        case .fetch(let path, let offset, let length): begin(path, offset, length, now)
        }
    }

    private mutating func begin(_ path: String, _ offset: UInt64, _ length: UInt32, _ now: UInt64) {
        guard fetch == nil else { return refuse("fetch-busy", "one fetch at a time") }
        guard path.utf8.starts(with: folder.utf8), !Self.climbs(path), length > 0, offset <= UInt64(Int64.max) else {
            return refuse("fetch-path-refused", "only files below \(folder) of the declared server are fetched")
        }
        let range = offset..<offset + UInt64(length)
        if tag?.path != path { tag = nil }
        do throws(HTTPError) {
            let request = try Request(host: server.host, port: server.port, path: path, range: range, tag: tag?.value)
            fetch = Fetch(
                path: path, range: range, offset: offset, request: request, requestBytes: request.bytes,
                reader: ResponseReader(to: request), isReused: connection.state == .open)
            answerDue = now + Self.answerMilliseconds
        } catch { refuse(error.code, error.text) }
    }

    private mutating func refuse(_ code: String, _ text: String) {
        if messages.count < 4 { messages.append(.failed(code: code, text: text, again: false)) }
    }

    private static func climbs(_ path: String) -> Bool {
        for part in path.utf8.split(separator: 47, omittingEmptySubsequences: false) where part.elementsEqual("..".utf8) { return true }
        return false
    }

    // MARK: turns

    /// Goes on as far as it comes; true if there may be more to read at once.
    mutating func step(_ now: UInt64, nameServers: [SocketAddress], ready: Bool) -> Bool {
        guard fetch != nil, isOnline else {
            // Between fetches nothing may come but the server's goodbye.
            if ready { connection.close() }
            return false
        }
        do throws(LinkFailure) {
            if connection.state == .closed {
                guard now >= pauseUntil else { return false }
                try connection.open(nameServers: nameServers, now)
            } else if connection.state != .open {
                try connection.step(ready: ready, now)
            }
            guard connection.state == .open else { return false }
            return try exchange(now)
        } catch {
            failed(error, now, again: true)
            return false
        }
    }

    private mutating func exchange(_ now: UInt64) throws(LinkFailure) -> Bool {
        while fetch!.requestOffset < fetch!.requestBytes.count {
            let count = try connection.write(fetch!.requestBytes, from: fetch!.requestOffset)
            if count == 0 { return false }
            fetch!.requestOffset += count
            answerDue = now + Self.answerMilliseconds
        }
        var reads = 0
        while reads < Self.readsATurn, fetch != nil, canRead {
            guard let bytes = try connection.read(maximum: MessageLimit.chunk - chunk.count) else { break }
            reads += 1
            do throws(HTTPError) { try take(bytes, now) } catch {
                failed(LinkFailure(error), now, again: Self.mayPass(error))
                return false
            }
        }
        if fetch != nil, canRead, now >= answerDue {
            throw LinkFailure(code: "http-timeout", text: "the update server is silent, or slower than a chunk in \(Self.chunkMilliseconds / 1000) s")
        }
        return reads == Self.readsATurn
    }

    private mutating func take(_ bytes: [UInt8], _ now: UInt64) throws(HTTPError) {
        var offset = 0
        while fetch != nil, let event = try fetch!.reader.next(bytes.span.bytes, offset: &offset) {
            switch event {
            case .head(let head):
                fetch!.hasHead = true
                answerDue = now + Self.chunkMilliseconds
                if let value = head.tag { tag = (fetch!.path, value) }
            case .body(let range):
                chunk.append(contentsOf: bytes[range])
                if chunk.count == MessageLimit.chunk { pass(now) }
            case .end(let reusable):
                // What follows the end without having been asked for would be somebody else's.
                guard offset == bytes.count else { throw .excess }
                if !chunk.isEmpty { pass(now) }
                finish(reusable: reusable, now)
            }
        }
    }

    private mutating func pass(_ now: UInt64) {
        messages.append(.chunk(offset: fetch!.offset, chunk))
        fetch!.offset += UInt64(chunk.count)
        chunk = []
        credits -= 1
        answerDue = now + Self.chunkMilliseconds
    }

    private mutating func finish(reusable: Bool, _ now: UInt64) {
        let isWhole = fetch!.offset == fetch!.range.upperBound
        fetch = nil
        backoff.up(nowMilliseconds: now)
        pauseUntil = now
        if !reusable { connection.close() }
        messages.append(isWhole ? .fetched : .failed(
            code: "http-file-too-short", text: "the file at the update server ends before the range does", again: false))
    }

    // MARK: failures

    private static func mayPass(_ error: HTTPError) -> Bool {
        switch error {
        case .status(let status): status >= 500 || status == 408 || status == 429
        case .changed, .truncated: true
        default: false
        }
    }

    private mutating func failed(_ failure: LinkFailure, _ now: UInt64, again: Bool) {
        let wasReused = fetch?.isReused == true && fetch?.hasHead == false
        connection.close()
        chunk = []
        guard wasReused, again else { return give(up: failure, again: again, now) }
        fetch!.isReused = false
        fetch!.requestOffset = 0
        fetch!.reader = ResponseReader(to: fetch!.request)
        pauseUntil = now
    }

    private mutating func give(up failure: LinkFailure, again: Bool, _ now: UInt64) {
        fetch = nil
        chunk = []
        tag = nil
        pauseUntil = now + backoff.down(nowMilliseconds: now, random: randomNumber())
        messages.append(.failed(code: failure.code, text: failure.text, again: again))
    }
}
