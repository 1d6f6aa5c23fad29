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
    /// What the manifest names can't lie where it should.
    case layout(LayoutRefusal)
    case image(VerityError)
}

extension SlotError: Coded {
    public var code: String {
        switch self {
        case .store(let error): "slot-" + error.code
        case .partition: "slot-too-small"
        case .layout(let error): error.code
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
        case .layout(let error): error.text
        case .manifestArea(.erased): "the slot holds no manifest: an installation was not finished"
        case .manifestArea: "the slot's manifest area is torn or altered: install the release again"
        case .manifest(let error): "the slot's manifest was refused: \(error.text)"
        case .image(let error): error.text
        }
    }
}

/// What a slot says of itself.
public struct InstalledManifest {
    public let manifest: Verified<Manifest>
    /// The signed object, for whoever verifies it again.
    public let object: [UInt8]
    /// Where each component begins; nil for those that are not written.
    public let offsets: [Int?]
}

/// Reads the manifest of a slot and verifies its signatures, and that what it names can lie there.
/// The images are not looked at: `VerityScan` does that, `verifySlot` does both.
/// - base: where the slot begins in the store; the offsets count from there.
/// - layout: where the store is more than the slot's partition.
public func installedManifest<S: Store & ~Copyable>(
    in store: inout S, at base: Int = 0, layout: SlotLayout? = nil, keys: KeySet
) throws(SlotError) -> InstalledManifest {
    guard let layout = layout ?? SlotLayout(size: store.size) else { throw .partition }
    var area = [UInt8](repeating: 0, count: ObjectArea.size)
    do throws(StoreError) { try store.read(at: base + layout.manifestOffset, into: &area) } catch { throw .store(error) }
    let object: [UInt8]
    do throws(ObjectAreaError) { object = try SlotLayout.manifestArea.object(in: area.span.bytes) } catch { throw .manifestArea(error) }
    let manifest: Verified<Manifest>
    do throws(SignedError) {
        manifest = try verify(object.span.bytes, as: Manifest.self, with: keys)
    } catch { throw .manifest(error) }
    do throws(LayoutRefusal) {
        return InstalledManifest(manifest: manifest, object: object, offsets: try layout.offsets(of: manifest.payload.components))
    } catch { throw .layout(error) }
}

/// The manifest, and every block of every image.
public func verifySlot<S: Store & ~Copyable>(_ store: inout S, layout: SlotLayout? = nil, keys: KeySet) throws(SlotError) -> Verified<Manifest> {
    let found = try installedManifest(in: &store, layout: layout, keys: keys)
    for (component, offset) in zip(found.manifest.payload.components, found.offsets) {
        guard let offset else { continue }
        do throws(VerityError) { try verifyAll(component.identity, at: offset, in: &store) } catch { throw .image(error) }
    }
    return found.manifest
}
