// From one calibration to the next, in engineering terms: what became tighter, what looser, what else.
import Calibration

public struct CalibrationDifference: Sendable {
    public enum Direction: String, Sendable { case tighter, looser, other }

    public struct Change: Equatable, Sendable {
        /// "inlet", "trip level-high".
        public let subject: String
        /// The key in the file; empty where the whole thing came or went.
        public let key: String
        public let before: String
        public let after: String
        public let direction: Direction
        /// "wider", "later", "rewired".
        public let word: String

        public var text: String {
            key.isEmpty ? "\(subject): \(word)" : "\(subject): \(key) \(before) -> \(after)" + (word.isEmpty ? "" : " (\(word))")
        }
    }

    public let changes: [Change]
    /// Why the new one waits for the safe state; nil if it may take over bumplessly.
    public let bumplessObstacle: String?

    public init(from old: Calibration, to new: Calibration) {
        let (before, after) = (CalibrationOutline.items(old), CalibrationOutline.items(new))
        var changes: [Change] = []
        // The board's own name is no thing that comes and goes.
        for item in after {
            let isFrame = item.section == "calibration"
            guard let former = before.first(where: { $0.section == item.section && (isFrame || $0.name == item.name) }) else {
                changes.append(Self.whole(item, came: true))
                continue
            }
            if isFrame, former.name != item.name { changes.append(.init(subject: "calibration", key: "board", before: former.name, after: item.name, direction: .other, word: "another board")) }
            changes += Self.fields(former, item)
        }
        for item in before where !after.contains(where: { $0.section == item.section && ($0.section == "calibration" || $0.name == item.name) }) {
            changes.append(Self.whole(item, came: false))
        }
        self.changes = changes
        bumplessObstacle = new.bumplessObstacle(replacing: old)
    }

    private static func subject(_ item: OutlineItem) -> String {
        switch item.section {
        case "calibration", "actuator": item.section == "actuator" ? item.name : "calibration"
        default: "\(item.section) \(item.name)"
        }
    }

    /// A thing that is new, or gone: a protection less is looser, an actuator more is one more to misuse.
    private static func whole(_ item: OutlineItem, came: Bool) -> Change {
        let protects = ["trip", "permissive", "exclusion", "sequence", "response"].contains(item.section)
        let direction: Direction = protects ? (came ? .tighter : .looser) : .other
        let name = item.section == "actuator" ? "actuator \(item.name)" : subject(item)
        return Change(subject: name, key: "", before: "", after: "", direction: direction, word: came ? "added" : "removed")
    }

    private static func fields(_ before: OutlineItem, _ after: OutlineItem) -> [Change] {
        var changes: [Change] = []
        let name = subject(after)
        for field in after.fields {
            let former = before.fields.first { $0.key == field.key }
            if former == field { continue }
            let (direction, word) = former.map { judged($0, field) } ?? (.other, "new")
            changes.append(Change(subject: name, key: field.key, before: former?.text ?? "none", after: field.text, direction: direction, word: word))
        }
        for field in before.fields where !after.fields.contains(where: { $0.key == field.key }) {
            changes.append(Change(subject: name, key: field.key, before: field.text, after: "none", direction: .other, word: "gone"))
        }
        return changes
    }

    private static func judged(_ before: OutlineField, _ after: OutlineField) -> (Direction, String) {
        switch (before.value, after.value, after.sense) {
        case (.number(let old), .number(let new), .moreIsLooser(let looser, let tighter)): return new > old ? (.looser, looser) : (.tighter, tighter)
        case (.number(let old), .number(let new), .lessIsLooser(let looser, let tighter)): return new < old ? (.looser, looser) : (.tighter, tighter)
        case (.flag(let old), .flag(_), .lessIsLooser(let looser, let tighter)): return old ? (.looser, looser) : (.tighter, tighter)
        case (.number(let old), .number(let new), .limit(let looser, let tighter)):
            if new == 0 { return (.looser, "no limit any more") }
            if old == 0 { return (.tighter, "a limit where there was none") }
            return new > old ? (.looser, looser) : (.tighter, tighter)
        case (.list(let old), .list(let new), .protects):
            // An empty list of phases means all of them.
            if new.isEmpty || !old.isEmpty && Set(old).isStrictSubset(of: new) { return (.tighter, "more") }
            if old.isEmpty || Set(new).isStrictSubset(of: old) { return (.looser, "fewer") }
            return (.other, "others")
        case (_, _, .wiring): return (.other, "rewired")
        default: return (.other, "")
        }
    }
}
