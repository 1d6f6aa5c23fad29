// Signing keys as files: NAME.key, PKCS#8 in PEM, mode 0600; NAME.pub, the public half in PEM.
import Cryptography
import Signed
import Token

public enum KeyFiles {
    /// Makes NAME.key and NAME.pub. Existing files are kept and refused.
    public static func generate(_ algorithm: SignatureAlgorithm, name: String) throws(Failure) -> PublicKey {
        var secret: [UInt8] = []
        defer { wipe(&secret) }
        let publicKey: PublicKey, open: [UInt8]
        do throws(CryptographyError) {
            let key = try PrivateKey.generate(algorithm)
            secret = try key.pem()
            open = try key.publicKey.pem()
            publicKey = key.publicKey
        } catch { throw Failure(error) }
        try writeFile(name + ".key", secret, secret: true, replacing: false)
        try writeFile(name + ".pub", open, replacing: false)
        return publicKey
    }

    public static func privateKey(_ path: String) throws(Failure) -> PrivateKey {
        var pem = try readFile(path, maximum: PrivateKey.pemMaximum)
        defer { wipe(&pem) }
        do throws(CryptographyError) { return try PrivateKey(pem: pem) } catch { throw Failure(error, path: path) }
    }

    /// The public key in a .pub file, the public half of a .key file, or that of a key in a token (pkcs11: URI).
    public static func publicKey(_ path: String) throws(Failure) -> PublicKey {
        if path.hasPrefix("pkcs11:") {
            do throws(TokenError) { return try TokenKey(uri: path).publicKey } catch { throw Failure(error, path: path) }
        }
        var pem = try readFile(path, maximum: PrivateKey.pemMaximum)
        defer { wipe(&pem) }
        do throws(CryptographyError) {
            if let key = try? PublicKey(pem: pem) { return key }
            return try PrivateKey(pem: pem).publicKey
        } catch { throw Failure(error, path: path) }
    }
}
