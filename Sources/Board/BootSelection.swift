// How the board's boot loader is told which slot's kernel to start.
import Bytes

/// Both copies of U-Boot's redundant environment.
public struct EnvironmentPlace: Equatable, Sendable {
    /// A block device; flash behind MTD, which must be erased, is none.
    public let device: String
    /// Bytes of a copy, a multiple of 512.
    public let copyBytes: Int
    /// Bytes from the device's start.
    public let firstOffset: Int
    public let secondOffset: Int

    public init(device: String, copyBytes: Int, firstOffset: Int, secondOffset: Int) {
        self.device = device
        self.copyBytes = copyBytes
        self.firstOffset = firstOffset
        self.secondOffset = secondOffset
    }
}

public enum BootSelection: Equatable, Sendable {
    /// One kernel, outside of the slots: the record of the slots alone decides.
    case raw
    /// UEFI: the boot entries "Penstock A" and "Penstock B".
    case efi
    case uboot(EnvironmentPlace)

    func encode(into writer: inout CBORWriter) {
        switch self {
        case .raw: writer.array(1); writer.unsigned(0)
        case .efi: writer.array(1); writer.unsigned(1)
        case .uboot(let place):
            writer.array(5)
            writer.unsigned(2)
            writer.text(place.device)
            writer.unsigned(place.copyBytes)
            writer.unsigned(place.firstOffset)
            writer.unsigned(place.secondOffset)
        }
    }

    init(decoding reader: inout CBORReader) throws(CBORError) {
        let at = reader.offset
        switch (try reader.array(maximum: 5), try reader.u8()) {
        case (1, 0): self = .raw
        case (1, 1): self = .efi
        case (5, 2):
            let device = try reader.text(maximum: 63)
            let copyBytes = try reader.count(maximum: 1 << 20)
            let first = try reader.count(maximum: 1 << 40)
            self = .uboot(EnvironmentPlace(device: device, copyBytes: copyBytes, firstOffset: first, secondOffset: try reader.count(maximum: 1 << 40)))
        default: throw .outOfRange(at: at)
        }
    }
}

extension BoardDescription {
    func checkBootSelection() throws(BoardError) {
        func demand(_ holds: Bool, _ field: String, _ reason: String) throws(BoardError) {
            guard holds else { throw .refused(field: field, reason: reason) }
        }
        guard bootSelection != .raw else { return }
        try demand(size(of: .bootA) > 0, "boot.selector", "a loader that chooses needs a kernel in each slot: give the partitions boot-a and boot-b, or take \"raw\"")
        guard case .uboot(let place) = bootSelection else { return }
        try demand(TextForm.isDevicePath(place.device), "boot.environment.device", "a path under /dev")
        try demand(
            (512...1 << 17).contains(place.copyBytes) && place.copyBytes % 512 == 0, "boot.environment.copy-size",
            "CONFIG_ENV_SIZE of this board's U-Boot: a multiple of 512, at most 128 KiB")
        for (offset, name) in [(place.firstOffset, "first-offset"), (place.secondOffset, "second-offset")] {
            try demand(offset % 512 == 0, "boot.environment.\(name)", "a multiple of 512")
            // The partition table stands before it, the first partition behind it.
            try demand(
                place.device != disk || offset >= 34 * DiskLayout.sectorBytes && offset + place.copyBytes <= DiskLayout.alignmentBytes,
                "boot.environment.\(name)", "on the board's disk the environment lies behind the partition table (17 KiB) and before the first partition (1 MiB)")
        }
        try demand(
            abs(place.firstOffset - place.secondOffset) >= place.copyBytes, "boot.environment.second-offset", "both copies must not overlap")
    }
}
