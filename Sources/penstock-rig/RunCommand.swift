// penstock-rig run: the board live in the terminal, and keys to command it, to break it, to update it.

import ArgumentParser
import Command
import Foundation
import Plant
import Rig

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Shows the board live; keys command it, break it, update it.")

    @OptionGroup var options: BoardOptions

    @Flag(help: "Only the rig itself, with a bare kernel as the board.")
    var rigOnly = false

    @OptionGroup var recording: RecordingOptions

    func run() throws {
        let current = Current()
        let screen = Opened()
        endOnSignal {
            screen.terminal?.restore()
            current.end(keepFolder: options.keep)
        }
        say("starting plant, broker, bundle server, name server")
        let rig = try Rig()
        current.rig = rig
        current.recording = try recording.begin(rig, options)
        defer { current.end(keepFolder: options.keep) }
        let workshop: Workshop?, machine: Machine
        if rigOnly {
            workshop = nil
            machine = try rig.attach(MachineSettings(kernelPath: options.kernel))
        } else {
            say("making keys, a release, the commissioning, the disk")
            let made = try options.workshop(rig)
            workshop = made
            machine = try made.makeBoard(kernelPath: options.kernel)
        }
        guard let terminal = Terminal() else {
            throw ValidationError("this shows the board in a terminal; without one, use `penstock-rig check`")
        }
        screen.terminal = terminal
        defer { terminal.restore() }
        try machine.start()
        try LiveSession(rig: rig, workshop: workshop, machine: machine, terminal: terminal).run()
    }

    private func say(_ text: String) { FileHandle.standardError.write(Data("==> \(text)\n".utf8)) }

    private final class Opened: @unchecked Sendable {
        var terminal: Terminal?
    }
}

/// One sitting of the person who watches.
final class LiveSession {
    private let rig: Rig
    /// Nil: nothing can be ordered.
    private let workshop: Workshop?
    private let machine: Machine
    private let terminal: Terminal
    private let issuer: Issuer?
    /// Who agrees where two must.
    private let shiftLead: Issuer?
    private var reports = BoardReports()
    private var nextMessage = 0
    private var started = Date()
    private let opened: UInt64
    private var notice = ""
    private var menu = false
    private var release = 1

    /// The faults of the menu, by key.
    private static let faults: [(key: Character, fault: Fault)] = [
        ("1", .stuck(.levelHigh, false)), ("2", .stuck(.levelHigh, true)), ("3", .cut(.inletOpenEnd)), ("4", .cut(.inletClose)),
        ("5", .jammedValve), ("6", .slowValve), ("7", .cut(.flowPulse)), ("8", .frozenGPIO(.main)), ("9", .networkDown),
        ("a", .cutLoop(.levelA)), ("s", .shortedLoop(.levelA)), ("d", .offset(.levelB, microamperes: 1000)), ("h", .frozenLoop(.levelC)),
        ("n", .noise(.levelC)), ("b", .frozenBus),
    ]

    init(rig: Rig, workshop: Workshop?, machine: Machine, terminal: Terminal) {
        self.rig = rig
        self.workshop = workshop
        self.machine = machine
        self.terminal = terminal
        opened = rig.openedNanoseconds
        issuer = workshop.map { Issuer(keyPath: $0.keyPath(.operator_)) }
        shiftLead = workshop.map { Issuer(keyPath: $0.keyPath(.shiftLead)) }
    }

    func run() throws {
        while true {
            takeMessages()
            let size = terminal.size
            terminal.draw(Screen.frame(view(size.height), width: size.width, height: size.height))
            guard let key = terminal.key(timeoutMilliseconds: 200) else { continue }
            if key == "q", !menu { return }
            do {
                try press(key)
            } catch {
                notice = Screen.harmless("\(error)")
            }
        }
    }

    private func takeMessages() {
        for message in rig.observer.messages(since: nextMessage) {
            nextMessage = message.number + 1
            reports.take(message)
        }
    }

    private func view(_ height: Int) -> ScreenView {
        var view = ScreenView(wiring: rig.wiring.snapshot)
        view.powerSeconds = machine.isOn ? Int(Date().timeIntervalSince(started)) : nil
        view.faults = rig.presentFaults.map(\.name).sorted()
        view.report = reports.summary
        view.states = reports.states
        view.phase = reports.phase
        view.bypasses = reports.bypasses
        view.telemetry = Array(reports.lines.suffix(height))
        view.events = rig.wiring.events(since: view.wiring.nextEvent - 2000).filter { event in
            if case .input(.flowPulse, _) = event.change { return false }
            return true
        }.suffix(height).map { String(format: "%9.3f  %@", Double($0.nanoseconds - opened) / 1e9, $0.description) }
        view.console = tail(of: machine.serialPath, lines: height).split(separator: "\n").map { Screen.harmless(String($0)) }
        view.notice = notice
        view.keys = menu ? Self.faults.map { (String($0.key), $0.fault.name) } + [("0", "none"), ("f", "back")] : Self.keys
        return view
    }

    private static let keys = [
        ("4", "40 %"), ("8", "80 %"), ("c", "close"), ("o", "outlet"), ("w", "pump"), ("e", "heater"), ("t", "stroke"), ("y", "bypass"),
        ("H", "hand"), ("O", "off"), ("A", "auto"), ("[", "open button"), ("]", "close button"), ("d", "door"), ("b", "reset button"),
        ("f", "faults"), ("u", "update"), ("p", "power cut"), ("r", "reset"), ("q", "quit"),
    ].map { (key: $0.0, meaning: $0.1) }

    private func press(_ key: Character) throws {
        if menu { return try pressInMenu(key) }
        switch key {
        case "4": try order(.setpoint(actuator: "inlet", permille: 400), "asked for 40 %")
        case "8": try order(.setpoint(actuator: "inlet", permille: 800), "asked for 80 %, which is over the envelope")
        case "c": try order(.setpoint(actuator: "inlet", permille: 0), "asked to close")
        case "o":
            let open = rig.wiring.snapshot.tank.outletOpen
            // Announced first: the calibration asks for it.
            if !open { try order(.select(actuator: "outlet", permille: 1000), "") }
            try order(.setpoint(actuator: "outlet", permille: open ? 0 : 1000), "asked to \(open ? "shut" : "open") the outlet")
        case "w":
            let runs = rig.wiring.snapshot.tank.pump.isRunning
            try order(.setpoint(actuator: "pump", permille: runs ? 0 : 1000), "two asked to \(runs ? "stop" : "start") the pump", byTwo: true)
        case "e":
            let isAsked = (reports.values["heater.setpoint"]?.value ?? 0) > 0
            try order(.setpoint(actuator: "heater", permille: isAsked ? 0 : 500), "asked for \(isAsked ? "no heat" : "half of the heat")")
        case "t": try order(.partialStroke(actuator: "inlet"), "asked for a partial stroke of the inlet")
        case "y":
            let minutes: UInt16 = reports.bypasses.isEmpty ? 1 : 0
            try order(.bypass(trip: "level-high-high", minutes: minutes), minutes > 0 ? "asked to bypass level-high-high for a minute" : "asked to end the bypass")
        case "H", "O", "A", "[", "]", "d": atTheMachine(key)
        case "f": menu = true
        case "u": try update()
        case "b":
            let pressed = rig.wiring.snapshot.tank.resetPressed
            rig.wiring.change { $0.resetPressed = !pressed }
            notice = pressed ? "button let go" : "button held"
        case "p":
            machine.cutPower()
            usleep(500_000)
            try machine.start()
            started = Date()
            notice = "power cut for 0.5 s"
        case "r":
            try machine.reset()
            started = Date()
            notice = "reset"
        default: break
        }
    }

    private func pressInMenu(_ key: Character) throws {
        if let (_, fault) = Self.faults.first(where: { $0.key == key }) {
            let present = rig.presentFaults.contains(fault)
            try rig.set(fault, !present)
            notice = "\(fault.name) \(present ? "gone" : "put in")"
        } else if key == "0" {
            try rig.clearFaults()
            notice = "no faults"
        } else {
            menu = false
        }
    }

    /// What somebody who stands there does.
    private func atTheMachine(_ key: Character) {
        rig.wiring.change { tank in
            switch key {
            case "H": tank.panel.selector = .hand
            case "O": tank.panel.selector = .off
            case "A": tank.panel.selector = .automatic
            case "[": tank.panel.openPressed.toggle()
            case "]": tank.panel.closePressed.toggle()
            default: tank.panel.doorIsOpen.toggle()
            }
        }
        let panel = rig.wiring.snapshot.tank.panel
        notice = switch key {
        case "[": "open button \(panel.openPressed ? "held" : "let go")"
        case "]": "close button \(panel.closePressed ? "held" : "let go")"
        case "d": "door \(panel.doorIsOpen ? "opened" : "closed")"
        default: "selector turned"
        }
    }

    private func order(_ action: Action, _ said: String, byTwo: Bool = false) throws {
        guard let issuer, let shiftLead else { throw Unmet("this board is a bare kernel: nobody takes orders") }
        let object = try issuer.order(action, reports, with: byTwo ? [shiftLead] : [])
        try rig.observer.publish("penstock/\(Workshop.device)/command", object)
        notice = said
    }

    /// Makes the next release, serves it, and orders the board to take it.
    private func update() throws {
        guard let workshop else { throw Unmet("this board is a bare kernel: it has nothing to update") }
        release += 1
        let name = "1.0.\(release)"
        let bundle = try workshop.bundle(release: name, index: release, calibration: workshop.folder + "/calibration.cose")
        try rig.updates.serve(bundle, as: name + ".bundle")
        try order(.update(bundle: name + ".bundle"), "release \(name) is served; the board was told to take it")
    }
}
