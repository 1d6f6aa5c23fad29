// How the board's one interface gets its addresses, and where names are asked for.
import Bytes

/// An address with its subnet: 4 bytes (IPv4) or 16 (IPv6).
public struct InterfaceAddress: Equatable, Sendable {
    public let address: [UInt8]
    public let prefixLength: Int
    /// Of the same kind as `address`; nil if nothing lies beyond the subnet.
    public let router: [UInt8]?

    /// Nil unless the lengths fit together.
    public init?(address: [UInt8], prefixLength: Int, router: [UInt8]?) {
        guard address.count == 4 || address.count == 16, (1...8 * address.count).contains(prefixLength) else { return nil }
        guard router == nil || router!.count == address.count else { return nil }
        self.address = address
        self.prefixLength = prefixLength
        self.router = router
    }

    func encode(into writer: inout CBORWriter) {
        writer.array(3)
        writer.bytes(address)
        writer.unsigned(prefixLength)
        if let router { writer.bytes(router) } else { writer.null() }
    }

    init(decoding reader: inout CBORReader) throws(CBORError) {
        let at = reader.offset
        try reader.array(exactly: 3)
        let address = try reader.bytes(maximum: 16)
        let prefixLength = try reader.count(maximum: 128)
        let router: [UInt8]? = try reader.null() ? nil : try reader.bytes(maximum: 16)
        guard let value = InterfaceAddress(address: address, prefixLength: prefixLength, router: router) else { throw .outOfRange(at: at) }
        self = value
    }
}

public enum NetworkMode: Equatable, Sendable {
    /// IPv4 by DHCP; IPv6 as routers advertise it.
    case dhcp
    /// At least one of them.
    case fixed(v4: InterfaceAddress?, v6: InterfaceAddress?)

    func encode(into writer: inout CBORWriter) {
        switch self {
        case .dhcp: writer.null()
        case .fixed(let v4, let v6):
            writer.array(2)
            if let v4 { v4.encode(into: &writer) } else { writer.null() }
            if let v6 { v6.encode(into: &writer) } else { writer.null() }
        }
    }

    init(decoding reader: inout CBORReader) throws(CBORError) {
        if try reader.null() {
            self = .dhcp
            return
        }
        let at = reader.offset
        try reader.array(exactly: 2)
        let v4: InterfaceAddress? = try reader.null() ? nil : try InterfaceAddress(decoding: &reader)
        let v6: InterfaceAddress? = try reader.null() ? nil : try InterfaceAddress(decoding: &reader)
        guard v4 != nil || v6 != nil, v4 == nil || v4!.address.count == 4, v6 == nil || v6!.address.count == 16 else { throw .outOfRange(at: at) }
        self = .fixed(v4: v4, v6: v6)
    }
}

/// Where names are resolved.
public struct NameServer: Equatable, Sendable {
    /// 4 or 16 bytes.
    public let address: [UInt8]
    public let port: UInt16
    /// Of them, in one commissioning.
    public static let maximum = 4

    /// Nil unless the address has 4 or 16 bytes and the port is not 0.
    public init?(address: [UInt8], port: UInt16 = 53) {
        guard address.count == 4 || address.count == 16, port != 0 else { return nil }
        self.address = address
        self.port = port
    }

    func encode(into writer: inout CBORWriter) {
        writer.array(2)
        writer.bytes(address)
        writer.unsigned(UInt64(port))
    }

    init(decoding reader: inout CBORReader) throws(CBORError) {
        let at = reader.offset
        try reader.array(exactly: 2)
        guard let value = NameServer(address: try reader.bytes(maximum: 16), port: try reader.u16()) else { throw .outOfRange(at: at) }
        self = value
    }
}
