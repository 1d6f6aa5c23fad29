// GPIO chips that stop answering, one at a time: what hangs on the other goes on as ever, the one is told by
// its name, and outputs that no software can drive any more fall to the hardware by the watchdog's reset.

import Command
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkChips(_ scene: Scene) {
        check("a GPIO chip pauses for a second: told by name, the other one's valve moves on, all is well after the local reset", threat: "P-E1", timeoutSeconds: 240) {
            scene.fill(toLitres: 6)
            let machine = try scene.ready()
            try scene.drive(toPermille: 100)
            let mark = scene.mark()
            try scene.command(.setpoint(actuator: "inlet", permille: 400))
            try scene.seen(.output(.inletOpen, true), since: mark)
            try scene.rig.set(.frozenGPIO(.auxiliary), true)
            usleep(1_000_000)
            try scene.rig.set(.frozenGPIO(.auxiliary), false)
            let told = try scene.event("gpio-chip-silent", "heater", since: mark)
            try scene.event("gpio-chip-answers", "heater", since: mark)
            let stand = try scene.plant("the inlet at 400 permille") { abs($0.tank.inletPermille - 400) <= 50 }
            try scene.event("fault", "heater", since: mark)
            try scene.press(until: "fault-reset")
            try require(machine.monitor?.wait(for: "WATCHDOG", after: mark.nanoseconds, timeoutSeconds: 0.1) == nil, "the watchdog bit")
            return "\(told.text); the inlet at \(stand.tank.inletPermille) permille meanwhile"
        }
        check("a frozen GPIO chip: the other one's valve trips as ever, the tick holds, then the watchdog resets the board", threat: "P-E1", timeoutSeconds: 300) {
            scene.fill(toLitres: 6)
            let machine = try scene.ready()
            try scene.drive(toPermille: 0)
            try scene.command(.setpoint(actuator: "inlet", permille: 450))
            let mark = scene.mark()
            _ = try scene.plant("an inlet that opens") { $0.outputs[.inletOpen] == .high }
            try scene.rig.set(.frozenGPIO(.auxiliary), true)
            defer { try? scene.rig.set(.frozenGPIO(.auxiliary), false) }
            usleep(600_000)
            let before = scene.wiring.snapshot.requests
            usleep(1_000_000)
            // Each tick reads the nine lines of the main chip.
            let ticks = (scene.wiring.snapshot.requests - before) / Chip.main.lines.count
            try require(ticks >= 14, "\(ticks) ticks of 50 ms in a second")
            scene.wiring.change { $0.fill(toMicrolitres: 18_100_000) }
            let edge = try scene.seen(.input(.levelHigh, true), since: mark)
            let stop = try scene.seen(.output(.inletOpen, false), since: mark, timeoutSeconds: 5)
            try require(stop.nanoseconds > edge.nanoseconds, "it had stopped before the level rose")
            try scene.event("gpio-chip-lost", "heater", since: mark)
            let end = try resetByWatchdog(scene, machine, .auxiliary, mark)
            try require(scene.tank.inletHighestPermille <= 500, "it came to \(scene.tank.inletHighestPermille) permille")
            let receipt = try scene.send(try scene.order(.setpoint(actuator: "inlet", permille: 0)))
            if receipt.code == "tripped" { try scene.press(until: "trip-reset") }
            return String(
                format: "%d ticks in a second; stopped %d us after the level's edge; reset %.1f s after the chip froze",
                ticks, (stop.nanoseconds - edge.nanoseconds) / 1000, end)
        }
        check("a frozen GPIO chip with the valve on it: PID 1 says that it can't drive it, and lets the watchdog reset the board", threat: "P-E1", timeoutSeconds: 300) {
            scene.fill(toLitres: 6)
            let machine = try scene.ready()
            try scene.drive(toPermille: 0)
            let mark = scene.mark()
            try scene.rig.set(.frozenGPIO(.main), true)
            defer { try? scene.rig.set(.frozenGPIO(.main), false) }
            try scene.event("gpio-chip-silent", "inlet-open", since: mark)
            try scene.event("gpio-chip-lost", "inlet-open", since: mark)
            try scene.console("outputs-not-safe", since: mark)
            let end = try resetByWatchdog(scene, machine, .main, mark)
            let back = try scene.drive(toPermille: 200)
            return String(format: "reset %.1f s after it froze; then at %d permille by a new order", end, back.tank.inletPermille)
        }
    }
}

/// Waits for the watchdog's reset, which frees the chip, and for a board that is safe after it. When it
/// bit, in seconds after the mark.
private func resetByWatchdog(_ scene: Scene, _ machine: Machine, _ chip: Chip, _ mark: Scene.Mark) throws -> Double {
    let bite = try require(
        machine.monitor?.wait(for: "WATCHDOG", after: mark.nanoseconds, timeoutSeconds: 90), "the watchdog did not bite")
    try scene.rig.set(.frozenGPIO(chip), false)
    try scene.seen(.reset, since: mark)
    scene.fill(toLitres: 6)
    let reset = scene.mark()
    try scene.birth(since: mark)
    _ = try scene.plant("a closed inlet") { $0.tank.inletPermille == 0 && $0.isSafe }
    try require(!scene.opened(since: reset), "it was opened")
    return Double(bite.nanoseconds - min(mark.nanoseconds, bite.nanoseconds)) / 1e9
}
