import Bytes
import SeededRandom
import Testing
@testable import HTTP

/// What a response came to: its head, its body put together, its end, and why it was refused.
struct Outcome: Equatable {
    var head: Head?
    var body: [UInt8] = []
    var reusable: Bool?
    var error: HTTPError?
}

func read(_ bytes: [UInt8], to request: Request, maximum: UInt64 = .max, split: (Int) -> Int = { $0 }) -> Outcome {
    var reader = ResponseReader(to: request, bodyMaximumBytes: maximum)
    var outcome = Outcome()
    var start = 0
    do throws(HTTPError) {
        while start < bytes.count {
            let piece = Array(bytes[start..<start + min(max(1, split(bytes.count - start)), bytes.count - start)])
            start += piece.count
            var offset = 0
            while let event = try reader.next(piece.span.bytes, offset: &offset) {
                switch event {
                case .head(let head): outcome.head = head
                case .body(let range): outcome.body += piece[range]
                case .end(let reusable): outcome.reusable = reusable
                }
            }
        }
        try reader.closed()
    } catch {
        outcome.error = error
    }
    return outcome
}

func response(_ status: String, _ fields: [String], body: [UInt8] = []) -> [UInt8] {
    Array(("HTTP/1.1 " + status + "\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n").utf8) + body
}

let ranged = try! Request(host: "updates.example", port: 443, path: "/b.pnb", range: 100..<110, tag: "\"v1\"")
let whole = try! Request(host: "updates.example", port: 8443, path: "/latest")
let ten = Array("0123456789".utf8)

@Suite struct Requests {
    @Test func bytes() {
        #expect(String(decoding: ranged.bytes, as: UTF8.self) == "GET /b.pnb HTTP/1.1\r\nHost: updates.example\r\nUser-Agent: penstock\r\nAccept-Encoding: identity\r\nRange: bytes=100-109\r\nIf-Range: \"v1\"\r\n\r\n")
        #expect(String(decoding: whole.bytes, as: UTF8.self) == "GET /latest HTTP/1.1\r\nHost: updates.example:8443\r\nUser-Agent: penstock\r\nAccept-Encoding: identity\r\n\r\n")
        let six = try? Request(host: "::1", port: 1, path: "/")
        #expect(six.map { String(decoding: $0.bytes, as: UTF8.self).contains("Host: [::1]:1\r\n") } == true)
    }

    @Test("S-TRID1 nothing can be injected into a request")
    func injection() {
        for (host, path, tag) in [
            ("a b", "/", nil), ("a\r\nX: y", "/", nil), ("", "/", nil), ("a/b", "/", nil), ("a", "", nil), ("a", "x", nil),
            ("a", "/ HTTP/1.1", nil), ("a", "/\r\n", nil), ("a", "/#f", nil), ("a", "/é", nil), ("a", "/", "v1"), ("a", "/", "\"a\"b\""),
            ("a", "/", "\"\r\n\""), ("a", "/", "W/\"a\""), ("a", "/" + String(repeating: "x", count: 1024), nil),
        ] as [(String, String, String?)] {
            #expect(throws: HTTPError.requestInvalid) { try Request(host: host, port: 443, path: path, range: nil, tag: tag) }
        }
        #expect(throws: HTTPError.requestInvalid) { try Request(host: "a", port: 443, path: "/", range: 5..<5) }
    }
}

@Suite struct Responses {
    @Test func range() {
        let bytes = response("206 Partial Content", ["Content-Length: 10", "content-range: bytes 100-109/5000", "ETag: \"v1\""], body: ten)
        #expect(read(bytes, to: ranged) == Outcome(head: Head(range: 100..<110, totalBytes: 5000, tag: "\"v1\""), body: ten, reusable: true))
    }

    @Test("the file's end may cut the range; interim responses pass; close is honoured")
    func variants() {
        let cut = response("206 ", ["Content-Length: 5", "Content-Range: bytes 100-104/105", "Connection: keep-alive, Close"], body: Array(ten.prefix(5)))
        #expect(read(cut, to: ranged) == Outcome(head: Head(range: 100..<105, totalBytes: 105, tag: nil), body: Array(ten.prefix(5)), reusable: false))
        let interim = response("100 Continue", []) + response("103 Early Hints", ["Link: x"]) + response("200 OK", ["Content-Length:10", "ETag: W/\"v1\""], body: ten)
        #expect(read(interim, to: whole) == Outcome(head: Head(range: 0..<10, totalBytes: 10, tag: nil), body: ten, reusable: true))
        let empty = response("200", ["Content-Length: 0"])
        #expect(read(empty, to: whole) == Outcome(head: Head(range: 0..<0, totalBytes: 0, tag: nil), body: [], reusable: true))
    }

    @Test("C-T1 a server that lies about range, length or identity is caught")
    func lies() {
        let length = "Content-Length: 10"
        for (status, fields, expected) in [
            ("200 OK", [length], HTTPError.changed),
            ("206 OK", [length], .rangeWrong),
            ("206 OK", [length, "Content-Range: bytes 0-9/5000"], .rangeWrong),
            ("206 OK", [length, "Content-Range: bytes 101-110/5000"], .rangeWrong),
            ("206 OK", [length, "Content-Range: bytes 100-108/5000"], .rangeWrong),
            ("206 OK", ["Content-Length: 20", "Content-Range: bytes 100-119/5000"], .rangeWrong),
            ("206 OK", ["Content-Length: 11", "Content-Range: bytes 100-109/5000"], .lengthWrong),
            ("206 OK", [length, "Content-Range: bytes */5000"], .rangeWrong),
            ("206 OK", [length, "Content-Range: bytes 100-109/109"], .malformed(at: 37)),
            ("206 OK", [length, "Content-Range: bytes 109-100/5000"], .malformed(at: 37)),
            ("206 OK", [length, "Content-Range: bits 100-109/5000"], .malformed(at: 37)),
            ("206 OK", [length, "Content-Range: bytes 100-109/5000", "ETag: \"v2\""], .changed),
            ("206 OK", ["Content-Range: bytes 100-109/5000"], .lengthMissing),
            ("206 OK", ["Transfer-Encoding: chunked", "Content-Range: bytes 100-109/5000"], .lengthMissing),
            ("206 OK", [length, "Transfer-Encoding: chunked", "Content-Range: bytes 100-109/5000"], .lengthMissing),
            ("206 OK", [length, length, "Content-Range: bytes 100-109/5000"], .repeatedField),
            ("206 OK", [length, "Content-Range: bytes 100-109/5000", "Content-Encoding: gzip"], .coded),
            ("206 OK", ["Content-Length: +10"], .malformed(at: 17)),
            ("206 OK", ["Content-Length: 10, 10"], .malformed(at: 17)),
            ("206 OK", ["Content-Length: 99999999999999999999"], .malformed(at: 17)),
            ("206 OK", ["Content-Length : 10"], .malformed(at: 17)),
            ("206 OK", ["X: a", " folded"], .malformed(at: 23)),
            ("206 OK", [": a"], .malformed(at: 17)),
            ("206 OK", ["X: a\u{1}"], .malformed(at: 17)),
            ("206 OK", ["X: a\nY: b"], .malformed(at: 21)),
            ("416 No", ["Content-Range: bytes */90"], .rangeNotSatisfiable(total: 90)),
            ("302 Found", ["Location: https://elsewhere.example/"], .status(302)),
            ("404 Not Found", [length], .status(404)),
            ("101 Switching", [], .status(101)),
            ("099 x", [], .malformed(at: 9)),
            ("20x OK", [], .malformed(at: 9)),
        ] {
            #expect(read(response(status, fields, body: ten), to: ranged).error == expected, "\(status) \(fields)")
        }
        let plain = try! Request(host: "h", port: 443, path: "/", range: 0..<10)
        #expect(read(response("200 OK", [length], body: ten), to: plain).error == .rangeIgnored)
        #expect(read(response("206 OK", [length, "Content-Range: bytes 0-9/10"], body: ten), to: whole).error == .rangeWrong)
        #expect(read(response("200 OK", [length], body: ten), to: whole, maximum: 9).error == .bodyTooLong(bytes: 10))
    }

    @Test("C-D1 endless heads, interim responses and bodies are bounded")
    func endless() {
        #expect(read(Array("HTTP/1.1 200 OK\r\nX: ".utf8) + [UInt8](repeating: 65, count: 9000), to: whole).error == .headTooLong)
        #expect(read(response("200 OK", [String](repeating: "X: y", count: 65)), to: whole).error == .headTooLong)
        var interim: [UInt8] = []
        for _ in 0..<5 { interim += response("100 Continue", []) }
        #expect(read(interim, to: whole).error == .status(100))
        #expect(read(response("200 OK", ["Content-Length: 9"], body: ten), to: whole).error == .excess)
        #expect(read(Array("SSH-2.0-OpenSSH".utf8), to: whole).error == .version)
        #expect(read(Array("HTTP/1.0 200 OK\r\n\r\n".utf8), to: whole).error == .version)
    }

    @Test("each truncation is told from the whole")
    func truncations() {
        let bytes = response("206 Partial Content", ["Content-Length: 10", "Content-Range: bytes 100-109/5000"], body: ten)
        for count in 0..<bytes.count { #expect(read(Array(bytes.prefix(count)), to: ranged).error == .truncated) }
    }

    @Test("C-T1 the same outcome however altered bytes are split; altered bytes never trap")
    func fuzz() {
        let bytes = response("100 Continue", []) + response(
            "206 Partial Content", ["Server: nginx", "Content-Length: 10", "Content-Range: bytes 100-109/5000", "ETag: \"v1\"", "Connection: close"], body: ten)
        for seed in 0..<3000 as Range<UInt64> {
            var random = Seeded(seed)
            var altered = bytes
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let at = Int.random(in: 0..<altered.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: altered[at] = UInt8.random(in: 0...255, using: &random)
                case 1: altered.remove(at: at)
                default: altered.insert([13, 10, 32, 58, 48].randomElement(using: &random)!, at: at)
                }
            }
            let outcome = read(altered, to: ranged)
            #expect(read(altered, to: ranged, split: { _ in 1 }) == outcome)
            #expect(read(altered, to: ranged, split: { _ in Int.random(in: 1...30, using: &random) }) == outcome)
            if outcome.error == nil { #expect(outcome.head?.range == 100..<110 && outcome.body.count == 10) }
        }
    }
}
