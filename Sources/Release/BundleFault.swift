// What can be wrong with the bytes of a bundle, said the same by the board that installs it and by the maker's
// tool that reads it.
import Bytes
import Verity

public enum BundleFault: Error, Equatable, Coded {
    /// It ends before this offset.
    case truncated(offset: Int)
    case malformed(ObjectAreaError)
    /// A block that does not open under the bundle's key.
    case sealed(VerityBlock, offset: Int)
    /// A block that does not lead to the signed root.
    case altered(VerityBlock, offset: Int)

    public var code: String {
        switch self {
        case .truncated: "bundle-truncated"
        case .malformed: "bundle-malformed"
        case .sealed, .altered: "bundle-block-altered"
        }
    }

    public var text: String {
        switch self {
        case .truncated(let offset): "the bundle ends before byte \(offset): upload it again"
        case .malformed: "this is no bundle, its first 64 KiB or its keys are not those of one: check the path, upload it again"
        case .sealed(let block, let offset): "\(block.text), at byte \(offset) of the bundle, does not open under the bundle's key: upload the bundle again"
        case .altered(let block, let offset): "\(block.text), at byte \(offset) of the bundle, does not match the signed root hash: upload the bundle again"
        }
    }
}
