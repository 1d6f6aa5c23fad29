// Both selectors beside the tools that others use: libubootenv's fw_printenv and fw_setenv, efivar and efibootmgr.
import Bytes
import Foundation
import SeededRandom
import SimulatedDisk
import Testing
@testable import BootState

private let copyBytes = 4096, offsets = [0, 8192]

private func environment(at offset: Int, in bytes: [UInt8]) -> UBootEnvironment? {
    UBootEnvironment(decoding: Array(bytes[offset..<offset + copyBytes]).span.bytes)
}

/// A program's output; fails the test if it does not end well.
private func run(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> String {
    let process = Process(), pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardOutput = pipe
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(program) \(arguments)")
    return output
}

private func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("penstock-selector-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
}

/// A file as a device of both copies.
private struct FileStore: Store {
    let url: URL
    var size: Int { (try? Data(contentsOf: url).count) ?? 0 }
    mutating func read(at offset: Int, into buffer: inout [UInt8]) throws(StoreError) {
        guard let data = try? Data(contentsOf: url) else { throw StoreError(.read, offset: offset, errno: 2) }
        buffer = [UInt8](data[offset..<offset + buffer.count])
    }
    mutating func write(_ bytes: RawSpan, at offset: Int) throws(StoreError) {
        let new = bytes.withUnsafeBytes { Data($0) }
        guard var data = try? Data(contentsOf: url) else { throw StoreError(.write, offset: offset, errno: 2) }
        data.replaceSubrange(offset..<offset + new.count, with: new)
        guard (try? data.write(to: url)) != nil else { throw StoreError(.write, offset: offset, errno: 5) }
    }
    mutating func sync() throws(StoreError) {}
}

@Suite struct UBootSelectorTests {
    private let first = UBootEnvironment(flags: 1, entries: ["bootcmd=run boot_${penstock_slot}", "penstock_slot=a", "serial=7"].map { Array($0.utf8) })

    private func disk(_ one: UBootEnvironment?, _ two: UBootEnvironment?) -> SimulatedDisk {
        var contents = [UInt8](repeating: 0, count: 16384)
        for (environment, offset) in zip([one, two], offsets) {
            if let environment { contents.replaceSubrange(offset..<offset + copyBytes, with: environment.encoded(size: copyBytes)!) }
        }
        return SimulatedDisk(contents: contents)
    }

    private func selector(_ disk: SimulatedDisk, _ line: String = "") -> UBootSelector<SimulatedPartition> {
        UBootSelector(SimulatedPartition(disk), copyBytes: copyBytes, offsets: offsets, commandLine: Array(line.utf8))
    }

    @Test("P-D2 a trial and a commit are one write each, into the copy that is not in force")
    func oneWrite() throws {
        let disk = disk(first, nil)
        var selector = selector(disk)
        try selector.tryNext(.b)
        try selector.commit(.b)
        try selector.commit(.b)
        var writes: [Int] = []
        for operation in disk.log { if case .write(let offset, _) = operation { writes.append(offset) } }
        #expect(writes == [8192, 0], "and none where nothing changes")
        let now = try #require(environment(at: 0, in: disk.contents))
        #expect(now.flags == 3 && now["penstock_slot"] == "b" && now["upgrade_available"] == "0" && now["bootcount"] == "0")
        #expect(now["altbootcmd"] == "setenv penstock_slot a; run bootcmd" && now["bootlimit"] == "3")
        #expect(now["serial"] == "7" && now["bootcmd"] == "run boot_${penstock_slot}")
    }

    @Test(arguments: [(1, 2, "two"), (2, 1, "one"), (255, 0, "two"), (0, 255, "one"), (254, 255, "two"), (9, 9, "one")] as [(UInt8, UInt8, String)])
    func whichCopy(one: UInt8, two: UInt8, expected: String) throws {
        func copy(_ flags: UInt8, _ name: String) -> UBootEnvironment { UBootEnvironment(flags: flags, entries: [Array("which=\(name)".utf8)]) }
        let disk = disk(copy(one, "one"), copy(two, "two"))
        var selector = selector(disk)
        try selector.commit(.a)
        let written = expected == "one" ? 1 : 0
        let next = try #require(environment(at: offsets[written], in: disk.contents))
        #expect(next["which"] == expected && next.flags == (expected == "one" ? one : two) &+ 1)
    }

    @Test func failures() throws {
        var none = selector(disk(nil, nil))
        #expect(throws: SelectorError.environmentDamaged) { try none.tryNext(.a) }
        let big = UBootEnvironment(flags: 0, entries: [Array("x=\(String(repeating: "y", count: copyBytes - 10))".utf8)])
        var full = selector(disk(big, nil))
        #expect(throws: SelectorError.environmentFull) { try full.tryNext(.a) }
        let dead = disk(first, nil)
        dead.failsAtOperation = 1
        var failing = selector(dead)
        #expect(throws: SelectorError.store(StoreError(.sync, offset: 0, errno: 5))) { try failing.tryNext(.b) }
    }

    @Test func bootedSlot() throws {
        for (line, slot) in [("console=ttyS0 penstock.slot=b quiet\n", SlotName.b), ("penstock.slot=b penstock.slot=a", .a), ("penstock.slot=c xpenstock.slot=a", nil)] as [(String, SlotName?)] {
            var selector = selector(disk(first, nil), line)
            #expect(try selector.booted() == slot)
        }
    }

    @Test("P-D2 libubootenv reads what is written here, and the other way round, over the wrap of the flags")
    func libubootenv() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let device = folder.appendingPathComponent("device"), config = folder.appendingPathComponent("fw_env.config").path
        try Data(disk(UBootEnvironment(flags: 250, entries: first.entries), nil).contents).write(to: device)
        try "\(device.path) 0x0 0x1000\n\(device.path) 0x2000 0x1000\n".write(toFile: config, atomically: true, encoding: .utf8)
        func others(_ name: String) throws -> String { try run("fw_printenv", ["-c", config, "-n", name]).trimmingCharacters(in: .newlines) }
        for round in 0..<12 {
            let slot: SlotName = round % 2 == 0 ? .b : .a
            var selector = UBootSelector(FileStore(url: device), copyBytes: copyBytes, offsets: offsets, commandLine: [])
            try selector.tryNext(slot)
            #expect(try others("penstock_slot") == slot.letter && others("upgrade_available") == "1")
            #expect(try others("altbootcmd") == "setenv penstock_slot \(slot.other.letter); run bootcmd")
            #expect(try others("serial") == "7", "theirs stay")
            // As U-Boot would count, and the product keep something of its own.
            _ = try run("fw_setenv", ["-c", config, "bootcount", "\(round)"])
            _ = try run("fw_setenv", ["-c", config, "mine", "a=\(round)"])
            try selector.commit(slot)
            #expect(try others("bootcount") == "0" && others("upgrade_available") == "0" && others("mine") == "a=\(round)")
        }
    }

    @Test("P-D2 a power cut at any sector and in any order leaves one whole environment, of before or after")
    func powerCuts() throws {
        let disk = disk(first, nil)
        var selector = selector(disk)
        let steps: [(String, String)] = [("a", ""), ("b", "1"), ("b", "0"), ("a", "1"), ("a", "0")]
        try selector.tryNext(.b); try selector.commit(.b); try selector.tryNext(.a); try selector.commit(.a)
        let cuts = try disk.forEachCut(reorderings: 20) { cut, medium in
            let copies = offsets.map { environment(at: $0, in: medium) }
            let whole = copies.compactMap { $0 }
            let newest = try #require(whole.max { $0.flags < $1.flags }, "\(cut)")
            let found = (newest["penstock_slot"] ?? "", newest["upgrade_available"] ?? "")
            let before = steps[cut.operation / 2], after = steps[min(cut.operation / 2 + 1, 4)]
            #expect(found == before || found == after, "\(cut)")
        }
        #expect(cuts > 100)
    }
}

/// Variables in a folder, as efivarfs shows them.
private struct FolderVariables: FirmwareVariables {
    let folder: URL
    func url(_ name: String) -> URL { folder.appendingPathComponent(name + "-8be4df61-93ca-11d2-aa0d-00e098032b8c") }
    mutating func read(_ name: String) throws(SelectorError) -> [UInt8]? { (try? Data(contentsOf: url(name))).map { [UInt8]($0) } }
    mutating func write(_ name: String, _ content: [UInt8]) throws(SelectorError) {
        guard (try? Data(content).write(to: url(name))) != nil else { throw .variable(name, errno: 5) }
    }
    mutating func remove(_ name: String) throws(SelectorError) {
        guard (try? FileManager.default.removeItem(at: url(name))) != nil else { throw .variable(name, errno: 5) }
    }
}

/// EFI_LOAD_OPTION by the standard: attributes, length, description, HD() and file path, end (UEFI 2.10, 3.1.3, 10.3).
func loadOption(_ description: String, isActive: Bool = true) -> [UInt8] {
    func words(_ text: String) -> [UInt8] { text.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] } + [0, 0] }
    let hard: [UInt8] = [4, 1, 42, 0, 7, 0, 0, 0] + [UInt8](repeating: 0, count: 16) + [UInt8](repeating: 0x5A, count: 16) + [2, 2]
    let file = words("\\EFI\\BOOT\\BOOTX64.EFI")
    let paths = hard + [4, 4, UInt8(file.count + 4), 0] + file + [0x7F, 0xFF, 4, 0]
    return [isActive ? 1 : 0, 0, 0, 0, UInt8(paths.count), 0] + words(description) + paths
}

@Suite struct EFISelectorTests {
    private let attributes: [UInt8] = [7, 0, 0, 0]

    private func folder(_ options: [(String, [UInt8])], order: [UInt8]) throws -> FolderVariables {
        var variables = FolderVariables(folder: try temporaryFolder())
        for (name, data) in options { try variables.write(name, attributes + data) }
        try variables.write("BootOrder", attributes + order)
        return variables
    }

    private func usual() throws -> FolderVariables {
        try folder([("Boot0000", loadOption("UEFI Shell")), ("Boot0003", loadOption("Penstock A")), ("Boot000A", loadOption("Penstock B"))], order: [0, 0, 3, 0, 10, 0])
    }

    @Test("P-D2 a trial is BootNext alone, a commit BootOrder; entries of others keep their order, and none vanishes")
    func trialAndCommit() throws {
        var variables = try usual()
        defer { try? FileManager.default.removeItem(at: variables.folder) }
        var selector = EFISelector(variables)
        try selector.tryNext(.b)
        #expect(try variables.read("BootNext") == attributes + [10, 0])
        #expect(try variables.read("BootOrder") == attributes + [0, 0, 3, 0, 10, 0])
        try selector.commit(.b)
        #expect(try variables.read("BootNext") == nil)
        #expect(try variables.read("BootOrder") == attributes + [10, 0, 3, 0, 0, 0])
        #expect(try variables.read("Boot0003") == attributes + loadOption("Penstock A"))
        // An entry that fell out of the order comes back into it.
        try variables.write("BootOrder", attributes + [0, 0, 10, 0])
        try selector.commit(.a)
        #expect(try variables.read("BootOrder") == attributes + [3, 0, 10, 0, 0, 0])
        try variables.write("BootCurrent", [6, 0, 0, 0, 10, 0])
        #expect(try selector.booted() == .b)
        try variables.write("BootCurrent", [6, 0, 0, 0, 0, 0])
        #expect(try selector.booted() == nil)
    }

    @Test func failures() throws {
        func refusal(_ change: (inout FolderVariables) throws -> Void) throws -> SelectorError? {
            var variables = try usual()
            defer { try? FileManager.default.removeItem(at: variables.folder) }
            try change(&variables)
            var selector = EFISelector(variables)
            do throws(SelectorError) {
                try selector.commit(.a)
                return nil
            } catch { return error }
        }
        #expect(try refusal { _ in } == nil)
        #expect(try refusal { try $0.remove("Boot000A") } == .entryMissing(.b))
        #expect(try refusal { try $0.write("Boot0000", attributes + loadOption("Penstock A")) } == .entryAmbiguous(.a))
        #expect(try refusal { try $0.write("Boot0003", attributes + loadOption("Penstock A", isActive: false)) } == .entryInactive(.a))
        #expect(try refusal { try $0.write("BootOrder", attributes + [1]) } == .variableMalformed("BootOrder"))
        #expect(try refusal { try $0.write("Boot0003", attributes + loadOption("Penstock A").dropLast(50)) } == .entryMissing(.a))
    }

    @Test("P-D2 efibootmgr reads what is written here, and entries that efibootmgr made are found")
    func efibootmgr() throws {
        var variables = try usual()
        defer { try? FileManager.default.removeItem(at: variables.folder) }
        let environment = ["EFIVARFS_PATH": variables.folder.path + "/", "LIBEFIVAR_OPS": "efivarfs"]
        var selector = EFISelector(variables)
        try selector.tryNext(.b)
        var shown = try run("efibootmgr", [], environment: environment)
        #expect(shown.contains("BootNext: 000A") && shown.contains("BootOrder: 0000,0003,000A"), "\(shown)")
        #expect(shown.contains("Boot0003* Penstock A"))
        try selector.commit(.b)
        shown = try run("efibootmgr", [], environment: environment)
        #expect(!shown.contains("BootNext") && shown.contains("BootOrder: 000A,0003,0000"), "\(shown)")
        _ = try run("efibootmgr", ["-B", "-b", "0003"], environment: environment)
        #expect(throws: SelectorError.entryMissing(.a)) { try selector.commit(.b) }
        _ = try run("efibootmgr", ["-n", "000A"], environment: environment)
        #expect(try variables.read("BootNext") == attributes + [10, 0])
    }
}
