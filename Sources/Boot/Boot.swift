// Duty: PID 1 from power on to the supervisor: outputs safe first, then what is needed to know which
// slot may run, verified, counted and measured before it is trusted; then the root and its supervisor.
// Trust: kernel, initramfs and TPM. Disk contents are anybody's until a signature or the tree says
// otherwise. Must never run anything that was not verified, float an output, or loop on the disk.
import Board
import BootState
import Bytes
import Calibration
import Cryptography
import GPIO
import IIO
import Release
import Signed
import System
import TPM
import TPMDevice
import Telemetry
import Verity

/// Why this board can't go on: what failed, with the code and text of the failure below it.
struct BootFailure: Error {
    let step: String
    let code: String
    let text: String

    init(_ step: String, code: String, text: String) {
        self.step = step
        self.code = code
        self.text = text
    }

    init<E: Coded>(_ step: String, _ error: E) { self.init(step, code: error.code, text: error.text) }
}

/// Runs the first stage. It ends in the supervisor of the verified release, or parks the board with
/// its outputs safe and says why.
public func boot() -> Never {
    var stage = FirstStage()
    do throws(BootFailure) {
        try stage.run()
    } catch {
        if stage.mayTryAgain { stage.startOver(error) }
        stage.park(error)
    }
}

/// What the first stage has found so far.
private struct FirstStage: ~Copyable {
    var report = BootReport()
    var log = EventLog()
    var board: BoardDescription?
    var boardBytes: [UInt8] = []
    /// In the board file's order; held until the supervisor takes them over.
    var lines: [Int32] = []
    /// In the board file's order, -1 for one that is not there.
    var analogues: [Int32] = []
    var watchdog: Int32 = -1
    /// The attempt of this boot stands on the disk, and what failed after that may go otherwise next time,
    /// or with the other slot. The attempts bound how often.
    var mayTryAgain = false
    var tpm: TPM<TPMDevice>?

    /// One step after the other; each leaves the board no less safe than before.
    mutating func run() throws(BootFailure) -> Never {
        System.log("penstock: boot")
        try mountKernelFileSystems()
        let board = try readBoard()
        // A chip whose driver does not return would hold this up for ever: then the watchdog resets it.
        try startWatchdog(board)
        try makeOutputsSafe(board)
        mountFirmwareVariables(board)
        findAnalogues(board)
        try openTPM(board)
        let keys = try chooseKeySet(board)
        let commissioningBytes = try readCommissioning(board)
        let commissioning = try attempt("commissioning") { () throws(SignedError) in
            try verify(commissioningBytes.span.bytes, as: Commissioning.self, with: keys)
        }
        guard commissioning.payload.board == board.name else {
            throw BootFailure("commissioning", code: "board-wrong", text: "it is for board \(commissioning.payload.board)")
        }
        note("commissioned as \(commissioning.payload.device)")
        try readFloor(commissioning.payload)
        let slot = try chooseSlot(board, keys)
        try measure(slot, keys, commissioning.payloadDigest)
        try mountRoot(slot)
        let calibration = try chooseCalibration(board, keys, slot.calibration)
        try measure(calibration)
        note("root mounted read-only over dm-verity after \(monotonicMilliseconds()) ms")
        let handover = Handover(
            lines: lines, analogues: analogues, watchdog: watchdog, slot: slot.name.rawValue, keySet: keys.encoded(), board: boardBytes,
            commissioning: commissioningBytes, manifest: slot.object, calibration: calibration.object, report: report.encoded())
        try leave(handover)
    }

    private mutating func note(_ step: String) {
        report.add(step)
        System.log("penstock: \(step)")
        feed()
    }

    private func feed() {
        if watchdog >= 0 { feedWatchdog(watchdog) }
    }

    private func attempt<T: ~Copyable, E: Error & Coded>(_ step: String, _ body: () throws(E) -> T) throws(BootFailure) -> T {
        do throws(E) { return try body() } catch { throw BootFailure(step, error) }
    }

    private func mountKernelFileSystems() throws(BootFailure) {
        try attempt("kernel file systems") { () throws(SystemError) in
            try mount("proc", on: "/proc", type: "proc", [.noSetUser, .noDevices, .noExecution])
            try mount("sysfs", on: "/sys", type: "sysfs", [.noSetUser, .noDevices, .noExecution, .readOnly])
            try mount("devtmpfs", on: "/dev", type: "devtmpfs", [.noSetUser, .noExecution])
        }
    }

    private mutating func readBoard() throws(BootFailure) -> BoardDescription {
        let bytes = try attempt("board") { () throws(SystemError) in
            try readFile("/trust/board.cbor", maximum: BoardDescription.encodedMaximum)
        }
        let read = try attempt("board") { () throws(BoardError) in try BoardDescription(decoding: bytes.span.bytes) }
        boardBytes = bytes
        board = read
        if read.testAccess { report.add("TEST ACCESS: signed orders may end or freeze roles") }
        return read
    }

    /// Without them the record alone chooses, and a trial goes back because the loader can't be told.
    private mutating func mountFirmwareVariables(_ board: BoardDescription) {
        guard board.bootSelection == .efi else { return }
        do throws(SystemError) {
            try mount("efivarfs", on: FirmwareFiles.folder, type: "efivarfs", [.noSetUser, .noDevices, .noExecution])
        } catch { report.add("firmware variables: \(error.text)") }
    }

    /// Every line is requested, so that nobody else can; every output is driven to its safe value. One
    /// that fails does not keep the others from it.
    private mutating func makeOutputsSafe(_ board: BoardDescription) throws(BootFailure) {
        var failure: SystemError?
        for line in board.lines {
            do throws(SystemError) {
                lines.append(try request(line).release())
            } catch { failure = error }
        }
        if let failure { throw BootFailure("outputs", failure) }
        note("\(board.name): \(board.lines.count) lines, outputs safe after \(monotonicMilliseconds()) ms")
    }

    private mutating func startWatchdog(_ board: BoardDescription) throws(BootFailure) {
        guard let device = board.watchdog else { return note("no watchdog on this board") }
        let opened = try attempt("watchdog") { () throws(SystemError) in
            try openWatchdog(device.path, timeoutSeconds: device.timeoutSeconds).release()
        }
        watchdog = opened
        note("watchdog \(device.timeoutSeconds) s")
    }

    /// What is missing reads as unreadable, and the calibration says what that means: no reason not to boot.
    private mutating func findAnalogues(_ board: BoardDescription) {
        guard !board.analogues.isEmpty else { return }
        analogues = openAnalogues(board, feed: watchdog)
        let found = analogues.count { $0 >= 0 }
        note("\(found) of \(analogues.count) analogue inputs after \(monotonicMilliseconds()) ms")
    }

    private mutating func openTPM(_ board: BoardDescription) throws(BootFailure) {
        guard board.tpm == .required else {
            report.floorIsWeak = true
            return note("no TPM on this board: the floor is weak")
        }
        let device = try attempt("TPM") { () throws(SystemError) in try Descriptor(opening: TPMDevice.path, .readWrite) }
        tpm = TPM(TPMDevice(device))
    }

    /// The newest key set that the disk leads to from the initramfs's own, if none newer was ever in force.
    private mutating func chooseKeySet(_ board: BoardDescription) throws(BootFailure) -> KeySet {
        let bytes = try attempt("key set") { () throws(SystemError) in try readFile("/trust/keyset.cbor", maximum: 14336) }
        let anchor = try attempt("key set") { () throws(PayloadError) in try KeySet(decoding: bytes.span.bytes) }
        // What can't be read leads nowhere; whether that is enough is for the floor to say.
        var links: [[UInt8]] = [], floor: UInt64 = 0
        do throws(SystemError) {
            var partition = try BlockStore(opening: board.devicePath(of: .keySet), .read)
            do throws(BootStateError) { links = try TwoCopies<StoredKeySets>(loading: &partition).content?.links ?? [] } catch {
                note("key sets unreadable: \(error.text)")
            }
        } catch { note("key sets unreadable: \(error.text)") }
        if tpm != nil {
            do throws(TPMError) { floor = try tpm!.readKeySetFloor() } catch { throw BootFailure("key set floor", error) }
        } else {
            floor = weakKeySetFloor(board)
        }
        let keys = try attempt("key set") { () throws(KeySetRefusal) in try KeySetTerms(current: anchor, floor: floor).chosen(links) }
        note("key set version \(keys.version), floor \(floor)\(tpm == nil ? ", weak" : ""), \(keys.version == anchor.version ? "of the initramfs" : "after version \(anchor.version) of the initramfs")")
        return keys
    }

    private func weakKeySetFloor(_ board: BoardDescription) -> UInt64 {
        do throws(SystemError) {
            var partition = try BlockStore(opening: board.devicePath(of: .bootState), .read)
            do throws(BootStateError) { return try TwoCopies<RetainedState>(loading: &partition).content?.keySetFloor ?? 0 } catch { return 0 }
        } catch { return 0 }
    }

    private func readCommissioning(_ board: BoardDescription) throws(BootFailure) -> [UInt8] {
        let path = board.devicePath(of: .commissioning)
        let area = try attempt("commissioning") { () throws(SystemError) in
            let partition = try Descriptor(opening: path, .read)
            return try partition.read(count: ObjectArea.size, at: 0)
        }
        do throws(ObjectAreaError) { return try commissioningArea.object(in: area.span.bytes) } catch {
            throw BootFailure(
                "commissioning", code: "not-commissioned",
                text: "the partition holds no commissioning: make one with penstockctl commissioning and write it")
        }
    }

    private mutating func readFloor(_ commissioning: Commissioning) throws(BootFailure) {
        guard tpm != nil else { return }
        do throws(TPMError) {
            report.floor = try tpm!.readFloor(baseline: commissioning.floorBaseline)
        } catch { throw BootFailure("rollback floor", error) }
        note("rollback floor \(report.floor), held by the TPM")
    }

    /// Tries slots in the order of the slot machine until one verifies. The attempt is on the disk
    /// before its slot is looked at; a slot whose content does not verify is marked bad.
    private mutating func chooseSlot(_ board: BoardDescription, _ keys: KeySet) throws(BootFailure) -> VerifiedSlot {
        let statePath = board.devicePath(of: .bootState)
        var partition = try attempt("boot state") { () throws(SystemError) in
            try BlockStore(opening: statePath, .readWriteSynchronous)
        }
        let slots: SlotSwitch<DeviceSelector>
        do throws(BootStateError) { slots = try SlotSwitch(loading: &partition, DeviceSelector(board.bootSelection)) } catch { throw BootFailure("boot state", error) }
        if !slots.store.wasFound { note("boot state lost: both slots are tried") }
        if tpm == nil {
            report.floor = slots.state.floor
            note("rollback floor \(report.floor), weak: it lies on the disk")
        }
        var world = DeviceSlots(partition, slots, SlotTerms(board: board, keys: keys, floor: report.floor), feed: watchdog)
        let outcome = Boot.chooseSlot(&world)
        for text in world.notes { report.add(text) }
        report.failure = world.state.lastFailure
        switch outcome {
        case .run(let slot, let choice, let isCounted):
            report.bootCount = choice.state.bootCount
            report.isTrial = choice.isTrial
            report.slot = choice.slot.text
            report.release = slot.manifest.payload.release
            report.rollbackIndex = slot.manifest.payload.rollbackIndex
            report.manifestDigest = slot.manifest.payloadDigest.bytes
            report.rootHash = slot.manifest.payload.root.root.bytes
            note("release \(report.release), index \(report.rollbackIndex): signed by \(slot.signers), every block verified")
            mayTryAgain = isCounted
            return slot
        case .startOver(let slot):
            mayTryAgain = true
            throw BootFailure("slot", code: "selector-redirects", text: "another slot's kernel was started; the boot loader has been told to start that of slot \(slot.text)")
        case .none(let mayTryAgain):
            self.mayTryAgain = mayTryAgain
            throw BootFailure("slot", code: "no-slot", text: "no slot holds a release that this board may run: flash it again")
        }
    }

    /// PCR 11: what runs. PCR 12: what it was told. (Before the root is used.)
    private mutating func measure(_ slot: borrowing VerifiedSlot, _ keys: KeySet, _ commissioning: Digest) throws(BootFailure) {
        guard tpm != nil else { return }
        do throws(TPMError) {
            try tpm!.measure(11, .release, slot.manifest.payloadDigest, "manifest \(report.release)", into: &log)
            try tpm!.measure(11, .release, slot.manifest.payload.root.root, "root hash", into: &log)
            try tpm!.measure(12, .tag, SHA256.hash(boardBytes.span.bytes), "board", into: &log)
            try tpm!.measure(12, .tag, SHA256.hash(keys.encoded()), "key set", into: &log)
            try tpm!.measure(12, .tag, commissioning, "commissioning", into: &log)
        } catch { throw BootFailure("measure", error) }
    }

    private mutating func mountRoot(_ slot: borrowing VerifiedSlot) throws(BootFailure) {
        let path = slot.path
        let root = slot.manifest.payload.root
        try attempt("mount root") { () throws(SystemError) in
            let table = root.table(device: path, options: ["restart_on_corruption"])
            let device = try mapVerity(name: "root", sectors: table.sectors, table: table.parameters)
            try makeBlockNode("/dev/root-verity", major: device.major, minor: device.minor)
            try mount("/dev/root-verity", on: "/newroot", type: "erofs", [.readOnly, .noSetUser, .noDevices])
        }
    }

    /// The release's calibration, or the one that took over while the board ran.
    private mutating func chooseCalibration(_ board: BoardDescription, _ keys: KeySet, _ component: [UInt8]?) throws(BootFailure) -> AdmittedCalibration {
        let own: [UInt8]
        if let component {
            own = component
        } else {
            own = try attempt("calibration") { () throws(SystemError) in
                try readFile("/newroot/calibration.cose", maximum: StoredCalibration.objectMaximum)
            }
        }
        var partition = try attempt("calibration") { () throws(SystemError) in
            try BlockStore(opening: board.devicePath(of: .bootState), .read)
        }
        var floor: UInt64 = 0
        var stored: [UInt8]?
        do throws(BootStateError) {
            floor = try TwoCopies<RetainedState>(loading: &partition).content?.calibrationFloor ?? 0
            stored = try TwoCopies<StoredCalibration>(loading: &partition).content?.object
        } catch { note("retained state unreadable: \(error.text)") }
        let terms = CalibrationTerms(board: board, keys: keys, floor: floor)
        let chosen = try attempt("calibration") { () throws(CalibrationRefusal) in try terms.chosen(release: own, stored: stored) }
        note("calibration version \(chosen.version)\(chosen.object == own ? "" : ", which took over from the release's")")
        return chosen
    }

    private mutating func measure(_ calibration: AdmittedCalibration) throws(BootFailure) {
        guard tpm != nil else { return }
        do throws(TPMError) {
            try tpm!.measure(12, .tag, calibration.verified.payloadDigest, "calibration", into: &log)
            let registers = try tpm!.pcrRead([11, 12])
            report.register11 = registers[0].bytes
            report.register12 = registers[1].bytes
        } catch { throw BootFailure("measure", error) }
        report.eventLog = log.encoded()
    }

    /// Switches the root and becomes the supervisor of the release that was verified.
    private mutating func leave(_ handover: Handover) throws(BootFailure) -> Never {
        tpm = nil
        try attempt("switch root") { () throws(SystemError) in
            for folder in ["dev", "proc", "sys"] { try mount("/\(folder)", on: "/newroot/\(folder)", type: "", .move) }
            try enterRoot("/newroot")
            let number = try handover.keep()
            try replaceProcess(path: "/penstock", arguments: ["supervise", "\(number)"])
        }
        throw BootFailure("switch root", code: "exec-returned", text: "the supervisor did not start")
    }

    /// The end of a boot that may go better next time: outputs stay safe until the reset.
    func startOver(_ failure: BootFailure) -> Never {
        System.log("penstock: starting over, outputs safe: \(failure.step): \(failure.code): \(failure.text)")
        feed()
        sleep(milliseconds: 2000)
        do throws(SystemError) { try System.reboot(.restart) } catch { System.log("penstock: \(error.text); the watchdog will reset the board") }
        while true { sleep(milliseconds: 1000) }
    }

    /// The end of a boot that can't go on: outputs stay safe and driven, the watchdog is fed, nothing
    /// is written any more; the reason is repeated for whoever looks at the console.
    mutating func park(_ failure: BootFailure) -> Never {
        while true {
            System.log("penstock: STOPPED, outputs safe: \(failure.step): \(failure.code): \(failure.text)")
            for _ in 0..<60 {
                feed()
                sleep(milliseconds: 1000)
            }
        }
    }
}

extension BootState {
    /// The latest known reason why a slot failed, for the report.
    var lastFailure: String? {
        for slot in [active.other, active] {
            if let failure = self[slot].failure {
                return "slot \(slot.text): release \(failure.release) \(failure.step): \(failure.code): \(failure.text)"
            }
        }
        return nil
    }
}
