// The HTTPS server that bundles come from: nginx, static files, Range, TLS 1.3. It logs each request
// with its range and the bytes that it sent.

import Foundation
import Glibc

public final class BundleServer: @unchecked Sendable {
    public struct Request: Sendable {
        public let status: Int
        public let path: String
        /// The Range header; empty without one.
        public let range: String
        public let bytesSent: Int
    }

    public let port: UInt16
    /// What lies here is served.
    public var filesFolder: String { folder + "/files" }
    private let folder: String
    private let authority: CertificateAuthority
    private var child: Child?

    public init(authority: CertificateAuthority, identity: Identity, folder: String) throws(RigError) {
        self.folder = folder
        self.authority = authority
        for path in [folder, folder + "/files", folder + "/temporary"] {
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .system("make \(path)", errno) }
        }
        port = try freePort()
        try start(identity)
    }

    public func start(_ identity: Identity) throws(RigError) {
        stop()
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "    \($0)_temp_path \(folder)/temporary/\($0);" }.joined(separator: "\n")
        try write(
            """
            daemon off;
            master_process off;
            pid \(folder)/pid;
            error_log \(folder)/error.log info;
            events { worker_connections 256; }
            http {
                log_format requests '$status $uri $body_bytes_sent $http_range';
                access_log \(folder)/access.log requests;
            \(temporary)
                default_type application/octet-stream;
                server {
                    listen 127.0.0.1:\(port) ssl;
                    ssl_certificate \(identity.certificatePath);
                    ssl_certificate_key \(identity.keyPath ?? "");
                    ssl_protocols TLSv1.3;
                    ssl_client_certificate \(authority.certificatePath);
                    ssl_verify_client optional;
                    root \(folder)/files;
                }
            }

            """, to: folder + "/nginx.conf")
        let child = try Child(
            ["nginx", "-p", folder, "-e", folder + "/error.log", "-c", folder + "/nginx.conf"], package: "nginx-light",
            logPath: folder + "/log")
        self.child = child
        let port = self.port
        try waitUntil("nginx listens", seconds: 10, child) { answers(port) }
    }

    /// Puts a file there under that name; a link where possible, so that large ones cost nothing.
    public func serve(_ path: String, as name: String) throws(RigError) {
        let target = filesFolder + "/" + name
        unlink(target)
        guard link(path, target) == 0 || symlink(path, target) == 0 else { throw .system("link \(target)", errno) }
    }

    /// Puts these bytes there under that name.
    public func serve(_ bytes: [UInt8], as name: String) throws(RigError) {
        let target = filesFolder + "/" + name
        unlink(target)
        guard FileManager.default.createFile(atPath: target, contents: Data(bytes)) else { throw .system("write \(target)", errno) }
    }

    /// All requests so far, oldest first.
    public var requests: [Request] {
        let text = (try? String(contentsOfFile: folder + "/access.log", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
            guard fields.count == 4, let status = Int(fields[0]), let bytes = Int(fields[2]) else { return nil }
            return Request(status: status, path: String(fields[1]), range: fields[3] == "-" ? "" : String(fields[3]), bytesSent: bytes)
        }
    }

    public func stop() {
        child?.end()
        child = nil
    }

    public func end() { stop() }
}
