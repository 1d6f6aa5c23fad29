// The story of the board itself: from a clean boot to everything that must not happen. This is the
// list, in its order; each theme has a file of its own. A check brings the board to where it needs it,
// so each can be run alone.

extension Story {
    public func checkBoard(_ rig: Rig, _ workshop: Workshop, kernelPath: String) {
        let scene = Scene(rig: rig, workshop: workshop, kernelPath: kernelPath)
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
        checkSensors(scene)
        checkAnalogues(scene)
        checkRoles(scene)
        checkChips(scene)
        checkUplink(scene)
        checkUpdates(scene)
        checkPower(scene)
        checkAddresses(scene)
        checkDisk(scene)
        checkWhole(scene)
    }
}
