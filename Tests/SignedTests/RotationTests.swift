// One key set follows on another when both want it; never back, and never by a chain with a gap.
import Bytes
import Cryptography
import Testing
@testable import Signed

/// Three generations: old alone, old and next together, next alone.
private struct Generations {
    let old = [Key(.es256), Key(.ed25519)], next = [Key(.ed25519), Key(.es256)]

    func set(_ version: UInt64, _ keys: [Key], threshold: Int = 2, purposes: [Purpose] = [.manifest, .keySet]) throws -> KeySet {
        try KeySet(
            version: version,
            entries: keys.map { .init(name: "key-\(hexadecimal($0.publicKey.keyIdentifier))", key: $0.publicKey, purposes: purposes) },
            thresholds: purposes.map { ($0, threshold) })
    }

    func first() throws -> KeySet { try set(1, old) }
    func second() throws -> KeySet { try set(2, next) }

    func link(_ set: KeySet, _ signers: [Key]) throws -> [UInt8] { try Sample.object(set.encoded(), .keySet, signers).encoded() }
}

private func refusal(_ object: [UInt8], of current: KeySet) -> String? {
    do throws(SignedError) {
        _ = try verifySuccessor(object.span.bytes, of: current)
        return nil
    } catch {
        #expect(!error.text.isEmpty)
        return error.code
    }
}

@Suite struct RotationTests {
    @Test("P-S2 the old threshold and the new one must both sign; fewer of either are refused")
    func bothThresholds() throws {
        let keys = Generations(), first = try keys.first(), second = try keys.second()
        let link = try keys.link(second, keys.old + keys.next)
        let verified = try verifySuccessor(link.span.bytes, of: first)
        #expect(verified.payload == second && verified.signers.count == 4)
        #expect(refusal(try keys.link(second, keys.old), of: first) == "new-threshold-unmet")
        #expect(refusal(try keys.link(second, keys.old + [keys.next[0]]), of: first) == "new-threshold-unmet")
        #expect(refusal(try keys.link(second, keys.next), of: first) == "threshold-unmet")
        #expect(refusal(try keys.link(second, keys.next + [keys.old[1]]), of: first) == "threshold-unmet")
        #expect(refusal(try keys.link(second, keys.old + keys.next + [Key(.es256)]), of: first) == "key-unknown")
        #expect(refusal(try keys.link(try keys.set(1, keys.next), keys.old + keys.next), of: first) == "version-old")
        #expect(refusal(try keys.link(try keys.set(0, keys.next), keys.old + keys.next), of: first) == "version-old")
    }

    @Test("a set that names nobody for its own successor is refused: it could never be replaced")
    func lastSet() throws {
        let keys = Generations()
        let dead = try keys.set(2, keys.old, purposes: [.manifest])
        #expect(refusal(try keys.link(dead, keys.old), of: try keys.first()) == "new-threshold-unmet")
    }

    @Test("a key that is in both counts for both; one whose right to sign key sets ends counts as an old one only")
    func sharedKeys() throws {
        let keys = Generations(), first = try keys.first()
        #expect(refusal(try keys.link(try keys.set(2, keys.old), keys.old), of: first) == nil)
        let demoted = try KeySet(
            version: 2,
            entries: [
                .init(name: "demoted", key: keys.old[0].publicKey, purposes: [.manifest]),
                .init(name: "second", key: keys.old[1].publicKey, purposes: [.keySet]),
                .init(name: "third", key: keys.next[0].publicKey, purposes: [.keySet]),
            ], thresholds: [(.manifest, 1), (.keySet, 2)])
        #expect(refusal(try keys.link(demoted, keys.old), of: first) == "new-threshold-unmet")
        #expect(refusal(try keys.link(demoted, keys.old + [keys.next[0]]), of: first) == nil)
    }

    @Test("P-S2 a signature that does not hold refuses the set, whichever side it is of")
    func everySignatureHolds() throws {
        let keys = Generations(), first = try keys.first(), second = try keys.second()
        let link = try keys.link(second, keys.old + keys.next)
        #expect(refusal(link, of: first) == nil)
        for at in link.indices {
            var altered = link
            altered[at] ^= 1
            #expect(refusal(altered, of: first) != nil, "byte \(at)")
        }
    }

    @Test("the chain is followed link by link; a gap, a foreign link or an altered one ends it there")
    func chain() throws {
        let keys = Generations(), first = try keys.first()
        let both = try keys.set(2, keys.old + keys.next), third = try keys.set(3, keys.next), last = Key(.es256)
        let fourth = try keys.set(4, [last], threshold: 1)
        let links = [
            try keys.link(both, keys.old + keys.next), try keys.link(third, keys.next), try keys.link(fourth, keys.next + [last]),
        ]
        #expect(first.newest(of: links).keys == fourth && first.newest(of: links).refusal == nil)
        #expect(first.newest(of: []).keys == first)
        #expect(first.newest(of: [links[0]]).keys == both)
        let gap = first.newest(of: [links[0], links[2]])
        #expect(gap.keys == fourth, "the keys of the second set are those that signed the fourth")
        let start = first.newest(of: [links[1], links[2]])
        #expect(start.keys == first && start.refusal?.code == "threshold-unmet")
        var altered = links
        altered[1][altered[1].count / 2] ^= 1
        #expect(first.newest(of: altered).keys == both && first.newest(of: altered).refusal != nil)
        #expect(first.newest(of: [[1, 2, 3]]).keys == first)
        // An initramfs that was renewed knows nothing of the keys before.
        #expect(third.newest(of: links).keys == fourth && third.newest(of: links).refusal == nil)
    }

    @Test("what the disk is to hold: the links that lead here, and the new one")
    func appended() throws {
        let keys = Generations(), first = try keys.first()
        let both = try keys.set(2, keys.old + keys.next), third = try keys.set(3, keys.next)
        let one = try keys.link(both, keys.old + keys.next), two = try keys.link(third, keys.next)
        #expect(first.chain([], with: one) == [one])
        #expect(both.chain([one], with: two) == [one, two])
        #expect(first.chain([[9, 9]], with: one) == [one], "what does not lead here is dropped")
        #expect(both.chain([one, [7]], with: two) == [one, two])
    }
}
