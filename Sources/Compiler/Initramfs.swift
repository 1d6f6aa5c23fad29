// The initramfs: the one binary, the trust anchors, the board; nothing else, no shell, no library.
// The cpio archive (newc, initramfs/buffer-format.rst of the kernel) is written here, so that
// the same input gives the same bytes: sorted names, no times, no owners.
import Bytes
import Foundation

public enum Initramfs {
    /// - program: the device binary, which becomes /init.
    /// - keySet, board: their deterministic CBOR.
    /// Returns the archive, compressed by gzip without name and time.
    public static func make(program: [UInt8], keySet: [UInt8], board: [UInt8]) throws(Failure) -> [UInt8] {
        try gzip(archive(program: program, keySet: keySet, board: board))
    }

    static func archive(program: [UInt8], keySet: [UInt8], board: [UInt8]) -> [UInt8] {
        var archive = CPIOWriter()
        for folder in ["dev", "newroot", "proc", "run", "sys", "trust"] { archive.folder(folder) }
        // The kernel opens it before init runs, so that init has a standard error.
        archive.characterDevice("dev/console", major: 5, minor: 1)
        archive.file("trust/board.cbor", board, mode: 0o444)
        archive.file("trust/keyset.cbor", keySet, mode: 0o444)
        archive.file("init", program, mode: 0o555)
        return archive.finish()
    }

    private static func gzip(_ bytes: [UInt8]) throws(Failure) -> [UInt8] {
        try temporaryFolder { folder throws(Failure) in
            try writeFile("\(folder)/archive", bytes)
            try run("gzip", ["-n", "-9", "\(folder)/archive"])
            return try readFile("\(folder)/archive.gz", maximum: 256 << 20)
        }
    }
}

struct CPIOWriter {
    private var writer = ByteWriter(capacity: 1 << 20)
    private var inode = 0

    mutating func folder(_ name: String) { entry(name, mode: 0o040755, links: 2, content: []) }
    mutating func file(_ name: String, _ content: [UInt8], mode: Int) { entry(name, mode: 0o100000 | mode, links: 1, content: content) }
    mutating func characterDevice(_ name: String, major: Int, minor: Int) { entry(name, mode: 0o020600, links: 1, content: [], device: (major, minor)) }

    mutating func finish() -> [UInt8] {
        inode = -1
        entry("TRAILER!!!", mode: 0, links: 1, content: [])
        pad(to: 512)
        return writer.bytes
    }

    private mutating func entry(_ name: String, mode: Int, links: Int, content: [UInt8], device: (Int, Int) = (0, 0)) {
        inode += 1
        writer.append("070701")
        // inode, mode, uid, gid, links, mtime, size, device (2), of the node (2), name size, check
        for field in [inode, mode, 0, 0, links, 0, content.count, 0, 0, device.0, device.1, name.utf8.count + 1, 0] {
            writer.append(String(format: "%08x", field))
        }
        writer.append(name)
        writer.u8(0)
        pad(to: 4)
        writer.append(content)
        pad(to: 4)
    }

    private mutating func pad(to multiple: Int) {
        let over = writer.bytes.count % multiple
        if over > 0 { writer.zeros(multiple - over) }
    }
}
