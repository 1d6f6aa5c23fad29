// Text that becomes HTML or SVG: everything that came from outside passes through here.

/// The text with nothing in it that HTML or SVG would obey. Control characters, and those that turn the
/// direction of writing (Unicode UAX 9), are shown as dots: what is read is what stands there.
func escaped(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": out += "&amp;"
        case "<": out += "&lt;"
        case ">": out += "&gt;"
        case "\"": out += "&quot;"
        case "'": out += "&#39;"
        case _ where scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) || (0x200E...0x200F).contains(scalar.value)
            || (0x2028...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value) || scalar.value == 0xFEFF:
            out += "·"
        default: out.unicodeScalars.append(scalar)
        }
    }
    return out
}

/// A coordinate with at most one decimal.
func coordinate(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(Double(tenths) / 10)"
}

/// The text cut to that many characters.
func shortened(_ text: String, _ maximum: Int) -> String {
    text.count <= maximum ? text : text.prefix(max(1, maximum - 1)) + "…"
}
