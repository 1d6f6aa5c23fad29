// Keys that are revoked while the board runs, and a disk that is put back to before that.

import Board
import Bytes
import Command
import Compiler
import Cryptography
import Foundation
import Signed
import Telemetry

extension Story {
    func checkKeySets(_ scene: Scene) {
        let inlet = Action.setpoint(actuator: "inlet", permille: 300)
        check("a key set that would strand the running release is refused", threat: "P-S2 P-D2", timeoutSeconds: 200) {
            _ = try updatable(scene)
            let release = try KeyFiles.publicKey(scene.workshop.keyPath(.release)), stranger = try KeyFiles.publicKey(scene.workshop.keyPath(.stranger))
            let object = try successor(scene, signers: [.release]) { entry in
                entry.key == release ? [.init(name: "root", key: entry.key, purposes: [.keySet]), .init(name: "other", key: stranger, purposes: [.manifest])] : [entry]
            }
            let mark = scene.mark()
            let receipt = try scene.send(object)
            try require(receipt.code == "key-set-passed-on", "the keeper says \(receipt.code)")
            return try scene.event("key-set-refused", "key-set-strands", since: mark).text
        }
        check("a newer key set while it runs: the revoked operator is nobody from then on, the others go on", threat: "P-S2", timeoutSeconds: 300) {
            _ = try updatable(scene)
            let former = Issuer(keyPath: scene.workshop.keyPath(.former))
            let before = try scene.send(try scene.order(inlet, by: former))
            try require(before.code != "key-unknown", "the former operator is nobody already")
            let birth = try require(scene.reports.birth, "no birth")
            let object = try successor(scene, signers: [.release]) { $0.name == Workshop.Key.former.rawValue ? [] : [$0] }
            let mark = scene.mark()
            let alone = try scene.send(SignedObject(payload: SignedObject(object.span.bytes).unverifiedPayload, purpose: .keySet).encoded())
            try require(alone.code == "signature-missing", "an unsigned key set: \(alone.code)")
            _ = try scene.send(object)
            try scene.event("key-set-in-force", since: mark)
            _ = try scene.birth(since: mark)
            try scene.ready()
            let after = try scene.send(try scene.order(inlet, by: former))
            try require(after.outcome == .refused && after.code == "key-unknown", "the former operator's order: \(after.outcome), \(after.code)")
            try scene.drive(toPermille: 200)
            try require(scene.reports.birth?.stamp.bootCount == birth.stamp.bootCount, "the board restarted")
            let again = try scene.send(object)
            try require(again.code == "version-old", "the same key set again: \(again.code)")
            return "key-unknown, without a restart of the board"
        }
        check("a disk that is put back to before the newer key set: the TPM's counter refuses it, nothing opens", threat: "P-S2 P-T1", timeoutSeconds: 300) {
            let machine = try scene.running()
            machine.cutPower()
            let disk = try ColdDisk(machine, scene.workshop)
            let own = try disk.eraseKeySets()
            let mark = scene.mark()
            try machine.start()
            let line = try scene.console("STOPPED, outputs safe: key set: key-set-below-floor", since: mark)
            try require(!scene.opened(since: mark), "the inlet was opened")
            machine.cutPower()
            try disk.put(keySets: own)
            let birth = try scene.powerOn()
            try require(birth.boot.steps.contains { $0.contains("key set version 2") }, "its steps do not name the newer key set")
            return String(line.suffix(120))
        }
    }
}

/// A key set of version 2, signed.
private func successor(_ scene: Scene, signers: [Workshop.Key], _ change: (KeySet.Entry) throws -> [KeySet.Entry]) throws -> [UInt8] {
    let old = try KeySetCompiler.read(scene.workshop.keySetPath)
    let entries = try old.entries.flatMap(change)
    let thresholds = Purpose.allCases.compactMap { purpose in old.threshold(purpose).map { (purpose, $0) } }
    var object = SignedObject(payload: try KeySet(version: 2, entries: entries, thresholds: thresholds).encoded(), purpose: .keySet)
    for signer in signers { try object.sign(with: KeyFiles.privateKey(scene.workshop.keyPath(signer))) }
    return object.encoded()
}
