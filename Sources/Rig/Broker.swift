// The MQTT broker (mosquitto), as a fleet would run it: TLS 1.3 and nothing else, every client with a
// certificate of our authority, every device confined to its own topics.

import CRig
import Foundation
import Glibc

public final class Broker: @unchecked Sendable {
    /// The name under which the rig's own client may do everything.
    public static let operatorName = "rig-operator"

    public let port: UInt16
    public let folder: String
    private let authority: CertificateAuthority
    private var child: Child?

    public init(authority: CertificateAuthority, identity: Identity, folder: String) throws(RigError) {
        self.authority = authority
        self.folder = folder
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw .system("make \(folder)", errno) }
        port = try freePort()
        try start(identity)
    }

    /// Starts it, on the same port as before, with what it kept.
    public func start(_ identity: Identity) throws(RigError) {
        stop()
        // A device publishes under its own name and hears commands for itself alone.
        try write(
            """
            user \(Self.operatorName)
            topic readwrite #
            pattern write penstock/%u/#
            pattern read penstock/%u/command

            """, to: folder + "/acl")
        try write(
            """
            \(geteuid() == 0 ? "user root\n" : "")listener \(port) 127.0.0.1
            cafile \(authority.certificatePath)
            certfile \(identity.certificatePath)
            keyfile \(identity.keyPath ?? "")
            tls_version tlsv1.3
            require_certificate true
            use_identity_as_username true
            allow_anonymous false
            acl_file \(folder)/acl
            persistence true
            persistence_location \(folder)/
            max_queued_messages 100000
            log_dest stderr
            log_type error
            log_type warning
            log_type notice
            log_type information
            log_timestamp_format %s

            """, to: folder + "/mosquitto.conf")
        let child = try Child(["mosquitto", "-c", folder + "/mosquitto.conf"], package: "mosquitto", logPath: folder + "/log")
        self.child = child
        let port = self.port
        try waitUntil("mosquitto listens", seconds: 10, child) { answers(port) }
    }

    /// Ends it politely: it keeps sessions and queued messages on disk.
    public func stop() {
        child?.end()
        child = nil
    }

    public var log: String { (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "" }

    public func end() { stop() }
}

/// Whether something takes connections there.
func answers(_ port: UInt16) -> Bool {
    let fd = rig_connect_tcp(port)
    if fd >= 0 { close(fd) }
    return fd >= 0
}

/// A TCP port of loopback that was free a moment ago.
func freePort() throws(RigError) -> UInt16 {
    var bound: UInt16 = 0
    let fd = rig_listen_tcp(0, 0, &bound)
    guard fd >= 0 else { throw .system("find a free port", errno) }
    close(fd)
    return bound
}
