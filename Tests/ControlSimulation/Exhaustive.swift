// Every state that a small calibration can reach, by breadth first, under every input at every tick; every
// step on the way is judged.

import Calibration
@testable import Control

/// One choice of all that comes in at a tick.
public struct Choice: Sendable {
    public var reset = false
    public var hand = false
    public var auto = true
    public var sensor = false
    public var beat = true
    public var button = false
    /// Permille; nil = no order.
    public var order: Int?
    /// The valve does not move in this tick.
    public var isJammed = false
}

/// What was found.
public struct Reached: Sendable {
    public var states = 0
    public var transitions = 0
    public var wrong: String?
    public var depth = 0
}

/// A controller and where its machine stands.
private final class Node {
    var control: Control
    var position: Int

    init(_ calibration: Calibration) {
        control = Control(calibration, nowMilliseconds: 0)
        position = 0
    }
}

public struct Exhaustive {
    let calibration: Calibration
    let choices: [Choice]
    let isValve: Bool
    private let tick: Int

    init(_ calibration: Calibration, _ choices: [Choice]) {
        self.calibration = calibration
        self.choices = choices
        tick = calibration.tickMilliseconds
        isValve = calibration.actuators[0].isContinuous
    }

    /// A solenoid with its times, a latched trip with its reset, a selector with a button, supervision.
    public static func solenoid() throws(CalibrationError) -> Exhaustive {
        let content = Calibration.Content(
            version: 1, board: "bench", tickMilliseconds: 250, supervisionTimeoutMilliseconds: 750,
            resets: [Reset(name: "reset", line: "reset", holdMilliseconds: 500)],
            selectors: [Selector(name: "place", handLine: "hand", autoLine: "auto", debounceMilliseconds: 0, changesMaximum: 100, buttonMaximumMilliseconds: 1000)],
            sensors: [level("level")],
            actuators: [ControlSimulation.solenoid("valve", on: 500, off: 500, governance: Governance(selector: 0, openButton: "button"))],
            trips: [trip("level", .active)])
        var choices: [Choice] = []
        for bits in 0..<64 {
            for order in [nil, 0, 1000] {
                choices.append(Choice(
                    reset: bits & 1 != 0, hand: bits & 2 != 0, auto: bits & 4 != 0, sensor: bits & 8 != 0, beat: bits & 16 != 0, button: bits & 32 != 0, order: order))
            }
        }
        return Exhaustive(try Calibration(content), choices)
    }

    /// A coarse motor valve that may jam at any tick, a latched trip with its reset.
    public static func motorValve() throws(CalibrationError) -> Exhaustive {
        let valve = Actuator(
            name: "valve",
            drive: .motorValve(MotorValve(
                openLine: "open", closeLine: "close", openEndLine: "open-end", closedEndLine: "closed-end", endSwitchDebounceMilliseconds: 0,
                endSwitchTolerancePermille: 60, strokeMilliseconds: 1000, strokeFastestMilliseconds: 1000, strokeSlowestMilliseconds: 1000,
                coastMilliseconds: 0, restMilliseconds: 100)),
            envelope: Envelope(maximumPermille: 500), safeState: .closed, reset: 0)
        let content = Calibration.Content(
            version: 1, board: "bench", tickMilliseconds: 100, supervisionTimeoutMilliseconds: 300,
            resets: [Reset(name: "reset", line: "reset", holdMilliseconds: 100)], sensors: [level("level")], actuators: [valve], trips: [trip("level", .active)])
        var choices: [Choice] = []
        for bits in 0..<8 {
            for order in [nil, 0, 200, 400] { choices.append(Choice(reset: bits & 1 != 0, sensor: bits & 2 != 0, order: order, isJammed: bits & 4 != 0)) }
        }
        return Exhaustive(try Calibration(content), choices)
    }

    public var choiceCount: Int { choices.count }

    public func search() -> Reached {
        var reached = Reached()
        var seen = Set<Fingerprint>()
        var frontier: [Node] = [Node(calibration)]
        seen.insert(print(frontier[0]))
        var inputs = Inputs(calibration)
        let scratch = Node(calibration)
        while !frontier.isEmpty {
            var next: [Node] = []
            for node in frontier {
                for choice in choices {
                    reached.transitions += 1
                    scratch.control.become(node.control)
                    scratch.position = node.position
                    if let wrong = step(scratch, node, choice, &inputs) {
                        reached.wrong = "\(wrong) after \(reached.depth) ticks, by \(choice)"
                        reached.states = seen.count
                        return reached
                    }
                    guard seen.insert(print(scratch)).inserted else { continue }
                    let new = Node(calibration)
                    new.control.become(scratch.control)
                    new.position = scratch.position
                    next.append(new)
                }
            }
            frontier = next
            reached.depth += 1
        }
        reached.states = seen.count
        return reached
    }

    private func print(_ node: Node) -> Fingerprint {
        var print = node.control.fingerprint
        print.add(node.position)
        return print
    }

    private func step(_ node: Node, _ before: Node, _ choice: Choice, _ inputs: inout Inputs) -> String? {
        let outputs = before.control.outputs
        if isValve, !choice.isJammed {
            if outputs[0] { node.position = min(1000, node.position + tick) }
            if outputs[1] { node.position = max(0, node.position - tick) }
        }
        inputs.lines[0] = LineReading(choice.reset)
        if isValve {
            inputs.lines[1] = LineReading(choice.sensor)
            inputs.lines[2] = LineReading(node.position >= 1000)
            inputs.lines[3] = LineReading(node.position <= 0)
        } else {
            inputs.lines[1] = LineReading(choice.hand)
            inputs.lines[2] = LineReading(choice.auto)
            inputs.lines[3] = LineReading(choice.sensor)
            inputs.lines[4] = LineReading(choice.button)
        }
        for i in outputs.indices { inputs.readBacks[i] = LineReading(outputs[i]) }
        inputs.heartbeat = choice.beat
        if let order = choice.order { _ = inputs.add(Request(identifier: 1, order: .setpoint(actuator: 0, permille: order), issuers: 1)) }
        let answered = choice.order != nil
        node.control.step(inputs, after: tick)
        inputs.consumed()
        node.control.forgetWindows()
        return isValve ? judgeValve(node, before, choice, answered) : judgeSolenoid(node, before, choice, answered)
    }

    private func judgeCommon(_ node: Node, _ before: Node, _ choice: Choice) -> String? {
        for i in 0..<node.control.events.count where node.control.events[i].code == .gateIntervened { return "the gate had to intervene" }
        if before.control.isLatched(trip: 0), !node.control.isLatched(trip: 0) {
            if !choice.reset { return "the trip was reset without its button" }
            if choice.sensor { return "the trip was reset with its cause there" }
        }
        let (old, new) = (before.control.status(actuator: 0).setpointPermille, node.control.status(actuator: 0).setpointPermille)
        let isAsked = choice.order == new || choice.button && choice.hand
        if new > old, new > 0, !isAsked, !isValve || new > node.control.status(actuator: 0).permille { return "it is asked from \(old) to \(new) by nobody" }
        return nil
    }

    private func judgeSolenoid(_ node: Node, _ before: Node, _ choice: Choice, _ answered: Bool) -> String? {
        if let wrong = judgeCommon(node, before, choice) { return wrong }
        let isOn = node.control.outputs[0]
        if isOn, node.control.isLatched(trip: 0) { return "open, and tripped" }
        if isOn, !node.control.isSupervised { return "open, and unsupervised" }
        if isOn, choice.hand == choice.auto { return "open, in Off" }
        if answered, node.control.outcomes[0].reason == .none, choice.hand || !choice.auto { return "an order was accepted in Hand or Off" }
        if answered, choice.order == 1000, node.control.outcomes[0].reason == .none, node.control.isLatched(trip: 0) { return "an order was accepted by what is tripped" }
        return nil
    }

    private func judgeValve(_ node: Node, _ before: Node, _ choice: Choice, _ answered: Bool) -> String? {
        if let wrong = judgeCommon(node, before, choice) { return wrong }
        if node.control.outputs[0], node.control.outputs[1] { return "both lines" }
        if before.control.outputs[0] && node.control.outputs[1] || before.control.outputs[1] && node.control.outputs[0] { return "no rest" }
        if node.control.outputs[0], choice.sensor { return "opening, and its level is high" }
        // What the machine was when it began no limit can undo: it begins closed.
        if node.position > 500 { return "it stands at \(node.position)" }
        return nil
    }
}

extension Control {
    /// One step of a time without end.
    mutating func step(_ inputs: Inputs, after milliseconds: Int) { step(inputs, nowMilliseconds: clock + Int64(milliseconds)) }
}
