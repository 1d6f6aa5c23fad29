// Which slot this boot goes on with: the slot machine names one, its attempt is counted, the kernel must be its own,
// then it is verified. Pure but for the surroundings that are passed in: the device's, or a simulation's.
// Must never start over but for a counted attempt, nor run what was not verified.
import BootState
import Bytes

/// What the choice has around it.
protocol SlotSurroundings: ~Copyable {
    associatedtype Slot
    /// The slot whose kernel is running; nil if it is not known, or the same for both.
    var booted: SlotName? { get }
    var state: BootState { get }
    mutating func write(_ next: BootState) throws(BootStateError)
    mutating func verify(_ slot: SlotName) throws(SlotFault) -> Slot
    mutating func tryNext(_ slot: SlotName) throws(SelectorError)
    mutating func commit(_ slot: SlotName) throws(SelectorError)
    mutating func note(_ text: String)
}

enum SlotOutcome<Slot> {
    /// Verified; `isCounted` if the attempt stands on the disk.
    case run(Slot, BootChoice, isCounted: Bool)
    /// The boot loader has been told to start the kernel of the slot that is to run.
    case startOver(SlotName)
    /// Nothing may run. `mayTryAgain`: a medium that did not answer, after a counted attempt.
    case none(mayTryAgain: Bool)
}

func chooseSlot<World: SlotSurroundings & ~Copyable>(_ world: inout World) -> SlotOutcome<World.Slot> {
    var state = world.state
    var mediumFailed = false
    // Passed over at this boot alone: the record goes on to say of them what it said.
    var passedOver: [(slot: SlotName, state: SlotState)] = []
    func recorded(_ state: BootState) -> BootState {
        var record = state
        for one in passedOver { record[one.slot] = one.state }
        return record
    }
    // Each round takes one of two slots out, or ends.
    for _ in 0..<3 {
        guard let choice = state.chosen(booted: world.booted) else { break }
        var isCounted = false
        if choice.mustWrite {
            do throws(BootStateError) {
                try world.write(recorded(choice.state))
                isCounted = true
            } catch {
                // A medium that takes no more writes must not keep a good release from running; but a
                // trial that nobody counts would be one for ever.
                world.note("attempt not counted: \(error.text)")
                if choice.isTrial {
                    state = choice.state.verificationFailed(choice.slot, code: error.code, text: error.text)
                    continue
                }
            }
        }
        world.note("slot \(choice.slot.text)\(choice.isTrial ? ", on trial" : ""), attempts left \(choice.state[choice.slot].attemptsLeft)")
        // Uncounted attempts go on under the kernel at hand: nothing bounds how often they would start over.
        if let booted = world.booted, booted != choice.slot, isCounted {
            do throws(SelectorError) {
                if choice.isTrial { try world.tryNext(choice.slot) } else { try world.commit(choice.slot) }
                return .startOver(choice.slot)
            } catch {
                world.note("slot \(choice.slot.text) can't be started: \(error.code): \(error.text)")
                // A good slot is not condemned for it: it is verified, and runs under the kernel at hand.
                if choice.isTrial {
                    state = choice.state.selectorFailed(choice.slot, code: error.code, text: error.text)
                    do throws(BootStateError) { try world.write(recorded(state)) } catch { world.note("not marked bad: \(error.text)") }
                    continue
                }
            }
        }
        do throws(SlotFault) {
            return .run(try world.verify(choice.slot), choice, isCounted: isCounted)
        } catch {
            world.note("slot \(choice.slot.text) refused: \(error.code): \(error.text)")
            state = choice.state.verificationFailed(choice.slot, code: error.code, text: error.text)
            if error.kind == .medium, isCounted { mediumFailed = true }
            guard error.kind == .content else {
                passedOver.append((choice.slot, choice.state[choice.slot]))
                continue
            }
            do throws(BootStateError) { try world.write(recorded(state)) } catch { world.note("not marked bad: \(error.text)") }
        }
    }
    return .none(mayTryAgain: mediumFailed)
}
