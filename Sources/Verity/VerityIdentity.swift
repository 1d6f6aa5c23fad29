// What a signed manifest says about an image: all that is believed when it is checked.

import Bytes
import Cryptography

/// The root hash and what it was made with.
public struct VerityIdentity: Hashable, Sendable {
    public let geometry: VerityGeometry
    public let root: Digest
    /// 32 bytes.
    public let salt: [UInt8]
    /// 16 bytes.
    public let uuid: [UInt8]

    public init(geometry: VerityGeometry, root: Digest, salt: [UInt8], uuid: [UInt8]) {
        precondition(salt.count == Superblock.saltSize && uuid.count == 16)
        self.geometry = geometry
        self.root = root
        self.salt = salt
        self.uuid = uuid
    }

    public var superblock: Superblock { Superblock(geometry: geometry, uuid: uuid, salt: salt) }

    /// H(salt || block), hash type 1.
    public func digest(of block: RawSpan) -> Digest { SHA256.hash(salt.span.bytes, block) }

    /// The table for the device-mapper's `verity` target, with data and hash area on one device.
    /// - device: a path or "major:minor".
    /// - options: the target's optional words, such as "panic_on_corruption".
    public func table(device: String, options: [String] = []) -> VerityTable {
        var words = "1 \(device) \(device) 4096 4096 \(geometry.dataBlocks) \(geometry.hashStart) sha256 "
        words += hexadecimal(root.bytes) + " " + hexadecimal(salt)
        if !options.isEmpty { words += " \(options.count)" }
        for option in options { words += " " + option }
        return VerityTable(sectors: UInt64(geometry.dataSize / 512), parameters: words)
    }
}

/// One device-mapper table line of the `verity` target, starting at sector 0.
public struct VerityTable: Equatable, Sendable {
    /// Sectors of 512 bytes.
    public let sectors: UInt64
    public let parameters: String

    /// As `dmsetup` takes it.
    public var line: String { "0 \(sectors) verity \(parameters)" }
}
