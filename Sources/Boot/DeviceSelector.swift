// The board's boot selector on the device, and the surroundings of the slot's choice there.
// Trust: firmware variables and U-Boot's environment are anybody's; each is opened for one step and closed again.
import Board
import BootState
import Bytes
import System

/// Acts by the board file's selector.
public struct DeviceSelector: BootSelector, Sendable {
    private static let commandLineMaximum = 4096

    private let selection: BootSelection

    public init(_ selection: BootSelection) { self.selection = selection }

    public mutating func booted() throws(SelectorError) -> SlotName? {
        switch selection {
        case .raw: return nil
        case .efi:
            var selector = EFISelector(FirmwareFiles())
            return try selector.booted()
        case .uboot:
            do throws(SystemError) { return slot(inCommandLine: try readFile("/proc/cmdline", maximum: Self.commandLineMaximum)) } catch {
                throw .unreachable(error.text)
            }
        }
    }

    public mutating func tryNext(_ slot: SlotName) throws(SelectorError) { try tell(slot, isTrial: true) }
    public mutating func commit(_ slot: SlotName) throws(SelectorError) { try tell(slot, isTrial: false) }

    private func tell(_ slot: SlotName, isTrial: Bool) throws(SelectorError) {
        switch selection {
        case .raw: try Self.tell(RawSelector(), slot, isTrial)
        case .efi: try Self.tell(EFISelector(FirmwareFiles()), slot, isTrial)
        case .uboot(let place): try Self.tell(try Self.environment(place), slot, isTrial)
        }
    }

    private static func tell<S: BootSelector & ~Copyable>(_ selector: consuming S, _ slot: SlotName, _ isTrial: Bool) throws(SelectorError) {
        if isTrial { try selector.tryNext(slot) } else { try selector.commit(slot) }
    }

    private static func environment(_ place: EnvironmentPlace) throws(SelectorError) -> UBootSelector<BlockStore> {
        do throws(SystemError) {
            let store = try BlockStore(opening: place.device, .readWriteSynchronous)
            return UBootSelector(store, copyBytes: place.copyBytes, offsets: [place.firstOffset, place.secondOffset], commandLine: [])
        } catch { throw .unreachable(error.text) }
    }
}

/// Variables of the global vendor as efivarfs has them (Documentation/filesystems/efivarfs.rst).
struct FirmwareFiles: FirmwareVariables {
    static let folder = "/sys/firmware/efi/efivars"
    private static let sizeMaximum = 4096

    private func path(_ name: String) -> String { Self.folder + "/" + name + "-8be4df61-93ca-11d2-aa0d-00e098032b8c" }

    func read(_ name: String) throws(SelectorError) -> [UInt8]? {
        do throws(SystemError) {
            let content = try readFile(path(name), maximum: Self.sizeMaximum)
            // One whose first write failed is an empty file until the next start.
            return content.isEmpty ? nil : content
        } catch {
            guard error.isMissingFile else { throw .variable(name, errno: error.errno) }
            return nil
        }
    }

    func write(_ name: String, _ content: [UInt8]) throws(SelectorError) {
        do throws(SystemError) { try writeVariableFile(path(name), content) } catch { throw .variable(name, errno: error.errno) }
    }

    func remove(_ name: String) throws(SelectorError) {
        do throws(SystemError) { try removeVariableFile(path(name)) } catch { throw .variable(name, errno: error.errno) }
    }
}

/// Tells the console at once; the report gets the notes afterwards.
struct DeviceSlots: SlotSurroundings, ~Copyable {
    private var partition: BlockStore
    private var slots: SlotSwitch<DeviceSelector>
    private let terms: SlotTerms
    private let watchdog: Int32
    private(set) var notes: [String] = []
    private(set) var booted: SlotName?
    private var latest: BootState
    var state: BootState { latest }

    init(_ partition: consuming BlockStore, _ slots: consuming SlotSwitch<DeviceSelector>, _ terms: SlotTerms, feed watchdog: Int32) {
        latest = slots.state
        var selector = slots.selector
        var failure: SelectorError?
        do throws(SelectorError) { booted = try selector.booted() } catch { failure = error }
        self.partition = partition
        self.slots = slots
        self.terms = terms
        self.watchdog = watchdog
        if let failure { note("which slot's kernel runs is not known: \(failure.code): \(failure.text)") }
    }

    mutating func write(_ next: BootState) throws(BootStateError) {
        latest = next
        try slots.write(next, to: &partition)
    }

    mutating func verify(_ slot: SlotName) throws(SlotFault) -> VerifiedSlot { try verifySlot(slot, terms, feed: watchdog) }
    mutating func tryNext(_ slot: SlotName) throws(SelectorError) { try slots.selector.tryNext(slot) }
    mutating func commit(_ slot: SlotName) throws(SelectorError) { try slots.selector.commit(slot) }

    mutating func note(_ text: String) {
        notes.append(text)
        System.log("penstock: \(text)")
        if watchdog >= 0 { feedWatchdog(watchdog) }
    }
}
