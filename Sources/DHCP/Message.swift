// Messages (RFC 2131, section 2) and their options (RFC 2132).
import Bytes

enum Message {
    static let cookie: UInt32 = 0x6382_5363
    /// What we ask for: mask, router, name servers, lease time, T1, T2.
    static let parameters: [UInt8] = [1, 3, 6, 51, 58, 59]

    struct Outgoing {
        var type: MessageType
        var transaction: UInt32
        var seconds: UInt16
        var hardwareAddress: [UInt8]
        /// Ours, once it is bound (ciaddr).
        var clientAddress: UInt32 = 0
        var requested: UInt32?
        var server: UInt32?

        var bytes: [UInt8] {
            var writer = ByteWriter(capacity: 300)
            writer.u32(0x0101_0600)
            writer.u32(transaction)
            writer.u16(seconds)
            // Broadcast, while we could not receive anything else.
            writer.u16(clientAddress == 0 ? 0x8000 : 0)
            writer.u32(clientAddress)
            writer.zeros(12)
            writer.append(hardwareAddress)
            writer.zeros(10 + 64 + 128)
            writer.u32(cookie)
            writer.append([53, 1, type.rawValue])
            writer.append([61, 7, 1])
            writer.append(hardwareAddress)
            if let requested {
                writer.append([50, 4])
                writer.u32(requested)
            }
            if let server {
                writer.append([54, 4])
                writer.u32(server)
            }
            writer.append([57, 2])
            writer.u16(UInt16(Limit.packetBytes))
            writer.append([55, UInt8(parameters.count)])
            writer.append(parameters)
            writer.u8(255)
            // Old relays drop what is shorter than BOOTP's 300 bytes.
            writer.zeros(max(0, 300 - writer.bytes.count))
            return writer.bytes
        }
    }
}

/// The options that matter. Each may come once.
private struct Options {
    var values: [(code: UInt8, value: ArraySlice<UInt8>)] = []

    /// False if the form is broken; the end option must stand.
    mutating func read(_ bytes: ArraySlice<UInt8>) -> Bool {
        var at = bytes.startIndex
        while at < bytes.endIndex {
            let code = bytes[at]
            if code == 255 { return true }
            at += 1
            if code == 0 { continue }
            guard at < bytes.endIndex else { return false }
            let length = Int(bytes[at])
            guard length <= bytes.endIndex - at - 1 else { return false }
            if [1, 3, 6, 51, 52, 53, 54, 58, 59].contains(code) {
                guard value(code) == nil else { return false }
                values.append((code, bytes[at + 1..<at + 1 + length]))
            }
            at += 1 + length
        }
        return false
    }

    func value(_ code: UInt8) -> ArraySlice<UInt8>? {
        for option in values where option.code == code { return option.value }
        return nil
    }

    func number(_ code: UInt8) -> UInt32? {
        guard let value = value(code), value.count == 4 else { return nil }
        return bigEndian(value)
    }

    func addresses(_ code: UInt8) -> [UInt32] {
        guard let value = value(code), value.count % 4 == 0 else { return [] }
        return stride(from: value.startIndex, to: value.endIndex, by: 4).map { bigEndian(value[$0..<$0 + 4]) }
    }
}

private func bigEndian(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }

extension Reply {
    /// Nil if it is not an answer to this transaction, or not a sound one.
    init?(_ message: [UInt8], transaction: UInt32, hardwareAddress: [UInt8]) {
        guard message.count >= 240, message[0] == 2, message[1] == 1, message[2] == 6,
              bigEndian(message[4..<8]) == transaction, Array(message[28..<34]) == hardwareAddress,
              bigEndian(message[236..<240]) == Message.cookie
        else { return nil }
        var options = Options()
        guard options.read(message[240...]) else { return nil }
        // The fields of names may hold more options (option overload).
        if let overload = options.value(52) {
            guard overload.count == 1, let fields = overload.first, (1...3).contains(fields) else { return nil }
            if fields & 1 != 0, !options.read(message[108..<236]) { return nil }
            if fields & 2 != 0, !options.read(message[44..<108]) { return nil }
        }
        guard let type = options.value(53), type.count == 1, let server = options.number(54), isHost(server) else { return nil }
        switch MessageType(rawValue: type.first!) {
        case .refuse: self = .refuse(server: server)
        case .offer:
            guard let offer = Offer(bigEndian(message[16..<20]), server, options) else { return nil }
            self = .offer(offer)
        case .acknowledge:
            guard let offer = Offer(bigEndian(message[16..<20]), server, options) else { return nil }
            self = .acknowledge(offer)
        default: return nil
        }
    }
}

/// Not this network, loopback, multicast or broadcast.
private func isHost(_ address: UInt32) -> Bool {
    address >> 24 != 0 && address >> 24 != 127 && address >> 28 < 14
}

extension Reply.Offer {
    fileprivate init?(_ address: UInt32, _ server: UInt32, _ options: Options) {
        guard isHost(address), let mask = options.number(1), mask != 0, (~mask) & (~mask &+ 1) == 0,
              let seconds = options.number(51), seconds >= Limit.leastLeaseSeconds
        else { return nil }
        let prefix = mask.nonzeroBitCount
        // Neither the network's own address nor its broadcast.
        if prefix < 31, address & ~mask == 0 || address & ~mask == ~mask { return nil }
        let isForEver = seconds == .max
        var router: IPAddress?
        for candidate in options.addresses(3).prefix(1) where candidate & mask == address & mask && candidate != address {
            router = .v4(candidate)
        }
        var nameServers: [IPAddress] = []
        for candidate in options.addresses(6) where isHost(candidate) && nameServers.count < Limit.nameServers {
            nameServers.append(.v4(candidate))
        }
        lease = Lease(
            address: .v4(address), prefixLength: prefix, router: router, nameServers: nameServers,
            server: .v4(server), seconds: isForEver ? nil : seconds)
        serverAddress = server
        clientAddress = address
        if !isForEver {
            // T1 and T2 as given if they stand in order, else as RFC 2131, 4.4.5 has them.
            let half = seconds / 2, late = UInt32(UInt64(seconds) * 7 / 8)
            let first = options.number(58) ?? half, second = options.number(59) ?? late
            let sound = first >= Limit.leastLeaseSeconds / 2 && first < second && second < seconds
            renewSeconds = sound ? first : half
            rebindSeconds = sound ? second : late
        }
    }
}
