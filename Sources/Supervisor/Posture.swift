// What the kernel says of this board: sockets that listen, memory of a process.
import Bytes
import System

/// Sockets in LISTEN, of TCP over IPv4 and IPv6 (proc(5), /proc/net/tcp: the fourth field, 0A).
func listeningSockets() -> Int {
    listeningSockets(in: kernelFile("/proc/net/tcp") ?? []) + listeningSockets(in: kernelFile("/proc/net/tcp6") ?? [])
}

/// Of one such table: a head, then a line for each socket.
func listeningSockets(in table: [UInt8]) -> Int {
    var count = 0
    for line in table.split(separator: 0x0A).dropFirst() {
        let fields = line.split(separator: 0x20, maxSplits: 4)
        if fields.count > 3, fields[3].elementsEqual("0A".utf8) { count += 1 }
    }
    return count
}

/// Proportional set size in KiB (proc(5), smaps_rollup); 0 if unknown.
func memoryKilobytes(_ pid: Int32) -> Int {
    guard let content = kernelFile("/proc/\(pid)/smaps_rollup") else { return 0 }
    for line in content.split(separator: 0x0A) where line.starts(with: "Pss:".utf8) {
        var value = 0
        for byte in line where (0x30...0x39).contains(byte) { value = value * 10 + Int(byte - 0x30) }
        return value
    }
    return 0
}

/// At most the first 64 KiB: the kernel lists sockets that listen before all others.
private func kernelFile(_ path: String) -> [UInt8]? {
    do throws(SystemError) { return try readStart(of: path, maximum: 65536) } catch { return nil }
}
