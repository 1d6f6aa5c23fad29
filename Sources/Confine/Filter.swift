// Duty: turns lists of system calls into a seccomp program (classic BPF over struct seccomp_data).
// Pure. Default: trap, which ends the process with the call's number on the log. The architecture is checked first, then the number, then arguments,
// both halves of each.
import Authority
import CKernel

public enum Filter {
    /// Offsets in struct seccomp_data (linux/seccomp.h): nr, arch, instruction pointer, six 64-bit arguments.
    private static let numberOffset: UInt32 = 0
    private static let architectureOffset: UInt32 = 4
    private static func argumentLow(_ index: UInt8) -> UInt32 { 16 + 8 * UInt32(index) }
    private static func argumentHigh(_ index: UInt8) -> UInt32 { argumentLow(index) + 4 }

    private static let refuse: UInt32 = 0x0003_0000 // SECCOMP_RET_TRAP
    private static let kill: UInt32 = 0x8000_0000 // SECCOMP_RET_KILL_PROCESS
    private static let allow: UInt32 = 0x7FFF_0000 // SECCOMP_RET_ALLOW

    private static func load(_ offset: UInt32) -> sock_filter { sock_filter(code: 0x20, jt: 0, jf: 0, k: offset) }
    private static func jumpEqual(_ value: UInt32, _ yes: UInt8, _ no: UInt8) -> sock_filter { sock_filter(code: 0x15, jt: yes, jf: no, k: value) }
    private static func jumpAnyBit(_ mask: UInt32, _ yes: UInt8, _ no: UInt8) -> sock_filter { sock_filter(code: 0x45, jt: yes, jf: no, k: mask) }
    private static func result(_ action: UInt32) -> sock_filter { sock_filter(code: 0x06, jt: 0, jf: 0, k: action) }

    public static func program(_ lists: [[SystemCall]]) -> [sock_filter] {
        var out = [load(architectureOffset), jumpEqual(PK_AUDIT_ARCH, 1, 0), result(kill), load(numberOffset)]
        for list in lists {
            for call in list where call.number >= 0 { out += check(call) }
        }
        out.append(result(refuse))
        return out
    }

    /// If the number is this call's: allow or refuse by its rule. Else fall through with the number loaded.
    private static func check(_ call: SystemCall) -> [sock_filter] {
        var body: [sock_filter]
        switch call.rule {
        case .any:
            body = [result(allow)]
        case .oneOf(let index, let values):
            body = [load(argumentHigh(index)), jumpEqual(0, 1, 0), result(refuse), load(argumentLow(index))]
            for value in values { body += [jumpEqual(value, 0, 1), result(allow)] }
            body.append(result(refuse))
        case .lacks(let index, let mask):
            body = [load(argumentLow(index)), jumpAnyBit(mask, 1, 0), result(allow), result(refuse)]
        }
        return [jumpEqual(UInt32(call.number), 0, UInt8(body.count))] + body
    }
}
