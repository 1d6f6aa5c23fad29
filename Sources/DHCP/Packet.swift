// The frame around a message: IPv4 (RFC 791) and UDP (RFC 768), since there is no address yet that a
// socket of the kernel's could use.
import Bytes

enum Packet {
    static let serverPort: UInt16 = 67
    static let clientPort: UInt16 = 68

    /// The checksum of RFC 1071 over one or more pieces of even length but the last.
    static func checksum(_ bytes: [UInt8], from start: UInt32 = 0) -> UInt16 {
        var sum = start
        for i in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt32(bytes[i]) << 8 | (i + 1 < bytes.count ? UInt32(bytes[i + 1]) : 0)
            sum = sum & 0xFFFF + sum >> 16
        }
        return ~UInt16(sum & 0xFFFF + sum >> 16)
    }

    /// A whole IPv4 packet from our port to the server's.
    static func wrap(_ message: [UInt8], from source: UInt32, to destination: UInt32) -> [UInt8] {
        let length = UInt16(8 + message.count)
        var header = ByteWriter(capacity: 20)
        header.u16(0x4500)
        header.u16(20 + length)
        header.u32(0)
        header.u16(64 << 8 | 17)
        header.u16(0)
        header.u32(source)
        header.u32(destination)
        var bytes = header.bytes
        let sum = checksum(bytes)
        bytes[10] = UInt8(sum >> 8)
        bytes[11] = UInt8(sum & 0xFF)

        var datagram = ByteWriter(capacity: 8 + message.count)
        datagram.u16(clientPort)
        datagram.u16(serverPort)
        datagram.u16(length)
        datagram.u16(0)
        datagram.append(message)
        var content = datagram.bytes
        var pseudo = ByteWriter(capacity: 12)
        pseudo.u32(source)
        pseudo.u32(destination)
        pseudo.u16(17)
        pseudo.u16(length)
        let udp = checksum(content, from: UInt32(~checksum(pseudo.bytes)))
        content[6] = UInt8((udp == 0 ? 0xFFFF : udp) >> 8)
        content[7] = UInt8((udp == 0 ? 0xFFFF : udp) & 0xFF)
        return bytes + content
    }

    /// The message in an IPv4 packet from a server's port to ours; nil if it is anything else.
    /// The UDP checksum is left alone: between a virtual machine and its host it is often not there
    /// yet (offloading), and what it would protect is checked by its meaning.
    static func unwrap(_ packet: RawSpan) -> [UInt8]? {
        guard packet.byteCount >= 28, packet.byteCount <= Limit.packetBytes else { return nil }
        let bytes = packet.copied()
        func u16(_ at: Int) -> Int { Int(bytes[at]) << 8 | Int(bytes[at + 1]) }
        let header = Int(bytes[0] & 15) * 4
        let total = u16(2)
        guard bytes[0] >> 4 == 4, header >= 20, total <= bytes.count, total >= header + 8,
              bytes[9] == 17, u16(6) & 0x3FFF == 0, checksum(Array(bytes[..<header])) == 0,
              u16(header) == Int(serverPort), u16(header + 2) == Int(clientPort)
        else { return nil }
        let length = u16(header + 4)
        guard length >= 8, header + length <= total else { return nil }
        return Array(bytes[header + 8..<header + length])
    }
}
