// The board's TPM while the board is off: what manufacturing speaks to before the first boot.

import Foundation
import Glibc
import TPM
import TPMSocket

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
    var tpm = TPM(try TPMSocket(path: data, waitMilliseconds: 10_000))
    return try provision(&tpm)
}
