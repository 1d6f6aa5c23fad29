// What the rig keeps of a run, for `penstockctl report`: what the board said, what the plant saw, what was
// ordered, which faults were put in, which checks ran. One file of lines; the form is RunReport's.
// It only watches: nothing that it does reaches the plant or the board.

import Bytes
import Command
import Compiler
import Cryptography
import Foundation
import Glibc
import Plant
import RunReport
import Signed

public final class Recording: @unchecked Sendable {
    /// How often it looks; the plant's values stand in the file that often while they change.
    static let periodSeconds = 0.1

    private let rig: Rig
    private let file: FileHandle
    private let lock = NSLock()
    private var nextMessage = 0
    private var nextLineEvent = 0
    private var values: [String: Int64] = [:]
    private var faults: Set<Fault> = []
    private var isEnding = false
    private let ended = DispatchSemaphore(value: 0)

    /// Makes the file anew and begins.
    public init(_ rig: Rig, path: String) throws(RigError) {
        self.rig = rig
        guard FileManager.default.createFile(atPath: path, contents: nil), let file = FileHandle(forWritingAtPath: path) else {
            throw .system("write \(path)", errno)
        }
        self.file = file
        write([.run(device: Workshop.device, board: "", units: ["level": "mL", "spilt": "uL", "warmth": "mK"])])
        let thread = Thread { [self] in run() }
        thread.name = "recording"
        thread.start()
    }

    /// A calibration that the board may have in force: its names and limits.
    public func know(calibration encoded: [UInt8]) { write([.calibration(payload: encoded)]) }

    /// A check begins, or has come to its end.
    public func note(_ check: CheckFact) { write([.check(runMilliseconds: milliseconds(monotonicNanoseconds()), check)]) }

    /// Takes what is left, and closes the file.
    public func end() {
        lock.lock()
        isEnding = true
        lock.unlock()
        ended.wait()
        try? file.close()
    }

    private func run() {
        while true {
            lock.lock()
            let last = isEnding
            lock.unlock()
            look()
            if last { break }
            Thread.sleep(forTimeInterval: Self.periodSeconds)
        }
        ended.signal()
    }

    private func milliseconds(_ nanoseconds: UInt64) -> Int64 { Int64(nanoseconds - min(nanoseconds, rig.openedNanoseconds)) / 1_000_000 }

    private func write(_ lines: [RunLine]) {
        guard !lines.isEmpty else { return }
        lock.lock()
        defer { lock.unlock() }
        // A full disk must not end a run; the file then ends before it.
        try? file.write(contentsOf: Data(lines.map { $0.text + "\n" }.joined().utf8))
    }

    // MARK: looking

    private func look() {
        var lines: [RunLine] = []
        let snapshot = rig.wiring.snapshot
        let now = milliseconds(monotonicNanoseconds())
        for event in rig.wiring.events(since: nextLineEvent) {
            nextLineEvent = event.number + 1
            if let line = line(event) { lines.append(line) }
        }
        for message in rig.observer.messages(since: nextMessage) {
            nextMessage = message.number + 1
            if let line = line(message) { lines.append(line) }
        }
        let present = rig.presentFaults
        for fault in present.subtracting(faults) { lines.append(.fault(runMilliseconds: now, name: fault.name, present: true)) }
        for fault in faults.subtracting(present) { lines.append(.fault(runMilliseconds: now, name: fault.name, present: false)) }
        faults = present
        let changed = snapshot.tank.recorded.filter { values[$0.key] != $0.value }
        if !changed.isEmpty { lines.append(.plant(runMilliseconds: now, values: changed)) }
        values.merge(changed) { $1 }
        write(lines)
    }

    private func line(_ event: LineEvent) -> RunLine? {
        let at = milliseconds(event.nanoseconds)
        switch event.change {
        // 25 a second: the plant's flow says as much.
        case .input(.flowPulse, _): return nil
        case .output(let line, let value), .input(let line, let value): return .line(runMilliseconds: at, name: line.rawValue, value: value ? 1 : 0)
        case .released(let line): return .line(runMilliseconds: at, name: line.rawValue, value: nil)
        case .listening, .watched: return nil
        case .connected: return .board(runMilliseconds: at, what: "connected")
        case .reset: return .board(runMilliseconds: at, what: "reset")
        case .powerLost: return .board(runMilliseconds: at, what: "power-lost")
        case .frozen: return .board(runMilliseconds: at, what: "frozen")
        case .thawed: return .board(runMilliseconds: at, what: "thawed")
        case .malformed: return .board(runMilliseconds: at, what: "malformed")
        }
    }

    private func line(_ message: Message) -> RunLine? {
        guard message.topic.hasPrefix("penstock/\(Workshop.device)/") else { return nil }
        let at = milliseconds(message.nanoseconds)
        if message.kind == "command" { return .order(runMilliseconds: at, Self.order(message.payload)) }
        // What is malformed is the checks' to find.
        return try? RunLine.telemetry(message.kind, message.payload.span.bytes, runMilliseconds: at)
    }

    /// What the sender meant, whether or not the board will believe it.
    private static func order(_ object: [UInt8]) -> OrderFact {
        let digest = hexadecimal(Array(SHA256.hash(object.span.bytes).bytes.prefix(8)))
        guard let signed = try? SignedObject(object.span.bytes), let command = try? Command(decoding: signed.unverifiedPayload.span.bytes) else {
            return OrderFact(object: digest, text: "\(object.count) bytes that are no command")
        }
        guard case .setpoint(let actuator, let permille) = command.action else { return OrderFact(object: digest, text: CommandWords.text(command.action)) }
        return OrderFact(object: digest, text: CommandWords.text(command.action), actuator: actuator, permille: Int(permille))
    }
}

extension Tank {
    /// The truth of what the board knows by these names, in the units of its points; and what it cannot know.
    fileprivate var recorded: [String: Int64] {
        let millilitres = contentMicrolitres / 1000
        return [
            "inlet": inletPermille, "inlet-position": inletPermille * 1000, "outlet": outletOpen ? 1000 : 0, "pump": pump.isRunning ? 1000 : 0,
            "flow": inflowMicrolitresPerSecond, "level": millilitres, "level-a": millilitres, "level-b": millilitres, "level-c": millilitres,
            "spilt": spiltMicrolitres, "warmth": heating.millikelvin,
        ]
    }
}
