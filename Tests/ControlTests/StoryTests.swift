// What an operator would see, step by step, and each fault of a valve by its name.

import Calibration
import Control
import ControlSimulation
import Testing

@Suite struct StoryTests {
    @Test("Homing at start gives a reference, whatever the valve's place", arguments: [0.0, 0.004, 0.37, 1.0])
    func homing(_ position: Double) throws {
        let machine = Machine(try tank(), position: position)
        #expect(machine.command(400) == .notReferenced)
        #expect(machine.outputs == [false, true, false])
        machine.run(12_000)
        #expect(machine.isHealthy)
        #expect(machine.position == 0)
        #expect(machine.outputs == [false, false, false])
    }

    @Test("A setpoint of 40 % is reached, as the machine truly stands")
    func setpoint() throws {
        let machine = Machine(try tank())
        machine.run(12_000)
        #expect(machine.command(400) == .none)
        machine.run(4000)
        #expect(abs(machine.position - 0.4) < 0.01)
        #expect(machine.status(actuator: 0).permille == 400)
        #expect(machine.outputs == [false, false, false])
        #expect(machine.value(sensor: 2) > 1_500_000 && machine.value(sensor: 2) < 1_700_000)
    }

    @Test("P-E1 80 % where the envelope ends at 50 % is refused, and so is all else outside it", arguments: [501, 800, 1000, 1001, -1, 49, 1, .max, .min])
    func overLimit(_ permille: Int) throws {
        let machine = Machine(try tank())
        machine.run(12_000)
        #expect(machine.command(permille) == .limitPosition)
        machine.run(2000)
        #expect(machine.position == 0)
    }

    @Test("Refusals carry their reason")
    func reasons() throws {
        let machine = Machine(try tank())
        machine.run(12_000)
        #expect(machine.command(0, actuator: 2) == .unknownActuator)
        #expect(machine.command(0, actuator: -1) == .unknownActuator)
        #expect(machine.command(500, actuator: 1) == .notAPosition)
        #expect(machine.command(1000, actuator: 1) == .none)
        machine.run(2500, heartbeat: false)
        _ = machine.inputs.add(Request(identifier: 1, order: .setpoint(actuator: 0, permille: 400), issuers: 1))
        machine.step(50, heartbeat: false)
        #expect(machine.outcomes == [Outcome(identifier: 1, reason: .supervisionLost)])
    }

    @Test("The top of the envelope: the shown position ends where even the fastest valve is inside")
    func top() throws {
        let machine = Machine(try tank(), build: Build(strokeMilliseconds: 7600, coastMilliseconds: 20, closedSwitchAt: 0, openSwitchAt: 1))
        machine.run(12_000)
        #expect(machine.command(500) == .none)
        machine.run(20_000)
        #expect(machine.position > 0.48 && machine.position <= 0.5)
        #expect(machine.isHealthy)
    }

    @Test("Driving back and forth re-references instead of drifting")
    func drift() throws {
        let machine = Machine(try tank(maximumOpen: 0))
        machine.inflow = 0
        machine.run(12_000)
        var references = 0
        for i in 0..<20 {
            #expect(machine.command(i % 2 == 0 ? 400 : 200) == .none)
            for _ in 0..<400 {
                machine.step(50)
                if machine.saw(.reReferencing) { references += 1 }
            }
            #expect(abs(machine.position - (i % 2 == 0 ? 0.4 : 0.2)) < 0.02)
        }
        #expect(references > 0 && references <= 20)
    }

    @Test("The maximum open time ends with the valve closed and an event, and a new command may follow")
    func maximumOpen() throws {
        let machine = Machine(try tank(maximumOpen: 30_000))
        machine.inflow = 0
        machine.run(12_000)
        #expect(machine.command(400) == .none)
        var seen = false
        for _ in 0..<29_900 / 50 { machine.step(50); seen = seen || machine.saw(.maximumAway) }
        #expect(!seen && machine.position > 0.39)
        for _ in 0..<8 { machine.step(50); seen = seen || machine.saw(.maximumAway) }
        #expect(seen)
        #expect(machine.command(400) == .maximumAway)
        machine.run(6000)
        #expect(machine.position == 0)
        #expect(machine.command(400) == .none)
    }

    @Test("P-E1 a high level trips: latched, first-out named, commands refused, reset by the local button only")
    func trip() throws {
        let machine = Machine(try tank())
        machine.run(12_000)
        #expect(machine.command(400) == .none)
        var steps = 0
        while !machine.isTripped, steps < 2000 { machine.step(50); steps += 1 }
        #expect(machine.saw(.tripped, .condition))
        #expect(machine.outputs[0] == false)
        #expect(machine.status(actuator: 0).firstOut == 0)
        #expect(steps > 700 && steps < 1100)
        machine.run(8000)
        #expect(machine.position == 0)
        machine.press(700)
        #expect(machine.isTripped, "the level is still high")
        #expect(machine.command(400) == .tripped)
        machine.level = 50
        machine.run(2000)
        #expect(machine.isTripped, "it is latched")
        machine.press(300)
        #expect(machine.isTripped, "the button was not held long enough")
        machine.press(700)
        #expect(!machine.isTripped)
        machine.run(5000)
        #expect(machine.position == 0, "a reset does not restart")
        #expect(machine.command(400) == .none)
    }

    @Test("V-S1 a reset button that is stuck does not reset")
    func stuckButton() throws {
        let machine = Machine(try tank())
        machine.run(12_000)
        machine.faults.reset = .high
        machine.run(1000)
        machine.faults.levelHigh = .high
        machine.run(500)
        machine.faults.levelHigh = nil
        machine.run(10_000)
        #expect(machine.isTripped)
    }

    @Test("Lost supervision closes everything, and its return restarts nothing")
    func supervision() throws {
        let machine = Machine(try tank())
        machine.run(12_000)
        #expect(machine.command(400) == .none)
        #expect(machine.command(1000, actuator: 1) == .none)
        machine.run(4000)
        #expect(machine.outputs[2])
        machine.run(2100, heartbeat: false)
        #expect(!machine.isSupervised && !machine.outputs[2])
        machine.run(6000, heartbeat: false)
        #expect(machine.position == 0)
        machine.run(6000)
        #expect(machine.isSupervised && machine.position == 0 && !machine.outputs[2])
    }

    @Test("A solenoid keeps its times, and safe overrides the minimum on time")
    func solenoid() throws {
        let machine = Machine(try tank(maximumOn: 3000))
        machine.run(12_000)
        #expect(machine.command(1000, actuator: 1) == .none)
        #expect(machine.outputs[2])
        #expect(machine.command(0, actuator: 1) == .none)
        #expect(machine.outputs[2], "shorter than its minimum on time")
        machine.run(500)
        #expect(!machine.outputs[2])
        #expect(machine.command(1000, actuator: 1) == .none)
        machine.run(1000)
        #expect(machine.outputs[2])
        machine.run(3000)
        #expect(!machine.outputs[2], "longer than its maximum on time")
    }
}

@Suite struct FaultTests {
    private func opened() throws -> Machine {
        let machine = Machine(try tank())
        machine.inflow = 0
        machine.run(12_000)
        #expect(machine.command(400) == .none)
        machine.run(4000)
        return machine
    }

    private func expect(_ fault: Reason, _ machine: Machine, within milliseconds: Int) {
        var seen = false
        for _ in 0..<milliseconds / 50 where !seen {
            machine.step(50)
            seen = machine.saw(.fault, fault)
        }
        #expect(seen, "\(fault)")
        #expect(!machine.outputs[0])
        #expect(machine.command(400) == .faulted)
    }

    @Test("P-T3 both end switches on is a fault")
    func both() throws {
        let machine = try opened()
        machine.faults.openEnd = .high
        machine.faults.closedEnd = .high
        expect(.endSwitchesContradict, machine, within: 500)
    }

    @Test("P-T3 a closed end switch that is on where the valve cannot be is a fault")
    func closedTooEarly() throws {
        let machine = try opened()
        machine.faults.closedEnd = .high
        expect(.travelDeviation, machine, within: 500)
        machine.run(8000)
        #expect(machine.position == 0, "closing is driven by time, not by the lying switch")
    }

    @Test("P-T3 a valve jammed closed is noticed when it does not leave its end")
    func jammedClosed() throws {
        let machine = Machine(try tank())
        machine.run(12_000)
        machine.faults.isJammed = true
        #expect(machine.command(400) == .none)
        expect(.travelDeviation, machine, within: 2000)
    }

    @Test("P-T3 a valve jammed open, or its close wire cut, is noticed when it does not arrive; reset homes it again", arguments: [true, false])
    func jammedOpen(_ jammed: Bool) throws {
        let machine = try opened()
        machine.faults.isJammed = jammed
        machine.faults.closeIsCut = !jammed
        #expect(machine.command(0) == .none)
        expect(.travelLate, machine, within: 6000)
        #expect(machine.outputs[1], "it goes on trying to close")
        machine.faults = Faults()
        machine.press(700)
        #expect(machine.status(actuator: 0).fault == .none)
        machine.run(12_000)
        #expect(machine.isHealthy && machine.position == 0)
    }

    @Test("P-E1 the open end switch inside a half-way envelope is a fault")
    func beyond() throws {
        let machine = try opened()
        machine.faults.openEnd = .high
        machine.faults.closedEnd = .low
        expect(.beyondEnvelope, machine, within: 500)
    }

    @Test("P-E1 an output that does not read back as driven is a fault", arguments: [LineReading.high, .low, .unreadable])
    func readBack(_ reading: LineReading) throws {
        let machine = Machine(try tank())
        machine.run(12_000)
        #expect(machine.command(400) == .none)
        machine.faults.readBacks = reading
        expect(.readBack, machine, within: 400)
    }

    @Test("A closed valve moved by hand is driven closed and referenced again")
    func byHand() throws {
        let machine = Machine(try tank())
        machine.run(12_000)
        machine.position = 0.6
        machine.run(500)
        #expect(machine.outputs[1])
        machine.run(11_000)
        #expect(machine.position == 0 && machine.isHealthy)
    }

    @Test("P-T3 a level switch that cannot be read holds the valve closed at once, and trips when it stays so")
    func stale() throws {
        let machine = try opened()
        machine.faults.levelHigh = .unreadable
        machine.step(50)
        #expect(!machine.outputs[0] && machine.isTripped)
        machine.run(1000)
        machine.faults.levelHigh = nil
        machine.run(500)
        #expect(!machine.isTripped, "a short gap does not latch")
        machine.faults.levelHigh = .unreadable
        machine.run(2500)
        machine.faults.levelHigh = nil
        machine.run(500)
        #expect(machine.isTripped)
        #expect(machine.status(actuator: 0).firstOut == 0)
    }

    @Test("P-T3 a chattering switch and a meter with too many pulses are at fault")
    func quality() throws {
        let machine = try opened()
        for i in 0..<30 {
            machine.faults.levelLow = i % 2 == 0 ? .high : .low
            machine.step(50)
        }
        #expect(machine.quality(sensor: 1) == .fault)
        machine.faults.levelLow = nil
        machine.run(2500)
        #expect(machine.quality(sensor: 1) == .good)
        machine.faults.extraPulses = 100
        machine.run(1000)
        #expect(machine.quality(sensor: 2) == .fault)
    }
}
