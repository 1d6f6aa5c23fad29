// The choice in U-Boot's environment. Its boot command starts the kernel of `penstock_slot` with
// `penstock.slot=a` or `b` on the command line:
//
//     penstock_slot=a | b          upgrade_available=1: every start counts bootcount up and saves it;
//     bootcount, bootlimit         above the limit altbootcmd runs in place of bootcmd
//     altbootcmd=setenv penstock_slot a; run bootcmd
//
// All of them change in one write of the copy that is not in force. (U-Boot, doc/README.bootcount)

import Bytes

public struct UBootSelector<Environment: Store & ~Copyable>: BootSelector, ~Copyable {
    private var store: Environment
    private let copyBytes: Int
    private let offsets: [Int]
    private let commandLine: [UInt8]

    /// - store: the device that holds both copies.
    /// - copyBytes: of each, a multiple of 512; - offsets: of both, in bytes.
    /// - commandLine: the running kernel's.
    public init(_ store: consuming Environment, copyBytes: Int, offsets: [Int], commandLine: [UInt8]) {
        self.store = store
        self.copyBytes = copyBytes
        self.offsets = offsets
        self.commandLine = commandLine
    }

    public mutating func booted() throws(SelectorError) -> SlotName? { slot(inCommandLine: commandLine) }

    public mutating func tryNext(_ slot: SlotName) throws(SelectorError) {
        try write([
            ("penstock_slot", slot.letter), ("upgrade_available", "1"), ("bootcount", "0"),
            ("bootlimit", "\(SlotState.attemptsMaximum)"), ("altbootcmd", "setenv penstock_slot \(slot.other.letter); run bootcmd"),
        ])
    }

    public mutating func commit(_ slot: SlotName) throws(SelectorError) {
        try write([("penstock_slot", slot.letter), ("upgrade_available", "0"), ("bootcount", "0")])
    }

    /// The environment in force, and which copy it is.
    private mutating func current() throws(SelectorError) -> (environment: UBootEnvironment, copy: Int) {
        let firstBytes = try read(0)
        let secondBytes = try read(1)
        guard let first = UBootEnvironment(decoding: firstBytes.span.bytes) else {
            // With neither, U-Boot runs by what it was built with, which is not known here: nothing to change in it.
            guard let second = UBootEnvironment(decoding: secondBytes.span.bytes) else { throw .environmentDamaged }
            return (second, 1)
        }
        guard let second = UBootEnvironment(decoding: secondBytes.span.bytes) else { return (first, 0) }
        return UBootEnvironment.isSecondNewer(first.flags, second.flags) ? (second, 1) : (first, 0)
    }

    private mutating func read(_ copy: Int) throws(SelectorError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: copyBytes)
        do throws(StoreError) { try store.read(at: offsets[copy], into: &bytes) } catch { throw .store(error) }
        return bytes
    }

    private mutating func write(_ changes: [(name: String, value: String)]) throws(SelectorError) {
        let (present, copy) = try current()
        guard changes.contains(where: { present[$0.name] != $0.value }) else { return }
        guard let bytes = present.successor(changes).encoded(size: copyBytes) else { throw .environmentFull }
        do throws(StoreError) {
            try store.write(bytes.span.bytes, at: offsets[1 - copy])
            try store.sync()
        } catch { throw .store(error) }
        guard try read(1 - copy) == bytes else { throw .readBack("U-Boot's environment") }
    }
}

extension SlotName {
    /// As loaders have it.
    public var letter: String { self == .a ? "a" : "b" }
}

/// The slot that the loader says it has started; the last word of its kind counts.
public func slot(inCommandLine line: [UInt8]) -> SlotName? {
    var found: SlotName?
    for word in line.split(whereSeparator: { $0 == 0x20 || $0 == 0x0A }) {
        for slot in SlotName.allCases where word.elementsEqual("penstock.slot=\(slot.letter)".utf8) { found = slot }
    }
    return found
}
