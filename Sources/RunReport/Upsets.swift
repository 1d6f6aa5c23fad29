// What was out of the ordinary, made of the events: trips with their first-out, faults, states that lasted,
// whose orders an actuator followed. Events are known by their codes; a code that is not known here
// stands in the table of events all the same.

import Calibration

/// A trip or a fault of an actuator, from its coming to its reset.
public struct Upset: Equatable, Sendable {
    public enum Kind: String, Sendable { case trip, fault }

    /// Counts from 1 over the whole run: the number of its marker.
    public let number: Int
    public let kind: Kind
    public let actuator: String
    /// The trip's name in the calibration, or the fault's reason.
    public let name: String
    /// Why, as the board said it.
    public let reason: String
    /// The upset that came first of those that held the actuator: its own name if it was alone.
    public let firstOut: String
    public let at: Instant
    public internal(set) var resetAt: Instant?
    /// By which local reset, or how it ended.
    public internal(set) var end: String
    /// How often the reset was tried while the cause stood.
    public internal(set) var refusedResets = 0
    let key: Int64
}

/// States that begin with one event and end with another.
struct StateRule {
    /// Whom an event is about.
    enum Scope {
        /// Its point.
        case point
        /// All actuators of the trip that its value names; it ends for all of them at once.
        case trip
        /// The board.
        case whole
    }

    let name: String
    let begins: String
    let ends: String
    let scope: Scope

    static let all = [
        StateRule(name: "tripped", begins: "tripped", ends: "trip-reset", scope: .trip),
        StateRule(name: "faulted", begins: "fault", ends: "fault-reset", scope: .point),
        StateRule(name: "unsupervised", begins: "supervision-lost", ends: "supervision-regained", scope: .whole),
        StateRule(name: "bypassed", begins: "bypass-began", ends: "bypass-ended", scope: .trip),
        StateRule(name: "leased", begins: "lease-began", ends: "lease-ended", scope: .point),
        StateRule(name: "deviating", begins: "deviation", ends: "deviation-cleared", scope: .point),
    ]

    /// Codes that every listing shows, however often they come.
    static let codes = Set(all.flatMap { [$0.begins, $0.ends] })
}

extension RunRecord {
    private func reason(_ event: EventFact) -> String { event.text.components(after: ": ") ?? event.text }

    func pointName(_ event: Recorded<EventFact>) -> String? {
        event.fact.point.map { name(of: $0, boot: event.stamp.boot) }
    }

    /// Trips and faults of all actuators, in the order of their coming.
    public var upsets: [Upset] {
        var upsets: [Upset] = []
        let trips = CalibrationFacts.trips(calibration)
        for event in events {
            guard let actuator = pointName(event) else { continue }
            let value = event.fact.value ?? 0
            // A trip may hold several actuators, and is reset for all of them.
            func close(_ kind: Upset.Kind, _ how: String) {
                for index in upsets.indices where upsets[index].isOpen && upsets[index].kind == kind
                    && (kind == .trip ? upsets[index].key == value : upsets[index].actuator == actuator) {
                    upsets[index].resetAt = event.at
                    upsets[index].end = how
                }
            }
            func open(_ kind: Upset.Kind, _ name: String) {
                let first = upsets.first { $0.isOpen && $0.actuator == actuator && boot(at: $0.at) == boot(at: event.at) }
                upsets.append(Upset(
                    number: upsets.count + 1, kind: kind, actuator: actuator, name: name, reason: reason(event.fact),
                    firstOut: first?.firstOut ?? name, at: event.at, end: "", key: value))
            }
            let trip = trips.indices.contains(Int(value)) ? trips[Int(value)] : nil
            switch event.fact.code {
            case "tripped": open(.trip, trip?.name ?? "trip \(value)")
            case "trip-reset": close(.trip, trip?.reset.map { "local reset '\($0)'" } ?? "local reset")
            case "fault": open(.fault, reason(event.fact))
            case "fault-reset": close(.fault, "local reset")
            case "reset-refused":
                for index in upsets.indices where upsets[index].isOpen && upsets[index].kind == .trip && upsets[index].key == value { upsets[index].refusedResets += 1 }
            default: break
            }
        }
        return upsets.map { upset in
            guard upset.isOpen else { return upset }
            var upset = upset
            let isLatched = upset.kind == .fault || trips.first { $0.name == upset.name }?.isLatched ?? true
            upset.end = isLatched ? "not reset in this run" : "ends with its cause"
            return upset
        }
    }

    /// The intervals of each state: of this actuator or sensor, and those of the whole board.
    func states(of point: String) -> [(name: String, intervals: [Interval])] {
        let trips = CalibrationFacts.trips(calibration)
        return StateRule.all.compactMap { rule in
            let intervals = intervals(rule) { event in
                switch rule.scope {
                case .whole: return true
                case .point: return self.pointName(event) == point
                case .trip:
                    let trip = Int(event.fact.value ?? -1)
                    return self.pointName(event) == point || trips.indices.contains(trip) && trips[trip].actuators.contains(point)
                }
            }
            return intervals.isEmpty ? nil : (rule.name, intervals)
        }
    }

    /// Joined where several of one kind overlap; each ends with its boot at the latest.
    private func intervals(_ rule: StateRule, _ concerns: (Recorded<EventFact>) -> Bool) -> [Interval] {
        var intervals: [Interval] = []
        var open: Set<Int64> = []
        var from: Recorded<EventFact>?
        func close(_ at: Instant) {
            if let from { intervals.append(Interval(from: from.at, to: at, text: reason(from.fact))) }
            from = nil
            open = []
        }
        for event in events where (event.fact.code == rule.begins || event.fact.code == rule.ends) && concerns(event) {
            if let begun = from, begun.stamp.boot != event.stamp.boot { close(boot(begun.stamp.boot)?.end ?? event.at) }
            let key = rule.scope == .trip ? event.fact.value ?? 0 : 0
            if event.fact.code == rule.begins {
                if from == nil { from = event }
                open.insert(key)
            } else {
                open.remove(key)
                if open.isEmpty { close(event.at) }
            }
        }
        if let begun = from { close(boot(begun.stamp.boot)?.end ?? end) }
        return intervals
    }

    /// What an event's value says from one such event to the next: the selector's mode, the operating phase.
    /// - words: for a value.
    func course(of code: String, where concerns: (Recorded<EventFact>) -> Bool = { _ in true }, words: (Int64) -> String) -> [Interval] {
        var intervals: [Interval] = []
        var open: Recorded<EventFact>?
        func close(_ at: Instant) {
            if let open { intervals.append(Interval(from: open.at, to: at, text: words(open.fact.value ?? 0))) }
        }
        for event in events where event.fact.code == code && concerns(event) {
            if let before = open { close(before.stamp.boot == event.stamp.boot ? event.at : boot(before.stamp.boot)?.end ?? event.at) }
            open = event
        }
        if let last = open { close(boot(last.stamp.boot)?.end ?? end) }
        return intervals
    }

    /// What the board's states say of one thing, from one change to the next; nil is nothing.
    func course(of text: (StateFact, UInt64) -> String??) -> [Interval] {
        var intervals: [Interval] = []
        var open: (at: Instant, boot: UInt64, text: String)?
        for state in states {
            guard let said = text(state.fact, state.stamp.boot) else { continue }
            if let before = open, before.boot != state.stamp.boot || before.text != said {
                let end = before.boot == state.stamp.boot ? state.at : boot(before.boot)?.end ?? state.at
                intervals.append(Interval(from: before.at, to: end, text: before.text))
                open = nil
            }
            if open == nil, let said { open = (state.at, state.stamp.boot, said) }
        }
        if let last = open { intervals.append(Interval(from: last.at, to: boot(last.boot)?.end ?? end, text: last.text)) }
        return intervals
    }

    private func course(of actuator: String, _ text: (ActuatorFact) -> String?) -> [Interval] {
        course { state, boot in
            state.actuators.first { self.name(of: $0.point, boot: boot) == actuator }.map(text)
        }
    }

    /// Who held the actuator's lease.
    func leases(of actuator: String) -> [Interval] { course(of: actuator, \.holder) }

    /// Hand, Off or Auto, as the board's states say it, or else the events of the actuator's selector.
    func modes(of actuator: String) -> [Interval] {
        let said = course(of: actuator, \.mode)
        guard said.isEmpty else { return said }
        let group = CalibrationFacts.sharingSelector(with: actuator, calibration)
        return course(of: "selector-changed", where: { self.pointName($0).map(group.contains) ?? false }) { ["off", "hand", "auto"].indices.contains(Int($0)) ? ["off", "hand", "auto"][Int($0)] : "\($0)" }
    }

    var phases: [Interval] {
        let said = course { state, _ in state.phase }
        guard said.isEmpty else { return said }
        let names = CalibrationFacts.phases(calibration)
        return course(of: "phase-changed") { names.indices.contains(Int($0)) ? names[Int($0)] : "phase \($0)" }
    }

    // MARK: orders

    /// A receipt with the order that it answers, where the order is known.
    func order(of receipt: ReceiptFact) -> OrderFact? {
        if let sent = orders.first(where: { $0.fact.object == receipt.object }) { return sent.fact }
        // "inlet to 400 permille"
        let words = receipt.text.split(separator: " ")
        guard words.count >= 4, words[1] == "to", words[3] == "permille", let permille = Int(words[2]) else { return nil }
        return OrderFact(object: receipt.object, text: receipt.text, actuator: String(words[0]), permille: permille)
    }

    /// What the actuator was told to go to, as far as the orders are known, and by whom. An order stands until
    /// the next, until the actuator trips, faults or is no longer supervised, or until the boot ends.
    func authority(of actuator: String) -> (setpoint: Series, holders: [Interval]) {
        var setpoint = Series()
        var holders: [Interval] = []
        var holder: (from: Instant, issuer: String, boot: UInt64)?
        func end(_ at: Instant) {
            if let holder { holders.append(Interval(from: holder.from, to: at, text: holder.issuer)) }
            holder = nil
        }
        var turns: [(at: Instant, boot: UInt64, issuer: String?, permille: Int?)] = []
        for receipt in receipts where receipt.fact.outcome == "accepted" {
            guard let order = order(of: receipt.fact), order.actuator == actuator, let permille = order.permille else { continue }
            turns.append((receipt.at, receipt.stamp.boot, receipt.fact.issuer ?? "unknown", permille))
        }
        let enders: Set<String> = ["tripped", "fault", "supervision-lost", "maximum-away", "lease-ended", "sequence-ended"]
        for event in events where enders.contains(event.fact.code) && (event.fact.code == "supervision-lost" || pointName(event) == actuator) {
            turns.append((event.at, event.stamp.boot, nil, nil))
        }
        for turn in turns.sorted(by: { $0.at < $1.at }) {
            if let held = holder, held.boot != turn.boot {
                let last = boot(held.boot)?.end ?? turn.at
                setpoint.append(last, nil)
                end(last)
            }
            if holder?.issuer != turn.issuer || turn.issuer == nil { end(turn.at) }
            setpoint.append(turn.at, turn.permille.map { Int64($0) })
            if let issuer = turn.issuer, holder == nil { holder = (turn.at, issuer, turn.boot) }
        }
        if let held = holder {
            let last = boot(held.boot)?.end ?? self.end
            setpoint.append(last, nil)
            end(last)
        }
        // What the board itself says it is told to is better than what its receipts lead to.
        if let point = point(named: actuator + Self.setpointSuffix), !point.values.entries.isEmpty { setpoint = point.values }
        return (setpoint, holders)
    }
}

extension Upset {
    fileprivate var isOpen: Bool { resetAt == nil }
}
