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
        let disk = DiskImage(board)
        let file = try OpenedFile(path, atLeast: disk.size)
        for place in disk.places {
            var part = DiskPartition(file, place)
            switch place.label {
            case .bootState: parts.append((place.label.text, Self.bootState(&part)))
            case .commissioning: parts.append((place.label.text, Self.commissioning(&part)))
            case .slotA, .slotB: parts.append((place.label.text, Self.slot(&part)))
            case .keySet: parts.append((place.label.text, Self.keySets(&part)))
            case .journal, .bootA, .bootB: break
            }
        }
    }

    private static func bootState(_ part: inout DiskPartition) -> String {
        do throws(BootStateError) {
            let record = try BootStateStore(loading: &part)
            guard record.wasFound else { return "no valid copy" }
            func text(_ slot: SlotName) -> String {
                let state = record.state[slot]
                let failure = state.failure.map { "; release \($0.release) \($0.step): \($0.code): \($0.text)" } ?? ""
                return "\(slot.text) \(state.condition.text) \(state.release)\(failure)"
            }
            let retained = try TwoCopies<RetainedState>(loading: &part).content.map { "calibration floor \($0.calibrationFloor)" } ?? "retained state DAMAGED"
            let stored = try TwoCopies<StoredCalibration>(loading: &part).content == nil ? "" : ", a calibration that took over"
            let floor = record.state.floor > 0 ? "; rollback floor \(record.state.floor) (weak: on the disk)" : ""
            return "active \(record.state.active.text), boots \(record.state.bootCount); \(text(.a)); \(text(.b)); \(retained)\(stored)\(floor)"
        } catch { return error.text }
    }

    private static func commissioning(_ part: inout DiskPartition) -> String {
        var area = [UInt8](repeating: 0, count: ObjectArea.size)
        do {
            try part.read(at: 0, into: &area)
            let encoded = try ObjectArea(magic: "PENCOMM1").object(in: area.span.bytes)
            let object = try SignedObject(encoded.span.bytes)
            let commissioning = try Commissioning(decoding: object.unverifiedPayload.span.bytes)
            return "\(commissioning.device), broker \(commissioning.broker.host):\(commissioning.broker.port), updates from \(commissioning.updateServer.host):\(commissioning.updateServer.port)\(commissioning.updatePath)\(signers(object))"
        } catch { return "none (\(error))" }
    }

    private static func keySets(_ part: inout DiskPartition) -> String {
        do throws(BootStateError) {
            guard let links = try TwoCopies<StoredKeySets>(loading: &part).content?.links, !links.isEmpty else { return "none but the initramfs's" }
            return links.map { link in
                guard let object = try? SignedObject(link.span.bytes), let set = try? KeySet(decoding: object.unverifiedPayload.span.bytes) else { return "no key set" }
                return "version \(set.version)\(signers(object))"
            }.joined(separator: "; ")
        } catch { return error.text }
    }

    private static func slot(_ part: inout DiskPartition) -> String {
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

/// A partition of a disk that lies in a file; it is only ever read.
public struct DiskPartition: Store {
    private let file: OpenedFile
    private let offset: Int
    public let size: Int

    /// - path: the disk, or a copy of one that a device has used.
    public init(_ label: PartitionLabel, of path: String, board: BoardDescription) throws(Failure) {
        let disk = DiskImage(board)
        self.init(try OpenedFile(path, atLeast: disk.size), disk.place(of: label))
    }

    fileprivate init(_ file: OpenedFile, _ place: DiskImage.Place) {
        self.file = file
        offset = place.offset
        size = place.size
    }

    public mutating func read(at position: Int, into buffer: inout [UInt8]) throws(StoreError) {
        guard position >= 0, position + buffer.count <= size else { throw StoreError(.bounds, offset: position, errno: 0) }
        let count = buffer.count
        let got = buffer.withUnsafeMutableBytes { pread(file.descriptor, $0.baseAddress, count, off_t(offset + position)) }
        guard got == count else { throw StoreError(.read, offset: position, errno: got < 0 ? errno : 0) }
    }

    public mutating func write(_ bytes: RawSpan, at position: Int) throws(StoreError) { throw StoreError(.write, offset: position, errno: EROFS) }
    public mutating func sync() throws(StoreError) {}
}

/// A file, open for reading as long as somebody holds it.
private final class OpenedFile {
    let descriptor: Int32

    init(_ path: String, atLeast bytes: Int) throws(Failure) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(code: "file-missing", text: "the file could not be opened: \(String(cString: strerror(errno)))", path: path) }
        let size = Int(lseek(descriptor, 0, SEEK_END))
        guard size >= bytes else {
            throw Failure(code: "disk-size", text: "the disk has \(size) bytes, the board's has \(bytes): is it of another board?", path: path)
        }
    }

    deinit { close(descriptor) }
}
