// What tools/bench asks of the virtual board: memory of its roles as the board reports it, and how long
// PID 1 takes to its two marks, beside a peer's initramfs on the same kernel, machine and disk.
// It says only what was measured; what did not come in its time is an error, never a figure.

import Compiler
import Foundation
import Glibc
import Plant
import Release
import Verity

/// PSS in KiB by process, each the median of its samples; `sum` is the median of the samples' sums.
public struct MemoryFigures: Codable, Sendable {
    public let samples: Int
    /// From the board's birth to the first sample.
    public let settledSeconds: Int
    public let kilobytes: [String: Int]
}

/// Milliseconds since PID 1 began, one of each boot, in the order of the boots.
public struct BootFigures: Codable, Sendable {
    public var outputsSafeMilliseconds: [Int] = []
    public var rootMountedMilliseconds: [Int] = []
}

public struct Measurement: Codable, Sendable {
    /// kvm or tcg: under tcg only the ratio says something.
    public let accelerator: String
    /// What both verify, block by block.
    public let imageBytes: Int
    public let memory: MemoryFigures
    public let penstock: BootFigures
    public let peer: BootFigures
}

public struct Measure {
    static let boots = 3
    static let settledSeconds = 60
    static let postures = 6
    private static let bootSecondsMaximum = 120.0

    private let rig: Rig
    private let workshop: Workshop
    private let kernelPath: String

    public init(_ rig: Rig, _ workshop: Workshop, kernelPath: String) {
        self.rig = rig
        self.workshop = workshop
        self.kernelPath = kernelPath
    }

    /// - start: an archive with /start, which says when PID 1 began and becomes /init or the peer.
    /// - peer: the peer's archive, /start in it.
    /// - explain: is told what is being done.
    public func run(start: String, peer: String, explain: (String) -> Void) throws -> Measurement {
        let machine = try workshop.makeBoard(kernelPath: kernelPath)
        let root = try ReleaseBundle(decoding: bytes(workshop.folder + "/1.0.0.bundle"), path: "1.0.0.bundle").manifest.root
        let plain = machine.settings

        explain("memory: one boot, \(Self.settledSeconds) s to settle, \(Self.postures) samples at 10 s")
        let first = rig.observer.nextMessage
        try machine.start()
        let memory = try memory(since: first)
        machine.cutPower()

        explain("boot steps: \(Self.boots) boots of penstock")
        machine.settings.initramfsPath = try joined([plain.initramfsPath!, start])
        machine.settings.commandLine += " rdinit=/start"
        let penstock = try boots(machine)

        explain("boot steps: \(Self.boots) boots of the peer")
        machine.settings.initramfsPath = peer
        machine.settings.commandLine += " peer_root=\(root.root.hexadecimal) peer_offset=\(root.geometry.dataSize)"
        let other = try boots(machine)
        return Measurement(
            accelerator: try machine.accelerator(), imageBytes: root.geometry.dataSize, memory: memory, penstock: penstock, peer: other)
    }

    // MARK: memory

    private func memory(since first: Int) throws -> MemoryFigures {
        let birth = rig.observer.wait(since: first, timeoutSeconds: Self.bootSecondsMaximum) { $0.topic == "penstock/\(Workshop.device)/birth" }
        Thread.sleep(until: try require(birth.map { _ in Date(timeIntervalSinceNow: Double(Self.settledSeconds)) }, "no birth came"))
        var number = rig.observer.nextMessage
        var samples: [[String: Int]] = []
        let deadline = Date(timeIntervalSinceNow: Double(Self.postures * 10 + 40))
        while samples.count < Self.postures {
            let left = deadline.timeIntervalSinceNow
            let message = try require(
                left > 0 ? rig.observer.wait(since: number, timeoutSeconds: left) { $0.kind == "event" } : nil,
                "only \(samples.count) of \(Self.postures) postures came in their time")
            number = message.number + 1
            var reports = BoardReports()
            reports.take(message)
            if let event = reports.events.first, event.code == "posture" { samples.append(try Self.kilobytes(event.text)) }
        }
        var medians: [String: Int] = ["sum": Self.median(samples.map { $0.values.reduce(0, +) })]
        for name in Set(samples.flatMap(\.keys)) { medians[name] = Self.median(samples.compactMap { $0[name] }) }
        return MemoryFigures(samples: samples.count, settledSeconds: Self.settledSeconds, kilobytes: medians)
    }

    /// `listening=0 init=KB controller=KB ...`; the four that always run must all be there, with a figure.
    static func kilobytes(_ posture: String) throws -> [String: Int] {
        var found: [String: Int] = [:]
        for word in posture.split(separator: " ") {
            let parts = word.split(separator: "=")
            if parts.count == 2, parts[0] != "listening", let value = Int(parts[1]), value > 0 { found[String(parts[0])] = value }
        }
        for name in ["init", "controller", "keeper", "uplink"] {
            try require(found[name] != nil, "the posture lacks \(name): \(posture)")
        }
        return found
    }

    static func median(_ values: [Int]) -> Int {
        let sorted = values.sorted(), middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    // MARK: boots

    private func boots(_ machine: Machine) throws -> BootFigures {
        var figures = BootFigures()
        for _ in 0..<Self.boots {
            let offset = machine.serialOffset, number = rig.wiring.snapshot.nextEvent
            try machine.start()
            let mounted = try mark("root mounted read-only over dm-verity after ", machine, offset)
            let began = try mark("PID 1 started after ", machine, offset)
            let safe = try mark("outputs safe after ", machine, offset)
            // What a console says of its outputs counts only if the wire says it too.
            try require(
                rig.wiring.waitForEvent(since: number, timeoutSeconds: 1) { $0 == .output(.inletClose, true) } != nil,
                "the inlet's close line was not driven, as the plant sees it")
            machine.cutPower()
            figures.outputsSafeMilliseconds.append(safe - began)
            figures.rootMountedMilliseconds.append(mounted - began)
        }
        return figures
    }

    private func mark(_ text: String, _ machine: Machine, _ offset: Int) throws -> Int {
        // A line may be seen before its end has been written.
        for _ in 0..<20 {
            let line = try require(
                machine.waitForSerial(text, after: offset, timeoutSeconds: Self.bootSecondsMaximum),
                "no '\(text)' on the console:\n\(tail(of: machine.serialPath, lines: 10))")
            let rest = line.components(separatedBy: text).last!
            if rest.hasSuffix(" ms") { return try require(Int(rest.dropLast(3)), "no figure in '\(line)'") }
            usleep(10_000)
        }
        throw Unmet("no whole line with '\(text)' on the console")
    }

    /// The kernel unpacks archives that stand one after the other.
    private func joined(_ paths: [String]) throws -> String {
        let path = workshop.folder + "/measured.cpio.gz"
        try Data(try paths.flatMap { try bytes($0) }).write(to: URL(fileURLWithPath: path))
        return path
    }

    private func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }
}
