// An action as people write it on a command line, and back.
import Bytes
import Command
import Cryptography
import Signed

public enum CommandWords {
    public static let forms = """
        'setpoint ACTUATOR 40%' (or permille: 400), 'select ACTUATOR 40%', 'renew ACTUATOR', 'release ACTUATOR', \
        'phase NAME', 'bypass TRIP MINUTES' (0 ends it), 'partial-stroke ACTUATOR', 'calibration FILE', 'update BUNDLE', \
        'update BUNDLE BYTES' (fetches no more than that), \
        'reboot', 'kill ROLE', 'freeze ROLE'
        """

    public static func action(_ words: [String]) throws(Failure) -> Action {
        switch (words.first, words.count) {
        case ("setpoint", 3): return .setpoint(actuator: try name(words[1]), permille: try permille(words[2]))
        case ("select", 3): return .select(actuator: try name(words[1]), permille: try permille(words[2]))
        case ("renew", 2): return .renew(actuator: try name(words[1]))
        case ("release", 2): return .release(actuator: try name(words[1]))
        case ("phase", 2): return .phase(try name(words[1]))
        case ("bypass", 3): return .bypass(trip: try name(words[1]), minutes: try minutes(words[2]))
        case ("partial-stroke", 2): return .partialStroke(actuator: try name(words[1]))
        case ("calibration", 2): return .calibration(digest: try digest(words[1]))
        case ("update", 2): return .update(bundle: try name(words[1]))
        case ("update", 3): return .update(bundle: try name(words[1]), downloadMaximumBytes: try byteCount(words[2]))
        case ("reboot", 1): return .reboot
        case ("kill", 2): return .kill(try role(words[1]))
        case ("freeze", 2): return .freeze(try role(words[1]))
        default: throw invalid("'\(words.joined(separator: " "))' is no action; there are \(forms)")
        }
    }

    public static func text(_ action: Action) -> String {
        switch action {
        case .setpoint(let actuator, let permille): "setpoint \(actuator) \(percent(permille))"
        case .select(let actuator, let permille): "select \(actuator) \(percent(permille))"
        case .renew(let actuator): "renew \(actuator)"
        case .release(let actuator): "release \(actuator)"
        case .phase(let name): "phase \(name)"
        case .bypass(let trip, let minutes): "bypass \(trip) \(minutes)"
        case .partialStroke(let actuator): "partial-stroke \(actuator)"
        case .calibration(let digest): "calibration \(hexadecimal(digest))"
        case .update(let bundle, let maximum): "update \(bundle)" + (maximum == .max ? "" : " \(maximum)")
        case .reboot: "reboot"
        case .kill(let role): "kill \(role)"
        case .freeze(let role): "freeze \(role)"
        }
    }

    private static func percent(_ permille: UInt16) -> String { "\(permille / 10)\(permille % 10 == 0 ? "" : ".\(permille % 10)")%" }

    private static func minutes(_ word: String) throws(Failure) -> UInt16 {
        guard let value = UInt16(word) else { throw invalid("'\(word)' is no number of minutes: 0 (which ends a bypass) to 65535") }
        return value
    }

    private static func byteCount(_ word: String) throws(Failure) -> UInt64 {
        guard let value = UInt64(word), value < .max else { throw invalid("'\(word)' is no number of bytes, as in 'update 1.4.0.bundle 30000000'") }
        return value
    }

    /// Of the calibration in a signed file; or the digest itself, 64 hexadecimal digits.
    private static func digest(_ word: String) throws(Failure) -> [UInt8] {
        if let digest = bytes(hexadecimal: word), digest.count == Command.digestBytes { return digest }
        let content = try readFile(word, maximum: SignedObject.byteMaximum)
        do throws(SignedError) {
            let object = try SignedObject(content.span.bytes)
            guard Purpose(contentType: object.contentType) == .calibration else { throw .purposeWrong(expected: .calibration, found: object.contentType) }
            return SHA256.hash(object.unverifiedPayload).bytes
        } catch { throw Failure(error, path: word) }
    }

    /// "40%", "40.5%", or "405".
    private static func permille(_ word: String) throws(Failure) -> UInt16 {
        if let value = UInt16(word), value <= 1000 { return value }
        let parts = word.dropLast().split(separator: ".", omittingEmptySubsequences: false)
        guard word.last == "%", (1...2).contains(parts.count), let whole = UInt16(parts[0]), whole <= 100,
              let tenths = parts.count == 1 ? 0 : UInt16(parts[1]), parts.count == 1 || parts[1].count == 1, whole * 10 + tenths <= 1000
        else { throw invalid("the position '\(word)' is neither a percentage of travel (0% to 100%, at most one decimal) nor permille (0 to 1000)") }
        return whole * 10 + tenths
    }

    private static func role(_ word: String) throws(Failure) -> Role {
        guard let role = Role.allCases.first(where: { "\($0)" == word }) else {
            throw invalid("there is no role '\(word)'; there are \(Role.allCases.map { "\($0)" }.joined(separator: ", "))")
        }
        return role
    }

    private static func name(_ word: String) throws(Failure) -> String {
        guard (1...Command.nameMaximum).contains(word.utf8.count) else { throw invalid("the name '\(word)' must have 1 to \(Command.nameMaximum) bytes") }
        return word
    }

    private static func invalid(_ text: String) -> Failure { Failure(code: "action-invalid", text: text) }
}
