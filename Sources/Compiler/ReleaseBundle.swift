// A release as it leaves its maker: root image, tree, signed manifest; as a bundle to download, and as
// the content of a slot. The manifest is all that is signed: everything else is reached from it.
import Board
import Bytes
import Cryptography
import Release
import Signed
import Verity

public struct ReleaseBundle {
    public let manifest: Manifest
    /// The manifest, signed: COSE.
    public let object: SignedObject
    public let data: [UInt8]
    /// Superblock and tree, as they stand behind the data.
    public let hashArea: [UInt8]

    /// What the maker says about a release; the rest follows from the image.
    public struct Terms {
        public var release: String
        public var rollbackIndex: UInt64
        public var hardwareRevisions: ClosedRange<UInt16>
        public var installerVersionMinimum: UInt32
        public var notes: String
        public var healthGate: HealthGate

        public init(
            release: String, rollbackIndex: UInt64, hardwareRevisions: ClosedRange<UInt16>,
            installerVersionMinimum: UInt32 = 1, notes: String = "", healthGate: HealthGate
        ) {
            self.release = release
            self.rollbackIndex = rollbackIndex
            self.hardwareRevisions = hardwareRevisions
            self.installerVersionMinimum = installerVersionMinimum
            self.notes = notes
            self.healthGate = healthGate
        }
    }

    /// Not signed yet: add signatures with `sign`.
    /// - image: a multiple of 4096 bytes.
    public init(boardName: String, image: [UInt8], terms: Terms) throws(Failure) {
        // One salt for all releases of a board: equal blocks keep equal leaves, which deltas live on.
        let salt = SHA256.hash(Array("penstock salt \(boardName)".utf8)).bytes
        let uuid = DiskImage.identifier("penstock release \(boardName) \(terms.release)")
        var builder = VerityBuilder(salt: salt)
        guard image.count % blockSize == 0 else { throw Failure(code: "image-size", text: "the root image has \(image.count) bytes, no multiple of \(blockSize)") }
        for offset in stride(from: 0, to: image.count, by: blockSize) {
            builder.append(image.span.bytes.extracting(offset..<offset + blockSize))
        }
        guard let (identity, hashArea) = builder.finish(uuid: uuid) else {
            throw Failure(code: "image-size", text: "the root image has \(image.count) bytes: none, or more than a tree covers")
        }
        do throws(PayloadError) {
            manifest = try Manifest(
                board: boardName, hardwareRevisions: terms.hardwareRevisions, release: terms.release,
                rollbackIndex: terms.rollbackIndex, installerVersionMinimum: terms.installerVersionMinimum,
                components: [Component(kind: .root, identity: identity)], notes: terms.notes, healthGate: terms.healthGate)
        } catch { throw Failure(error) }
        object = SignedObject(payload: manifest.encoded(), purpose: .manifest)
        data = image
        self.hashArea = hashArea
    }

    private init(manifest: Manifest, object: SignedObject, data: [UInt8], hashArea: [UInt8]) {
        self.manifest = manifest
        self.object = object
        self.data = data
        self.hashArea = hashArea
    }

    /// The same with one more signature.
    public func signed(with key: borrowing PrivateKey) throws(Failure) -> ReleaseBundle {
        var object = object
        do throws(CryptographyError) { try object.sign(with: key) } catch { throw Failure(error) }
        return ReleaseBundle(manifest: manifest, object: object, data: data, hashArea: hashArea)
    }

    // MARK: as a bundle

    /// Manifest, hash area, data.
    public func encoded() throws(Failure) -> [UInt8] { try area(BundleLayout.manifestArea) + hashArea + data }

    /// Reads a bundle and rebuilds its tree: what is returned is whole and as its manifest says. Who
    /// signed the manifest is not looked at.
    public init(decoding bytes: [UInt8], path: String) throws(Failure) {
        guard bytes.count > ObjectArea.size else { throw Failure(code: "bundle-truncated", text: "the bundle ends within its manifest: get it again", path: path) }
        let encoded: [UInt8], manifest: Manifest, object: SignedObject
        do throws(ObjectAreaError) {
            encoded = try BundleLayout.manifestArea.object(in: bytes.span.bytes.extracting(0..<ObjectArea.size))
        } catch { throw Failure(code: "bundle-malformed", text: "this is no bundle: \(error) at its beginning", path: path) }
        do throws(SignedError) { object = try SignedObject(encoded.span.bytes) } catch { throw Failure(error, path: path) }
        do throws(PayloadError) { manifest = try Manifest(decoding: object.unverifiedPayload.span.bytes) } catch { throw Failure(error, path: path) }
        let layout = BundleLayout(manifest.root.geometry)
        guard bytes.count == layout.size else {
            throw Failure(code: "bundle-size", text: "the bundle has \(bytes.count) bytes, its manifest says \(layout.size): get it again", path: path)
        }
        let data = [UInt8](bytes[layout.dataOffset...])
        var builder = VerityBuilder(salt: manifest.root.salt)
        for offset in stride(from: 0, to: data.count, by: blockSize) { builder.append(data.span.bytes.extracting(offset..<offset + blockSize)) }
        let hashArea = [UInt8](bytes[layout.hashAreaOffset..<layout.dataOffset])
        guard let (identity, rebuilt) = builder.finish(uuid: manifest.root.uuid), identity == manifest.root, rebuilt == hashArea else {
            throw Failure(code: "bundle-altered", text: "the bundle's data or tree is not what its manifest signs: get it again", path: path)
        }
        self.init(manifest: manifest, object: object, data: data, hashArea: hashArea)
    }

    // MARK: as a slot

    /// Data, hash area, and the manifest at the end of a slot of `size` bytes.
    public func slotContent(size: Int) throws(Failure) -> PartitionContent {
        guard let layout = SlotLayout(size: size), layout.fits(manifest.root.geometry) else {
            throw Failure(code: "slot-full", text: "release \(manifest.release) takes \(manifest.root.geometry.imageSize + ObjectArea.size) bytes, a slot has \(size): enlarge the slots in the board file, or make the tree smaller")
        }
        return PartitionContent([(0, data), (data.count, hashArea), (layout.manifestOffset, try area(SlotLayout.manifestArea))])
    }

    private func area(_ area: ObjectArea) throws(Failure) -> [UInt8] {
        guard !object.signatures.isEmpty else { throw Failure(code: "not-signed", text: "the release has no signature: give --key") }
        guard let encoded = area.encoded(object.encoded()) else { throw Failure(code: "manifest-too-long", text: "the signed manifest exceeds \(ObjectArea.objectMaximum) bytes: shorten its notes") }
        return encoded
    }
}
