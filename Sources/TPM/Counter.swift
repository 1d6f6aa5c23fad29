// NV counters: the rollback floor that one of them holds, and the floor of key sets that another does.
// A counter only ever counts up, also over its own deletion: a new one starts one above the highest
// that was ever deleted. So the floor is counter - baseline, and the baseline is in the signed
// commissioning. Whoever reaches the TPM can raise the floor (and so refuse service), never lower it.
import Bytes

/// The rollback floor's NV index, in the owner's range (TCG Registry of Reserved TPM 2.0 Handles).
public let floorIndex: UInt32 = 0x0180_0A01

/// The most that `raiseFloor` counts up in one go; each step wears the TPM's memory.
public let floorStepMaximum: UInt64 = 256

/// The public area of an NV index (TPMS_NV_PUBLIC).
public struct NVPublic: Equatable, Sendable {
    public var index: UInt32
    public var nameAlgorithm: UInt16
    public var attributes: UInt32
    public var policy: [UInt8]
    public var byteCount: UInt16

    /// TPMA_NV_WRITTEN.
    public var isWritten: Bool { attributes & NVPublic.written != 0 }

    static let written: UInt32 = 1 << 29
    /// TPMA_NV: OWNERWRITE, counter, OWNERREAD, AUTHREAD, NO_DA. Not ORDERLY, which would keep the
    /// count in memory and jump after a power cut; no write by index authorisation.
    static let counterAttributes: UInt32 = 1 << 1 | 1 << 4 | 1 << 17 | 1 << 18 | 1 << 25

    static func counter(_ index: UInt32, policy: [UInt8] = []) -> NVPublic {
        NVPublic(index: index, nameAlgorithm: algorithmSHA256, attributes: counterAttributes, policy: policy, byteCount: 8)
    }

    fileprivate func isCounter(policy: [UInt8]) -> Bool {
        var unwritten = self
        unwritten.attributes &= ~NVPublic.written
        return unwritten == NVPublic.counter(index, policy: policy)
    }

    fileprivate var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.u32(index)
        writer.u16(nameAlgorithm)
        writer.u32(attributes)
        writer.u16(UInt16(policy.count))
        writer.append(policy)
        writer.u16(byteCount)
        return writer.bytes
    }
}

extension TPM where Transport: ~Copyable {
    /// The public area of an NV index; `counterMissing` if there is none. (TPM2_NV_ReadPublic)
    public mutating func nvReadPublic(_ index: UInt32) throws(TPMError) -> NVPublic {
        let response = try runNV(.nvReadPublic, index, handles: [index])
        var outer = ResponseReader(response.parameters.span.bytes, of: .nvReadPublic)
        let area = try outer.sized(maximum: 256)
        _ = try outer.sized(maximum: 66)  // the name
        try outer.end()
        var reader = ResponseReader(area.span.bytes, of: .nvReadPublic)
        let public_ = NVPublic(
            index: try reader.u32(), nameAlgorithm: try reader.u16(), attributes: try reader.u32(),
            policy: try reader.sized(maximum: 64), byteCount: try reader.u16())
        try reader.end()
        guard public_.index == index else { throw reader.malformed }
        return public_
    }

    /// Defines a counter, which has no value before its first increment. (TPM2_NV_DefineSpace)
    public mutating func nvDefineCounter(_ index: UInt32, policy: [UInt8] = []) throws(TPMError) {
        let area = NVPublic.counter(index, policy: policy).bytes
        var parameters = ByteWriter()
        parameters.u16(0)  // the index's own authorisation: empty
        parameters.u16(UInt16(area.count))
        parameters.append(area)
        try order(.nvDefineSpace, handles: [hierarchyOwner], authorised: true, parameters: parameters.bytes)
    }

    /// Counts up by one. (TPM2_NV_Increment)
    public mutating func nvIncrement(_ index: UInt32) throws(TPMError) {
        let response = try runNV(.nvIncrement, index, handles: [hierarchyOwner, index], authorised: true)
        guard response.parameters.isEmpty else { throw .malformed(.nvIncrement, at: 10) }
    }

    /// A counter's value. An index that is missing, never incremented, or not a counter of this
    /// device's making is an error of its own, never a zero. (TPM2_NV_Read)
    public mutating func nvReadCounter(_ index: UInt32, policy: [UInt8] = []) throws(TPMError) -> UInt64 {
        let area = try nvReadPublic(index)
        guard area.isCounter(policy: policy) else { throw .counterForeign(index: index, attributes: area.attributes) }
        guard area.isWritten else { throw .counterUninitialised(index: index) }
        var parameters = ByteWriter()
        parameters.u16(8)
        parameters.u16(0)
        let response = try runNV(.nvRead, index, handles: [hierarchyOwner, index], authorised: true, parameters: parameters.bytes)
        var reader = ResponseReader(response.parameters.span.bytes, of: .nvRead)
        guard try reader.u16() == 8 else { throw reader.malformed }
        let value = try reader.u64()
        try reader.end()
        return value
    }

    /// Removes an index: for tests and for a board that is taken out of service. (TPM2_NV_UndefineSpace)
    public mutating func nvUndefine(_ index: UInt32) throws(TPMError) {
        let response = try runNV(.nvUndefineSpace, index, handles: [hierarchyOwner, index], authorised: true)
        guard response.parameters.isEmpty else { throw .malformed(.nvUndefineSpace, at: 10) }
    }

    private mutating func runNV(
        _ command: TPMCommand, _ index: UInt32, handles: [UInt32], authorised: Bool = false, parameters: [UInt8] = []
    ) throws(TPMError) -> Response {
        do throws(TPMError) {
            return try run(command, handles: handles, authorised: authorised, parameters: parameters)
        } catch {
            guard case .refused(_, let code) = error else { throw error }
            if code.isHandle { throw .counterMissing(index: index) }
            if code == .nvUninitialized { throw .counterUninitialised(index: index) }
            throw error
        }
    }

    /// The rollback floor: what the counter stands above the commissioning's baseline.
    public mutating func readFloor(baseline: UInt64) throws(TPMError) -> UInt64 {
        let counter = try nvReadCounter(floorIndex)
        guard counter >= baseline else { throw .floorBelowBaseline(counter: counter, baseline: baseline) }
        return counter - baseline
    }

    /// Counts the floor up to `wanted`, if it is lower. Only after a release has been marked good.
    public mutating func raiseFloor(to wanted: UInt64, baseline: UInt64) throws(TPMError) {
        try count(floorIndex, from: try readFloor(baseline: baseline), to: wanted)
    }

    mutating func count(_ index: UInt32, from present: UInt64, to wanted: UInt64) throws(TPMError) {
        guard present < wanted else { return }
        guard wanted - present <= floorStepMaximum else { throw .floorTooFar(present: present, wanted: wanted) }
        for _ in 0..<(wanted - present) { try nvIncrement(index) }
    }
}
