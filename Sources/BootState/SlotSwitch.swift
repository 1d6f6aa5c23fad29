// The record of the slots and the boot loader that follows it: every change of a slot goes through here.
// The order of both writes is such that a power cut between them leaves a loader that starts a complete
// release, and a record by which the first stage sends it on:
//
//     an installation begins    loader at the running slot, then the record: the other is being written
//     it has ended              the record: a trial, then the loader: try it
//     the release is good       the loader for good, then the record: good, and the floor with it; of one that was
//                               good before, the record first
//
// Must never call a trial good before both have taken it.

import Bytes

/// Why a slot did not change.
public enum SlotSwitchError: Error, Equatable {
    case refused(SlotRefusal)
    case record(BootStateError)
    case selector(SelectorError)
}

extension SlotSwitchError: Coded {
    public var code: String {
        switch self {
        case .refused(let error): error.code
        case .record(let error): error.code
        case .selector(let error): error.code
        }
    }

    public var text: String {
        switch self {
        case .refused(let error): error.text
        case .record(let error): error.text
        case .selector(let error): error.text
        }
    }
}

public struct SlotSwitch<Selector: BootSelector & ~Copyable>: ~Copyable {
    public private(set) var store: BootStateStore
    public var selector: Selector
    public var state: BootState { store.state }

    public init<S: Store & ~Copyable>(loading partition: inout S, _ selector: consuming Selector) throws(BootStateError) {
        store = try BootStateStore(loading: &partition)
        self.selector = selector
    }

    /// The record alone: counts and verdicts, which the loader need not know.
    public mutating func write<S: Store & ~Copyable>(_ next: BootState, to partition: inout S) throws(BootStateError) {
        try store.write(next, to: &partition)
    }

    public mutating func installBegins<S: Store & ~Copyable>(
        _ slot: SlotName, running: SlotName, release: String, on partition: inout S
    ) throws(SlotSwitchError) {
        let next = try Self.allowed { () throws(SlotRefusal) in try state.installBegins(slot, running: running, release: release) }
        try commit(running)
        try record(next, &partition)
    }

    /// If the loader can't be told, the slot is given up with that for its reason: nothing is tried.
    public mutating func installed<S: Store & ~Copyable>(_ slot: SlotName, on partition: inout S) throws(SlotSwitchError) {
        let next = try Self.allowed { () throws(SlotRefusal) in try state.installed(slot) }
        try record(next, &partition)
        do throws(SelectorError) { try selector.tryNext(slot) } catch {
            try record(next.selectorFailed(slot, code: error.code, text: error.text), &partition)
            throw .selector(error)
        }
    }

    /// - floor: no release below it runs on this board from now on, where the record holds the floor.
    public mutating func markedGood<S: Store & ~Copyable>(_ running: SlotName, floor: UInt64, on partition: inout S) throws(SlotSwitchError) {
        let next = try Self.allowed { () throws(SlotRefusal) in try state.markedGood(running, floor: floor) }
        // What was good stays good whatever the loader says; a trial is good only once the loader has it.
        let wasGood = state[running].condition == .good
        if wasGood { try record(next, &partition) }
        try commit(running)
        if !wasGood { try record(next, &partition) }
    }

    public mutating func healthFailed<S: Store & ~Copyable>(
        _ running: SlotName, code: String, text: String, on partition: inout S
    ) throws(SlotSwitchError) {
        try record(try Self.allowed { () throws(SlotRefusal) in try state.healthFailed(running, code: code, text: text) }, &partition)
    }

    private static func allowed(_ change: () throws(SlotRefusal) -> BootState) throws(SlotSwitchError) -> BootState {
        do throws(SlotRefusal) { return try change() } catch { throw .refused(error) }
    }

    private mutating func commit(_ slot: SlotName) throws(SlotSwitchError) {
        do throws(SelectorError) { try selector.commit(slot) } catch { throw .selector(error) }
    }

    private mutating func record<S: Store & ~Copyable>(_ next: BootState, _ partition: inout S) throws(SlotSwitchError) {
        do throws(BootStateError) { try store.write(next, to: &partition) } catch { throw .record(error) }
    }
}
