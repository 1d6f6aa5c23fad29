// The marks that a picture is made of (SVG 1.1), in colours for light and for dark surroundings. Words never
// leave the room that they are given: longer ones are cut, and told whole to whoever points at them.

enum Colour: String, CaseIterable {
    case paper, panel, ink, soft, faint, green, red, blue, amber, violet, greenWash, redWash, blueWash

    /// On light paper and on dark.
    private var pair: (String, String) {
        switch self {
        case .paper: ("#ffffff", "#12171c")
        case .panel: ("#f5f7f9", "#1a2027")
        case .ink: ("#1b2530", "#e8edf2")
        case .soft: ("#566473", "#9fabb8")
        case .faint: ("#dbe2e9", "#2e3742")
        case .green: ("#2c7a69", "#56b8a4")
        case .red: ("#bf412b", "#f08069")
        case .blue: ("#2a61a8", "#79aeee")
        case .amber: ("#a5670c", "#e2ac50")
        case .violet: ("#7350aa", "#b79ceb")
        case .greenWash: ("#e4f1ee", "#1a302c")
        case .redWash: ("#fbecea", "#321f1d")
        case .blueWash: ("#d9e5f4", "#1f3045")
        }
    }

    static var style: String {
        let rules = { (dark: Bool) in
            allCases.map { colour in
                let value = dark ? colour.pair.1 : colour.pair.0
                return ".f-\(colour.rawValue){fill:\(value)}.s-\(colour.rawValue){stroke:\(value)}"
            }.joined()
        }
        return "\(rules(false))@media (prefers-color-scheme:dark){\(rules(true))}"
    }
}

struct Drawing {
    static let width = 1200.0
    static let left = 40.0
    static let right = width - left
    private var body = ""
    /// Where the next part begins.
    var y = 0.0

    func svg(title: String) -> String {
        let size = "\(Self.number(Self.width)) \(Self.number(y))"
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(size)" width="\(Self.number(Self.width))" font-family="system-ui, 'Helvetica Neue', Arial, sans-serif" font-size="13">
            <title>\(Self.escaped(title))</title>
            <style>\(Colour.style)</style>
            <rect width="100%" height="100%" class="f-paper"/>
            \(body)</svg>

            """
    }

    enum Anchor: String { case start, middle, end }

    /// - Parameter room: pixels; longer words are cut.
    mutating func text(
        _ x: Double, _ y: Double, _ words: String, size: Double = 13, _ colour: Colour = .ink, anchor: Anchor = .start, bold: Bool = false,
        room: Double = .infinity, turned degrees: Double = 0
    ) {
        let shown = Self.cut(words, size: size, bold: bold, room: room)
        let told = shown == words ? "" : "<title>\(Self.escaped(words))</title>"
        let turn = degrees == 0 ? "" : " transform=\"rotate(\(Self.number(degrees)) \(Self.number(x)) \(Self.number(y)))\""
        let weight = bold ? " font-weight=\"600\"" : ""
        let side = anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\""
        body += "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" font-size=\"\(Self.number(size))\" class=\"f-\(colour.rawValue)\"\(side)\(weight)\(turn)>\(told)\(Self.escaped(shown))</text>\n"
    }

    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: Colour, _ width: Double = 1, dash: String = "") {
        let dashes = dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\""
        body += "<line x1=\"\(Self.number(x1))\" y1=\"\(Self.number(y1))\" x2=\"\(Self.number(x2))\" y2=\"\(Self.number(y2))\" class=\"s-\(colour.rawValue)\" stroke-width=\"\(Self.number(width))\"\(dashes)/>\n"
    }

    mutating func rect(_ x: Double, _ y: Double, _ width: Double, _ height: Double, _ colour: Colour, radius: Double = 0, outline: Bool = false, dash: String = "") {
        let paint = outline ? "fill=\"none\" class=\"s-\(colour.rawValue)\" stroke-width=\"1.5\"" : "class=\"f-\(colour.rawValue)\""
        let dashes = dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\""
        body += "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(max(width, 0)))\" height=\"\(Self.number(max(height, 0)))\" rx=\"\(Self.number(radius))\" \(paint)\(dashes)/>\n"
    }

    mutating func circle(_ x: Double, _ y: Double, _ radius: Double, _ colour: Colour, outline: Bool = false) {
        let paint = outline ? "fill=\"none\" class=\"s-\(colour.rawValue)\" stroke-width=\"2\"" : "class=\"f-\(colour.rawValue)\""
        body += "<circle cx=\"\(Self.number(x))\" cy=\"\(Self.number(y))\" r=\"\(Self.number(radius))\" \(paint)/>\n"
    }

    mutating func polygon(_ points: [(Double, Double)], _ colour: Colour, opacity: Double = 1) {
        body += "<polygon points=\"\(Self.list(points))\" class=\"f-\(colour.rawValue)\"\(opacity == 1 ? "" : " opacity=\"\(opacity)\"")/>\n"
    }

    mutating func path(_ points: [(Double, Double)], _ colour: Colour, _ width: Double = 2.5, dash: String = "") {
        let dashes = dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\""
        body += "<polyline points=\"\(Self.list(points))\" fill=\"none\" class=\"s-\(colour.rawValue)\" stroke-width=\"\(Self.number(width))\" stroke-linejoin=\"round\" stroke-linecap=\"round\"\(dashes)/>\n"
    }

    // MARK: composed marks

    mutating func heading(_ words: String, _ explanation: String) {
        line(Self.left, y, Self.right, y, .faint)
        text(Self.left, y + 34, words, size: 19, bold: true)
        text(Self.left, y + 54, explanation, size: 12, .soft, room: Self.right - Self.left)
        y += 76
    }

    /// A word in a rounded frame that ends at `right`; returns where it begins.
    mutating func pill(endingAt right: Double, _ y: Double, _ words: String, _ colour: Colour) -> Double {
        let width = Self.measure(words, size: 10.5) + 14
        rect(right - width, y - 12, width, 16, colour, radius: 8, outline: true)
        text(right - width / 2, y, words, size: 10.5, colour, anchor: .middle)
        return right - width
    }

    // MARK: measures

    /// The width of words in a wide sans-serif face; no usual one is wider.
    static func measure(_ words: String, size: Double, bold: Bool = false) -> Double {
        var em = 0.0
        for character in words {
            let share: Double = switch character {
            case "i", "j", "l", "|", "!", ".", ",", ":", ";", "'", " ", "·": 0.33
            case "f", "t", "r", "-", "(", ")", "/", "I", "[", "]", "\"": 0.41
            case "m", "w", "M", "W", "%", "…", "—", "→": 0.98
            case "A"..."Z", "+", "<", ">", "=", "≥", "≤": 0.78
            default: 0.64
            }
            em += share
        }
        return em * size * (bold ? 1.09 : 1)
    }

    /// Words on several lines, broken at spaces; what is too much for the last one is left on it, to be cut.
    static func wrapped(_ words: String, size: Double, room: Double, lines: Int) -> [String] {
        var made: [String] = [""]
        for word in words.split(separator: " ") {
            let longer = made.last!.isEmpty ? String(word) : made.last! + " " + word
            if made.count < lines, !made.last!.isEmpty, measure(longer, size: size) > room { made.append(String(word)) } else { made[made.count - 1] = longer }
        }
        return made
    }

    private static func cut(_ words: String, size: Double, bold: Bool, room: Double) -> String {
        if room == .infinity || measure(words, size: size, bold: bold) <= room { return words }
        var shown = words
        while !shown.isEmpty, measure(shown + "…", size: size, bold: bold) > room { shown.removeLast() }
        return shown + "…"
    }

    private static func list(_ points: [(Double, Double)]) -> String { points.map { number($0.0) + "," + number($0.1) }.joined(separator: " ") }

    private static func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(Double(tenths) / 10)"
    }

    private static func escaped(_ words: String) -> String {
        words.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
    }
}
