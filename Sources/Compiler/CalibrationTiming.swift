// The time to the safe state of each trip and actuator, reckoned from the calibration, against the process
// safety time.
import Calibration

public struct TimeBudget: Equatable, Sendable {
    public let trip: String
    public let actuator: String
    public let detectionMilliseconds: Int
    public let delayMilliseconds: Int
    public let travelMilliseconds: Int
    /// 0 where none was stated.
    public let processSafetyMilliseconds: Int

    public var reactionMilliseconds: Int { detectionMilliseconds + delayMilliseconds + travelMilliseconds }
    /// The share of the process safety time that is used; nil where none was stated.
    public var usedPercent: Int? { processSafetyMilliseconds == 0 ? nil : (reactionMilliseconds * 100 + processSafetyMilliseconds - 1) / processSafetyMilliseconds }

    /// Of every trip and each of its actuators, in the file's order.
    public static func all(_ calibration: Calibration) -> [TimeBudget] {
        calibration.trips.flatMap { trip in
            trip.actuators.map { actuator in
                TimeBudget(
                    trip: trip.name, actuator: calibration.actuators[actuator].name,
                    detectionMilliseconds: calibration.detectionMilliseconds(sensor: trip.sensor), delayMilliseconds: trip.delayMilliseconds,
                    travelMilliseconds: calibration.safeTravelMilliseconds(actuator: actuator), processSafetyMilliseconds: trip.processSafetyMilliseconds)
            }
        }
    }

    /// The time from the last heartbeat of a keeper that is gone until each actuator is in its safe state.
    public static func supervision(_ calibration: Calibration) -> [(actuator: String, milliseconds: Int)] {
        calibration.actuators.indices.map {
            (calibration.actuators[$0].name, calibration.supervisionTimeoutMilliseconds + calibration.tickMilliseconds + calibration.safeTravelMilliseconds(actuator: $0))
        }
    }

    /// The budgets as a table for people.
    public static func table(_ budgets: [TimeBudget]) -> [String] {
        let head = ["trip", "actuator", "detection", "delay", "travel", "safe within", "process safety", "used"]
        let rows = budgets.map { budget in
            [budget.trip, budget.actuator] + [budget.detectionMilliseconds, budget.delayMilliseconds, budget.travelMilliseconds, budget.reactionMilliseconds].map(Words.duration)
                + [budget.processSafetyMilliseconds == 0 ? "not stated" : Words.duration(budget.processSafetyMilliseconds), budget.usedPercent.map { "\($0) %" } ?? "-"]
        }
        return aligned([head] + rows, leading: 2)
    }

    /// Columns of equal width; the first `leading` begin at the left, the others end at the right.
    static func aligned(_ rows: [[String]], leading: Int) -> [String] {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max()! }
        return rows.map { row in
            let cells = row.indices.map { column in
                let room = String(repeating: " ", count: widths[column] - row[column].count)
                return column < leading ? row[column] + room : room + row[column]
            }
            let text = cells.joined(separator: "  ")
            return String(text[...(text.lastIndex { $0 != " " } ?? text.startIndex)])
        }
    }
}
