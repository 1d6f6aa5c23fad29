// Why a TLS connection was not made, or ended; each with its code, since people mend certificates by them.
import Bytes
import COpenSSL

public enum TLSError: Error, Equatable {
    /// The configuration: nothing was sent.
    case authorityMalformed
    case serverNameMalformed
    case certificateMalformed(index: Int)
    /// The device's certificate is not for a key on P-256.
    case certificateKey
    case memory
    /// The server's certificate.
    case certificateExpired
    case certificateNotYetValid
    case certificateNameWrong
    case authorityUnknown
    /// Another reason of X.509, by OpenSSL's number (X509_V_ERR_...).
    case certificateRefused(Int)
    /// The server does not speak TLS 1.3, or somebody on the path keeps it from doing so.
    case protocolVersion
    /// What answers does not speak TLS at all.
    case notTLS
    /// The server refuses the device's certificate, by this alert (RFC 8446, 6.2).
    case identityRefused(alert: Int)
    case alert(Int)
    /// The holder of the device's key did not sign.
    case signatureRefused
    /// The connection ended without a goodbye.
    case connectionCut
    case transport(errno: Int32)
    /// Another reason, by OpenSSL's number (SSL_R_...).
    case failed(Int)
}

extension TLSError: Coded {
    public var code: String {
        switch self {
        case .authorityMalformed: "tls-authority-malformed"
        case .serverNameMalformed: "tls-server-name-malformed"
        case .certificateMalformed: "tls-certificate-malformed"
        case .certificateKey: "tls-certificate-key"
        case .memory: "tls-memory"
        case .certificateExpired: "tls-certificate-expired"
        case .certificateNotYetValid: "tls-certificate-not-yet-valid"
        case .certificateNameWrong: "tls-certificate-name-wrong"
        case .authorityUnknown: "tls-authority-unknown"
        case .certificateRefused: "tls-certificate-refused"
        case .protocolVersion: "tls-protocol-version"
        case .notTLS: "tls-not-tls"
        case .identityRefused: "tls-identity-refused"
        case .alert: "tls-alert"
        case .signatureRefused: "tls-signature-refused"
        case .connectionCut: "tls-connection-cut"
        case .transport: "tls-transport"
        case .failed: "tls-failed"
        }
    }

    public var text: String {
        switch self {
        case .authorityMalformed: "the authority is no certificate in PEM or DER; correct it in the commissioning"
        case .serverNameMalformed: "the server's name is neither a host name nor an address; correct it in the commissioning"
        case .certificateMalformed(let index): "certificate \(index + 1) of the device's chain is no certificate in DER; commission the device again"
        case .certificateKey: "the device's certificate is not for a P-256 key, and the TPM's key is one; commission the device again"
        case .memory: "no memory for a connection"
        case .certificateExpired: "the server's certificate has expired; renew it, or correct the device's clock"
        case .certificateNotYetValid: "the server's certificate is not valid yet; is the device's clock behind?"
        case .certificateNameWrong: "the server's certificate is for another name than the one that was asked for; is this the right server, and does its certificate carry the name as subjectAltName?"
        case .authorityUnknown: "the server's certificate is not from the authority that this device was commissioned with"
        case .certificateRefused(let number): "the server's certificate is refused for X.509 reason \(number)"
        case .protocolVersion: "the server does not speak TLS 1.3, the only version that is accepted"
        case .notTLS: "what answers at the server's port does not speak TLS"
        case .identityRefused(let alert): "the server refuses the device's certificate (alert \(alert)); does it know the authority that issued it?"
        case .alert(let alert): "the server ended the connection with alert \(alert)"
        case .signatureRefused: "the device's key did not sign for the connection"
        case .connectionCut: "the connection ended without a goodbye"
        case .transport(let number): "the connection failed with errno \(number)"
        case .failed(let reason): "TLS failed for reason \(reason)"
        }
    }

    /// Of the certificate verification's result (X509_V_ERR_...); nil where it was satisfied.
    init?(verification: Int) {
        switch Int32(truncatingIfNeeded: verification) {
        case X509_V_OK: return nil
        case X509_V_ERR_CERT_HAS_EXPIRED: self = .certificateExpired
        case X509_V_ERR_CERT_NOT_YET_VALID: self = .certificateNotYetValid
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: self = .certificateNameWrong
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
             X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
             X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_CERT_SIGNATURE_FAILURE, X509_V_ERR_CERT_UNTRUSTED:
            self = .authorityUnknown
        default: self = .certificateRefused(verification)
        }
    }

    /// Of the last error of OpenSSL's queue, which is libssl's.
    init(reason: Int) {
        switch Int32(truncatingIfNeeded: reason) {
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, SSL_R_NO_PROTOCOLS_AVAILABLE,
             SSL_R_INAPPROPRIATE_FALLBACK: self = .protocolVersion
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_UNEXPECTED_MESSAGE, SSL_R_BAD_RECORD_TYPE: self = .notTLS
        case SSL_R_UNEXPECTED_EOF_WHILE_READING: self = .connectionCut
        // Alerts are reasons from 1000 on (ssl.h); 42 to 49 and 116 speak of the certificate (RFC 8446, 6.2).
        case 1042...1049, 1116: self = .identityRefused(alert: reason - 1000)
        case 1000...1255: self = .alert(reason - 1000)
        default: self = .failed(reason)
        }
    }
}
