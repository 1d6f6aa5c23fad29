// swift-tools-version: 6.2
// One source tree, two builds. Plain `swift build` and `swift test` are the host's: regular Swift,
// with the tools and the tests. With PENSTOCK_DEVICE set (tools/build does that, with a scratch path
// of its own) it is the device's: Embedded Swift, whole-module, the binary and nothing else.
import PackageDescription

let device = Context.environment["PENSTOCK_DEVICE"] != nil

let common: [SwiftSetting] = [.enableExperimentalFeature("Lifetimes")]
let embedded: [SwiftSetting] = common + [
    .enableExperimentalFeature("Embedded"),
    .unsafeFlags(["-wmo", "-Osize", "-Xfrontend", "-function-sections"]),
]
let settings = device ? embedded : common

func target(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

// In the order of the data's way: a target imports only what stands above it.
let deviceTargets: [Target] = [
    // C: headers and inline shims, no policy. One Swift module stands before each.
    .target(name: "CKernel"),
    .target(name: "COpenSSL", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
    .target(name: "CGPIO", linkerSettings: [.linkedLibrary("gpiod")]),

    // Adapters and formats.
    target("Bytes"),
    target("System", ["CKernel", "Bytes"]),
    target("GPIO", ["CGPIO", "System"]),
    target("Cryptography", ["COpenSSL", "Bytes"]),
    target("TPM", ["Bytes", "Cryptography"]),
    target("Signed", ["Bytes", "Cryptography"]),
    target("Verity", ["Bytes", "Cryptography"]),

    // What the signed objects say, and what is kept.
    target("Board", ["Bytes", "Signed"]),
    target("Release", ["Bytes", "Signed", "Verity"]),
    target("BootState", ["Bytes", "Cryptography"]),
    target("Calibration", ["Bytes", "Signed"]),
    target("Command", ["Bytes", "Signed"]),
    target("Journal", ["Bytes", "Cryptography"]),

    // Pure cores.
    target("Control", ["Calibration"]),
    target("Telemetry", ["Bytes"]),
    target("MQTT", ["Bytes"]),
    target("HTTP", ["Bytes"]),
    target("DHCP", ["Bytes"]),

    // Authority: who may do what; and the two that carry it out.
    target("Authority", ["CKernel", "Bytes", "Telemetry"]),
    target("Confine", ["System", "Authority"]),

    // Roles. They never import each other.
    target("Boot", ["System", "GPIO", "TPM", "Board", "Release", "BootState", "Calibration"]),
    target("Supervisor", ["System", "GPIO", "TPM", "Board", "Release", "BootState", "Calibration", "Authority", "Confine"]),
    target("Controller", ["System", "GPIO", "Control", "Board", "Authority", "Confine"]),
    target("Keeper", ["System", "TPM", "Board", "Command", "Calibration", "Journal", "Release", "Telemetry", "Authority", "Confine"]),
    target("Uplink", ["System", "Cryptography", "MQTT", "HTTP", "DHCP", "Board", "Authority", "Confine"]),
    target("Installer", ["System", "Release", "Board", "Authority", "Confine"]),

    .executableTarget(
        name: "penstock",
        dependencies: ["Boot", "Supervisor", "Controller", "Keeper", "Uplink", "Installer"],
        swiftSettings: settings),
]

let hostTargets: [Target] = [
    .target(name: "Compiler", dependencies: [
        "Board", "Calibration", "Release", "Command",
        .product(name: "TOMLKit", package: "TOMLKit"),
    ]),
    .target(name: "TPMSocket", dependencies: ["TPM"], swiftSettings: common),
    .target(name: "Plant"),
    .target(name: "CRig"),
    .target(name: "Rig", dependencies: ["CRig", "Plant", "Compiler", "TPM", "System", "Telemetry"]),
    .executableTarget(name: "penstock-rig", dependencies: [
        "Rig", .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ]),
    .executableTarget(name: "penstockctl", dependencies: [
        "Compiler", "TPM", "TPMSocket", "System",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ]),

    .target(name: "CTPMOracle", path: "Tests/CTPMOracle", linkerSettings: [.linkedLibrary("tss2-sys"), .linkedLibrary("tss2-mu")]),
    .testTarget(name: "TPMTests", dependencies: ["TPM", "TPMSocket", "CTPMOracle"], swiftSettings: common),
    .testTarget(name: "JournalTests", dependencies: ["Journal", "Cryptography", "Bytes"], swiftSettings: common),
    .testTarget(name: "CryptographyTests", dependencies: ["Cryptography", "Bytes"], swiftSettings: common),
]

let package = Package(
    name: "Penstock",
    dependencies: device ? [] : [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    ],
    targets: deviceTargets + (device ? [] : hostTargets))
