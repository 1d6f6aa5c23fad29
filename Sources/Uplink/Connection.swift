// A connection to one declared server: its name resolved, each of its addresses tried, TLS 1.3 with the
// server's pinned authority and the device's certificate; then bytes both ways. Never blocks, but for
// the signature within the handshake.
import Board
import Bytes
import Cryptography
import DNS
import System

struct Connection: ~Copyable {
    enum State: Equatable { case closed, resolving, connecting, handshaking, open }

    static let connectMilliseconds: UInt64 = 5000
    static let handshakeMilliseconds: UInt64 = 15_000
    /// Datagrams looked at in one turn.
    static let datagramsATurn = 16

    private(set) var state = State.closed
    /// When `step` is next needed, whatever the descriptor says.
    private(set) var deadlineMilliseconds: UInt64 = .max
    private(set) var wantsRead = false
    private(set) var wantsWrite = false
    private let endpoint: Endpoint
    private let certificate: [UInt8]
    private let protocolName: String?
    private let keeper: KeeperLink
    // TLS is let go before the socket that it works on.
    private var tls: TLSClient?
    private var socket = Descriptor(owning: -1)
    private var resolver: Resolver?
    private var nameServers: [SocketAddress] = []
    private var known: [IPAddress] = []
    private var knownUntil: UInt64 = 0
    private var candidates: [SocketAddress] = []
    private var failure = LinkFailure(code: "connect-no-address", text: "no address to connect to")

    init(_ endpoint: Endpoint, certificate: [UInt8], protocolName: String?, keeper: KeeperLink) {
        self.endpoint = endpoint
        self.certificate = certificate
        self.protocolName = protocolName
        self.keeper = keeper
    }

    /// What to wait for; -1 while there is nothing.
    var descriptor: Int32 { state == .closed ? -1 : socket.raw }

    mutating func close() {
        if state == .open { tls?.shutdown() }
        tls = nil
        socket = Descriptor(owning: -1)
        resolver = nil
        candidates = []
        state = .closed
        deadlineMilliseconds = .max
        wantsRead = false
        wantsWrite = false
    }

    /// Begins; `step` goes on.
    mutating func open(nameServers: [SocketAddress], _ now: UInt64) throws(LinkFailure) {
        close()
        self.nameServers = nameServers
        if let address = IPAddress(endpoint.host) { return try connect([address], now) }
        if now < knownUntil { return try connect(known, now) }
        do throws(DNSError) {
            resolver = try Resolver(name: endpoint.host, serverCount: nameServers.count)
        } catch { throw LinkFailure(error) }
        state = .resolving
        try follow(resolver!.next(nowMilliseconds: now, random: randomNumber()), now)
    }

    /// Goes on as far as it comes. `ready`: the descriptor is.
    mutating func step(ready: Bool, _ now: UInt64) throws(LinkFailure) {
        switch state {
        case .closed, .open: break
        case .resolving: try resolve(ready: ready, now)
        case .connecting:
            if ready {
                guard let error = connectionError(socket) else { return try startTLS(now) }
                failure = LinkFailure(error)
                try connectNext(now)
            } else if now >= deadlineMilliseconds {
                failure = LinkFailure(code: "connect-timeout", text: "no answer from \(endpoint.host) port \(endpoint.port) within \(Self.connectMilliseconds) ms")
                try connectNext(now)
            }
        case .handshaking:
            if ready { try handshake() }
            if state == .handshaking, now >= deadlineMilliseconds {
                throw LinkFailure(code: "handshake-timeout", text: "\(endpoint.host) did not finish the TLS handshake within \(Self.handshakeMilliseconds) ms")
            }
        }
    }

    // MARK: names

    private mutating func resolve(ready: Bool, _ now: UInt64) throws(LinkFailure) {
        var datagrams = ready ? Self.datagramsATurn : 0
        while datagrams > 0, state == .resolving {
            datagrams -= 1
            let step: Resolver.Step
            do throws(SystemError) {
                let datagram = try socket.read(maximum: DNS.Limit.datagramBytes)
                step = resolver!.receive(datagram.span.bytes, nowMilliseconds: now, random: randomNumber())
            } catch {
                if error.wouldBlock { break }
                // Nobody is there (ICMP): the next server.
                step = resolver!.next(nowMilliseconds: now, random: randomNumber())
            }
            try follow(step, now)
        }
        if state == .resolving { try follow(resolver!.tick(nowMilliseconds: now, random: randomNumber()), now) }
    }

    private mutating func follow(_ first: Resolver.Step, _ now: UInt64) throws(LinkFailure) {
        var step = first
        // Ends: the resolver asks each server so many times.
        while true {
            switch step {
            case .wait:
                deadlineMilliseconds = resolver!.deadlineMilliseconds
                return
            case .ask(let server, let datagrams):
                do throws(SystemError) {
                    socket = try connectDatagram(nameServers[server])
                    for datagram in datagrams { _ = try socket.write(datagram.span.bytes) }
                    wantsRead = true
                    step = .wait
                } catch {
                    step = resolver!.next(nowMilliseconds: now, random: randomNumber())
                }
            case .resolved(let addresses, let seconds):
                known = addresses
                knownUntil = now + UInt64(seconds) * 1000
                return try connect(addresses, now)
            case .failed(let error): throw LinkFailure(error)
            }
        }
    }

    // MARK: TCP and TLS

    private mutating func connect(_ addresses: [IPAddress], _ now: UInt64) throws(LinkFailure) {
        resolver = nil
        candidates = addresses.map { SocketAddress(address: $0.bytes, port: endpoint.port)! }
        try connectNext(now)
    }

    private mutating func connectNext(_ now: UInt64) throws(LinkFailure) {
        while !candidates.isEmpty {
            let candidate = candidates.removeFirst()
            do throws(SystemError) {
                socket = try connectStream(candidate)
                state = .connecting
                wantsRead = false
                wantsWrite = true
                deadlineMilliseconds = now + Self.connectMilliseconds
                return
            } catch { failure = LinkFailure(error) }
        }
        // The addresses may have changed: ask again next time.
        knownUntil = 0
        throw failure
    }

    private mutating func startTLS(_ now: UInt64) throws(LinkFailure) {
        let keeper = self.keeper
        let configuration = TLSClient.Configuration(
            authorities: endpoint.authority, serverName: endpoint.host, certificateChain: [certificate],
            timeSeconds: Int64(wallSeconds()), applicationProtocol: protocolName)
        do throws(TLSError) {
            tls = try TLSClient(configuration, descriptor: socket.raw) { keeper.sign($0) }
        } catch { throw LinkFailure(error) }
        state = .handshaking
        deadlineMilliseconds = now + Self.handshakeMilliseconds
        try handshake()
    }

    private mutating func handshake() throws(LinkFailure) {
        do throws(TLSError) {
            switch try tls!.handshake() {
            case .done:
                state = .open
                deadlineMilliseconds = .max
                (wantsRead, wantsWrite) = (true, false)
            case .wantRead: (wantsRead, wantsWrite) = (true, false)
            case .wantWrite: (wantsRead, wantsWrite) = (false, true)
            }
        } catch { throw LinkFailure(error) }
    }

    // MARK: bytes

    /// What has arrived; nil if nothing has.
    mutating func read(maximum: Int) throws(LinkFailure) -> [UInt8]? {
        do throws(TLSError) {
            switch try tls!.read(maximum: maximum) {
            case .bytes(let bytes): return bytes
            case .wantRead, .wantWrite: return nil
            case .closed: throw .connectionCut
            }
        } catch { throw LinkFailure(error) }
    }

    /// The count of bytes taken, from `offset` on.
    mutating func write(_ bytes: [UInt8], from offset: Int) throws(LinkFailure) -> Int {
        do throws(TLSError) {
            switch try tls!.write(bytes.span.bytes.extracting(offset..<bytes.count)) {
            case .count(let count): return count
            case .wantRead, .wantWrite: return 0
            }
        } catch { throw LinkFailure(error) }
    }
}
