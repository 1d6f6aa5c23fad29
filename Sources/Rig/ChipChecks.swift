// GPIO chips that stop answering, one at a time: what hangs on the other goes on as ever, the one is told by
// its name, and outputs that no software can drive any more fall to the hardware by the watchdog's reset.

import Command
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkChips(_ scene: Scene) {
        check("a GPIO chip pauses for a second: told by name, the inlet closes without its selector, the outlet takes orders", threat: "P-E1", timeoutSeconds: 240) {
            let machine = try scene.ready()
            try scene.drive(toPermille: 300)
            let mark = scene.mark()
            try scene.rig.set(.frozenGPIO(.auxiliary), true)
            let order = try scene.order(.select(actuator: "outlet", permille: 1000))
            try scene.rig.observer.publish(Scene.commandTopic, order)
            usleep(1_000_000)
            try scene.rig.set(.frozenGPIO(.auxiliary), false)
            let told = try scene.event("gpio-chip-silent", "heater", since: mark)
            try scene.event("gpio-chip-answers", "heater", since: mark)
            try require(try scene.receipt(order, since: mark).outcome == .accepted, "the outlet took no order")
            // Six ticks without an answer are silence. It stops where it is when its selector says Auto again.
            let closed = try scene.seen(.output(.inletClose, true), since: mark)
            let closing = try Reaction.within(
                300 + scene.reaction.toFault(persistenceMilliseconds: 100), "closing", from: mark.nanoseconds, to: closed.nanoseconds)
            try require(!scene.opened(since: mark), "it opened")
            let back = try scene.drive(toPermille: 200)
            try require(machine.monitor?.wait(for: "WATCHDOG", after: mark.nanoseconds, timeoutSeconds: 0.1) == nil, "the watchdog bit")
            return "\(told.text.prefix(60)); \(closing); then at \(back.tank.inletPermille) permille by a new order"
        }
        check("a frozen GPIO chip: what hangs on the other goes on, the tick holds, then the watchdog resets the board", threat: "P-E1", timeoutSeconds: 300) {
            let machine = try scene.ready()
            try scene.drive(toPermille: 300)
            let mark = scene.mark()
            try scene.rig.set(.frozenGPIO(.auxiliary), true)
            defer { try? scene.rig.set(.frozenGPIO(.auxiliary), false) }
            let closing = try scene.seen(.output(.inletClose, true), since: mark, timeoutSeconds: 5)
            let before = scene.wiring.snapshot.requests
            usleep(1_000_000)
            // Each tick reads the nine lines of the main chip.
            let ticks = (scene.wiring.snapshot.requests - before) / Chip.main.lines.count
            try require(ticks >= 14, "\(ticks) ticks of 50 ms in a second")
            scene.wiring.change { $0.fill(toMicrolitres: 18_100_000) }
            try scene.event("tripped", "inlet level-high: condition", since: mark)
            try scene.event("gpio-chip-lost", "heater", since: mark)
            let end = try resetByWatchdog(scene, machine, .auxiliary, mark)
            try require(scene.tank.inletHighestPermille <= 500, "it came to \(scene.tank.inletHighestPermille) permille")
            return String(
                format: "closing %d ms after it froze, %d ticks in a second, tripped by the level meanwhile; reset %.1f s after it froze",
                milliseconds(from: mark.nanoseconds, to: closing.nanoseconds), ticks, end)
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
