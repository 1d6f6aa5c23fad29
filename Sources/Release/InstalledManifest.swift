// The signed manifest as it lies in a slot.

import Bytes
import Signed
import Verity

/// Why a slot holds no release that could be started.
public enum SlotError: Error, Equatable {
    case store(StoreError)
    /// The partition is too small to be a slot at all.
    case partition
    case manifestArea(ObjectAreaError)
    case manifest(SignedError)
    /// The manifest names an image that ends within the manifest area.
    case tooLarge
    case image(VerityError)
}

extension SlotError: Coded {
    public var code: String {
        switch self {
        case .store(let error): "slot-" + error.code
        case .partition, .tooLarge: "slot-too-small"
        case .manifestArea(.erased): "slot-empty"
        case .manifestArea: "slot-manifest-malformed"
        case .manifest(let error): "slot-manifest-" + error.code
        case .image(let error): "slot-" + error.code
        }
    }

    public var text: String {
        switch self {
        case .store(let error): error.text
        case .partition: "the slot's partition is too small: flash the disk image of this board"
        case .tooLarge: "the slot's image does not fit its partition: install the release again"
        case .manifestArea(.erased): "the slot holds no manifest: an installation was not finished"
        case .manifestArea: "the slot's manifest area is torn or altered: install the release again"
        case .manifest(let error): "the slot's manifest was refused: \(error.text)"
        case .image(let error): error.text
        }
    }
}

/// Reads the manifest of a slot and verifies its signatures, and that what it names can lie there.
/// The image is not looked at: `VerityScan` does that, `verifySlot` does both.
public func installedManifest<S: Store & ~Copyable>(
    in partition: inout S, keys: KeySet
) throws(SlotError) -> (manifest: Verified<Manifest>, object: [UInt8]) {
    guard let layout = SlotLayout(size: partition.size) else { throw .partition }
    var area = [UInt8](repeating: 0, count: ObjectArea.size)
    do throws(StoreError) { try partition.read(at: layout.manifestOffset, into: &area) } catch { throw .store(error) }
    let object: [UInt8]
    do throws(ObjectAreaError) { object = try SlotLayout.manifestArea.object(in: area.span.bytes) } catch { throw .manifestArea(error) }
    let manifest: Verified<Manifest>
    do throws(SignedError) {
        manifest = try verify(object.span.bytes, as: Manifest.self, with: keys)
    } catch { throw .manifest(error) }
    guard layout.fits(manifest.payload.root.geometry) else { throw .tooLarge }
    return (manifest, object)
}

/// The manifest, and every block of the image.
public func verifySlot<S: Store & ~Copyable>(_ partition: inout S, keys: KeySet) throws(SlotError) -> Verified<Manifest> {
    let found = try installedManifest(in: &partition, keys: keys)
    do throws(VerityError) { try verifyAll(found.manifest.payload.root, in: &partition) } catch { throw .image(error) }
    return found.manifest
}
