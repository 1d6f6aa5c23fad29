// The one way in for a wish: a setpoint is accepted whole or refused with a reason.

extension Control {
    mutating func take(_ command: SetpointCommand) -> Outcome {
        let reason = refusal(of: command)
        if reason == .none {
            let actuator = actuators[command.actuator]
            switch actuator.kind {
            case .motorValve: valves[actuator.position].accept(command.permille)
            case .solenoid: solenoids[actuator.position].accept(command.permille)
            }
        }
        return Outcome(identifier: command.identifier, reason: reason)
    }

    private func refusal(of command: SetpointCommand) -> Reason {
        guard command.actuator >= 0, command.actuator < actuators.count else { return .unknownActuator }
        let actuator = actuators[command.actuator]
        let limit = switch actuator.kind {
        case .motorValve: valves[actuator.position].refusal(of: command.permille)
        case .solenoid: solenoids[actuator.position].refusal(of: command.permille)
        }
        if limit != .none { return limit }
        if !isSupervised { return .supervisionLost }
        if actuator.fault != .none { return .faulted }
        if actuator.isTripped { return .tripped }
        return actuator.kind == .motorValve ? valves[actuator.position].unreadiness : .none
    }
}
