// Duty: PID 1 after the boot: starts roles with their descriptors, hears them, drives outputs safe when
// the controller is gone, feeds the watchdog while all is well, judges the release's health, and owns
// the boot state while the system runs.
// Trust: roles may be compromised: each may say only what the authority table lists, or is ended.
// Must never block on a role or a line's driver, parse bytes of the network, or feed the watchdog for a
// frozen role, or for outputs that it could not drive safe.
import Authority
import Backoff
import Board
import Boot
import BootState
import Bytes
import Calibration
import Confine
import Cryptography
import GPIO
import Release
import Signed
import System
import TPM
import TPMDevice
import Telemetry

/// The supervisor's own period.
private let tickMilliseconds: UInt64 = 100
/// Between two looks at sockets and memory.
private let postureMilliseconds: UInt64 = 10000
/// For outputs to be driven safe before a restart: a chip that does not answer by then never will.
private let safeMilliseconds: UInt64 = 200
/// Between the word that ends this boot and the reset: for the journal to be written.
private let farewellMilliseconds: UInt64 = 1500

/// Runs the second stage, with what the first has handed over in descriptor `number`.
public func supervise(handover number: Int32) -> Never {
    guard let handover = Handover(from: number) else {
        log("penstock: the handover from the boot stage is unreadable")
        startOver()
    }
    guard let board = decodeBoard(handover) else {
        log("penstock: the board file is unreadable")
        startOver()
    }
    let outputs: SafeOutputs<DescriptorPins>
    do throws(SystemError) { outputs = try SafeOutputs(board, handover.lines) } catch {
        log("penstock: outputs of last resort: \(error.text)")
        startOver()
    }
    do throws(SupervisorFailure) {
        var supervisor = try Supervisor(handover, board, outputs)
        try supervisor.run()
    } catch {
        log("penstock: supervisor: \(error.step): \(error.text)")
        outputs.drive()
        startOver()
    }
}

/// The end of a supervisor that can't go on. The attempt is counted, so another slot has its turn.
private func startOver() -> Never {
    sleep(milliseconds: farewellMilliseconds)
    do throws(SystemError) { try System.reboot(.restart) } catch { log("penstock: \(error.text); the watchdog will reset the board") }
    while true { sleep(milliseconds: 1000) }
}

private func decodeBoard(_ handover: Handover) -> BoardDescription? {
    do throws(BoardError) { return try BoardDescription(decoding: handover.board.span.bytes) } catch { return nil }
}

struct SupervisorFailure: Error {
    let step: String
    let text: String
}

/// All that PID 1 holds while the system runs.
struct Supervisor: ~Copyable {
    private let handover: Handover
    private let board: BoardDescription
    private let outputs: SafeOutputs<DescriptorPins>
    private let commissioning: Commissioning
    private let manifest: Manifest
    private var keys: KeySet
    private var calibration: CalibrationChange
    private var report: BootReport
    private let running: SlotName
    private let descriptors: RoleDescriptors
    private let signals: Descriptor
    private let ticker: Ticker
    private var partition: BlockStore
    private var slots: SlotSwitch<DeviceSelector>
    private var retention: Retention
    private var storedCalibration: TwoCopies<StoredCalibration>
    private var retentionFailed = false
    private var supervision = Supervision()
    private var gate: HealthGate
    private var sender = Sender()
    private var buffer = [UInt8](repeating: 0, count: Channel.packetMaximum)
    /// Not before: a medium that failed is not asked at every tick.
    private var judgeAt: UInt64 = 0
    private var isMarkedGood = false
    private var controlHealthy = false
    private var controllerWasSilent = false
    /// A latched trip: no order restarts the board while it stands.
    private var tripStands = false
    private var uplinkConnected = false
    private var isNetworkReady = false
    private var order: InstallOrder?
    private var rebootAt: UInt64?
    private var isLeaving = false
    /// What each role may have written down: a flood of events must neither wear the journal nor hold us up.
    private var allowances = RoleName.allCases.map { _ in Allowance(burst: 64, perMinute: 120) }
    private var postureAt: UInt64 = 0
    /// Said before the keeper was there to write it down.
    private var pendingEvents: [(code: String, text: String)] = []
    private static let pendingMaximum = 64

    /// Everything is made before anything is kept, so that a step that fails leaves nothing half made.
    init(_ handover: Handover, _ board: BoardDescription, _ outputs: SafeOutputs<DescriptorPins>) throws(SupervisorFailure) {
        let keys = try Self.step("key set") { () throws(PayloadError) in try KeySet(decoding: handover.keySet.span.bytes) }
        let commissioning = try Self.step("commissioning") { () throws(SignedError) in
            try verify(handover.commissioning.span.bytes, as: Commissioning.self, with: keys).payload
        }
        let manifest = try Self.step("manifest") { () throws(SignedError) in
            try verify(handover.manifest.span.bytes, as: Manifest.self, with: keys).payload
        }
        let report: BootReport
        do throws(CBORError) { report = try BootReport(decoding: handover.report.span.bytes) } catch {
            throw SupervisorFailure(step: "boot report", text: error.text)
        }
        let running = SlotName(rawValue: handover.slot) ?? .a
        // That of the boot: it was chosen above the floor, and is verified again.
        let calibration = try Self.step("calibration") { () throws(CalibrationRefusal) in
            try CalibrationTerms(board: board, keys: keys, floor: 0).admitted(handover.calibration)
        }
        ignoreBrokenPipes()
        let isFixed = if case .fixed = commissioning.network ?? board.network.mode { true } else { false }
        let descriptors = try Self.step("descriptors") { () throws(SystemError) in
            try RoleDescriptors(board: board, lines: handover.lines, analogues: handover.analogues, inactive: running.other, usesDHCP: !isFixed)
        }
        let signals = try Self.step("signals") { () throws(SystemError) in try childSignals() }
        let ticker = try Self.step("timer") { () throws(SystemError) in try Ticker(periodMilliseconds: tickMilliseconds) }
        var partition = try Self.step("boot state") { () throws(SystemError) in
            try BlockStore(opening: board.devicePath(of: .bootState), .readWriteSynchronous)
        }
        let slots = try Self.step("boot state") { () throws(BootStateError) in try SlotSwitch(loading: &partition, DeviceSelector(board.bootSelection)) }
        let retention = try Self.step("boot state") { () throws(BootStateError) in try Retention(loading: &partition) }
        let storedCalibration = try Self.step("boot state") { () throws(BootStateError) in try TwoCopies<StoredCalibration>(loading: &partition) }
        self.handover = handover
        self.board = board
        self.outputs = outputs
        self.commissioning = commissioning
        self.manifest = manifest
        self.keys = keys
        self.calibration = CalibrationChange(calibration)
        self.retention = retention
        self.storedCalibration = storedCalibration
        self.report = report
        self.running = running
        self.descriptors = descriptors
        self.signals = signals
        self.ticker = ticker
        self.partition = partition
        self.slots = slots
        gate = HealthGate(manifest.healthGate, isTrial: report.isTrial, now: monotonicMilliseconds())
    }

    private static func step<T: ~Copyable, E: Error & Coded>(_ name: String, _ body: () throws(E) -> T) throws(SupervisorFailure) -> T {
        do throws(E) { return try body() } catch { throw SupervisorFailure(step: name, text: error.text) }
    }

    /// The event loop.
    mutating func run() throws(SupervisorFailure) -> Never {
        log("penstock: supervising release \(report.release) in slot \(report.slot)")
        if let failure = report.failure { event("slot-failed-earlier", failure) }
        if !retention.wasFound { event("retained-lost", "both copies of the retained state are damaged: every latching trip is taken for standing, reset them at the machine") }
        for (analogue, descriptor) in zip(board.analogues, handover.analogues) where descriptor < 0 {
            event("analogue-missing", "\(analogue.name): its converter did not show up when the board started")
        }
        if board.tpm == .absent { event("floor-weak", "rollback floor \(report.floor) lies on the disk, this board has no TPM: who has the disk in hand sets it back") }
        bringNetworkUp()
        for role in RoleName.allCases where Authority.of(role).isPermanent { supervision.want(role, now: monotonicMilliseconds()) }
        var wait = WaitSet()
        let signal = wait.add(signals.raw)
        let tick = wait.add(ticker.descriptor.raw)
        let channels = RoleName.allCases.map { wait.add(descriptors.supervisorEnd($0)) }
        while true {
            do throws(SystemError) { try wait.wait(timeoutMilliseconds: 1000) } catch { throw SupervisorFailure(step: "poll", text: error.text) }
            if wait.isReadable(signal) {
                drainSignals(signals)
                reap()
            }
            for role in RoleName.allCases where wait.isReadable(channels[Int(role.rawValue)]) { hear(role) }
            if wait.isReadable(tick), ticker.expirations() > 0 { onTick(monotonicMilliseconds()) }
        }
    }

    private mutating func onTick(_ now: UInt64) {
        for role in supervision.due(now: now) { start(role, now) }
        watchOutputs(now)
        watchController()
        if supervision.mayFeed(now: now), !outputs.isLost(now: now), handover.watchdog >= 0 { feedWatchdog(handover.watchdog) }
        judgeHealth(now)
        writeRetained(now)
        if now >= postureAt {
            postureAt = now + postureMilliseconds
            reportPosture()
        }
        guard let at = rebootAt else { return }
        // A trip that came since the order: the restart waits for the reset at the machine.
        if tripStands, isMarkedGood {
            rebootAt = now + farewellMilliseconds
            return
        }
        if now + farewellMilliseconds / 3 >= at, !isLeaving {
            isLeaving = true
            tell(.keeper, .restarting)
        }
        if now >= at { restart() }
    }

    /// A controller that is frozen can't stop what it has begun: its outputs are driven safe over its
    /// head, long before the watchdog acts. One that wakes finds them so, and faults.
    private mutating func watchController() {
        let isSilent = supervision.isControllerSilent()
        defer { controllerWasSilent = isSilent }
        guard isSilent else { return }
        outputs.drive()
        guard !controllerWasSilent else { return }
        controlHealthy = false
        event("controller-silent", "it says nothing; outputs are driven safe")
    }

    /// A chip that does not take the values of last resort is told once, by its name and its outputs.
    private mutating func watchOutputs(_ now: UInt64) {
        outputs.watch(now: now)
        while let text = outputs.takeNews() { event("outputs-not-safe", text) }
    }

    private mutating func restart() {
        outputs.drive()
        outputs.wait(milliseconds: safeMilliseconds)
        do throws(BootStateError) { try retention.settle(to: &partition) } catch { log("penstock: \(error.text)") }
        log("penstock: restarting")
        do throws(SystemError) { try System.reboot(.restart) } catch { log("penstock: \(error.text)") }
    }

    // MARK: roles

    private mutating func start(_ role: RoleName, _ now: UInt64) {
        let authority = Authority.of(role)
        descriptors.drain(role)
        do throws(SystemError) {
            let granted = try descriptors.granted(authority)
            defer { descriptors.closeOwn(authority, granted) }
            let pid = try spawn(
                path: "/penstock", role: role.name, descriptors: granted, firstNumber: Authority.firstGrant,
                threads: authority.hasDriverThreads ? [outputs.chips.names.count, board.converters.count] : [0, 0])
            supervision.started(role, pid: pid, now: now)
            log("penstock: \(role.name) started, pid \(pid)")
        } catch {
            log("penstock: \(role.name): \(error.text)")
            return
        }
        for kind in authority.documents { tell(role, .document(kind, document(kind, role))) }
        tell(role, .begin)
        if role == .uplink, isNetworkReady { tell(role, .networkReady) }
        if role == .keeper {
            for (code, text) in pendingEvents { tell(.keeper, .event(code: code, text: text)) }
            pendingEvents = []
        }
        for other in RoleName.allCases where other != role && supervision.pid(other) != nil { tell(other, .peer(role, alive: true)) }
    }

    private mutating func document(_ kind: Document, _ role: RoleName) -> [UInt8] {
        switch kind {
        case .keySet: return keys.encoded()
        case .board: return handover.board
        case .commissioning: return handover.commissioning
        case .calibration: return role == .controller ? calibration.started().object : calibration.inForce.object
        case .manifest: return handover.manifest
        case .bootReport: return report.encoded()
        case .installOrder:
            var writer = CBORWriter()
            order?.encode(into: &writer)
            return writer.bytes
        case .hardwareAddress: return descriptors.hardwareAddress
        case .retained: return retention.controller
        case .chips: return outputs.chips.encoded()
        }
    }

    /// False if it was dropped.
    @discardableResult
    private mutating func tell(_ role: RoleName, _ message: SupervisorMessage) -> Bool {
        do throws(SystemError) {
            if try sender.send(message, on: descriptors.supervisorEnd(role)) { return true }
            log("penstock: \(role.name) does not read its messages; one was dropped")
        } catch { log("penstock: \(role.name): \(error.text)") }
        return false
    }

    private mutating func reap() {
        while let end = reapChild() {
            let now = monotonicMilliseconds()
            guard let role = supervision.ended(pid: end.pid, now: now) else { continue }
            if role == .controller {
                outputs.drive()
                controlHealthy = false
                if calibration.ended() { refuseCalibration("calibration-not-workable", "the controller ended with it and goes on with the one before") }
            }
            if role == .uplink { uplinkConnected = false }
            let how = end.exitCode == 159 || end.signal == 31 ? "by a system call that it may not make" : end.signal > 0 ? "by signal \(end.signal)" : "with status \(end.exitCode)"
            if role != .installer { event("role-ended", "\(role.name) ended \(how)") } else { installerEnded(how) }
            for other in RoleName.allCases where other != role && supervision.pid(other) != nil { tell(other, .peer(role, alive: false)) }
        }
    }

    /// Ends a role that said what it may not: it is started again with nothing of its past.
    private mutating func endSender(_ role: RoleName, _ why: String) {
        event("role-refused", "\(role.name): \(why)")
        if let pid = supervision.pid(role) { System.kill(pid: pid) }
    }

    private mutating func hear(_ role: RoleName) {
        // At most a burst for each turn of the loop, so that no role keeps the others waiting.
        for _ in 0..<32 {
            let message: RoleMessage
            do throws(SystemError) {
                guard let count = try receivePacket(into: &buffer, on: descriptors.supervisorEnd(role)), count > 0 else { return }
                do throws(CBORError) {
                    message = try decode(RoleMessage.self, buffer.span.bytes.extracting(0..<count))
                } catch { return endSender(role, "malformed message: \(error.text)") }
            } catch { return endSender(role, error.text) }
            guard Authority.permits(role, message) else { return endSender(role, "a message that it may not send") }
            handle(role, message)
        }
    }

    /// Whether a message that costs more than a counter may be taken from this role now.
    private mutating func isAllowed(_ role: RoleName, _ message: RoleMessage, _ now: UInt64) -> Bool {
        switch message {
        case .event, .progress, .lease, .leaseLost, .installFailed, .calibration, .keySet: break
        default: return true
        }
        switch allowances[Int(role.rawValue)].take(now: now) {
        case .granted: return true
        case .firstRefusal: event("messages-too-many", "\(role.name) says more than it may; the rest is dropped")
        case .refused: break
        }
        return false
    }

    private mutating func handle(_ role: RoleName, _ message: RoleMessage) {
        let now = monotonicMilliseconds()
        guard isAllowed(role, message, now) else { return }
        switch message {
        case .checkIn: supervision.checkedIn(role, now: now)
        case .event(let code, let text): event(code, "\(role.name): \(text)")
        case .control(let healthy, let tripped):
            controlHealthy = healthy
            tripStands = tripped
        case .retained(let bytes):
            retention.keep(bytes)
            writeRetained(now)
        case .calibration(let object): offerCalibration(object)
        case .keySet(let object): installKeySet(object, now)
        case .findContentKey(let keys): if !tell(.keeper, .findContentKey(keys: keys)) { tell(.installer, .contentKey([])) }
        case .contentKey(let key): if supervision.pid(.installer) != nil { tell(.installer, .contentKey(key)) }
        case .calibrationInForce(let digest): calibrationInForce(digest, now)
        case .connected(let connected): uplinkConnected = connected
        case .lease(let address, let prefixLength, let router): takeLease(address, Int(prefixLength), router)
        case .leaseLost: dropLease()
        case .update(let path, let maximum): beginUpdate(path, maximum, now)
        case .reboot: orderReboot(now)
        case .inject(let fault, let target): inject(fault, target)
        case .installing(let release): installing(release)
        case .installed(let release): installed(release, now)
        case .progress(let done, let total, let rate): event("update-progress", Self.progressText(done, total, rate))
        case .installFailed(let code, let text): event(code, text)
        }
    }

    /// A restart would take the trip away, and no order from afar may do that.
    private mutating func orderReboot(_ now: UInt64) {
        guard !tripStands else { return event("reboot-refused", "a latched trip stands: reset it at the machine first") }
        if rebootAt == nil { rebootAt = now + farewellMilliseconds }
    }

    private mutating func inject(_ fault: InjectedFault, _ role: RoleName) {
        guard board.testAccess else { return endSender(.keeper, "test access, which this board does not have") }
        guard let pid = supervision.pid(role) else { return }
        event("fault-injected", "\(role.name) \(fault == .kill ? "killed" : "frozen") by order")
        if fault == .kill { System.kill(pid: pid) } else { freeze(pid: pid) }
    }

    /// To the console, and to the keeper for the journal.
    private mutating func event(_ code: String, _ text: String) {
        let text = clip(text, maximum: MessageLimit.text)
        log("penstock: \(code): \(text)")
        if supervision.pid(.keeper) != nil {
            tell(.keeper, .event(code: code, text: text))
        } else if pendingEvents.count < Self.pendingMaximum {
            pendingEvents.append((code, text))
        }
    }

    // MARK: network

    private var usesDHCP: Bool { !descriptors.hardwareAddress.isEmpty }

    private mutating func bringNetworkUp() {
        let name = board.network.name
        do throws(SystemError) {
            try interfaceUp(name)
            guard case .fixed(let v4, let v6) = commissioning.network ?? board.network.mode else { return }
            for address in [v4, v6] {
                guard let address else { continue }
                try configureInterface(name, address: address.address, prefixLength: address.prefixLength, router: address.router)
            }
            isNetworkReady = true
        } catch { event("network-failed", error.text) }
    }

    private mutating func takeLease(_ address: [UInt8], _ prefixLength: Int, _ router: [UInt8]) {
        guard usesDHCP else { return endSender(.uplink, "a lease where the address is fixed") }
        guard (1...32).contains(prefixLength) else { return endSender(.uplink, "a lease with prefix \(prefixLength)") }
        do throws(SystemError) {
            try configureInterface(board.network.name, address: address, prefixLength: prefixLength, router: router)
        } catch { return event("network-failed", error.text) }
        isNetworkReady = true
        tell(.uplink, .networkReady)
    }

    private mutating func dropLease() {
        guard usesDHCP else { return endSender(.uplink, "a lease where the address is fixed") }
        isNetworkReady = false
        do throws(SystemError) { try forgetAddress(board.network.name) } catch { event("network-failed", error.text) }
    }

    // MARK: update and health

    private mutating func beginUpdate(_ path: String, _ downloadMaximumBytes: UInt64, _ now: UInt64) {
        let isUnderWay = supervision[.installer].state != .stopped || rebootAt != nil
        if let refusal = UpdateRefusal(isMarkedGood: isMarkedGood, tripStands: tripStands, isUnderWay: isUnderWay) {
            return event(refusal.code, refusal.text)
        }
        order = InstallOrder(path: commissioning.updatePath + path, floor: max(report.floor, manifest.rollbackIndex), downloadMaximumBytes: downloadMaximumBytes)
        event("update-began", path)
        supervision.want(.installer, now: now)
    }

    /// The failure is an event already.
    private mutating func change(_ step: (inout SlotSwitch<DeviceSelector>, inout BlockStore) throws(SlotSwitchError) -> Void) -> SlotSwitchError? {
        do throws(SlotSwitchError) {
            try step(&slots, &partition)
            return nil
        } catch {
            event(error.code, error.text)
            return error
        }
    }

    private static func progressText(_ done: UInt64, _ total: UInt64, _ bytesPerSecond: UInt64) -> String {
        let text = "\(done) of \(total) bytes"
        guard bytesPerSecond > 0, done <= total else { return text }
        return text + ", \(bytesPerSecond) bytes/s, about \((total - done) / bytesPerSecond) s left"
    }

    private mutating func installing(_ release: String) {
        let running = running
        guard change({ (slots, partition) throws(SlotSwitchError) in
            try slots.installBegins(running.other, running: running, release: release, on: &partition)
        }) == nil else {
            return endSender(.installer, "the slot can't be written now")
        }
        tell(.installer, .proceed)
    }

    private mutating func installed(_ release: String, _ now: UInt64) {
        let running = running
        guard change({ (slots, partition) throws(SlotSwitchError) in try slots.installed(running.other, on: &partition) }) == nil else { return }
        event("update-installed", "release \(release) in slot \(running.other.text), tried next")
        rebootAt = now + farewellMilliseconds
    }

    private mutating func installerEnded(_ how: String) {
        order = nil
        if slots.state[running.other].condition == .writing { event("update-ended", "the installer ended \(how); the slot is not bootable until an update completes") }
    }

    private mutating func judgeHealth(_ now: UInt64) {
        guard !isMarkedGood, rebootAt == nil, now >= judgeAt else { return }
        let signs = HealthSigns(rolesAlive: supervision.allAlive(now: now), controlHealthy: controlHealthy, uplinkConnected: uplinkConnected)
        let running = running
        switch gate.step(signs, now: now) {
        case .waiting: return
        case .good:
            // On a board without a TPM the floor is in the same write.
            let floor = board.tpm == .absent ? manifest.rollbackIndex : 0
            if let failure = change({ (slots, partition) throws(SlotSwitchError) in try slots.markedGood(running, floor: floor, on: &partition) }) {
                guard case .selector(let error) = failure else {
                    judgeAt = now + 10_000
                    return
                }
                // A trial that the boot loader would not start again goes back; what was good before goes on.
                if report.isTrial { return goBack(error.code, error.text, now) }
            }
            isMarkedGood = true
            event("marked-good", "release \(report.release), after \(now) ms")
            settleCalibration(now)
            raiseFloor()
            raiseKeySetFloor(now)
        case .failed(let code, let text):
            goBack(code, text, now)
        }
    }

    private mutating func goBack(_ code: String, _ text: String, _ now: UInt64) {
        let running = running
        event("health-failed", "release \(report.release): \(code): \(text)")
        _ = change { (slots, partition) throws(SlotSwitchError) in try slots.healthFailed(running, code: code, text: text, on: &partition) }
        rebootAt = now + farewellMilliseconds
    }

    /// Only after the release is good, and only upwards.
    private mutating func raiseFloor() {
        guard board.tpm == .required, manifest.rollbackIndex > report.floor else { return }
        do throws(SystemError) {
            var tpm = TPM(TPMDevice(try Descriptor(opening: TPMDevice.path, .readWrite)))
            do throws(TPMError) {
                try tpm.raiseFloor(to: manifest.rollbackIndex, baseline: commissioning.floorBaseline)
                event("floor-raised", "to \(manifest.rollbackIndex)")
            } catch { event(error.code, error.text) }
        } catch { event(error.code, error.text) }
    }

    // MARK: retained state and calibration

    private mutating func writeRetained(_ now: UInt64) {
        do throws(BootStateError) {
            if try retention.write(to: &partition, now: now) { retentionFailed = false }
        } catch {
            if !retentionFailed { event(error.code, error.text) }
            retentionFailed = true
        }
    }

    /// A calibration that the keeper has verified and was ordered to pass on: verified again, and given to
    /// the controller, who verifies it as well and takes it over when nothing moves by that.
    private mutating func offerCalibration(_ object: [UInt8]) {
        guard isMarkedGood, rebootAt == nil else {
            return refuseCalibration("release-on-trial", "the running release has not marked itself good yet, or is about to restart: send it again later")
        }
        guard eventLog?.isFull != true else {
            return refuseCalibration("event-log-full", "too many calibrations were measured since the start of the board: restart it first")
        }
        let terms = CalibrationTerms(board: board, keys: keys, floor: max(calibration.leastVersion, retention.calibrationFloor))
        do throws(CalibrationRefusal) {
            let next = try terms.admitted(object)
            calibration.offer(next)
            event("calibration-offered", "version \(next.version), in place of \(calibration.inForce.version)")
            if supervision.pid(.controller) != nil { tell(.controller, .document(.calibration, object)) }
        } catch { refuseCalibration(error.code, error.text) }
    }

    private mutating func refuseCalibration(_ code: String, _ text: String) {
        event("calibration-refused", "\(code): \(text)")
        tell(.keeper, .calibrationRefused(code: code, text: clip(text, maximum: MessageLimit.text)))
    }

    private mutating func calibrationInForce(_ digest: [UInt8], _ now: UInt64) {
        switch calibration.heard(digest) {
        case .known: return
        case .unknown: return endSender(.controller, "it acts by a calibration that nobody gave it")
        case .tookOver: break
        }
        event("calibration-in-force", "version \(calibration.inForce.version)")
        measure(calibration.inForce.verified.payloadDigest, "calibration")
        settleCalibration(now)
        // A keeper that does not take it would report the one before: it is started again with this one.
        guard tell(.keeper, .document(.bootReport, report.encoded())), tell(.keeper, .document(.calibration, calibration.inForce.object)) else {
            return endSender(.keeper, "it does not take the calibration that is in force")
        }
    }

    /// What the board measured; nil where there is no TPM.
    private var eventLog: EventLog? {
        guard board.tpm == .required else { return nil }
        do throws(EventLogError) { return try EventLog(decoding: report.eventLog.span.bytes) } catch { return nil }
    }

    /// PCR 12 says by what the board has acted since its start, in that order.
    private mutating func measure(_ digest: Digest, _ name: String) {
        guard var log = eventLog else { return }
        do throws(SystemError) {
            var tpm = TPM(TPMDevice(try Descriptor(opening: TPMDevice.path, .readWrite)))
            do throws(TPMError) {
                try tpm.measure(12, .tag, digest, name, into: &log)
                report.eventLog = log.encoded()
                report.register12 = try tpm.pcrRead([12])[0].bytes
            } catch { event(error.code, error.text) }
        } catch { event(error.code, error.text) }
    }

    /// Once the release is good, its calibration is kept and the floor follows: a release that goes back
    /// does not bring an older calibration back with it.
    private mutating func settleCalibration(_ now: UInt64) {
        let version = calibration.inForce.version
        guard isMarkedGood, version > retention.calibrationFloor else { return }
        do throws(BootStateError) {
            try storedCalibration.write(StoredCalibration(object: calibration.inForce.object), to: &partition)
        } catch { return event(error.code, error.text) }
        retention.raiseFloor(to: version)
        writeRetained(now)
        event("calibration-floor", "to \(version)")
    }

    // MARK: key set

    /// A key set that the keeper has verified: verified again, with all that the board runs by, then kept and
    /// believed. What it revokes stops at once: every role starts again with it, the outputs safe meanwhile.
    private mutating func installKeySet(_ object: [UInt8], _ now: UInt64) {
        do throws(KeySetRefusal) {
            guard isMarkedGood, rebootAt == nil, supervision[.installer].state == .stopped, calibration.offered == nil else { throw .notNow }
            let next = try KeySetTerms(current: keys, floor: keys.version).admitted(
                object, manifest: handover.manifest, commissioning: handover.commissioning, calibration: calibration.inForce.object)
            guard try keepKeySet(object) else { return }
            keys = next
        } catch { return event("key-set-refused", "\(error.code): \(error.text)") }
        log("penstock: key-set-in-force: version \(keys.version)")
        measure(SHA256.hash(keys.encoded()), "key set")
        raiseKeySetFloor(now)
        for role in RoleName.allCases { if let pid = supervision.pid(role) { System.kill(pid: pid) } }
        // The keeper that is there now does not write it down any more.
        if pendingEvents.count < Self.pendingMaximum {
            pendingEvents.append((code: "key-set-in-force", text: "version \(keys.version); every role has started again"))
        }
    }

    /// On the disk, behind those that led to the present one. False if the medium did not take it.
    private mutating func keepKeySet(_ object: [UInt8]) throws(KeySetRefusal) -> Bool {
        var isFull = false
        do throws(SystemError) {
            var partition = try BlockStore(opening: board.devicePath(of: .keySet), .readWriteSynchronous)
            do throws(BootStateError) {
                var copies = try TwoCopies<StoredKeySets>(loading: &partition)
                if let next = StoredKeySets(links: keys.chain(copies.content?.links ?? [], with: object)) {
                    try copies.write(next, to: &partition)
                    return true
                }
                isFull = true
            } catch { event(error.code, error.text) }
        } catch { event(error.code, error.text) }
        if isFull { throw .chainFull }
        return false
    }

    /// Once nothing that runs needs an older one.
    private mutating func raiseKeySetFloor(_ now: UInt64) {
        guard board.tpm == .required else {
            retention.raiseKeySetFloor(to: keys.version)
            return writeRetained(now)
        }
        do throws(SystemError) {
            var tpm = TPM(TPMDevice(try Descriptor(opening: TPMDevice.path, .readWrite)))
            do throws(TPMError) { try tpm.raiseKeySetFloor(to: keys.version) } catch { event(error.code, error.text) }
        } catch { event(error.code, error.text) }
    }

    // MARK: posture

    /// Memory of each process, and the sockets that listen: there must be none, and who opened one ends.
    private mutating func reportPosture() {
        let listening = listeningSockets()
        if listening > 0 { endSender(.uplink, "\(listening) sockets listen") }
        var text = "listening=\(listening) init=\(memoryKilobytes(1))"
        for role in RoleName.allCases {
            if let pid = supervision.pid(role) { text += " \(role.name)=\(memoryKilobytes(pid))" }
        }
        event("posture", text)
    }
}
