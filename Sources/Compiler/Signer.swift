// Who signs: a key in a file, or one that never leaves its PKCS#11 token.
import Cryptography
import Foundation
import Signed
import Token

public enum Signer {
    /// The path of a .key file.
    case file(String)
    case token(TokenKey)

    /// - name: the path of a .key file, or a pkcs11: URI (RFC 7512). The PIN is never part of it: it stands in
    ///   the file that pin-source names, or in PENSTOCK_PIN.
    public init(_ name: String) throws(Failure) {
        guard name.hasPrefix("pkcs11:") else {
            self = .file(name)
            return
        }
        do throws(TokenError) { self = .token(try TokenKey(uri: name)) } catch { throw Failure(error, path: name) }
    }

    /// Adds a signature.
    public func sign(_ object: inout SignedObject) throws(Failure) {
        switch self {
        case .file(let path):
            let key = try KeyFiles.privateKey(path)
            do throws(CryptographyError) { try object.sign(with: key) } catch { throw Failure(error, path: path) }
        case .token(let key):
            do throws(TokenError) { object.add(signature: try key.sign(object.toBeSigned(by: key.publicKey)), by: key.publicKey) } catch { throw Failure(error) }
        }
    }
}
