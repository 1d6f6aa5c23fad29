// The choice in UEFI's variables (UEFI 2.10, 3.1.3 and 3.3): BootNext for one trial, BootOrder for good.
// A slot's boot entry is found by its description, "Penstock A" or "Penstock B". Entries are read and never
// written; those of others keep their places in BootOrder behind ours.

import Bytes

/// Firmware variables of the global vendor, with the content that efivarfs gives: the attributes as u32,
/// little-endian, then the data.
public protocol FirmwareVariables: ~Copyable {
    /// Nil if there is none of this name.
    mutating func read(_ name: String) throws(SelectorError) -> [UInt8]?
    mutating func write(_ name: String, _ content: [UInt8]) throws(SelectorError)
    mutating func remove(_ name: String) throws(SelectorError)
}

func bootEntryDescription(_ slot: SlotName) -> String { "Penstock " + slot.text }

/// What a Boot#### variable says (EFI_LOAD_OPTION), as far as it matters here.
public struct LoadOption: Equatable, Sendable {
    /// LOAD_OPTION_ACTIVE.
    public let isActive: Bool
    /// UTF-16 code units, without the zero at their end.
    public let description: [UInt16]

    /// Nil if it is none: attributes u32, length of the device paths u16, description, zero, device paths.
    public init?(decoding data: RawSpan) {
        guard data.byteCount >= 8 else { return nil }
        let bytes = data.copied()
        let pathBytes = Int(bytes[4]) | Int(bytes[5]) << 8
        var units: [UInt16] = []
        var at = 6
        while true {
            guard at + 2 <= bytes.count else { return nil }
            let unit = UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8
            at += 2
            if unit == 0 { break }
            units.append(unit)
        }
        guard bytes.count - at >= pathBytes else { return nil }
        isActive = bytes[0] & 1 == 1
        description = units
    }
}

public struct EFISelector<Variables: FirmwareVariables & ~Copyable>: BootSelector, ~Copyable {
    /// Entries that are looked at: these, and whatever BootOrder names.
    static var numbersLooked: UInt16 { 0x100 }
    /// Of BootOrder.
    static var orderMaximum: Int { 256 }
    /// EFI_VARIABLE_NON_VOLATILE, BOOTSERVICE_ACCESS, RUNTIME_ACCESS.
    private static var attributes: [UInt8] { [7, 0, 0, 0] }

    private var variables: Variables

    public init(_ variables: consuming Variables) { self.variables = variables }

    public mutating func booted() throws(SelectorError) -> SlotName? {
        guard let current = try numbers("BootCurrent"), current.count == 1 else { return nil }
        guard let option = try option(current[0]) else { return nil }
        for slot in SlotName.allCases where option.description.elementsEqual(bootEntryDescription(slot).utf16) { return slot }
        return nil
    }

    /// The firmware takes BootNext away before it starts what that names: the start after it is by BootOrder again.
    public mutating func tryNext(_ slot: SlotName) throws(SelectorError) {
        let order = try numbers("BootOrder") ?? []
        try set("BootNext", [try entry(slot, order)])
    }

    public mutating func commit(_ slot: SlotName) throws(SelectorError) {
        let order = try numbers("BootOrder") ?? []
        let first = try entry(slot, order), second = try entry(slot.other, order)
        // A trial that was announced and never started would come between.
        if try numbers("BootNext") != nil {
            try variables.remove("BootNext")
            guard try variables.read("BootNext") == nil else { throw .readBack("BootNext") }
        }
        try set("BootOrder", [first, second] + order.filter { $0 != first && $0 != second })
        // Firmware that tidies up may have taken an entry away.
        let now = try numbers("BootOrder") ?? []
        guard try entry(slot, now) == first, try entry(slot.other, now) == second else { throw .readBack("BootOrder") }
    }

    private mutating func set(_ name: String, _ numbers: [UInt16]) throws(SelectorError) {
        let present = try variables.read(name)
        var content = present.map { [UInt8]($0.prefix(4)) } ?? Self.attributes
        for number in numbers { content += [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)] }
        guard content != present else { return }
        try variables.write(name, content)
        guard try variables.read(name) == content else { throw .readBack(name) }
    }

    /// The 16-bit numbers of a variable; nil if there is none.
    private mutating func numbers(_ name: String) throws(SelectorError) -> [UInt16]? {
        guard let content = try variables.read(name) else { return nil }
        guard content.count >= 6, content.count % 2 == 0, content.count <= 4 + 2 * Self.orderMaximum else { throw .variableMalformed(name) }
        return stride(from: 4, to: content.count, by: 2).map { UInt16(content[$0]) | UInt16(content[$0 + 1]) << 8 }
    }

    private mutating func option(_ number: UInt16) throws(SelectorError) -> LoadOption? {
        guard let content = try variables.read(Self.name(number)), content.count > 4 else { return nil }
        return LoadOption(decoding: content.span.bytes.extracting(4..<content.count))
    }

    /// The number of a slot's entry: there must be one, and it must be active.
    private mutating func entry(_ slot: SlotName, _ order: [UInt16]) throws(SelectorError) -> UInt16 {
        let wanted = Array(bootEntryDescription(slot).utf16)
        var found: (number: UInt16, isActive: Bool)?
        for number in Array(0..<Self.numbersLooked) + order.filter({ $0 >= Self.numbersLooked }) {
            guard let option = try option(number), option.description == wanted else { continue }
            guard found == nil || found!.number == number else { throw .entryAmbiguous(slot) }
            found = (number, option.isActive)
        }
        guard let found else { throw .entryMissing(slot) }
        guard found.isActive else { throw .entryInactive(slot) }
        return found.number
    }

    /// Boot and four upper-case hexadecimal digits.
    static func name(_ number: UInt16) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        let text = [12, 8, 4, 0].map { digits[Int(number >> UInt16($0) & 15)] }
        return "Boot" + String(decoding: text, as: UTF8.self)
    }
}
