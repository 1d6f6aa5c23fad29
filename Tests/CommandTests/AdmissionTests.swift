// Orders whose signatures hold, and are not for us, not now, or not again.
import Command
import Cryptography
import Signed
import Testing

/// A private key that tests can keep and share.
private final class Issuer: @unchecked Sendable {
    let name: String
    let key: PrivateKey

    init(_ name: String, _ algorithm: SignatureAlgorithm = .ed25519) {
        self.name = name
        key = try! PrivateKey.generate(algorithm)
    }
}

private let ann = Issuer("ann"), bob = Issuer("bob", .es256), stranger = Issuer("stranger")

private func keySet(_ issuers: [Issuer], threshold: Int = 1) throws -> KeySet {
    try KeySet(
        version: 1, entries: issuers.map { KeySet.Entry(name: $0.name, key: $0.key.publicKey, purposes: [.command]) },
        thresholds: [(.command, threshold)])
}

/// Signed, sent and verified.
private func verified(_ command: Command, by issuers: [Issuer] = [ann], keys: [Issuer] = [ann, bob], threshold: Int = 1) throws -> Verified<Command> {
    var object = SignedObject(payload: command.encoded(), purpose: .command)
    for issuer in issuers { try object.sign(with: issuer.key) }
    return try verify(object.encoded().span.bytes, as: Command.self, with: try keySet(keys, threshold: threshold))
}

private func admission() -> Admission { Admission(device: "tank-7", challenge: challenge) }

extension Admission {
    /// The refusal; nil if it was admitted.
    fileprivate mutating func refusal(_ command: Verified<Command>, now: UInt64 = 1000) -> AdmissionRefusal? {
        do throws(AdmissionRefusal) {
            try admit(command, nowMilliseconds: now)
            return nil
        } catch { return error }
    }
}

@Suite struct AdmissionTests {
    @Test("a fresh order for this device is admitted, once")
    func admits() throws {
        var admission = admission()
        let command = try verified(order())
        #expect(admission.refusal(command) == nil)
        #expect(admission.refusal(command) == .replayed(counter: 1, last: 1))
        #expect(admission.refusal(try verified(order(counter: 2))) == nil)
    }

    @Test("P-S2 unsigned, foreign-signed and altered orders never get as far as admission")
    func unverified() throws {
        #expect(throws: SignedError.signatureMissing) { _ = try verified(order(), by: []) }
        #expect(throws: SignedError.self) { _ = try verified(order(), by: [stranger]) }
        #expect(throws: SignedError.self) { _ = try verified(order(), by: [ann, stranger]) }
        #expect(throws: SignedError.self) { _ = try verified(order(), by: [ann], threshold: 2) }
        var object = SignedObject(payload: order().encoded(), purpose: .command)
        try object.sign(with: ann.key)
        let bytes = object.encoded(), keys = try keySet([ann, bob])
        for at in bytes.indices {
            var altered = bytes
            altered[at] ^= 0x10
            #expect(throws: SignedError.self, "byte \(at)") { _ = try verify(altered.span.bytes, as: Command.self, with: keys) }
        }
    }

    @Test("P-S2 each refusal has its code, and says what was wrong")
    func codes() throws {
        var admission = admission()
        #expect(admission.refusal(try verified(order(counter: 5))) == nil)
        let refusals: [(Command, AdmissionRefusal, String)] = [
            (order(device: "tank-8", counter: 6), .deviceWrong("tank-8"), "command-device-wrong"),
            (order(challenge: [UInt8](repeating: 9, count: 16), counter: 6), .challengeStale, "command-challenge-stale"),
            (order(counter: 5), .replayed(counter: 5, last: 5), "command-replayed"),
            (order(counter: 4), .replayed(counter: 4, last: 5), "command-replayed"),
            (order(counter: 6, deadline: 999), .deadlinePassed(deadline: 999, now: 1000), "command-deadline-passed"),
        ]
        for (command, refusal, code) in refusals {
            let found = admission.refusal(try verified(command))
            #expect(found == refusal)
            #expect(found?.code == code)
            #expect(found?.text.isEmpty == false)
        }
        #expect(AdmissionRefusal.tooManyIssuers.code == "command-too-many-issuers")
        // None of them moved the counter.
        #expect(admission.refusal(try verified(order(counter: 6))) == nil)
    }

    @Test("P-S2 a device name or challenge that is nearly ours is another's")
    func nearly() throws {
        var admission = admission()
        for device in ["tank-77", "tank-", "Tank-7", "tank-7 ", ""] {
            #expect(admission.refusal(try verified(order(device: device))) == .deviceWrong(device))
        }
        for at in challenge.indices {
            var other = challenge
            other[at] ^= 1
            #expect(admission.refusal(try verified(order(challenge: other))) == .challengeStale)
        }
    }

    @Test("the deadline is the last millisecond that counts")
    func deadline() throws {
        for (deadline, now, passes) in [(1000, 1000, true), (1000, 1001, false), (0, 0, true), (0, 1, false), (.max, .max, true)] as [(UInt64, UInt64, Bool)] {
            var admission = admission()
            #expect((admission.refusal(try verified(order(deadline: deadline)), now: now) == nil) == passes)
        }
    }

    @Test("a counter counts for its signer: another issuer's may stand lower")
    func counters() throws {
        var admission = admission()
        #expect(admission.refusal(try verified(order(counter: 100), by: [ann])) == nil)
        #expect(admission.refusal(try verified(order(counter: 1), by: [bob])) == nil)
        #expect(admission.refusal(try verified(order(counter: 2), by: [bob])) == nil)
        #expect(admission.refusal(try verified(order(counter: 3), by: [ann])) == .replayed(counter: 3, last: 100))
        #expect(admission.refusal(try verified(order(counter: .max), by: [ann])) == nil)
        #expect(admission.refusal(try verified(order(counter: .max), by: [ann])) == .replayed(counter: .max, last: .max))
    }

    @Test("P-S2 an order by two is not new without the signature of either, nor with them in another order")
    func stripped() throws {
        for again in [[ann], [bob], [bob, ann], [ann, bob]] {
            var admission = admission()
            #expect(admission.refusal(try verified(order(counter: 7), by: [ann, bob])) == nil)
            #expect(admission.refusal(try verified(order(counter: 7), by: again)) == .replayed(counter: 7, last: 7))
        }
    }

    @Test("P-S2 an order refused for one signer leaves the counter of the other where it was")
    func refusedWhole() throws {
        var admission = admission()
        #expect(admission.refusal(try verified(order(counter: 9), by: [bob])) == nil)
        for counter in [1, 2] as [UInt64] {
            // The first time ann is not known yet, the second time she is.
            #expect(admission.refusal(try verified(order(counter: 5), by: [ann, bob])) == .replayed(counter: 5, last: 9))
            #expect(admission.refusal(try verified(order(counter: counter), by: [ann])) == nil)
        }
    }

    @Test("P-S2 a keeper that started again takes nothing of its life before")
    func restarted() throws {
        let command = try verified(order())
        var before = admission()
        #expect(before.refusal(command) == nil)
        var after = Admission(device: "tank-7", challenge: challenge.reversed())
        #expect(after.refusal(command) == .challengeStale)
    }

    @Test("P-S2 every order reordered or sent twice: each is carried out at most once, and only forward")
    func reordered() throws {
        let commands = try (1...4).map { try verified(order(counter: UInt64($0))) }
        for first in 0..<4 {
            for second in 0..<4 {
                var admission = admission()
                #expect(admission.refusal(commands[first]) == nil)
                #expect((admission.refusal(commands[second]) == nil) == (second > first))
            }
        }
    }

    @Test("P-S2 two signatures on one file are two issuers, whoever signed first; one taken away is one issuer, and a copy adds none")
    func twoIssuers() throws {
        let keys = try keySet([stranger, ann, bob])
        for signers in [[ann, bob], [bob, ann], [ann, bob, ann]] {
            let order = try verified(order(), by: signers, keys: [stranger, ann, bob])
            #expect(keys.issuers(of: order) == 0b110)
            #expect(keys.names(ofIssuers: keys.issuers(of: order)) == "ann+bob")
        }
        #expect(keys.issuers(of: try verified(order(), by: [bob], keys: [stranger, ann, bob])) == 0b100)
        #expect(keys.names(ofIssuers: 0) == "nobody")
    }

    @Test("the second signature is put onto the file that the first made")
    func countersigned() throws {
        var object = SignedObject(payload: order().encoded(), purpose: .command)
        try object.sign(with: ann.key)
        let sent = object.encoded()
        var taken = try SignedObject(sent.span.bytes)
        try taken.sign(with: bob.key)
        let keys = try keySet([ann, bob])
        #expect(try verify(taken.encoded().span.bytes, as: Command.self, with: keys).signers == ["ann", "bob"])
        #expect(keys.issuers(of: try verify(sent.span.bytes, as: Command.self, with: keys)) == 0b01)
    }

    @Test("as many issuers as a key set has; one more is refused and the others go on")
    func issuers() throws {
        var admission = admission()
        // A key set has 16 entries at most, so the seventeenth comes with a second set.
        let all = (0..<17).map { Issuer("issuer-\($0)") }
        for issuer in all.prefix(16) { #expect(admission.refusal(try verified(order(), by: [issuer], keys: [issuer])) == nil) }
        #expect(admission.refusal(try verified(order(), by: [all[16]], keys: [all[16]])) == .tooManyIssuers)
        #expect(admission.refusal(try verified(order(counter: 2), by: [all[0]], keys: [all[0]])) == nil)
    }
}
