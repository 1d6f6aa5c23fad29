// The analogue inputs of the board: converters, as the kernel's Industrial I/O has them, and their channels.
// A channel is read as the converter's own number; what that means is the calibration's to say.
import Bytes

/// Where a converter sits that no firmware describes.
public struct I2CPlace: Equatable, Sendable {
    /// The bus, as /sys/bus/i2c/devices/i2c-N/name shows it; the number is never used.
    public let adapter: String
    /// Of seven bits.
    public let address: UInt8

    public init(adapter: String, address: UInt8) {
        self.adapter = adapter
        self.address = address
    }

    /// I2C_NAME_SIZE and the kernel's i2c_adapter.name, without their terminators.
    static let deviceMaximum = 19, adapterMaximum = 47
    /// The addresses that the I2C specification does not reserve.
    static let addresses: ClosedRange<UInt8> = 0x08...0x77
}

/// A device of Industrial I/O.
public struct Converter: Equatable, Sendable {
    /// What the board file calls it.
    public let name: String
    /// What the kernel calls it: the `name` of its folder in /sys/bus/iio/devices.
    public let device: String
    /// Nil if the kernel finds it by itself; else it is asked to drive a `device` there.
    public let place: I2CPlace?

    public init(name: String, device: String, place: I2CPlace?) {
        self.name = name
        self.device = device
        self.place = place
    }

    func encode(into writer: inout CBORWriter) {
        writer.array(3)
        writer.text(name)
        writer.text(device)
        if let place {
            writer.array(2)
            writer.text(place.adapter)
            writer.unsigned(UInt64(place.address))
        } else {
            writer.null()
        }
    }

    init(decoding reader: inout CBORReader) throws(CBORError) {
        try reader.array(exactly: 3)
        name = try reader.text(maximum: TextForm.nameMaximum)
        device = try reader.text(maximum: TextForm.nameMaximum)
        if try reader.null() {
            place = nil
        } else {
            try reader.array(exactly: 2)
            place = I2CPlace(adapter: try reader.text(maximum: I2CPlace.adapterMaximum), address: try reader.u8())
        }
    }
}

/// One channel of a converter.
public struct Analogue: Equatable, Sendable {
    /// What calibration, telemetry and the rig call it.
    public let name: String
    /// Its place in the board's converters.
    public let converter: Int
    /// N of the kernel's in_voltageN_raw.
    public let channel: UInt8

    public init(name: String, converter: Int, channel: UInt8) {
        self.name = name
        self.converter = converter
        self.channel = channel
    }

    static let channelMaximum: UInt8 = 31

    func encode(into writer: inout CBORWriter) {
        writer.array(3)
        writer.text(name)
        writer.unsigned(converter)
        writer.unsigned(UInt64(channel))
    }

    init(decoding reader: inout CBORReader) throws(CBORError) {
        try reader.array(exactly: 3)
        name = try reader.text(maximum: TextForm.nameMaximum)
        converter = try reader.count(maximum: BoardDescription.convertersMaximum - 1)
        channel = try reader.u8()
    }
}

// MARK: what cannot be

extension BoardDescription {
    func checkConverters() throws(BoardError) {
        let list: StaticString = "converters"
        try demand(converters.count <= Self.convertersMaximum, list, "", "", "more than 4 converters")
        for (index, converter) in converters.enumerated() {
            let name = converter.name, device = converter.device
            try demand(TextForm.isName(name), list, name, "", "a converter's name is 1 to 31 lower-case letters, digits and hyphens, beginning with a letter")
            try demand(TextForm.isLineName(device), list, name, "device", "1 to 31 printable characters without spaces")
            if let place = converter.place {
                try demand(device.utf8.count <= I2CPlace.deviceMaximum, list, name, "device", "the kernel's drivers of I2C have names of at most 19 characters")
                try demand(!place.adapter.isEmpty && TextForm.isLine(place.adapter, maximum: I2CPlace.adapterMaximum), list, name, "adapter", "1 to 47 printable characters")
                try demand(I2CPlace.addresses.contains(place.address), list, name, "address", "an address of I2C from 0x08 to 0x77")
            }
            for earlier in converters[..<index] {
                try demand(earlier.name != name, list, name, "", "the name is taken by an earlier converter")
                if converter.place != nil {
                    try demand(earlier.place != converter.place, list, name, "address", "an earlier converter sits there")
                } else {
                    try demand(earlier.place != nil || earlier.device != device, list, name, "device", "an earlier converter is called so too: say by adapter and address which is which")
                }
            }
        }
    }

    func checkAnalogues() throws(BoardError) {
        let list: StaticString = "analogues"
        try demand(analogues.count <= Self.analoguesMaximum, list, "", "", "more than 16 analogue inputs")
        for (index, analogue) in analogues.enumerated() {
            let name = analogue.name
            try demand(TextForm.isName(name), list, name, "", "an analogue input's name is 1 to 31 lower-case letters, digits and hyphens, beginning with a letter")
            try demand(converters.indices.contains(analogue.converter), list, name, "converter", "there is no such converter")
            try demand(analogue.channel <= Analogue.channelMaximum, list, name, "channel", "a channel from 0 to 31")
            try demand(line(named: name) == nil, list, name, "", "the name is taken by a line")
            for earlier in analogues[..<index] {
                try demand(earlier.name != name, list, name, "", "the name is taken by an earlier analogue input")
                try demand(earlier.converter != analogue.converter || earlier.channel != analogue.channel, list, name, "channel", "the channel is an earlier input's")
            }
        }
    }

    /// The texts are put together here alone, where something is wrong: on the device every one costs room.
    @inline(never)
    private func demand(_ holds: Bool, _ list: StaticString, _ name: String, _ key: StaticString, _ reason: StaticString) throws(BoardError) {
        guard !holds else { return }
        var field = "\(list)"
        if !name.isEmpty { field += "." + name }
        if key.utf8CodeUnitCount > 0 { field += ".\(key)" }
        throw .refused(field: field, reason: "\(reason)")
    }
}
