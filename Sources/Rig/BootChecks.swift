// A clean boot, what the board reports of it, and what must have held in the whole of the story.

import Bytes
import CRig
import Foundation
import Glibc
import Plant
import Telemetry

extension Story {
    func checkBoot(_ scene: Scene) {
        check("clean boot: outputs safe, release verified and measured, reported", timeoutSeconds: 180) {
            let machine = try scene.machine()
            machine.cutPower()
            let mark = scene.mark()
            let start = monotonicNanoseconds()
            try machine.start()
            let safe = try scene.seen(.output(.inletClose, true), since: mark, timeoutSeconds: 90)
            try require(!scene.opened(since: mark), "the inlet was opened")
            let birth = try scene.birth(since: mark)
            let boot = birth.boot
            let resets = scene.wiring.events(since: mark.lines).filter { $0.change == .reset }
            try require(resets.isEmpty && birth.stamp.bootCount == 1, "it took \(resets.count) resets, this is boot \(birth.stamp.bootCount)")
            try require(boot.slot.lowercased() == "a" && boot.release == "1.0.0", "slot \(boot.slot), release \(boot.release)")
            try require(!boot.isTrial && boot.failure == nil, "on trial, or failed earlier: \(boot.failure ?? "")")
            try require(boot.register11.count == 32 && boot.register12.count == 32, "no PCR values")
            try require(boot.register11 != [UInt8](repeating: 0, count: 32), "PCR 11 was not extended")
            try require(!boot.eventLog.isEmpty, "no event log")
            return String(
                format: "safe %.1f s, birth %.1f s after power on; %d steps, PCR 11 %@", seconds(start, safe.nanoseconds),
                seconds(start, monotonicNanoseconds()), boot.steps.count, hexadecimal(Array(boot.register11.prefix(4))))
        }
        check("telemetry: an independent client decodes what we decode", timeoutSeconds: 120) {
            try scene.ready()
            let listener = try require(scene.listener, "no Python: set PENSTOCK_PYTHON to what tools/python prints")
            _ = try scene.report("six records of data") { $0.data.count >= 6 ? true : nil }
            usleep(500_000)
            let (readings, bad) = listener.readings
            try require(bad.isEmpty, "it could not decode \(bad.first ?? "")")
            try require(readings.allSatisfy(\.deterministic), "an encoding is not deterministic")
            let birth = try require(scene.reports.birth, "no birth")
            let theirs = try require(readings.last { $0.kind == "birth" }, "it saw no birth")
            try require(theirs.value["4"] as? String == birth.device, "another device: \(theirs.value["4"] ?? "none")")
            try require(theirs.value["12"] as? String == birth.boot.release, "another release")
            try require(theirs.value["9"] as? String == hexadecimal(birth.calibrationDigest), "another calibration")
            let registers = theirs.value["19"] as? [String: Any]
            try require(registers?["11"] as? String == hexadecimal(birth.boot.register11), "another PCR 11")
            var compared = 0
            for ours in scene.reports.data {
                guard let same = readings.first(where: { $0.kind == "data" && $0.sequence == ours.stamp.sequence }) else { continue }
                let samples = same.value["5"] as? [[NSNumber]] ?? []
                let values = ours.samples.map { [Int64($0.point), $0.value] + ($0.quality == .good ? [] : [Int64($0.quality.rawValue)]) }
                try require(samples.map { $0.map(\.int64Value) } == values, "record \(ours.stamp.sequence) differs")
                compared += 1
            }
            try require(compared >= 3, "it saw \(compared) of our data records")
            return "\(readings.count) messages deterministic, \(compared) data records and a birth equal"
        }
        check("wiretap: nothing readable on the cable", threat: "C-I1", timeoutSeconds: 120) {
            try scene.ready()
            let cable = scene.rig.brokerCable
            let up = cable.capture(.fromBoard), down = cable.capture(.toBoard)
            try require(up.count > 2000 && down.count > 500, "captured only \(up.count) and \(down.count) bytes")
            try require(contains(up, Rig.brokerName), "not even the server's name, which TLS 1.3 shows: nothing was captured")
            let challenge = try require(scene.reports.birth, "no birth").challenge
            for secret in ["penstock/", Workshop.device, "inlet", "level-high", "1.0.0", "MQTT"] {
                try require(!contains(up, secret) && !contains(down, secret), "'\(secret)' stands in it")
            }
            try require(!contains(up, challenge), "the challenge stands in it")
            return "\(up.count + down.count) bytes, none of 7 known texts in them"
        }
        check("port scan from the board's network: nothing answers", threat: "C-D1", timeoutSeconds: 180) {
            let machine = try scene.running()
            let found = try scan(machine, Array(1...1024) + [1883, 2375, 4433, 5353, 5683, 8080, 8443, 8883, 9100, 44818, 47808, 49152])
            try require(found.open.isEmpty, "ports \(found.open) take connections")
            return "\(found.refused) ports refused"
        }
    }

    /// What no check may have broken.
    func checkWhole(_ scene: Scene) {
        check("the whole story: no socket in LISTEN at any time", threat: "C-D1", timeoutSeconds: 90) {
            try scene.running()
            let looks = try scene.report("a look at the sockets", timeoutSeconds: 40) { reports in
                let all = reports.events.filter { $0.code == "posture" }
                return all.isEmpty ? nil : all
            }
            let bad = looks.filter { !$0.text.hasPrefix("listening=0 ") }
            try require(bad.isEmpty, "seen: \(bad.first?.text ?? "")")
            return "\(looks.count) looks, 0 sockets; last: \(looks.last?.text ?? "")"
        }
        check("the whole story: the inlet never beyond its envelope, as the plant saw it", threat: "P-E1") {
            let highest = scene.tank.inletHighestPermille
            try require(highest > 0, "it was never open: nothing was shown")
            try require(highest <= 500, "it was open \(highest) permille")
            return "at most \(highest) of 500 permille"
        }
        check("the whole story: motor never driven both ways, no water spilt") {
            let tank = scene.tank
            try require(tank.bothDrivenMicroseconds == 0, "both ways for \(tank.bothDrivenMicroseconds) us")
            try require(tank.spiltMicrolitres == 0, "\(tank.spiltMicrolitres) uL spilt")
            return "0 us, 0 uL"
        }
        check("the whole story: the controller asks for no memory after its start", timeoutSeconds: 90) {
            let reports = scene.reports
            try require(!reports.data.isEmpty, "nothing was heard of it")
            let told = reports.events.first { $0.code == "controller-allocated" }
            try require(told == nil, told.map { "\($0)" } ?? "")
            return "in \(reports.data.count) records of its data, not once"
        }
        check("the whole story: every message of the board is well formed") {
            let reports = scene.reports
            try require(reports.malformed.isEmpty, reports.malformed.first ?? "")
            try require(!reports.sequences.isEmpty, "nothing came")
            return "\(reports.sequences.count) records, \(reports.births) births, \(reports.deaths) deaths"
        }
    }
}

func seconds(_ from: UInt64, _ to: UInt64) -> Double { Double(to - min(from, to)) / 1e9 }

private func contains(_ bytes: [UInt8], _ text: String) -> Bool { contains(bytes, Array(text.utf8)) }

private func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool { Data(bytes).range(of: Data(part)) != nil }

/// Connects to each of these ports of the board, as a neighbour on its network would.
/// A port is open when the connection stands for a second without being reset.
private func scan(_ machine: Machine, _ ports: [Int]) throws -> (open: [UInt16], refused: Int) {
    var open: [UInt16] = [], refused = 0
    for start in stride(from: 0, to: ports.count, by: 128) {
        let batch = try machine.forward(ports[start..<min(start + 128, ports.count)].map { UInt16($0) })
        defer { try? machine.unforward(batch) }
        var waiting = try batch.map { port in
            let fd = rig_connect_tcp(port.host)
            guard fd >= 0 else { throw Unmet("QEMU does not lead to port \(port.board)") }
            return (fd: fd, port: port.board)
        }
        defer { for entry in waiting { close(entry.fd) } }
        let deadline = Date(timeIntervalSinceNow: 5)
        while !waiting.isEmpty, Date() < deadline {
            var descriptors = waiting.map { pollfd(fd: $0.fd, events: Int16(POLLIN), revents: 0) }
            _ = poll(&descriptors, nfds_t(descriptors.count), 100)
            for (index, descriptor) in descriptors.enumerated().reversed() where descriptor.revents != 0 {
                var byte: UInt8 = 0
                if read(descriptor.fd, &byte, 1) > 0 { open.append(waiting[index].port) } else { refused += 1 }
                close(descriptor.fd)
                waiting.remove(at: index)
            }
        }
        open += waiting.map { $0.port }
    }
    return (open, refused)
}
