// What the keeper hears: answers and events at once, points when they change or have grown old.
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

    private var sent: [Point?]
    private var sampledAt: UInt64 = 0
    private var refreshedAt: UInt64 = 0

    private static let sampleMilliseconds: UInt64 = 250
    private static let refreshMilliseconds: UInt64 = 2000

    init(points: Int) { sent = [Point?](repeating: nil, count: points) }

    mutating func tell(_ control: borrowing Control, at time: UInt64, _ keeper: Int32, _ sender: inout Sender) {
        for i in control.outcomes.indices { answer(control.outcomes[i], keeper, &sender) }
        for i in 0..<control.events.count {
            let event = control.events[i]
            _ = send(.event(code: event.number, index: event.index, value: event.value), keeper, &sender)
        }
        guard time - sampledAt >= Self.sampleMilliseconds else { return }
        sampledAt = time
        if time - refreshedAt >= Self.refreshMilliseconds {
            refreshedAt = time
            for i in sent.indices { sent[i] = nil }
        }
        samplePoints(control, time, keeper, &sender)
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
        guard index >= control.actuatorCount else {
            let status = control.status(actuator: index)
            return Point(value: Int64(status.permille), quality: status.quality.rawValue)
        }
        let sensor = index - control.actuatorCount
        return Point(value: control.value(sensor: sensor), quality: control.quality(sensor: sensor).rawValue)
    }

    private func send(_ message: ControllerToKeeper, _ keeper: Int32, _ sender: inout Sender) -> Bool {
        do throws(SystemError) { return try sender.send(message, on: keeper) } catch { return false }
    }
}
