// What tools/bench control asks of the virtual board: from the edge of a sensor to the safe output, as the
// plant outside sees both, beside a program that does nothing else on the same kernel and machine.

import Command
import Foundation
import Glibc
import Plant

public struct ReactionFigures: Codable, Sendable {
    /// kvm or tcg: under tcg only the ratio says something.
    public let accelerator: String
    /// One of each edge, in their order.
    public let penstockMicroseconds: [Int]
    public let echoMicroseconds: [Int]
}

public struct ReactionMeasure {
    /// The two take turns, so that whatever else the host does falls on both.
    static let turns = 4
    /// At the beginning of a turn, and not counted: the emulator translates the way that they take.
    static let warmingEdges = 5
    private static let waitSeconds = 10.0

    private let rig: Rig
    private let scene: Scene
    private let echo: String

    /// - calibration: trips a relay on the high level, not latched (tools/peer/echo.toml).
    /// - echo: the initramfs of the bare echo.
    public init(_ rig: Rig, _ workshop: Workshop, kernelPath: String, calibration: String, echo: String) throws {
        self.rig = rig
        scene = try Scene(rig: rig, workshop: workshop, kernelPath: kernelPath, calibration: calibration)
        self.echo = echo
    }

    /// - edges: of each of the two.
    public func run(edges: Int, explain: (String) -> Void) throws -> ReactionFigures {
        let machine = try scene.machine()
        let board = machine.settings
        let share = (edges + Self.turns - 1) / Self.turns
        var ours: [Int] = [], theirs: [Int] = []
        for turn in 0..<Self.turns {
            explain("turn \(turn + 1) of \(Self.turns): \(share) edges of the board")
            machine.settings = board
            scene.fill(toLitres: 6)
            try scene.powerOn()
            ours += try measure(share, rearm: order)
            machine.cutPower()
            explain("turn \(turn + 1) of \(Self.turns): \(share) edges of the echo")
            machine.settings.initramfsPath = echo
            let offset = machine.serialOffset
            try machine.start()
            _ = try require(try machine.waitForSerial("echo: ready", after: offset, timeoutSeconds: 60), "the echo did not start:\n\(tail(of: machine.serialPath, lines: 10))")
            theirs += try measure(share, rearm: {})
            machine.cutPower()
        }
        return ReactionFigures(accelerator: try machine.accelerator(), penstockMicroseconds: ours, echoMicroseconds: theirs)
    }

    /// Opens the relay again; the trip has to have gone with the level first.
    private func order() throws {
        for _ in 0..<20 {
            let receipt = try scene.send(try scene.order(.setpoint(actuator: "relay", permille: 1000)))
            if receipt.outcome == .accepted { return }
            try require(receipt.code == "tripped", "the order was refused: \(receipt.code): \(receipt.text)")
            usleep(100_000)
        }
        throw Unmet("the trip stands though the level is low")
    }

    private func measure(_ edges: Int, rearm: () throws -> Void) throws -> [Int] {
        for _ in 0..<Self.warmingEdges { _ = try measure(rearm: rearm) }
        return try (0..<edges).map { _ in try measure(rearm: rearm) }
    }

    private func measure(rearm: () throws -> Void) throws -> Int {
        try rearm()
        _ = try require(rig.wiring.wait(timeoutSeconds: Self.waitSeconds) { $0.outputs[.inletClose] == .low }, "the output did not come back")
        // Other than any tick, and after what the order set going.
        usleep(UInt32.random(in: 250_000...350_000))
        let number = rig.wiring.snapshot.nextEvent
        scene.fill(toLitres: 19)
        let safe = try require(
            rig.wiring.waitForEvent(since: number, timeoutSeconds: Self.waitSeconds) { $0 == .output(.inletClose, true) }, "the output did not come")
        let edge = try require(rig.wiring.events(since: number).first { $0.change == .input(.levelHigh, true) }, "the level had no edge")
        scene.fill(toLitres: 6)
        return Int((safe.nanoseconds - min(edge.nanoseconds, safe.nanoseconds)) / 1000)
    }
}
