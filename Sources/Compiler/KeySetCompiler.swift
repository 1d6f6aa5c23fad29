// A key set from its human-edited file.
import Bytes
import Cryptography
import Foundation
import Signed
import TOMLKit

public enum KeySetCompiler {
    /// Reads a file such as
    ///
    ///     version = 1
    ///     [[key]]
    ///     name = "release-1"
    ///     public = "release-1.pub"        # beside this file, or a pkcs11: URI
    ///     purposes = ["manifest", "key-set"]
    ///     [threshold]
    ///     manifest = 1
    ///     key-set = 1
    public static func compile(_ path: String) throws(Failure) -> KeySet {
        let table = try table(path)
        let version = try integer(table, "version", path)
        guard version >= 1 else { throw invalid("'version' must be 1 or more, and ascend with each change", path) }
        try refuseOthers(table, ["version", "key", "threshold"], "the file", path)
        var entries: [KeySet.Entry] = []
        for (index, item) in (table["key"]?.array ?? TOMLArray()).enumerated() {
            guard let key = item.table else { throw invalid("each key is a [[key]] section", path) }
            entries.append(try entry(key, "key \(index + 1)", path))
        }
        var thresholds: [(Purpose, Int)] = []
        let thresholdTable = table["threshold"]?.table ?? TOMLTable()
        for name in thresholdTable.keys.sorted() {
            thresholds.append((try purpose(name, "[threshold]", path), try integer(thresholdTable, name, path)))
        }
        do throws(PayloadError) {
            return try KeySet(version: UInt64(version), entries: entries, thresholds: thresholds)
        } catch { throw Failure(error, path: path) }
    }

    /// Reads a compiled key set: bare, or in a signed object, whose signatures are not looked at.
    public static func read(_ path: String) throws(Failure) -> KeySet {
        let content = try readFile(path, maximum: SignedObject.byteMaximum)
        do throws(PayloadError) {
            if let object = try? SignedObject(content.span.bytes) {
                return try KeySet(decoding: object.unverifiedPayload.span.bytes)
            }
            return try KeySet(decoding: content.span.bytes)
        } catch { throw Failure(error, path: path) }
    }

    private static func table(_ path: String) throws(Failure) -> TOMLTable {
        let content = try readFile(path, maximum: 1 << 20)
        do {
            return try TOMLTable(string: String(decoding: content, as: UTF8.self))
        } catch let error as TOMLParseError {
            throw invalid("line \(error.source.begin.line), column \(error.source.begin.column): \(error.description)", path)
        } catch {
            throw invalid("it is no TOML: \(error)", path)
        }
    }

    private static func entry(_ table: TOMLTable, _ place: String, _ path: String) throws(Failure) -> KeySet.Entry {
        try refuseOthers(table, ["name", "public", "purposes"], place, path)
        guard let name = table["name"]?.string else { throw invalid("\(place) lacks a 'name'", path) }
        guard let file = table["public"]?.string else { throw invalid("\(place) ('\(name)') lacks 'public', the path of its .pub file", path) }
        guard let list = table["purposes"]?.array else { throw invalid("\(place) ('\(name)') lacks 'purposes', such as [\"manifest\"]", path) }
        var purposes: [Purpose] = []
        for item in list {
            guard let text = item.string else { throw invalid("a purpose of '\(name)' is no text", path) }
            let next = try purpose(text, "'\(name)'", path)
            guard !purposes.contains(next) else { throw invalid("'\(name)' has the purpose \(text) twice", path) }
            purposes.append(next)
        }
        let base = URL(fileURLWithPath: path).deletingLastPathComponent()
        let key = try KeyFiles.publicKey(file.hasPrefix("pkcs11:") ? file : URL(fileURLWithPath: file, relativeTo: base).path)
        return KeySet.Entry(name: name, key: key, purposes: purposes)
    }

    private static func purpose(_ name: String, _ place: String, _ path: String) throws(Failure) -> Purpose {
        guard let purpose = Purpose(name: name) else {
            throw invalid("\(place) names the purpose '\(name)'; there are \(Purpose.allCases.map(\.name).joined(separator: ", "))", path)
        }
        return purpose
    }

    private static func integer(_ table: TOMLTable, _ key: String, _ path: String) throws(Failure) -> Int {
        guard let value = table[key]?.int else { throw invalid("'\(key)' is missing or no whole number", path) }
        return value
    }

    private static func refuseOthers(_ table: TOMLTable, _ known: [String], _ place: String, _ path: String) throws(Failure) {
        for key in table.keys.sorted() where !known.contains(key) {
            throw invalid("\(place) has '\(key)', which is unknown; there are \(known.joined(separator: ", "))", path)
        }
    }

    private static func invalid(_ text: String, _ path: String) -> Failure {
        Failure(code: "key-set-file-invalid", text: text, path: path)
    }
}
