// Duty: the role that writes the inactive slot: takes the order, fetches through the uplink, installs.
// Trust: runs confined, with the slot's partition, the running slot's to read, and two channels; what comes from the uplink is
// anybody's. Must never write before the supervisor has marked the slot, nor outlive its order.

import Authority
import Board
import Bytes
import Confine
import Release
import Signed
import System

/// The grants of the installer in the authority table, in their order.
private enum GrantIndex {
    static let uplink = 1, slot = 2, boot = 3, runningSlot = 4, runningBoot = 5
}

/// Runs the installer in this process, which the supervisor has started for it, until its order is done.
public func runInstaller(descriptorCount: Int) -> Never {
    let start = RoleStart(.installer, descriptorCount: descriptorCount)
    do throws(InstallerFailure) {
        let slot = try openSlot(start)
        let session = InstallSession(path: try order(start).path, installation: try installation(start, slot.layout, slot.runningSlot))
        var role = InstallerRole(start, slot: slot, session: session)
        try role.run()
    } catch { RoleStart.end(.installer, error.text) }
    exitProcess(0)
}

/// What ends the role without a word to the supervisor, who sees its end.
struct InstallerFailure: Error {
    let text: String
}

private func openSlot(_ start: borrowing RoleStart) throws(InstallerFailure) -> InstallerStore<BlockStore> {
    do throws(SystemError) {
        let inactive = SlotStore(
            try BlockStore(Descriptor(owning: start.descriptor(GrantIndex.slot))),
            boot: try BlockStore(Descriptor(owning: start.descriptor(GrantIndex.boot))))
        let running = SlotStore(
            try BlockStore(Descriptor(owning: start.descriptor(GrantIndex.runningSlot))),
            boot: try BlockStore(Descriptor(owning: start.descriptor(GrantIndex.runningBoot))))
        return InstallerStore(inactive, running: running)
    } catch { throw InstallerFailure(text: error.text) }
}

private func order(_ start: borrowing RoleStart) throws(InstallerFailure) -> InstallOrder {
    let document = start.document(.installOrder)
    do throws(CBORError) {
        return try decode(InstallOrder.self, document.span.bytes)
    } catch { throw InstallerFailure(text: "order: \(error.text)") }
}

private func installation(_ start: borrowing RoleStart, _ layout: SlotLayout?, _ running: RunningSlot?) throws(InstallerFailure) -> Installation {
    let keySet = start.document(.keySet), boardFile = start.document(.board)
    let keys: KeySet, board: BoardDescription
    do throws(PayloadError) { keys = try KeySet(decoding: keySet.span.bytes) } catch { throw InstallerFailure(text: error.text) }
    do throws(BoardError) {
        board = try BoardDescription(decoding: boardFile.span.bytes)
    } catch { throw InstallerFailure(text: error.text) }
    guard let layout else { throw InstallerFailure(text: "the slot's partition is too small to be one") }
    let order = try order(start)
    return Installation(
        terms: InstallTerms(
            keys: keys, board: board.name, hardwareRevision: board.hardwareRevision, floor: order.floor, downloadMaximumBytes: order.downloadMaximumBytes),
        slot: layout, running: running)
}

/// The shell: packets and time in, packets out.
struct InstallerRole: ~Copyable {
    private static let checkInMilliseconds: UInt64 = 1000
    /// How long a full queue of a peer is waited for.
    private static let sendMilliseconds = 5000
    /// Packets taken from one channel in a turn of the loop.
    private static let burst = 16

    private let supervisor: Int32
    private let uplink: Int32
    private var slot: InstallerStore<BlockStore>
    private var session: InstallSession
    private var sender = Sender()
    private var buffer = [UInt8](repeating: 0, count: Channel.packetMaximum)
    private var checkInAt: UInt64 = 0

    init(_ start: borrowing RoleStart, slot: consuming InstallerStore<BlockStore>, session: InstallSession) {
        supervisor = start.supervisor
        uplink = start.descriptor(GrantIndex.uplink)
        self.slot = slot
        self.session = session
    }

    mutating func run() throws(InstallerFailure) {
        do throws(SystemError) {
            var wait = WaitSet()
            let fromSupervisor = wait.add(supervisor), fromUplink = wait.add(uplink)
            try send(session.begin(now: monotonicMilliseconds(), on: &slot))
            while !session.isOver {
                try checkIn()
                try wait.wait(timeoutMilliseconds: session.hasWork ? 0 : 250)
                if wait.isReadable(fromSupervisor) { try hearSupervisor() }
                if wait.isReadable(fromUplink) { try hearUplink() }
                try send(session.work(now: monotonicMilliseconds(), on: &slot))
                try send(session.tick(now: monotonicMilliseconds(), on: &slot))
            }
        } catch { throw InstallerFailure(text: error.text) }
    }

    private mutating func checkIn() throws(SystemError) {
        let now = monotonicMilliseconds()
        guard now >= checkInAt else { return }
        checkInAt = now + Self.checkInMilliseconds
        try sendSurely(RoleMessage.checkIn, on: supervisor)
    }

    private mutating func hearSupervisor() throws(SystemError) {
        for _ in 0..<Self.burst {
            guard let count = try receivePacket(into: &buffer, on: supervisor) else { return }
            guard count > 0 else { RoleStart.end(.installer, "the supervisor has gone") }
            let message: SupervisorMessage
            do throws(CBORError) {
                message = try decode(SupervisorMessage.self, buffer.span.bytes.extracting(0..<count))
            } catch { RoleStart.end(.installer, "the supervisor sent a malformed message") }
            try send(session.heard(message, now: monotonicMilliseconds(), on: &slot))
        }
    }

    private mutating func hearUplink() throws(SystemError) {
        for _ in 0..<Self.burst where !session.isOver {
            guard let count = try receivePacket(into: &buffer, on: uplink) else { return }
            guard count > 0 else { RoleStart.end(.installer, "the channel to the uplink has gone") }
            let message: UplinkToInstaller
            do throws(CBORError) {
                message = try decode(UplinkToInstaller.self, buffer.span.bytes.extracting(0..<count))
            } catch { RoleStart.end(.installer, "the uplink sent a malformed message") }
            try send(session.heard(message, now: monotonicMilliseconds(), random: randomNumber(), on: &slot))
            try checkIn()
        }
    }

    private mutating func send(_ outputs: [SessionOutput]) throws(SystemError) {
        for output in outputs {
            switch output {
            case .uplink(let message): try sendSurely(message, on: uplink)
            case .supervisor(let message): try sendSurely(message, on: supervisor)
            case .over: return
            }
        }
    }

    /// Waits for a peer whose queue is full, up to a bound; a peer that never reads ends this role.
    private mutating func sendSurely<M: Message>(_ message: M, on channel: Int32) throws(SystemError) {
        if try sender.send(message, on: channel) { return }
        var wait = WaitSet()
        wait.add(channel, read: false, write: true)
        let end = monotonicMilliseconds() + UInt64(Self.sendMilliseconds)
        while monotonicMilliseconds() < end {
            try wait.wait(timeoutMilliseconds: 100)
            if try sender.send(message, on: channel) { return }
        }
        RoleStart.end(.installer, "a peer does not read its messages")
    }
}
