// A GPIO line of the board: its name, how it is wired, and the value that is safe.
import Bytes

public enum Bias: UInt8, CaseIterable, Sendable { case none = 0, pullUp, pullDown }
public enum Drive: UInt8, CaseIterable, Sendable { case pushPull = 0, openDrain, openSource }
public enum Edges: UInt8, CaseIterable, Sendable { case none = 0, rising, falling, both }

public enum Direction: Equatable, Sendable {
    /// `safe` is the value of last resort: what the supervisor drives when nobody else can.
    case output(drive: Drive, safe: Bool)
    /// Which edges are reported.
    case input(edges: Edges)
}

/// One line. Values are logical: true means active, whatever the level on the wire.
public struct Line: Equatable, Sendable {
    /// What calibration, telemetry and the rig call it.
    public let name: String
    /// What the kernel calls it (`gpioinfo`); the chip's number is never used.
    public let kernelName: String
    public let direction: Direction
    public let activeLow: Bool
    public let bias: Bias

    public init(name: String, kernelName: String, direction: Direction, activeLow: Bool = false, bias: Bias = .none) {
        self.name = name
        self.kernelName = kernelName
        self.direction = direction
        self.activeLow = activeLow
        self.bias = bias
    }

    public var isOutput: Bool {
        switch direction {
        case .output: true
        case .input: false
        }
    }

    /// The safe value of an output; nil for an input.
    public var safe: Bool? {
        switch direction {
        case .output(_, let safe): safe
        case .input: nil
        }
    }

    func encode(into writer: inout CBORWriter) {
        writer.array(7)
        writer.text(name)
        writer.text(kernelName)
        writer.boolean(activeLow)
        writer.unsigned(UInt64(bias.rawValue))
        switch direction {
        case .output(let drive, let safe):
            writer.unsigned(0)
            writer.unsigned(UInt64(drive.rawValue))
            writer.boolean(safe)
        case .input(let edges):
            writer.unsigned(1)
            writer.unsigned(UInt64(edges.rawValue))
            writer.null()
        }
    }

    init(decoding reader: inout CBORReader) throws(CBORError) {
        try reader.array(exactly: 7)
        name = try reader.text(maximum: TextForm.nameMaximum)
        kernelName = try reader.text(maximum: TextForm.nameMaximum)
        activeLow = try reader.boolean()
        let at = reader.offset
        guard let bias = Bias(rawValue: try reader.u8()) else { throw .outOfRange(at: at) }
        self.bias = bias
        switch try reader.unsigned(maximum: 1) {
        case 0:
            guard let drive = Drive(rawValue: try reader.u8()) else { throw .outOfRange(at: at) }
            direction = .output(drive: drive, safe: try reader.boolean())
        default:
            guard let edges = Edges(rawValue: try reader.u8()) else { throw .outOfRange(at: at) }
            guard try reader.null() else { throw .wrongType(at: reader.offset) }
            direction = .input(edges: edges)
        }
    }
}
