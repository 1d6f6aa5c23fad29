// One valve with an envelope that ends half way, driven through what it may and may not do.
import Calibration
import Control
import System

/// 8 s of travel, envelope 0 to 500 permille, tick 50 ms.
private func valve() -> Calibration? {
    let valve = MotorValve(
        openLine: "open", closeLine: "close", openEndLine: "open-end", closedEndLine: "closed-end",
        endSwitchDebounceMilliseconds: 20, endSwitchTolerancePermille: 30, strokeMilliseconds: 8000,
        strokeFastestMilliseconds: 7200, strokeSlowestMilliseconds: 8800, coastMilliseconds: 50, restMilliseconds: 200)
    let inlet = Actuator(
        name: "inlet", drive: .motorValve(valve),
        envelope: Envelope(minimumPermille: 50, maximumPermille: 500, maximumAwayMilliseconds: 60000), safeState: .closed, reset: 0)
    do throws(CalibrationError) {
        return try Calibration(Calibration.Content(
            version: 1, board: "self-test", tickMilliseconds: 50, supervisionTimeoutMilliseconds: 2000,
            resets: [Reset(name: "reset", line: "reset", holdMilliseconds: 200)], sensors: [], actuators: [inlet], trips: []))
    } catch { return nil }
}

func envelope(_ check: (String, Bool) -> Void) {
    guard let calibration = valve() else { return check("envelope: calibration", false) }
    var bench = Bench(calibration)
    bench.run(steps: 260)
    check("envelope: homes to closed", bench.control.isHealthy && !bench.everOpened)
    check("envelope: 800 permille refused", bench.ask(800) == .limitPosition)
    check("envelope: 400 permille accepted", bench.ask(400) == Reason.none)
    bench.run(steps: 120)
    check("envelope: stops at 400 permille", (350...450).contains(bench.positionPermille))
    check("envelope: never both directions", !bench.everBoth)
    bench.isSupervised = false
    bench.run(steps: 260)
    check("envelope: closes without supervision", bench.positionPermille == 0)
    check("envelope: no step asks for memory", bench.allocations == 0)
    // Builds for the host don't count.
    guard let before = allocationCount() else { return }
    let text = makeText(bench.travel)
    check("allocations are counted", allocationCount()! > before && text.utf8.count > 32)
}

/// Something that can't do without memory of its own.
@inline(never)
private func makeText(_ number: Int) -> String { "\(number) of eight thousand milliseconds of travel, and no more" }

/// The valve as it would move, and the controller that drives it.
private struct Bench: ~Copyable {
    var control: Control
    var inputs: Inputs
    var now: Int64 = 0
    /// Milliseconds of opening, 0 to 8000.
    var travel = 0
    var isSupervised = true
    var everOpened = false
    var everBoth = false
    /// In the steps so far, but for the first, which is the end of the start.
    private(set) var allocations = 0
    private var identifier: UInt64 = 0

    var positionPermille: Int { travel * 1000 / 8000 }

    init(_ calibration: Calibration) {
        control = Control(calibration, nowMilliseconds: 0)
        inputs = Inputs(calibration)
    }

    mutating func step() {
        now += 50
        if control.outputs[0] { travel = min(8000, travel + 50) }
        if control.outputs[1] { travel = max(0, travel - 50) }
        everOpened = everOpened || control.outputs[0]
        everBoth = everBoth || control.outputs[0] && control.outputs[1]
        inputs.lines[0] = .low
        inputs.lines[1] = travel == 8000 ? .high : .low
        inputs.lines[2] = travel == 0 ? .high : .low
        for i in 0..<2 { inputs.readBacks[i] = control.outputs[i] ? .high : .low }
        inputs.heartbeat = isSupervised
        let before = allocationCount() ?? 0
        control.step(inputs, nowMilliseconds: now)
        if now > 50 { allocations += (allocationCount() ?? 0) - before }
        inputs.consumed()
    }

    mutating func run(steps: Int) { for _ in 0..<steps { step() } }

    mutating func ask(_ permille: Int) -> Reason? {
        identifier += 1
        _ = inputs.add(Request(identifier: identifier, order: .setpoint(actuator: 0, permille: permille), issuers: 1))
        step()
        return control.outcomes.first?.reason
    }
}
