// penstockctl device: what manufacturing does once to a board.
import ArgumentParser
import Bytes
import Compiler
import Cryptography
import TPM
import TPMSocket

struct DeviceGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device", abstract: "A board's TPM: made ready for its commissioning.",
        subcommands: [DeviceProvision.self])
}

struct DeviceProvision: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "provision", abstract: "Makes the counters of the floors and reads the device's public keys.",
        discussion: """
            Makes the NV counters of the rollback floor and of the key sets' floor if the TPM lacks them, and prints the value of the first, the \
            baseline: it goes into the commissioning as floor-baseline. The device key goes into the \
            client certificate, the attestation key to whoever verifies quotes, the decryption key to \
            whoever encrypts bundles for this device alone. The private keys never leave the TPM. To run it again changes nothing in the TPM.

              penstockctl device provision --tpm unix:/run/swtpm.sock --json
              penstockctl device provision --tpm unix:/run/swtpm.sock --output tank-7
              # tank-7.device.pub, tank-7.attestation.pub, tank-7.decryption.pub
            """)

    @Option(help: "Where the TPM is: unix:PATH, the command socket of an swtpm.")
    var tpm: String

    @Option(name: [.customShort("o"), .customLong("output")], help: "Write the keys to NAME.device.pub, NAME.attestation.pub and NAME.decryption.pub.")
    var name: String?

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard tpm.hasPrefix("unix:"), tpm.count > 5 else { throw ValidationError("--tpm wants unix:PATH, not '\(tpm)'") }
    }

    func execute() throws -> Report {
        let path = String(tpm.dropFirst(5))
        let provisioned: Provisioned
        do throws(TPMError) {
            var tpm = TPM(try TPMSocket(path: path))
            provisioned = try provision(&tpm)
        } catch { throw Failure(error, path: path) }
        let device = try provisioned.deviceKey.pem(), attestation = try provisioned.attestationKey.pem(), decryption = try provisioned.decryptionKey.pem()
        let deviceText = String(decoding: device, as: UTF8.self), attestationText = String(decoding: attestation, as: UTF8.self), decryptionText = String(decoding: decryption, as: UTF8.self)
        let identity = provisioned.identity
        var lines = [
            "TPM: \(identity.manufacturer) \(identity.model), firmware \(String(identity.firmwareVersion, radix: 16))",
            "floor baseline: \(provisioned.floorBaseline)",
        ]
        if let name {
            for (suffix, pem) in [("device", device), ("attestation", attestation), ("decryption", decryption)] {
                try writeFile("\(name).\(suffix).pub", pem)
                lines.append("made \(name).\(suffix).pub")
            }
        } else {
            lines += ["device key:", deviceText, "attestation key:", attestationText, "decryption key:", decryptionText]
        }
        return Report(lines, [
            ("floorBaseline", .integer(provisioned.floorBaseline)),
            ("deviceKey", .string(deviceText)),
            ("attestationKey", .string(attestationText)),
            ("decryptionKey", .string(decryptionText)),
            ("manufacturer", .string(identity.manufacturer)),
            ("model", .string(identity.model)),
            ("firmwareVersion", .string(String(identity.firmwareVersion, radix: 16))),
        ])
    }
}
