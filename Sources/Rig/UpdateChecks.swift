// Updates: the good one, and all that must not become one.

import Command
import Compiler
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkUpdates(_ scene: Scene) {
        func refusal(_ name: String, _ threat: String, _ code: String, saying: String = "", writes: Bool = false, _ make: @escaping () throws -> String) {
            check("update refused: \(name)", threat: threat, timeoutSeconds: 300) {
                let machine = try scene.running()
                let birth = try updatable(scene)
                let bundle = try make()
                let disk = try ColdDisk(machine, scene.workshop)
                let slot = birth.boot.slot.lowercased() == "a" ? ColdDisk.Slot.b : .a
                let before = try disk.digest(slot)
                let file = "refused-\(code).bundle"
                try scene.rig.updates.serve(bundle, as: file)
                let mark = scene.mark()
                try scene.command(.update(bundle: file))
                let event = try scene.event(code, saying, since: mark, timeoutSeconds: 120)
                try require(writes || (try disk.digest(slot)) == before, "the slot was written")
                try require(scene.reports.births == mark.births, "the board restarted")
                return "\(event.code)\(writes ? ", running \(birth.boot.release) as before" : ", the other slot unwritten")"
            }
        }
        refusal("the manifest altered", "P-T1 S-TRID1", "manifest-signature-invalid") {
            try altered(scene, try scene.next(), as: "altered-manifest") { bytes in
                let length = Int(bytes[8]) << 24 | Int(bytes[9]) << 16 | Int(bytes[10]) << 8 | Int(bytes[11])
                return 12 + length - 1
            }
        }
        refusal("a block of data altered", "P-T1 C-T1", "bundle-block-altered", saying: "data block ", writes: true) {
            // One that the running release does not have: others are not even fetched.
            let fetched = try changedBlocks(scene.workshop.folder + "/1.0.0.bundle", try scene.next())
            return try altered(scene, try scene.next(), as: "altered-data") { _ in fetched.last! + 100 }
        }
        refusal("a block of an encrypted bundle altered", "P-T1 C-T1", "bundle-block-altered", saying: "does not open under the bundle's key", writes: true) {
            // One half of it is the product's data, of which the running release has nothing: what is not fetched does no harm.
            let clear = try scene.workshop.bundle(release: "1.1.2", index: 2, calibration: scene.calibration(), root: try scene.product("1.1.2", bytes: 4 << 20))
            let bundle = try scene.workshop.encrypted(clear, for: scene.workshop.decryptionKeyPath())
            let early = try altered(scene, bundle, as: "altered-encrypted-early") { $0.count / 4 }
            return try altered(scene, early, as: "altered-encrypted") { $0.count * 3 / 4 }
        }
        refusal("encrypted for another board", "P-T1", "bundle-not-for-us") {
            try scene.workshop.encrypted(scene.next(), for: scene.workshop.publicKeyPath(.release))
        }
        refusal("signed by a key that may not sign releases", "P-T1", "manifest-key-purpose") {
            try scene.workshop.bundle(release: "1.1.1", index: 2, calibration: scene.calibration(), key: .calibrator)
        }
        check("update A to B: verified as it streams, tried, marked good, floor raised", threat: "P-T1", timeoutSeconds: 400) {
            _ = try updatable(scene)
            let start = monotonicNanoseconds()
            let (birth, floor) = try update(scene, to: try scene.next(), release: "1.1.0")
            try require(birth.boot.isTrial, "it was not on trial")
            let ranges = scene.rig.updates.requests.filter { !$0.range.isEmpty && $0.path.contains("1.1.0") }
            try require(!ranges.isEmpty, "it was not fetched by ranges")
            // As nginx logged it: manifest and hash area, which are fetched whole, and of the data what release 1.0.0 does not have.
            let fetched = ranges.reduce(0) { $0 + $1.bytesSent }
            let root = try require(BundleHead([UInt8](try Data(contentsOf: URL(fileURLWithPath: scene.next()))), path: scene.next()).layout.parts.first, "it has no root")
            let dataBegins = root.offset(ofPosition: root.geometry.hashAreaBlocks)
            let changed = try changedBlocks(scene.workshop.folder + "/1.0.0.bundle", try scene.next()).filter { $0 >= dataBegins }.count * 4096
            try require(fetched <= dataBegins + changed * 102 / 100, "\(fetched) bytes were fetched where \(changed) of the data had changed")
            return String(
                format: "slot %@ runs %@, %@, %d bytes fetched in %d ranges, %d changed, %.1f s", birth.boot.slot, birth.boot.release, floor.text,
                fetched, ranges.count, changed, seconds(start, monotonicNanoseconds()))
        }
        refusal("an older signed release, by the TPM's floor", "P-T1", "below-floor") {
            if (scene.reports.birth?.boot.rollbackIndex ?? 0) < 2 { _ = try update(scene, to: try scene.next(), release: "1.1.0") }
            return scene.workshop.folder + "/1.0.0.bundle"
        }
        check("kill -9 of the installer: the slot stays unbootable, the next order completes", threat: "P-E1 P-D2", timeoutSeconds: 400) {
            _ = try updatable(scene)
            let index = max(2, Int(scene.reports.birth?.boot.rollbackIndex ?? 0))
            let bundle = try scene.workshop.bundle(release: "1.2.0", index: index, calibration: scene.calibration(), root: try scene.product("1.2.0", bytes: 3 << 20))
            try scene.rig.updates.serve(bundle, as: "1.2.0.bundle")
            scene.rig.updateCable.condition = .slow(bytesPerSecond: 400_000)
            defer { scene.rig.updateCable.condition = .whole }
            let mark = scene.mark()
            try scene.command(.update(bundle: "1.2.0.bundle"))
            let progress = try scene.event("update-progress", since: mark)
            try scene.command(.kill(.installer))
            try scene.event("update-ended", since: mark)
            scene.rig.updateCable.condition = .whole
            let (birth, _) = try update(scene, to: bundle, release: "1.2.0")
            return "ended at \(progress.text); then slot \(birth.boot.slot) runs \(birth.boot.release)"
        }
        check("an encrypted update, the network cut in the middle: resumed, opened by the TPM, marked good", threat: "P-T1 C-D1", timeoutSeconds: 400) {
            let index = max(2, Int(try updatable(scene).boot.rollbackIndex))
            let clear = try scene.workshop.bundle(release: "1.4.0", index: index, calibration: scene.calibration(), root: try scene.product("1.4.0", bytes: 3 << 20))
            let bundle = try scene.workshop.encrypted(clear, for: scene.workshop.decryptionKeyPath())
            let cable = scene.rig.updateCable
            cable.condition = .slow(bytesPerSecond: 400_000)
            defer { cable.condition = .whole }
            var progress = ""
            let (birth, _) = try update(scene, to: bundle, release: "1.4.0") { mark in
                progress = try scene.event("update-progress", since: mark).text
                cable.condition = .cut
                sleep(3)
                cable.condition = .whole
            }
            // The manifest and the keys have a fetch each; what is more, begins behind the cut.
            let fetched = scene.rig.updates.requests.filter { $0.path.contains("1.4.0") && $0.status == 206 }
            try require(fetched.count >= 4, "it was not resumed: \(fetched.count) ranges")
            return "cut at \(progress); slot \(birth.boot.slot) runs \(birth.boot.release) after \(fetched.count) ranges"
        }
        check("a release that never connects goes back by itself, and says why", threat: "P-T1 P-T4", timeoutSeconds: 400) {
            let before = try updatable(scene).boot
            let bundle = try scene.workshop.bundle(
                release: "1.5.0", index: Int(before.rollbackIndex) + 1, calibration: scene.calibration(), timeoutSeconds: 20)
            try scene.rig.updates.serve(bundle, as: "1.5.0.bundle")
            let mark = scene.mark()
            try scene.command(.update(bundle: "1.5.0.bundle"))
            try scene.event("update-installed", since: mark, timeoutSeconds: 120)
            scene.rig.brokerCable.condition = .cut
            defer { scene.rig.brokerCable.condition = .whole }
            try scene.console("health-failed", since: mark, timeoutSeconds: 240)
            scene.rig.brokerCable.condition = .whole
            let birth = try scene.report("the old release again", timeoutSeconds: 240) { reports -> Birth? in
                guard reports.births > mark.births, let birth = reports.birth, birth.boot.release == before.release else { return nil }
                return birth
            }
            let failure = try require(birth.boot.failure, "the reason was not reported")
            try require(failure.contains("1.5.0 health: uplink-not-connected"), "another failure: \(failure)")
            try require(birth.boot.floor == before.rollbackIndex, "the floor moved to \(birth.boot.floor)")
            return failure
        }
        check("a release that does not come up healthy goes back by itself, and says why", threat: "P-T1 P-T4", timeoutSeconds: 400) {
            let before = try updatable(scene).boot
            // A calibration that nobody may sign with this key: its controller refuses to run.
            let calibration = try scene.workshop.calibration(name: "foreign-calibration", key: .release)
            let bundle = try scene.workshop.bundle(
                release: "1.3.0", index: Int(before.rollbackIndex) + 1, calibration: calibration, timeoutSeconds: 10)
            try scene.rig.updates.serve(bundle, as: "1.3.0.bundle")
            let mark = scene.mark()
            try scene.command(.update(bundle: "1.3.0.bundle"))
            try scene.event("update-installed", since: mark, timeoutSeconds: 120)
            let birth = try scene.report("the old release again", timeoutSeconds: 240) { reports -> Birth? in
                guard reports.births > mark.births, let birth = reports.birth, birth.boot.release == before.release else { return nil }
                return birth.stamp.bootCount > before.bootCount + 1 || birth.boot.failure != nil ? birth : nil
            }
            let failure = try require(birth.boot.failure, "the reason was not reported")
            try require(failure.contains("1.3.0"), "another failure: \(failure)")
            try require(birth.boot.floor == before.rollbackIndex, "the floor moved to \(birth.boot.floor)")
            try require(!scene.opened(since: mark), "the inlet was opened")
            return failure
        }
    }
}

extension Scene {
    /// The signed calibration that good releases carry.
    func calibration() -> String { workshop.folder + "/calibration.cose" }

    /// The next good release, 1.1.0.
    func next() throws -> String {
        let path = workshop.folder + "/1.1.0.bundle"
        if FileManager.default.fileExists(atPath: path) { return path }
        return try workshop.bundle(release: "1.1.0", index: 2, calibration: calibration(), root: try product("1.1.0", bytes: 300_000))
    }

    /// A product's folder with one file that no other release has, and that can't be compressed.
    func product(_ name: String, bytes: Int) throws -> String {
        let folder = workshop.folder + "/product-" + name
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var content = Data(capacity: bytes)
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<bytes / 8 { withUnsafeBytes(of: generator.next()) { content.append(contentsOf: $0) } }
        try content.write(to: URL(fileURLWithPath: folder + "/product.bin"))
        return folder
    }
}

/// A board whose running release has marked itself good, which is when it takes updates.
func updatable(_ scene: Scene) throws -> Birth {
    try scene.ready()
    return try scene.report("a release marked good", timeoutSeconds: 90) { reports in
        guard let birth = reports.birth else { return nil }
        return reports.events.contains { $0.code == "marked-good" && $0.stamp.bootCount == birth.stamp.bootCount } ? birth : nil
    }
}

/// Has the board take a good bundle; returns the birth of its trial, and the event of the raised floor
/// (or of the good mark, where the index is the same).
/// - meanwhile: what happens once it is ordered.
private func update(_ scene: Scene, to bundle: String, release: String, meanwhile: (Scene.Mark) throws -> Void = { _ in }) throws -> (Birth, EventRecord) {
    let before = try updatable(scene)
    if before.boot.release == release { throw Unmet("\(release) runs already") }
    try scene.rig.updates.serve(bundle, as: release + ".bundle")
    let mark = scene.mark()
    try scene.command(.update(bundle: release + ".bundle"))
    try meanwhile(mark)
    try scene.event("update-installed", release, since: mark, timeoutSeconds: 180)
    let birth = try scene.report("a birth of \(release)", timeoutSeconds: 150) {
        $0.births > mark.births && $0.birth?.boot.release == release ? $0.birth : nil
    }
    try require(birth.boot.slot != before.boot.slot, "it runs in the same slot")
    try require(!scene.opened(since: mark), "the inlet was opened")
    let good = try scene.event("marked-good", release, since: mark, timeoutSeconds: 120)
    return (birth, birth.boot.rollbackIndex > birth.boot.floor ? try scene.event("floor-raised", since: mark) : good)
}

/// Where the blocks of a bundle in the clear stand, behind its manifest, that another one does not have.
private func changedBlocks(_ old: String, _ new: String) throws -> [Int] {
    let old = try Data(contentsOf: URL(fileURLWithPath: old)), new = try Data(contentsOf: URL(fileURLWithPath: new))
    let known = Set(stride(from: 65536, to: old.count, by: 4096).map { old[$0..<$0 + 4096] })
    return stride(from: 65536, to: new.count, by: 4096).filter { !known.contains(new[$0..<$0 + 4096]) }
}

/// A copy of a bundle with one bit flipped.
private func altered(_ scene: Scene, _ bundle: String, as name: String, at offset: ([UInt8]) -> Int) throws -> String {
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: bundle)))
    bytes[offset(bytes)] ^= 0x10
    let path = "\(scene.workshop.folder)/\(name).bundle"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
}
