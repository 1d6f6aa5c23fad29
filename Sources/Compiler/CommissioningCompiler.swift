// A device's commissioning from its human-edited file.
import Board
import Bytes
import Foundation
import Signed

public enum CommissioningCompiler {
    static let code = "commissioning-file-invalid"

    /// Reads a file such as
    ///
    ///     device = "tank-7"
    ///     board = "qemu-x86_64"
    ///     certificate = "tank-7.crt"            # PEM or DER, of the TPM's key; beside this file
    ///     floor-baseline = 4                    # the TPM's counter now
    ///     name-servers = ["10.0.2.3"]           # optional; "[2001:db8::1]:5353" and "10.0.2.3:5353" too
    ///     [broker]
    ///     host = "broker.example"
    ///     port = 8883
    ///     authority = "broker-ca.crt"
    ///     [update]
    ///     host = "bundles.example"
    ///     port = 443
    ///     path = "/bundles/"
    ///     authority = "bundles-ca.crt"
    ///     [network]                             # optional: else as the board says
    ///     mode = "fixed"
    ///     v4 = { address = "192.0.2.7/24", router = "192.0.2.1" }
    public static func compile(_ path: String) throws(Failure) -> Commissioning {
        let file = try TOMLSection(reading: path, code: code)
        let device = try file.text("device"), board = try file.text("board")
        let certificate = try certificate(file, "certificate")
        let baseline = try file.integer("floor-baseline", 0...Int.max)
        var servers: [NameServer] = []
        for text in try file.texts("name-servers") {
            guard let server = nameServer(text) else { throw file.refusal("name-servers", "'\(text)' is no numeric address, as \"10.0.2.3\", \"10.0.2.3:5353\" or \"[2001:db8::1]:53\"") }
            servers.append(server)
        }
        let brokerSection = try file.section("broker")
        let broker = try endpoint(brokerSection)
        try brokerSection.end()
        let updateSection = try file.section("update")
        let update = try endpoint(updateSection), updatePath = try updateSection.text("path", or: "/")
        try updateSection.end()
        var network: NetworkMode?
        if let section = try file.optionalSection("network") {
            network = try BoardCompiler.mode(section)
            try section.end()
        }
        try file.end()
        do throws(BoardError) {
            return try Commissioning(
                device: device, board: board, broker: broker, clientCertificate: certificate, updateServer: update,
                updatePath: updatePath, nameServers: servers, network: network, floorBaseline: UInt64(baseline))
        } catch { throw Failure(code: code, text: error.text, path: path) }
    }

    private static func endpoint(_ section: TOMLSection) throws(Failure) -> Endpoint {
        Endpoint(host: try section.text("host"), port: UInt16(try section.integer("port", 1...65535)), authority: try certificate(section, "authority"))
    }

    private static func certificate(_ section: TOMLSection, _ key: String) throws(Failure) -> [UInt8] {
        let base = URL(fileURLWithPath: section.path).deletingLastPathComponent()
        let path = URL(fileURLWithPath: try section.text(key), relativeTo: base).path
        guard let certificate = derCertificate(try readFile(path, maximum: 65536)) else {
            throw section.refusal(key, "\(path) holds no certificate, or more than one: one X.509 certificate in PEM or DER")
        }
        return certificate
    }

    /// An address with a port or without.
    static func nameServer(_ text: String) -> NameServer? {
        if let address = networkAddress(text) { return NameServer(address: address) }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
        let host = text[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        return networkAddress(host).flatMap { NameServer(address: $0, port: port) }
    }
}

/// The DER of the one certificate in a PEM or DER file; nil if there is none, or several.
public func derCertificate(_ content: [UInt8]) -> [UInt8]? {
    if content.first == 0x30 { return content }
    let parts = String(decoding: content, as: UTF8.self).components(separatedBy: "-----BEGIN CERTIFICATE-----")
    guard parts.count == 2, let body = parts[1].components(separatedBy: "-----END CERTIFICATE-----").first,
        let der = Data(base64Encoded: body, options: .ignoreUnknownCharacters), der.first == 0x30
    else { return nil }
    return [UInt8](der)
}
