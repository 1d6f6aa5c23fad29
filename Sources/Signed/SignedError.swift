// The refusals of the verifier, each with its code.
import Bytes

/// The parts of an object in which a malformed item can stand; offsets count within the part.
public enum SignedPart: Sendable, Equatable {
    case object
    case bodyHeader
    case signatureHeader(index: Int)

    var text: String {
        switch self {
        case .object: "the object"
        case .bodyHeader: "the protected header of the object"
        case .signatureHeader(let index): "the protected header of signature \(index + 1)"
        }
    }
}

/// Why an object was refused. Nothing of it may be used.
public enum SignedError: Error, Equatable {
    /// Longer than `SignedObject.byteMaximum`.
    case oversized(byteCount: Int)
    case malformed(SignedPart, CBORError)
    /// A header marks parameters as critical (RFC 9052, 3.1); none is known here.
    case headerCritical(SignedPart)
    /// It has no content type, or one of something else.
    case purposeWrong(expected: Purpose, found: String)
    case signatureMissing
    case signaturesTooMany(Int)
    /// The signature names no key of the set. `kid` is as it stands in its header.
    case keyUnknown(index: Int, kid: [UInt8])
    /// The key may sign, but not this.
    case keyPurpose(name: String, Purpose)
    /// Another algorithm than the key's.
    case algorithmWrong(name: String, algorithm: Int64)
    case signatureInvalid(name: String)
    /// Too few different keys signed. `needed` is nil where the key set lets nobody sign this purpose.
    case thresholdUnmet(Purpose, signers: Int, needed: Int?)
    /// A new key set that too few of its own keys have signed: they must show that they can.
    case newThresholdUnmet(signers: Int, needed: Int?)
    /// Rightly signed, but it says nothing valid.
    case payload(PayloadError)
    /// A key set that does not follow on the present one.
    case versionOld(current: UInt64, found: UInt64)
}

extension SignedError: Coded {
    public var code: String {
        switch self {
        case .oversized: "oversized"
        case .malformed: "malformed"
        case .headerCritical: "header-critical"
        case .purposeWrong: "purpose-wrong"
        case .signatureMissing: "signature-missing"
        case .signaturesTooMany: "signatures-too-many"
        case .keyUnknown: "key-unknown"
        case .keyPurpose: "key-purpose"
        case .algorithmWrong: "algorithm-wrong"
        case .signatureInvalid: "signature-invalid"
        case .thresholdUnmet: "threshold-unmet"
        case .newThresholdUnmet: "new-threshold-unmet"
        case .payload(let error): error.code
        case .versionOld: "version-old"
        }
    }

    public var text: String {
        switch self {
        case .oversized(let count):
            "the object has \(count) bytes, and at most \(SignedObject.byteMaximum) are read: make it shorter"
        case .malformed(let part, let error):
            "this is no signed object of ours: in " + part.text + ", " + error.text + "; was it cut or altered on its way?"
        case .headerCritical(let part):
            part.text + " marks a parameter as critical that this version does not know; sign without it, or update the verifier"
        case .purposeWrong(let expected, let found):
            "a " + expected.name + " was wanted (" + expected.contentType + "), but this was signed as '" + found + "': give the right file"
        case .signatureMissing:
            "the object carries no signature; sign it"
        case .signaturesTooMany(let count):
            "the object carries \(count) signatures, and at most \(SignedObject.signatureMaximum) are read: leave some out"
        case .keyUnknown(let index, let kid):
            "signature \(index + 1) is by the key " + hexadecimal(kid) + ", which is not in the key set; sign with a key of the set, or add the key to it"
        case .keyPurpose(let name, let purpose):
            "the key '" + name + "' may not sign a " + purpose.name + ": sign with a key that the key set lets sign it"
        case .algorithmWrong(let name, let algorithm):
            "the signature of '" + name + "' claims the algorithm \(algorithm), which is not its key's: sign again"
        case .signatureInvalid(let name):
            "the signature of '" + name + "' does not match: the object was altered after it was signed, or another key made it: get the object again, or sign it again"
        case .thresholdUnmet(let purpose, let signers, let needed):
            if let needed {
                "\(signers) of the \(needed) keys that a " + purpose.name + " needs have signed; have more sign it"
            } else {
                "the key set lets no key sign a " + purpose.name + "; give it a threshold and keys in the key set"
            }
        case .newThresholdUnmet(let signers, let needed):
            if let needed {
                "the new key set is signed by \(signers) of its own keys that may sign key sets, and itself needs \(needed); let the new keys sign it as well"
            } else {
                "the new key set lets nobody sign the next one: give it a threshold for key sets"
            }
        case .payload(let error):
            error.text
        case .versionOld(let current, let found):
            "the key set has version \(found), and version \(current) is in force; only a later one may follow: give it a higher version"
        }
    }
}
