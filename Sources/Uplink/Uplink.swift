// Duty: speaks to the world: an address by DHCP, names by DNS, one session with the declared broker over
// TLS 1.3, and ranges of bundles from the declared update server for the installer.
// Trust: the one role that parses what the network says, and it is believed for nothing: it carries
// records and objects as opaque bytes. Must never listen, connect anywhere but to the declared servers
// and name servers, hold a key, or keep more of anything than its named maximum.
import Authority
import Board
import Bytes
import Confine
import Signed
import System

/// Runs the role.
public func runUplink(descriptorCount: Int) -> Never {
    let start = RoleStart(.uplink, descriptorCount: descriptorCount)
    let keySet = start.document(.keySet), boardBytes = start.document(.board), object = start.document(.commissioning)
    let hardwareAddress = start.document(.hardwareAddress)
    let commissioning: Commissioning
    let board: BoardDescription
    do throws(PayloadError) {
        let keys = try KeySet(decoding: keySet.span.bytes)
        do throws(SignedError) {
            commissioning = try verify(object.span.bytes, as: Commissioning.self, with: keys).payload
        } catch { RoleStart.end(.uplink, error.text) }
    } catch { RoleStart.end(.uplink, error.text) }
    do throws(BoardError) {
        board = try BoardDescription(decoding: boardBytes.span.bytes)
    } catch { RoleStart.end(.uplink, error.text) }
    let usesDHCP = (commissioning.network ?? board.network.mode) == .dhcp
    var loop = Loop(
        commissioning, supervisor: start.supervisor, keeper: start.descriptor(1), installer: start.descriptor(2),
        packetSocket: usesDHCP ? start.descriptor(3) : nil, hardwareAddress: hardwareAddress)
    do throws(LinkFailure) {
        while true { try loop.turn() }
    } catch { RoleStart.end(.uplink, "\(error.code): \(error.text)") }
}

/// Why a connection or a channel is of no use any more: the code and text of what failed.
struct LinkFailure: Error, Coded {
    let code: String
    let text: String

    init<E: Coded>(_ error: E) {
        code = error.code
        text = error.text
    }

    init(code: String, text: String) {
        self.code = code
        self.text = text
    }
}
