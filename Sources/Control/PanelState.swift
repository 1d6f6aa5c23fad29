// The panel at the machine: Hand-Off-Auto selectors and the buttons that count in Hand. Local beats
// remote, and is held in the same envelope; what contradicts itself, or flaps, counts as Off.

import Calibration

/// Who has an actuator. Numbers never change.
public enum Mode: UInt8, Sendable {
    case off = 0
    case hand = 1
    case auto = 2
}

struct SelectorState {
    let handLine: Int
    var hand: Debounce
    var auto: Debounce
    private let changesMaximum: Int
    /// Of its switch, and of the buttons that are at work in Hand.
    let debounceMilliseconds: Int
    let buttonMaximumMilliseconds: Int
    var last: Mode = .off
    var changes = 0
    var windowMilliseconds = 0
    var quietMilliseconds = 0
    var isFlapping = false
    private(set) var mode: Mode = .off
    /// Why it counts as Off, where it does not say so itself.
    private(set) var reason: Reason = .none

    /// Changes are counted over this window, and flapping ends after so long without one.
    static let windowLength = 10_000

    init(_ selector: Selector, handLine: Int) {
        self.handLine = handLine
        hand = Debounce(milliseconds: selector.debounceMilliseconds)
        auto = Debounce(milliseconds: selector.debounceMilliseconds)
        changesMaximum = selector.changesMaximum
        debounceMilliseconds = selector.debounceMilliseconds
        buttonMaximumMilliseconds = selector.buttonMaximumMilliseconds
    }

    mutating func sample(_ handReading: LineReading, _ autoReading: LineReading, _ elapsed: Int, _ tick: Int) {
        hand.sample(handReading, elapsed, bound: 2 * tick)
        auto.sample(autoReading, elapsed, bound: 2 * tick)
        let (said, cause) = position
        watchFlapping(said, elapsed)
        mode = isFlapping && enforced(.selectorFlapping) ? .off : said
        reason = isFlapping && enforced(.selectorFlapping) ? .flapping : cause
    }

    var position: (Mode, Reason) {
        if hand.value == .unreadable || auto.value == .unreadable { return (.off, .sensorStale) }
        if hand.value == .high, auto.value == .high, enforced(.selectorContradiction) { return (.off, .contradiction) }
        if hand.value == .high { return (.hand, .none) }
        return auto.value == .high ? (.auto, .none) : (.off, .none)
    }

    private mutating func watchFlapping(_ said: Mode, _ elapsed: Int) {
        quietMilliseconds = said == last ? min(quietMilliseconds + elapsed, Self.windowLength) : 0
        if said != last { changes = min(changes + 1, 1000) }
        last = said
        windowMilliseconds += elapsed
        if changes > changesMaximum { isFlapping = true }
        if windowMilliseconds >= Self.windowLength {
            windowMilliseconds = 0
            changes = 0
        }
        if quietMilliseconds >= Self.windowLength { isFlapping = false }
    }
}

/// What a button says. A press that has not lasted for its debounce yet moves nothing, and keeps the other button
/// from it: two that are pressed at once never close in the same moment.
enum Press { case none, settling, counts }

/// A button that counts in Hand: it must be seen released in Hand before a press counts, and one that is
/// held too long is stuck. A release counts at once.
struct ButtonState {
    let line: Int
    var isFresh = false
    private(set) var isDown = false
    /// Since it was first seen pressed.
    var heldMilliseconds = 0
    private(set) var isStuck = false

    init(line: Int) { self.line = line }

    mutating func sample(_ inputs: Inputs, _ elapsed: Int, isHand: Bool, debounce: Int, maximum: Int, becameStuck: inout Bool) -> Press {
        guard line >= 0 else { return .none }
        guard isHand || !enforced(.buttonFresh) else {
            isFresh = false
            return .none
        }
        if inputs.lines[line] != .high {
            isFresh = inputs.lines[line] == .low
            heldMilliseconds = 0
            (isDown, isStuck) = (false, false)
            return .none
        }
        heldMilliseconds = isDown ? min(heldMilliseconds + elapsed, Int(Int32.max)) : 0
        isDown = true
        if heldMilliseconds >= maximum, !isStuck, enforced(.buttonStuck) {
            isStuck = true
            becameStuck = true
        }
        guard isFresh || !enforced(.buttonFresh), !isStuck else { return .none }
        return heldMilliseconds >= debounce || !enforced(.buttonSettles) ? .counts : .settling
    }
}

extension Control {
    mutating func readPanel(_ inputs: Inputs, _ elapsed: Int) {
        for i in selectors.indices {
            let line = selectors[i].handLine
            let before = selectors[i].mode
            selectors[i].sample(inputs.lines[line], inputs.lines[line + 1], elapsed, tickMilliseconds)
            guard selectors[i].mode != before else { continue }
            for a in actuators.indices where actuators[a].selector == i {
                events.append(.selectorChanged, selectors[i].reason, index: UInt8(a), value: Int64(selectors[i].mode.rawValue))
                modeChanged(a)
            }
        }
    }

    func mode(of actuator: Int) -> Mode {
        let selector = actuators[actuator].selector
        return selector < 0 ? .auto : selectors[selector].mode
    }

    /// Whoever had it has it no more; it stays where it is (bumpless), or goes safe where it is Off. What was on its
    /// way to safe goes on. In Auto it stays for as long as a lease lasts: by then somebody must have one again.
    private mutating func modeChanged(_ a: Int) {
        actuators[a].selection.clear()
        if actuators[a].lease.holder != 0 { events.append(.leaseEnded, .localAuthority, index: UInt8(a), value: 0) }
        actuators[a].lease.clear()
        if enforced(.bumpless), setpoint(of: a) != actuators[a].safePermille { hold(a) }
        guard mode(of: a) == .auto, setpoint(of: a) != actuators[a].safePermille, enforced(.leaseAwaited) else { return }
        actuators[a].lease.expect(milliseconds: actuators[a].governance.leaseMilliseconds)
    }

    /// The buttons of an actuator in Hand. Both at once mean nothing.
    mutating func pressButtons(_ inputs: Inputs, _ elapsed: Int) {
        for a in actuators.indices where actuators[a].selector >= 0 {
            let (debounce, maximum) = (selectors[actuators[a].selector].debounceMilliseconds, selectors[actuators[a].selector].buttonMaximumMilliseconds)
            let isHand = mode(of: a) == .hand
            var becameStuck = false
            let bounded = min(elapsed, 2 * tickMilliseconds)
            let opens = actuators[a].openButton.sample(inputs, bounded, isHand: isHand, debounce: debounce, maximum: maximum, becameStuck: &becameStuck)
            let closes = actuators[a].closeButton.sample(inputs, bounded, isHand: isHand, debounce: debounce, maximum: maximum, becameStuck: &becameStuck)
            if becameStuck { events.append(.buttonStuck, index: UInt8(a), value: 0) }
            guard isHand else {
                actuators[a].jog = .none
                continue
            }
            let areBoth = opens != .none && closes != .none && enforced(.buttonConflict)
            jog(a, areBoth ? .none : opens == .counts ? .open : closes == .counts ? .close : .none)
        }
    }

    /// A motor valve moves while a button is pressed; the others go where it says and stay.
    private mutating func jog(_ a: Int, _ wanted: Drive) {
        defer { actuators[a].jog = wanted }
        guard wanted != actuators[a].jog else { return }
        guard wanted != .none else {
            if actuators[a].kind == .motorValve { hold(a) }
            return
        }
        let target = wanted == .open ? actuators[a].maximum : 0
        guard refusalOfPosition(a, target) == .none else { return }
        setpoint(a, target)
    }
}
