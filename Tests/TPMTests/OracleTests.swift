// Every command, byte for byte as libtss2-sys sends it.
import CTPMOracle
import Cryptography
import Testing
@testable import TPM

/// Keeps what was sent; answers with what it is given, then with a closed connection.
struct Recorder: TPMTransport {
    var sent: [[UInt8]] = []
    var answers: [[UInt8]] = []
    var pausesMilliseconds: [Int] = []

    mutating func exchange(_ command: [UInt8]) throws(TPMError) -> [UInt8] {
        sent.append(command)
        guard !answers.isEmpty else { throw .closed }
        return answers.removeFirst()
    }

    mutating func pause(milliseconds: Int) { pausesMilliseconds.append(milliseconds) }
}

/// The oracle keeps its state in one place.
@Suite(.serialized) struct OracleTests {
    static let digest = Digest([UInt8](0..<32))!

    private func oracle(_ body: (UnsafeMutablePointer<UInt8>) -> Int) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
        return Array(buffer[..<count])
    }

    private func sent(_ body: (inout TPM<Recorder>) throws(TPMError) -> Void) -> [UInt8] {
        var tpm = TPM(Recorder())
        #expect(throws: TPMError.closed) { try body(&tpm) }
        return tpm.transport.sent.first ?? []
    }

    private func expectSame(_ ours: [UInt8], _ theirs: [UInt8], _ location: SourceLocation = #_sourceLocation) {
        #expect(theirs.count >= 10, sourceLocation: location)
        #expect(ours == theirs, sourceLocation: location)
    }

    @Test func general() {
        expectSame(sent { (tpm) throws(TPMError) in try tpm.startup() }, oracle { oracle_startup($0) })
        expectSame(sent { (tpm) throws(TPMError) in _ = try tpm.getRandom(24) }, oracle { oracle_get_random($0, 24) })
        expectSame(sent { (tpm) throws(TPMError) in _ = try tpm.getIdentity() }, oracle { oracle_get_identity($0) })
        expectSame(sent { (tpm) throws(TPMError) in try tpm.flush(0x8000_0001) }, oracle { oracle_flush($0, 0x8000_0001) })
    }

    @Test func registers() {
        expectSame(sent { (tpm) throws(TPMError) in try tpm.pcrExtend(11, Self.digest) },
                   oracle { oracle_pcr_extend($0, 11, Self.digest.bytes) })
        for index in 0..<24 {
            let selection = RegisterSelection([0, index])!
            expectSame(sent { (tpm) throws(TPMError) in _ = try tpm.pcrRead(selection) },
                       oracle { oracle_pcr_read($0, 1 | 1 << UInt32(index)) })
        }
    }

    @Test func counters() {
        expectSame(sent { (tpm) throws(TPMError) in _ = try tpm.nvReadPublic(floorIndex) }, oracle { oracle_nv_read_public($0, floorIndex) })
        expectSame(sent { (tpm) throws(TPMError) in try tpm.nvDefineCounter(floorIndex) }, oracle { oracle_nv_define_counter($0, floorIndex) })
        expectSame(sent { (tpm) throws(TPMError) in try tpm.nvIncrement(floorIndex) }, oracle { oracle_nv_increment($0, floorIndex) })
        expectSame(sent { (tpm) throws(TPMError) in try tpm.nvUndefine(floorIndex) }, oracle { oracle_nv_undefine($0, floorIndex) })
        var tpm = TPM(Recorder(answers: [writtenCounter]))
        #expect(throws: TPMError.closed) { try tpm.nvReadCounter(floorIndex) }
        expectSame(tpm.transport.sent.last!, oracle { oracle_nv_read($0, floorIndex) })
    }

    @Test func keys() {
        expectSame(sent { (tpm) throws(TPMError) in _ = try tpm.createPrimaryKey(.device) },
                   oracle { oracle_create_primary($0, 0, "penstock device key") })
        expectSame(sent { (tpm) throws(TPMError) in _ = try tpm.createPrimaryKey(.attestation) },
                   oracle { oracle_create_primary($0, 1, "penstock attestation key") })
        expectSame(sent { (tpm) throws(TPMError) in _ = try tpm.createPrimaryKey(.decryption) },
                   oracle { oracle_create_primary($0, 2, "penstock decryption key") })
        let point = [UInt8](0..<64)
        expectSame(sent { (tpm) throws(TPMError) in _ = try tpm.agree(0x8000_0001, point) }, oracle { oracle_agree($0, 0x8000_0001, point) })
        expectSame(sent { (tpm) throws(TPMError) in _ = try tpm.sign(0x8000_0001, Self.digest) },
                   oracle { oracle_sign($0, 0x8000_0001, Self.digest.bytes) })
        for count in 0...32 {
            let nonce = [UInt8](repeating: 0xA5, count: count)
            expectSame(sent { (tpm) throws(TPMError) in _ = try tpm.quote(0x8000_0001, [0, 11, 12, 23], nonce: nonce) },
                       oracle { oracle_quote($0, 0x8000_0001, 0x80_1801, nonce, count) })
        }
    }
}

/// TPM2_NV_ReadPublic's response for the floor counter after its first increment.
let writtenCounter: [UInt8] = [0x80, 1, 0, 0, 0, 0x3E, 0, 0, 0, 0]
    + [0, 14] + [0x01, 0x80, 0x0A, 0x01, 0, 0x0B, 0x22, 0x06, 0x00, 0x12, 0, 0, 0, 8]
    + [0, 34, 0, 0x0B] + [UInt8](repeating: 7, count: 32)
