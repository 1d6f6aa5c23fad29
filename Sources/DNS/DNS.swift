// Duty: a stub resolver (RFC 1034, 1035, 3596): the addresses of one name from given name servers.
// Trust: whatever arrives may be forged or hostile; it must match the question asked, and even then
// an address is only a place to try: TLS decides whether the right server is there. Must never do
// input or output, follow a pointer forward, or hold more than its named limits.
//
// Why not the C library's: getaddrinfo reads files that the uplink's box does not have, blocks, takes
// no port for a name server, and pulls far more code into the one process that faces the network.
import Bytes

public enum Limit {
    /// A name in text form without the last dot.
    public static let nameBytes = 253
    public static let servers = 3
    /// Addresses taken from the answers, of each family.
    public static let addresses = 4
    /// The largest datagram looked at.
    public static let datagramBytes = 1500
    public static let records = 64
    public static let aliases = 8
    public static let pointers = 16
    /// How often each server is asked.
    public static let rounds = 2
    /// Datagrams that do not answer what was asked, before the port is changed.
    public static let strays = 32
    public static let leastSeconds: UInt32 = 30
    public static let mostSeconds: UInt32 = 3600
}

public enum DNSError: Error, Equatable {
    case nameInvalid
    case noServers
    /// The name does not exist.
    case noSuchName
    /// The name exists and has no address.
    case noAddress
    /// No server answered, or none usefully.
    case noAnswer
}

extension DNSError: Coded {
    public var code: String {
        switch self {
        case .nameInvalid: "dns-name-invalid"
        case .noServers: "dns-no-servers"
        case .noSuchName: "dns-no-such-name"
        case .noAddress: "dns-no-address"
        case .noAnswer: "dns-no-answer"
        }
    }

    public var text: String {
        switch self {
        case .nameInvalid: "the server's name is not a host name; check the commissioning object"
        case .noServers: "no name server is known; name one in the commissioning object, or let DHCP give one"
        case .noSuchName: "the server's name does not exist; check the commissioning object and the zone"
        case .noAddress: "the server's name has no address; check the zone"
        case .noAnswer: "no name server gave a useful answer; check the network and the name servers"
        }
    }
}

enum RecordType: UInt16 {
    case a = 1
    case cname = 5
    case aaaa = 28
}

/// A host name in the form of messages: labels with their lengths, lower case, without the root's zero.
struct Name: Equatable {
    var labels: [UInt8] = []

    init() {}

    /// Letters, digits, hyphen and underscore (RFC 1123, and what zones have in fact).
    init?(_ text: String) {
        var bytes = Array(text.utf8)
        if bytes.last == 46 { bytes.removeLast() }
        guard (1...Limit.nameBytes).contains(bytes.count) else { return nil }
        for label in bytes.split(separator: 46, omittingEmptySubsequences: false) {
            guard (1...63).contains(label.count), label.first != 45, label.last != 45 else { return nil }
            labels.append(UInt8(label.count))
            for byte in label {
                switch byte {
                case 48...57, 97...122, 45, 95: labels.append(byte)
                case 65...90: labels.append(byte + 32)
                default: return nil
                }
            }
        }
    }
}

enum Message {
    /// A question with recursion desired.
    static func question(_ name: Name, _ type: RecordType, identifier: UInt16) -> [UInt8] {
        var writer = ByteWriter(capacity: 300)
        writer.u16(identifier)
        writer.u16(0x0100)
        writer.u16(1)
        writer.zeros(6)
        writer.append(name.labels)
        writer.u8(0)
        writer.u16(type.rawValue)
        writer.u16(1)
        return writer.bytes
    }
}
