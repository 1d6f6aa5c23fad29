// swift-tools-version: 6.2
// One source tree, two builds. Plain `swift build` and `swift test` are the host's: regular Swift,
// with the tools and the tests. With PENSTOCK_DEVICE set (tools/build does that, with a scratch path
// of its own) it is the device's: Embedded Swift, whole-module, the binary and nothing else.
import PackageDescription

let device = Context.environment["PENSTOCK_DEVICE"] != nil

let common: [SwiftSetting] = [.enableExperimentalFeature("Lifetimes")]
let embedded: [SwiftSetting] = common + [
    .enableExperimentalFeature("Embedded"),
    .unsafeFlags(["-wmo", "-O", "-Xfrontend", "-function-sections"]),
]
// A module's code is made where it is used: the program's object holds all of it, so the modules' own
// objects would only be made to be thrown away, at more than half of the build's time.
let embeddedModule: [SwiftSetting] = embedded + [.unsafeFlags(["-Xfrontend", "-emit-empty-object-file"])]

func target(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies)
}

/// Leads each call of the allocator through CAllocations, which counts it.
let countsAllocations: [LinkerSetting] = !device ? [] : [
    .unsafeFlags(["malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign"].flatMap { ["-Xlinker", "--wrap=\($0)"] }),
]

// In the order of the data's way: a target imports only what stands above it.
let deviceTargets: [Target] = [
    // C: headers and inline shims, no policy. One Swift module stands before each.
    .target(name: "CKernel"),
    .target(name: "CAllocations", cSettings: device ? [.define("PENSTOCK_DEVICE")] : nil),
    .target(name: "COpenSSL", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
    .target(name: "CGPIO", linkerSettings: [.linkedLibrary("gpiod")]),

    // Adapters and formats.
    target("Bytes"),
    target("System", ["CKernel", "CAllocations", "Bytes"]),
    target("Cryptography", ["COpenSSL", "Bytes"]),
    target("TPM", ["Bytes", "Cryptography"]),
    target("TPMDevice", ["System", "TPM"]),
    target("Signed", ["Bytes", "Cryptography"]),
    target("Verity", ["Bytes", "Cryptography"]),

    // What the signed objects say, and what is kept.
    target("Board", ["Bytes", "Signed"]),
    target("GPIO", ["CGPIO", "System", "Board"]),
    target("IIO", ["System", "Board"]),
    target("Release", ["Bytes", "Signed", "Verity"]),
    target("BootState", ["Bytes", "Cryptography"]),
    target("Calibration", ["Bytes", "Signed"]),
    target("Command", ["Bytes", "Signed"]),
    target("Journal", ["Bytes", "Cryptography"]),

    // Pure cores.
    target("Control", ["Bytes", "Calibration"]),
    target("Telemetry", ["Bytes"]),
    target("MQTT", ["Bytes"]),
    target("HTTP", ["Bytes"]),
    target("DHCP", ["Bytes"]),
    target("DNS", ["Bytes"]),
    target("Backoff"),

    // Authority: who may do what; and the two that carry it out.
    target("Authority", ["CKernel", "Bytes", "Control"]),
    target("Confine", ["CKernel", "System", "Authority"]),

    // The boot, which the supervisor goes on from, and the roles. Roles never import each other.
    target("Boot", ["System", "GPIO", "IIO", "TPMDevice", "Board", "Calibration", "Release", "BootState", "Telemetry"]),
    target("Supervisor", ["Backoff", "Boot", "Calibration", "System", "GPIO", "TPMDevice", "Board", "Release", "BootState", "Telemetry", "Authority", "Confine"]),
    target("Controller", ["System", "GPIO", "IIO", "Signed", "Calibration", "Control", "Board", "Telemetry", "Authority", "Confine"]),
    target("Keeper", ["Backoff", "System", "TPMDevice", "Board", "Release", "Calibration", "Command", "Control", "Journal", "Telemetry", "Authority", "Confine"]),
    target("Uplink", ["System", "Cryptography", "MQTT", "HTTP", "DHCP", "DNS", "Backoff", "Signed", "Board", "Authority", "Confine"]),
    target("Installer", ["Bytes", "System", "Signed", "Verity", "Release", "Board", "Backoff", "Telemetry", "Authority", "Confine"]),

    target("StepBench", ["Calibration", "Control"]),
    target("SelfTest", ["Bytes", "System", "Cryptography", "Verity", "Control"]),
    .executableTarget(
        name: "penstock",
        dependencies: ["SelfTest", "Boot", "Supervisor", "Controller", "Keeper", "Uplink", "Installer"],
        linkerSettings: countsAllocations),
]

/// Built for tools/bench alone: the step, to be measured.
let benchTargets: [Target] = [
    .executableTarget(name: "penstock-step", dependencies: ["StepBench", "System"], linkerSettings: countsAllocations),
]

let hostTargets: [Target] = [
    .target(name: "CToken"),
    .target(name: "Token", dependencies: ["CToken", "Bytes", "Cryptography"]),
    .testTarget(name: "StepBenchTests", dependencies: ["StepBench"]),
    .target(name: "Compiler", dependencies: [
        "Token", "Bytes", "Cryptography", "Signed", "Board", "Calibration", "Verity", "Release", "BootState", "Command",
        .product(name: "TOMLKit", package: "TOMLKit"),
    ]),
    .target(name: "TPMSocket", dependencies: ["TPM"]),
    .target(name: "RunReport", dependencies: [
        "Bytes", "Cryptography", "Signed", "Calibration", "Telemetry", "Journal", "Authority",
    ]),
    .testTarget(name: "RunReportTests", dependencies: ["RunReport", "Calibration", "Compiler", "Cryptography", "Board", "Bytes", "Journal", "Telemetry", "Authority", "SimulatedDisk"]),
    .target(name: "Plant"),
    .target(name: "CRig"),
    .target(name: "Rig", dependencies: [
        "CRig", "Plant", "Bytes", "BootState", "Cryptography", "Signed", "Board", "Calibration", "Command", "Compiler", "TPM", "TPMSocket", "Telemetry",
        "Verity", "Release", "RunReport",
    ]),
    .testTarget(name: "PlantTests", dependencies: ["Plant"]),
    .testTarget(name: "RigTests", dependencies: ["Rig", "Plant", "CRig", "RunReport", "Command", "Cryptography", "Signed", "Telemetry"]),
    .executableTarget(name: "penstock-rig", dependencies: [
        "Rig", "Plant", "Command", "Compiler", .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ]),
    .executableTarget(name: "penstockctl", dependencies: [
        "Compiler", "Bytes", "Cryptography", "Signed", "Board", "Release", "BootState", "Calibration", "Command",
        "Telemetry", "TPM", "TPMSocket", "RunReport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ]),
    .target(name: "SeededRandom", path: "Tests/SeededRandom"),
    .target(name: "SimulatedDisk", dependencies: ["Bytes", "SeededRandom"], path: "Tests/SimulatedDisk"),
    .testTarget(name: "VerityTests", dependencies: ["Verity", "SimulatedDisk", "SeededRandom"]),
    .testTarget(name: "BootStateTests", dependencies: ["BootState", "SimulatedDisk", "SeededRandom"]),
    .target(name: "SimulatedRelease", dependencies: ["Release", "SimulatedDisk", "SeededRandom"], path: "Tests/SimulatedRelease"),
    .testTarget(name: "ReleaseTests", dependencies: ["Release", "SimulatedRelease", "SeededRandom"]),
    .target(name: "Fuzzing", dependencies: ["SeededRandom"], path: "Tests/Fuzzing"),
    .testTarget(name: "FuzzTests", dependencies: ["Fuzzing", "Board", "BootState", "HTTP", "SeededRandom", "SimulatedDisk", "Release", "Signed", "SimulatedRelease", "Verity"], exclude: ["Corpus"]),
    .testTarget(name: "InstallerTests", dependencies: ["Installer", "Authority", "Boot", "BootState", "TPM", "SimulatedRelease", "SeededRandom"]),

    .testTarget(name: "ImageTests", dependencies: ["Compiler", "Board", "Release", "Signed", "Cryptography"]),
    .testTarget(name: "BoardTests", dependencies: ["Board", "Signed", "SeededRandom"]),
    .testTarget(name: "GPIOTests", dependencies: ["GPIO"], exclude: ["libgpiod2.c"]),
    .testTarget(name: "IIOTests", dependencies: ["IIO", "System", "SeededRandom"]),
    .target(name: "CTPMOracle", path: "Tests/CTPMOracle", linkerSettings: [.linkedLibrary("tss2-sys"), .linkedLibrary("tss2-mu")]),
    .testTarget(name: "TPMTests", dependencies: ["TPM", "TPMSocket", "CTPMOracle", "SeededRandom"]),
    .testTarget(name: "JournalTests", dependencies: ["Journal", "Cryptography", "Bytes", "SeededRandom"]),
    .testTarget(name: "CryptographyTests", dependencies: ["Cryptography", "Bytes", "SeededRandom"]),
    .testTarget(name: "TokenTests", dependencies: ["Token", "Signed", "Cryptography"]),
    .testTarget(name: "SignedTests", dependencies: ["Signed", "Release", "Bytes", "Cryptography", "SeededRandom"], exclude: ["pycose-oracle.py"]),
    .testTarget(name: "MQTTTests", dependencies: ["MQTT", "SeededRandom"]),
    .testTarget(name: "HTTPTests", dependencies: ["HTTP", "SeededRandom"]),
    .testTarget(name: "BackoffTests", dependencies: ["Backoff", "SeededRandom"]),
    .testTarget(name: "UplinkTests", dependencies: ["Uplink", "Rig"]),
    .testTarget(name: "TelemetryTests", dependencies: ["Telemetry", "SeededRandom"]),
    .testTarget(name: "DHCPTests", dependencies: ["DHCP", "SeededRandom"]),
    .testTarget(name: "DNSTests", dependencies: ["DNS", "SeededRandom"]),
    .testTarget(name: "CalibrationTests", dependencies: ["Calibration", "Bytes", "Signed", "SeededRandom"], exclude: ["Corpus"]),
    .testTarget(name: "ControllerTests", dependencies: ["Controller", "Control", "Calibration", "Board", "GPIO", "IIO", "ControlSimulation", "SimulatedRelease", "Compiler", "Plant", "SeededRandom"]),
    .target(name: "BoardSimulation", dependencies: ["Calibration", "Control", "ControlSimulation", "Plant", "SeededRandom"], path: "Tests/BoardSimulation"),
    .testTarget(name: "BoardCalibrationTests", dependencies: ["Compiler", "Control", "Plant", "BoardSimulation"]),
    .target(name: "ControlSimulation", dependencies: ["Bytes", "Board", "Control", "Calibration", "SeededRandom"], path: "Tests/ControlSimulation"),
    .executableTarget(name: "ControlMutants", dependencies: ["Control", "ControlSimulation"], path: "Tests/ControlMutants"),
    .testTarget(name: "ControlTests", dependencies: ["Bytes", "Control", "Calibration", "ControlSimulation", "ControlMutants", "SeededRandom"]),
    .testTarget(name: "AuthorityTests", dependencies: ["Authority", "Control", "ControlSimulation", "SeededRandom"]),
    .target(name: "CCage", path: "Tests/CCage"),
    .testTarget(name: "ConfineTests", dependencies: ["Confine", "System", "CKernel", "CCage"]),
    .testTarget(name: "BootTests", dependencies: ["Boot", "Calibration", "ControlSimulation", "SimulatedRelease", "SeededRandom"]),
    .testTarget(name: "SupervisorTests", dependencies: ["Supervisor", "Installer", "Release", "Signed", "Verity", "GPIO", "Board", "BootState", "ControlSimulation", "SimulatedDisk", "SimulatedRelease"]),
    .testTarget(name: "KeeperTests", dependencies: ["Backoff", "Keeper", "ControlSimulation", "Cryptography", "Signed"]),
    .testTarget(name: "CommandTests", dependencies: ["Command", "Cryptography", "SeededRandom"]),
    .testTarget(
        name: "CompilerTests", dependencies: ["Compiler", "Calibration", "Command", "Signed", "Cryptography", "Bytes"], exclude: ["Calibrations"]),
]

let package = Package(
    name: "Penstock",
    dependencies: device ? [] : [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    ],
    targets: deviceTargets + (device ? benchTargets : hostTargets))

// On the host the step is optimised also in debug builds, for the millions of steps of its tests, and one
// of its checks can be taken out there (Sources/Control/Check.swift). So is what an update runs through, for
// its power cuts.
let optimised = ["Bytes", "Cryptography", "Signed", "Verity", "Release", "BootState", "Installer", "SimulatedDisk",
    "Calibration", "Control", "SeededRandom", "ControlSimulation", "Plant", "BoardSimulation"]

for target in package.targets {
    target.swiftSettings = !device ? common : target.type == .executable ? embedded : embeddedModule
    if !device, optimised.contains(target.name) { target.swiftSettings! += [.unsafeFlags(["-O"]), .define("MUTATION")] }
}
