// The slot machine: pure functions from a state and an event to a state. Whoever calls them writes
// the result, in one write, before acting on it.

import Bytes

/// What to boot.
public struct BootChoice: Equatable, Sendable {
    public let slot: SlotName
    /// The state as it is from now on; the attempt is counted in it.
    public let state: BootState
    /// False for a good slot whose attempts are used up: it is tried without any write, so that
    /// neither power cuts in a row brick the board nor a boot loop wears the disk.
    public let mustWrite: Bool
    public var isTrial: Bool { state[slot].condition == .trial }
}

/// An event that the state does not allow; nothing has changed.
public enum SlotRefusal: UInt8, Error, Sendable {
    /// The slot that is running.
    case running
    /// The running release has not marked itself good, so the other slot is the only way back.
    case runningNotGood
    /// Not being installed.
    case notWriting
    /// Not bootable, so it cannot be running.
    case notBootable
}

extension SlotRefusal: Coded {
    public var code: String {
        switch self {
        case .running, .runningNotGood: "slot-busy"
        case .notWriting: "slot-not-writing"
        case .notBootable: "slot-not-bootable"
        }
    }

    public var text: String {
        switch self {
        case .running: "the slot is running: install into the other one"
        case .runningNotGood: "the running release is still on trial, the other slot is the way back: wait until it is marked good"
        case .notWriting: "no installation into the slot has begun: begin one"
        case .notBootable: "the slot is not bootable, so it can't be running: a fault in this program"
        }
    }
}

extension BootState {
    /// The slot to boot, or nil if there is none. Order: a trial slot with attempts left; the active
    /// good slot with attempts left; the other one; good slots without attempts, the one whose kernel was started
    /// first, then the active.
    public func chosen(booted: SlotName? = nil) -> BootChoice? {
        let trials: [SlotName] = [active.other, active]
        for slot in trials where self[slot].condition == .trial && self[slot].attemptsLeft > 0 { return counted(slot) }
        for slot in [active, active.other] where self[slot].condition == .good && self[slot].attemptsLeft > 0 { return counted(slot) }
        for slot in [booted ?? active, active, active.other] where self[slot].condition == .good {
            var next = self
            next.bootCount &+= 1
            return BootChoice(slot: slot, state: next, mustWrite: false)
        }
        return nil
    }

    private func counted(_ slot: SlotName) -> BootChoice {
        var next = self
        next.bootCount &+= 1
        next[slot] = SlotState(
            self[slot].condition, attemptsLeft: self[slot].attemptsLeft - 1, release: self[slot].release, failure: self[slot].failure)
        next.settleTrial(slot.other)
        return BootChoice(slot: slot, state: next, mustWrite: true)
    }

    /// A trial that used up its attempts has failed; said in a write that is made anyway.
    private mutating func settleTrial(_ slot: SlotName) {
        guard self[slot].condition == .trial, self[slot].attemptsLeft == 0 else { return }
        self = failed(slot, step: "trial", code: "attempts-used-up",
            text: "every trial boot ended before the release had marked itself good")
    }

    private func failed(_ slot: SlotName, step: String, code: String, text: String) -> BootState {
        var next = self
        let release = self[slot].release
        next[slot] = SlotState(
            .bad, release: release, failure: SlotFailure(release: release, step: step, code: code, text: text))
        return next
    }

    /// The slot does not hold a complete, signed release for this board: never booted again.
    public func verificationFailed(_ slot: SlotName, code: String, text: String) -> BootState {
        failed(slot, step: "verify", code: code, text: text)
    }

    /// The boot loader can't be brought to start it: given up, with what the loader said.
    public func selectorFailed(_ slot: SlotName, code: String, text: String) -> BootState {
        failed(slot, step: "select", code: code, text: text)
    }

    /// An installation into `slot` begins: it is not bootable from now on.
    public func installBegins(_ slot: SlotName, running: SlotName, release: String) throws(SlotRefusal) -> BootState {
        guard slot != running else { throw .running }
        guard self[running].condition == .good else { throw .runningNotGood }
        var next = self
        next[slot] = SlotState(.writing, release: release, failure: self[slot].failure)
        return next
    }

    /// The installation has ended, read back and verified: tried next, before the active slot.
    public func installed(_ slot: SlotName) throws(SlotRefusal) -> BootState {
        guard self[slot].condition == .writing else { throw .notWriting }
        var next = self
        next[slot] = SlotState(
            .trial, attemptsLeft: SlotState.attemptsMaximum, release: self[slot].release, failure: self[slot].failure)
        return next
    }

    /// The running release has passed its health gate. Only here does the floor rise, and nowhere does it fall.
    public func markedGood(_ running: SlotName, floor: UInt64 = 0) throws(SlotRefusal) -> BootState {
        guard self[running].condition == .trial || self[running].condition == .good else { throw .notBootable }
        var next = self
        next[running] = SlotState(.good, attemptsLeft: SlotState.attemptsMaximum, release: self[running].release)
        next.active = running
        next.floor = max(self.floor, floor)
        next.settleTrial(running.other)
        return next
    }

    /// The running release has not passed its health gate. A trial is bad, with the reason. A slot
    /// that was good before stays good, with the reason: its attempts are counted already, and when
    /// they are used up the other good slot is taken; it may be the only one. With none left nothing
    /// changes, so that a board that restarts for ever doesn't write for ever.
    public func healthFailed(_ running: SlotName, code: String, text: String) throws(SlotRefusal) -> BootState {
        let slot = self[running]
        switch slot.condition {
        case .trial:
            return failed(running, step: "health", code: code, text: text)
        case .good:
            guard slot.attemptsLeft > 0 else { return self }
            var next = self
            next[running] = SlotState(
                .good, attemptsLeft: slot.attemptsLeft, release: slot.release,
                failure: SlotFailure(release: slot.release, step: "health", code: code, text: text))
            return next
        default: throw .notBootable
        }
    }
}
