// The story of the board itself: from a clean boot to everything that must not happen.

import Command
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    public func checkBoard(_ rig: Rig, _ workshop: Workshop, kernelPath: String) {
        check("clean boot: the board drives its outputs safe, verifies its release and reports it", timeoutSeconds: 90) {
            let machine = try workshop.makeBoard(kernelPath: kernelPath)
            let start = Date()
            let number = rig.wiring.snapshot.nextEvent, message = rig.observer.nextMessage
            try machine.start()
            let safe = rig.wiring.waitForEvent(since: number, timeoutSeconds: 40) { $0 == .output(.inletClose, true) }
            try require(safe != nil, "the inlet was not driven closed")
            let safeSeconds = Date().timeIntervalSince(start)
            let birth = rig.observer.wait(since: message, timeoutSeconds: 60) { $0.topic == "penstock/\(Workshop.device)/birth" }
            var reports = BoardReports()
            reports.take(try require(birth, "no birth came"))
            let boot = try require(reports.birth, "the birth is malformed: \(reports.malformed)").boot
            try require(boot.slot == "a" && boot.release == "1.0.0", "slot \(boot.slot), release \(boot.release)")
            return String(format: "safe %.1f s, birth %.1f s after power on", safeSeconds, Date().timeIntervalSince(start))
        }
    }
}
