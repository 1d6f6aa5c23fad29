// Duty: what the host tool makes of human-edited files: keys, key sets, calibrations, boards, bundles,
// images. Shared by penstockctl and the rig. Runs on the maker's machine, never on a device.
// Trust: the files are the maker's own; their mistakes are the rule, so every refusal says what,
// where and what to do.
// Must never write a secret where others can read it, nor leave a half-written file.
import Bytes

/// Why something could not be made or read: a stable code, what and what to do, and the file it concerns.
public struct Failure: Error, Coded, CustomStringConvertible, Sendable {
    public let code: String
    public let text: String
    public let path: String?

    public init(code: String, text: String, path: String? = nil) {
        self.code = code
        self.text = text
        self.path = path
    }

    /// The refusal of a deeper module, with the file that it concerns.
    public init(_ error: some Coded, path: String? = nil) {
        self.init(code: error.code, text: error.text, path: path)
    }

    public var description: String { "\(path.map { $0 + ": " } ?? "")\(text) [\(code)]" }
}
