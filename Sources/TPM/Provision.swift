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
    /// Goes to whoever encrypts bundles for this device.
    public let decryptionKey: PublicKey
    public let identity: TPMIdentity
}

/// Makes the counters of both floors if they are missing, gives the rollback floor's its first value if it
/// has none yet, and returns that and the keys. Doing it again changes nothing in the TPM; but a
/// commissioning that is signed with the new baseline puts the rollback floor back to zero, which is its
/// signer's decision.
public func provision<Transport: TPMTransport & ~Copyable>(
    _ tpm: inout TPM<Transport>
) throws(TPMError) -> Provisioned {
    try tpm.startup()
    let baseline = try makeFloor(&tpm)
    try tpm.makeKeySetFloor()
    let device = try tpm.createPrimaryKey(.device)
    try tpm.flush(device.handle)
    let attestation = try tpm.createPrimaryKey(.attestation)
    try tpm.flush(attestation.handle)
    let decryption = try tpm.createPrimaryKey(.decryption)
    try tpm.flush(decryption.handle)
    return Provisioned(
        floorBaseline: baseline, deviceKey: device.publicKey, attestationKey: attestation.publicKey,
        decryptionKey: decryption.publicKey,
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
