// What the first stage hands to the supervisor over the exec: open lines, so that no output floats for
// an instant, and the objects that it verified, which the supervisor's roles verify again.
import Bytes
import System

public struct Handover {
    /// Descriptors in the board file's order.
    public let lines: [Int32]
    /// The same; negative for one that was not there.
    public let analogues: [Int32]
    /// Negative if the board has none.
    public let watchdog: Int32
    /// SlotName's raw value.
    public let slot: UInt8
    public let keySet: [UInt8]
    public let board: [UInt8]
    public let commissioning: [UInt8]
    public let manifest: [UInt8]
    public let calibration: [UInt8]
    public let report: [UInt8]

    private static let byteMaximum = 131072

    /// Puts it into an anonymous file and lets everything in it live over an exec; the file's number.
    func keep() throws(SystemError) -> Int32 {
        var writer = CBORWriter(capacity: 8192)
        writer.array(10)
        writer.array(lines.count)
        for line in lines { writer.unsigned(UInt64(line)) }
        writer.array(analogues.count)
        for analogue in analogues { writer.integer(Int64(analogue)) }
        writer.integer(Int64(watchdog))
        writer.unsigned(UInt64(slot))
        for bytes in [keySet, board, commissioning, manifest, calibration, report] { writer.bytes(bytes) }
        let file = try memoryFile("handover", writer.bytes)
        for number in lines + analogues + [watchdog, file.raw] where number >= 0 { try keepOverExec(number, true) }
        return file.release()
    }

    init(
        lines: [Int32], analogues: [Int32], watchdog: Int32, slot: UInt8, keySet: [UInt8], board: [UInt8],
        commissioning: [UInt8], manifest: [UInt8], calibration: [UInt8], report: [UInt8]
    ) {
        self.lines = lines
        self.analogues = analogues
        self.watchdog = watchdog
        self.slot = slot
        self.keySet = keySet
        self.board = board
        self.commissioning = commissioning
        self.manifest = manifest
        self.calibration = calibration
        self.report = report
    }

    /// Takes it over in the second stage; what was kept over the exec is closed over the next one.
    public init?(from number: Int32) {
        let file = Descriptor(owning: number)
        do throws(SystemError) {
            let size = try file.size()
            guard size <= UInt64(Self.byteMaximum) else { return nil }
            let content = try file.read(count: Int(size), at: 0)
            guard let read = Self.decode(content) else { return nil }
            self = read
            for number in lines + analogues + [watchdog] where number >= 0 { try keepOverExec(number, false) }
        } catch { return nil }
    }

    private static func decode(_ content: [UInt8]) -> Handover? {
        do throws(CBORError) {
            var reader = CBORReader(content.span.bytes)
            try reader.array(exactly: 10)
            var lines: [Int32] = []
            for _ in 0..<(try reader.array(maximum: 64)) { lines.append(Int32(try reader.unsigned(maximum: 1024))) }
            var analogues: [Int32] = []
            for _ in 0..<(try reader.array(maximum: 16)) {
                let at = reader.offset, number = try reader.integer()
                guard number >= -1, number <= 1024 else { throw .outOfRange(at: at) }
                analogues.append(Int32(number))
            }
            let watchdog = Int32(truncatingIfNeeded: try reader.integer())
            let slot = try reader.u8()
            let keySet = try reader.bytes(maximum: 16384)
            let board = try reader.bytes(maximum: 16384)
            let commissioning = try reader.bytes(maximum: 65536)
            let manifest = try reader.bytes(maximum: 65536)
            let calibration = try reader.bytes(maximum: 16384)
            let report = try reader.bytes(maximum: 16384)
            try reader.end()
            return Handover(
                lines: lines, analogues: analogues, watchdog: watchdog, slot: slot, keySet: keySet, board: board,
                commissioning: commissioning, manifest: manifest, calibration: calibration, report: report)
        } catch { return nil }
    }
}
