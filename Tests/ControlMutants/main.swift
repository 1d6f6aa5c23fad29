// Duty: takes each check of the controller out in turn, and shows which judge notices. A process of its
// own, for the check that is taken out is out for all of it.
// Must never end well while a check is missed by all, or while somebody objects with none taken out.

import Control
import ControlSimulation
import Glibc

/// Who objects first; nil if nobody does.
func objection(campaigns: UInt64, steps: Int) -> String? {
    for scenario in Scenario.all {
        do throws(Objection) { try scenario.run() } catch { return "\(scenario.name): \(error.text)" }
    }
    for seed in 0..<campaigns {
        for conduct in [Conduct.sound, .lying, .broken, .hostile] {
            let (step, wrong) = Campaign.run(conduct, seed: seed, steps: steps)
            if let wrong { return "run \(conduct) \(seed), step \(step): \(wrong)" }
        }
    }
    return nil
}

var isGood = true
removedCheck = nil
if let objection = objection(campaigns: 12, steps: 3000) {
    print("with no check taken out: \(objection)")
    isGood = false
}
var missed = 0
for check in Check.allCases {
    removedCheck = check
    let objection = objection(campaigns: 12, steps: 3000)
    print("\(check): \(objection ?? "MISSED")")
    fflush(nil)
    if objection == nil { missed += 1 }
}
print("\(Check.allCases.count) checks, \(missed) missed")
if missed > 0 || !isGood { exit(1) }
