// The story of the board itself: from a clean boot to everything that must not happen. This is the
// list, in its order; each theme has a file of its own. A check brings the board to where it needs it,
// so each can be run alone.

extension Story {
    public func checkBoard(_ rig: Rig, _ workshop: Workshop, kernelPath: String) {
        let scene: Scene
        do { scene = try Scene(rig: rig, workshop: workshop, kernelPath: kernelPath) } catch {
            check("the board's calibration compiles") { throw error }
            return
        }
        let console = explain
        explain = { console() + "\n--- reported:\n" + scene.lastWords }
        recover = { scene.startOver() }
        defer {
            explain = console
            recover = {}
        }
        checkBoot(scene)
        checkCommands(scene)
        checkControl(scene)
        // What takes a minute to come to its end goes on beside other checks.
        checkHeaterBegins(scene)
        checkBypassBegins(scene)
        checkPanel(scene)
        checkProof(scene)
        checkBypassEnds(scene)
        checkHeaterEnds(scene)
        checkEnvelope(scene)
        checkInterlocks(scene)
        checkAuthority(scene)
        checkFaults(scene)
        checkAnalogues(scene)
        checkFlood(scene)
        checkRoles(scene)
        checkChips(scene)
        checkUplink(scene)
        checkUpdates(scene)
        checkCalibration(scene)
        checkPower(scene)
        checkKeySets(scene)
        checkAddresses(scene)
        checkDisk(scene)
        checkAudit(scene)
        checkWhole(scene)
    }
}
