// The device behind the guest's GPIO driver: virtio 1.2, 5.16. Pure: requests and drives in, replies,
// completed event buffers and changes out. Knows neither sockets nor guest memory.

import Plant

/// A buffer that the guest lent for the next edge of a line.
struct EventBuffer: Equatable {
    let head: UInt16
    let address: UInt64
    let length: UInt32
}

struct GPIOBank {
    enum Direction: UInt8 { case none, out, `in` }

    /// Interrupt types of the request VIRTIO_GPIO_MSG_SET_IRQ_TYPE.
    private enum Trigger {
        static let none: UInt32 = 0, rising: UInt32 = 1, falling: UInt32 = 2, high: UInt32 = 4, low: UInt32 = 8
        static let all: Set<UInt32> = [0, 1, 2, 3, 4, 8]
    }

    private struct Pin {
        var direction = Direction.none
        var output = false
        var external = false
        /// What a short keeps the wire of an output at.
        var short: Bool?
        var trigger = Trigger.none
        var buffer: EventBuffer?
        var latched = false
    }

    let lines: [Line]
    private var pins: [Pin]
    private(set) var requests = 0
    /// To be returned to the guest: a buffer and its status (1 an edge came, 0 no longer watched).
    private(set) var completions: [(EventBuffer, UInt8)] = []
    private(set) var changes: [LineEvent.Change] = []

    init(lines: [Line]) {
        self.lines = lines
        pins = Array(repeating: Pin(), count: lines.count)
    }

    /// The names, each ended by a zero byte, as the guest reads them.
    var names: [UInt8] { lines.flatMap { Array($0.rawValue.utf8) + [0] } }

    /// struct virtio_gpio_config.
    var configuration: [UInt8] {
        let size = UInt32(names.count)
        return [UInt8(lines.count), 0, 0, 0] + (0..<4).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) }
    }

    func signal(_ line: Line) -> Signal {
        guard let index = lines.firstIndex(of: line), pins[index].direction == .out else { return .floating }
        return Signal(pins[index].output)
    }

    mutating func takeCompletions() -> [(EventBuffer, UInt8)] {
        defer { completions = [] }
        return completions
    }

    mutating func takeChanges() -> [LineEvent.Change] {
        defer { changes = [] }
        return changes
    }

    /// Answers one request (struct virtio_gpio_request, 8 bytes): a status byte and the value.
    mutating func answer(_ request: [UInt8]) -> [UInt8] {
        guard request.count >= 8 else { return [1, 0] }
        requests += 1
        let type = UInt16(request[0]) | UInt16(request[1]) << 8
        let index = Int(UInt16(request[2]) | UInt16(request[3]) << 8)
        let value = (0..<4).reduce(UInt32(0)) { $0 | UInt32(request[4 + $1]) << UInt32(8 * $1) }
        if type == 1 { return [0] + names }
        guard index < pins.count else { return [1, 0] }
        switch type {
        case 2: return [0, pins[index].direction.rawValue]
        case 3: return setDirection(index, value)
        case 4: return [0, (pins[index].direction == .out ? pins[index].short ?? pins[index].output : pins[index].external) ? 1 : 0]
        case 5: return setValue(index, value)
        case 6: return setTrigger(index, value)
        default: return [1, 0]
        }
    }

    private mutating func setDirection(_ index: Int, _ value: UInt32) -> [UInt8] {
        guard let direction = Direction(rawValue: UInt8(truncatingIfNeeded: value)), value <= 2 else { return [1, 0] }
        let before = pins[index].direction
        pins[index].direction = direction
        switch direction {
        case .out: changes.append(.output(lines[index], pins[index].output))
        case .in: changes.append(.listening(lines[index]))
        case .none: if before == .out { changes.append(.released(lines[index])) }
        }
        return [0, 0]
    }

    private mutating func setValue(_ index: Int, _ value: UInt32) -> [UInt8] {
        guard value <= 1 else { return [1, 0] }
        let before = pins[index].output
        pins[index].output = value == 1
        if pins[index].direction == .out, before != pins[index].output {
            changes.append(.output(lines[index], value == 1))
        }
        return [0, 0]
    }

    private mutating func setTrigger(_ index: Int, _ value: UInt32) -> [UInt8] {
        guard Trigger.all.contains(value) else { return [1, 0] }
        if (pins[index].trigger == Trigger.none) != (value == Trigger.none) {
            changes.append(.watched(lines[index], value != Trigger.none))
        }
        pins[index].trigger = value
        pins[index].latched = false
        if value == Trigger.none, let buffer = pins[index].buffer {
            pins[index].buffer = nil
            completions.append((buffer, 0))
        }
        return [0, 0]
    }

    /// The guest lends a buffer for the next edge of the line with that number. False: no such line.
    mutating func lend(_ buffer: EventBuffer, line index: Int) -> Bool {
        guard index < pins.count else { return false }
        pins[index].buffer = buffer
        complete(index)
        return true
    }

    /// The plant drives an input. An edge that comes while the guest has lent no buffer is kept, once.
    mutating func drive(_ line: Line, _ value: Bool) {
        guard let index = lines.firstIndex(of: line), pins[index].external != value else { return }
        pins[index].external = value
        changes.append(.input(line, value))
        let edge = value ? Trigger.rising : Trigger.falling
        if pins[index].trigger < Trigger.high, pins[index].trigger & edge != 0 { pins[index].latched = true }
        complete(index)
    }

    /// The plant keeps an output's wire at a level, or lets go of it: so it reads back.
    mutating func short(_ line: Line, to value: Bool?) {
        if let index = lines.firstIndex(of: line) { pins[index].short = value }
    }

    private mutating func complete(_ index: Int) {
        let pin = pins[index]
        let level = pin.trigger == Trigger.high && pin.external || pin.trigger == Trigger.low && !pin.external
        guard let buffer = pin.buffer, pin.latched || level else { return }
        pins[index].buffer = nil
        pins[index].latched = false
        completions.append((buffer, 1))
    }

    /// The guest took its event queue away: the lent buffers are no longer ours to write to.
    mutating func forgetBuffers() {
        for index in pins.indices {
            pins[index].buffer = nil
            pins[index].trigger = Trigger.none
            pins[index].latched = false
        }
        completions = []
    }

    /// A board that is reset or has no power drives nothing.
    mutating func float() {
        forgetBuffers()
        for index in pins.indices where pins[index].direction != .none {
            if pins[index].direction == .out { changes.append(.released(lines[index])) }
            pins[index].direction = .none
            pins[index].output = false
        }
    }
}
