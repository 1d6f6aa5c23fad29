// Platform configuration registers: extending and reading the SHA-256 bank.
import Bytes
import Cryptography

/// A set of PCR indices, 0 to 23 (TPMS_PCR_SELECTION of three bytes).
public struct RegisterSelection: Hashable, Sendable, ExpressibleByArrayLiteral {
    /// Bit n stands for PCR n.
    public private(set) var bits: UInt32 = 0

    /// The set of `indices`; nil if one is not 0 to 23.
    public init?(_ indices: [Int]) {
        for index in indices {
            guard (0..<24).contains(index) else { return nil }
            bits |= 1 << UInt32(index)
        }
    }

    public init(arrayLiteral indices: Int...) {
        for index in indices {
            precondition((0..<24).contains(index))
            bits |= 1 << UInt32(index)
        }
    }

    /// Ascending.
    public var indices: [Int] { (0..<24).filter { bits & 1 << UInt32($0) != 0 } }

    fileprivate init(bits: UInt32) { self.bits = bits }

    func subtracting(_ other: RegisterSelection) -> RegisterSelection { RegisterSelection(bits: bits & ~other.bits) }

    func isSubset(of other: RegisterSelection) -> Bool { bits & ~other.bits == 0 }

    /// TPML_PCR_SELECTION with the SHA-256 bank alone.
    func write(to writer: inout ByteWriter) {
        writer.u32(1)
        writer.u16(algorithmSHA256)
        writer.u8(3)
        for byte in 0..<3 { writer.u8(UInt8(truncatingIfNeeded: bits >> UInt32(8 * byte))) }
    }

    /// Reads what `write` writes; nothing else is an answer to it. A TPM with more than 24 PCRs
    /// may answer with four bytes, of which the last is zero.
    static func read(from reader: inout ResponseReader) throws(TPMError) -> RegisterSelection {
        guard try reader.u32() == 1, try reader.u16() == algorithmSHA256 else { throw reader.malformed }
        let count = try reader.u8()
        guard (3...4).contains(count) else { throw reader.malformed }
        var bits: UInt32 = 0
        for byte in 0..<UInt32(count) { bits |= UInt32(try reader.u8()) << (8 * byte) }
        guard bits >> 24 == 0 else { throw reader.malformed }
        return RegisterSelection(bits: bits)
    }
}

extension TPM where Transport: ~Copyable {
    /// Extends one PCR of the SHA-256 bank: new = SHA-256(old || digest). (TPM2_PCR_Extend)
    public mutating func pcrExtend(_ index: Int, _ digest: Digest) throws(TPMError) {
        precondition((0..<24).contains(index))
        var parameters = ByteWriter()
        parameters.u32(1)
        parameters.u16(algorithmSHA256)
        parameters.append(digest.bytes)
        try order(.pcrExtend, handles: [UInt32(index)], authorised: true, parameters: parameters.bytes)
    }

    /// The values of the selected PCRs, in ascending order of their indices, all of one moment.
    /// A TPM gives at most eight at a time, so it is asked until it has given all; if a PCR was
    /// extended meanwhile, all is read again, up to four times.
    public mutating func pcrRead(_ selection: RegisterSelection) throws(TPMError) -> [Digest] {
        for _ in 0..<4 {
            if let values = try pcrReadOnce(selection) { return values }
        }
        throw .registersChanging
    }

    private mutating func pcrReadOnce(_ selection: RegisterSelection) throws(TPMError) -> [Digest]? {
        var values = [Digest?](repeating: nil, count: 24)
        var pending = selection
        var moment: UInt32?
        while pending.bits != 0 {
            var parameters = ByteWriter()
            pending.write(to: &parameters)
            let response = try run(.pcrRead, parameters: parameters.bytes)
            var reader = ResponseReader(response.parameters.span.bytes, of: .pcrRead)
            let counter = try reader.u32()
            if let first = moment, counter != first { return nil }
            moment = counter
            let given = try RegisterSelection.read(from: &reader)
            guard given.bits != 0 else { throw .registersMissing }
            guard given.isSubset(of: pending), try reader.u32() == UInt32(given.indices.count) else { throw reader.malformed }
            for index in given.indices {
                guard let digest = Digest(try reader.sized(maximum: 32)) else { throw reader.malformed }
                values[index] = digest
            }
            try reader.end()
            pending = pending.subtracting(given)
        }
        return selection.indices.map { values[$0]! }
    }
}
