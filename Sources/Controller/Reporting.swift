// What the keeper hears: answers and events at once, points and states when they change or have grown old.
// A queue that is full loses points, which come again, before events and answers.

import Authority
import Confine
import Control
import System

struct Reporting: ~Copyable {
    private struct Point: Equatable {
        var value: Int64
        var quality: UInt8
    }

    private struct State: Equatable {
        var mode: UInt8
        var issuers: UInt32
        var firstOut: UInt8
        var fault: UInt8
    }

    private struct Standing: Equatable {
        var phase: UInt8
        var bypasses: UInt32
    }

    /// Actuators, sensors, setpoints, totals.
    private var sent: [Point?]
    private var sentStates: [State?]
    private var sentStanding: Standing?
    private let tripCount: Int
    private var sampledAt: UInt64 = 0
    private var refreshedAt: UInt64 = 0

    private static let sampleMilliseconds: UInt64 = 250
    private static let refreshMilliseconds: UInt64 = 2000

    init(actuators: Int, sensors: Int, meters: Int, trips: Int) {
        sent = [Point?](repeating: nil, count: 2 * actuators + sensors + meters)
        sentStates = [State?](repeating: nil, count: actuators)
        tripCount = trips
    }

    mutating func tell(_ control: borrowing Control, at time: UInt64, _ keeper: Int32, _ sender: inout Sender) {
        for i in control.outcomes.indices { answer(control.outcomes[i], keeper, &sender) }
        for i in 0..<control.events.count { self.event(control.events[i], keeper, &sender) }
        guard time - sampledAt >= Self.sampleMilliseconds else { return }
        sampledAt = time
        if time - refreshedAt >= Self.refreshMilliseconds {
            refreshedAt = time
            for i in sent.indices { sent[i] = nil }
            for i in sentStates.indices { sentStates[i] = nil }
            sentStanding = nil
        }
        tellStates(control, keeper, &sender)
        samplePoints(control, time, keeper, &sender)
    }

    func event(_ event: Event, _ keeper: Int32, _ sender: inout Sender) {
        _ = send(.event(code: event.number, index: event.index, value: event.value), keeper, &sender)
    }

    func answer(_ outcome: Outcome, _ keeper: Int32, _ sender: inout Sender) {
        _ = send(.outcome(id: outcome.identifier, code: UInt16(outcome.reason.rawValue)), keeper, &sender)
    }

    private mutating func samplePoints(_ control: borrowing Control, _ time: UInt64, _ keeper: Int32, _ sender: inout Sender) {
        for i in sent.indices {
            let point = Self.point(control, i)
            guard sent[i] != point else { continue }
            guard send(.point(index: UInt8(i), value: point.value, quality: point.quality), keeper, &sender) else { return }
            sent[i] = point
        }
        _ = send(.sampled(monotonicMilliseconds: time), keeper, &sender)
    }

    private static func point(_ control: borrowing Control, _ index: Int) -> Point {
        let (actuators, sensors) = (control.actuatorCount, control.sensorCount)
        if index < actuators {
            let status = control.status(actuator: index)
            return Point(value: Int64(status.permille), quality: status.quality.rawValue)
        }
        if index < actuators + sensors {
            let sensor = index - actuators
            return Point(value: control.value(sensor: sensor), quality: control.quality(sensor: sensor).rawValue)
        }
        if index < 2 * actuators + sensors {
            return Point(value: Int64(control.status(actuator: index - actuators - sensors).setpointPermille), quality: Quality.good.rawValue)
        }
        let meter = index - 2 * actuators - sensors
        return Point(value: Int64(clamping: control.total(meter: meter)), quality: control.quality(meter: meter).rawValue)
    }

    private mutating func tellStates(_ control: borrowing Control, _ keeper: Int32, _ sender: inout Sender) {
        for i in sentStates.indices {
            let status = control.status(actuator: i)
            let state = State(
                mode: status.mode.rawValue, issuers: status.leaseHolder, firstOut: status.firstOut ?? UInt8.max, fault: status.fault.rawValue)
            guard sentStates[i] != state else { continue }
            let message = ControllerToKeeper.actuator(
                index: UInt8(i), mode: state.mode, issuers: state.issuers, firstOut: state.firstOut, fault: state.fault)
            guard send(message, keeper, &sender) else { return }
            sentStates[i] = state
        }
        var standing = Standing(phase: UInt8(control.phase), bypasses: 0)
        for i in 0..<tripCount where control.isBypassed(trip: i) { standing.bypasses |= 1 << UInt32(i) }
        guard sentStanding != standing, send(.standing(phase: standing.phase, bypasses: standing.bypasses), keeper, &sender) else { return }
        sentStanding = standing
    }

    private func send(_ message: ControllerToKeeper, _ keeper: Int32, _ sender: inout Sender) -> Bool {
        do throws(SystemError) { return try sender.send(message, on: keeper) } catch { return false }
    }
}
