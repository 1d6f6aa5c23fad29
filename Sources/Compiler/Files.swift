// Reading and writing of whole files, bounded and atomic.
import Foundation

/// The content of a file of at most `maximum` bytes.
public func readFile(_ path: String, maximum: Int = 16 << 20) throws(Failure) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw fileFailure("could not be opened", path) }
    defer { close(descriptor) }
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0 { throw fileFailure("could not be read", path) }
        if count == 0 { return content }
        guard content.count + count <= maximum else {
            throw Failure(code: "file-too-long", text: "the file is longer than the \(maximum) bytes that are read; is it the right one?", path: path)
        }
        content += chunk[..<count]
    }
}

/// Writes a file as a whole or not at all. `secret` makes it readable by its owner only; unless
/// `replacing`, a file that exists is left alone and refused.
public func writeFile(_ path: String, _ content: [UInt8], secret: Bool = false, replacing: Bool = true) throws(Failure) {
    if !replacing, access(path, F_OK) == 0 {
        throw Failure(code: "file-exists", text: "the file exists and is kept; choose another name, or remove it yourself", path: path)
    }
    let part = path + ".part-\(getpid())"
    let descriptor = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, secret ? 0o600 : 0o644)
    guard descriptor >= 0 else { throw fileFailure("could not be created", path) }
    var done = 0
    while done < content.count {
        let count = content.withUnsafeBytes { write(descriptor, $0.baseAddress! + done, content.count - done) }
        if count < 0 {
            let failure = fileFailure("could not be written", path)
            close(descriptor)
            unlink(part)
            throw failure
        }
        done += count
    }
    fsync(descriptor)
    close(descriptor)
    // A link fails where the name is taken: nobody's key is lost to a race.
    guard (replacing ? rename(part, path) : link(part, path)) == 0 else {
        let failure = fileFailure("could not be put in place", path)
        unlink(part)
        throw failure
    }
    if !replacing { unlink(part) }
}

private func fileFailure(_ what: String, _ path: String) -> Failure {
    let reason = String(cString: strerror(errno))
    return Failure(code: "file-\(errno == ENOENT ? "missing" : "failed")", text: "the file \(what): \(reason)", path: path)
}
