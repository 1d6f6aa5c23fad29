// Whether a slot may run: its manifest's signatures, the board, the floor, and every block of its image.
// Trust: nothing on the slot is believed before the last check has passed.
import Board
import BootState
import Bytes
import Cryptography
import Release
import Signed
import System
import Verity

/// What a slot is held against.
public struct SlotTerms {
    let board: BoardDescription
    let keys: KeySet
    let floor: UInt64

    public init(board: BoardDescription, keys: KeySet, floor: UInt64) {
        self.board = board
        self.keys = keys
        self.floor = floor
    }
}

/// Why a slot may not run.
public struct SlotFault: Error, Coded {
    public let code: String
    public let text: String
    public let kind: Kind

    public enum Kind: Sendable {
        /// Of what the slot holds: it is never booted again.
        case content
        /// The floor stands above it. That is the TPM's word, not the slot's fault: passed over each time.
        case floor
        /// The medium did not answer. It may at the next boot.
        case medium
    }

    init<E: Coded>(_ error: E, _ kind: Kind = .content) {
        code = error.code
        text = error.text
        self.kind = kind
    }
}

/// A slot that passed; only `verifySlot` makes one.
public struct VerifiedSlot {
    public let name: SlotName
    public let path: String
    public let manifest: Verified<Manifest>
    /// The signed object, for whoever verifies it again.
    public let object: [UInt8]
    /// Where the release brings it as a component, and not in its root image.
    public let calibration: [UInt8]?

    public var signers: String {
        var text = ""
        for signer in manifest.signers { text += text.isEmpty ? signer : ", " + signer }
        return text
    }

    fileprivate init(name: SlotName, path: String, manifest: Verified<Manifest>, object: [UInt8], calibration: [UInt8]?) {
        self.name = name
        self.path = path
        self.manifest = manifest
        self.object = object
        self.calibration = calibration
    }
}

/// Checks a slot from its signature down to its last block; `feed` is the watchdog's descriptor,
/// fed as the blocks go by, or negative.
public func verifySlot(_ name: SlotName, _ terms: SlotTerms, feed: Int32) throws(SlotFault) -> VerifiedSlot {
    let path = terms.board.devicePath(of: name.partition)
    let hasBoot = terms.board.size(of: name.bootPartition) > 0
    var store: SlotStore<BlockStore>
    do throws(SystemError) {
        store = SlotStore(
            try BlockStore(opening: path, .read),
            boot: try BlockStore(opening: hasBoot ? terms.board.devicePath(of: name.bootPartition) : "/dev/null", .read))
    } catch { throw SlotFault(error, .medium) }
    guard let layout = store.layout else { throw SlotFault(SlotError.partition) }
    let found: InstalledManifest
    do throws(SlotError) { found = try installedManifest(in: &store, layout: layout, keys: terms.keys) } catch {
        if case .store = error { throw SlotFault(error, .medium) }
        throw SlotFault(error)
    }
    let manifest = found.manifest.payload
    do throws(ReleaseRefusal) {
        try manifest.admit(board: terms.board.name, hardwareRevision: terms.board.hardwareRevision, floor: terms.floor)
    } catch {
        if case .belowFloor = error { throw SlotFault(error, .floor) }
        throw SlotFault(error)
    }
    var calibration: [UInt8]?
    do throws(VerityError) {
        for (component, offset) in zip(manifest.components, found.offsets) {
            guard let offset else { continue }
            try scan(component, at: offset, &store, feed)
            if component.kind == .calibration { calibration = try content(of: component, at: offset, in: &store) }
        }
    } catch {
        if case .store = error { throw SlotFault(error, .medium) }
        throw SlotFault(error)
    }
    return VerifiedSlot(name: name, path: path, manifest: found.manifest, object: found.object, calibration: calibration)
}

private func scan(_ component: Component, at offset: Int, _ store: inout SlotStore<BlockStore>, _ feed: Int32) throws(VerityError) {
    var scan = VerityScan(component.identity, at: offset)
    var slices = 0
    while try scan.step(&store) {
        slices += 1
        if feed >= 0, slices % 64 == 0 { feedWatchdog(feed) }
    }
}

extension SlotName {
    public var partition: PartitionLabel { self == .a ? .slotA : .slotB }
    public var bootPartition: PartitionLabel { self == .a ? .bootA : .bootB }
}
