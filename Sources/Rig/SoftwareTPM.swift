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

    mutating func exchange(_ command: [UInt8]) throws(TPMError) -> [UInt8] {
        guard write(fd, command, command.count) == command.count else { throw .write(errno: errno) }
        // A response says in bytes 2 to 5 how long it is.
        var response: [UInt8] = [], wanted = 6
        while response.count < wanted {
            var buffer = [UInt8](repeating: 0, count: tpmMessageByteMaximum)
            let count = read(fd, &buffer, buffer.count - response.count)
            guard count >= 0 else { throw .read(errno: errno) }
            guard count > 0 else { throw .closed }
            response += buffer[..<count]
            if response.count >= 6 { wanted = response[2..<6].reduce(0) { $0 << 8 | Int($1) } }
            guard wanted <= tpmMessageByteMaximum, response.count <= max(wanted, 6) else { throw .oversized }
        }
        return response
    }

    mutating func pause(milliseconds: Int) { usleep(UInt32(milliseconds) * 1000) }
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
