// The board's disk in somebody else's hands: slots read, replaced and altered behind the board's back.
// Writing needs a board without power.

import Board
import BootState
import Bytes
import Compiler
import Cryptography
import Foundation
import Glibc
import Signed

struct ColdDisk {
    enum Slot { case a, b }

    private let path: String
    private let image: DiskImage

    init(_ machine: Machine, _ workshop: Workshop) throws {
        path = try require(machine.settings.diskPath, "the board has no disk")
        image = DiskImage(workshop.board)
    }

    private func place(_ slot: Slot) -> DiskImage.Place { image.place(of: slot == .a ? .slotA : .slotB) }

    /// SHA-256 of the whole slot.
    func digest(_ slot: Slot) throws -> Digest {
        let place = place(slot)
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        defer { try? file.close() }
        try file.seek(toOffset: UInt64(place.offset))
        return SHA256.hash([UInt8](try file.read(upToCount: place.size) ?? Data()).span.bytes)
    }

    private func write(_ bytes: [UInt8], at offset: Int) throws {
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        defer { try? file.close() }
        try file.seek(toOffset: UInt64(offset))
        try file.write(contentsOf: Data(bytes))
    }

    /// Puts the release of a bundle into a slot.
    /// - signatures: as the bundle has them; without any; or by that key alone.
    func put(_ bundle: String, in slot: Slot, signatures: Signatures = .own) throws {
        let place = place(slot)
        let release = try ReleaseBundle(decoding: [UInt8](Data(contentsOf: URL(fileURLWithPath: bundle))), path: bundle)
        for piece in try release.slotContent(size: place.size).pieces { try write(piece.bytes, at: place.offset + piece.offset) }
        if case .own = signatures { return }
        var object = SignedObject(payload: release.object.unverifiedPayload, purpose: .manifest)
        if case .key(let path) = signatures { try object.sign(with: KeyFiles.privateKey(path)) }
        let encoded = object.encoded()
        var area = Array("PENSLOT1".utf8) + withUnsafeBytes(of: UInt32(encoded.count).bigEndian) { Array($0) } + encoded
        area += [UInt8](repeating: 0, count: 65_536 - area.count)
        try write(area, at: place.offset + place.size - area.count)
    }

    /// Puts another signed commissioning, a file, in the place of the board's.
    func put(commissioning path: String) throws {
        let place = image.place(of: .commissioning)
        let object = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let area = try require(commissioningArea.encoded(object), "the commissioning is too long")
        try write(area, at: place.offset)
    }

    enum Signatures { case own, none, key(String) }

    /// The board then tries both slots, A first.
    func eraseBootState() throws {
        let place = image.place(of: .bootState)
        try write([UInt8](repeating: 0, count: place.size), at: place.offset)
    }

    /// What the controller has kept, and the floors beside it, are as on a fresh disk.
    func eraseControllerState() throws {
        let place = image.place(of: .bootState)
        for copy in TwoCopies<RetainedState>.image(of: .none) { try write(copy.bytes, at: place.offset + copy.offset) }
    }

    /// Puts the disk back to before any key set followed on the initramfs's; returns what stood there.
    func eraseKeySets() throws -> [UInt8] {
        let place = image.place(of: .keySet)
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        defer { try? file.close() }
        try file.seek(toOffset: UInt64(place.offset))
        let own = [UInt8](try file.read(upToCount: place.size) ?? Data())
        try write([UInt8](repeating: 0, count: place.size), at: place.offset)
        return own
    }

    func put(keySets content: [UInt8]) throws { try write(content, at: image.place(of: .keySet).offset) }

    /// Flips one bit of the slot.
    func flip(_ slot: Slot, byte: Int, bit: Int) throws {
        let offset = place(slot).offset + byte
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        defer { try? file.close() }
        try file.seek(toOffset: UInt64(offset))
        let old = try require(try file.read(upToCount: 1)?.first, "nothing stands at \(offset)")
        try file.seek(toOffset: UInt64(offset))
        try file.write(contentsOf: Data([old ^ UInt8(1 << bit)]))
    }
}
