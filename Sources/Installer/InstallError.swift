// Every way in which an installation is refused or fails, with a stable code.

import Bytes
import Release
import Signed
import Verity

public enum InstallError: Error, Equatable {
    /// The bundle ends before this offset.
    case truncated(offset: Int)
    /// The server sent more than was asked for, or what was not.
    case oversent
    case malformed(ObjectAreaError)
    case manifest(SignedError)
    case refused(ReleaseRefusal)
    case installerTooOld(needed: UInt32, present: UInt32)
    /// The release's components have no place on this board.
    case layout(LayoutRefusal)
    /// The keys of an encrypted bundle.
    case keys(BundleKeysError)
    /// A block that does not open under the bundle's key; nothing of it was written.
    case blockSealed(VerityBlock, offset: Int)
    /// What was fetched for a block does not lead to the signed root; nothing of it was written.
    case blockAltered(VerityBlock, offset: Int)
    /// What is to be fetched is more than the order allows.
    case downloadLimit(neededBytes: Int, allowedBytes: UInt64)
    /// The slot's storage failed.
    case slot(StoreError)
    /// The slot does not read back as it was written.
    case readBack(VerityError)
    case manifestReadBack
}

extension InstallError: Coded {
    public var code: String {
        switch self {
        case .truncated(let offset): BundleFault.truncated(offset: offset).code
        case .oversent: "bundle-oversent"
        case .malformed(let error): BundleFault.malformed(error).code
        case .manifest(.payload(let error)): error.code == "unsupported" ? "unsupported" : "manifest-" + error.code
        case .manifest(let error): "manifest-" + error.code
        case .refused(let refusal): refusal.code
        case .installerTooOld: "unsupported"
        case .layout(let error): error.code
        case .keys(let error): error.code
        case .blockSealed(let block, let offset): BundleFault.sealed(block, offset: offset).code
        case .blockAltered(let block, let offset): BundleFault.altered(block, offset: offset).code
        case .downloadLimit: "download-limit"
        case .slot(let error): "slot-" + error.code
        case .readBack, .manifestReadBack: "slot-read-back-differs"
        }
    }

    public var text: String {
        switch self {
        case .truncated(let offset): BundleFault.truncated(offset: offset).text
        case .oversent: "the server sent bytes that were not asked for: check that it answers Range rightly"
        case .malformed(let error): BundleFault.malformed(error).text
        case .manifest(let error): "the bundle's manifest was refused: \(error.text)"
        case .refused(let refusal): refusal.text
        case .installerTooOld(let needed, let present):
            "the bundle needs installer version \(needed), this is \(present): install a release in between"
        case .layout(let error): error.text
        case .keys(let error): error.text
        case .blockSealed(let block, let offset): BundleFault.sealed(block, offset: offset).text
        case .blockAltered(let block, let offset): BundleFault.altered(block, offset: offset).text
        case .downloadLimit(let needed, let allowed):
            "at least \(needed) bytes must be fetched, the order allows \(allowed): order it again with a higher limit; what is in the slot stays"
        case .slot(let error): "the slot: \(error.text)"
        case .readBack(let error): "the slot does not read back as it was written: replace the medium (\(error.text))"
        case .manifestReadBack: "the slot's manifest does not read back as it was written: replace the medium"
        }
    }
}
