// What the TLS tests stand on: certificates made by the openssl command, a server by it, and a wire
// between the two that the test holds in its hands. Loopback only; every wait has an end.
import Cryptography
import Foundation

struct LaboratoryError: Error, CustomStringConvertible { let description: String }

/// Certificates of one run, in a folder of its own: an authority, its server and device, and strangers.
final class Laboratory: Sendable {
    static let shared = try! Laboratory()

    let folder: String
    let deviceKey: [UInt8]
    /// A little ahead, so that it lies within the certificates that are made below.
    let now = Int64(Date().timeIntervalSince1970) + 60

    private init() throws {
        folder = NSTemporaryDirectory() + "penstock-tls-\(getpid())"
        atexit { try? FileManager.default.removeItem(atPath: Laboratory.shared.folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        deviceKey = try PrivateKey.generate(.es256).pem()
        try Data(deviceKey).write(to: URL(fileURLWithPath: folder + "/device.key"))
        for authority in ["ca", "other-ca"] {
            try openssl("ecparam -name prime256v1 -genkey -noout -out \(authority).key")
            try openssl("req -x509 -new -key \(authority).key -subj /CN=\(authority) -days 365 -out \(authority).pem -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign")
        }
        try openssl("ecparam -name prime256v1 -genkey -noout -out server.key")
        try issue("server", by: "ca", "subjectAltName=DNS:broker.test,IP:127.0.0.1\nextendedKeyUsage=serverAuth")
        // The right name, by an authority that merely calls itself like ours.
        try openssl("req -x509 -new -key other-ca.key -subj /CN=ca -days 365 -out mimic-ca.pem -addext basicConstraints=critical,CA:TRUE")
        try openssl("ecparam -name prime256v1 -genkey -noout -out mimic.key")
        try issue("mimic", by: "mimic-ca", key: "other-ca", "subjectAltName=DNS:broker.test\nextendedKeyUsage=serverAuth")
        // A device of the same authority, posing as the server.
        try openssl("ecparam -name prime256v1 -genkey -noout -out posing.key")
        try issue("posing", by: "ca", "subjectAltName=DNS:broker.test\nextendedKeyUsage=clientAuth")
        try issue("device", by: "ca", "extendedKeyUsage=clientAuth")
        try FileManager.default.copyItem(atPath: folder + "/device.key", toPath: folder + "/foreign.key")
        try issue("foreign", by: "other-ca", "extendedKeyUsage=clientAuth")
    }

    private func issue(_ name: String, by authority: String, key: String? = nil, _ extensions: String) throws {
        try Data(extensions.utf8).write(to: URL(fileURLWithPath: folder + "/\(name).ext"))
        try openssl("req -new -key \(name).key -subj /CN=\(name) -out \(name).csr")
        try openssl("x509 -req -in \(name).csr -CA \(authority).pem -CAkey \(key ?? authority).key -set_serial \(abs(name.hashValue)) -days 365 -extfile \(name).ext -out \(name).pem")
        try openssl("x509 -in \(name).pem -outform DER -out \(name).der")
    }

    private func openssl(_ arguments: String) throws {
        let process = Process(), errors = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments.split(separator: " ").map(String.init)
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        (process.standardOutput, process.standardError) = (FileHandle.nullDevice, errors)
        try process.run()
        let complaint = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw LaboratoryError(description: "openssl \(arguments): \(String(decoding: complaint, as: UTF8.self))") }
    }

    func file(_ name: String) -> [UInt8] { [UInt8](FileManager.default.contents(atPath: folder + "/" + name)!) }

    /// What the TPM does on a device.
    func sign(_ digest: Digest) -> [UInt8]? { try? PrivateKey(pem: deviceKey).sign(digest: digest) }

    func configuration(authority: String = "ca.pem", name: String = "broker.test", chain: [String] = ["device.der"], time: Int64? = nil) -> TLSClient.Configuration {
        .init(authorities: file(authority), serverName: name, certificateChain: chain.map(file), timeSeconds: time ?? now)
    }
}

/// `openssl s_server`, which answers each line with the line reversed. Ended with the object.
final class Server {
    let port: UInt16
    private let process = Process(), input = Pipe(), output = Pipe()

    init(certificate: String = "server", _ options: String = "-tls1_3 -Verify 1 -verify_return_error -CAfile ca.pem") throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = ["s_server", "-accept", "127.0.0.1:0", "-cert", certificate + ".pem", "-key", certificate + ".key", "-rev"]
            + options.split(separator: " ").map(String.init)
        process.currentDirectoryURL = URL(fileURLWithPath: Laboratory.shared.folder)
        (process.standardInput, process.standardOutput, process.standardError) = (input, output, FileHandle.nullDevice)
        try process.run()
        var said = ""
        while true {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw LaboratoryError(description: "s_server did not start: \(said)") }
            said += String(decoding: more, as: UTF8.self)
            // The line comes in one piece, its end only with the next.
            guard let line = said.split(separator: "\n").first(where: { $0.hasPrefix("ACCEPT") }),
                  let port = UInt16(line.split(separator: ":").last ?? "") else { continue }
            self.port = port
            return
        }
    }

    deinit {
        // The signal mask of the test's thread is inherited, and blocks the gentler ones.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}

/// The wire: the client's end of a socket pair, and a connection to the server or nobody.
final class Wire {
    /// For the client.
    let client: Int32
    /// Its other end, in the test's hands.
    let near: Int32
    private let far: Int32
    /// All that crossed, both ways.
    private(set) var crossed: [UInt8] = []
    /// Alters what comes from the server; the count is of bytes before.
    var fromServer: ([UInt8], Int) -> [UInt8] = { bytes, _ in bytes }
    private var fromServerCount = 0

    init(_ server: Server?) throws {
        var pair: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0 else {
            throw LaboratoryError(description: "socketpair")
        }
        (client, near) = (pair[0], pair[1])
        guard let server else {
            far = -1
            return
        }
        far = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = server.port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(far, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard result == 0 else { throw LaboratoryError(description: "connect") }
    }

    deinit {
        close(client)
        close(near)
        if far >= 0 { close(far) }
    }

    /// Carries what waits at either end to the other; waits at most 20 ms for something.
    func carry() {
        guard far >= 0 else { return }
        var ends = [pollfd(fd: near, events: Int16(POLLIN), revents: 0), pollfd(fd: far, events: Int16(POLLIN), revents: 0)]
        guard poll(&ends, 2, 20) > 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 65536)
        if ends[0].revents != 0 {
            let count = recv(near, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                crossed += buffer[..<count]
                _ = send(far, buffer, count, Int32(MSG_NOSIGNAL))
            }
        }
        if ends[1].revents != 0 {
            let count = recv(far, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else {
                Glibc.shutdown(near, Int32(SHUT_WR))
                return
            }
            let bytes = fromServer(Array(buffer[..<count]), fromServerCount)
            fromServerCount += count
            crossed += bytes
            _ = send(near, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        }
    }

    /// Bytes to the client, from nobody in particular.
    func inject(_ bytes: [UInt8]) { _ = send(near, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
    func cut() { Glibc.shutdown(near, Int32(SHUT_RDWR)) }
}

extension TLSClient {
    /// Carries the handshake on until it is done, fails, or 5 seconds are over.
    mutating func complete(_ wire: Wire) throws {
        let end = Date() + 5
        while Date() < end {
            if try handshake() == .done { return }
            wire.carry()
        }
        throw LaboratoryError(description: "the handshake took too long")
    }

    /// Sends a line and reads the server's, within 5 seconds.
    mutating func exchange(_ line: String, _ wire: Wire) throws -> String {
        let bytes = Array(line.utf8)
        guard case .count(bytes.count) = try write(bytes.span.bytes) else { throw LaboratoryError(description: "not written") }
        var answer: [UInt8] = []
        let end = Date() + 5
        while Date() < end {
            switch try read() {
            case .bytes(let more):
                answer += more
                if answer.last == 10 { return String(decoding: answer, as: UTF8.self) }
            case .closed: throw LaboratoryError(description: "closed")
            case .wantRead, .wantWrite: wire.carry()
            }
        }
        throw LaboratoryError(description: "no answer")
    }
}
