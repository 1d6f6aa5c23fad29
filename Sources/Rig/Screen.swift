// What a person sees of a run, as lines of text: a pure function of what there is to see.

import Foundation
import Plant
import Telemetry

/// All that the screen shows.
public struct ScreenView: Sendable {
    public var wiring: Wiring.Snapshot
    /// Seconds since the board got its power; nil while it is off.
    public var powerSeconds: Int?
    public var faults: [String] = []
    /// Who may do what, as the board reported it.
    public var states: [String: ActuatorState] = [:]
    public var phase: String?
    public var bypasses: [String] = []
    /// Boot verdict, slots, PCRs, as the board reported them: a name and a value each.
    public var report: [(name: String, value: String)] = []
    /// Newest last, as all of the following.
    public var telemetry: [String] = []
    public var events: [String] = []
    public var console: [String] = []
    public var keys: [(key: String, meaning: String)] = []
    /// What the last key did.
    public var notice = ""

    public init(wiring: Wiring.Snapshot) { self.wiring = wiring }
}

public enum Screen {
    /// Lines that the keys may take.
    private static let keyLinesMaximum = 3

    private static let reset = "\u{1B}[0m", bold = "\u{1B}[1m", dim = "\u{1B}[2m"
    private static let blue = "\u{1B}[34m", green = "\u{1B}[32m", red = "\u{1B}[31m", yellow = "\u{1B}[33m"

    /// The whole screen: exactly `height` lines, none wider than `width` columns.
    public static func frame(_ view: ScreenView, width: Int, height: Int) -> [String] {
        var lines = [title(view)]
        lines += beside(tank(view.wiring), plant(view))
        var keys = keyLines(view, width)
        // The last one says how to leave.
        if keys.count > keyLinesMaximum { keys.removeSubrange(keyLinesMaximum - 1..<keys.count - 1) }
        let end = 1 + keys.count
        let sections: [(String, [String], Double)] = [
            ("board", view.report.map { "\(dim)\($0.name.padded(12))\(reset)\($0.value)" }, 0.28),
            ("telemetry", view.telemetry, 0.24), ("events", view.events, 0.24), ("console", view.console, 0.24),
        ]
        let room = max(0, height - lines.count - end - sections.count)
        for (name, content, share) in sections {
            let count = max(1, Int(Double(room) * share))
            lines.append("\(dim)── \(name) \(String(repeating: "─", count: max(0, width - name.count - 4)))\(reset)")
            let shown = name == "board" ? Array(content.prefix(count)) : Array(content.suffix(count))
            lines += shown.map { " \($0)" } + [String](repeating: "", count: count - shown.count)
        }
        lines = Array(lines.prefix(height - end))
        lines += [String](repeating: "", count: height - end - lines.count)
        return (lines + ["\(yellow)\(view.notice)\(reset)"] + keys).map { clipped($0, width) }
    }

    private static func title(_ view: ScreenView) -> String {
        let power = view.powerSeconds.map { "\(green)power on\(reset) \($0) s" } ?? "\(red)no power\(reset)"
        let faults = view.faults.isEmpty ? "" : "   \(red)faults: \(view.faults.joined(separator: ", "))\(reset)"
        return "\(bold)Penstock\(reset), the virtual board   \(power)\(faults)"
    }

    private static func tank(_ snapshot: Wiring.Snapshot) -> [String] {
        let rows = 8, level = Double(snapshot.tank.levelPermille) / 1000 * Double(rows)
        let open = snapshot.tank.inletPermille > 0
        var lines = ["   ═══\(open ? "╗" : "╫")\(open ? "" : " shut")"]
        for row in (0..<rows).reversed() {
            let fill = level - Double(row)
            let water = fill >= 1 ? "█" : fill >= 0.5 ? "▄" : fill > 0.05 ? "▁" : " "
            let mark = row == 7 ? " high \(dot(snapshot.inputs[.levelHigh]))" : row == 1 ? " low  \(dot(snapshot.inputs[.levelLow]))" : ""
            let jet = open && fill <= 0 ? "\(blue)┊\(reset)" : "\(blue)\(water)\(reset)"
            lines.append("  │\(blue)\(String(repeating: water, count: 3))\(reset)\(jet)\(blue)\(String(repeating: water, count: 10))\(reset)│\(mark)")
        }
        let drain = snapshot.tank.outletOpen
        lines.append("  └────────────\(drain ? "╥" : "─")─┘")
        lines.append("               \(drain ? "\(blue)╚══►\(reset)" : " ")")
        return lines
    }

    private static func plant(_ view: ScreenView) -> [String] {
        let tank = view.wiring.tank, outputs = view.wiring.outputs
        let motor: String
        switch (outputs[.inletOpen], outputs[.inletClose]) {
        case (.high, .high): motor = "\(red)both drives on\(reset)"
        case (.high, _): motor = "opening ►"
        case (_, .high): motor = tank.inletPermille == 0 ? "held closed" : "◄ closing"
        case (.floating, .floating): motor = "\(dim)floating\(reset)"
        default: motor = "stopped"
        }
        let filled = Int(tank.inletPermille) * 20 / 1000
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 20 - filled)
        let inputs = view.wiring.inputs, panel = tank.panel
        return [
            "inlet    ▕\(bar)▏ \(percent(tank.inletPermille)) %  \(motor)",
            "         closed \(dot(inputs[.inletClosedEnd])) open \(dot(inputs[.inletOpenEnd]))  \(standing("inlet", view))",
            "outlet   \(tank.outletOpen ? "open" : "shut") (\(signal(outputs[.outletEnergise])))  \(standing("outlet", view))",
            "pump     \(tank.pump.isRunning ? "\(green)runs\(reset)" : "rests")  \(standing("pump", view))",
            "heater   \(outputs[.heater] == .high ? "\(red)on\(reset)" : "off"), water +\(kelvin(tank.heating.millikelvin)) K  \(standing("heater", view))",
            "flow     \(litres(tank.inflowMicrolitresPerSecond)) l/s in, \(litres(tank.outflowMicrolitresPerSecond)) l/s out, \(tank.pulses) pulses",
            "level    \(litres(tank.contentMicrolitres)) l, spilt \(tank.spiltMicrolitres == 0 ? "nothing" : "\(red)\(litres(tank.spiltMicrolitres)) l\(reset)")",
            "loops    \(Transmitter.allCases.map { milliamperes(tank.microamperes($0)) }.joined(separator: "  ")) mA",
            "panel    \(bold)\(selector(panel.selector))\(reset)  open \(dot(panel.openPressed)) close \(dot(panel.closePressed)) reset \(dot(tank.resetPressed))  door \(panel.doorIsOpen ? "\(red)open\(reset)" : "shut")",
            "phase    \(view.phase ?? "-")\(view.bypasses.isEmpty ? "" : "  \(red)bypassed: \(view.bypasses.joined(separator: ", "))\(reset)")",
            "lines    \(view.wiring.connected ? "\(view.wiring.requests) requests" : "no board")\(view.wiring.frozen.isEmpty ? "" : "  \(red)frozen: \(view.wiring.frozen.map(\.rawValue).sorted().joined(separator: ", "))\(reset)")",
        ]
    }

    /// Whom an actuator obeys, who holds it, and what holds it back.
    private static func standing(_ name: String, _ view: ScreenView) -> String {
        guard let state = view.states[name] else { return "" }
        var parts = [state.mode.name]
        if let holder = state.holder { parts.append("\(green)\(holder)\(reset)") }
        if let trip = state.firstOut { parts.append("\(red)trip \(trip)\(reset)") }
        if let fault = state.fault { parts.append("\(red)\(fault)\(reset)") }
        return parts.joined(separator: ", ")
    }

    private static func selector(_ selector: Panel.Selector) -> String {
        switch selector {
        case .hand: "HAND"
        case .off: "OFF"
        case .automatic: "AUTO"
        }
    }

    /// The keys, on as many lines as they need.
    private static func keyLines(_ view: ScreenView, _ width: Int) -> [String] {
        var lines = [""]
        for (key, meaning) in view.keys {
            let entry = "\(bold)\(key)\(reset) \(meaning)"
            let line = lines[lines.count - 1]
            if line.isEmpty {
                lines[lines.count - 1] = entry
            } else if columns(line) + 2 + columns(entry) <= width {
                lines[lines.count - 1] += "  " + entry
            } else {
                lines.append(entry)
            }
        }
        return lines
    }

    private static func dot(_ value: Bool?) -> String { value == true ? "\(green)●\(reset)" : "\(dim)○\(reset)" }

    private static func signal(_ signal: Signal?) -> String {
        switch signal {
        case .high: "driven 1"
        case .low: "driven 0"
        case .floating, nil: "floating"
        }
    }

    private static func milliamperes(_ microamperes: Int64) -> String { String(format: "%.2f", Double(microamperes) / 1e3) }
    private static func percent(_ permille: Int64) -> String { "\(permille / 10).\(permille % 10)" }
    private static func kelvin(_ millikelvin: Int64) -> String { String(format: "%.1f", Double(millikelvin) / 1000) }
    private static func litres(_ microlitres: Int64) -> String { String(format: "%.2f", Double(microlitres) / 1e6) }

    private static func beside(_ left: [String], _ right: [String]) -> [String] {
        (0..<max(left.count, right.count + 1)).map { row in
            let first = row < left.count ? left[row] : ""
            let second = row >= 1 && row - 1 < right.count ? right[row - 1] : ""
            return first + String(repeating: " ", count: max(1, 30 - columns(first))) + second
        }
    }

    /// Columns that a text takes on the screen, its escapes left out.
    static func columns(_ text: String) -> Int { visible(text).count }

    static func visible(_ text: String) -> String {
        var out = "", escape = false
        for character in text {
            if character == "\u{1B}" { escape = true } else if escape { if character == "m" { escape = false } } else { out.append(character) }
        }
        return out
    }

    /// Cut to `width` columns; control characters, which a console may hold, are shown as dots.
    static func clipped(_ text: String, _ width: Int) -> String {
        var out = "", used = 0, escape = false
        for character in text {
            if character == "\u{1B}" {
                escape = true
                out.append(character)
            } else if escape {
                out.append(character)
                if character == "m" { escape = false }
            } else if used < width {
                let isControl = character.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
                out.append(isControl ? "·" : character)
                used += 1
            }
        }
        return out + reset
    }

    /// A line from outside, without anything that a terminal would obey.
    public static func harmless(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) ? "·" : $0 }))
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String {
        count >= width ? self + " " : self + String(repeating: " ", count: width - count)
    }
}
