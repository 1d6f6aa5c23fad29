// A section of a human-edited file, read key by key: what is missing, of the wrong type or unknown is
// refused with the file, the line, the place and what to do.
import TOMLKit

final class TOMLSection {
    let path: String
    /// As it stands in messages: "[disk.partitions]", "line 'inlet-open'"; empty for the file itself.
    let place: String
    private let table: TOMLTable
    private let code: String
    private let lines: TOMLLines
    private let address: [String]
    private var asked: [String] = []

    private init(_ table: TOMLTable, path: String, place: String = "", code: String, lines: TOMLLines, address: [String] = []) {
        self.table = table
        self.path = path
        self.place = place
        self.code = code
        self.lines = lines
        self.address = address
    }

    convenience init(reading path: String, code: String) throws(Failure) {
        let content = try readFile(path, maximum: 1 << 20)
        let text = String(decoding: content, as: UTF8.self)
        let table: TOMLTable
        do {
            table = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw Failure(code: code, text: "line \(error.source.begin.line), column \(error.source.begin.column): \(error.description)", path: path)
        } catch {
            throw Failure(code: code, text: "it is no TOML: \(error)", path: path)
        }
        self.init(table, path: path, code: code, lines: TOMLLines(text))
    }

    /// - Parameter key: may be dotted, to point into a section of this one, and may be without its unit.
    func refusal(_ key: String, _ reason: String, code: String? = nil) -> Failure {
        let subject = (place.isEmpty ? "" : place + (key.isEmpty ? ": " : ", ")) + (key.isEmpty ? "" : "'\(key)': ")
        return Failure(code: code ?? self.code, text: (lineNumber(key).map { "line \($0): " } ?? "") + subject + reason, path: path)
    }

    private func lineNumber(_ key: String) -> Int? {
        let parts = key.split(separator: ".").map(String.init)
        var inner = table
        for part in parts.dropLast() {
            guard let found = inner[part]?.table else { break }
            inner = found
        }
        guard let last = parts.last else { return lines.number(address) }
        let written = inner[last] != nil ? last : inner.keys.sorted().first { $0.hasPrefix(last + "-") && KeyUnit.suffixes.contains(String($0.dropFirst(last.count))) }
        return lines.number(address + parts.dropLast() + [written ?? last])
    }

    /// The keys that stand in it.
    var keys: [String] { table.keys }

    func has(_ key: String) -> Bool {
        if !asked.contains(key) { asked.append(key) }
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

    func integer(_ key: String, _ range: ClosedRange<Int>, or fallback: Int? = nil) throws(Failure) -> Int {
        guard has(key) else {
            guard let fallback else { throw refusal(key, "is missing: a whole number from \(range.lowerBound) to \(range.upperBound)") }
            return fallback
        }
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

    /// A number as it is written, whole or with a decimal point.
    func decimal(_ key: String) throws(Failure) -> WrittenNumber {
        guard has(key) else { throw refusal(key, "is missing: a number") }
        guard let value = table[key].flatMap({ Self.decimal($0) }) else { throw refusal(key, "must be a number") }
        return value
    }

    func decimals(_ key: String) throws(Failure) -> [WrittenNumber] {
        guard has(key) else { throw refusal(key, "is missing: a list of numbers") }
        let values = (table[key]?.array).map { $0.map { Self.decimal($0) } } ?? [nil]
        guard !values.contains(nil) else { throw refusal(key, "must be a list of numbers") }
        return values.compactMap { $0 }
    }

    private static func decimal(_ value: any TOMLValueConvertible) -> WrittenNumber? {
        if let whole = value.int { return WrittenNumber(String(whole)) }
        // The shortest text of a number in binary is the one that was written, up to fifteen digits.
        return value.double.flatMap { WrittenNumber(String($0)) }
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
        let name = place.isEmpty ? "[\(key)]" : place.hasSuffix("]") ? "\(place.dropLast()).\(key)]" : "\(place) [\(key)]"
        return TOMLSection(inner, path: path, place: name, code: code, lines: lines, address: address + [key])
    }

    /// The sections [[key]], in the order of the file.
    func sections(_ key: String) throws(Failure) -> [TOMLSection] {
        guard has(key) else { return [] }
        guard let array = table[key]?.array else { throw refusal(key, "must be sections [[\(key)]], one for each") }
        var sections: [TOMLSection] = []
        for (index, item) in array.enumerated() {
            guard let inner = item.table else { throw refusal(key, "must be sections [[\(key)]], one for each") }
            let name = inner["name"]?.string.map { "\(key) '\($0)'" } ?? "\(key) \(index + 1)"
            sections.append(TOMLSection(inner, path: path, place: name, code: code, lines: lines, address: address + [key, String(index)]))
        }
        return sections
    }

    /// Keys that nobody asked for are refused: a misspelt one must not be passed over.
    func end() throws(Failure) {
        for key in table.keys.sorted() where !asked.contains(key) {
            let near = asked.map { (key: $0, distance: editDistance($0, key)) }.min { $0.distance < $1.distance }
            let isNear = near.map { $0.distance <= max(2, key.count / 3) } ?? false
            throw refusal(key, "is unknown here; " + (isNear ? "is it '\(near!.key)'?" : "there are \(asked.joined(separator: ", "))"))
        }
    }
}

/// How many letters must be put in, left out or changed to make one word of the other (Levenshtein).
private func editDistance(_ one: String, _ other: String) -> Int {
    let (a, b) = (Array(one.utf8), Array(other.utf8))
    var row = Array(0...b.count)
    for i in a.indices {
        var diagonal = row[0]
        row[0] = i + 1
        for j in b.indices {
            let change = diagonal + (a[i] == b[j] ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(change, min(row[j], row[j + 1]) + 1)
        }
    }
    return row[b.count]
}
