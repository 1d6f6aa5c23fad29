// The signed key sets that followed, one on the other, on that of the initramfs: two copies in the
// partition `key-set`, at 0 and 32768.
// Trust: anybody's bytes. Which of them is believed is said by the set before it and by the TPM's floor.

import Bytes

public struct StoredKeySets: Recorded {
    public static let linksMaximum = 32
    public static var place: RecordPlace { RecordPlace(magic: "PENKEYS1", size: 32768, offsets: [0, 32768]) }
    public static let none = StoredKeySets(unchecked: [])

    /// Signed objects, the oldest first.
    public let links: [[UInt8]]

    /// Nil if they are too many, or more than a copy has room for.
    public init?(links: [[UInt8]]) {
        var bytes = 2
        for link in links { bytes += link.count + 3 }
        guard links.count <= Self.linksMaximum, bytes <= Self.place.bodyMaximum else { return nil }
        self.links = links
    }

    private init(unchecked links: [[UInt8]]) { self.links = links }

    public func write(to writer: inout CBORWriter) {
        writer.array(links.count)
        for link in links { writer.bytes(link) }
    }

    public init(from reader: inout CBORReader) throws(CBORError) {
        var links: [[UInt8]] = []
        for _ in 0..<(try reader.array(maximum: Self.linksMaximum)) { links.append(try reader.bytes(maximum: Self.place.size)) }
        self.links = links
    }
}
