// The board's TPM while the board is off: what manufacturing speaks to before the first boot.

import CRig
import Foundation
import Glibc
import TPM

/// Carries commands to swtpm's data socket.
struct TPMSocket: TPMTransport, ~Copyable {
    private let fd: Int32

    init(path: String) throws(RigError) {
        fd = rig_connect_unix(path)
        guard fd >= 0 else { throw .system("connect to \(path)", errno) }
    }

    deinit { close(fd) }

    mutating func exchange(_ command: [UInt8]) throws(TPMError) -> [UInt8] { try carry(command, fd) }

    mutating func pause(milliseconds: Int) { usleep(UInt32(milliseconds) * 1000) }
}

/// Outside the transport, whose own `exchange` would hide the module's.
private func carry(_ command: [UInt8], _ fd: Int32) throws(TPMError) -> [UInt8] {
    try exchange(command) { (bytes: [UInt8]) throws(TPMError) in
        guard Glibc.write(fd, bytes, bytes.count) == bytes.count else { throw .write(errno: errno) }
    } read: { (maximum: Int) throws(TPMError) -> [UInt8] in
        var buffer = [UInt8](repeating: 0, count: maximum)
        let count = Glibc.read(fd, &buffer, maximum)
        guard count >= 0 else { throw .read(errno: errno) }
        return Array(buffer[..<count])
    }
}

/// Does to the TPM with that state what is done once in manufacturing: its floor counter is made and
/// its keys are read. The board must have no power.
func manufacture(stateFolder: String, folder: String) throws -> Provisioned {
    let data = folder + "/tpm-data.sock", control = folder + "/tpm-control.sock"
    unlink(data)
    unlink(control)
    let child = try Child(
        ["swtpm", "socket", "--tpm2", "--tpmstate", "dir=\(stateFolder)", "--server", "type=unixio,path=\(data)",
         "--ctrl", "type=unixio,path=\(control)", "--flags", "not-need-init"],
        package: "swtpm", logPath: folder + "/tpm.log")
    defer { child.end() }
    try waitUntil("swtpm listens", seconds: 5, child) { access(data, F_OK) == 0 }
    var tpm = TPM(try TPMSocket(path: data))
    return try provision(&tpm)
}
