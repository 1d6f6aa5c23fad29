// Two modules have a HealthGate: here is what the release demands, apart from the gate that asks for it.
import Release

let demands = HealthGate(aliveMilliseconds: 10_000, uplinkDemanded: true, timeoutMilliseconds: 60_000)!
let demandsWithoutUplink = HealthGate(aliveMilliseconds: 10_000, uplinkDemanded: false, timeoutMilliseconds: 60_000)!
