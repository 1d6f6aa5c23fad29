// Where in a human-edited file a key stands, so that a refusal can point at its line. The parser itself
// keeps no places; this reads headers and keys only, of a file that the parser has already taken.

/// Line numbers, from 1, by path: ["actuator", "0", "feedback", "sensor"], arrays of sections by number.
struct TOMLLines {
    private var numbers: [[String]: Int] = [:]

    init(_ text: String) {
        var section: [String] = []
        var counts: [[String]: Int] = [:]
        var value = ValueScanner()
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.drop { $0 == " " || $0 == "\t" }
            if value.isOpen {
                value.scan(words)
            } else if words.hasPrefix("[") {
                let isList = words.hasPrefix("[[")
                section = Self.resolved(Self.path(words.dropFirst(isList ? 2 : 1)), counts)
                if isList {
                    if numbers[section] == nil { numbers[section] = index + 1 }
                    counts[section, default: -1] += 1
                    section.append(String(counts[section]!))
                }
                if numbers[section] == nil { numbers[section] = index + 1 }
            } else if let equals = words.firstIndex(of: "="), !words.hasPrefix("#") {
                let key = section + Self.path(words[..<equals])
                if numbers[key] == nil { numbers[key] = index + 1 }
                value.scan(words[words.index(after: equals)...])
            }
        }
    }

    /// The line of the key, else of the section that it is missing in; nil for the file itself.
    func number(_ path: [String]) -> Int? {
        var path = path
        while !path.isEmpty {
            if let number = numbers[path] { return number }
            path.removeLast()
        }
        return nil
    }

    /// Dotted keys, bare or quoted, up to a closing bracket.
    private static func path(_ words: Substring) -> [String] {
        var parts = [""]
        var quote: Character?
        for character in words {
            if let open = quote {
                if character == open { quote = nil } else { parts[parts.count - 1].append(character) }
                continue
            }
            switch character {
            case "\"", "'": quote = character
            case ".": parts.append("")
            case " ", "\t", "\r": break
            case "]": return parts
            default: parts[parts.count - 1].append(character)
            }
        }
        return parts
    }

    /// A section under a list belongs to the list's latest item.
    private static func resolved(_ path: [String], _ counts: [[String]: Int]) -> [String] {
        var section: [String] = []
        for (index, part) in path.enumerated() {
            section.append(part)
            if index < path.count - 1, let count = counts[section] { section.append(String(count)) }
        }
        return section
    }
}

/// Follows a value over its lines: brackets, and texts of several lines, in which nothing else counts.
private struct ValueScanner {
    private var depth = 0
    private var quote: String?

    var isOpen: Bool { depth > 0 || quote != nil }

    mutating func scan(_ words: Substring) {
        var rest = words
        while let character = rest.first {
            if let open = quote {
                if rest.hasPrefix(open) {
                    rest.removeFirst(open.count)
                    quote = nil
                    continue
                }
                if character == "\\", open.first == "\"" { rest.removeFirst() }
                if !rest.isEmpty { rest.removeFirst() }
                continue
            }
            if let open = ["\"\"\"", "'''", "\"", "'"].first(where: { rest.hasPrefix($0) }) {
                quote = open
                rest.removeFirst(open.count)
                continue
            }
            if character == "#" { break }
            if character == "[" || character == "{" { depth += 1 }
            if character == "]" || character == "}" { depth -= 1 }
            rest.removeFirst()
        }
        if quote?.count == 1 { quote = nil }
    }
}
