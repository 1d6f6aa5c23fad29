// The plant must behave like a plant, or every check that reads it is worth nothing.
import Testing
import Plant

private let second: Int64 = 1_000_000

/// Whether a transmitter says this, but for what a sound one wavers by.
private func says(_ tank: Tank, _ transmitter: Transmitter, _ microamperes: Int64) -> Bool {
    abs(tank.microamperes(transmitter) - microamperes) <= Transmitter.rippleMicroamperes
}

@Suite struct TankTests {
    @Test func inletTravelsInEightSeconds() {
        var tank = Tank()
        tank.step(outputs: [.inletOpen: .high, .inletClose: .low], microseconds: 4 * second)
        #expect(tank.inletPermille == 500)
        #expect(!tank.input(.inletOpenEnd) && !tank.input(.inletClosedEnd))
        tank.step(outputs: [.inletOpen: .high], microseconds: 4 * second)
        #expect(tank.inletPermille == 1000 && tank.input(.inletOpenEnd))
        tank.step(outputs: [.inletClose: .high], microseconds: 9 * second)
        #expect(tank.inletPermille == 0 && tank.input(.inletClosedEnd))
    }

    @Test func fillsToTheHighMarkInAMinuteAtFortyPercent() {
        var tank = Tank(inletPermille: 400, contentMicrolitres: 0)
        var seconds = 0
        while !tank.input(.levelHigh) && seconds < 100 {
            tank.step(outputs: [:], microseconds: second)
            seconds += 1
        }
        #expect((40...60).contains(seconds))
    }

    @Test func floatingOutputsStopTheMotorAndCloseTheSolenoid() {
        var tank = Tank(inletPermille: 400)
        tank.step(outputs: [.outletEnergise: .high], microseconds: second)
        #expect(tank.outletOpen)
        let floating: [Line: Signal] = [.inletOpen: .floating, .inletClose: .floating, .outletEnergise: .floating]
        tank.step(outputs: floating, microseconds: second)
        #expect(tank.inletPermille == 400 && !tank.outletOpen)
    }

    @Test func bothDrivesMoveNothingAndAreCounted() {
        var tank = Tank(inletPermille: 400)
        tank.step(outputs: [.inletOpen: .high, .inletClose: .high], microseconds: second)
        #expect(tank.inletPermille == 400 && tank.bothDrivenMicroseconds == second)
    }

    @Test func outletEmptiesTheTankAndNoMore() {
        var tank = Tank(contentMicrolitres: 4_000_000)
        tank.step(outputs: [.outletEnergise: .high], microseconds: 2 * second)
        #expect(tank.contentMicrolitres == 3_000_000 && tank.input(.levelLow))
        tank.step(outputs: [.outletEnergise: .high], microseconds: 60 * second)
        #expect(tank.contentMicrolitres == 0)
    }

    @Test func overflowIsCounted() {
        var tank = Tank(inletPermille: 1000, contentMicrolitres: Tank.capacityMicrolitres)
        tank.step(outputs: [:], microseconds: second)
        #expect(tank.contentMicrolitres == Tank.capacityMicrolitres)
        #expect(tank.spiltMicrolitres == 1_000_000)
    }

    @Test("Pulses agree with the volume and keep their spacing, at every opening and step length", arguments: [100, 400, 1000] as [Int64], [1_000, 5_000, 7_300] as [Int64])
    func flowPulses(inletPermille: Int64, stepMicroseconds: Int64) {
        var tank = Tank(inletPermille: inletPermille, contentMicrolitres: 0)
        var before = false, edges = 0, sinceEdge: Int64 = 1_000_000, nearest: Int64 = .max
        for _ in 0..<(10 * second / stepMicroseconds) {
            tank.step(outputs: [:], microseconds: stepMicroseconds)
            sinceEdge += stepMicroseconds
            if tank.input(.flowPulse) != before {
                before.toggle()
                edges += 1
                nearest = min(nearest, sinceEdge)
                sinceEdge = 0
            }
        }
        let expected = tank.contentMicrolitres / Tank.pulseMicrolitres
        #expect(abs(tank.pulses - expected) <= 1)
        #expect(abs(Int64(edges) - 2 * tank.pulses) <= 1)
        #expect(nearest >= 4_000)
    }

    @Test func faultsOfSensorsAndWires() {
        var tank = Tank(contentMicrolitres: Tank.capacityMicrolitres)
        #expect(tank.input(.levelHigh))
        tank.faults = [.stuck(.levelHigh, false)]
        #expect(!tank.input(.levelHigh))
        tank.faults = [.stuck(.levelLow, true)]
        #expect(tank.input(.levelLow))
        tank.faults = [.stuck(.levelHigh, true), .cut(.levelHigh)]
        #expect(!tank.input(.levelHigh))
        tank.faults = [.cut(.inletOpen)]
        tank.step(outputs: [.inletOpen: .high], microseconds: second)
        #expect(tank.inletPermille == 0)
        tank.faults = [.jammedValve]
        tank.step(outputs: [.inletOpen: .high], microseconds: second)
        #expect(tank.inletPermille == 0)
        tank.faults = [.slowValve]
        tank.step(outputs: [.inletOpen: .high], microseconds: 4 * second)
        #expect(tank.inletPermille == 250)
        tank.faults = [.jammedOutlet]
        tank.step(outputs: [.outletEnergise: .high], microseconds: second)
        #expect(!tank.outletOpen)
    }

    @Test func aShortBeatsTheBoardAndACutBeatsTheShort() {
        var tank = Tank()
        tank.faults = [.shorted(.inletOpen, true)]
        tank.step(outputs: [.inletOpen: .low], microseconds: second)
        #expect(tank.inletPermille == 125 && tank.short(of: .inletOpen) == true && tank.short(of: .inletClose) == nil)
        tank.faults = [.shorted(.inletOpen, false)]
        tank.step(outputs: [.inletOpen: .high], microseconds: second)
        #expect(tank.inletPermille == 125 && tank.short(of: .inletOpen) == false)
        tank.faults = [.shorted(.inletOpen, true), .cut(.inletOpen)]
        tank.step(outputs: [.inletOpen: .high], microseconds: second)
        #expect(tank.inletPermille == 125)
    }

    @Test func aLeakRunsThroughAClosedInletUnlessTheSupplyIsShut() {
        var tank = Tank()
        tank.faults = [.leakingValve]
        let before = tank.contentMicrolitres
        tank.step(outputs: [:], microseconds: 10 * second)
        #expect(tank.contentMicrolitres - before == 10 * Tank.leakMicrolitresPerSecond)
        tank.supplyShut = true
        tank.step(outputs: [:], microseconds: 10 * second)
        #expect(tank.contentMicrolitres - before == 10 * Tank.leakMicrolitresPerSecond)
    }

    @Test func everyFaultIsFoundByItsName() {
        for fault in Fault.all { #expect(Fault(name: fault.name) == fault) }
        #expect(Fault(name: "jammed") == nil)
        #expect(Set(Fault.all.map(\.name)).count == Fault.all.count)
    }

    @Test("4 mA is empty, closed; 20 mA is full, open") func currentsOfSoundTransmitters() {
        let levels: [Transmitter] = [.levelA, .levelB, .levelC]
        var tank = Tank()
        for (content, expected) in [(0, 4_000), (Tank.capacityMicrolitres / 2, 12_000), (Tank.capacityMicrolitres, 20_000), (1_250_000, 5_000)] as [(Int64, Int64)] {
            tank.fill(toMicrolitres: content)
            for transmitter in levels { #expect(says(tank, transmitter, expected)) }
        }
        #expect(tank.microvolts(.levelA) == tank.microamperes(.levelA) * 80 && says(tank, .inletPosition, 4_000))
        tank.step(outputs: [.inletOpen: .high], microseconds: 2 * second)
        #expect(says(tank, .inletPosition, 8_000))
        tank.step(outputs: [.inletOpen: .high], microseconds: 20 * second)
        #expect(says(tank, .inletPosition, 20_000))
    }

    @Test func faultsOfTransmitters() {
        var tank = Tank(contentMicrolitres: Tank.capacityMicrolitres / 2)
        tank.faults = [.cutLoop(.levelA), .shortedLoop(.levelB), .offset(.levelC, microamperes: -700)]
        #expect(tank.microamperes(.levelA) == 0 && tank.microamperes(.levelB) == 25_000)
        #expect(says(tank, .levelC, 11_300) && says(tank, .inletPosition, 4_000))
        // Within the first range of the converter, so that a short is told from a full tank.
        #expect(tank.microvolts(.levelB) == 2_000_000)
        tank.faults = [.cutLoop(.levelA), .shortedLoop(.levelA), .offset(.levelB, microamperes: -25_000)]
        #expect(tank.microamperes(.levelA) == 0 && tank.microamperes(.levelB) == 0)
        tank.faults = []
        #expect(says(tank, .levelA, 12_000))
    }

    @Test func aFrozenTransmitterSaysWhatItSaidAndNothingElse() {
        var tank = Tank(contentMicrolitres: 5_000_000)
        tank.faults.insert(.offset(.levelB, microamperes: 300))
        let before = tank.microamperes(.levelB)
        tank.faults.insert(.frozenLoop(.levelB))
        tank.fill(toMicrolitres: 10_000_000)
        tank.faults.insert(.jammedValve)
        var sound: Set<Int64> = []
        for _ in 0..<100 {
            tank.step(outputs: [:], microseconds: 5_000)
            #expect(tank.microamperes(.levelB) == before && says(tank, .levelA, 12_000))
            sound.insert(tank.microamperes(.levelA))
        }
        #expect(says(tank, .levelB, 8_300) && sound.count > 10)
        tank.faults.remove(.frozenLoop(.levelB))
        #expect(says(tank, .levelB, 12_300))
        tank.faults.insert(.frozenLoop(.levelB))
        tank.fill(toMicrolitres: 0)
        #expect(says(tank, .levelB, 12_300))
    }

    @Test func noiseStaysInItsBandAndRepeats() {
        var tank = Tank(contentMicrolitres: 10_000_000), again = tank, seen: Set<Int64> = []
        tank.faults = [.noise(.levelA)]
        again.faults = tank.faults
        for _ in 0..<1000 {
            tank.step(outputs: [:], microseconds: 5_000)
            again.step(outputs: [:], microseconds: 5_000)
            let current = tank.microamperes(.levelA)
            #expect(abs(current - 12_000) <= Transmitter.noiseMicroamperes && current == again.microamperes(.levelA))
            seen.insert(current)
        }
        #expect(seen.count > 300 && (seen.max()! - seen.min()!) > Transmitter.noiseMicroamperes)
    }

    @Test func offsetsHaveAnyNumberWithinTheLoop() {
        #expect(Fault(name: "offset:level-b=-735") == .offset(.levelB, microamperes: -735))
        for bad in ["offset:level-b", "offset:level-b=", "offset:level-b=25001", "offset:level-d=1", "offset:level-b=1=2"] { #expect(Fault(name: bad) == nil) }
    }
}

@Suite struct AuxiliaryTests {
    @Test func theHeaterWarmsTheWaterAndTheRoomCoolsIt() {
        var tank = Tank()
        tank.step(outputs: [.heater: .high], microseconds: 20 * second)
        let warm = tank.heating.millikelvin
        #expect((950...1000).contains(warm))
        tank.step(outputs: [.heater: .high], microseconds: 6000 * second)
        // Gain times the time constant: 30 K.
        #expect((29_500...30_000).contains(tank.heating.millikelvin))
        tank.step(outputs: [.heater: .low], microseconds: Heating.lossSeconds * second)
        #expect((10_900...11_200).contains(tank.heating.millikelvin))
        tank.faults = [.cut(.heater)]
        tank.heating.warm(toMillikelvin: 0)
        tank.step(outputs: [.heater: .high], microseconds: second)
        #expect(tank.heating.millikelvin == 0)
    }

    @Test func aPulseLatchesThePumpAndAShortOneDoesNot() {
        var tank = Tank()
        tank.step(outputs: [.pumpSet: .high], microseconds: 15_000)
        tank.step(outputs: [:], microseconds: second)
        #expect(!tank.input(.pumpRunning))
        tank.step(outputs: [.pumpSet: .high], microseconds: 20_000)
        #expect(tank.input(.pumpRunning))
        tank.step(outputs: [.pumpSet: .floating, .pumpReset: .floating], microseconds: 60 * second)
        #expect(tank.input(.pumpRunning), "no power moves a latching relay")
        tank.step(outputs: [.pumpSet: .high, .pumpReset: .high], microseconds: second)
        #expect(tank.input(.pumpRunning) && tank.pump.bothDrivenMicroseconds == second)
        tank.step(outputs: [.pumpReset: .high], microseconds: 20_000)
        #expect(!tank.input(.pumpRunning))
    }

    @Test func selectorButtonsAndDoorShowOnTheirLines() {
        var tank = Tank()
        func on() -> Set<Line> { Set(Line.inputs.filter { $0.chip == .auxiliary && tank.input($0) }) }
        #expect(on() == [.inletAuto, .doorClosed])
        tank.panel.selector = .off
        tank.panel.doorIsOpen = true
        #expect(on() == [.doorOpen])
        tank.panel.selector = .hand
        tank.panel.openPressed = true
        tank.panel.closePressed = true
        #expect(on() == [.inletHand, .inletOpenButton, .inletCloseButton, .doorOpen])
    }

    @Test func eachLineIsOnOneChip() {
        #expect(Chip.allCases.flatMap(\.lines).count == Line.allCases.count)
        #expect(Set(Chip.allCases.flatMap(\.lines)) == Set(Line.allCases))
        #expect(Set(Line.outputs + Line.inputs) == Set(Line.allCases) && Line.outputs.count + Line.inputs.count == Line.allCases.count)
    }
}
