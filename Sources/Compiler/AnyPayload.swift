// A signed object of any kind, verified and decoded as a device would.
import Board
import Calibration
import Command
import Cryptography
import Release
import Signed

public struct VerifiedSummary: Sendable {
    public let purpose: Purpose
    public let signers: [String]
    public let payloadDigest: Digest
}

/// Verifies signatures, purpose, threshold and the content of the payload. A key set must also be
/// later than the one that is believed, and signed as both demand.
/// - purpose: what it must be; nil for whatever it says it is.
public func verifyAny(_ object: [UInt8], as purpose: Purpose?, with keys: KeySet) throws(SignedError) -> VerifiedSummary {
    func check<Payload: SignedPayload>(_: Payload.Type) throws(SignedError) -> VerifiedSummary {
        let verified = try verify(object.span.bytes, as: Payload.self, with: keys)
        return VerifiedSummary(purpose: Payload.purpose, signers: verified.signers, payloadDigest: verified.payloadDigest)
    }
    let claimed = try SignedObject(object.span.bytes).contentType
    // A claim that is unknown is refused as any wrong one: by the check for something else.
    switch purpose ?? Purpose(contentType: claimed) ?? .manifest {
    case .manifest: return try check(Manifest.self)
    case .calibration: return try check(Calibration.self)
    case .command: return try check(Command.self)
    case .commissioning: return try check(Commissioning.self)
    case .keySet:
        let next = try verifySuccessor(object.span.bytes, of: keys)
        return VerifiedSummary(purpose: .keySet, signers: next.signers, payloadDigest: next.payloadDigest)
    }
}
