// Duty: the dm-verity tree, byte for byte as the kernel and veritysetup have it: its shape, its
// superblock, building it, and checking blocks against it. The tree is the identity of a release.
// Trust: data and tree are anybody's; only the root hash and the salt, which come from a signed
// manifest, are believed. Must never let a block pass that does not lead to that root.
//
// Sources: the kernel's Documentation/admin-guide/device-mapper/verity.rst and cryptsetup's
// lib/verity/verity_hash.c. Fixed here: SHA-256, hash type 1, blocks of 4096 bytes, salt of 32.

import Bytes

/// Which block of a verified image is meant.
public enum VerityBlock: Equatable, Sendable {
    case superblock
    /// Level 1 holds the digests of the data blocks, the highest level the one that the root covers.
    case tree(level: Int, index: Int)
    case data(index: Int)
}

/// Why an image was refused.
public enum VerityError: Error, Equatable, Sendable {
    /// The block that does not lead to the root; the first one, where a scan was made.
    case altered(VerityBlock)
    case superblock(SuperblockError)
    case store(StoreError)
    /// A request for a block beyond the end of the image.
    case noSuchBlock(VerityBlock)
}

extension VerityBlock {
    /// "data block 17", for people.
    public var text: String {
        switch self {
        case .superblock: "the verity superblock"
        case .tree(let level, let index): "tree block \(index) of level \(level)"
        case .data(let index): "data block \(index)"
        }
    }
}

extension VerityError: Coded {
    public var code: String {
        switch self {
        case .altered(.superblock): "superblock-altered"
        case .altered(.tree): "tree-block-altered"
        case .altered(.data): "data-block-altered"
        case .superblock: "superblock-unreadable"
        case .store(let error): error.code
        case .noSuchBlock: "no-such-block"
        }
    }

    public var text: String {
        switch self {
        case .altered(let block): "\(block.text) does not match the signed root hash: write the image again"
        case .superblock(let error): "the verity superblock is not one of ours (\(error.text)): write the image again"
        case .store(let error): error.text
        case .noSuchBlock(let block): "\(block.text) lies beyond the image: a fault in this program"
        }
    }
}
