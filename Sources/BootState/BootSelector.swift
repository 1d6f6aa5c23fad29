// How a boot loader learns which slot's kernel it is to start. The slot machine decides; a selector passes it on.
// Trust: what the loader's storage says is anybody's. Whichever kernel it starts, the slot is verified before it runs.
// Must never leave the loader at a slot that is not complete, take an entry away, or call done what did not read back.
//
// `RawSelector`: the loader knows no slots. `EFISelector`: firmware variables. `UBootSelector`: U-Boot's environment.
// One write of each switches, and `SlotSwitch` says when.

import Bytes

public protocol BootSelector: ~Copyable {
    /// The slot whose kernel is running; nil where the loader does not say.
    mutating func booted() throws(SelectorError) -> SlotName?
    /// The next start is of `slot`. If it is not committed, the loader goes back by itself.
    mutating func tryNext(_ slot: SlotName) throws(SelectorError)
    /// Every start is of `slot` from now on. Writes nothing if that is so already.
    mutating func commit(_ slot: SlotName) throws(SelectorError)
}

/// One kernel for both slots, outside of them: the record of the slots alone decides.
public struct RawSelector: BootSelector, Sendable {
    public init() {}
    public mutating func booted() throws(SelectorError) -> SlotName? { nil }
    public mutating func tryNext(_ slot: SlotName) throws(SelectorError) {}
    public mutating func commit(_ slot: SlotName) throws(SelectorError) {}
}

/// Why the boot loader could not be told.
public enum SelectorError: Error, Equatable, Sendable {
    /// The place where the loader keeps its choice could not be opened.
    case unreachable(String)
    case store(StoreError)
    /// A firmware variable could not be read, written or removed.
    case variable(String, errno: Int32)
    case variableMalformed(String)
    case entryMissing(SlotName)
    /// Two boot entries have the slot's description.
    case entryAmbiguous(SlotName)
    /// The firmware passes over it.
    case entryInactive(SlotName)
    /// Neither copy of U-Boot's environment is whole.
    case environmentDamaged
    case environmentFull
    /// What was read back is not what was written.
    case readBack(String)
}

extension SelectorError: Coded {
    public var code: String {
        switch self {
        case .unreachable: "selector-unreachable"
        case .store(let error): "selector-" + error.code
        case .variable: "selector-variable-failed"
        case .variableMalformed: "selector-variable-malformed"
        case .entryMissing: "selector-entry-missing"
        case .entryAmbiguous: "selector-entry-ambiguous"
        case .entryInactive: "selector-entry-inactive"
        case .environmentDamaged: "selector-environment-damaged"
        case .environmentFull: "selector-environment-full"
        case .readBack: "selector-read-back-differs"
        }
    }

    public var text: String {
        switch self {
        case .unreachable(let what): "the boot loader's choice: \(what)"
        case .store(let error): "the boot loader's environment: \(error.text)"
        case .variable(let name, let errno): "firmware variable \(name), errno \(errno): is its memory full or write-protected?"
        case .variableMalformed(let name): "firmware variable \(name) is not as UEFI has it: set it right with efibootmgr"
        case .entryMissing(let slot): "no boot entry is called '\(bootEntryDescription(slot))': make it with efibootmgr"
        case .entryAmbiguous(let slot): "two boot entries are called '\(bootEntryDescription(slot))': remove the one that is not this board's"
        case .entryInactive(let slot): "the boot entry '\(bootEntryDescription(slot))' is not active: activate it with efibootmgr"
        case .environmentDamaged: "neither copy of U-Boot's environment is whole: save it once with saveenv, and check place and size in the board file"
        case .environmentFull: "U-Boot's environment has no room left: take out variables that nobody needs"
        case .readBack(let what): "\(what) does not read back as written: the medium fails, or something else writes it"
        }
    }
}
