// Duty: the controller's step as the device runs it, to be measured: time, instructions, allocations.
// Trust: none needed. It is built for tools/bench alone and is part of no image.

import Calibration
import StepBench
import System

let help = """
    penstock-step time N     N replays of \(Workload.steps) steps; prints the nanoseconds a step of each, and the allocations of all
    penstock-step count N    N replays without a clock, for whoever counts instructions
    """

func fail(_ text: String) -> Never {
    log("penstock-step: \(text)")
    exitProcess(2)
}

func measure(_ workload: borrowing Workload, replays: Int) {
    for _ in 0..<replays {
        let begin = processorNanoseconds()
        let sum = workload.replay()
        let nanoseconds = processorNanoseconds() - begin
        guard sum == workload.checksum else { fail("a replay came to another end than the run that was recorded") }
        print("nanoseconds \(nanoseconds / UInt64(Workload.steps))")
    }
}

/// Allocations of the steps alone: those of a replay less those of making its controller.
func allocations(_ workload: borrowing Workload) -> Int {
    let begin = (allocationCount() ?? 0)
    _ = workload.replay()
    let replayed = (allocationCount() ?? 0)
    _ = workload.replay(steps: 0)
    let made = (allocationCount() ?? 0)
    return (replayed - begin) - (made - replayed)
}

func run(_ arguments: [String]) {
    guard arguments.count == 3, let replays = Int32(arguments[2]), replays > 0 else { return print(help) }
    do {
        let workload = try Workload()
        switch arguments[1] {
        case "time":
            print("steps \(Workload.steps)")
            measure(workload, replays: Int(replays))
            print("allocations \(allocations(workload))")
        case "count":
            for _ in 0..<replays where workload.replay() != workload.checksum { fail("a replay came to another end") }
        default: print(help)
        }
    } catch { fail("the largest calibration is not legal any more: \(error.sentence)") }
}

run(processArguments())
