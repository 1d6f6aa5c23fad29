// The faults that can be put into the world around the board, each by a name that people type.
// `plant` faults change the physics and the wires; the others are carried out by the rig.

public enum Fault: Hashable, Sendable {
    /// The sensor shows one value, whatever the plant does.
    case stuck(Line, Bool)
    /// An input reads its bias (0); an output does not reach the plant.
    case cut(Line)
    /// An output's wire lies on ground or on the supply: that reads back, and reaches the plant, whatever the
    /// board drives.
    case shorted(Line, Bool)
    /// The inlet's gate stays where it is, whatever the motor does.
    case jammedValve
    /// The inlet takes twice its time.
    case slowValve
    /// The inlet's gate does not seal: some water comes though it is closed.
    case leakingValve
    /// The solenoid's spring is broken: it stays as it is.
    case jammedOutlet
    /// A transmitter's loop is open: no current flows.
    case cutLoop(Transmitter)
    /// A transmitter is bridged: the supply alone limits the current.
    case shortedLoop(Transmitter)
    /// A transmitter goes on saying what it said when the fault came.
    case frozenLoop(Transmitter)
    /// A transmitter has drifted by so many microamperes.
    case offset(Transmitter, microamperes: Int64)
    /// A transmitter's current is disturbed, by `Transmitter.noiseMicroamperes` at the most.
    case noise(Transmitter)
    /// A GPIO chip stops answering.
    case frozenGPIO(Chip)
    /// The I2C bus of the converter stops answering.
    case frozenBus
    /// No byte passes between the board and the network.
    case networkDown

    public var name: String {
        switch self {
        case .stuck(let line, let value): "stuck:\(line.rawValue)=\(value ? 1 : 0)"
        case .cut(let line): "cut:\(line.rawValue)"
        case .shorted(let line, let value): "shorted:\(line.rawValue)=\(value ? 1 : 0)"
        case .jammedValve: "jammed-valve"
        case .slowValve: "slow-valve"
        case .leakingValve: "leaking-valve"
        case .jammedOutlet: "jammed-outlet"
        case .cutLoop(let transmitter): "cut:\(transmitter.rawValue)"
        case .shortedLoop(let transmitter): "short:\(transmitter.rawValue)"
        case .frozenLoop(let transmitter): "frozen:\(transmitter.rawValue)"
        case .offset(let transmitter, let microamperes): "offset:\(transmitter.rawValue)=\(microamperes)"
        case .noise(let transmitter): "noise:\(transmitter.rawValue)"
        case .frozenGPIO(let chip): "frozen-gpio:\(chip.rawValue)"
        case .frozenBus: "frozen-bus"
        case .networkDown: "network-down"
        }
    }

    /// Every fault there is; of the offsets, which may be any, 1 milliampere each way.
    public static let all: [Fault] =
        Line.inputs.flatMap { [.stuck($0, false), .stuck($0, true)] } + Line.allCases.map { .cut($0) }
        + Line.outputs.flatMap { [.shorted($0, false), .shorted($0, true)] } + [.jammedValve, .slowValve, .leakingValve, .jammedOutlet]
        + Transmitter.allCases.flatMap { transmitter -> [Fault] in
            [.cutLoop(transmitter), .shortedLoop(transmitter), .frozenLoop(transmitter), .offset(transmitter, microamperes: 1000),
             .offset(transmitter, microamperes: -1000), .noise(transmitter)]
        } + Chip.allCases.map { .frozenGPIO($0) } + [.frozenBus, .networkDown]

    /// The fault of that name; nil if there is none.
    public init?(name: String) {
        if let fault = Self.all.first(where: { $0.name == name }) {
            self = fault
            return
        }
        let parts = name.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2, let transmitter = Transmitter.allCases.first(where: { parts[0] == "offset:\($0.rawValue)" }),
            let microamperes = Int64(parts[1]), abs(microamperes) <= Transmitter.maximumMicroamperes
        else { return nil }
        self = .offset(transmitter, microamperes: microamperes)
    }

    /// Whether the plant itself shows it; the rest is the rig's to do.
    public var isPlant: Bool {
        switch self {
        case .frozenGPIO, .frozenBus, .networkDown: false
        default: true
        }
    }
}
