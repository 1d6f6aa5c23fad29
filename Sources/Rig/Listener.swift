// The receiving end once more, by libraries that have nothing in common with ours (Eclipse Paho, cbor2):
// what they read must be what we read.

import Foundation
import Glibc

final class Listener {
    struct Reading {
        let topic: String
        let deterministic: Bool
        /// The map by the text of its keys; byte strings in hexadecimal.
        let value: [String: Any]

        var kind: String { topic.split(separator: "/").last.map(String.init) ?? "" }
        var sequence: UInt64? { (value["1"] as? NSNumber)?.uint64Value }
    }

    private let path: String
    private let child: Child

    /// Starts tools/observe.py with the Python that PENSTOCK_PYTHON names; nil where it names none.
    init?(_ rig: Rig) throws(RigError) {
        guard let python = ProcessInfo.processInfo.environment["PENSTOCK_PYTHON"], !python.isEmpty else { return nil }
        path = rig.folder + "/listener.log"
        child = try Child(
            [python, "-u", "tools/observe.py", "--port", "\(rig.broker.port)", "--authority", rig.authority.certificatePath,
             "--certificate", rig.operatorIdentity.certificatePath, "--key", rig.operatorIdentity.keyPath ?? "",
             "--topic", "penstock/\(Workshop.device)/#", "--seconds", "600"],
            package: "python3-venv (tools/python)", logPath: path)
        let (child, path) = (child, path)
        try waitUntil("the independent client's subscription", seconds: 20, child) { tail(of: path, lines: 1).contains("subscribed") }
    }

    /// All that came so far, and the lines that were no CBOR.
    var readings: (good: [Reading], bad: [String]) {
        var good: [Reading] = [], bad: [String] = []
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        for line in text.split(separator: "\n") {
            guard let fields = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any], let topic = fields["topic"] as? String
            else { continue }
            if let value = fields["value"] as? [String: Any], let deterministic = fields["deterministic"] as? Bool {
                good.append(Reading(topic: topic, deterministic: deterministic, value: value))
            } else {
                bad.append(String(line))
            }
        }
        return (good, bad)
    }

    func end() { child.end() }
}
