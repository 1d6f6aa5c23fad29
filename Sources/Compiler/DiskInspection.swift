// What a disk holds, read as a device would read it, and said for people. Nothing of it is believed:
// signatures are shown by key, not verified.
import Board
import BootState
import Bytes
import Foundation
import Release
import Signed
import Verity

public struct DiskInspection {
    public private(set) var parts: [(name: String, text: String)] = []

    public init(_ path: String, board: BoardDescription) throws(Failure) {
        let store = try FileStore(reading: path)
        let disk = DiskImage(board)
        guard store.size >= disk.size else {
            throw Failure(code: "disk-size", text: "the disk has \(store.size) bytes, the board's has \(disk.size): is it of another board?", path: path)
        }
        for place in disk.places {
            var part = PartStore(store: store, offset: place.offset, size: place.size)
            switch place.label {
            case .bootState: parts.append((place.label.text, Self.bootState(&part)))
            case .commissioning: parts.append((place.label.text, Self.commissioning(&part)))
            case .slotA, .slotB: parts.append((place.label.text, Self.slot(&part)))
            case .keySet: parts.append((place.label.text, Self.keySets(&part)))
            case .journal, .bootA, .bootB: break
            }
        }
        store.close()
    }

    private static func bootState(_ part: inout PartStore) -> String {
        do throws(BootStateError) {
            let record = try BootStateStore(loading: &part)
            guard record.wasFound else { return "no valid copy" }
            func text(_ slot: SlotName) -> String {
                let state = record.state[slot]
                let failure = state.failure.map { ", failed at \($0.step): \($0.text)" } ?? ""
                return "\(slot.text) \(state.condition.text) \(state.release)\(failure)"
            }
            return "active \(record.state.active.text), boots \(record.state.bootCount); \(text(.a)); \(text(.b))"
        } catch { return error.text }
    }

    private static func commissioning(_ part: inout PartStore) -> String {
        var area = [UInt8](repeating: 0, count: ObjectArea.size)
        do {
            try part.read(at: 0, into: &area)
            let encoded = try ObjectArea(magic: "PENCOMM1").object(in: area.span.bytes)
            let object = try SignedObject(encoded.span.bytes)
            let commissioning = try Commissioning(decoding: object.unverifiedPayload.span.bytes)
            return "\(commissioning.device), broker \(commissioning.broker.host):\(commissioning.broker.port), updates from \(commissioning.updateServer.host):\(commissioning.updateServer.port)\(commissioning.updatePath)\(signers(object))"
        } catch { return "none (\(error))" }
    }

    private static func keySets(_ part: inout PartStore) -> String {
        do throws(BootStateError) {
            guard let links = try TwoCopies<StoredKeySets>(loading: &part).content?.links, !links.isEmpty else { return "none but the initramfs's" }
            return links.map { link in
                guard let object = try? SignedObject(link.span.bytes), let set = try? KeySet(decoding: object.unverifiedPayload.span.bytes) else { return "no key set" }
                return "version \(set.version)\(signers(object))"
            }.joined(separator: "; ")
        } catch { return error.text }
    }

    private static func slot(_ part: inout PartStore) -> String {
        var area = [UInt8](repeating: 0, count: ObjectArea.size)
        do {
            try part.read(at: part.size - ObjectArea.size, into: &area)
            let encoded = try SlotLayout.manifestArea.object(in: area.span.bytes)
            let object = try SignedObject(encoded.span.bytes)
            let manifest = try Manifest(decoding: object.unverifiedPayload.span.bytes)
            let said = "release \(manifest.release), index \(manifest.rollbackIndex), root hash \(manifest.root.root.hexadecimal)\(signers(object))"
            do throws(VerityError) {
                try verifyAll(manifest.root, in: &part)
                try verifyHashArea(manifest.root, in: &part)
                return said + "; every block is as the tree says"
            } catch { return said + "; ALTERED: \(error)" }
        } catch ObjectAreaError.erased { return "empty" } catch { return "no release (\(error))" }
    }

    private static func signers(_ object: SignedObject) -> String {
        ", signed by \(object.signatures.map { hexadecimal($0.keyIdentifier) }.joined(separator: ", "))"
    }
}

/// A file, read.
struct FileStore {
    let descriptor: Int32
    let size: Int

    init(reading path: String) throws(Failure) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(code: "file-missing", text: "the file could not be opened: \(String(cString: strerror(errno)))", path: path) }
        size = Int(lseek(descriptor, 0, SEEK_END))
    }

    func close() { _ = Foundation.close(descriptor) }
}

/// A partition in it.
private struct PartStore: Store {
    let store: FileStore
    let offset: Int
    let size: Int

    mutating func read(at position: Int, into buffer: inout [UInt8]) throws(StoreError) {
        guard position >= 0, position + buffer.count <= size else { throw StoreError(.bounds, offset: position, errno: 0) }
        let count = buffer.count
        let got = buffer.withUnsafeMutableBytes { pread(store.descriptor, $0.baseAddress, count, off_t(offset + position)) }
        guard got == count else { throw StoreError(.read, offset: position, errno: got < 0 ? errno : 0) }
    }

    mutating func write(_ bytes: RawSpan, at position: Int) throws(StoreError) { throw StoreError(.write, offset: position, errno: EROFS) }
    mutating func sync() throws(StoreError) {}
}
