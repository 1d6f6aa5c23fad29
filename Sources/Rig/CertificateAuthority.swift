// The certificates of one run: an authority that lives in the run's folder and is forgotten with it,
// and another one that nobody should believe. Made with the openssl command, which knows nothing of
// this project.

import Foundation
import Glibc

/// A certificate and, where the rig holds it, its key; PEM files.
public struct Identity: Sendable {
    public let certificatePath: String
    /// Nil for a device, whose key is in its TPM.
    public let keyPath: String?

    public var certificatePEM: String { (try? String(contentsOfFile: certificatePath, encoding: .utf8)) ?? "" }
    /// The certificate in DER.
    public var certificate: [UInt8] { decodePEM(certificatePEM) }
}

/// The bytes between the lines of the first PEM block; empty if there is none.
public func decodePEM(_ text: String) -> [UInt8] {
    let lines = text.split(whereSeparator: \.isNewline)
    guard let first = lines.firstIndex(where: { $0.hasPrefix("-----BEGIN") }),
        let last = lines[first...].firstIndex(where: { $0.hasPrefix("-----END") })
    else { return [] }
    return Array(Data(base64Encoded: lines[(first + 1)..<last].joined()) ?? Data())
}

public struct CertificateAuthority: Sendable {
    public let folder: String
    public let name: String

    public var certificatePath: String { "\(folder)/\(name).pem" }
    private var keyPath: String { "\(folder)/\(name).key" }
    public var certificatePEM: String { (try? String(contentsOfFile: certificatePath, encoding: .utf8)) ?? "" }
    /// The authority's own certificate in DER: what a device pins.
    public var certificate: [UInt8] { decodePEM(certificatePEM) }

    /// Makes a new authority, P-256, self-signed.
    public init(name: String, folder: String) throws(RigError) {
        self.name = name
        self.folder = folder
        try openssl([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256", "-days", "30",
            "-keyout", keyPath, "-out", certificatePath, "-subj", "/CN=\(name)",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        ])
    }

    /// A server that holds these names (and stands on loopback).
    public func server(_ names: [String], file: String, days: Int = 30) throws(RigError) -> Identity {
        let key = try newKey(file)
        let others = names.map { "DNS:\($0)" } + ["IP:127.0.0.1", "IP:::1", "IP:10.0.2.2"]
        return try issue(
            file, publicKeyPath: key.publicPath, keyPath: key.path, commonName: names[0], days: days,
            extensions: ["extendedKeyUsage=serverAuth", "subjectAltName=\(others.joined(separator: ","))"])
    }

    /// A client whose key the rig holds.
    public func client(_ name: String, file: String, days: Int = 30) throws(RigError) -> Identity {
        let key = try newKey(file)
        return try issue(
            file, publicKeyPath: key.publicPath, keyPath: key.path, commonName: name, days: days,
            extensions: ["extendedKeyUsage=clientAuth"])
    }

    /// A device whose key never leaves its TPM: only the public half is known, as PEM
    /// (SubjectPublicKeyInfo), so there is no request that the key could sign.
    public func device(_ name: String, publicKeyPEM: String, file: String, days: Int = 30) throws(RigError) -> Identity {
        let publicPath = "\(folder)/\(file).pub"
        try write(publicKeyPEM, to: publicPath)
        return try issue(
            file, publicKeyPath: publicPath, keyPath: nil, commonName: name, days: days,
            extensions: ["extendedKeyUsage=clientAuth"])
    }

    private func newKey(_ file: String) throws(RigError) -> (path: String, publicPath: String) {
        let path = "\(folder)/\(file).key", publicPath = "\(folder)/\(file).pub"
        try openssl(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path])
        try openssl(["pkey", "-in", path, "-pubout", "-out", publicPath])
        return (path, publicPath)
    }

    private func issue(
        _ file: String, publicKeyPath: String, keyPath: String?, commonName: String, days: Int, extensions: [String]
    ) throws(RigError) -> Identity {
        let certificatePath = "\(folder)/\(file).pem", extensionsPath = "\(folder)/\(file).ext"
        let all = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"] + extensions
        try write(all.joined(separator: "\n") + "\n", to: extensionsPath)
        try openssl([
            "x509", "-new", "-force_pubkey", publicKeyPath, "-subj", "/CN=\(commonName)", "-CA", self.certificatePath,
            "-CAkey", self.keyPath, "-sha256", "-days", "\(days)", "-extfile", extensionsPath, "-out", certificatePath,
        ])
        return Identity(certificatePath: certificatePath, keyPath: keyPath)
    }

    private func openssl(_ arguments: [String]) throws(RigError) {
        try run(["openssl"] + arguments, package: "openssl")
    }
}

/// SubjectPublicKeyInfo in PEM of a P-256 key given as x and y, 32 bytes each (RFC 5480).
public func publicKeyPEM(es256 point: [UInt8]) -> String {
    precondition(point.count == 64)
    let prefix: [UInt8] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D,
        0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ]
    let text = Data(prefix + point).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
    return "-----BEGIN PUBLIC KEY-----\n\(text)\n-----END PUBLIC KEY-----\n"
}
