// The filter's program held against the table, call by call: an interpreter of classic BPF says what
// the kernel would do (seccomp(2): 32-bit loads, equality, bits, returns).
import Authority
import CKernel
import Confine
import Testing

private enum Verdict: UInt32 {
    case allow = 0x7FFF_0000, trap = 0x0003_0000, kill = 0x8000_0000
}

/// Nil for a program that the kernel would not take: it leaves its end, or has an unknown instruction.
private func judge(_ program: [sock_filter], number: UInt32, architecture: UInt32 = PK_AUDIT_ARCH, arguments: [UInt64] = [0, 0, 0, 0, 0, 0]) -> Verdict? {
    var accumulator: UInt32 = 0, at = 0
    while at < program.count {
        let instruction = program[at]
        at += 1
        switch instruction.code {
        case 0x20: // load a word of struct seccomp_data
            switch instruction.k {
            case 0: accumulator = number
            case 4: accumulator = architecture
            case 16..<64 where instruction.k % 4 == 0:
                let argument = arguments[Int(instruction.k - 16) / 8]
                accumulator = UInt32(truncatingIfNeeded: instruction.k % 8 == 0 ? argument : argument >> 32)
            default: return nil
            }
        case 0x15: at += Int(accumulator == instruction.k ? instruction.jt : instruction.jf)
        case 0x45: at += Int(accumulator & instruction.k != 0 ? instruction.jt : instruction.jf)
        case 0x06: return Verdict(rawValue: instruction.k)
        default: return nil
        }
    }
    return nil
}

/// What the table says, read straight from it.
private func isListed(_ calls: [SystemCall], _ number: UInt32, _ arguments: [UInt64]) -> Bool {
    calls.contains { call in
        guard call.number >= 0, UInt32(call.number) == number else { return false }
        return switch call.rule {
        case .any: true
        case .oneOf(let index, let values): values.contains { UInt64($0) == arguments[Int(index)] }
        case .lacks(let index, let mask): arguments[Int(index)] & UInt64(mask) == 0
        }
    }
}

/// Around every value that a rule of the table names, with nothing and with something in the upper half.
private let telling: [UInt64] = {
    var values: Set<UInt32> = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, .max]
    for call in Authority.table.flatMap({ $0.systemCalls.joined() }) {
        switch call.rule {
        case .any: break
        case .oneOf(_, let listed): for value in listed { values.formUnion([value, value &+ 1, value &- 1, ~value]) }
        case .lacks(_, let mask): values.formUnion([mask, ~mask, mask | 1])
        }
    }
    return values.flatMap { value in [0, 1, 4, 0x8000_0000, 0xFFFF_FFFF].map { UInt64(value) | $0 << 32 } }
}()

@Suite struct FilterTests {
    @Test("P-E2 for every call and every telling argument the filter allows what the table lists, and nothing else", arguments: RoleName.allCases)
    func exhaustive(_ role: RoleName) {
        let lists = Authority.of(role).systemCalls, calls = lists.flatMap { $0 }, program = Filter.program(lists)
        let ruled = Set(calls.compactMap { call -> UInt32? in if case .any = call.rule { nil } else { UInt32(call.number) } })
        var allowed = 0, wrong = 0
        for number in 0...500 as ClosedRange<UInt32> {
            // An argument matters only where a rule looks; elsewhere one of each value is enough.
            for value in ruled.contains(number) ? telling : [0, 4, .max] {
                for index in 0..<6 {
                    var arguments = [UInt64](repeating: 0, count: 6)
                    arguments[index] = value
                    let expected = isListed(calls, number, arguments)
                    if expected { allowed += 1 }
                    if judge(program, number: number, arguments: arguments) != (expected ? .allow : .trap) { wrong += 1 }
                }
            }
        }
        #expect(wrong == 0)
        #expect(allowed > 100)
    }

    @Test("P-E2 numbers beyond the table's are refused: x32, negative, and what is not a call yet", arguments: RoleName.allCases)
    func beyond(_ role: RoleName) {
        let program = Filter.program(Authority.of(role).systemCalls)
        for high in [0x4000_0000, 0x8000_0000, 0x0001_0000, 0xFFFF_0000] as [UInt32] {
            #expect((0...500 as ClosedRange<UInt32>).filter { judge(program, number: high | $0) != .trap } == [])
        }
        #expect((501...2000 as ClosedRange<UInt32>).filter { judge(program, number: $0) != .trap } == [])
    }

    @Test("P-E2 every call of another architecture kills the process", arguments: RoleName.allCases)
    func architecture(_ role: RoleName) {
        let program = Filter.program(Authority.of(role).systemCalls)
        // i386, ARM, the other of ours, and none.
        let others: [UInt32] = [0x4000_0003, 0x4000_0028, 0xC000_003E, 0xC000_00B7, 0, .max].filter { $0 != PK_AUDIT_ARCH }
        for architecture in others {
            let alive = (0...500 as ClosedRange<UInt32>).filter { judge(program, number: $0, architecture: architecture) != .kill }
            #expect(alive == [], "architecture \(architecture)")
        }
    }

    @Test("the kernel takes the program: short enough, and every jump lands in it")
    func wellFormed() {
        for role in Authority.table {
            let program = Filter.program(role.systemCalls)
            #expect(program.count <= 4096)
            for (at, instruction) in program.enumerated() where instruction.code != 0x06 && instruction.code != 0x20 {
                #expect(at + 1 + Int(max(instruction.jt, instruction.jf)) < program.count)
            }
        }
        #expect(judge(Filter.program([]), number: 0) == .trap)
    }
}
