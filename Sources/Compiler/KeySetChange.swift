// What a new key set changes, for people who are about to sign it.
import Bytes
import Signed

public struct KeySetChange: Equatable, Sendable {
    public enum Kind: String, Sendable { case added, revoked, changed, threshold }

    public let kind: Kind
    public let text: String

    public static func between(_ old: KeySet, _ new: KeySet) -> [KeySetChange] {
        var changes: [KeySetChange] = []
        for entry in old.entries where new.entry(keyIdentifier: entry.keyIdentifier) == nil {
            changes.append(KeySetChange(kind: .revoked, text: "\(entry.name) (\(hexadecimal(entry.keyIdentifier))), which signed \(names(entry.purposes))"))
        }
        for entry in new.entries {
            guard let before = old.entry(keyIdentifier: entry.keyIdentifier) else {
                changes.append(KeySetChange(kind: .added, text: "\(entry.name) (\(hexadecimal(entry.keyIdentifier))), for \(names(entry.purposes))"))
                continue
            }
            guard before != entry else { continue }
            changes.append(KeySetChange(kind: .changed, text: "\(before.name), for \(names(before.purposes)), is now \(entry.name), for \(names(entry.purposes))"))
        }
        for purpose in Purpose.allCases where old.threshold(purpose) != new.threshold(purpose) {
            changes.append(KeySetChange(kind: .threshold, text: "\(purpose.name): \(count(old.threshold(purpose))), now \(count(new.threshold(purpose)))"))
        }
        return changes
    }

    private static func names(_ purposes: [Purpose]) -> String { purposes.isEmpty ? "nothing" : purposes.map(\.name).joined(separator: ", ") }
    private static func count(_ threshold: Int?) -> String { threshold.map { "\($0)" } ?? "nobody" }
}
