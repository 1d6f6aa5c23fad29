// One region of the partition: two spare pages, then a ring of home pages.
//
// A full page is written once, to its home (page number modulo homes). A page that is flushed before
// it is full goes to one of the two spares, never to the one that holds the newest flushed version; a
// sync stands between any two writes to a region. So whatever write is cut or torn, each flushed
// record stands elsewhere too.
import Bytes
import Cryptography

/// The store and what encrypts for it.
struct Medium<S: Store & ~Copyable>: ~Copyable {
    var store: S
    var seal: PageSeal

    /// The page there; nil if it is not valid or can't be read.
    mutating func load(_ offset: Int, region: UInt8) -> (page: Page, digest: Digest)? {
        var bytes = [UInt8](repeating: 0, count: pageByteCount)
        do throws(StoreError) { try store.read(at: offset, into: &bytes) } catch { return nil }
        return Page.decoded(bytes, region: region, seal)
    }

    mutating func save(_ page: Page, at offset: Int) throws(JournalError) -> Digest {
        let (bytes, digest) = try page.encoded(&seal)
        do throws(StoreError) { try store.write(bytes.span.bytes, at: offset) } catch { throw .store(error) }
        return digest
    }

    mutating func sync() throws(JournalError) {
        do throws(StoreError) { try store.sync() } catch { throw .store(error) }
    }
}

/// What every written page states of the whole journal.
struct Stamp {
    var version: UInt64
    var acknowledged: UInt64
    var sequenceLimit: UInt64
    var bootCount: UInt32
}

struct Ring {
    private let region: UInt8
    /// Where the region begins, in bytes.
    private let offset: Int
    /// Home pages.
    private let homes: UInt64

    /// The page that is being filled.
    private var page: Page
    /// The chain after the page's last record.
    private var lastChain = Digest.zero
    private var lastSequence: UInt64 = 0
    /// How much of the page has been flushed: only that is read, so that nothing is sent that a
    /// power cut could take back.
    private var flushedBody = 0
    private(set) var flushedSequence: UInt64 = 0
    /// Whether there is something to flush: records, or a count of lost ones.
    private(set) var isDirty = false
    /// The spare flushed to last; nil after an opening that found no flushed version of the open page.
    private var spare: Int?
    /// Whether lost records are counted in the page that no flush has made certain: until then their
    /// home is not overwritten.
    private var owesLoss = false
    private var cursor = Cursor()
    /// Pages found not valid when they had to make room.
    private(set) var damagedPages = 0

    init(region: UInt8, firstPage: Int, pageCount: Int) {
        self.region = region
        offset = firstPage * pageByteCount
        homes = UInt64(pageCount - 2)
        page = Page(region: region, number: 0, ordinal: 0, previous: .zero, chain: .zero)
    }

    /// Unacknowledged records that were overwritten, ever.
    var lost: UInt64 { page.lost }

    private func spareOffset(_ spare: Int) -> Int { offset + spare * pageByteCount }
    private func homeOffset(_ number: UInt64) -> Int { offset + (2 + Int(number % homes)) * pageByteCount }

    /// The lowest page number that is still there; the one before had its home where the open page's is.
    private var oldest: UInt64 { page.number + 1 > homes ? page.number + 1 - homes : 0 }
}

// Writing.
extension Ring {
    func hasRoom(for byteCount: Int) -> Bool { page.hasRoom(for: byteCount) }

    mutating func append(_ record: [UInt8], sequence: UInt64) {
        if page.count == 0 { page.firstSequence = sequence }
        page.body += record
        page.count += 1
        lastChain = SHA256.hash(lastChain.bytes.span.bytes, record.span.bytes)
        lastSequence = sequence
        isDirty = true
    }

    /// Writes the open page to the free spare; `flushed` follows when it has been synced.
    mutating func writeSpare<S: Store & ~Copyable>(_ medium: inout Medium<S>, _ stamp: Stamp) throws(JournalError) {
        page.stamp(stamp)
        _ = try medium.save(page, at: spareOffset(freeSpare))
    }

    private var freeSpare: Int { spare == 0 ? 1 : 0 }

    mutating func flushed() {
        spare = freeSpare
        flushedBody = page.body.count
        flushedSequence = max(flushedSequence, lastSequence)
        owesLoss = false
        isDirty = false
    }

    /// Writes the open page home and goes on to the next one.
    mutating func turn<S: Store & ~Copyable>(_ medium: inout Medium<S>, _ stamp: Stamp) throws(JournalError) {
        if owesLoss {
            try writeSpare(&medium, stamp)
            try medium.sync()
            flushed()
        }
        page.stamp(stamp)
        let digest = try medium.save(page, at: homeOffset(page.number))
        try medium.sync()
        flushedSequence = max(flushedSequence, lastSequence)
        advance(after: digest)
        makeRoom(&medium, acknowledged: stamp.acknowledged)
    }

    /// To the next page, the present one being at home with this digest.
    private mutating func advance(after digest: Digest) {
        let last = page
        page = Page(
            region: region, number: last.number + 1, ordinal: last.ordinal + UInt64(last.count), previous: digest, chain: lastChain)
        page.lost = last.lost
        flushedBody = 0
        isDirty = false
    }

    /// Counts the unacknowledged records that the open page's home still holds of an older page.
    private mutating func makeRoom<S: Store & ~Copyable>(_ medium: inout Medium<S>, acknowledged: UInt64) {
        guard page.number >= homes else { return }
        let number = page.number - homes
        guard let old = medium.load(homeOffset(number), region: region)?.page, old.number == number else {
            damagedPages += 1
            return
        }
        let unacknowledged = old.sequences { $0 > acknowledged }
        guard unacknowledged > 0 else { return }
        page.lost += unacknowledged
        owesLoss = true
        isDirty = true
    }
}

extension Stamp {
    init(_ page: Page) {
        self.init(
            version: page.version, acknowledged: page.acknowledged, sequenceLimit: page.sequenceLimit, bootCount: page.bootCount)
    }

    /// The later write's claim of sequences stands: an orderly end takes an earlier one back.
    func joined(with other: Stamp) -> Stamp {
        Stamp(
            version: max(version, other.version), acknowledged: max(acknowledged, other.acknowledged),
            sequenceLimit: other.version > version ? other.sequenceLimit : sequenceLimit,
            bootCount: max(bootCount, other.bootCount))
    }
}

extension Page {
    mutating func stamp(_ stamp: Stamp) {
        version = stamp.version
        acknowledged = stamp.acknowledged
        sequenceLimit = stamp.sequenceLimit
        bootCount = stamp.bootCount
    }
}

// Opening.
extension Ring {
    /// Finds the newest flushed state; returns what its pages claim of the whole journal, nil if
    /// there is no valid page.
    mutating func recover<S: Store & ~Copyable>(_ medium: inout Medium<S>) -> Stamp? {
        var claim: Stamp?
        func note(_ page: Page) {
            let known = claim ?? Stamp(version: 0, acknowledged: 0, sequenceLimit: 0, bootCount: 0)
            claim = known.joined(with: Stamp(page))
        }
        var newest: (page: Page, digest: Digest)?
        for slot in 0..<homes {
            guard let found = medium.load(homeOffset(slot), region: region), found.page.number % homes == slot else { continue }
            note(found.page)
            if found.page.number >= newest?.page.number ?? 0 { newest = found }
        }
        var unfinished: (page: Page, spare: Int)?
        for spare in 0..<2 {
            guard let found = medium.load(spareOffset(spare), region: region)?.page else { continue }
            note(found)
            if let best = unfinished?.page, (best.number, best.version) > (found.number, found.version) { continue }
            unfinished = (found, spare)
        }
        if let newest { resume(newest.page) }
        if let unfinished, newest == nil || unfinished.page.number > newest!.page.number {
            resume(unfinished.page)
            spare = unfinished.spare
        } else if let newest {
            advance(after: newest.digest)
        }
        return claim
    }

    private mutating func resume(_ found: Page) {
        page = found
        flushedBody = found.body.count
        lastChain = found.chain
        var reader = ByteReader(found.body.span.bytes)
        while let record = JournalRecord.read(&reader, chain: lastChain) {
            lastChain = record.chain
            lastSequence = record.sequence
        }
        flushedSequence = max(flushedSequence, lastSequence)
    }

    /// Goes over the pages from the oldest on, and counts what is damaged; then makes room for the
    /// open page if no flush has done so before.
    mutating func inspect<S: Store & ~Copyable>(
        _ medium: inout Medium<S>, acknowledged: UInt64, into opening: inout JournalOpening
    ) {
        var previous: Digest?
        var ordinal: UInt64? = oldest == 0 ? 0 : nil
        for number in oldest..<page.number {
            guard let (found, digest) = medium.load(homeOffset(number), region: region), found.number == number else {
                opening.damagedPages += 1
                previous = nil
                continue
            }
            opening.note(found, ordinal: ordinal, previous: previous)
            ordinal = found.ordinal + UInt64(found.count)
            previous = digest
        }
        opening.note(page, ordinal: ordinal, previous: previous)
        if spare == nil { makeRoom(&medium, acknowledged: acknowledged) }
    }
}

extension JournalOpening {
    fileprivate mutating func note(_ page: Page, ordinal: UInt64?, previous: Digest?) {
        if let ordinal, page.ordinal > ordinal { damagedRecords += page.ordinal - ordinal }
        if let previous, page.previous != previous { brokenLinks += 1 }
    }
}

/// Where reading stands in a ring, so that reading on does not begin anew.
private struct Cursor {
    /// The page of that number, if it is not the open one.
    var page: Page?
    var number: UInt64 = 0
    /// For sequences from here on, `number` is the page to begin with.
    var coversFrom: UInt64 = .max
    /// Within the page: the offset of a record, and the sequence and chain of the one before it.
    var offset = 0
    var sequence: UInt64 = 0
    var chain = Digest.zero

    mutating func rewind(to page: Page) {
        number = page.number
        offset = 0
        sequence = 0
        chain = page.chain
    }
}

// Reading.
extension Ring {
    /// The first flushed record with a sequence above `sequence`.
    mutating func next<S: Store & ~Copyable>(
        after sequence: UInt64, _ medium: inout Medium<S>
    ) -> JournalRecord? {
        var number = oldest
        if sequence >= cursor.coversFrom, cursor.number >= oldest { number = cursor.number }
        while number < page.number {
            if let read = homePage(number, &medium), let record = scan(read, read.body.count, after: sequence) { return record }
            number += 1
        }
        return scan(page, flushedBody, after: sequence)
    }

    private mutating func homePage<S: Store & ~Copyable>(_ number: UInt64, _ medium: inout Medium<S>) -> Page? {
        if let page = cursor.page, page.number == number { return page }
        guard let found = medium.load(homeOffset(number), region: region)?.page, found.number == number else { return nil }
        cursor.page = found
        return found
    }

    private mutating func scan(_ page: Page, _ byteCount: Int, after sequence: UInt64) -> JournalRecord? {
        if cursor.number != page.number || cursor.offset == 0 || cursor.sequence > sequence { cursor.rewind(to: page) }
        // Pages before this one hold nothing above `sequence`.
        cursor.coversFrom = sequence
        var reader = ByteReader(page.body.span.bytes.extracting(cursor.offset..<byteCount))
        let start = cursor.offset
        while let record = JournalRecord.read(&reader, chain: cursor.chain) {
            if record.sequence > sequence { return record }
            cursor.offset = start + reader.offset
            cursor.sequence = record.sequence
            cursor.chain = record.chain
        }
        return nil
    }
}
