// The installation as a state machine: bytes of a bundle in, writes to the inactive slot out.
// Trust: the bytes come from anywhere. Nothing is written before its block has led to the signed
// root, nothing at all before the supervisor has marked the slot as being written.
// Must never make the slot bootable before the whole of it has been read back and verified.

import Bytes
import Cryptography
import Release
import Signed
import Verity

/// What this board takes.
public struct InstallTerms: Sendable {
    public let keys: KeySet
    public let board: String
    public let hardwareRevision: UInt16
    /// Releases with a lower rollback index are refused.
    public let floor: UInt64
    public let installerVersion: UInt32
    /// Bytes of the bundle that may be fetched beside its manifest and keys; what would take more is refused.
    public let downloadMaximumBytes: UInt64

    public init(
        keys: KeySet, board: String, hardwareRevision: UInt16, floor: UInt64, installerVersion: UInt32 = Installation.version,
        downloadMaximumBytes: UInt64 = .max
    ) {
        self.keys = keys
        self.board = board
        self.hardwareRevision = hardwareRevision
        self.floor = floor
        self.installerVersion = installerVersion
        self.downloadMaximumBytes = downloadMaximumBytes
    }
}

public enum InstallEvent: Sendable {
    case begin
    /// The next bytes of the range that was asked for; a piece of any length.
    case received([UInt8])
    /// The fetch broke off and may be tried again.
    case interrupted
    /// The server has no byte where the next one should be.
    case ended
    /// The supervisor has marked the slot as being written, on disk.
    case writingAllowed
    /// The content key of an encrypted bundle, 32 bytes; empty if there is none for this device.
    case contentKey([UInt8])
    /// Go on with what needs no input.
    case proceed
}

/// What the installation wants next.
public enum InstallRequest: Equatable, Sendable {
    /// This range of the bundle, in bytes.
    case fetch(offset: Int, length: Int)
    /// The rest of the range.
    case receive
    /// Have the content key found in these keys of an encrypted bundle (`BundleKeys`), then `contentKey`.
    case findContentKey(keys: [UInt8])
    /// Have the slot marked as being written, then `writingAllowed`.
    case allowWriting(release: String)
    /// Call again with `proceed`; each call takes a bounded time.
    case proceed
    /// The slot is complete, read back and synced: it may be tried.
    case installed(release: String)
}

/// One installation of one bundle into one slot. After a thrown error it is over; a new one finds by
/// the tree what is already there.
public struct Installation: Sendable {
    /// What manifests name as the minimum they need.
    public static let version: UInt32 = 1
    /// Bytes fetched in one request.
    public static let fetchMaximum = 1 << 30
    /// Blocks whose hashes are looked up in the new tree at once.
    static let searchBlocks = 1024
    /// Blocks of the running slot's leaf level that are read at once.
    static let leafBlocks = 16
    /// Blocks written at once.
    static let batchBlocks = 16
    /// Bytes written between two syncs: what a power cut can cost, and what a slow medium keeps the
    /// role waiting for.
    static let syncInterval = 4 << 20

    private enum Phase: Equatable {
        case idle, manifest, keys, contentKey, permission, searching, matching, copying, blocks, readBack, done
    }

    /// Where a component comes from and goes to.
    private struct Place {
        let part: BundlePart
        let identity: VerityIdentity
        let base: Int
    }

    private let terms: InstallTerms
    private let slot: SlotLayout
    private let running: RunningSlot?
    private var phase = Phase.idle
    /// Received, not yet used; at most a batch and one piece.
    private var buffer: [UInt8] = []
    private var object: [UInt8] = []
    private var manifest: Verified<Manifest>?
    private var cipher: BlockCipher?
    /// The components that are written, in their order.
    private var places: [Place] = []
    /// The one that is at hand, by its number among them; all before it are in the slot.
    private var current = 0
    private var writer: BlockWriter?
    private var scan: VerityScan?
    /// Of the running release: where blocks are found that need not be fetched.
    private var donors: [Donor] = []
    /// The blocks that are looked for at present, once the hash area is there.
    private var window: ReuseWindow?
    /// In the phase at hand: the next position, or the next block of the donors' leaf level.
    private var cursor = 0
    /// Whether the slot may have blocks of this component from an earlier try.
    private var isResumed = false
    /// Blocks of the component that are in the slot.
    private var doneBlocks = 0
    /// Blocks that the running slot had.
    private var copiedBlocks = 0
    /// Bytes of the bundle that came.
    public private(set) var fetchedBytes = 0
    /// What is to be told, with its stable code; whoever tells it empties it.
    public var notices: [(code: String, text: String)] = []
    /// The positions of the component that are being fetched.
    private var fetching = 0..<0
    /// Bytes of the present fetch that have not come yet.
    private var outstandingBytes = 0

    /// - running: nil if there is none to find blocks in.
    public init(terms: InstallTerms, slot: SlotLayout, running: RunningSlot? = nil) {
        self.terms = terms
        self.slot = slot
        self.running = running
    }

    /// Bytes of the components that are in the slot, and of all; 0 until they are known.
    public var progress: (doneBytes: Int, totalBytes: Int) {
        guard writer != nil else { return (0, 0) }
        var done = 0, total = 0
        for (number, place) in places.enumerated() {
            total += place.part.blocks
            if number < current { done += place.part.blocks }
        }
        done = phase == .readBack || phase == .done ? total : done + doneBlocks
        return (done * blockSize, total * blockSize)
    }

    /// Takes an event, does a bounded piece of work, says what is wanted next.
    public mutating func handle<S: Store & ~Copyable>(_ event: InstallEvent, on store: inout S) throws(InstallError) -> InstallRequest {
        switch (phase, event) {
        case (.idle, .begin), (.manifest, .interrupted): return fetchArea(.manifest, 0)
        case (.keys, .interrupted): return fetchArea(.keys, ObjectArea.size)
        case (.manifest, .received(let bytes)), (.keys, .received(let bytes)): return try takeArea(bytes)
        case (.manifest, .ended): throw .truncated(offset: ObjectArea.size)
        case (.keys, .ended): throw .truncated(offset: 2 * ObjectArea.size)
        case (.contentKey, .contentKey(let key)): return try takeKey(key)
        case (.permission, .writingAllowed): return try startWriting(&store)
        case (.searching, .proceed): return try search(&store)
        case (.matching, .proceed): return try match(&store)
        case (.copying, .proceed): return try copy(&store)
        case (.blocks, .received(let bytes)): return try takeBlocks(bytes, &store)
        case (.blocks, .interrupted): return try fetchAgain(&store)
        case (.blocks, .ended): throw .truncated(offset: writer!.part.end)
        case (.readBack, .proceed): return try readBack(&store)
        default: throw .oversent
        }
    }

    // MARK: the manifest, and the keys of an encrypted bundle

    private mutating func fetchArea(_ phase: Phase, _ offset: Int) -> InstallRequest {
        self.phase = phase
        buffer = []
        return .fetch(offset: offset, length: ObjectArea.size)
    }

    private mutating func takeArea(_ bytes: [UInt8]) throws(InstallError) -> InstallRequest {
        guard buffer.count + bytes.count <= ObjectArea.size else { throw .oversent }
        buffer += bytes
        guard buffer.count == ObjectArea.size else { return .receive }
        return phase == .manifest ? try readManifest() : try readKeys()
    }

    private mutating func readManifest() throws(InstallError) -> InstallRequest {
        var isEncrypted = false
        do throws(ObjectAreaError) {
            do throws(ObjectAreaError) { object = try BundleLayout.manifestArea.object(in: buffer.span.bytes) } catch {
                guard error == .magic else { throw error }
                object = try BundleLayout.encryptedManifestArea.object(in: buffer.span.bytes)
                isEncrypted = true
            }
        } catch { throw .malformed(error) }
        let verified: Verified<Manifest>
        do throws(SignedError) {
            verified = try verify(object.span.bytes, as: Manifest.self, with: terms.keys)
        } catch { throw .manifest(error) }
        let components = verified.payload.components
        let offsets = try admit(verified.payload, terms, slot)
        let parts = BundleLayout(components, isEncrypted: isEncrypted).parts
        for (number, offset) in offsets.enumerated() {
            if let offset { places.append(Place(part: parts[number], identity: components[number].identity, base: offset)) }
        }
        manifest = verified
        return isEncrypted ? fetchArea(.keys, ObjectArea.size) : askPermission()
    }

    private mutating func readKeys() throws(InstallError) -> InstallRequest {
        let keys: [UInt8]
        do throws(ObjectAreaError) { keys = try BundleLayout.keyArea.object(in: buffer.span.bytes) } catch { throw .malformed(error) }
        // Who has the device's key reads them again; what is not well-formed does not go that far.
        do throws(BundleKeysError) { _ = try BundleKeys(decoding: keys.span.bytes) } catch { throw .keys(error) }
        phase = .contentKey
        return .findContentKey(keys: keys)
    }

    private mutating func takeKey(_ key: [UInt8]) throws(InstallError) -> InstallRequest {
        do throws(CryptographyError) { cipher = try BlockCipher(key: key, release: manifest!.payloadDigest) } catch { throw .keys(.noRecipient) }
        return askPermission()
    }

    private mutating func askPermission() -> InstallRequest {
        buffer = []
        phase = .permission
        return .allowWriting(release: manifest!.payload.release)
    }

    // MARK: the blocks

    /// From here on the slot is not bootable, whatever happens: its manifest goes first.
    private mutating func startWriting<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) -> InstallRequest {
        try writeManifestArea([UInt8](repeating: 0, count: ObjectArea.size), &store)
        findDonors(&store)
        return try startPart(&store)
    }

    /// A running slot that can't be read costs a full download and nothing else, and that is told.
    private mutating func findDonors<S: Store & ~Copyable>(_ store: inout S) {
        guard let running else { return }
        do throws(SlotError) { donors = try running.donors(terms.keys, in: &store) } catch {
            notices.append(("update-reuse-impossible", "no block of the running slot can be used, all are fetched: \(error.text)"))
        }
    }

    private mutating func startPart<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) -> InstallRequest {
        let place = places[current]
        writer = BlockWriter(place.part, place.identity, at: place.base)
        window = nil
        doneBlocks = 0
        isResumed = hasHashArea(place, &store)
        let hashArea = place.part.geometry.hashAreaBlocks
        if isResumed {
            doneBlocks = hashArea
            return try openWindow(at: hashArea, &store)
        }
        let isFull = !hasDonor(place.identity)
        if isFull, !donors.isEmpty { notices.append(("update-reuse-impossible", "the running release was made with another salt: all blocks are fetched")) }
        fetching = 0..<(isFull ? place.part.blocks : hashArea)
        return try fetchRest()
    }

    /// Leaf hashes tell of equal blocks only where they were made with the same salt.
    private func hasDonor(_ identity: VerityIdentity) -> Bool {
        for donor in donors where donor.identity.salt == identity.salt { return true }
        return false
    }

    /// Whether superblock and tree are there from an earlier try, so that data can be found by them.
    private func hasHashArea<S: Store & ~Copyable>(_ place: Place, _ store: inout S) -> Bool {
        do throws(VerityError) {
            try verifyHashArea(place.identity, at: place.base, in: &store)
            return true
        } catch { return false }
    }

    private mutating func fetchRest() throws(InstallError) -> InstallRequest {
        phase = .blocks
        let stride = writer!.part.stride
        let needed = fetchedBytes + max(fetching.count, window?.missing ?? 0) * stride
        guard UInt64(needed) <= terms.downloadMaximumBytes else {
            throw .downloadLimit(neededBytes: needed, allowedBytes: terms.downloadMaximumBytes)
        }
        outstandingBytes = min(fetching.count, Self.fetchMaximum / stride) * stride
        return .fetch(offset: writer!.part.offset(ofPosition: fetching.lowerBound), length: outstandingBytes)
    }

    // MARK: blocks that need not be fetched

    private mutating func openWindow<S: Store & ~Copyable>(at position: Int, _ store: inout S) throws(InstallError) -> InstallRequest {
        guard position < writer!.part.blocks else { return try finishPart(&store) }
        window = ReuseWindow(position..<min(position + ReuseWindow.blocksMaximum, writer!.part.blocks))
        cursor = position
        phase = .searching
        return .proceed
    }

    /// Passes over what is in the slot already, and notes what is not.
    private mutating func search<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) -> InstallRequest {
        let end = min(cursor + (isResumed ? Self.batchBlocks : Self.searchBlocks), window!.range.upperBound)
        while cursor < end {
            if isResumed, try writer!.isPresent(cursor, in: &store) {
                doneBlocks += 1
            } else {
                window!.want(cursor, try writer!.digest(cursor, in: &store))
            }
            cursor += 1
        }
        guard cursor == window!.range.upperBound else { return .proceed }
        window!.close()
        phase = .matching
        cursor = 0
        return .proceed
    }

    /// Looks the running slot's leaf hashes up among those that are wanted.
    private mutating func match<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) -> InstallRequest {
        var left = Self.leafBlocks, skipped = 0
        for donor in donors where donor.identity.salt == writer!.identity.salt && window!.missing > 0 {
            while cursor < skipped + donor.leafBlocks {
                guard left > 0 else { return .proceed }
                do throws(StoreError) { try donor.offer(cursor - skipped, to: &window!, from: &store) } catch {
                    notices.append(("update-reuse-impossible", "the running slot's hashes can't be read: \(error.text)"))
                    donors = []
                    break
                }
                cursor += 1
                left -= 1
            }
            skipped += donor.leafBlocks
        }
        window!.end()
        phase = .copying
        cursor = window!.range.lowerBound
        return .proceed
    }

    /// Copies a run of blocks that stand as they are in the running slot; each is verified like one that was fetched.
    private mutating func copy<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) -> InstallRequest {
        let end = window!.range.upperBound
        while cursor < end, window!.source(cursor) == nil { cursor += 1 }
        guard cursor < end, let first = window!.source(cursor) else { return try planned(&store) }
        guard let donor = donors.first(where: { $0.numbers.contains(first) }) else {
            window!.reject(cursor)
            return .proceed
        }
        var count = 1
        while count < Self.batchBlocks, cursor + count < end, donor.numbers.contains(first + count), window!.source(cursor + count) == first + count { count += 1 }
        var bytes = [UInt8](repeating: 0, count: count * blockSize)
        do throws(StoreError) { try store.read(at: donor.base + (first - donor.firstNumber) * blockSize, into: &bytes) } catch {
            for position in cursor..<cursor + count { window!.reject(position) }
            return .proceed
        }
        do throws(InstallError) {
            count = try writer!.write(bytes, at: cursor, to: &store)
        } catch {
            guard case .blockAltered(.data(let index), _) = error else { throw error }
            // A damaged block, or another with the same beginning of its hash: it is fetched.
            count = index + writer!.part.geometry.hashAreaBlocks - cursor
            window!.reject(cursor + count)
        }
        cursor += count
        doneBlocks += count
        copiedBlocks += count
        return .proceed
    }

    /// All that is found is in the slot; the rest is fetched, and how much that is is told.
    private mutating func planned<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) -> InstallRequest {
        let missing = window!.missing, count = window!.range.count
        let found = "\(copiedBlocks) blocks so far come from the running slot; of the next \(count) are \(missing) to be fetched, \(missing * writer!.part.stride) bytes"
        notices.append((missing == count ? "update-download-full" : "update-plan", found))
        fetching = window!.range.lowerBound..<window!.range.lowerBound
        return try nextRun(&store)
    }

    private mutating func nextRun<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) -> InstallRequest {
        guard let open = window, let run = open.run(from: fetching.upperBound) else {
            return try openWindow(at: window?.range.upperBound ?? fetching.upperBound, &store)
        }
        fetching = run
        return try fetchRest()
    }

    private mutating func takeBlocks<S: Store & ~Copyable>(_ bytes: [UInt8], _ store: inout S) throws(InstallError) -> InstallRequest {
        guard bytes.count <= outstandingBytes else { throw .oversent }
        outstandingBytes -= bytes.count
        fetchedBytes += bytes.count
        buffer += bytes
        guard outstandingBytes == 0 || buffer.count >= Self.batchBlocks * blockSize else { return .receive }
        try writeBuffer(&store)
        guard outstandingBytes == 0 else { return .receive }
        return fetching.isEmpty ? try nextRun(&store) : try fetchRest()
    }

    /// Opens, verifies and writes the whole blocks of the buffer. Those before one that is not sound are
    /// written all the same.
    private mutating func writeBuffer<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) {
        var sealed: InstallError?
        let blocks = cipher == nil ? buffer : opened(&sealed)
        let count = try writer!.write(blocks, at: fetching.lowerBound, to: &store)
        if let sealed { throw sealed }
        fetching = fetching.lowerBound + count..<fetching.upperBound
        doneBlocks += count
        window?.fetched(count)
        buffer.removeFirst(count * writer!.part.stride)
    }

    private func opened(_ failure: inout InstallError?) -> [UInt8] {
        let part = writer!.part
        var blocks: [UInt8] = []
        blocks.reserveCapacity(buffer.count)
        for index in 0..<buffer.count / part.stride {
            let position = fetching.lowerBound + index
            let sealed = buffer.span.bytes.extracting(index * part.stride..<(index + 1) * part.stride)
            guard let block = cipher!.open(sealed, number: part.firstBlock + position) else {
                failure = .blockSealed(part.block(at: position)!, offset: part.offset(ofPosition: position))
                break
            }
            blocks += block
        }
        return blocks
    }

    private mutating func fetchAgain<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) -> InstallRequest {
        try writeBuffer(&store)
        buffer = []
        return try fetchRest()
    }

    // MARK: the end

    private mutating func finishPart<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) -> InstallRequest {
        current += 1
        guard current == places.count else { return try startPart(&store) }
        do throws(StoreError) { try store.sync() } catch { throw .slot(error) }
        startReadBack(0)
        phase = .readBack
        return .proceed
    }

    private mutating func startReadBack(_ number: Int) {
        current = number
        scan = VerityScan(places[number].identity, at: places[number].base)
    }

    private mutating func readBack<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) -> InstallRequest {
        do throws(VerityError) {
            if try scan!.step(&store) { return .proceed }
        } catch { throw .readBack(error) }
        if current + 1 < places.count {
            startReadBack(current + 1)
            return .proceed
        }
        guard let area = SlotLayout.manifestArea.encoded(object) else { throw .malformed(.length) }
        try writeManifestArea(area, &store)
        phase = .done
        return .installed(release: manifest!.payload.release)
    }

    private func writeManifestArea<S: Store & ~Copyable>(_ area: [UInt8], _ store: inout S) throws(InstallError) {
        var back = [UInt8](repeating: 0, count: ObjectArea.size)
        do throws(StoreError) {
            try store.write(area.span.bytes, at: slot.manifestOffset)
            try store.sync()
            try store.read(at: slot.manifestOffset, into: &back)
        } catch { throw .slot(error) }
        guard back == area else { throw .manifestReadBack }
    }
}

/// Whether this board takes the release; what is not refused here goes on to be written. Returns where each
/// of its components goes.
func admit(_ manifest: Manifest, _ terms: InstallTerms, _ slot: SlotLayout) throws(InstallError) -> [Int?] {
    guard manifest.installerVersionMinimum <= terms.installerVersion else {
        throw .installerTooOld(needed: manifest.installerVersionMinimum, present: terms.installerVersion)
    }
    do throws(ReleaseRefusal) {
        try manifest.admit(board: terms.board, hardwareRevision: terms.hardwareRevision, floor: terms.floor)
    } catch { throw .refused(error) }
    do throws(LayoutRefusal) { return try slot.offsets(of: manifest.components) } catch { throw .layout(error) }
}
