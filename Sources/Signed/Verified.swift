// The one verifier. It starts from refusal, and only its last line grants.
import Bytes
import Cryptography

/// A payload that enough of the right keys signed. Only `verify` makes one; what acts takes nothing else.
public struct Verified<Payload: SignedPayload> {
    public let payload: Payload
    /// SHA-256 of the encoded payload: what is logged, measured and reported.
    public let payloadDigest: Digest
    /// The names of the keys that signed, each once, in the order of the key set: that of the signatures
    /// is anybody's to change. So is leaving signatures out, down to the threshold: what is bound to an
    /// issuer (a counter, a right) must hold for every name here, not for the first.
    public let signers: [String]

    // For the verifier alone: `verify` here, `verifySuccessor` beside it.
    init(payload: Payload, payloadDigest: Digest, signers: [String]) {
        self.payload = payload
        self.payloadDigest = payloadDigest
        self.signers = signers
    }
}

extension Verified: Sendable where Payload: Sendable {}

/// Verifies a COSE_Sign object against a key set, then decodes its payload.
///
/// Every signature that the object carries must hold and be by a key of the set that may sign this
/// purpose; the different keys must be as many as the purpose's threshold. One bad signature refuses
/// the object, however many good ones stand beside it.
public func verify<Payload: SignedPayload>(
    _ object: RawSpan, as: Payload.Type, with keys: KeySet
) throws(SignedError) -> Verified<Payload> {
    let parsed = try SignedObject(object)
    let signers = try parsed.signers(Payload.purpose, keys)
    let payload = parsed.unverifiedPayload
    do throws(PayloadError) {
        return Verified(payload: try Payload(decoding: payload.span.bytes), payloadDigest: SHA256.hash(payload), signers: signers)
    } catch { throw .payload(error) }
}

extension SignedObject {
    /// The names of the keys that signed this as `purpose`, when they are enough; for tools that show
    /// an object without knowing its kind. Says nothing of the payload's form.
    public func signers(_ purpose: Purpose, _ keys: KeySet) throws(SignedError) -> [String] {
        try signers(purpose, keys) { (_) in true }
    }

    /// The same, of those signatures that `counts` says are meant for this key set; the others are somebody else's to judge.
    func signers(_ purpose: Purpose, _ keys: KeySet, counts: (Signature) -> Bool) throws(SignedError) -> [String] {
        guard contentType.utf8.elementsEqual(purpose.contentType.utf8) else {
            throw .purposeWrong(expected: purpose, found: contentType)
        }
        guard !signatures.isEmpty else { throw .signatureMissing }
        var signed: [[UInt8]] = []
        for index in 0..<signatures.count where counts(signatures[index]) { signed.append(try signer(index, purpose, keys).keyIdentifier) }
        var names: [String] = []
        for entry in keys.entries where signed.contains(entry.keyIdentifier) { names.append(entry.name) }
        let needed = keys.threshold(purpose)
        guard let needed, names.count >= needed else {
            throw .thresholdUnmet(purpose, signers: names.count, needed: needed)
        }
        return names
    }

    /// The key that made one signature, when the signature holds and the key may sign this.
    private func signer(_ index: Int, _ purpose: Purpose, _ keys: KeySet) throws(SignedError) -> KeySet.Entry {
        let signature = signatures[index]
        guard let entry = keys.entry(keyIdentifier: signature.keyIdentifier) else {
            throw .keyUnknown(index: index, kid: signature.keyIdentifier)
        }
        guard entry.purposes.contains(purpose) else { throw .keyPurpose(name: entry.name, purpose) }
        guard signature.algorithm == entry.key.algorithm.rawValue else {
            throw .algorithmWrong(name: entry.name, algorithm: signature.algorithm)
        }
        let message = toBeSigned(signature.protected)
        guard entry.key.verify(signature: signature.bytes, message: message.span.bytes) else {
            throw .signatureInvalid(name: entry.name)
        }
        return entry
    }
}
