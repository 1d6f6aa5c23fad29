// The client side of TLS 1.3 (RFC 8446) over a socket that the caller owns and that does not block.
// Trust: the server is anybody until its certificate chain ends in the given authority, for the given
// name, at the given time; the system's clock, trust store and configuration are never asked.
// The private key is not here: whoever holds it is asked for one signature in the handshake.
import Bytes
import COpenSSL

public struct TLSClient: ~Copyable {
    /// Bytes of certificates that are read from a server.
    public static let certificatesMaximum = 16_384
    /// Bytes that `read` returns at most: the plaintext of one record (RFC 8446, 5.1).
    public static let readMaximum = 16_384
    /// Certificates of the device's own chain.
    public static let chainMaximum = 4
    public static let serverNameMaximum = 253

    public struct Configuration: Sendable {
        /// The certificates that may have issued the server's: PEM, one or several, or one in DER.
        public var authorities: [UInt8]
        /// A host name or an IP address, as it must stand in the server's certificate (subjectAltName).
        public var serverName: String
        /// The device's certificate and what leads from it to its authority, DER each; may be empty.
        public var certificateChain: [[UInt8]]
        /// The time at which certificates are checked, in seconds since 1970.
        public var timeSeconds: Int64
        /// ALPN (RFC 7301), such as "mqtt" or "http/1.1".
        public var applicationProtocol: String?

        public init(authorities: [UInt8], serverName: String, certificateChain: [[UInt8]] = [], timeSeconds: Int64,
                    applicationProtocol: String? = nil) {
            self.authorities = authorities
            self.serverName = serverName
            self.certificateChain = certificateChain
            self.timeSeconds = timeSeconds
            self.applicationProtocol = applicationProtocol
        }
    }

    /// What the handshake waits for. Poll the descriptor for it, with a deadline, and call again.
    public enum Progress: Equatable, Sendable { case done, wantRead, wantWrite }

    public enum Received: Equatable, Sendable {
        case bytes([UInt8])
        case wantRead, wantWrite
        /// The server said goodbye.
        case closed
    }

    public enum Sent: Equatable, Sendable {
        /// So many of the bytes were taken, at least one; give the rest again.
        case count(Int)
        /// None was taken; give the same bytes again.
        case wantRead, wantWrite
    }

    private let handles: Handles
    private let signing: Signing

    /// Sends nothing yet.
    /// - Parameters:
    ///   - descriptor: a connected stream socket that does not block; stays the caller's, and must outlive this.
    ///   - signer: signs a SHA-256 digest with the key of the device's certificate: 64 bytes, r||s; nil if
    ///     it can't. It is called within `handshake`, once, and may block; bound its time.
    public init(_ configuration: Configuration, descriptor: Int32, signer: @escaping (Digest) -> [UInt8]?) throws(TLSError) {
        let handles = try Handles()
        let signing = Signing(signer)
        try handles.restrict(timeSeconds: configuration.timeSeconds)
        try handles.trust(configuration.authorities)
        try handles.identify(configuration.certificateChain, signing)
        try handles.open(configuration, descriptor)
        self.handles = handles
        self.signing = signing
    }

    /// Goes on with the handshake as far as it comes without blocking.
    public mutating func handshake() throws(TLSError) -> Progress {
        penstock_tls_forget()
        let result = SSL_do_handshake(handles.session)
        guard result == 1 else {
            switch try outcome(result) {
            case .wantRead: return .wantRead
            case .wantWrite: return .wantWrite
            case .closed: throw .connectionCut
            }
        }
        // OpenSSL has seen to both. Refuse all the same, should a change here have let one slip.
        guard SSL_version(handles.session) == TLS1_3_VERSION else { throw .protocolVersion }
        if let refusal = TLSError(verification: SSL_get_verify_result(handles.session)) { throw refusal }
        return .done
    }

    /// What has arrived, at most `maximum` bytes. A server that refuses the device's certificate is heard
    /// of here: in TLS 1.3 the client is done with the handshake before the server has looked.
    public mutating func read(maximum: Int = readMaximum) throws(TLSError) -> Received {
        penstock_tls_forget()
        var result: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: min(maximum, Self.readMaximum)) { buffer, count in
            result = SSL_read(handles.session, buffer.baseAddress, Int32(buffer.count))
            count = max(0, Int(result))
        }
        guard result <= 0 else { return .bytes(bytes) }
        switch try outcome(result) {
        case .wantRead: return .wantRead
        case .wantWrite: return .wantWrite
        case .closed: return .closed
        }
    }

    public mutating func write(_ bytes: RawSpan) throws(TLSError) -> Sent {
        guard bytes.byteCount > 0 else { return .count(0) }
        penstock_tls_forget()
        let result = bytes.withUnsafeBytes { SSL_write(handles.session, $0.baseAddress, Int32(min($0.count, Self.readMaximum))) }
        guard result <= 0 else { return .count(Int(result)) }
        switch try outcome(result) {
        case .wantRead: return .wantRead
        case .wantWrite: return .wantWrite
        case .closed: throw .connectionCut
        }
    }

    /// Says goodbye, as far as that goes without blocking. Don't read or write afterwards.
    public mutating func shutdown() {
        ERR_clear_error()
        _ = SSL_shutdown(handles.session)
        ERR_clear_error()
    }

    private enum Outcome { case wantRead, wantWrite, closed }

    /// What a call that did not succeed means.
    private func outcome(_ result: Int32) throws(TLSError) -> Outcome {
        let number = penstock_errno()
        let error = SSL_get_error(handles.session, result)
        defer { ERR_clear_error() }
        switch error {
        case SSL_ERROR_WANT_READ: return .wantRead
        case SSL_ERROR_WANT_WRITE: return .wantWrite
        case SSL_ERROR_ZERO_RETURN: return .closed
        case SSL_ERROR_SYSCALL: throw number == 0 ? .connectionCut : .transport(errno: number)
        default: break
        }
        if signing.isRefused { throw .signatureRefused }
        if let refusal = TLSError(verification: SSL_get_verify_result(handles.session)) { throw refusal }
        throw TLSError(reason: Int(penstock_tls_reason()))
    }
}

/// The closure that signs, where C can find it.
private final class Signing {
    let signer: (Digest) -> [UInt8]?
    private(set) var isRefused = false
    /// Read by OpenSSL as long as the key lives; at an address of its own.
    let record: UnsafeMutablePointer<penstock_signing>

    init(_ signer: @escaping (Digest) -> [UInt8]?) {
        self.signer = signer
        record = .allocate(capacity: 1)
        record.initialize(to: penstock_signing())
        // Unretained: TLSClient holds this for as long as the session that calls it.
        record.pointee.context = Unmanaged.passUnretained(self).toOpaque()
        record.pointee.signer = { context, digest, raw in
            Unmanaged<Signing>.fromOpaque(context!).takeUnretainedValue().sign(digest!, raw!)
        }
    }

    deinit { record.deallocate() }

    private func sign(_ digest: UnsafePointer<UInt8>, _ raw: UnsafeMutablePointer<UInt8>) -> Int32 {
        let digest = Digest([UInt8](UnsafeBufferPointer(start: digest, count: Digest.byteCount)))!
        guard let signature = signer(digest), signature.count == PublicKey.signatureCount else {
            isRefused = true
            return 0
        }
        for i in signature.indices { raw[i] = signature[i] }
        return 1
    }
}

/// OpenSSL's objects, freed together.
// A class: Embedded Swift 6.3 cannot see the deinit of a private non-copyable field in another module.
private final class Handles {
    let context: OpaquePointer
    let session: OpaquePointer
    let socketMethod: OpaquePointer
    let signingMethod: OpaquePointer

    init() throws(TLSError) {
        let context = SSL_CTX_new(TLS_client_method())
        let socketMethod = penstock_socket_method(), signingMethod = penstock_signing_method()
        guard let context, let session = SSL_new(context), let socketMethod, let signingMethod else {
            SSL_CTX_free(context)
            BIO_meth_free(socketMethod)
            EC_KEY_METHOD_free(signingMethod)
            throw .memory
        }
        self.context = context
        self.session = session
        self.socketMethod = socketMethod
        self.signingMethod = signingMethod
    }

    deinit {
        SSL_free(session)
        SSL_CTX_free(context)
        BIO_meth_free(socketMethod)
        EC_KEY_METHOD_free(signingMethod)
    }
}

// How a session is set up: all of the policy.
extension Handles {
    /// TLS 1.3 alone, few algorithms, little memory, certificates checked at the given time.
    func restrict(timeSeconds: Int64) throws(TLSError) {
        guard penstock_tls_version(session, TLS1_3_VERSION) == 1,
              penstock_tls_algorithms(session, "X25519:P-256", "ECDSA+SHA256:ECDSA+SHA384:ed25519:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA+SHA256") == 1
        else { throw .memory }
        penstock_tls_small(session, TLSClient.certificatesMaximum)
        penstock_tls_verification(session, timeSeconds)
    }

    func trust(_ authorities: [UInt8]) throws(TLSError) {
        guard authorities.count <= TLSClient.certificatesMaximum,
              penstock_authorities(context, authorities, authorities.count) > 0 else { throw .authorityMalformed }
    }

    /// The device's certificate, with a key that signs elsewhere, and its chain.
    func identify(_ chain: [[UInt8]], _ signing: Signing) throws(TLSError) {
        guard chain.count <= TLSClient.chainMaximum else { throw .certificateMalformed(index: TLSClient.chainMaximum) }
        for index in chain.indices {
            guard let certificate = penstock_certificate(chain[index], chain[index].count) else {
                ERR_clear_error()
                throw .certificateMalformed(index: index)
            }
            defer { X509_free(certificate) }
            guard index == 0 else {
                guard penstock_tls_chain(session, certificate) == 1 else { throw .certificateMalformed(index: index) }
                continue
            }
            guard let key = penstock_signing_key(certificate, signingMethod, signing.record) else { throw .certificateKey }
            defer { EVP_PKEY_free(key) }
            guard SSL_use_certificate(session, certificate) == 1, SSL_use_PrivateKey(session, key) == 1 else { throw .certificateKey }
        }
    }

    func open(_ configuration: TLSClient.Configuration, _ descriptor: Int32) throws(TLSError) {
        let name = configuration.serverName
        // An empty name would switch the check off; a zero would cut it short.
        guard (1...TLSClient.serverNameMaximum).contains(name.utf8.count), name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
              penstock_tls_name(session, name) == 1 else { throw .serverNameMalformed }
        if let proto = configuration.applicationProtocol {
            precondition((1...255).contains(proto.utf8.count))
            let list = [UInt8(proto.utf8.count)] + Array(proto.utf8)
            guard SSL_set_alpn_protos(session, list, UInt32(list.count)) == 0 else { throw .memory }
        }
        guard penstock_tls_attach(session, socketMethod, descriptor) == 1 else { throw .memory }
        SSL_set_connect_state(session)
    }
}
