// What manufacturing does once to a board's TPM; run by the host tool, or on the board itself.
import Cryptography

/// What commissioning needs to know of a TPM.
public struct Provisioned: Sendable {
    /// The floor counter's value now: the floor is zero here.
    public let floorBaseline: UInt64
    /// Goes into the device's client certificate.
    public let deviceKey: PublicKey
    /// Goes to whoever will verify quotes.
    public let attestationKey: PublicKey
    public let identity: TPMIdentity
}

/// Makes the floor counter if it is missing, increments it once if it has no value yet, and returns
/// its value and the keys. Doing it again changes nothing in the TPM; but a commissioning that is
/// signed with the new baseline puts the floor back to zero, which is its signer's decision.
public func provision<Transport: TPMTransport & ~Copyable>(
    _ tpm: inout TPM<Transport>
) throws(TPMError) -> Provisioned {
    try tpm.startup()
    let baseline = try makeFloor(&tpm)
    let device = try tpm.createPrimarySigningKey(.device)
    try tpm.flush(device.handle)
    let attestation = try tpm.createPrimarySigningKey(.attestation)
    try tpm.flush(attestation.handle)
    return Provisioned(
        floorBaseline: baseline, deviceKey: device.publicKey, attestationKey: attestation.publicKey,
        identity: try tpm.getIdentity())
}

private func makeFloor<Transport: TPMTransport & ~Copyable>(_ tpm: inout TPM<Transport>) throws(TPMError) -> UInt64 {
    // At most: missing, then without a value, then readable.
    for _ in 0..<2 {
        do throws(TPMError) {
            return try tpm.nvReadCounter(floorIndex)
        } catch {
            switch error {
            case .counterMissing: try tpm.nvDefineCounter(floorIndex)
            case .counterUninitialised: try tpm.nvIncrement(floorIndex)
            default: throw error
            }
        }
    }
    return try tpm.nvReadCounter(floorIndex)
}
