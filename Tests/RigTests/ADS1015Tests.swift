// The converter must answer as its data sheet says (TI SBAS473E, 8.5 and 8.6) and the bus as virtio 1.2, 5.15,
// or the board's analogue inputs are tested against a fiction.
import Testing

@testable import Rig

/// The converter, as something that a check may call.
private final class Chip {
    var chip = ADS1015()
    func write(_ bytes: [UInt8]) -> Bool { chip.write(bytes) }
    func read(count: Int) -> [UInt8] { chip.read(count: count) }
}

private let write: UInt32 = 0, read: UInt32 = 2, failNext: UInt32 = 1

@Suite struct ADS1015Tests {
    /// As the kernel's ti-ads1015 sets it up: continuous, an input against ground, 2.048 V.
    private func converter(input: Int, microvolts: Int64, gain: UInt16 = 2) -> Chip {
        let converter = Chip()
        converter.chip.inputMicrovolts[input] = microvolts
        let configuration = UInt16(4 + input) << 12 | gain << 9 | 0x83
        #expect(converter.write([1, UInt8(configuration >> 8), UInt8(configuration & 0xFF)]))
        #expect(converter.write([0]))
        return converter
    }

    private func code(_ converter: Chip) -> Int {
        let bytes = converter.read(count: 2)
        return Int(Int16(bitPattern: UInt16(bytes[0]) << 8 | UInt16(bytes[1]))) >> 4
    }

    @Test("One count is full scale by 2048, at the upper end of the register, for every input", arguments: 0..<4)
    func conversions(input: Int) {
        for (microvolts, expected) in [(0, 0), (1_000, 1), (320_000, 320), (1_600_000, 1600), (2_000_000, 2000), (2_048_000, 2047), (9_000_000, 2047), (-1_000, -1), (-9_000_000, -2048)] as [(Int64, Int)] {
            let converter = converter(input: input, microvolts: microvolts)
            #expect(code(converter) == expected, "\(microvolts) microvolts")
            #expect(converter.read(count: 2)[1] & 0x0F == 0)
        }
    }

    @Test("Every gain has its range", arguments: zip(0..<8 as Range<UInt16>, [244, 366, 732, 1465, 2047, 2047, 2047, 2047]))
    func gains(gain: UInt16, expected: Int) {
        let converter = converter(input: 0, microvolts: 732_500, gain: gain)
        #expect(code(converter) == expected)
    }

    @Test func differencesOfInputs() {
        let converter = Chip()
        converter.chip.inputMicrovolts = [900_000, 400_000, 300_000, 100_000]
        for (field, expected) in [(0, 500), (1, 800), (2, 300), (3, 200)] as [(UInt8, Int)] {
            #expect(converter.write([1, field << 4 | 0x04, 0x83]) && converter.write([0]))
            #expect(code(converter) == expected)
        }
    }

    @Test("Powered down it keeps what it had, until it is asked for one conversion") func singleShot() {
        let converter = Chip()
        converter.chip.inputMicrovolts = [1_000_000, 0, 0, 0]
        // After power-on it is powered down and has converted nothing; OS says that it is idle.
        #expect(converter.read(count: 2) == [0, 0])
        #expect(converter.write([1]) && converter.read(count: 2) == [0x85, 0x83])
        #expect(converter.write([1, 0xC5, 0x83]) && converter.write([0]))
        #expect(code(converter) == 1000)
        converter.chip.inputMicrovolts[0] = 500_000
        #expect(code(converter) == 1000)
        #expect(converter.write([1, 0xC4, 0x83]) && converter.read(count: 2) == [0x44, 0x83])
        #expect(converter.write([0]) && code(converter) == 500)
    }

    @Test func registersKeepWhatIsWritten() {
        let converter = Chip()
        #expect(converter.write([2, 0x12, 0x34]) && converter.write([3, 0x56, 0x78]))
        #expect(converter.write([2]) && converter.read(count: 4) == [0x12, 0x34, 0x12, 0x34])
        #expect(converter.write([3]) && converter.read(count: 2) == [0x56, 0x78])
        // The conversion register can't be written; half a register isn't taken.
        #expect(converter.write([0, 0xFF, 0xFF]) && converter.read(count: 2) == [0, 0])
        #expect(!converter.write([1, 0]) && !converter.write([1, 0, 0, 0]))
    }
}

@Suite struct I2CBusTests {
    /// The bus with its converter, as something that a check may call.
    private final class Wire {
        var bus = I2CBus(), converter = ADS1015()
        func answer(_ request: [UInt8], answerLength: Int) -> [UInt8] { bus.answer(request, answerLength: answerLength, &converter) }
    }

    private func transfer(_ address: UInt8, _ flags: UInt32, _ bytes: [UInt8] = []) -> [UInt8] {
        [address << 1, 0, 0, 0] + (0..<4).map { UInt8(truncatingIfNeeded: flags >> UInt32(8 * $0)) } + bytes
    }

    @Test func readsAndWritesReachTheConverter() {
        let wire = Wire()
        #expect(wire.answer(transfer(0x48, write, [2, 1, 2]), answerLength: 1) == [0])
        #expect(wire.answer(transfer(0x48, read), answerLength: 3) == [1, 2, 0])
    }

    @Test("A transfer without bytes asks who is there") func presence() {
        let wire = Wire()
        #expect(wire.answer(transfer(0x48, write), answerLength: 1) == [0])
        #expect(wire.answer(transfer(0x49, write), answerLength: 1) == [1])
    }

    @Test("After a transfer that failed, those tied to it fail too, and the next group does not") func groups() {
        let wire = Wire()
        #expect(wire.answer(transfer(0x49, write | failNext, [1]), answerLength: 1) == [1])
        #expect(wire.answer(transfer(0x48, read | failNext), answerLength: 3) == [0, 0, 1])
        #expect(wire.answer(transfer(0x48, read), answerLength: 3) == [0, 0, 1])
        #expect(wire.answer(transfer(0x48, read), answerLength: 3) == [0, 0, 0])
        _ = wire.answer(transfer(0x49, write | failNext, [1]), answerLength: 1)
        wire.bus.forget()
        #expect(wire.answer(transfer(0x48, read), answerLength: 3).last == 0)
    }

    @Test func nonsenseIsRefused() {
        let wire = Wire()
        let before = wire.converter
        for length in 0..<8 { #expect(wire.answer([UInt8](repeating: 0x90, count: length), answerLength: 1) == [1]) }
        // A write that wants an answer, and an address of ten bits.
        #expect(wire.answer(transfer(0x48, write, [2, 9, 9]), answerLength: 3) == [0, 0, 1])
        #expect(wire.answer([0x90, 1, 0, 0, 0, 0, 0, 0, 2, 9, 9], answerLength: 1) == [1])
        #expect(wire.converter == before)
    }
}
