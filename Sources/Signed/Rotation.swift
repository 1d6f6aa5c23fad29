// How one key set follows on another: both must want it, and versions only grow. A device starts from the
// set that it was made with, its anchor, and follows the chain of successors that lies on its disk.
// Trust: links are anybody's bytes; each is believed by the one before it alone.
import Bytes
import Cryptography

/// Verifies that `object` is a later key set, signed as the present one demands and as the new one does: the
/// old keys hand over, and the new ones have shown that they can be used.
///
/// Every signature must hold, and be by a key that signs key sets in one of the two. Nothing of the new set
/// is decoded before the present one's threshold is met.
public func verifySuccessor(_ object: RawSpan, of current: KeySet) throws(SignedError) -> Verified<KeySet> {
    let parsed = try SignedObject(object)
    func maySign(_ keys: KeySet) -> (SignedObject.Signature) -> Bool {
        { (signature) in keys.entry(keyIdentifier: signature.keyIdentifier)?.purposes.contains(.keySet) == true }
    }
    let handingOver = try parsed.signers(.keySet, current, counts: maySign(current))
    let payload = parsed.unverifiedPayload
    let next: KeySet
    do throws(PayloadError) { next = try KeySet(decoding: payload.span.bytes) } catch { throw .payload(error) }
    guard next.version > current.version else { throw .versionOld(current: current.version, found: next.version) }
    let takingOver: [String]
    do throws(SignedError) {
        takingOver = try parsed.signers(.keySet, next, counts: maySign(next))
    } catch {
        if case .thresholdUnmet(_, let signers, let needed) = error { throw .newThresholdUnmet(signers: signers, needed: needed) }
        throw error
    }
    for (index, signature) in parsed.signatures.enumerated() where !maySign(current)(signature) && !maySign(next)(signature) {
        guard let entry = current.entry(keyIdentifier: signature.keyIdentifier) ?? next.entry(keyIdentifier: signature.keyIdentifier) else {
            throw .keyUnknown(index: index, kid: signature.keyIdentifier)
        }
        throw .keyPurpose(name: entry.name, .keySet)
    }
    var signers = handingOver
    for name in takingOver where !signers.contains(where: { $0.utf8.elementsEqual(name.utf8) }) { signers.append(name) }
    return Verified(payload: next, payloadDigest: SHA256.hash(payload), signers: signers)
}

extension KeySet {
    /// The newest set that a chain of signed successors leads to from this one, and why it ended before its
    /// last link, if it did. Links up to this version are passed over: an anchor may have been renewed.
    public func newest(of links: [[UInt8]]) -> (keys: KeySet, refusal: SignedError?) {
        var keys = self
        for link in links {
            if let itsVersion = Self.unverifiedVersion(of: link), itsVersion <= version { continue }
            do throws(SignedError) { keys = try verifySuccessor(link.span.bytes, of: keys).payload } catch { return (keys, error) }
        }
        return (keys, nil)
    }

    /// The links that lead to this set, with one more: what the disk must hold once `successor` is accepted.
    /// A chain that does not end in this set is none of its own: then this set is the anchor.
    public func chain(_ links: [[UInt8]], with successor: [UInt8]) -> [[UInt8]] {
        let own = encoded()
        var kept: [[UInt8]] = []
        for link in links {
            kept.append(link)
            if Self.unverifiedPayload(of: link) == own { return kept + [successor] }
        }
        return [successor]
    }

    private static func unverifiedPayload(of link: [UInt8]) -> [UInt8]? {
        do throws(SignedError) { return try SignedObject(link.span.bytes).unverifiedPayload } catch { return nil }
    }

    private static func unverifiedVersion(of link: [UInt8]) -> UInt64? {
        guard let payload = unverifiedPayload(of: link) else { return nil }
        do throws(PayloadError) { return try KeySet(decoding: payload.span.bytes).version } catch { return nil }
    }
}
