// What the rig keeps of a run: the plant, faults, orders and what the broker passed on, as lines that are read again.
import Bytes
import Command
import Cryptography
import Foundation
import Plant
import RunReport
import Signed
import Telemetry
import Testing

@testable import Rig

@Suite struct RecordingTests {
    @Test("A run without a board: plant, faults, checks, orders and records stand in the file")
    func records() throws {
        let rig = try Rig()
        defer { rig.end() }
        let path = rig.folder + "/run.jsonl"
        let recording = try Recording(rig, path: path)
        recording.note(CheckFact(name: "one", threats: ["P-E1"]))
        try rig.set(.jammedOutlet, true)
        rig.wiring.change { $0.fill(toMicrolitres: 18_500_000) }
        let event = EventRecord(stamp: Stamp(sequence: 1, bootCount: 2, monotonicMilliseconds: 3), code: "tripped", text: "inlet: condition", point: 0, value: 0)
        let device = "penstock/\(Workshop.device)"
        try rig.observer.publish("\(device)/event", event.encoded())
        let command = Command(
            device: Workshop.device, challenge: [UInt8](repeating: 1, count: 16), counter: 1, deadlineMilliseconds: 9,
            action: .setpoint(actuator: "inlet", permille: 420))
        try rig.observer.publish("\(device)/command", sign(command.encoded(), purpose: .command, with: PrivateKey.generate(.ed25519)))
        try rig.observer.publish("\(device)/command", [1, 2, 3])
        try rig.observer.publish("\(device)/data", [0xFF])
        _ = rig.observer.wait(since: 0, timeoutSeconds: 10) { $0.kind == "data" }
        Thread.sleep(forTimeInterval: 3 * Recording.periodSeconds)
        try rig.set(.jammedOutlet, false)
        Thread.sleep(forTimeInterval: 3 * Recording.periodSeconds)
        recording.end()

        let lines = try RunLine.lines(of: Array(try Data(contentsOf: URL(fileURLWithPath: path))))
        func holds(_ matches: (RunLine) -> Bool) -> Bool { lines.contains(where: matches) }
        #expect(holds { if case .run("tank-7", _, _) = $0 { true } else { false } })
        #expect(holds { if case .plant(_, let values) = $0 { values["level"] == 18_500 } else { false } })
        #expect(holds { if case .line(_, "level-high", 1) = $0 { true } else { false } })
        #expect(lines.compactMap { if case .fault(_, "jammed-outlet", let present) = $0 { present } else { nil } } == [true, false])
        #expect(holds { if case .event(let stamp, let event) = $0 { event.code == "tripped" && stamp.boot == 2 && stamp.runMilliseconds != nil } else { false } })
        #expect(holds { if case .order(_, let order) = $0 { order.text == "3 bytes that are no command" } else { false } })
        #expect(holds { if case .order(_, let order) = $0 { order.text == "setpoint inlet 42%" && order.actuator == "inlet" && order.permille == 420 } else { false } })
        #expect(holds { if case .check(_, let check) = $0 { check.name == "one" && check.passed == nil } else { false } })
        let tank = try #require(try RunRecord(lines).truth["level"])
        #expect(tank.maximum == 18_500)
    }
}
