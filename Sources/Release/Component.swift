// What a release is made of: images by kind, each with a Merkle root of its own.

import Bytes
import Verity

public enum ComponentKind: Equatable, Sendable {
    /// The root image, which dm-verity serves to the running system.
    case root
    /// What a boot loader takes: a kernel and its initramfs, or both in one EFI program.
    case kernel, initramfs, unifiedKernel
    /// A signed calibration that stands in place of the root image's.
    case calibration
    /// From 64 on: something that this version doesn't know and need not. It is neither fetched nor written.
    case other(UInt64)

    private static let known: [ComponentKind] = [.root, .kernel, .initramfs, .unifiedKernel, .calibration]
    public static let otherMinimum: UInt64 = 64

    /// In a manifest.
    public var number: UInt64 {
        switch self {
        case .root: 0
        case .kernel: 1
        case .initramfs: 2
        case .unifiedKernel: 3
        case .calibration: 4
        case .other(let number): number
        }
    }

    /// Nil for one that is critical and not known.
    public init?(number: UInt64) {
        if number < UInt64(Self.known.count) {
            self = Self.known[Int(number)]
        } else if number >= Self.otherMinimum {
            self = .other(number)
        } else {
            return nil
        }
    }

    public var text: String {
        switch self {
        case .root: "root"
        case .kernel: "kernel"
        case .initramfs: "initramfs"
        case .unifiedKernel: "unified kernel"
        case .calibration: "calibration"
        case .other(let number): "kind \(number)"
        }
    }

    enum Home { case slot, boot, nowhere }

    /// The partition that it goes into.
    var home: Home {
        switch self {
        case .root, .calibration: .slot
        case .kernel, .initramfs, .unifiedKernel: .boot
        case .other: .nowhere
        }
    }
}

/// One image of a release: its kind, its length, and its Merkle root with what it was made with.
public struct Component: Equatable, Sendable {
    public static let countMaximum = 8

    public let kind: ComponentKind
    /// Of the content; its last block is filled up with zeros.
    public let byteCount: Int
    public let identity: VerityIdentity

    /// Nil unless the tree is over as many blocks as the content takes.
    public init?(kind: ComponentKind, byteCount: Int, identity: VerityIdentity) {
        guard Self.geometry(byteCount: byteCount) == identity.geometry else { return nil }
        self.kind = kind
        self.byteCount = byteCount
        self.identity = identity
    }

    /// Of a content of so many bytes; nil if there is none.
    public static func geometry(byteCount: Int) -> VerityGeometry? {
        guard byteCount > 0 else { return nil }
        return VerityGeometry(dataBlocks: (byteCount + blockSize - 1) / blockSize)
    }
}

/// The content of a component that lies at `base` of a store, each block of it checked; for small ones.
public func content<S: Store & ~Copyable>(of component: Component, at base: Int, in store: inout S) throws(VerityError) -> [UInt8] {
    var tree = VerityTree(component.identity, at: base)
    var out: [UInt8] = []
    var block = [UInt8](repeating: 0, count: blockSize)
    for index in 0..<component.identity.geometry.dataBlocks {
        do throws(StoreError) { try store.read(at: base + index * blockSize, into: &block) } catch { throw .store(error) }
        try tree.verify(block.span.bytes, as: .data(index: index), in: &store)
        out += block
    }
    out.removeLast(out.count - component.byteCount)
    return out
}
