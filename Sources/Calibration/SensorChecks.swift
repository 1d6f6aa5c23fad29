// What a calibration may say of its sensors, and what a condition may ask of them.

extension Calibration {
    func check(_ sensor: Sensor, at i: Int) throws(CalibrationError) {
        let place = CalibrationError.Place.sensor(i)
        try name(sensor.name, place, "name")
        switch sensor.source {
        case .switch(let value): try check(value, place)
        case .flowMeter(let meter):
            try name(meter.line, place, "line")
            try number(meter.microlitresPerPulse, 1...100_000_000, place, "microlitres-per-pulse", "microlitres")
            try number(meter.maximumPulsesPerSecond, 1...10_000, place, "maximum-pulses-per-second", "pulses")
        case .frequency(let input):
            try name(input.line, place, "line")
            try number(input.pulsesPerTurn, 1...10_000, place, "pulses-per-turn", "pulses")
            try number(input.maximumPulsesPerSecond, 1...10_000, place, "maximum-pulses-per-second", "pulses")
        case .analogue(let input): try check(input, place)
        case .voting(let voting): try check(voting, at: i)
        }
        try check(sensor.plausibility, of: sensor, place)
    }

    private func check(_ value: Switch, _ place: CalibrationError.Place) throws(CalibrationError) {
        try name(value.line, place, "line")
        try optionalName(value.antivalentLine, place, "antivalent-line")
        try number(value.debounceMilliseconds, 0...10_000, place, "debounce", "milliseconds")
        try number(value.discrepancyMilliseconds, 0...10_000, place, "discrepancy", "milliseconds")
        let isPair = !value.antivalentLine.utf8.isEmpty
        try contradiction(isPair && value.discrepancyMilliseconds < 2 * tickMilliseconds, place, "discrepancy",
            "is shorter than two ticks: every change-over would be called a cut wire")
        try contradiction(!isPair && value.discrepancyMilliseconds != 0, place, "discrepancy", "belongs to a switch with two lines")
    }

    private func check(_ input: AnalogueInput, _ place: CalibrationError.Place) throws(CalibrationError) {
        try name(input.channel, place, "channel")
        try number(input.countsAt4Milliamperes, -8_388_608...8_388_607, place, "counts-at-4-milliamperes", "counts")
        try number(input.countsAt20Milliamperes, -8_388_608...8_388_607, place, "counts-at-20-milliamperes", "counts")
        let span = input.countsAt20Milliamperes - input.countsAt4Milliamperes
        try contradiction(abs(span) < 160, place, "counts-at-20-milliamperes",
            "lies fewer than 160 counts from those at 4 mA: a step of the converter would be more than 0.1 mA")
        try bounds((2...4).contains(input.coefficients.count), place, "coefficients", "are 2 to 4 numbers: with one alone the sensor would say nothing")
        for coefficient in input.coefficients { try number(coefficient, -1_000_000_000...1_000_000_000, place, "coefficients", "thousandths") }
        var units = 0
        for character in input.unit.utf8 {
            units += 1
            guard character > 32, character != 127 else { throw CalibrationError(.name, place, "unit", "has a space or a control character") }
        }
        try bounds(units <= 16, place, "unit", "is longer than 16 bytes")
        try number(input.faultMilliseconds, 0...60_000, place, "fault-persistence", "milliseconds")
        try checkMonotonic(input, place)
    }

    /// One current, one value: a polynomial that turns back inside the span would make two processes look alike.
    private func checkMonotonic(_ input: AnalogueInput, _ place: CalibrationError.Place) throws(CalibrationError) {
        let rises = input.value(microamperes: 20_000) > input.value(microamperes: 4000)
        var before = input.value(microamperes: 4000)
        for microamperes in stride(from: 4080, through: 20_000, by: 80) {
            let value = input.value(microamperes: microamperes)
            try contradiction(rises ? value < before : value > before, place, "coefficients", "turn back at \(microamperes) microamperes: two currents would mean one value")
            before = value
        }
        try contradiction(before == input.value(microamperes: 4000), place, "coefficients", "give the same value at 4 and at 20 mA: the sensor would say nothing")
    }

    private func check(_ voting: Voting, at i: Int) throws(CalibrationError) {
        let place = CalibrationError.Place.sensor(i)
        try bounds(voting.members.count == voting.scheme.members, place, "members", "must be \(voting.scheme.members) for this scheme")
        for (k, member) in voting.members.enumerated() {
            try index(member, i, place, "members")
            if case .voting = sensors[member].source { throw CalibrationError(.contradiction, place, "members", "'\(sensors[member].name)' is a voting itself") }
            for other in voting.members[..<k] where other == member {
                throw CalibrationError(.contradiction, place, "members", "'\(sensors[member].name)' stands twice: it would outvote the others")
            }
            try contradiction(!measuresAlike(sensors[member].source, sensors[voting.members[0]].source), place, "members",
                "are of different kinds or units: '\(sensors[member].name)' cannot vote with '\(sensors[voting.members[0]].name)'")
        }
        try number(voting.deviation, 0...1_000_000_000, place, "deviation", "")
        try number(voting.deviationMilliseconds, 0...3_600_000, place, "deviation-persistence", "milliseconds")
        try contradiction(!isSwitch(i) && voting.deviation == 0, place, "deviation", "is 0: values that are measured never agree to the last digit")
        try contradiction(isSwitch(i) && voting.deviation != 0, place, "deviation", "must be 0 for switches: they agree or they do not")
        let range = range(of: i)
        try contradiction(!isSwitch(i) && voting.deviation >= range.upperBound - range.lowerBound, place, "deviation", "is more than the members can ever differ")
    }

    private func measuresAlike(_ one: Sensor.Source, _ other: Sensor.Source) -> Bool {
        switch (one, other) {
        case (.switch, .switch), (.flowMeter, .flowMeter), (.frequency, .frequency): true
        case (.analogue(let one), .analogue(let other)): one.unit == other.unit
        default: false
        }
    }

    private func check(_ value: Plausibility, of sensor: Sensor, _ place: CalibrationError.Place) throws(CalibrationError) {
        try number(value.staleMilliseconds, 0...3_600_000, place, "stale", "milliseconds")
        try number(value.stuckMilliseconds, 0...86_400_000, place, "stuck", "milliseconds")
        try number(value.maximumRatePerSecond, 0...1_000_000_000, place, "maximum-rate-per-second", "a second")
        try number(value.badSamples, 1...100, place, "bad-samples", "samples")
        if case .analogue = sensor.source {
            try contradiction(value.staleMilliseconds < 2 * tickMilliseconds, place, "stale", "is shorter than two ticks: an analogue value would never be fresh")
        } else {
            try contradiction(value.staleMilliseconds != 0, place, "stale", "belongs to analogue sensors: the others are read at every tick")
            try contradiction(value.stuckMilliseconds != 0, place, "stuck", "belongs to analogue sensors: a switch may well stay as it is")
        }
        let hasRate = switch sensor.source { case .switch, .voting: false; default: true }
        try contradiction(!hasRate && value.maximumRatePerSecond != 0, place, "maximum-rate-per-second", "belongs to sensors that measure")
        let step = switch sensor.source {
        case .flowMeter(let meter): meter.microlitresPerPulse
        case .frequency(let input): 1000 / input.pulsesPerTurn
        default: 0
        }
        try contradiction(value.maximumRatePerSecond > 0 && value.maximumRatePerSecond < step, place, "maximum-rate-per-second",
            "is less than one pulse more in a second (\(step)): every change would be a bad sample")
    }

    /// Whether a sensor, or what votes in it, is a switch.
    public func isSwitch(_ sensor: Int) -> Bool {
        switch sensors[sensor].source {
        case .switch: true
        case .voting(let voting): isSwitch(voting.members[0])
        default: false
        }
    }

    /// The values that a sensor can have while it is good.
    public func range(of sensor: Int) -> ClosedRange<Int> {
        switch sensors[sensor].source {
        case .switch: return 0...1
        case .flowMeter(let meter): return 0...(meter.microlitresPerPulse * meter.maximumPulsesPerSecond)
        case .frequency(let input): return 0...(input.maximumPulsesPerSecond * 1000 / input.pulsesPerTurn)
        case .analogue(let input):
            // A polynomial of the third degree may have its extremes inside: look at them all.
            var (lowest, highest) = (Int.max, Int.min)
            for microamperes in stride(from: 3600, through: 21_000, by: 20) {
                let value = input.value(microamperes: microamperes)
                lowest = min(lowest, value)
                highest = max(highest, value)
            }
            return lowest...highest
        case .voting(let voting):
            var range = range(of: voting.members[0])
            for member in voting.members {
                let other = self.range(of: member)
                range = min(range.lowerBound, other.lowerBound)...max(range.upperBound, other.upperBound)
            }
            return range
        }
    }

    /// A condition must be able to come, and to clear.
    func check(_ condition: Condition, hysteresis: Int = 0, of sensor: Int, _ place: CalibrationError.Place) throws(CalibrationError) {
        switch condition {
        case .active, .inactive:
            try contradiction(!isSwitch(sensor), place, "when", "asks a sensor that measures for active or inactive: use above or below")
            try contradiction(hysteresis != 0, place, "hysteresis", "belongs to sensors that measure")
        case .above(let value):
            try contradiction(isSwitch(sensor), place, "above", "compares a value, but the sensor is a switch: use active or inactive")
            let range = range(of: sensor)
            try contradiction(value >= range.upperBound, place, "above", "can never happen: the sensor ends at \(range.upperBound)")
            try contradiction(value - hysteresis < range.lowerBound, place, "above", "can never clear: the sensor begins at \(range.lowerBound)")
        case .below(let value):
            try contradiction(isSwitch(sensor), place, "below", "compares a value, but the sensor is a switch: use active or inactive")
            let range = range(of: sensor)
            try contradiction(value <= range.lowerBound, place, "below", "can never happen: the sensor begins at \(range.lowerBound)")
            try contradiction(value + hysteresis > range.upperBound, place, "below", "can never clear: the sensor ends at \(range.upperBound)")
        }
    }
}
