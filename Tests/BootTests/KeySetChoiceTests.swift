// Which key set a board believes, over the chain on its disk, its floor, and what it runs by.
import Boot
import BootState
import Bytes
import Cryptography
import Signed
import SimulatedDisk
import Testing

private struct Maker {
    let key: PrivateKeyBox
    init() throws { key = try PrivateKeyBox() }

    final class PrivateKeyBox: Sendable {
        nonisolated(unsafe) let key: PrivateKey
        init() throws { key = try PrivateKey.generate(.es256) }
    }

    func set(_ version: UInt64, and other: Maker? = nil) throws -> KeySet {
        var entries = [KeySet.Entry(name: "one", key: key.key.publicKey, purposes: [.keySet])]
        if let other { entries.append(.init(name: "two", key: other.key.key.publicKey, purposes: [.keySet])) }
        return try KeySet(version: version, entries: entries, thresholds: [(.keySet, 1)])
    }

    func link(_ set: KeySet, _ signers: [Maker]) throws -> [UInt8] {
        var object = SignedObject(payload: set.encoded(), purpose: .keySet)
        for signer in signers { try object.sign(with: signer.key.key) }
        return object.encoded()
    }
}

private func code<T>(_ body: () throws -> T) -> String? {
    do {
        _ = try body()
        return nil
    } catch let error as KeySetRefusal {
        #expect(!error.text.isEmpty)
        return error.code
    } catch { return "\(error)" }
}

@Suite struct KeySetChoiceTests {
    @Test("P-S2 P-T1 a disk that was put back to an older key set, whose keys are revoked, is refused")
    func rollback() throws {
        let old = try Maker(), new = try Maker()
        let anchor = try old.set(1), next = try new.set(2)
        let link = try old.link(next, [old, new])
        #expect(try KeySetTerms(current: anchor, floor: 0).chosen([]) == anchor)
        #expect(try KeySetTerms(current: anchor, floor: 2).chosen([link]) == next)
        for links in [[], [Array(link.dropLast())], [[0]]] as [[[UInt8]]] {
            #expect(code { try KeySetTerms(current: anchor, floor: 2).chosen(links) } == "key-set-below-floor")
        }
        // Signed by a revoked key alone, as late as it likes.
        let forged = try old.link(try old.set(9), [old])
        #expect(try KeySetTerms(current: anchor, floor: 2).chosen([link, forged]) == next)
    }

    @Test("P-S2 a set that would strand what the board runs by is refused, and one that is numbered too far ahead")
    func stranded() throws {
        let old = try Maker(), new = try Maker()
        let terms = KeySetTerms(current: try old.set(1), floor: 1)
        func admit(_ version: UInt64) -> String? {
            code { try terms.admitted(try old.link(try new.set(version), [old, new]), manifest: [], commissioning: [], calibration: []) }
        }
        #expect(admit(2) == "key-set-strands")
        #expect(admit(257) == "key-set-strands")
        #expect(admit(258) == "key-set-version-too-far")
        #expect(code { try terms.admitted(try old.link(try new.set(2), [new]), manifest: [], commissioning: [], calibration: []) } == "key-set-threshold-unmet")
    }

    @Test("P-T1 the key sets on the disk: at every cut of a write the older chain or the newer one is there, whole")
    func powerCuts() throws {
        let links = (0..<3).map { number in [UInt8](repeating: UInt8(number), count: 700) }
        let disk = SimulatedDisk(size: 65536)
        var partition = SimulatedPartition(disk)
        var copies = try TwoCopies<StoredKeySets>(loading: &partition)
        #expect(copies.content == nil)
        var allowed = [nil, StoredKeySets(links: [links[0]]), StoredKeySets(links: [links[0], links[1]]), StoredKeySets(links: links)]
        for next in allowed.dropFirst() { try copies.write(next!, to: &partition) }
        allowed.append(nil)
        var reached = 0
        let cuts = try disk.forEachCut(reorderings: 3) { _, medium in
            var again = SimulatedPartition(SimulatedDisk(contents: medium))
            let found = try TwoCopies<StoredKeySets>(loading: &again).content
            #expect(allowed.contains { $0 == found })
            let place = allowed.firstIndex { $0 == found } ?? 0
            #expect(place >= reached - 1)
            reached = max(reached, place)
        }
        #expect(cuts > 300 && reached == 3)
    }

    @Test func moreThanACopyHoldsIsRefused() {
        #expect(StoredKeySets(links: [[UInt8](repeating: 1, count: 32700)]) != nil)
        #expect(StoredKeySets(links: [[UInt8](repeating: 1, count: 32720)]) == nil)
        #expect(StoredKeySets(links: (0..<33).map { [UInt8($0)] }) == nil)
    }
}
