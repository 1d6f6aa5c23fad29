// Sensors: levels debounced, pulses made into flow, and how good each value is.

import Calibration

/// How far a value can be relied on. Numbers never change.
public enum Quality: UInt8, Sendable {
    case good = 0
    /// Not read yet, or no longer.
    case stale = 1
    /// Read, and impossible.
    case fault = 2
}

struct SensorState {
    let line: Int
    let isSwitch: Bool
    private let activeReading: LineReading
    private let microlitresPerPulse: Int
    private let maximumPulsesPerSecond: Int
    private var debounce: Debounce
    private var lastReading: LineReading = .unreadable
    /// Changes of a switch, or pulses of a meter, in the window.
    private var windowCount = 0
    private var windowMilliseconds = 0

    private(set) var quality: Quality = .stale
    private(set) var isActive = false
    /// Microlitres per second over the last whole window.
    private(set) var flow = 0
    /// Microlitres since the start.
    private(set) var total: UInt64 = 0

    /// Flow and chatter are counted over this window.
    static let windowLength = 1000
    /// A switch that changes more often than this in a window is at fault.
    static let changesMaximum = 12

    init(_ sensor: Sensor, line: Int) {
        self.line = line
        switch sensor {
        case .switch(let value):
            isSwitch = true
            activeReading = value.activeWhenHigh ? .high : .low
            debounce = Debounce(milliseconds: value.debounceMilliseconds)
            (microlitresPerPulse, maximumPulsesPerSecond) = (0, 0)
        case .flowMeter(let meter):
            isSwitch = false
            activeReading = .high
            debounce = Debounce(milliseconds: 0)
            (microlitresPerPulse, maximumPulsesPerSecond) = (meter.microlitresPerPulse, meter.maximumPulsesPerSecond)
        }
    }

    var badness: Reason {
        switch quality {
        case .good: .none
        case .stale: .sensorStale
        case .fault: .sensorFault
        }
    }

    /// Switch: 1 active, 0 not. Meter: microlitres per second.
    var value: Int64 { isSwitch ? (isActive ? 1 : 0) : Int64(flow) }

    mutating func sample(_ reading: LineReading, pulses: UInt32, _ elapsed: Int, _ tick: Int) {
        windowMilliseconds += elapsed
        if isSwitch { sampleSwitch(reading, elapsed, tick) } else { sampleMeter(reading, Int(pulses), elapsed) }
        if windowMilliseconds >= Self.windowLength {
            windowCount = 0
            windowMilliseconds = 0
        }
    }

    private mutating func sampleSwitch(_ reading: LineReading, _ elapsed: Int, _ tick: Int) {
        if reading != lastReading, lastReading != .unreadable { windowCount = min(windowCount + 1, Self.changesMaximum + 1) }
        lastReading = reading
        debounce.sample(reading, elapsed, bound: 2 * tick)
        let chatters = windowCount > Self.changesMaximum
        if debounce.value == .unreadable {
            quality = .stale
        } else if chatters {
            quality = .fault
        } else if quality != .fault || windowMilliseconds >= Self.windowLength {
            // Out of a fault only after a whole quiet window.
            quality = .good
        }
        if debounce.value != .unreadable { isActive = debounce.value == activeReading }
    }

    private mutating func sampleMeter(_ reading: LineReading, _ pulses: Int, _ elapsed: Int) {
        windowCount = min(windowCount + pulses, Int(UInt32.max))
        let allowed = maximumPulsesPerSecond * (windowMilliseconds + 1000) / 1000 + 1
        let tooMany = windowCount > allowed
        guard reading != .unreadable else {
            quality = .stale
            return
        }
        if tooMany {
            quality = .fault
        } else {
            let (sum, overflow) = total.addingReportingOverflow(UInt64(pulses) * UInt64(microlitresPerPulse))
            total = overflow ? .max : sum
            if windowMilliseconds >= Self.windowLength {
                flow = windowCount * microlitresPerPulse * 1000 / windowMilliseconds
                quality = .good
            }
        }
    }
}
