// What the kernel's tables of sockets say, and that a socket that listens is seen in them.
@testable import Supervisor
import Testing

/// As Linux 6 writes them: the state is the fourth field.
private let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     \n"
private func tcp(_ index: Int, _ state: String) -> String {
    "   \(index): 0100007F:1F90 00000000:0000 \(state) 00000000:00000000 00:00000000 00000000     0        0 18213 1 0000000000000000 100 0 0 10 0                     \n"
}
private func tcp6(_ index: Int, _ state: String) -> String {
    "   \(index): 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 \(state) 00000000:00000000 00:00000000 00000000     0        0 1031 1 0000000000000000 100 0 0 10 0\n"
}

private func count(_ text: String) -> Int { listeningSockets(in: Array(text.utf8)) }

@Suite struct PostureTests {
    @Test("C-D1 a socket in LISTEN is seen, of IPv4 and of IPv6")
    func listening() {
        #expect(count(head + tcp(0, "0A")) == 1)
        #expect(count(head + tcp6(0, "0A")) == 1)
        #expect(count(head + tcp(0, "01") + tcp(1, "0A") + tcp(2, "06") + tcp(3, "0A")) == 2)
    }

    @Test("an established, closing or opening connection is none")
    func others() {
        for state in ["01", "02", "03", "04", "05", "06", "07", "08", "09", "0B", "0C"] {
            #expect(count(head + tcp(0, state) + tcp6(1, state)) == 0)
        }
        // A port or address that reads 0A is no state.
        #expect(count(head + "   0: 0A00020F:000A 0A000202:22B3 01 00000000:0000000A 00:00000000 00000000 0 0 10\n") == 0)
    }

    @Test("an empty table, a head alone and a cut line count nothing and trap nothing")
    func short() {
        #expect(count("") == 0)
        #expect(count(head) == 0)
        let text = head + tcp(0, "0A")
        for length in 0..<text.utf8.count { #expect((0...1).contains(count(String(text.prefix(length))))) }
    }
}
