// What every subcommand shares: --json, the report of success, the report of failure, exit codes,
// progress.
import ArgumentParser
import Bytes
import Compiler
import Foundation
import Signed

struct OutputOptions: ParsableArguments {
    @Flag(help: "Print one JSON object, for scripts; failures too: {\"error\": {\"code\", \"text\", \"path\"}}.")
    var json = false
}

/// A subcommand that reports. Give an `@OptionGroup var output: OutputOptions` and `execute`;
/// any `Coded` error thrown from it is printed with its code, and ends with its exit code.
protocol Subcommand: ParsableCommand {
    var output: OutputOptions { get }
    func execute() throws -> Report
}

extension Subcommand {
    func run() throws {
        do {
            let report = try execute()
            print(output.json ? JSON.object(report.fields).text : report.lines.joined(separator: "\n"))
        } catch let error as any Error & Coded {
            Self.show(error, path: (error as? Failure)?.path ?? (error as? Refusal)?.path, json: output.json)
            throw Self.isRefusal(error) ? ExitCode(2) : ExitCode.failure
        }
    }

    private static func show(_ error: any Coded, path: String?, json: Bool) {
        if json {
            let place = path.map { JSON.string($0) } ?? .null
            print(JSON.object([("error", .object([("code", .string(error.code)), ("text", .string(error.text)), ("path", place)]))]).text)
        } else {
            let place = path.map { $0 + ": " } ?? ""
            FileHandle.standardError.write(Data("error: \(place)\(error.text)\n  code: \(error.code)\n".utf8))
        }
    }

    private static func isRefusal(_ error: any Error) -> Bool {
        error is Refusal || error is SignedError || error is PayloadError
    }
}

/// Something that must not be used, with the file it stands in: exit code 2, where a `Failure` is 1.
struct Refusal: Error, Coded {
    let code: String
    let text: String
    let path: String

    init(_ error: some Coded, path: String) {
        code = error.code
        text = error.text
        self.path = path
    }
}

/// What was done: lines for people, fields for scripts.
struct Report {
    var lines: [String]
    var fields: [(String, JSON)]

    init(_ lines: [String], _ fields: [(String, JSON)]) {
        self.lines = lines
        self.fields = fields
    }
}

/// JSON, written (RFC 8259); members in the order given, whole numbers with all their digits.
struct JSON {
    let text: String

    static let null = JSON(text: "null")
    static func boolean(_ value: Bool) -> JSON { JSON(text: value ? "true" : "false") }
    static func integer(_ value: some BinaryInteger) -> JSON { JSON(text: String(value)) }
    static func string(_ value: String) -> JSON { JSON(text: quoted(value)) }
    static func strings(_ values: [String]) -> JSON { array(values.map(string)) }
    static func array(_ items: [JSON]) -> JSON { JSON(text: "[" + items.map(\.text).joined(separator: ", ") + "]") }

    static func object(_ members: [(String, JSON)]) -> JSON {
        JSON(text: "{" + members.map { quoted($0.0) + ": " + $0.1.text }.joined(separator: ", ") + "}")
    }

    private static func quoted(_ value: String) -> String {
        var out = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case _ where scalar.value < 0x20: out += String(format: "\\u%04x", scalar.value)
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}

/// One line on standard error that rewrites itself on a terminal; silent where there is none.
struct Progress {
    let what: String
    private let started = Date()
    private var shown = -1

    init(_ what: String) { self.what = what }

    mutating func update(_ done: Int, of total: Int) {
        let percent = total > 0 ? done * 100 / total : 100
        guard percent != shown, isatty(STDERR_FILENO) == 1 else { return }
        shown = percent
        let gone = Date().timeIntervalSince(started)
        let left = percent > 0 ? Int(gone * Double(100 - percent) / Double(percent)) : 0
        FileHandle.standardError.write(Data("\r\u{1B}[K\(what): \(percent) %, about \(left) s left".utf8))
        if percent == 100 { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
    }
}
