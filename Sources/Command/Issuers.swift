// The signers of an order as the controller knows them: one bit for each key of the key set, in its order.
import Signed

extension KeySet {
    /// The bits of all who signed. A key set has fewer keys than the number has bits.
    public func issuers<Payload: SignedPayload>(of order: Verified<Payload>) -> UInt32 {
        var bits: UInt32 = 0
        for (place, entry) in entries.enumerated() {
            for signer in order.signers where signer.utf8.elementsEqual(entry.name.utf8) { bits |= 1 << UInt32(place) }
        }
        return bits
    }

    /// Their names with "+" between; "nobody" for none.
    public func names(ofIssuers bits: UInt32) -> String {
        var text = ""
        for (place, entry) in entries.enumerated() where bits & 1 << UInt32(place) != 0 { text += text.utf8.isEmpty ? entry.name : "+" + entry.name }
        return text.utf8.isEmpty ? "nobody" : text
    }
}
