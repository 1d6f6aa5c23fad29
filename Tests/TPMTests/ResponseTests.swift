// Responses are anybody's bytes: each command takes its own answer, refuses every cut and wrong one,
// and never traps.
import Bytes
import Cryptography
import SeededRandom
import Testing
@testable import TPM

func response(code: UInt32 = 0, authorised: Bool = false, handle: UInt32? = nil, _ parameters: [UInt8] = []) -> [UInt8] {
    var writer = ByteWriter()
    writer.u16(authorised ? 0x8002 : 0x8001)
    writer.u32(0)
    writer.u32(code)
    if let handle { writer.u32(handle) }
    if authorised { writer.u32(UInt32(parameters.count)) }
    writer.append(parameters)
    if authorised { writer.append([0, 0, 1, 0, 0]) }
    writer.patchU32(UInt32(writer.bytes.count), at: 2)
    return writer.bytes
}

@Suite struct ResponseTests {
    static let digest = Digest([UInt8](0..<32))!

    @Test func retriesWhatTheTPMAsksToBeSentAgain() throws {
        var tpm = TPM(Recorder(answers: [response(code: 0x922), response(code: 0x90A), response()]))
        try tpm.startup()
        #expect(tpm.transport.sent.count == 3)
        #expect(tpm.transport.pausesMilliseconds == [20, 40])
    }

    @Test func retriesEnd() {
        var tpm = TPM(Recorder(answers: Array(repeating: response(code: 0x922), count: 100)))
        #expect(throws: TPMError.refused(.startup, TPMResponseCode(0x922))) { try tpm.startup() }
        #expect(tpm.transport.sent.count == 9)
    }

    @Test func startupToleratesAStartedTPMAndNothingElse() throws {
        var tpm = TPM(Recorder(answers: [response(code: 0x100), response(code: 0x101)]))
        try tpm.startup()
        #expect(throws: TPMError.refused(.startup, TPMResponseCode(0x101))) { try tpm.startup() }
    }

    @Test func codesInWords() {
        #expect(TPMResponseCode(0x2C4).text == "TPM_RC_VALUE (0x2c4), parameter 2")
        #expect(TPMResponseCode(0x18B).text == "TPM_RC_HANDLE (0x18b), handle 1")
        #expect(TPMResponseCode(0x98E).text == "TPM_RC_AUTH_FAIL (0x98e), session 1")
        #expect(TPMResponseCode(0x902).text == "TPM_RC_OBJECT_MEMORY (0x902)")
        #expect(TPMResponseCode(0x913).text == "TPM_RC_REFERENCE_H3 (0x913)")
        #expect(TPMResponseCode(0x100).text == "TPM_RC_INITIALIZE (0x100)")
        #expect(TPMResponseCode(0xFFFF_FFFF).text != "")
        #expect((0..<UInt32(0x10000)).allSatisfy { !TPMResponseCode($0).text.isEmpty })
    }

    @Test("P-T1 a missing, never incremented or foreign counter is never a zero")
    func counterErrors() {
        var tpm = TPM(Recorder(answers: [response(code: 0x18B)]))
        #expect(throws: TPMError.counterMissing(index: floorIndex)) { try tpm.readFloor(baseline: 0) }
        var unwritten = writtenCounter
        unwritten[18] &= ~0x20
        tpm = TPM(Recorder(answers: [unwritten]))
        #expect(throws: TPMError.counterUninitialised(index: floorIndex)) { try tpm.readFloor(baseline: 0) }
        // An ordinary index of 8 bytes, which its owner may set back.
        var ordinary = writtenCounter
        ordinary[21] &= ~0x10
        tpm = TPM(Recorder(answers: [ordinary]))
        #expect(throws: TPMError.counterForeign(index: floorIndex, attributes: 0x2206_0002)) { try tpm.readFloor(baseline: 0) }
        let five = response(authorised: true, [0, 8, 0, 0, 0, 0, 0, 0, 0, 5])
        tpm = TPM(Recorder(answers: [writtenCounter, five]))
        #expect(throws: TPMError.floorBelowBaseline(counter: 5, baseline: 6)) { try tpm.readFloor(baseline: 6) }
        tpm = TPM(Recorder(answers: [writtenCounter, five]))
        #expect(throws: TPMError.floorTooFar(present: 0, wanted: 257)) { try tpm.raiseFloor(to: 257, baseline: 5) }
    }

    @Test func readsUntilAllRegistersHaveCome() throws {
        let values = (0..<24).map { SHA256.hash([UInt8($0)]) }
        var first = ByteWriter(), second = ByteWriter(), third = ByteWriter()
        for (part, bytes) in [[0xFF, 0, 0], [0, 0xFF, 0], [0, 0, 0xFF]].enumerated() as EnumeratedSequence<[[UInt8]]> {
            var writer = ByteWriter()
            writer.append([0, 0, 0, 9, 0, 0, 0, 1, 0, 0x0B, 3] + bytes + [0, 0, 0, 8])
            for value in values[8 * part..<8 * part + 8] { writer.append([0, 32] + value.bytes) }
            if part == 0 { first = writer } else if part == 1 { second = writer } else { third = writer }
        }
        let all = RegisterSelection(Array(0..<24))!
        var tpm = TPM(Recorder(answers: [response(first.bytes), response(second.bytes), response(third.bytes)]))
        #expect(try tpm.pcrRead(all) == values)
        // A change between the commands: all again; and for ever: an error.
        var moved = second.bytes
        moved[3] = 10
        tpm = TPM(Recorder(answers: [response(first.bytes), response(moved), response(first.bytes), response(second.bytes), response(third.bytes)]))
        #expect(try tpm.pcrRead(all) == values)
        tpm = TPM(Recorder(answers: (0..<50).map { response($0 % 2 == 0 ? first.bytes : moved) }))
        #expect(throws: TPMError.registersChanging) { try tpm.pcrRead(all) }
        // An answer of no PCR: no such bank.
        tpm = TPM(Recorder(answers: [response([0, 0, 0, 9, 0, 0, 0, 1, 0, 0x0B, 3, 0, 0, 0, 0, 0, 0, 0])]))
        #expect(throws: TPMError.registersMissing) { try tpm.pcrRead(all) }
        // PCRs that were not asked for.
        tpm = TPM(Recorder(answers: [response(second.bytes)]))
        #expect(throws: TPMError.self) { try tpm.pcrRead([0]) }
    }

    @Test func anExchangeJoinsPiecesAndHasABound() throws {
        let whole = response([1, 2, 3, 4])
        for piece in 1...whole.count {
            var rest = whole
            let joined = try streamExchange([0]) { (_: [UInt8]) throws(TPMError) in } read: { (maximum: Int) throws(TPMError) in
                let next = Array(rest.prefix(min(piece, maximum)))
                rest.removeFirst(next.count)
                return next
            }
            #expect(joined == whole)
        }
        func exchange(_ pieces: [[UInt8]]) throws(TPMError) -> [UInt8] {
            var pieces = pieces
            return try streamExchange([0]) { (_: [UInt8]) throws(TPMError) in } read: { (_: Int) throws(TPMError) in
                pieces.isEmpty ? [] : pieces.removeFirst()
            }
        }
        #expect(throws: TPMError.closed) { try exchange([Array(whole.dropLast())]) }
        #expect(throws: TPMError.oversized) { try exchange([whole + [0]]) }
        #expect(throws: TPMError.oversized) { try exchange([[0x80, 1, 0xFF, 0xFF, 0xFF, 0xFF]]) }
    }

    /// Runs a command against an answer and says whether it was taken.
    typealias Attempt = @Sendable (inout TPM<Recorder>) throws(TPMError) -> Void

    static let createPrimaryAnswer: [UInt8] = {
        var area = ByteWriter()
        area.append([0, 0x23, 0, 0x0B, 0, 4, 4, 0x72, 0, 0, 0, 0x10, 0, 0x18, 0, 0x0B, 0, 3, 0, 0x10])
        area.append([0, 32] + [UInt8](repeating: 1, count: 32) + [0, 31] + [UInt8](repeating: 2, count: 31))
        var writer = ByteWriter()
        writer.u16(UInt16(area.bytes.count))
        writer.append(area.bytes)
        writer.append([0, 3, 1, 2, 3] + [0, 32] + [UInt8](repeating: 3, count: 32))
        writer.append([0x80, 0x21, 0x40, 0, 0, 1] + [0, 32] + [UInt8](repeating: 4, count: 32))
        writer.append([0, 34, 0, 0x0B] + SHA256.hash(area.bytes).bytes)
        return response(authorised: true, handle: 0x8000_0000, writer.bytes)
    }()

    static let attested: [UInt8] = [0xFF, 0x54, 0x43, 0x47, 0x80, 0x18, 0, 2, 0, 0x0B, 0, 4, 9, 9, 9, 9]
        + [UInt8](repeating: 0, count: 8) + [0, 0, 0, 1, 0, 0, 0, 2, 1] + [UInt8](repeating: 5, count: 8)
        + [0, 0, 0, 1, 0, 0x0B, 3, 0, 0x18, 0] + [0, 32] + [UInt8](repeating: 6, count: 32)

    static let signature: [UInt8] = [0, 0x18, 0, 0x0B, 0, 32] + [UInt8](repeating: 7, count: 32) + [0, 31] + [UInt8](repeating: 8, count: 31)

    static let exchanges: [(name: String, answers: [[UInt8]], attempt: Attempt)] = [
        ("startup", [response()], { (tpm) throws(TPMError) in try tpm.startup() }),
        ("random", [response([0, 4, 1, 2, 3, 4])], { (tpm) throws(TPMError) in _ = try tpm.getRandom(4) }),
        ("identity", [response([0, 0, 0, 0, 6, 0, 0, 0, 2, 0, 0, 1, 5, 0x49, 0x42, 0x4D, 0, 0, 0, 1, 0xB, 0, 0, 0, 1])],
         { (tpm) throws(TPMError) in _ = try tpm.getIdentity() }),
        ("registers", [response([0, 0, 0, 9, 0, 0, 0, 1, 0, 0x0B, 3, 1, 0, 0, 0, 0, 0, 1, 0, 32] + [UInt8](repeating: 1, count: 32))],
         { (tpm) throws(TPMError) in _ = try tpm.pcrRead([0]) }),
        ("extend", [response(authorised: true)], { (tpm) throws(TPMError) in try tpm.pcrExtend(11, digest) }),
        ("counter", [writtenCounter, response(authorised: true, [0, 8, 0, 0, 0, 0, 0, 0, 0, 5])],
         { (tpm) throws(TPMError) in _ = try tpm.nvReadCounter(floorIndex) }),
        ("key", [createPrimaryAnswer], { (tpm) throws(TPMError) in _ = try tpm.createPrimaryKey() }),
        ("sign", [response(authorised: true, signature)], { (tpm) throws(TPMError) in _ = try tpm.sign(1, digest) }),
        ("quote", [response(authorised: true, [0, UInt8(attested.count)] + attested + signature)],
         { (tpm) throws(TPMError) in _ = try tpm.quote(1, [11, 12], nonce: [9, 9, 9, 9]) }),
    ]

    private func taken(_ attempt: Attempt, _ answers: [[UInt8]]) -> Bool {
        var tpm = TPM(Recorder(answers: answers))
        do throws(TPMError) { try attempt(&tpm) } catch {
            _ = error.text
            return false
        }
        return true
    }

    @Test("C-T1 each answer is taken whole, and refused at every cut and with a byte more")
    func truncation() {
        for exchange in Self.exchanges {
            #expect(taken(exchange.attempt, exchange.answers), "\(exchange.name)")
            let last = exchange.answers.count - 1
            for cut in 0..<exchange.answers[last].count {
                var answers = exchange.answers
                answers[last] = Array(answers[last].prefix(cut))
                #expect(!taken(exchange.attempt, answers), "\(exchange.name) cut at \(cut)")
                // The same cut with a length that agrees with it.
                guard cut >= 6 else { continue }
                for i in 0..<4 { answers[last][2 + i] = UInt8(truncatingIfNeeded: cut >> (24 - 8 * i)) }
                #expect(!taken(exchange.attempt, answers), "\(exchange.name) cut at \(cut), said so")
            }
            var longer = exchange.answers
            longer[last].append(0)
            longer[last][5] += 1
            #expect(!taken(exchange.attempt, longer), "\(exchange.name) with a byte more")
        }
    }

    @Test("C-T1 altered answers never trap")
    func mutation() {
        var random = Seeded(1)
        for exchange in Self.exchanges {
            for _ in 0..<4000 {
                var answers = exchange.answers
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let which = Int.random(in: 0..<answers.count, using: &random)
                    let at = Int.random(in: 0..<answers[which].count, using: &random)
                    answers[which][at] = UInt8.random(in: 0...255, using: &random)
                }
                _ = taken(exchange.attempt, answers)
            }
        }
    }

    @Test("P-S1 a key that is not of the template is refused")
    func foreignKey() {
        // Attributes without fixedTPM, with a name that fits.
        var writer = ByteWriter()
        writer.append([0, 0x23, 0, 0x0B, 0, 4, 4, 0x70, 0, 0, 0, 0x10, 0, 0x18, 0, 0x0B, 0, 3, 0, 0x10])
        writer.append([0, 1, 1, 0, 1, 1])
        let area = writer.bytes
        let answer = response(authorised: true, handle: 1, [0, UInt8(area.count)] + area
            + [0, 0, 0, 0, 0x80, 0x21, 0x40, 0, 0, 1, 0, 0, 0, 34, 0, 0x0B] + SHA256.hash(area).bytes)
        var tpm = TPM(Recorder(answers: [answer]))
        #expect(throws: TPMError.keyForeign) { try tpm.createPrimaryKey() }
    }
}
