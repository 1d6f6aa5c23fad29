// The dm-verity superblock, version 1. The kernel never reads it; veritysetup does.
// Ours is a function of the signed manifest, so it is compared, not trusted.

import Bytes

/// The field that makes a superblock unusable here.
public enum SuperblockError: UInt8, Error, Sendable {
    case length, signature, version, hashType, algorithm, blockSize, dataBlocks, saltSize, padding

    var text: String {
        switch self {
        case .length: "too short"
        case .signature: "no signature"
        case .version: "version other than 1"
        case .hashType: "hash type other than 1"
        case .algorithm: "algorithm other than sha256"
        case .blockSize: "block size other than 4096"
        case .dataBlocks: "impossible number of data blocks"
        case .saltSize: "salt other than 32 bytes"
        case .padding: "padding not zero"
        }
    }
}

public struct Superblock: Equatable, Sendable {
    /// Bytes that it takes; it stands in a block of its own.
    public static let size = 512
    public static let saltSize = 32
    private static let signature: [UInt8] = [0x76, 0x65, 0x72, 0x69, 0x74, 0x79, 0, 0]
    private static let algorithm: [UInt8] = [0x73, 0x68, 0x61, 0x32, 0x35, 0x36] + [UInt8](repeating: 0, count: 26)

    public let geometry: VerityGeometry
    /// 16 bytes.
    public let uuid: [UInt8]
    /// 32 bytes.
    public let salt: [UInt8]

    public init(geometry: VerityGeometry, uuid: [UInt8], salt: [UInt8]) {
        precondition(uuid.count == 16 && salt.count == Self.saltSize)
        self.geometry = geometry
        self.uuid = uuid
        self.salt = salt
    }

    /// The whole block of 4096 bytes, zero behind the superblock.
    public func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: VerityGeometry.blockSize)
        writer.append(Self.signature)
        writer.u32LittleEndian(1)
        writer.u32LittleEndian(1)
        writer.append(uuid)
        writer.append(Self.algorithm)
        writer.u32LittleEndian(UInt32(VerityGeometry.blockSize))
        writer.u32LittleEndian(UInt32(VerityGeometry.blockSize))
        writer.u64LittleEndian(UInt64(geometry.dataBlocks))
        writer.u16LittleEndian(UInt16(Self.saltSize))
        writer.zeros(6)
        writer.append(salt)
        return writer.bytes + [UInt8](repeating: 0, count: VerityGeometry.blockSize - writer.bytes.count)
    }

    /// Reads at least 512 bytes; whatever `encoded` would not have written there is refused.
    public init(decoding block: RawSpan) throws(SuperblockError) {
        guard block.byteCount >= Self.size else { throw .length }
        guard block.copied(0..<8) == Self.signature else { throw .signature }
        guard block.littleEndian(8, 4) == 1 else { throw .version }
        guard block.littleEndian(12, 4) == 1 else { throw .hashType }
        guard block.copied(32..<64) == Self.algorithm else { throw .algorithm }
        guard block.littleEndian(64, 4) == 4096, block.littleEndian(68, 4) == 4096 else { throw .blockSize }
        guard let blocks = Int(exactly: block.littleEndian(72, 8)), let geometry = VerityGeometry(dataBlocks: blocks)
        else { throw .dataBlocks }
        guard block.littleEndian(80, 2) == UInt64(Self.saltSize) else { throw .saltSize }
        guard block.isZero(82..<88), block.isZero(120..<Self.size) else { throw .padding }
        self.init(geometry: geometry, uuid: block.copied(16..<32), salt: block.copied(88..<120))
    }
}

extension RawSpan {
    /// A field at an offset that the caller has checked.
    fileprivate func littleEndian(_ offset: Int, _ count: Int) -> UInt64 {
        var value: UInt64 = 0
        for i in (0..<count).reversed() { value = value << 8 | UInt64(unsafeLoad(fromByteOffset: offset + i, as: UInt8.self)) }
        return value
    }
}
