// The shim fits libgpiod 1.6, which Debian 12 has, and libgpiod 2, whose sources PENSTOCK_LIBGPIOD2 names
// (tools/libgpiod2 prints them): compiled against both headers, and run with the library of 2.
import Foundation
import Testing

private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
private let version2 = ProcessInfo.processInfo.environment["PENSTOCK_LIBGPIOD2"]

/// Runs a program; what it said if it failed.
private func complaint(_ arguments: [String]) throws -> String? {
    let process = Process(), output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let said = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? nil : String(decoding: said, as: UTF8.self)
}

private let strict = ["clang", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I\(root)/Sources/CGPIO/include"]

@Suite struct LibraryTests {
    @Test("the shim compiles without a warning against libgpiod 1.6")
    func version1() throws {
        #expect(try complaint(strict + ["-fsyntax-only", "\(root)/Sources/CGPIO/CGPIO.c"]) == nil)
    }

    @Test("the shim finds, requests, drives and reads lines by name through libgpiod 2", .enabled(if: version2 != nil))
    func version2Runs() throws {
        let library = version2!, program = FileManager.default.temporaryDirectory.appendingPathComponent("penstock-libgpiod2-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: program, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: program) }
        let sources = try FileManager.default.contentsOfDirectory(atPath: library + "/lib").filter { $0.hasSuffix(".c") }.map { "\(library)/lib/\($0)" }
        let test = program.path + "/shim.o", binary = program.path + "/shim"
        #expect(try complaint(strict + ["-I\(library)/include", "-fsyntax-only", "\(root)/Sources/CGPIO/CGPIO.c"]) == nil)
        #expect(try complaint(strict + ["-I\(library)/include", "-c", "\(root)/Tests/GPIOTests/libgpiod2.c", "-o", test]) == nil)
        let wraps = ["open", "lstat", "stat", "realpath", "ioctl"].map { "-Wl,--wrap=\($0)" }
        try #require(try complaint(
            ["clang", "-w", "-D_GNU_SOURCE", "-DGPIOD_API_VERSION_STR=\"2\"", "-I\(library)/include", "-I\(library)/lib", test] + sources + wraps + ["-o", binary]) == nil)
        #expect(try complaint([binary]) == nil)
    }
}
