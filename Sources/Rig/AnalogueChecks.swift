// The analogue inputs: what the plant's transmitters say arrives, and a bus that hangs holds up nothing else.

import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkAnalogues(_ scene: Scene) {
        check("analogue inputs: a bus that hangs keeps no board from booting, and what is missing is said", timeoutSeconds: 180) {
            let machine = try scene.machine()
            if machine.isOn { machine.cutPower() }
            let mark = scene.mark()
            try scene.rig.set(.frozenBus, true)
            defer { try? scene.rig.set(.frozenBus, false) }
            let start = monotonicNanoseconds()
            try machine.start()
            let safe = try scene.seen(.output(.inletClose, true), since: mark, timeoutSeconds: 90)
            let found = try scene.console("analogue inputs after", since: mark)
            try require(found.contains("0 of 4"), found)
            let birth = try scene.birth(since: mark)
            for transmitter in Transmitter.allCases { try scene.event("analogue-missing", transmitter.rawValue, since: mark) }
            try require(birth.boot.failure == nil, "failed: \(birth.boot.failure ?? "")")
            // The next boot finds them.
            machine.cutPower()
            return String(
                format: "safe %.1f s, birth %.1f s after power on, 4 of 4 said to be missing", seconds(start, safe.nanoseconds),
                seconds(start, monotonicNanoseconds()))
        }
        check("analogue inputs: found at every boot", timeoutSeconds: 180) {
            let machine = try scene.machine()
            if machine.isOn { machine.cutPower() }
            let mark = scene.mark()
            try machine.start()
            let birth = try scene.birth(since: mark)
            let step = try require(birth.boot.steps.first { $0.contains("analogue inputs") }, "the boot says nothing of them")
            try require(step.hasPrefix("4 of 4"), step)
            return step
        }
    }
}
