// A release as it leaves its maker: root image and other components, each with its tree, and the signed
// manifest; as a bundle to download, and as the content of a slot. The manifest is all that is signed:
// everything else is reached from it.
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
    /// As the manifest lists its components.
    public let images: [ComponentImage]
    /// Whom an encrypted bundle is for; nil for one in the clear.
    public private(set) var keys: BundleKeys?
    private var cipher: BlockCipher?

    /// Of the root image.
    public var data: [UInt8] { images[0].data }
    public var hashArea: [UInt8] { images[0].hashArea }

    /// What the maker says about a release; the rest follows from the images.
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

    /// Not signed yet: add signatures with `signed`.
    /// - image: the root image, a multiple of 4096 bytes.
    /// - others: what comes besides it, each kind once.
    public init(boardName: String, image: [UInt8], others: [(kind: ComponentKind, content: [UInt8])] = [], terms: Terms) throws(Failure) {
        guard image.count % blockSize == 0 else { throw Failure(code: "image-size", text: "the root image has \(image.count) bytes, no multiple of \(blockSize)") }
        // One salt for all releases of a board: equal blocks keep equal leaves, which deltas live on.
        let salt = SHA256.hash(Array("penstock salt \(boardName)".utf8)).bytes
        var images: [ComponentImage] = []
        for (kind, content) in [(.root, image)] + others.sorted(by: { $0.kind.number < $1.kind.number }) {
            let name = kind == .root ? "" : " \(kind.text)"
            images.append(try ComponentImage(kind, content, salt: salt, uuid: DiskImage.identifier("penstock release \(boardName) \(terms.release)\(name)")))
        }
        do throws(PayloadError) {
            manifest = try Manifest(
                board: boardName, hardwareRevisions: terms.hardwareRevisions, release: terms.release,
                rollbackIndex: terms.rollbackIndex, installerVersionMinimum: terms.installerVersionMinimum,
                components: images.map(\.component), notes: terms.notes, healthGate: terms.healthGate)
        } catch { throw Failure(error) }
        object = SignedObject(payload: manifest.encoded(), purpose: .manifest)
        self.images = images
    }

    private init(manifest: Manifest, object: SignedObject, images: [ComponentImage], keys: BundleKeys?, cipher: BlockCipher?) {
        self.manifest = manifest
        self.object = object
        self.images = images
        self.keys = keys
        self.cipher = cipher
    }

    /// The same with one more signature.
    public func signed(with key: Signer) throws(Failure) -> ReleaseBundle {
        var object = object
        try key.sign(&object)
        return with(object)
    }

    public func signed(with key: borrowing PrivateKey) throws(Failure) -> ReleaseBundle {
        var object = object
        do throws(CryptographyError) { try object.sign(with: key) } catch { throw Failure(error) }
        return with(object)
    }

    private func with(_ object: SignedObject) -> ReleaseBundle {
        ReleaseBundle(manifest: manifest, object: object, images: images, keys: keys, cipher: cipher)
    }

    /// The same, encrypted under a content key of its own for each recipient. Nothing is signed anew.
    public func encrypted(for recipients: [Recipient]) throws(Failure) -> ReleaseBundle {
        var contentKey = randomBytes(32)
        defer { wipe(&contentKey) }
        do throws(CryptographyError) {
            var wrapped: [BundleRecipient] = []
            for recipient in recipients { wrapped.append(try recipient.wrapping(contentKey)) }
            let cipher = try BlockCipher(key: contentKey, release: SHA256.hash(object.unverifiedPayload))
            if let keys = BundleKeys(recipients: wrapped) {
                return ReleaseBundle(manifest: manifest, object: object, images: images, keys: keys, cipher: cipher)
            }
        } catch { throw Failure(error) }
        throw Failure(code: "recipients-unfit", text: "a bundle is encrypted for 1 to \(BundleKeys.recipientMaximum) recipients; give many devices a fleet key")
    }

    public enum Recipient {
        /// A device's decryption key, P-256.
        case device(PublicKey)
        /// 32 bytes.
        case fleet([UInt8])

        fileprivate func wrapping(_ contentKey: [UInt8]) throws(CryptographyError) -> BundleRecipient {
            switch self {
            case .device(let key): try .device(key, keyIdentifier: key.keyIdentifier, contentKey: contentKey)
            case .fleet(let key): try .fleet(key: key, contentKey: contentKey)
            }
        }
    }

    // MARK: as a bundle

    /// Manifest, keys if it is encrypted, then the components: hash area, data.
    public func encoded() throws(Failure) -> [UInt8] {
        guard let cipher, let keys else {
            var out = try area(BundleLayout.manifestArea)
            for image in images { out += image.hashArea + image.data }
            return out
        }
        var out = try area(BundleLayout.encryptedManifestArea)
        guard let keyArea = BundleLayout.keyArea.encoded(keys.encoded()) else { throw Failure(code: "recipients-unfit", text: "the keys of the bundle do not fit: give fewer recipients") }
        out += keyArea
        var number = 0
        do throws(CryptographyError) {
            for image in images {
                for blocks in [image.hashArea, image.data] {
                    for offset in stride(from: 0, to: blocks.count, by: blockSize) {
                        out += try cipher.seal(blocks.span.bytes.extracting(offset..<offset + blockSize), number: number)
                        number += 1
                    }
                }
            }
        } catch { throw Failure(error) }
        return out
    }

    /// What opens an encrypted bundle: a fleet's key, or the .key file that stands in for a device's TPM.
    public enum Opening {
        case keyFile(String)
        case fleet([UInt8])
    }

    /// Reads a bundle and rebuilds its trees: what is returned is whole and as its manifest says. Who
    /// signed the manifest is not looked at.
    /// - opening: of an encrypted one; it is read as one in the clear then.
    public init(decoding bytes: [UInt8], path: String, opening: Opening? = nil) throws(Failure) {
        let head = try BundleHead(bytes, path: path)
        guard bytes.count >= head.layout.size else { throw Failure(BundleFault.truncated(offset: head.layout.size), path: path) }
        guard bytes.count == head.layout.size else {
            throw Failure(code: "bundle-size", text: "the bundle has \(bytes.count) bytes, its manifest says \(head.layout.size): get it again", path: path)
        }
        let cipher = try head.cipher(opening, path: path)
        var images: [ComponentImage] = []
        for (component, part) in zip(head.manifest.components, head.layout.parts) {
            var blocks: [UInt8] = []
            for position in 0..<part.blocks {
                let at = part.offset(ofPosition: position)
                let place = part.block(at: position)!
                let block = bytes.span.bytes.extracting(at..<at + part.stride)
                guard let opened = cipher == nil ? block.copied() : cipher!.open(block, number: part.firstBlock + position) else {
                    throw Failure(BundleFault.sealed(place, offset: at), path: path)
                }
                blocks += opened
            }
            let hashArea = [UInt8](blocks[..<part.geometry.hashAreaSize]), data = [UInt8](blocks[part.geometry.hashAreaSize...])
            let image = try ComponentImage(component.kind, [UInt8](data[..<component.byteCount]), salt: component.identity.salt, uuid: component.identity.uuid)
            if let altered = Self.altered(component.identity, data + hashArea) {
                let position = (0..<part.blocks).first { part.block(at: $0) == altered }!
                throw Failure(BundleFault.altered(altered, offset: part.offset(ofPosition: position)), path: path)
            }
            guard image.component == component, image.data == data else {
                throw Failure(code: "component-padding", text: "the bundle's \(component.kind.text) has more behind its end than zeros: make the bundle again", path: path)
            }
            images.append(image)
        }
        self.init(manifest: head.manifest, object: head.object, images: images, keys: nil, cipher: nil)
    }

    /// The first block that does not lead to the signed root; nil if all do.
    private static func altered(_ identity: VerityIdentity, _ image: [UInt8]) -> VerityBlock? {
        var store = ImageStore(bytes: image)
        do throws(VerityError) {
            try verifyHashArea(identity, in: &store)
            try verifyAll(identity, in: &store)
        } catch { if case .altered(let block) = error { return block } }
        return nil
    }

    // MARK: as a slot

    /// What goes into a slot's partition and into its boot partition.
    public func slotContents(size: Int, bootSize: Int = 0) throws(Failure) -> (slot: PartitionContent, boot: PartitionContent) {
        guard let layout = SlotLayout(size: size, bootSize: bootSize) else { throw Failure(code: "slot-too-small", text: "a slot of \(size) bytes holds no release") }
        var slot: [(offset: Int, bytes: [UInt8])] = [(layout.manifestOffset, try area(SlotLayout.manifestArea))], boot: [(offset: Int, bytes: [UInt8])] = []
        let offsets: [Int?]
        do throws(LayoutRefusal) { offsets = try layout.offsets(of: manifest.components) } catch { throw Failure(error) }
        for (image, offset) in zip(images, offsets) {
            guard let offset else { continue }
            let content = image.data + image.hashArea
            if offset >= size { boot.append((offset - size, content)) } else { slot.append((offset, content)) }
        }
        return (PartitionContent(slot.sorted { $0.offset < $1.offset }), PartitionContent(boot))
    }

    /// Of a board without boot partitions.
    public func slotContent(size: Int) throws(Failure) -> PartitionContent { try slotContents(size: size).slot }

    private func area(_ area: ObjectArea) throws(Failure) -> [UInt8] {
        guard !object.signatures.isEmpty else { throw Failure(code: "not-signed", text: "the release has no signature: give --key") }
        guard let encoded = area.encoded(object.encoded()) else { throw Failure(code: "manifest-too-long", text: "the signed manifest exceeds \(ObjectArea.objectMaximum) bytes: shorten its notes") }
        return encoded
    }
}

/// A component with its bytes.
public struct ComponentImage: Equatable, Sendable {
    public let component: Component
    /// Whole blocks.
    public let data: [UInt8]
    /// Superblock and tree, as they stand behind the data.
    public let hashArea: [UInt8]

    public init(_ kind: ComponentKind, _ content: [UInt8], salt: [UInt8], uuid: [UInt8]) throws(Failure) {
        let over = content.count % blockSize
        let data = over == 0 ? content : content + [UInt8](repeating: 0, count: blockSize - over)
        var builder = VerityBuilder(salt: salt)
        for offset in stride(from: 0, to: data.count, by: blockSize) { builder.append(data.span.bytes.extracting(offset..<offset + blockSize)) }
        guard let (identity, area) = builder.finish(uuid: uuid), let component = Component(kind: kind, byteCount: content.count, identity: identity) else {
            throw Failure(code: "image-size", text: "the \(kind.text) has \(content.count) bytes: none, or more than a tree covers")
        }
        self.data = data
        hashArea = area
        self.component = component
    }
}

/// The beginning of a bundle: its manifest, whose signatures are not looked at, and where the rest lies.
public struct BundleHead {
    public let manifest: Manifest
    public let object: SignedObject
    public let layout: BundleLayout
    /// Nil for a bundle in the clear.
    public let keys: BundleKeys?

    public init(_ bytes: [UInt8], path: String) throws(Failure) {
        func area(_ place: Int, _ area: ObjectArea) throws(Failure) -> [UInt8] {
            let start = place * ObjectArea.size
            guard bytes.count >= start + ObjectArea.size else { throw Failure(BundleFault.truncated(offset: start + ObjectArea.size), path: path) }
            do throws(ObjectAreaError) { return try area.object(in: bytes.span.bytes.extracting(start..<start + ObjectArea.size)) } catch {
                throw Failure(BundleFault.malformed(error), path: path)
            }
        }
        let isEncrypted = bytes.starts(with: "PENBNDE1".utf8)
        let encoded = try area(0, isEncrypted ? BundleLayout.encryptedManifestArea : BundleLayout.manifestArea)
        do throws(SignedError) { object = try SignedObject(encoded.span.bytes) } catch { throw Failure(error, path: path) }
        let payload = object.unverifiedPayload
        do throws(PayloadError) { manifest = try Manifest(decoding: payload.span.bytes) } catch { throw Failure(error, path: path) }
        layout = BundleLayout(manifest.components, isEncrypted: isEncrypted)
        guard isEncrypted else {
            keys = nil
            return
        }
        let found = try area(1, BundleLayout.keyArea)
        do throws(BundleKeysError) { keys = try BundleKeys(decoding: found.span.bytes) } catch { throw Failure(error, path: path) }
    }

    func cipher(_ opening: ReleaseBundle.Opening?, path: String) throws(Failure) -> BlockCipher? {
        guard let keys else { return nil }
        guard let opening else { throw Failure(code: "bundle-encrypted", text: "the bundle is encrypted for \(keys.recipients.count) recipients: give --decrypt-key with the key of one", path: path) }
        var key: [UInt8]
        switch opening {
        case .keyFile(let file):
            let own = try KeyFiles.privateKey(file)
            let found: Result<[UInt8], BundleKeysError>
            do throws(CryptographyError) {
                found = try keys.contentKey(device: own.publicKey.keyIdentifier) { (point) throws(CryptographyError) in try own.agree(with: .es256(point)) }
            } catch { throw Failure(error, path: file) }
            do throws(BundleKeysError) { key = try found.get() } catch { throw Failure(error, path: path) }
        case .fleet(let fleet):
            do throws(BundleKeysError) { key = try keys.contentKey(fleet: fleet) } catch { throw Failure(error, path: path) }
        }
        defer { wipe(&key) }
        do throws(CryptographyError) { return try BlockCipher(key: key, release: SHA256.hash(object.unverifiedPayload)) } catch { throw Failure(error, path: path) }
    }
}

/// An image in memory, read only.
private struct ImageStore: Store {
    let bytes: [UInt8]
    var size: Int { bytes.count }

    mutating func read(at offset: Int, into buffer: inout [UInt8]) throws(StoreError) {
        guard offset >= 0, offset + buffer.count <= size else { throw StoreError(.bounds, offset: offset, errno: 0) }
        buffer = [UInt8](bytes[offset..<offset + buffer.count])
    }

    mutating func write(_ bytes: RawSpan, at offset: Int) throws(StoreError) { throw StoreError(.write, offset: offset, errno: 0) }
    mutating func sync() throws(StoreError) {}
}
