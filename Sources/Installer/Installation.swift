// The installation as a state machine: bytes of a bundle in, writes to the inactive slot out.
// Trust: the bytes come from anywhere. Nothing is written before its block has led to the signed
// root, nothing at all before the supervisor has marked the slot as being written.
// Must never make the slot bootable before the whole of it has been read back and verified.

import Bytes
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

    public init(keys: KeySet, board: String, hardwareRevision: UInt16, floor: UInt64, installerVersion: UInt32 = Installation.version) {
        self.keys = keys
        self.board = board
        self.hardwareRevision = hardwareRevision
        self.floor = floor
        self.installerVersion = installerVersion
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
    /// Go on with what needs no input.
    case proceed
}

/// What the installation wants next.
public enum InstallRequest: Equatable, Sendable {
    /// This range of the bundle, in bytes.
    case fetch(offset: Int, length: Int)
    /// The rest of the range.
    case receive
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
    /// Blocks looked at before what is missing among them is fetched, on resuming.
    static let searchBlocks = 1024
    /// Blocks written at once.
    static let batchBlocks = 16
    /// Bytes written between two syncs: what a power cut can cost, and what a slow medium keeps the
    /// role waiting for.
    static let syncInterval = 4 << 20

    private enum Phase: Equatable {
        case idle, manifest, permission, searching, blocks, readBack, done
    }

    private let terms: InstallTerms
    private let slot: SlotLayout
    private var phase = Phase.idle
    /// Received, not yet used; at most a batch and one piece.
    private var buffer: [UInt8] = []
    private var object: [UInt8] = []
    private var manifest: Verified<Manifest>?
    private var writer: BlockWriter?
    private var scan: VerityScan?
    /// The positions of the bundle that are being fetched; those before are in the slot.
    private var fetching = 0..<0
    /// Bytes of the present fetch that have not come yet.
    private var outstandingBytes = 0

    public init(terms: InstallTerms, slot: SlotLayout) {
        self.terms = terms
        self.slot = slot
    }

    /// Bytes of the bundle behind the manifest that are in the slot, and of all; 0 until they are known.
    public var progress: (doneBytes: Int, totalBytes: Int) {
        guard let writer else { return (0, 0) }
        let done = phase == .searching || phase == .blocks ? fetching.lowerBound : writer.layout.blocks
        return (done * blockSize, writer.layout.blocks * blockSize)
    }

    /// Takes an event, does a bounded piece of work, says what is wanted next.
    public mutating func handle<S: Store & ~Copyable>(_ event: InstallEvent, on store: inout S) throws(InstallError) -> InstallRequest {
        switch (phase, event) {
        case (.idle, .begin), (.manifest, .interrupted):
            phase = .manifest
            buffer = []
            return .fetch(offset: 0, length: ObjectArea.size)
        case (.manifest, .received(let bytes)): return try readManifest(bytes)
        case (.manifest, .ended): throw .truncated(offset: ObjectArea.size)
        case (.permission, .writingAllowed): return try startWriting(&store)
        case (.searching, .proceed): return try search(&store)
        case (.blocks, .received(let bytes)): return try takeBlocks(bytes, &store)
        case (.blocks, .interrupted): return try fetchAgain(&store)
        case (.blocks, .ended): throw .truncated(offset: writer!.layout.size)
        case (.readBack, .proceed): return try readBack(&store)
        default: throw .oversent
        }
    }

    // MARK: the manifest

    private mutating func readManifest(_ bytes: [UInt8]) throws(InstallError) -> InstallRequest {
        guard buffer.count + bytes.count <= ObjectArea.size else { throw .oversent }
        buffer += bytes
        guard buffer.count == ObjectArea.size else { return .receive }
        do throws(ObjectAreaError) {
            object = try BundleLayout.manifestArea.object(in: buffer.span.bytes)
        } catch { throw .malformed(error) }
        buffer = []
        let verified: Verified<Manifest>
        do throws(SignedError) {
            verified = try verify(object.span.bytes, as: Manifest.self, with: terms.keys)
        } catch { throw .manifest(error) }
        try admit(verified.payload, terms, slot)
        manifest = verified
        phase = .permission
        return .allowWriting(release: verified.payload.release)
    }

    // MARK: the blocks

    /// From here on the slot is not bootable, whatever happens: its manifest goes first.
    private mutating func startWriting<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) -> InstallRequest {
        let identity = manifest!.payload.root
        try writeManifestArea([UInt8](repeating: 0, count: ObjectArea.size), &store)
        writer = BlockWriter(identity)
        guard hasHashArea(identity, &store) else {
            fetching = 0..<writer!.layout.blocks
            return fetchRest()
        }
        fetching = identity.geometry.hashAreaBlocks..<identity.geometry.hashAreaBlocks
        phase = .searching
        return .proceed
    }

    /// Whether superblock and tree are there from an earlier try, so that data can be found by them.
    private func hasHashArea<S: Store & ~Copyable>(_ identity: VerityIdentity, _ store: inout S) -> Bool {
        do throws(VerityError) {
            try verifyHashArea(identity, in: &store)
            return true
        } catch { return false }
    }

    private mutating func fetchRest() -> InstallRequest {
        phase = .blocks
        outstandingBytes = min(fetching.count * blockSize, Self.fetchMaximum)
        return .fetch(offset: writer!.layout.offset(ofPosition: fetching.lowerBound), length: outstandingBytes)
    }

    /// Passes over what is in the slot already, then asks for the run of blocks that is not.
    private mutating func search<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) -> InstallRequest {
        let total = writer!.layout.blocks
        var position = fetching.upperBound
        let sliceEnd = min(position + Self.batchBlocks, total)
        while position < sliceEnd {
            let isPresent = try writer!.isPresent(position, in: &store)
            if isPresent, fetching.isEmpty {
                fetching = position + 1..<position + 1
            } else if isPresent {
                return fetchRest()
            } else {
                fetching = fetching.lowerBound..<position + 1
            }
            position += 1
        }
        if !fetching.isEmpty, position == total || fetching.count >= Self.searchBlocks { return fetchRest() }
        return position == total ? try finishWriting(&store) : .proceed
    }

    private mutating func takeBlocks<S: Store & ~Copyable>(_ bytes: [UInt8], _ store: inout S) throws(InstallError) -> InstallRequest {
        guard bytes.count <= outstandingBytes else { throw .oversent }
        outstandingBytes -= bytes.count
        buffer += bytes
        guard outstandingBytes == 0 || buffer.count >= Self.batchBlocks * blockSize else { return .receive }
        try writeBuffer(&store)
        guard outstandingBytes == 0 else { return .receive }
        guard fetching.isEmpty else { return fetchRest() }
        if fetching.upperBound == writer!.layout.blocks { return try finishWriting(&store) }
        phase = .searching
        return .proceed
    }

    /// Verifies and writes the whole blocks of the buffer.
    private mutating func writeBuffer<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) {
        let count = try writer!.write(buffer, at: fetching.lowerBound, to: &store)
        fetching = fetching.lowerBound + count..<fetching.upperBound
        buffer.removeFirst(count * blockSize)
    }

    private mutating func fetchAgain<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) -> InstallRequest {
        try writeBuffer(&store)
        buffer = []
        return fetchRest()
    }

    // MARK: the end

    private mutating func finishWriting<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) -> InstallRequest {
        do throws(StoreError) { try store.sync() } catch { throw .slot(error) }
        scan = VerityScan(manifest!.payload.root)
        phase = .readBack
        return .proceed
    }

    private mutating func readBack<S: Store & ~Copyable>(_ store: inout S) throws(InstallError) -> InstallRequest {
        do throws(VerityError) {
            if try scan!.step(&store) { return .proceed }
        } catch { throw .readBack(error) }
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

/// Whether this board takes the release; what is not refused here goes on to be written.
func admit(_ manifest: Manifest, _ terms: InstallTerms, _ slot: SlotLayout) throws(InstallError) {
    guard manifest.installerVersionMinimum <= terms.installerVersion else {
        throw .installerTooOld(needed: manifest.installerVersionMinimum, present: terms.installerVersion)
    }
    do throws(ReleaseRefusal) {
        try manifest.admit(board: terms.board, hardwareRevision: terms.hardwareRevision, floor: terms.floor)
    } catch { throw .refused(error) }
    let geometry = manifest.root.geometry
    guard slot.fits(geometry) else { throw .slotTooSmall(neededBytes: geometry.imageSize, presentBytes: slot.imageMaximum) }
}
