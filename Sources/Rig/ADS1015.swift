// The converter behind the guest's analogue inputs, by its registers: TI ADS1015 (SBAS473E), 12 bits, four
// inputs against ground or each other. And the I2C bus that it sits on, as virtio has it (virtio 1.2, 5.15).
// Pure: transfers in, bytes out. Knows neither the plant nor guest memory.

struct ADS1015: Equatable {
    /// As the ADDR pin at ground gives it.
    static let address: UInt8 = 0x48

    /// The registers, by what the pointer says.
    private enum Register { static let conversion = 0, configuration = 1, low = 2, high = 3 }

    /// Against ground, of AIN0 to AIN3, in microvolts.
    var inputMicrovolts: [Int64] = [0, 0, 0, 0]
    private var pointer = 0
    private var registers: [UInt16] = [0, 0x8583, 0x8000, 0x7FFF]

    /// Full scale for each value of the configuration's PGA field (bits 11 to 9), in microvolts.
    private static let fullScaleMicrovolts: [Int64] = [6_144_000, 4_096_000, 2_048_000, 1_024_000, 512_000, 256_000, 256_000, 256_000]
    /// Positive and negative input for each value of the MUX field (bits 14 to 12); nil is ground.
    private static let inputs: [(Int, Int?)] = [(0, 1), (0, 3), (1, 3), (2, 3), (0, nil), (1, nil), (2, nil), (3, nil)]

    /// Bytes written to it: the pointer, then a register, high byte first. False: it does not acknowledge.
    mutating func write(_ bytes: [UInt8]) -> Bool {
        guard let first = bytes.first else { return true }
        guard bytes.count == 1 || bytes.count == 3 else { return false }
        pointer = Int(first & 3)
        guard bytes.count == 3, pointer != Register.conversion else { return true }
        registers[pointer] = UInt16(bytes[1]) << 8 | UInt16(bytes[2])
        // Asked for one conversion (OS, bit 15, while powered down): it takes no time here.
        if pointer == Register.configuration, isPoweredDown, registers[pointer] & 0x8000 != 0 { convert() }
        return true
    }

    /// The register that the pointer stands on, high byte first, again and again.
    mutating func read(count: Int) -> [UInt8] {
        if pointer == Register.conversion, !isPoweredDown { convert() }
        var value = registers[pointer]
        // OS reads 1 while no conversion runs.
        if pointer == Register.configuration { value = value & 0x7FFF | (isPoweredDown ? 0x8000 : 0) }
        return (0..<count).map { UInt8(truncatingIfNeeded: value >> ($0 % 2 == 0 ? 8 : 0)) }
    }

    /// MODE, bit 8: 1 converts once when asked, 0 all the time.
    private var isPoweredDown: Bool { registers[Register.configuration] & 0x100 != 0 }

    private mutating func convert() {
        let configuration = registers[Register.configuration]
        let (positive, negative) = Self.inputs[Int(configuration >> 12 & 7)]
        let fullScale = Self.fullScaleMicrovolts[Int(configuration >> 9 & 7)]
        let microvolts = inputMicrovolts[positive] - (negative.map { inputMicrovolts[$0] } ?? 0)
        let code = min(max(microvolts * 2048 / fullScale, -2048), 2047)
        // 12 bits, at the upper end of the register.
        registers[Register.conversion] = UInt16(truncatingIfNeeded: code << 4)
    }
}

/// The bus: who is addressed, and what becomes of a transfer after one that failed.
struct I2CBus {
    /// Flags of struct virtio_i2c_out_hdr: the next transfer fails with this one; the device is read.
    private static let failNext: UInt32 = 1 << 0, isRead: UInt32 = 1 << 1
    private static let headerBytes = 8
    private static let done: UInt8 = 0, failed: UInt8 = 1

    /// An earlier transfer of the same group failed.
    private var failing = false

    /// Answers one transfer: what was read, if anything was to be read, then the status.
    mutating func answer(_ request: [UInt8], answerLength: Int, _ converter: inout ADS1015) -> [UInt8] {
        let readCount = max(answerLength - 1, 0)
        guard request.count >= Self.headerBytes else { return refusal(readCount) }
        let address = UInt16(request[0]) | UInt16(request[1]) << 8
        let flags = (0..<4).reduce(UInt32(0)) { $0 | UInt32(request[4 + $1]) << UInt32(8 * $1) }
        var answer: [UInt8] = []
        var holds = !failing && address == UInt16(ADS1015.address) << 1
        if holds {
            if flags & Self.isRead != 0 {
                answer = converter.read(count: readCount)
            } else {
                holds = readCount == 0 && converter.write(Array(request[Self.headerBytes...]))
            }
        }
        failing = !holds && flags & Self.failNext != 0
        return holds ? answer + [Self.done] : refusal(readCount)
    }

    private func refusal(_ readCount: Int) -> [UInt8] { [UInt8](repeating: 0, count: readCount) + [Self.failed] }

    /// The guest took its queue away: what it had begun is over.
    mutating func forget() { failing = false }
}
