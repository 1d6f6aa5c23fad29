// The faults that can be put into the world around the board, each by a name that people type.
// `plant` faults change the physics and the wires; the others are carried out by the rig.

public enum Fault: Hashable, Sendable {
    /// The sensor shows one value, whatever the plant does.
    case stuck(Line, Bool)
    /// An input reads its bias (0); an output does not reach the plant.
    case cut(Line)
    /// The inlet's gate stays where it is, whatever the motor does.
    case jammedValve
    /// The inlet takes twice its time.
    case slowValve
    /// The solenoid's spring is broken: it stays as it is.
    case jammedOutlet
    /// A GPIO chip stops answering.
    case frozenGPIO(Chip)
    /// No byte passes between the board and the network.
    case networkDown

    public var name: String {
        switch self {
        case .stuck(let line, let value): "stuck:\(line.rawValue)=\(value ? 1 : 0)"
        case .cut(let line): "cut:\(line.rawValue)"
        case .jammedValve: "jammed-valve"
        case .slowValve: "slow-valve"
        case .jammedOutlet: "jammed-outlet"
        case .frozenGPIO(let chip): "frozen-gpio:\(chip.rawValue)"
        case .networkDown: "network-down"
        }
    }

    /// Every fault there is.
    public static let all: [Fault] =
        Line.inputs.flatMap { [.stuck($0, false), .stuck($0, true)] } + Line.allCases.map { .cut($0) }
        + [.jammedValve, .slowValve, .jammedOutlet, .networkDown] + Chip.allCases.map { .frozenGPIO($0) }

    /// The fault of that name; nil if there is none.
    public init?(name: String) {
        guard let fault = Self.all.first(where: { $0.name == name }) else { return nil }
        self = fault
    }

    /// Whether the plant itself shows it; the rest is the rig's to do.
    public var isPlant: Bool {
        switch self {
        case .frozenGPIO, .networkDown: false
        default: true
        }
    }
}
