// The file of a run: what is written is read, and what is none is refused by line and code.

import Testing

@testable import RunReport

@Suite struct RunLineTests {
    @Test("Every kind of line comes back as it was written")
    func roundTrip() throws {
        var run = try MadeUpRun(text: "<script>\"quoted\" \\ \u{202E}\n&\u{1F6B0}")
        run.day()
        let kinds = Set(run.lines.map { $0.text.firstMatch(of: /"kind":"([a-z]+)"/)!.output.1 })
        #expect(kinds == ["run", "calibration", "birth", "death", "data", "state", "event", "receipt", "order", "plant", "line", "board", "fault", "check"])
        let text = run.lines.map { $0.text + "\n" }.joined()
        #expect(try RunLine.lines(of: Array(text.utf8)) == run.lines)
    }

    @Test("Numbers keep all their digits, and nothing stays nothing")
    func numbers() throws {
        let lines: [RunLine] = [
            .event(RecordStamp(sequence: .max, boot: .max, boardMilliseconds: .max), EventFact(code: "c", text: "", point: nil, value: .min)),
            .line(runMilliseconds: 0, name: "l", value: nil), .plant(runMilliseconds: 1, values: ["a": -1]),
        ]
        #expect(try RunLine.lines(of: Array(lines.map { $0.text + "\n" }.joined().utf8)) == lines)
    }

    @Test("A line that is none is refused with its number", arguments: [
        ("{", "run-record-form", "line 2: this is no JSON object"),
        ("[1]", "run-record-form", "line 2: this is no JSON object"),
        (#"{"kind":"strange"}"#, "run-record-unknown", "line 2: there is no kind 'strange'"),
        (#"{"name":"x"}"#, "run-record-form", "'kind' is missing"),
        (#"{"kind":"run","format":2,"device":"d","board":"b","units":{}}"#, "run-record-unknown", "format 2"),
        (#"{"kind":"line","runMilliseconds":"1","name":"x","value":1}"#, "run-record-form", "'runMilliseconds' is of another form"),
        (#"{"kind":"line","runMilliseconds":1.5,"name":"x","value":1}"#, "run-record-form", "'runMilliseconds' is of another form"),
        (#"{"kind":"line","runMilliseconds":true,"name":"x","value":1}"#, "run-record-form", "'runMilliseconds' is of another form"),
        (#"{"kind":"fault","runMilliseconds":1,"name":"x","present":1}"#, "run-record-form", "true or false"),
        (#"{"kind":"death","runMilliseconds":1,"boot":-1,"session":1}"#, "run-record-form", "'boot' is of another form"),
        (#"{"kind":"data","sequence":1,"boot":1,"boardMilliseconds":1,"calibration":"","samples":[[1,2]]}"#, "run-record-form", "'samples'"),
        (#"{"kind":"state","sequence":1,"boot":1,"boardMilliseconds":1,"phase":null,"bypasses":[],"actuators":[[0,"auto",1,null,null]]}"#, "run-record-form", "'actuators'"),
        (#"{"kind":"calibration","payload":"0g"}"#, "run-record-form", "hexadecimal"),
    ])
    func refused(line: String, code: String, text: String) throws {
        let good = RunLine.board(runMilliseconds: 1, what: "connected").text
        let error = #expect(throws: RunRecordError.self) { try RunLine.lines(of: Array("\(good)\n\(line)\n".utf8)) }
        #expect(error?.code == code)
        #expect(error?.line == 2)
        #expect(error?.text.contains(text) == true, "\(error?.text ?? "")")
    }

    @Test("The last line of a rig that was killed may be cut; members that are not known are passed over")
    func tolerant() throws {
        let good = #"{"kind":"board","runMilliseconds":1,"what":"reset","later":[1]}"#
        #expect(try RunLine.lines(of: Array("\(good)\n{\"kind\":\"boa".utf8)) == [.board(runMilliseconds: 1, what: "reset")])
    }

    @Test("A line that is too long is refused")
    func tooLong() {
        let long = #"{"kind":"board","runMilliseconds":1,"what":""# + String(repeating: "x", count: RunLine.lineByteMaximum) + "\"}\n"
        let error = #expect(throws: RunRecordError.self) { try RunLine.lines(of: Array(long.utf8)) }
        #expect(error?.code == "run-record-too-long")
    }

    @Test("A file with nothing of a run in it is refused")
    func empty() {
        let error = #expect(throws: RunRecordError.self) { try RunRecord([.run(device: "d", board: "b", units: [:])]) }
        #expect(error?.code == "run-record-empty")
    }
}
