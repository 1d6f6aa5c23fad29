// Other programs, folders that vanish again, and sparse files.
import Foundation

/// Runs a program found by PATH to its end; its messages are in the refusal if it fails.
@discardableResult
func run(_ program: String, _ arguments: [String]) throws(Failure) -> String {
    let process = Process(), pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    var environment = ProcessInfo.processInfo.environment
    environment["LC_ALL"] = "C"
    environment["PATH"] = (environment["PATH"] ?? "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    process.environment = environment
    do { try process.run() } catch { throw Failure(code: "program-missing", text: "\(program) could not be started: \(error)") }
    let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        let hint = process.terminationStatus == 127 ? "; install it (mkfs.erofs: apt install erofs-utils)" : ""
        throw Failure(code: "program-failed", text: "\(program) ended with \(process.terminationStatus)\(hint): \(said.suffix(500))")
    }
    return said
}

/// A folder that is gone when the work is done, however it ended.
func temporaryFolder<Result>(_ work: (String) throws(Failure) -> Result) throws(Failure) -> Result {
    var template = Array("\(NSTemporaryDirectory().hasSuffix("/") ? NSTemporaryDirectory() : NSTemporaryDirectory() + "/")penstock-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure(code: "file-failed", text: "no temporary folder could be made: \(String(cString: strerror(errno)))", path: NSTemporaryDirectory()) }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try work(folder)
}

func makeFolder(_ path: String) throws(Failure) {
    do {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch { throw Failure(code: "file-failed", text: "the folder could not be made: \(error.localizedDescription)", path: path) }
}

/// Writes pieces into a file of `size` bytes, zeros elsewhere, whole or not at all.
func writeSparseFile(_ path: String, size: Int, pieces: [(offset: Int, bytes: [UInt8])]) throws(Failure) {
    let part = path + ".part-\(getpid())"
    let descriptor = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    func failure(_ what: String) -> Failure {
        let failure = Failure(code: "file-failed", text: "the file could not be \(what): \(String(cString: strerror(errno)))", path: path)
        unlink(part)
        return failure
    }
    guard descriptor >= 0 else { throw failure("created") }
    defer { close(descriptor) }
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw failure("sized to \(size) bytes") }
    for (offset, bytes) in pieces {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress! + done, bytes.count - done, off_t(offset + done)) }
            guard count > 0 else { throw failure("written") }
            done += count
        }
    }
    guard fsync(descriptor) == 0, rename(part, path) == 0 else { throw failure("put in place") }
}
