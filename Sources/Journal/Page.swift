// A page of 4 KiB: what is written at once, and what a torn write is told by.
//
//     0  "PENJRNL1"                      64  records lost in this ring so far   u64
//     8  region u8, encrypted u8         72  boot count u32, zero u32
//    10  records u16, their bytes u16    80  digest of the page before   32
//    14  zero u16                       112  chain before the first record   32
//    16  page number   u64              144  nonce   12, zero u32
//    24  write number of the journal u64 160  records, then zeros   3888 (encrypted if so marked)
//    32  records before it   u64       4048  tag   16 (zeros without encryption)
//    40  first sequence   u64          4064  SHA-256 of all before   32
//    48  acknowledged through   u64
//    56  sequences below may be in use   u64
//
// Trust: a page read is anybody's bytes. With a key only its holder's pages are taken; without one
// the digest tells accidents, not attackers.
import Bytes
import Cryptography

let pageByteCount = 4096
let bodyByteCount = 3888
private let headByteCount = 160
private let digestOffset = 4064
private let magic: [UInt8] = [0x50, 0x45, 0x4E, 0x4A, 0x52, 0x4E, 0x4C, 0x31]

struct Page: Equatable {
    var region: UInt8
    var count = 0
    var number: UInt64
    /// Ascends with every page that the journal writes, of either region.
    var version: UInt64 = 0
    /// Records of the region before this page.
    var ordinal: UInt64
    /// Of the first record; of a page without records, 0.
    var firstSequence: UInt64 = 0
    var acknowledged: UInt64 = 0
    var sequenceLimit: UInt64 = 0
    var lost: UInt64 = 0
    var bootCount: UInt32 = 0
    var previous: Digest
    var chain: Digest
    /// The records' bytes, without padding.
    var body: [UInt8] = []

    /// Whether a record with a payload of `byteCount` bytes fits.
    func hasRoom(for byteCount: Int) -> Bool {
        body.count + JournalRecord.headByteCount + byteCount <= bodyByteCount
    }

    private func head(nonce: [UInt8]?) -> [UInt8] {
        var writer = ByteWriter(capacity: pageByteCount)
        writer.append(magic)
        writer.u8(region)
        writer.u8(nonce == nil ? 0 : 1)
        writer.u16(UInt16(count))
        writer.u16(UInt16(body.count))
        writer.u16(0)
        writer.u64(number)
        writer.u64(version)
        writer.u64(ordinal)
        writer.u64(firstSequence)
        writer.u64(acknowledged)
        writer.u64(sequenceLimit)
        writer.u64(lost)
        writer.u32(bootCount)
        writer.u32(0)
        writer.append(previous.bytes)
        writer.append(chain.bytes)
        if let nonce { writer.append(nonce) } else { writer.zeros(SealingKey.nonceCount) }
        writer.u32(0)
        return writer.bytes
    }

    /// The 4096 bytes, and the digest that the next page's `previous` will be.
    func encoded(_ seal: inout PageSeal) throws(JournalError) -> (bytes: [UInt8], digest: Digest) {
        let nonce = seal.nextNonce()
        var page = head(nonce: nonce)
        let plain = body + [UInt8](repeating: 0, count: bodyByteCount - body.count)
        page += try seal.close(plain, nonce: nonce, head: page)
        let digest = SHA256.hash(page.span.bytes)
        page += digest.bytes
        return (page, digest)
    }

    /// The page in `bytes` and its digest; nil if it was torn, is foreign, or of another region.
    static func decoded(_ bytes: [UInt8], region: UInt8, _ seal: borrowing PageSeal) -> (page: Page, digest: Digest)? {
        guard bytes.count == pageByteCount, Array(bytes[..<magic.count]) == magic else { return nil }
        let span = bytes.span.bytes
        let digest = SHA256.hash(span.extracting(0..<digestOffset))
        guard digest.bytes == span.copied(digestOffset..<pageByteCount) else { return nil }
        guard let (head, used, nonce) = readHead(span), head.region == region else { return nil }
        let sealed = span.extracting(headByteCount..<digestOffset)
        guard let plain = seal.open(sealed, nonce: nonce, head: span.extracting(0..<headByteCount)) else { return nil }
        var page = head
        page.body = Array(plain[..<used])
        guard page.isWellFormed else { return nil }
        return (page, digest)
    }

    private static func readHead(_ span: RawSpan) -> (page: Page, used: Int, nonce: [UInt8]?)? {
        var reader = ByteReader(span)
        do throws(BytesError) {
            try reader.skip(magic.count)
            let region = try reader.u8()
            let encrypted = try reader.u8()
            let count = Int(try reader.u16())
            let used = Int(try reader.u16())
            try reader.skip(2)
            let number = try reader.u64()
            let version = try reader.u64()
            var page = Page(region: region, number: number, version: version, ordinal: try reader.u64(), previous: .zero, chain: .zero)
            page.count = count
            page.firstSequence = try reader.u64()
            page.acknowledged = try reader.u64()
            page.sequenceLimit = try reader.u64()
            page.lost = try reader.u64()
            page.bootCount = try reader.u32()
            try reader.skip(4)
            page.previous = Digest(try reader.bytes(32))!
            page.chain = Digest(try reader.bytes(32))!
            let nonce = try reader.bytes(SealingKey.nonceCount)
            // Far beyond any real one, and no sum of them overflows.
            let numbers = [page.number, page.version, page.ordinal, page.acknowledged, page.sequenceLimit, page.lost]
            guard encrypted <= 1, used <= bodyByteCount, numbers.allSatisfy({ $0 < 1 << 62 }) else { return nil }
            return (page, used, encrypted == 1 ? nonce : nil)
        } catch {
            return nil
        }
    }

    /// Exactly `count` records, ascending, below the limit.
    private var isWellFormed: Bool {
        var reader = ByteReader(body.span.bytes)
        var last: UInt64 = 0
        for index in 0..<count {
            guard let sequence = JournalRecord.pass(&reader), sequence > last, sequence < sequenceLimit,
                  index > 0 || sequence == firstSequence
            else { return false }
            last = sequence
        }
        return reader.remaining == 0
    }
}

/// Encrypts pages with AES-256-GCM if there is a key. The nonce is 8 random bytes, drawn at each
/// opening, and a count of 4 bytes, so a store that was set back in time can't make it serve twice.
struct PageSeal: ~Copyable {
    private let key: SealingKey?
    private let prefix: [UInt8]
    private var counter: UInt32 = 0

    init(_ key: consuming SealingKey?) {
        self.key = key
        prefix = randomBytes(8)
    }

    private var isPlain: Bool {
        switch key {
        case .none: true
        case .some: false
        }
    }

    mutating func nextNonce() -> [UInt8]? {
        guard !isPlain else { return nil }
        // One page a second would take 136 years.
        precondition(counter < .max)
        counter += 1
        var writer = ByteWriter()
        writer.append(prefix)
        writer.u32(counter)
        return writer.bytes
    }

    /// Body and tag.
    func close(_ plain: [UInt8], nonce: [UInt8]?, head: [UInt8]) throws(JournalError) -> [UInt8] {
        switch key {
        case .none: return plain + [UInt8](repeating: 0, count: SealingKey.tagCount)
        case .some(let key):
            do throws(CryptographyError) {
                return try key.seal(plain.span.bytes, nonce: nonce!, associated: head.span.bytes)
            } catch {
                throw .sealing
            }
        }
    }

    /// The body. A page without encryption is not taken where there is a key, nor the other way round.
    func open(_ sealed: RawSpan, nonce: [UInt8]?, head: RawSpan) -> [UInt8]? {
        switch key {
        case .none: return nonce == nil ? sealed.copied(0..<bodyByteCount) : nil
        case .some(let key):
            guard let nonce else { return nil }
            return key.open(sealed, nonce: nonce, associated: head)
        }
    }
}
