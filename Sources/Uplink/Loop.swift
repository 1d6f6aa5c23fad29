// The event loop: one thread, six descriptors, the earliest of the deadlines. A failure of a channel
// to another role ends the process; a failure of a connection only ends the connection.
import Authority
import Backoff
import Board
import Bytes
import Confine
import DHCP
import System

struct Loop: ~Copyable {
    static let checkInMilliseconds: UInt64 = 1000
    /// Messages taken from one channel, or packets from the packet socket, in one turn.
    static let messagesATurn = 32

    private let supervisor: Int32
    private let installer: Int32
    private let packets: PacketSocket
    private var client: Client?
    private let keeper: KeeperLink
    private var broker: BrokerLink
    private var bundles: BundleLink
    private let declaredNameServers: [SocketAddress]
    private var nameServers: [SocketAddress]
    private var sender = Sender()
    private var buffer = [UInt8](repeating: 0, count: Channel.packetMaximum)
    private var wait = WaitSet()
    private var checkInDue: UInt64 = 0
    private var hasMore = false
    private(set) var wakeUps: UInt64 = 0

    private enum Entry {
        static let supervisor = 0, keeper = 1, installer = 2, packets = 3, broker = 4, bundles = 5
    }

    /// - Parameter packetSocket: where DHCP is spoken.
    init(
        _ commissioning: Commissioning, supervisor: Int32, keeper: Int32, installer: Int32, packetSocket: Int32?,
        hardwareAddress: [UInt8], backoff: Backoff = Backoff()
    ) {
        self.supervisor = supervisor
        self.installer = installer
        let link = KeeperLink(keeper)
        self.keeper = link
        broker = BrokerLink(commissioning, link, backoff)
        bundles = BundleLink(commissioning, link)
        if let packetSocket, hardwareAddress.count == 6 {
            packets = PacketSocket(Descriptor(owning: packetSocket))
            client = Client(hardwareAddress: hardwareAddress)
        } else {
            packets = PacketSocket(Descriptor(owning: -1))
        }
        declaredNameServers = commissioning.nameServers.map { SocketAddress(address: $0.address, port: $0.port)! }
        nameServers = declaredNameServers
        for _ in 0...Entry.bundles { wait.add(-1) }
    }

    /// Waits for something to happen, and deals with it.
    mutating func turn() throws(LinkFailure) {
        try listenIn()
        let now = monotonicMilliseconds()
        wakeUps += 1
        if now >= checkInDue {
            checkInDue = now + Self.checkInMilliseconds
            tell(.checkIn)
        }
        if wait.isReadable(Entry.supervisor) { try hearSupervisor(now) }
        try configure(now)
        try hearKeeper(now)
        try hearInstaller(now)
        hasMore = broker.step(now, nameServers: nameServers, ready: wait.isReadable(Entry.broker) || wait.isWritable(Entry.broker))
        try keeper.flush()
        for note in broker.takeNotes() { report(note) }
        let more = bundles.step(now, nameServers: nameServers, ready: wait.isReadable(Entry.bundles) || wait.isWritable(Entry.bundles))
        hasMore = more || hasMore
        try tellInstaller()
    }

    /// Waits (poll(2)); nothing here ever listens for strangers.
    private mutating func listenIn() throws(LinkFailure) {
        let now = monotonicMilliseconds()
        wait.set(Entry.supervisor, supervisor)
        wait.set(Entry.keeper, keeper.channel, read: broker.takesRecords, write: keeper.hasOutput)
        wait.set(Entry.installer, installer, read: true, write: bundles.hasBlockedMessage)
        wait.set(Entry.packets, packets.descriptor.raw)
        wait.set(Entry.broker, broker.descriptor, read: broker.wantsRead, write: broker.wantsWrite)
        wait.set(Entry.bundles, bundles.descriptor, read: bundles.wantsRead, write: bundles.wantsWrite)
        var due = min(checkInDue, min(broker.deadlineMilliseconds, bundles.deadlineMilliseconds))
        if let client { due = min(due, client.deadlineMilliseconds) }
        let timeout = hasMore || due <= now ? 0 : Int(min(due - now, Self.checkInMilliseconds))
        do throws(SystemError) { try wait.wait(timeoutMilliseconds: timeout) } catch { throw LinkFailure(error) }
    }

    // MARK: supervisor

    /// What the supervisor does not read is lost to it; it sees that by the missing check-ins.
    private mutating func tell(_ message: RoleMessage) {
        do throws(SystemError) { _ = try sender.send(message, on: supervisor) } catch {}
    }

    private mutating func report(_ note: Note) {
        switch note {
        case .connected(let stands): tell(.connected(stands))
        case .event(let code, let text): tell(.event(code: code, text: text))
        }
    }

    private mutating func hearSupervisor(_ now: UInt64) throws(LinkFailure) {
        for _ in 0..<Self.messagesATurn {
            guard let message: SupervisorMessage = try receive(supervisor, "supervisor") else { return }
            switch message {
            case .networkReady:
                broker.networkIsReady(now)
                bundles.networkIsReady()
            // That one is back is heard from itself; its first words may be here before this.
            case .peer(.keeper, alive: false): broker.keeperIsGone(now)
            case .peer(.installer, alive: false): bundles.installerIsGone()
            default: break
            }
        }
    }

    /// The next message of a channel; nil when none is there. A peer that says what it may not ends this
    /// process, and the supervisor sorts it out.
    private mutating func receive<M: Message>(_ channel: Int32, _ name: String) throws(LinkFailure) -> M? {
        let count: Int
        do throws(SystemError) {
            guard let received = try receivePacket(into: &buffer, on: channel) else { return nil }
            count = received
        } catch { throw LinkFailure(error) }
        guard count > 0 else { throw LinkFailure(code: "uplink-channel-ended", text: "the channel to the \(name) has ended") }
        do throws(CBORError) { return try decode(M.self, buffer.span.bytes.extracting(0..<count)) } catch {
            throw LinkFailure(code: "uplink-message-malformed", text: "the \(name) sent a message that is not in the table")
        }
    }

    // MARK: address

    private mutating func configure(_ now: UInt64) throws(LinkFailure) {
        guard client != nil else { return }
        var outputs = client!.start(nowMilliseconds: now, random: randomNumber())
        do throws(SystemError) {
            if wait.isReadable(Entry.packets) {
                for _ in 0..<Self.messagesATurn {
                    let packet = try packets.receive()
                    if packet.isEmpty { break }
                    outputs += client!.receive(packet.span.bytes, nowMilliseconds: now, random: randomNumber())
                }
            }
        } catch { return tell(.event(code: "dhcp-socket-failed", text: error.text)) }
        outputs += client!.tick(nowMilliseconds: now, random: randomNumber())
        for output in outputs { apply(output, now) }
    }

    private mutating func apply(_ output: Client.Output, _ now: UInt64) {
        switch output {
        case .send(let packet):
            // A packet that the link does not take now is as good as lost on it: it is sent again.
            do throws(SystemError) { try packets.broadcast(packet.span.bytes) } catch {}
        case .lease(let lease):
            if declaredNameServers.isEmpty { nameServers = lease.nameServers.map { SocketAddress(address: $0.bytes, port: 53)! } }
            tell(.event(code: "dhcp-lease", text: "\(lease.address.text)/\(lease.prefixLength) by \(lease.server.text)"))
            tell(.lease(address: lease.address.bytes, prefixLength: UInt8(lease.prefixLength), router: lease.router?.bytes ?? [0, 0, 0, 0]))
        case .lost:
            tell(.leaseLost)
            tell(.event(code: "dhcp-lease-lost", text: "the lease ended and nobody renewed it"))
            broker.networkIsLost(now)
            bundles.networkIsLost()
        }
    }

    // MARK: keeper and installer

    private mutating func hearKeeper(_ now: UInt64) throws(LinkFailure) {
        for _ in 0..<Self.messagesATurn {
            guard broker.takesRecords, let message = try keeper.next() else { return }
            broker.take(message, now)
        }
    }

    private mutating func hearInstaller(_ now: UInt64) throws(LinkFailure) {
        guard wait.isReadable(Entry.installer) else { return }
        for _ in 0..<Self.messagesATurn {
            guard let message: InstallerToUplink = try receive(installer, "installer") else { return }
            bundles.take(message, now)
        }
    }

    private mutating func tellInstaller() throws(LinkFailure) {
        while let message = bundles.nextMessage {
            let isSent: Bool
            do throws(SystemError) { isSent = try sender.send(message, on: installer) } catch { throw LinkFailure(error) }
            guard isSent else { return bundles.isBlocked() }
            bundles.messageIsSent()
        }
    }
}

/// Something that the supervisor is to know.
enum Note: Equatable {
    case connected(Bool)
    case event(code: String, text: String)
}
