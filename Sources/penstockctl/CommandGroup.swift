// penstockctl command: what a device is told to do, made and shown.
import ArgumentParser
import Bytes
import Command
import Compiler
import Cryptography
import Signed
import Telemetry

struct CommandGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "command", abstract: "Commands: what a device is told to do.",
        subcommands: [CommandMake.self, CommandInspect.self])
}

struct CommandMake: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "make",
        abstract: "Makes and signs a command for one device.",
        discussion: """
            A device takes a command once: for its own name, in answer to the challenge of its latest \
            birth, with a counter above the issuer's last, before a deadline on its own clock. The birth \
            as it came from the broker gives the name and the challenge:

              mosquitto_sub -t penstock/tank-7/birth -C 1 -N > birth.cbor
              penstockctl command make setpoint inlet 40% --birth birth.cbor \\
                  --counter 1 --deadline-milliseconds 900000 --key ann.key -o c.cose
              mosquitto_pub -t penstock/tank-7/command -q 1 -f c.cose

            Actions: \(CommandWords.forms). The last two only on boards that allow test access. The \
            device's clock stands in each message that it sends (key 3, milliseconds since its start).

            Where the calibration asks for two approvals, a second person looks at the same file and adds a \
            signature before it is sent; each needs a key of their own:

              penstockctl command inspect c.cose
              penstockctl sign c.cose --key bob.key

            A new calibration is sent first, as the file that it is, and then the order that lets it take over \
            on this one device:

              mosquitto_pub -t penstock/tank-7/command -q 1 -f calibration.cose
              penstockctl command make calibration calibration.cose --birth birth.cbor ...
            """)

    @Argument(help: "The action, as words.")
    var action: [String]

    @Option(help: "The device's latest birth, as it came from the broker.")
    var birth: String?

    @Option(help: "The device's name, instead of --birth.")
    var device: String?

    @Option(help: "The challenge of its latest birth, 32 hexadecimal digits, instead of --birth.")
    var challenge: String?

    @Option(help: "Greater than that of the issuer's command before; from 1 after each birth with a new challenge.")
    var counter: UInt64

    @Option(help: "When it becomes void, on the device's clock.")
    var deadlineMilliseconds: UInt64

    @Option(name: .customLong("key"), help: "The issuer's .key file; repeat it where several must sign.")
    var keys: [String]

    @Option(name: [.customShort("o"), .customLong("output")], help: "Where the signed command goes.")
    var destination: String

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let (device, challenge) = try addressee()
        let command = Command(device: device, challenge: challenge, counter: counter,
                              deadlineMilliseconds: deadlineMilliseconds, action: try CommandWords.action(action))
        var object = SignedObject(payload: command.encoded(), purpose: .command)
        for key in keys { try Signer(key).sign(&object) }
        let encoded = object.encoded()
        try writeFile(destination, encoded)
        return Report(["made \(destination) (\(encoded.count) bytes): \(CommandWords.text(command.action)), for \(device)"],
                      [("output", .string(destination))] + fields(command))
    }

    private func addressee() throws -> (String, [UInt8]) {
        if let birth {
            let content = try readFile(birth, maximum: 1 << 16)
            do throws(CBORError) {
                let birth = try Birth(decoding: content.span.bytes)
                return (device ?? birth.device, birth.challenge)
            } catch { throw Failure(code: "birth-malformed", text: "this is no birth of a device: \(error.text); with mosquitto_sub, was -N given?", path: birth) }
        }
        guard let device, let challenge else {
            throw Failure(code: "addressee-missing", text: "whom is it for? give --birth, or both --device and --challenge")
        }
        guard let bytes = Bytes.bytes(hexadecimal: challenge), bytes.count == Command.challengeBytes else {
            throw Failure(code: "challenge-malformed", text: "the challenge must be \(2 * Command.challengeBytes) hexadecimal digits, as the birth gives it (key 6)")
        }
        return (device, bytes)
    }
}

struct CommandInspect: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Shows a signed command; verifies nothing.",
        discussion: """
            Who signed it, and whether rightly, says 'penstockctl verify --purpose command'.

              penstockctl command inspect c.cose
            """)

    @Argument(help: "The signed command.")
    var file: String

    @OptionGroup var output: OutputOptions

    func execute() throws -> Report {
        let content = try readFile(file, maximum: SignedObject.byteMaximum + 1)
        do throws(SignedError) {
            let object = try SignedObject(content.span.bytes)
            guard Purpose(contentType: object.contentType) == .command else { throw .purposeWrong(expected: .command, found: object.contentType) }
            let payload = object.unverifiedPayload
            let command: Command
            do throws(PayloadError) { command = try Command(decoding: payload.span.bytes) } catch { throw .payload(error) }
            let signers = object.signatures.map { hexadecimal($0.keyIdentifier) }
            return Report(
                ["action     \(CommandWords.text(command.action)) (claimed, not verified)", "device     \(command.device)",
                 "challenge  \(hexadecimal(command.challenge))", "counter    \(command.counter)",
                 "deadline   \(command.deadlineMilliseconds) ms on the device's clock", "keys       \(signers.joined(separator: ", "))"],
                fields(command) + [("keyIdentifiers", .strings(signers))])
        } catch { throw Refusal(error, path: file) }
    }
}

private func fields(_ command: Command) -> [(String, JSON)] {
    [("action", .string(CommandWords.text(command.action))), ("device", .string(command.device)),
     ("challenge", .string(hexadecimal(command.challenge))), ("counter", .integer(command.counter)),
     ("deadlineMilliseconds", .integer(command.deadlineMilliseconds))]
}
