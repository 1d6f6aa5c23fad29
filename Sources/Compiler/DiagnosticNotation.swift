// CBOR for people to read (RFC 8949, 8).
import Bytes

/// Deterministic CBOR as diagnostic notation, a map or an array of several items on lines of their own;
/// nil if it is not exactly one item.
public func diagnosticNotation(_ bytes: [UInt8]) -> String? {
    do throws(CBORError) {
        var check = CBORReader(bytes.span.bytes)
        _ = try check.skip()
        try check.end()
        var reader = CBORReader(bytes.span.bytes)
        return try item(&reader, indent: "")
    } catch { return nil }
}

private func item(_ reader: inout CBORReader, indent: String) throws(CBORError) -> String {
    let inner = indent + "  "
    let most = Int.max / 4
    switch try reader.type() {
    case .unsigned: return String(try reader.unsigned())
    case .negative: return String(try reader.integer())
    case .bytes: return "h'\(hexadecimal(try reader.bytes(maximum: most)))'"
    case .text: return "\"\(try reader.text(maximum: most).replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n"))\""
    case .array:
        var items: [String] = []
        for _ in 0..<(try reader.array(maximum: most)) { items.append(try item(&reader, indent: inner)) }
        return block(items, "[", "]", indent)
    case .map:
        var items: [String] = []
        for _ in 0..<(try reader.map(maximum: most)) {
            let key = try item(&reader, indent: inner)
            items.append("\(key): \(try item(&reader, indent: inner))")
        }
        return block(items, "{", "}", indent)
    case .tag:
        let start = reader.offset
        throw .wrongType(at: start)
    case .simple: return try reader.null() ? "null" : String(try reader.boolean())
    }
}

private func block(_ items: [String], _ open: String, _ close: String, _ indent: String) -> String {
    let line = open + items.joined(separator: ", ") + close
    if line.utf8.count <= 80, !line.contains("\n") { return line }
    return open + "\n" + items.map { indent + "  " + $0 }.joined(separator: ",\n") + "\n" + indent + close
}
