// Duty: signs with a key that never leaves its PKCS#11 token (a smart card, an HSM, SoftHSM). Host only.
// Trust: the token's module is the maker's; what it signs is verified before it is used.
// Must never take the PIN from the command line, print it, or keep it longer than a call.
//
// The token's module is called directly: the engine of Debian 12 (libp11 0.4.12) knows no Ed25519, and finds no
// key at all in a token that holds one; a provider for OpenSSL 3 is not in Debian 12. OpenSSL still makes
// the digest, and verifies each signature that came of a token.
import Bytes
import CToken
import Cryptography
import Foundation

/// Why a token did not sign.
public enum TokenError: Error, Coded, Equatable {
    case uri(String)
    case pin(String)
    /// The step that failed, with the token's own number for the reason (CKR_...), 0 if it gave none.
    case failed(UInt32, reason: UInt)
    /// What the token made is no signature of its key.
    case signatureWrong

    public var code: String {
        switch self {
        case .uri: "token-uri-unfit"
        case .pin: "token-pin-missing"
        case .failed(let step, _):
            switch penstock_token_step(rawValue: step) {
            case PENSTOCK_TOKEN_MODULE: "token-module"
            case PENSTOCK_TOKEN_TOKEN: "token-missing"
            case PENSTOCK_TOKEN_LOGIN: "token-login"
            case PENSTOCK_TOKEN_OBJECT, PENSTOCK_TOKEN_PUBLIC: "token-key-missing"
            case PENSTOCK_TOKEN_ALGORITHM: "token-key-algorithm"
            default: "token-sign"
            }
        case .signatureWrong: "token-signature-wrong"
        }
    }

    public var text: String {
        switch self {
        case .uri(let what): "the PKCS#11 URI \(what); it looks like pkcs11:token=LABEL;object=LABEL?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:PIN-FILE"
        case .pin(let what): "the token's PIN \(what): name a file with pin-source=file:PATH in the URI, or set PENSTOCK_PIN"
        case .failed(let step, let reason):
            Self.sentence(step) + (reason == 0 ? "" : " (the token says 0x\(String(reason, radix: 16)))")
        case .signatureWrong: "the token's signature does not hold under its public key: is the key pair whole?"
        }
    }

    private static func sentence(_ step: UInt32) -> String {
        switch penstock_token_step(rawValue: step) {
        case PENSTOCK_TOKEN_MODULE: "the token's module could not be loaded: check module-path"
        case PENSTOCK_TOKEN_TOKEN: "there is no token with this label, or more than one: look with pkcs11-tool --list-token-slots"
        case PENSTOCK_TOKEN_LOGIN: "the token refuses the PIN"
        case PENSTOCK_TOKEN_OBJECT: "the token has no private key with this label, or more than one: look with pkcs11-tool --list-objects --login"
        case PENSTOCK_TOKEN_PUBLIC: "the token has no public key with this label, or more than one"
        case PENSTOCK_TOKEN_ALGORITHM: "the token's key is neither P-256 nor Ed25519"
        default: "the token did not sign"
        }
    }
}

/// A key by its URI (RFC 7512).
public struct TokenKey: Sendable {
    private let module: String, token: String, object: String
    private let pinFile: String?
    public let publicKey: PublicKey

    /// Asks the token for the public key.
    public init(uri: String) throws(TokenError) {
        let parts = try Self.attributes(uri)
        guard let token = parts["token"] else { throw .uri("names no token") }
        guard let object = parts["object"] else { throw .uri("names no object") }
        guard let module = parts["module-path"] ?? ProcessInfo.processInfo.environment["PENSTOCK_PKCS11_MODULE"] else {
            throw .uri("has no module-path, and PENSTOCK_PKCS11_MODULE is not set")
        }
        let source = parts["pin-source"]
        guard source?.hasPrefix("file:") != false else { throw .uri("has a pin-source that is no file:") }
        (self.module, self.token, self.object) = (module, token, object)
        pinFile = source.map { String($0.dropFirst(5)) }
        var key = [UInt8](repeating: 0, count: 64), count = 0
        try Self.call(module, token, object, pinFile) { place, reason in penstock_token_public(place, &key, &count, reason) }
        do throws(CryptographyError) {
            publicKey = try PublicKey(count == 64 ? .es256 : .ed25519, [UInt8](key[..<count]))
        } catch { throw .failed(PENSTOCK_TOKEN_PUBLIC.rawValue, reason: 0) }
    }

    /// 64 bytes: r||s for ES256.
    public func sign(_ message: [UInt8]) throws(TokenError) -> [UInt8] {
        let input = publicKey.algorithm == .es256 ? SHA256.hash(message).bytes : message
        var signature = [UInt8](repeating: 0, count: 64)
        try Self.call(module, token, object, pinFile) { place, reason in penstock_token_sign(place, input, input.count, &signature, reason) }
        guard publicKey.verify(signature: signature, message: message.span.bytes) else { throw .signatureWrong }
        return signature
    }

    private static func call(
        _ module: String, _ token: String, _ object: String, _ pinFile: String?,
        _ work: (UnsafePointer<penstock_token>, UnsafeMutablePointer<UInt>) -> penstock_token_step
    ) throws(TokenError) {
        var pin = try readPIN(pinFile)
        defer { wipe(&pin) }
        var reason: UInt = 0
        let step = module.withCString { module in
            token.withCString { token in
                object.withCString { object in
                    pin.withUnsafeBufferPointer { pin in
                        var place = penstock_token(module: module, token: token, object: object, pin: pin.baseAddress, pin_count: pin.count)
                        return work(&place, &reason)
                    }
                }
            }
        }
        guard step == PENSTOCK_TOKEN_DONE else { throw .failed(step.rawValue, reason: reason) }
    }

    /// Of the file, without the end of its line; else of the environment.
    private static func readPIN(_ file: String?) throws(TokenError) -> [UInt8] {
        var pin: [UInt8]
        if let file {
            guard let content = FileManager.default.contents(atPath: file), content.count <= 256 else { throw .pin("could not be read from its file") }
            pin = [UInt8](content)
        } else {
            guard let value = ProcessInfo.processInfo.environment["PENSTOCK_PIN"] else { throw .pin("is not given") }
            pin = Array(value.utf8)
        }
        while let last = pin.last, last == 0x0A || last == 0x0D { pin.removeLast() }
        guard !pin.isEmpty else { throw .pin("is empty") }
        return pin
    }

    private static func attributes(_ uri: String) throws(TokenError) -> [String: String] {
        guard uri.hasPrefix("pkcs11:") else { throw .uri("does not begin with pkcs11:") }
        var found: [String: String] = [:]
        for part in uri.dropFirst(7).split(whereSeparator: { ";?&".contains($0) }) {
            let pair = part.split(separator: "=", maxSplits: 1).map { String($0).removingPercentEncoding }
            guard pair.count == 2, let name = pair[0], let value = pair[1], found[name] == nil else { throw .uri("has an attribute that is none, or twice") }
            guard name != "pin-value" else { throw .uri("has the PIN in it, where every user of this machine can read it") }
            guard ["token", "object", "module-path", "pin-source", "type"].contains(name) else { throw .uri("has '\(name)', which is not known here") }
            found[name] = value
        }
        return found
    }
}
