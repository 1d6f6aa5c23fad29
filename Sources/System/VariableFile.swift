// Files of efivarfs: attributes and data in one write, and the immutable flag, which guards them against rm -rf.
// Trust: none needed; what is written is the caller's.
import Bytes
import CKernel

extension SystemError {
    public var isMissingFile: Bool { errno == ENOENT }
}

/// Replaces a variable as a whole, or makes it.
public func writeVariableFile(_ path: String, _ content: [UInt8]) throws(SystemError) {
    setMutable(path)
    let file = Descriptor(owning: try checked("open \(path)", pk_open(path, O_WRONLY | O_CREAT, 0o600)))
    guard try file.write(content.span.bytes) == content.count else { throw SystemError("write \(path)", EIO) }
}

public func removeVariableFile(_ path: String) throws(SystemError) {
    setMutable(path)
    try checked("unlink \(path)", pk_unlink(path))
}

/// Where there is no flag, or no file yet, the step after it says what is wrong.
private func setMutable(_ path: String) { _ = pk_make_mutable(path) }
