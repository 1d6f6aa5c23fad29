// The root image of a release: EROFS, read-only by its format. The same tree gives the same bytes:
// no times, no owners, no xattrs, entries staged in sorted order, an identifier made from the board's name.
//
// lz4hc in clusters of 4 KiB, by numbers: the device binary, nearly all of the virtual board's tree, takes
// 3.7 MB against 5.9 MB uncompressed, which is bytes to download, to hash and to read; and of the blocks
// of a security update of Debian 21 % (26.6 MB) are new against 20 % (43.4 MB), so deltas gain as well.
// Larger clusters would save another 15 %, and cost deltas their grain.
import Board
import Bytes
import Foundation

/// A file that the release brings besides the product's tree.
public struct RootFile: Sendable {
    /// Without a leading "/".
    public let path: String
    public let content: [UInt8]
    public let isProgram: Bool

    public init(path: String, content: [UInt8], isProgram: Bool = false) {
        self.path = path
        self.content = content
        self.isProgram = isProgram
    }
}

public enum RootImage {
    /// Where the kernel's and init's own file systems are mounted.
    public static let mountPoints = ["dev", "empty", "proc", "run", "sys", "tmp"]

    /// Returns the image, a multiple of 4096 bytes.
    /// - tree: the product's folder, or nil; symbolic links and modes are kept.
    /// - files: put over it; a file of the tree with the same path is refused.
    public static func make(boardName: String, tree: String?, files: [RootFile]) throws(Failure) -> [UInt8] {
        try temporaryFolder { folder throws(Failure) in
            let stage = "\(folder)/root"
            try makeFolder(stage)
            if let tree { try run("cp", ["-a", "--no-preserve=ownership,xattr", "\(tree)/.", stage]) }
            for name in mountPoints { try makeFolder("\(stage)/\(name)") }
            for file in files.sorted(by: { $0.path < $1.path }) { try put(file, below: stage, tree: tree) }
            try run("chmod", ["-R", "u+rwX,go+rX,go-w", stage])
            let identifier = UUID(uuid: uuid(DiskImage.identifier("penstock root \(boardName)"))).uuidString.lowercased()
            try run("mkfs.erofs", ["--quiet", "-T0", "-U\(identifier)", "--all-root", "-x-1", "-zlz4hc,12", "-C4096", "\(folder)/image", stage])
            var image = try readFile("\(folder)/image", maximum: 1 << 30)
            let over = image.count % DiskLayout.blockBytes
            if over > 0 { image += [UInt8](repeating: 0, count: DiskLayout.blockBytes - over) }
            return image
        }
    }

    private static func put(_ file: RootFile, below stage: String, tree: String?) throws(Failure) {
        let path = "\(stage)/\(file.path)"
        guard !FileManager.default.fileExists(atPath: path) else {
            throw Failure(code: "root-file-taken", text: "the tree has '\(file.path)', which every release brings itself: take it out of the tree", path: tree)
        }
        try makeFolder(URL(fileURLWithPath: path).deletingLastPathComponent().path)
        try writeFile(path, file.content)
        if file.isProgram { try run("chmod", ["0755", path]) }
    }

    private static func uuid(_ b: [UInt8]) -> uuid_t {
        (b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15])
    }
}
