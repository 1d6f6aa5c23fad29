// Duty: what this run of the binary is: PID 1, its second stage, a role, or a question from a shell.
// Nothing else: no logic of the device stands here.
import Authority
import Boot
import Controller
import Installer
import Keeper
import SelfTest
import Supervisor
import System
import Uplink

let version = "0.1.0"

let help = """
    penstock \(version): firmware runtime for boards that move things

    USAGE
      penstock selftest    check hashes, signatures, CBOR, tree and envelope on this machine
      penstock --version   print the version
      penstock --help      print this

    As PID 1 of an initramfs it boots the board: outputs safe, slot verified and measured, root mounted,
    roles supervised. It listens on nothing and takes no configuration from the command line.

      penstock supervise N    the second stage (run by the first, with its handover in descriptor N)
      penstock role NAME N G A  a role (run by the supervisor, with N granted descriptors, and threads for G
                                GPIO chips and A converters beside its first)

    EXIT STATUS  0 done, 1 failed, 2 wrong usage
    """

func run(_ arguments: [String]) -> Never {
    let word = arguments.count > 1 ? arguments[1] : ""
    let number = arguments.count > 2 ? Int32(arguments.last!) : nil
    // What the kernel's command line adds is not for us: PID 1 boots, unless it is the second stage.
    if processIdentifier() == 1 {
        guard word == "supervise", let number else { boot() }
        supervise(handover: number)
    }
    switch word {
    case "role":
        guard arguments.count == 6, let converters = number, converters >= 0, let chips = Int32(arguments[4]), chips >= 0,
            let count = Int32(arguments[3]), count > 0, let role = RoleName(arguments[2])
        else { usage() }
        switch role {
        case .controller: runController(descriptorCount: Int(count), chipCount: Int(chips), converterCount: Int(converters))
        case .keeper: runKeeper(descriptorCount: Int(count))
        case .uplink: runUplink(descriptorCount: Int(count))
        case .installer: runInstaller(descriptorCount: Int(count))
        }
    case "selftest": runSelfTest()
    case "--version", "-V", "version": say("penstock \(version)")
    case "--help", "-h", "help": say(help)
    default: usage()
    }
    exitProcess(0)
}

func say(_ text: String) { print(text) }

func usage() -> Never {
    log("penstock: wrong usage; try 'penstock --help'")
    exitProcess(2)
}

func runSelfTest() -> Never {
    var passed = 0
    var failed = 0
    let holds = selfTest { name, held in
        log("\(held ? "ok  " : "FAIL") \(name)")
        if held { passed += 1 } else { failed += 1 }
    }
    log("\(passed) passed, \(failed) failed")
    exitProcess(holds ? 0 : 1)
}

run(processArguments())
