// What one device is told once, by its owner: who it is, whom it reports to, where releases come from.
// Signed (purpose commissioning), kept in the partition of that name, measured. Nothing in it is secret:
// the key that its certificate names is in the TPM.
import Bytes
import Signed

/// A server and the authority that its certificate must come from; no other is trusted for it.
public struct Endpoint: Equatable, Sendable {
    public static let certificateMaximum = 2048

    /// A DNS name, which the certificate must carry, or an address.
    public let host: String
    public let port: UInt16
    /// One X.509 certificate, DER.
    public let authority: [UInt8]

    public init(host: String, port: UInt16, authority: [UInt8]) {
        self.host = host
        self.port = port
        self.authority = authority
    }
}

public struct Commissioning: SignedPayload, Equatable, Sendable {
    public static let purpose = Purpose.commissioning
    public static let encodedMaximum = 12288

    /// The device's name: in its topics, in commands for it, in its certificate.
    public let device: String
    /// The board that it must be.
    public let board: String
    public let broker: Endpoint
    /// X.509, DER; of the TPM's key.
    public let clientCertificate: [UInt8]
    public let updateServer: Endpoint
    /// The folder of the bundles, ends with "/".
    public let updatePath: String
    /// Empty: as DHCP says.
    public let nameServers: [NameServer]
    /// Nil: as the board says.
    public let network: NetworkMode?
    /// The TPM's counter when the device was commissioned: floor = counter - baseline.
    public let floorBaseline: UInt64

    public init(
        device: String, board: String, broker: Endpoint, clientCertificate: [UInt8], updateServer: Endpoint,
        updatePath: String, nameServers: [NameServer], network: NetworkMode?, floorBaseline: UInt64
    ) throws(BoardError) {
        self.device = device
        self.board = board
        self.broker = broker
        self.clientCertificate = clientCertificate
        self.updateServer = updateServer
        self.updatePath = updatePath
        self.nameServers = nameServers
        self.network = network
        self.floorBaseline = floorBaseline
        try check()
    }

    private func check() throws(BoardError) {
        try demand(TextForm.isName(device), "device", "1 to 31 lower-case letters, digits and hyphens, beginning with a letter")
        try demand(TextForm.isBoardName(board), "board", "the name of a board, as its board.toml has it")
        try check(broker, "broker")
        try check(updateServer, "update")
        try demand(TextForm.isURLPath(updatePath) && updatePath.utf8.last == 47, "update.path", "a path that begins and ends with \"/\", without \"..\"")
        try demand((1...Endpoint.certificateMaximum).contains(clientCertificate.count), "certificate", "one DER certificate of at most \(Endpoint.certificateMaximum) bytes")
        try demand(nameServers.count <= NameServer.maximum, "name-servers", "more than \(NameServer.maximum)")
    }

    private func check(_ endpoint: Endpoint, _ field: String) throws(BoardError) {
        try demand(TextForm.isHost(endpoint.host), "\(field).host", "a DNS name or an address")
        try demand(endpoint.port != 0, "\(field).port", "a number from 1 to 65535")
        try demand((1...Endpoint.certificateMaximum).contains(endpoint.authority.count), "\(field).authority", "one DER certificate of at most \(Endpoint.certificateMaximum) bytes")
    }

    private func demand(_ holds: Bool, _ field: String, _ reason: String) throws(BoardError) {
        guard holds else { throw .refused(field: "commissioning.\(field)", reason: reason) }
    }
}

// MARK: on the wire

extension Commissioning {
    /// Deterministic CBOR: a map with the keys 1 to 10, all there.
    public func encoded() -> [UInt8] {
        var writer = CBORWriter(capacity: 4096)
        writer.map(10)
        writer.unsigned(1); writer.unsigned(1)
        writer.unsigned(2); writer.text(device)
        writer.unsigned(3); writer.text(board)
        writer.unsigned(4); broker.encode(into: &writer)
        writer.unsigned(5); writer.bytes(clientCertificate)
        writer.unsigned(6); updateServer.encode(into: &writer)
        writer.unsigned(7); writer.text(updatePath)
        writer.unsigned(8); writer.array(nameServers.count)
        for server in nameServers { server.encode(into: &writer) }
        writer.unsigned(9)
        if let network {
            writer.array(1)
            network.encode(into: &writer)
        } else {
            writer.array(0)
        }
        writer.unsigned(10); writer.unsigned(floorBaseline)
        return writer.bytes
    }

    public init(decoding bytes: RawSpan) throws(PayloadError) {
        let raw: Raw
        do throws(CBORError) {
            raw = try Raw(decoding: bytes)
        } catch { throw PayloadError(error) }
        do throws(BoardError) {
            try self.init(
                device: raw.device, board: raw.board, broker: raw.broker, clientCertificate: raw.clientCertificate,
                updateServer: raw.updateServer, updatePath: raw.updatePath, nameServers: raw.nameServers,
                network: raw.network, floorBaseline: raw.floorBaseline)
        } catch { throw PayloadError(code: "commissioning-refused", text: error.text) }
    }

    private struct Raw {
        let device: String, board: String, broker: Endpoint, clientCertificate: [UInt8]
        let updateServer: Endpoint, updatePath: String
        var nameServers: [NameServer] = []
        let network: NetworkMode?, floorBaseline: UInt64

        init(decoding bytes: RawSpan) throws(CBORError) {
            var reader = CBORReader(bytes)
            try reader.fields(10)
            try reader.field(1)
            let format = reader.offset
            guard try reader.unsigned() == 1 else { throw .outOfRange(at: format) }
            try reader.field(2)
            device = try reader.text(maximum: TextForm.nameMaximum)
            try reader.field(3)
            board = try reader.text(maximum: TextForm.nameMaximum)
            try reader.field(4)
            broker = try Endpoint(decoding: &reader)
            try reader.field(5)
            clientCertificate = try reader.bytes(maximum: Endpoint.certificateMaximum)
            try reader.field(6)
            updateServer = try Endpoint(decoding: &reader)
            try reader.field(7)
            updatePath = try reader.text(maximum: 127)
            try reader.field(8)
            for _ in 0..<(try reader.array(maximum: NameServer.maximum)) { nameServers.append(try NameServer(decoding: &reader)) }
            try reader.field(9)
            network = try reader.array(maximum: 1) == 1 ? try NetworkMode(decoding: &reader) : nil
            try reader.field(10)
            floorBaseline = try reader.unsigned()
            try reader.end()
        }
    }
}

extension Endpoint {
    func encode(into writer: inout CBORWriter) {
        writer.array(3)
        writer.text(host)
        writer.unsigned(UInt64(port))
        writer.bytes(authority)
    }

    init(decoding reader: inout CBORReader) throws(CBORError) {
        try reader.array(exactly: 3)
        host = try reader.text(maximum: 253)
        port = try reader.u16()
        authority = try reader.bytes(maximum: Self.certificateMaximum)
    }
}
