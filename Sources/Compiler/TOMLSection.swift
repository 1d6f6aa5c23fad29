// A section of a human-edited file, read key by key: what is missing, of the wrong type or unknown is
// refused with the file, the place and what to do.
import TOMLKit

final class TOMLSection {
    let path: String
    /// As it stands in messages: "[disk.partitions]", "line 'inlet-open'"; empty for the file itself.
    let place: String
    private let table: TOMLTable
    private let code: String
    private var asked: [String] = []

    init(_ table: TOMLTable, path: String, place: String = "", code: String) {
        self.table = table
        self.path = path
        self.place = place
        self.code = code
    }

    convenience init(reading path: String, code: String) throws(Failure) {
        let content = try readFile(path, maximum: 1 << 20)
        let table: TOMLTable
        do {
            table = try TOMLTable(string: String(decoding: content, as: UTF8.self))
        } catch let error as TOMLParseError {
            throw Failure(code: code, text: "line \(error.source.begin.line), column \(error.source.begin.column): \(error.description)", path: path)
        } catch {
            throw Failure(code: code, text: "it is no TOML: \(error)", path: path)
        }
        self.init(table, path: path, code: code)
    }

    func refusal(_ key: String, _ reason: String) -> Failure {
        Failure(code: code, text: (place.isEmpty ? "" : "\(place), ") + "'\(key)': \(reason)", path: path)
    }

    func has(_ key: String) -> Bool {
        asked.append(key)
        return table[key] != nil
    }

    func text(_ key: String, or fallback: String? = nil) throws(Failure) -> String {
        guard has(key) else {
            guard let fallback else { throw refusal(key, "is missing: a text in quotes") }
            return fallback
        }
        guard let value = table[key]?.string else { throw refusal(key, "must be a text in quotes") }
        return value
    }

    func integer(_ key: String, _ range: ClosedRange<Int>) throws(Failure) -> Int {
        guard has(key) else { throw refusal(key, "is missing: a whole number from \(range.lowerBound) to \(range.upperBound)") }
        guard let value = table[key]?.int, range.contains(value) else { throw refusal(key, "must be a whole number from \(range.lowerBound) to \(range.upperBound)") }
        return value
    }

    func boolean(_ key: String, or fallback: Bool) throws(Failure) -> Bool {
        guard has(key) else { return fallback }
        guard let value = table[key]?.bool else { throw refusal(key, "must be true or false") }
        return value
    }

    /// One of these words.
    func choice<Value>(_ key: String, _ values: KeyValuePairs<String, Value>, or fallback: Value? = nil) throws(Failure) -> Value {
        let names = values.map { "\"\($0.key)\"" }.joined(separator: ", ")
        guard has(key) else {
            guard let fallback else { throw refusal(key, "is missing: one of \(names)") }
            return fallback
        }
        guard let word = table[key]?.string, let found = values.first(where: { $0.key == word }) else { throw refusal(key, "must be one of \(names)") }
        return found.value
    }

    /// A number of bytes: 65536, or "64 KiB", "32 MiB", "1 GiB".
    func size(_ key: String) throws(Failure) -> Int {
        guard has(key) else { throw refusal(key, "is missing: a size such as \"64 KiB\" or \"32 MiB\"") }
        if let value = table[key]?.int, value >= 0 { return value }
        let words = (table[key]?.string ?? "").split(separator: " ")
        let units = ["B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30]
        guard words.count == 2, let count = Int(words[0]), (0...1 << 30).contains(count), let unit = units[String(words[1])] else {
            throw refusal(key, "must be a size such as \"64 KiB\" or \"32 MiB\", or a number of bytes")
        }
        return count * unit
    }

    /// A list of texts; none if the key is not there.
    func texts(_ key: String) throws(Failure) -> [String] {
        guard has(key) else { return [] }
        let texts = (table[key]?.array).map { $0.map(\.string) } ?? [nil]
        guard !texts.contains(nil) else { throw refusal(key, "must be a list of texts in quotes") }
        return texts.compactMap { $0 }
    }

    func section(_ key: String) throws(Failure) -> TOMLSection {
        guard has(key) else { throw refusal(key, "the section [\(key)] is missing") }
        guard let section = try optionalSection(key) else { throw refusal(key, "must be a section [\(key)]") }
        return section
    }

    func optionalSection(_ key: String) throws(Failure) -> TOMLSection? {
        guard has(key) else { return nil }
        guard let inner = table[key]?.table else { throw refusal(key, "must be a section [\(key)]") }
        return TOMLSection(inner, path: path, place: "[\(place.isEmpty ? "" : place.dropFirst().dropLast() + ".")\(key)]", code: code)
    }

    /// The sections [[key]], in the order of the file.
    func sections(_ key: String) throws(Failure) -> [TOMLSection] {
        guard has(key) else { return [] }
        guard let array = table[key]?.array else { throw refusal(key, "must be sections [[\(key)]], one for each") }
        var sections: [TOMLSection] = []
        for (index, item) in array.enumerated() {
            guard let inner = item.table else { throw refusal(key, "must be sections [[\(key)]], one for each") }
            let name = inner["name"]?.string.map { "\(key) '\($0)'" } ?? "\(key) \(index + 1)"
            sections.append(TOMLSection(inner, path: path, place: name, code: code))
        }
        return sections
    }

    /// Keys that nobody asked for are refused: a misspelt one must not be passed over.
    func end() throws(Failure) {
        for key in table.keys.sorted() where !asked.contains(key) {
            let near = asked.first { $0.lowercased().filter { $0 != "-" && $0 != "_" } == key.lowercased().filter { $0 != "-" && $0 != "_" } }
            throw refusal(key, "is unknown here; " + (near.map { "is it '\($0)'?" } ?? "there are \(asked.joined(separator: ", "))"))
        }
    }
}
