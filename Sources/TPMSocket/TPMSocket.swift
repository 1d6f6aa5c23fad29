// Duty: a TPM behind a Unix socket, as swtpm serves it; for manufacturing on the host and for tests.
// Trust: as module TPM. Must never wait for ever: a silent TPM is a read error after 30 s.
import Glibc
import TPM

/// A connection to the command socket of an swtpm (`--server type=unixio,path=...`).
public struct TPMSocket: TPMTransport, ~Copyable {
    private let descriptor: Int32

    /// - Parameter waitMilliseconds: how long whoever is to serve it may take to listen; the name is there a moment before.
    public init(path: String, waitMilliseconds: Int = 0) throws(TPMError) {
        let end = ContinuousClock.now + .milliseconds(waitMilliseconds)
        while true {
            do throws(TPMError) {
                descriptor = try Self.connected(path)
                return
            } catch {
                guard error == .open(errno: ECONNREFUSED) || error == .open(errno: ENOENT), ContinuousClock.now < end else { throw error }
                usleep(5000)
            }
        }
    }

    private static func connected(_ path: String) throws(TPMError) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw .open(errno: ENAMETOOLONG) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let opened = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard opened >= 0 else { throw .open(errno: errno) }
        var timeout = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(opened, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(opened, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        guard connected == 0 else {
            let reason = errno
            close(opened)
            throw .open(errno: reason)
        }
        return opened
    }

    deinit { close(descriptor) }

    public mutating func exchange(_ command: [UInt8]) throws(TPMError) -> [UInt8] {
        let descriptor = descriptor
        return try streamExchange(command) { (bytes: [UInt8]) throws(TPMError) in
            let count = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            guard count == bytes.count else { throw .write(errno: count < 0 ? errno : EMSGSIZE) }
        } read: { (maximum: Int) throws(TPMError) in
            var buffer = [UInt8](repeating: 0, count: maximum)
            let count = recv(descriptor, &buffer, maximum, 0)
            guard count >= 0 else { throw .read(errno: errno) }
            return Array(buffer[..<count])
        }
    }

    public mutating func pause(milliseconds: Int) { usleep(UInt32(milliseconds) * 1000) }
}
