// Duty: owned descriptors and the calls on them; the one seam to the kernel for the rest of the code.
// Trust: what is read is passed on unread. Must never retry without end or hide an errno.
import Bytes
import CKernel

/// A call of the kernel that failed: which step of ours, and its errno.
public struct SystemError: Error, Coded {
    public let step: String
    public let errno: Int32

    public init(_ step: String, _ errno: Int32) {
        self.step = step
        self.errno = errno
    }

    public var code: String { "system-call" }
    public var text: String { "\(step): \(errorText(errno))" }
    public var wouldBlock: Bool { errno == EAGAIN || errno == EINPROGRESS }
}

/// What strerror(3) says, without a locale.
public func errorText(_ errno: Int32) -> String {
    guard let text = strerror(errno) else { return "errno \(errno)" }
    return String(cString: text)
}

/// Turns a negative errno into an error.
@discardableResult
func checked<T: SignedInteger>(_ step: String, _ result: T) throws(SystemError) -> T {
    guard result >= 0 else { throw SystemError(step, Int32(truncatingIfNeeded: -result)) }
    return result
}

/// How a file or device is opened.
public enum Access: Sendable {
    case read, write, readWrite
    /// Read and write past the page cache's write-back: every write is on the device when it returns.
    case readWriteSynchronous

    var flags: Int32 {
        switch self {
        case .read: O_RDONLY
        case .write: O_WRONLY
        case .readWrite: O_RDWR
        case .readWriteSynchronous: O_RDWR | O_DSYNC
        }
    }
}

/// A descriptor that is closed when its owner goes.
@frozen
public struct Descriptor: ~Copyable {
    public let raw: Int32

    /// Takes over a descriptor that nobody else closes.
    public init(owning raw: Int32) { self.raw = raw }

    public init(opening path: String, _ access: Access, nonblocking: Bool = false) throws(SystemError) {
        raw = try checked("open \(path)", pk_open(path, access.flags | (nonblocking ? O_NONBLOCK : 0), 0))
    }

    deinit { _ = pk_close(raw) }

    /// Gives the number away: the caller closes it, or leaves it open for good.
    public consuming func release() -> Int32 {
        let number = raw
        discard self
        return number
    }

    /// Another number for the same open file; closed over exec.
    public borrowing func duplicate() throws(SystemError) -> Descriptor {
        Descriptor(owning: try checked("dup", pk_dup(raw)))
    }

    /// Size of the file or block device, in bytes.
    public borrowing func size() throws(SystemError) -> UInt64 {
        UInt64(try checked("size", pk_size(raw)))
    }

    /// Reads up to `maximum` bytes at the current position; empty at the end.
    public borrowing func read(maximum: Int) throws(SystemError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: maximum)
        let raw = self.raw
        let count = try checked("read", buffer.withUnsafeMutableBytes { b in
            restarting { pk_read(raw, b.baseAddress, b.count) }
        })
        buffer.removeLast(maximum - count)
        return buffer
    }

    /// Fills the whole array from `offset`; the end of the file before that is an error (EIO).
    public borrowing func read(into buffer: inout [UInt8], at offset: UInt64) throws(SystemError) {
        let raw = self.raw
        var done = 0
        while done < buffer.count {
            let from = done
            let count = try checked("pread", buffer.withUnsafeMutableBytes { b in
                restarting { pk_pread(raw, b.baseAddress! + from, b.count - from, Int64(offset) + Int64(from)) }
            })
            guard count > 0 else { throw SystemError("pread past the end", EIO) }
            done += count
        }
    }

    public borrowing func read(count: Int, at offset: UInt64) throws(SystemError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        try read(into: &buffer, at: offset)
        return buffer
    }

    /// Writes all bytes at `offset`.
    public borrowing func write(_ bytes: RawSpan, at offset: UInt64) throws(SystemError) {
        let raw = self.raw
        var done = 0
        while done < bytes.byteCount {
            let from = done
            let count = try checked("pwrite", bytes.withUnsafeBytes { b in
                restarting { pk_pwrite(raw, b.baseAddress! + from, b.count - from, Int64(offset) + Int64(from)) }
            })
            guard count > 0 else { throw SystemError("pwrite", EIO) }
            done += count
        }
    }

    /// Writes what the file takes now; the count of bytes taken.
    public borrowing func write(_ bytes: RawSpan) throws(SystemError) -> Int {
        let raw = self.raw
        return try checked("write", bytes.withUnsafeBytes { b in
            restarting { pk_write(raw, b.baseAddress, b.count) }
        })
    }

    public borrowing func synchronize() throws(SystemError) {
        try checked("fdatasync", pk_fdatasync(raw))
    }

    /// Drops the cached pages of a block device, so that a read-back comes from the device.
    public borrowing func dropCache() { _ = pk_drop_cache(raw) }
}

/// What a file begins with, into memory of the caller's, which it need not fill; allocates nothing.
public func readStart(of descriptor: Int32, into buffer: inout MutableRawSpan) throws(SystemError) -> Int {
    try checked("pread", buffer.withUnsafeMutableBytes { b in restarting { pk_pread(descriptor, b.baseAddress, b.count, 0) } })
}

/// Whether a descriptor stays open when this process is replaced.
public func keepOverExec(_ descriptor: Int32, _ keep: Bool) throws(SystemError) {
    try checked("fcntl", pk_keep_over_exec(descriptor, keep ? 1 : 0))
}

/// Repeats a call that a signal interrupted, up to a bound.
func restarting(_ call: () -> Int) -> Int {
    var result = call()
    for _ in 0..<64 where result == -Int(EINTR) { result = call() }
    return result
}

/// The whole of a small file.
public func readFile(_ path: String, maximum: Int) throws(SystemError) -> [UInt8] {
    let content = try readStart(of: path, maximum: maximum + 1)
    guard content.count <= maximum else { throw SystemError("\(path) is larger than \(maximum) bytes", EFBIG) }
    return content
}

/// A file up to so many bytes.
public func readStart(of path: String, maximum: Int) throws(SystemError) -> [UInt8] {
    let file = try Descriptor(opening: path, .read)
    var content: [UInt8] = []
    while content.count < maximum {
        let part = try file.read(maximum: min(4096, maximum - content.count))
        if part.isEmpty { break }
        content += part
    }
    return content
}
