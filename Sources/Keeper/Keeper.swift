// Duty: believes or refuses. Verifies every object that came from outside, passes admitted orders to the
// controller and a newer calibration to the supervisor, writes the journal, and hands its records to the uplink until the broker has them.
// Holds the TPM: one signature for each TLS handshake.
// Trust: objects are anybody's; uplink and controller may be compromised. Must never act on what it
// has not verified itself, tell the controller anything but orders, or let a flood cost the board.
import Authority
import Backoff
import Board
import Bytes
import Calibration
import Command
import Confine
import Control
import Cryptography
import Journal
import Release
import Signed
import System
import TPM
import TPMDevice
import Telemetry

/// Records are on the disk after so long at the latest.
private let flushMilliseconds: UInt64 = 1000
/// A request that the controller has not answered by then is reported as refused.
private let answerMilliseconds: UInt64 = 3000

/// Runs the role.
public func runKeeper(descriptorCount: Int) -> Never {
    let start = RoleStart(.keeper, descriptorCount: descriptorCount)
    do throws(KeeperFailure) {
        var keeper = try Keeper(start)
        try keeper.run()
    } catch { RoleStart.end(.keeper, "\(error.step): \(error.text)") }
}

struct KeeperFailure: Error {
    let step: String
    let text: String

    init<E: Coded>(_ step: String, _ error: E) {
        self.step = step
        text = "\(error.code): \(error.text)"
    }

    init(_ step: String, text: String) {
        self.step = step
        self.text = text
    }
}

/// A command that was passed on and has no answer yet.
private struct Pending {
    let id: UInt64
    let word: String
    let issuer: String
    let counter: UInt64
    let object: [UInt8]
    let since: UInt64
}

private struct HeldCalibration {
    let object: [UInt8]
    let digest: [UInt8]
    let version: UInt64
}

extension Action {
    /// What it is called in a receipt.
    fileprivate var word: String {
        switch self {
        case .setpoint: "setpoint"
        case .select: "select"
        case .renew: "renew"
        case .release: "release"
        case .phase: "phase"
        case .bypass: "bypass"
        case .partialStroke: "partial-stroke"
        case .calibration: "calibration"
        case .update: "update"
        case .reboot: "reboot"
        case .kill: "kill"
        case .freeze: "freeze"
        }
    }
}

struct Keeper: ~Copyable {
    private let supervisor: Int32
    private let controller: Int32
    private let uplink: Int32
    private let keys: KeySet
    private let board: BoardDescription
    private var calibration: Calibration
    private var boot: BootReport
    private var admission: Admission
    private var outbox: Outbox
    private var tpm: TPM<TPMDevice>
    private var recorder: Recorder
    private var sender = Sender()
    private var buffer = [UInt8](repeating: 0, count: Channel.packetMaximum)
    private var pending: [Pending] = []
    private static let pendingMaximum = 16
    private var nextID: UInt64 = 1
    /// A calibration that holds and waits for the order that names it; one at a time.
    private var held: HeldCalibration?
    /// The order that a calibration is to take over by.
    private var change: Pending?
    /// Objects from outside that are looked at.
    private var objects = Allowance(burst: 20, perMinute: 300)
    /// Signatures for handshakes: more than any backoff asks for.
    private var signatures = Allowance(burst: 8, perMinute: 30)
    /// Malformed messages that are written down.
    private var malformed = Allowance(burst: 8, perMinute: 6)
    private var journalFailed = false

    init(_ start: borrowing RoleStart) throws(KeeperFailure) {
        supervisor = start.supervisor
        controller = start.descriptor(1)
        uplink = start.descriptor(2)
        let keySet = start.document(.keySet)
        let boardBytes = start.document(.board)
        let commissioningBytes = start.document(.commissioning)
        let calibrationBytes = start.document(.calibration)
        let reportBytes = start.document(.bootReport)
        let keys = try Self.step("key set") { () throws(PayloadError) in try KeySet(decoding: keySet.span.bytes) }
        let board = try Self.step("board") { () throws(BoardError) in try BoardDescription(decoding: boardBytes.span.bytes) }
        let commissioning = try Self.step("commissioning") { () throws(SignedError) in
            try verify(commissioningBytes.span.bytes, as: Commissioning.self, with: keys)
        }
        let calibration = try Self.step("calibration") { () throws(SignedError) in
            try verify(calibrationBytes.span.bytes, as: Calibration.self, with: keys)
        }
        let boot: BootReport
        do throws(CBORError) { boot = try BootReport(decoding: reportBytes.span.bytes) } catch {
            throw KeeperFailure("boot report", text: error.text)
        }
        let journal = start.descriptor(4)
        outbox = try Self.step("journal") { () throws(JournalError) in try Outbox(partition: journal, bootCount: boot.bootCount) }
        self.boot = boot
        self.keys = keys
        self.board = board
        self.calibration = calibration.payload
        let challenge = randomBytes(Command.challengeBytes)
        admission = Admission(device: commissioning.payload.device, challenge: challenge)
        tpm = TPM(TPMDevice(Descriptor(owning: start.descriptor(3))))
        recorder = Recorder(
            boot: boot, keys: keys, device: commissioning.payload.device, board: board.name, challenge: challenge,
            calibration: calibration.payload, calibrationDigest: calibration.payloadDigest.bytes,
            commissioningDigest: commissioning.payloadDigest.bytes)
    }

    private static func step<T: ~Copyable, E: Error & Coded>(_ name: String, _ body: () throws(E) -> T) throws(KeeperFailure) -> T {
        do throws(E) { return try body() } catch { throw KeeperFailure(name, error) }
    }

    mutating func run() throws(KeeperFailure) -> Never {
        try record(event: "keeper-started", "boot \(boot.bootCount), release \(boot.release)")
        if let damage = outbox.damage { try record(event: "journal-damaged", damage) }
        try tellUplink(.will(recorder.will))
        let ticker = try Self.step("timer") { () throws(SystemError) in try Ticker(periodMilliseconds: UInt64(Calibration.heartbeatMilliseconds)) }
        var wait = WaitSet()
        let tick = wait.add(ticker.descriptor.raw)
        let channels = [wait.add(supervisor), wait.add(controller), wait.add(uplink)]
        var flushedAt = monotonicMilliseconds()
        while true {
            do throws(SystemError) { try wait.wait(timeoutMilliseconds: 1000) } catch { throw KeeperFailure("poll", error) }
            if wait.isReadable(channels[0]) { try hearSupervisor() }
            if wait.isReadable(channels[1]) { try hearController() }
            if wait.isReadable(channels[2]) { try hearUplink() }
            let now = monotonicMilliseconds()
            if wait.isReadable(tick), ticker.expirations() > 0 {
                _ = try send(KeeperToController.heartbeat, controller)
                _ = try send(RoleMessage.checkIn, supervisor)
                try refuseUnanswered(now)
            }
            if now - flushedAt >= flushMilliseconds {
                flushedAt = now
                keepGoing { (outbox) throws(JournalError) in try outbox.flush() }
            }
            try forward()
        }
    }

    // MARK: channels

    private mutating func send<M: Message>(_ message: M, _ channel: Int32) throws(KeeperFailure) -> Bool {
        do throws(SystemError) { return try sender.send(message, on: channel) } catch { throw KeeperFailure("channel", error) }
    }

    private mutating func tellUplink(_ message: KeeperToUplink) throws(KeeperFailure) {
        guard try send(message, uplink) else { return log("keeper: the uplink does not read its messages") }
    }

    /// The next message of a channel; nil when none is left. A malformed one is passed over and written
    /// down: each carries no more than a record's worth of harm.
    private mutating func next<M: Message>(_ type: M.Type, _ channel: Int32, _ name: String) throws(KeeperFailure) -> M? {
        for _ in 0..<32 {
            let count: Int
            do throws(SystemError) {
                guard let received = try receivePacket(into: &buffer, on: channel), received > 0 else { return nil }
                count = received
            } catch { throw KeeperFailure("channel", error) }
            do throws(CBORError) { return try decode(type, buffer.span.bytes.extracting(0..<count)) } catch {
                if case .granted = malformed.take(now: monotonicMilliseconds()) { try record(event: "message-refused", "\(name): \(error.text)") }
            }
        }
        return nil
    }

    private mutating func hearSupervisor() throws(KeeperFailure) {
        for _ in 0..<32 {
            guard let message = try next(SupervisorMessage.self, supervisor, "supervisor") else { return }
            switch message {
            case .event(let code, let text): try record(event: code, text)
            case .peer(.uplink, let alive):
                outbox.sessionEnded()
                if alive { try tellUplink(.will(recorder.will)) }
            case .restarting: keepGoing { (outbox) throws(JournalError) in try outbox.settle() }
            case .peer(.controller, alive: false): try refuseAll(code: "controller-gone", text: "the controller ended before it answered")
            case .document(.bootReport, let bytes): do throws(CBORError) { boot = try BootReport(decoding: bytes.span.bytes) } catch {}
            case .document(.calibration, let object): try takeOver(object)
            case .findContentKey(let keys): try findContentKey(keys)
            case .calibrationRefused(let code, let text): try changed(.refused, code, text)
            default: break
            }
        }
    }

    private mutating func hearController() throws(KeeperFailure) {
        for _ in 0..<256 {
            guard let message = try next(ControllerToKeeper.self, controller, "controller") else { return }
            switch message {
            case .point(let index, let value, let quality): recorder.take(index, value, quality)
            case .sampled(let time):
                if let samples = recorder.due(now: time) { try append(.sample, .data) { $0.data($1, samples) } }
                if let states = recorder.dueStates(now: time) { try append(.sample, .state) { $0.state($1, states) } }
            case .event(let code, let index, let value):
                let words = recorder.words(code, index, value)
                try append(.alarm, .event) { $0.event($1, code: words.code, text: words.text, point: index, value: value) }
            case .actuator(let index, let mode, let issuers, let firstOut, let fault):
                recorder.take(actuator: index, mode: mode, issuers: issuers, firstOut: firstOut, fault: fault)
            case .standing(let phase, let bypasses): recorder.takeStanding(phase: phase, bypasses: bypasses)
            case .outcome(let id, let code): try answered(id, code)
            }
        }
    }

    private mutating func hearUplink() throws(KeeperFailure) {
        for _ in 0..<32 {
            guard let message = try next(UplinkToKeeper.self, uplink, "uplink") else { return }
            switch message {
            case .session(let stands):
                outbox.sessionEnded()
                // The next session's death carries the next session's number.
                guard stands else {
                    try tellUplink(.will(recorder.will))
                    continue
                }
                outbox.sessionBegan()
                recorder.sessionBegan()
                try tellBirth()
            case .delivered(let sequence): outbox.confirm(sequence)
            case .object(let bytes): try take(bytes)
            case .sign(let digest): try sign(digest)
            }
        }
    }

    private mutating func tellBirth() throws(KeeperFailure) {
        let stamp = Stamp(sequence: outbox.nextSequence, bootCount: boot.bootCount, monotonicMilliseconds: monotonicMilliseconds())
        try tellUplink(.record(sequence: 0, topic: .birth, payload: recorder.birth(stamp, oldest: outbox.oldestSequence)))
    }

    /// As many records as the window allows.
    private mutating func forward() throws(KeeperFailure) {
        for _ in 0..<Outbox.window {
            guard let record = outbox.next() else { return }
            guard try send(KeeperToUplink.record(sequence: record.sequence, topic: record.topic, payload: record.payload), uplink) else {
                return outbox.putBack()
            }
        }
    }

    // MARK: records

    private mutating func record(event code: String, _ text: String) throws(KeeperFailure) {
        try append(.audit, .event) { $0.event($1, code: code, text: text, point: nil, value: nil) }
    }

    private mutating func append(_ kind: RecordClass, _ topic: Topic, _ make: (borrowing Recorder, Stamp) -> [UInt8]) throws(KeeperFailure) {
        let stamp = Stamp(sequence: outbox.nextSequence, bootCount: boot.bootCount, monotonicMilliseconds: monotonicMilliseconds())
        let payload = make(recorder, stamp)
        keepGoing { (outbox) throws(JournalError) in
            try outbox.append(kind, topic, payload, monotonicMilliseconds: stamp.monotonicMilliseconds)
            // What people wait for is certain, and on its way, at once.
            if kind != .sample { try outbox.flush() }
        }
    }

    /// A journal whose medium fails must not take local control with it: said once, and on without it.
    private mutating func keepGoing(_ work: (inout Outbox) throws(JournalError) -> Void) {
        do throws(JournalError) {
            try work(&outbox)
            journalFailed = false
        } catch {
            if !journalFailed { log("keeper: \(error.code): \(error.text); records are lost until it works again") }
            journalFailed = true
        }
    }

    private mutating func receipt(
        _ object: [UInt8], _ outcome: Receipt.Outcome, issuer: String?, counter: UInt64?, code: String, text: String
    ) throws(KeeperFailure) {
        log("keeper: order \(outcome == .refused ? "refused" : outcome == .done ? "done" : "accepted"): \(code): \(text)")
        try append(.audit, .receipt) { $0.receipt($1, object, outcome, issuer: issuer, counter: counter, code: code, text: text) }
    }

    // MARK: objects from outside

    /// Verifies, admits, and carries out or passes on. Nothing is done before the last check.
    private mutating func take(_ bytes: [UInt8]) throws(KeeperFailure) {
        let now = monotonicMilliseconds()
        switch objects.take(now: now) {
        case .granted: break
        case .firstRefusal: return try record(event: "commands-too-many", "more than \(objects.perMinute) objects a minute; the rest is dropped unread")
        case .refused: return
        }
        let object = SHA256.hash(bytes).bytes
        let purpose = Self.purpose(of: bytes)
        if purpose == .calibration { return try hold(bytes, object) }
        if purpose == .keySet { return try succeed(bytes, object) }
        let command: Verified<Command>
        do throws(SignedError) { command = try verify(bytes.span.bytes, as: Command.self, with: keys) } catch {
            return try receipt(object, .refused, issuer: nil, counter: nil, code: error.code, text: error.text)
        }
        let issuer = signers(command.signers)
        let counter = command.payload.counter
        do throws(AdmissionRefusal) { try admission.admit(command, nowMilliseconds: now) } catch {
            return try receipt(object, .refused, issuer: issuer, counter: counter, code: error.code, text: error.text)
        }
        switch command.payload.action {
        case .setpoint, .select, .renew, .release, .phase, .bypass, .partialStroke:
            let entry = Pending(id: nextID, word: command.payload.action.word, issuer: issuer, counter: counter, object: object, since: now)
            try request(command.payload.action, issuers: keys.issuers(of: command), entry)
        case .calibration(let digest):
            try order(digest, Pending(id: 0, word: "calibration", issuer: issuer, counter: counter, object: object, since: now))
        case .update(let bundle, let maximum):
            try accept(.update(path: bundle, downloadMaximumBytes: maximum), object, issuer, counter, "update to \(bundle)")
        case .reboot:
            try accept(.reboot, object, issuer, counter, "reboot")
        case .kill(let role): try inject(.kill, role, object, issuer, counter)
        case .freeze(let role): try inject(.freeze, role, object, issuer, counter)
        }
    }

    /// What an object says it is; nil if it is no object.
    private static func purpose(of bytes: [UInt8]) -> Purpose? {
        do throws(SignedError) { return Purpose(contentType: try SignedObject(bytes.span.bytes).contentType) } catch { return nil }
    }

    private mutating func accept(_ message: RoleMessage, _ object: [UInt8], _ issuer: String, _ counter: UInt64, _ text: String) throws(KeeperFailure) {
        try receipt(object, .accepted, issuer: issuer, counter: counter, code: "accepted", text: text)
        _ = try send(message, supervisor)
    }

    private mutating func inject(_ fault: InjectedFault, _ role: Role, _ object: [UInt8], _ issuer: String, _ counter: UInt64) throws(KeeperFailure) {
        guard board.testAccess, let name = RoleName(rawValue: role.rawValue) else {
            return try receipt(object, .refused, issuer: issuer, counter: counter, code: "test-access-absent", text: "this board's file allows no test access")
        }
        try accept(.inject(fault, name), object, issuer, counter, "\(fault == .kill ? "kill" : "freeze") \(name.name)")
    }

    /// Asks the controller, who decides: limits, leases, approvals, local before remote.
    private mutating func request(_ action: Action, issuers: UInt32, _ entry: Pending) throws(KeeperFailure) {
        let order: Order?
        do throws(UnknownName) { order = try recorder.order(action) } catch {
            return try refuse(entry, error.reason.code, error.reason.advice)
        }
        guard let order else { return }
        guard pending.count < Self.pendingMaximum else {
            return try refuse(entry, Reason.tooMany.code, "\(Self.pendingMaximum) orders wait for the controller already")
        }
        nextID += 1
        pending.append(entry)
        guard try send(KeeperToController.request(id: entry.id, order, issuers: issuers), controller) else {
            return try answered(entry.id, UInt16(Reason.tooMany.rawValue))
        }
    }

    private mutating func refuse(_ entry: Pending, _ code: String, _ text: String) throws(KeeperFailure) {
        try receipt(entry.object, .refused, issuer: entry.issuer, counter: entry.counter, code: code, text: "\(entry.word): \(text)")
    }

    private mutating func answered(_ id: UInt64, _ code: UInt16) throws(KeeperFailure) {
        guard let index = pending.firstIndex(where: { $0.id == id }) else { return }
        let entry = pending.remove(at: index)
        guard code != 0 else {
            return try receipt(entry.object, .accepted, issuer: entry.issuer, counter: entry.counter, code: "accepted", text: "\(entry.word) taken")
        }
        let reason = Reason(rawValue: UInt8(truncatingIfNeeded: code)) ?? .none
        try refuse(entry, reason == .none ? "unknown-reason" : reason.code, reason.advice)
    }

    private mutating func refuseUnanswered(_ now: UInt64) throws(KeeperFailure) {
        while let first = pending.first, now - first.since > answerMilliseconds {
            pending.removeFirst()
            try refuse(first, "controller-silent", "the controller did not answer")
        }
    }

    private mutating func refuseAll(code: String, text: String) throws(KeeperFailure) {
        let waiting = pending
        pending = []
        for entry in waiting { try refuse(entry, code, text) }
    }

    // MARK: key sets

    /// A signed key set came. Its signatures, by the old keys and by the new ones, are all the order there is.
    private mutating func succeed(_ bytes: [UInt8], _ object: [UInt8]) throws(KeeperFailure) {
        let next: Verified<KeySet>
        do throws(SignedError) { next = try verifySuccessor(bytes.span.bytes, of: keys) } catch {
            return try receipt(object, .refused, issuer: nil, counter: nil, code: error.code, text: error.text)
        }
        guard try send(RoleMessage.keySet(bytes), supervisor) else {
            return try receipt(object, .refused, issuer: signers(next.signers), counter: nil, code: "supervisor-busy", text: "send it again later")
        }
        try receipt(object, .accepted, issuer: signers(next.signers), counter: nil, code: "key-set-passed-on", text: "version \(next.payload.version) is in force once the event key-set-in-force says so")
    }

    // MARK: calibrations

    /// A signed calibration came. It is for every board of its kind, so that it came says nothing: it waits
    /// for an order to this device that names it.
    private mutating func hold(_ bytes: [UInt8], _ object: [UInt8]) throws(KeeperFailure) {
        let found: Verified<Calibration>
        do throws(SignedError) { found = try verify(bytes.span.bytes, as: Calibration.self, with: keys) } catch {
            return try receipt(object, .refused, issuer: nil, counter: nil, code: error.code, text: error.text)
        }
        let issuer = signers(found.signers)
        let version = found.payload.version
        guard found.payload.board == board.name else {
            return try receipt(object, .refused, issuer: issuer, counter: nil, code: "calibration-other-board", text: "it is for board '\(found.payload.board)'")
        }
        guard version > calibration.version else {
            return try receipt(object, .refused, issuer: issuer, counter: nil, code: "calibration-rollback", text: "version \(version) is not above \(calibration.version), which is in force")
        }
        held = HeldCalibration(object: bytes, digest: found.payloadDigest.bytes, version: version)
        try receipt(object, .accepted, issuer: issuer, counter: nil, code: "calibration-held", text: "version \(version) holds, and waits for an order to this device that names it: command make calibration FILE")
    }

    private mutating func order(_ digest: [UInt8], _ entry: Pending) throws(KeeperFailure) {
        guard let held, held.digest == digest else {
            return try refuse(entry, "calibration-unknown", "no calibration with this digest is here: send the signed file first")
        }
        try changed(.refused, "calibration-replaced", "another order came before it took over")
        guard try send(RoleMessage.calibration(held.object), supervisor) else {
            return try refuse(entry, Reason.tooMany.code, "the supervisor is busy: send it again")
        }
        change = entry
        try receipt(entry.object, .accepted, issuer: entry.issuer, counter: entry.counter, code: "accepted", text: "calibration version \(held.version) takes over as soon as nothing moves by it; it is forgotten if the board restarts before")
    }

    /// What became of the order, if one waits.
    private mutating func changed(_ outcome: Receipt.Outcome, _ code: String, _ text: String) throws(KeeperFailure) {
        guard let entry = change else { return }
        change = nil
        try receipt(entry.object, outcome, issuer: entry.issuer, counter: entry.counter, code: code, text: "calibration: \(text)")
    }

    /// The controller acts by another calibration: what is reported from now on is of that one.
    private mutating func takeOver(_ object: [UInt8]) throws(KeeperFailure) {
        let found = try Self.step("calibration") { () throws(SignedError) in try verify(object.span.bytes, as: Calibration.self, with: keys) }
        calibration = found.payload
        held = nil
        recorder.change(to: found.payload, digest: found.payloadDigest.bytes, boot: boot)
        try changed(.done, "done", "version \(found.payload.version) is in force")
        if outbox.inSession { try tellBirth() }
    }

    // MARK: the device's keys

    /// The installer has the keys of an encrypted bundle: the one for this device's decryption key, which the
    /// TPM makes anew from its seed. An empty answer says that there is none.
    private mutating func findContentKey(_ bytes: [UInt8]) throws(KeeperFailure) {
        var found: [UInt8] = []
        defer { wipe(&found) }
        var failure: (code: String, text: String)?
        do throws(BundleKeysError) {
            let keys = try BundleKeys(decoding: bytes.span.bytes)
            var result = Result<[UInt8], BundleKeysError>.failure(.noRecipient)
            do throws(TPMError) { result = try tpm.contentKey(of: keys) } catch { failure = (error.code, error.text) }
            if failure == nil { found = try result.get() }
        } catch { failure = (error.code, error.text) }
        if let failure { try record(event: failure.code, failure.text) }
        _ = try send(RoleMessage.contentKey(found), supervisor)
    }

    /// Signs with the TPM's key, which is made anew from its seed each time and flushed, so that nothing
    /// stays in the TPM. An empty answer tells the uplink that there is none.
    private mutating func sign(_ digest: [UInt8]) throws(KeeperFailure) {
        var signature: [UInt8] = []
        switch signatures.take(now: monotonicMilliseconds()) {
        case .granted: break
        case .firstRefusal: try record(event: "signatures-too-many", "the uplink asks for more than \(signatures.perMinute) a minute")
            fallthrough
        case .refused: return try tellUplink(.signature([]))
        }
        do throws(TPMError) {
            let key = try tpm.createPrimaryKey(.device)
            do throws(TPMError) { signature = try tpm.sign(key.handle, Digest(digest)!) } catch {
                try tpm.flush(key.handle)
                throw error
            }
            try tpm.flush(key.handle)
        } catch { try record(event: error.code, error.text) }
        try tellUplink(.signature(signature))
    }
}

extension TPM where Transport: ~Copyable {
    /// What the device's decryption key finds in the keys of a bundle; nothing of it stays in the TPM.
    fileprivate mutating func contentKey(of keys: BundleKeys) throws(TPMError) -> Result<[UInt8], BundleKeysError> {
        let own = try createPrimaryKey(.decryption)
        let found: Result<[UInt8], BundleKeysError>
        do throws(TPMError) {
            found = try keys.contentKey(device: own.publicKey.keyIdentifier) { (point) throws(TPMError) in try agree(own.handle, point) }
        } catch {
            try flush(own.handle)
            throw error
        }
        try flush(own.handle)
        return found
    }
}

/// All who signed, as a receipt names them: none of them can say later that it was the other alone.
private func signers(_ names: [String]) -> String {
    var text = names[0]
    for name in names.dropFirst() { text += "+" + name }
    return text
}
